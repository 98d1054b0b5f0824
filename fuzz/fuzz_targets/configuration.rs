//! Any text as `authorizer.toml`, next to the shipped policies and keys.
//!
//! Asserted: each error has a text and a place that exists in the text; the errors and the hash are the same again; and
//! a configuration that is accepted is within its limits and denies an event without a token.

#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;
mod checks;

use std::sync::LazyLock;

use checks::decide;
use iot_jwt_authorizer::config::{Config, ConfigError, ErrorPlace};
use libfuzzer_sys::fuzz_target;
use support::deployment::Deployment;

static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(|| {
    let deployment = Deployment::named("example");
    deployment.write("keys/users.pem", support::signer::Signer::named("es256").pem());
    deployment
});

fuzz_target!(|text: &str| {
    DEPLOYMENT.write("authorizer.toml", text);
    match (DEPLOYMENT.load(), DEPLOYMENT.load()) {
        (Err(errors), Err(again)) => {
            assert!(!errors.0.is_empty());
            assert_eq!(errors, again);
            errors.0.iter().for_each(|error| check_error(error, text));
        }
        (Ok(config), Ok(again)) => {
            assert_eq!(config.hash, again.hash);
            config.warnings.iter().for_each(|error| check_error(error, text));
            check_config(&config);
        }
        _ => panic!("accepted once, rejected once"),
    }
});

fn check_error(error: &ConfigError, text: &str) {
    assert!(!error.what.is_empty() && !error.to_string().is_empty());
    assert!(error.what.len() < 2000 + text.len(), "an error without a limit");
    if let ErrorPlace::Line { line, span } = &error.place
        && error.file == "authorizer.toml"
    {
        assert!((1..=text.lines().count().max(1) + 1).contains(line), "no line {line}");
        if let Some(span) = span {
            assert!(text.get(span.clone()).is_some(), "no bytes {span:?}");
            let breaks = text[..span.start].matches('\n').count();
            assert_eq!(*line, breaks + 1, "the line is not that of the bytes {span:?}");
        }
    }
}

fn check_config(config: &Config) {
    let authorizer = &config.authorizer;
    assert!((256..=65_536).contains(&authorizer.token.max_bytes) && !authorizer.token.places.is_empty());
    let session = authorizer.session;
    for seconds in [session.refresh_after_seconds, session.disconnect_after_seconds] {
        assert!((300..=86_400).contains(&seconds));
    }
    assert!(!authorizer.issuers.is_empty() && !authorizer.policies.grants.is_empty());
    assert_eq!(authorizer.issuers.len(), config.sources.len());
    for issuer in &authorizer.issuers {
        assert!(!issuer.id.is_empty() && !issuer.rules.issuer.is_empty() && !issuer.types.is_empty());
        assert!(!issuer.algorithms.is_empty() && !issuer.rules.audience.is_empty() && !issuer.client_ids.is_empty());
        assert!(issuer.rules.audience.iter().all(|audience| !audience.is_empty()));
        assert!(issuer.slots.iter().all(|slot| (1..=500).contains(&slot.max_items) && (1..=1024).contains(&slot.max_length)));
    }
    let denial = decide(authorizer, b"{}").outcome.err().expect("allowed without a token");
    assert_eq!(denial.code().name(), "no_token");
}
