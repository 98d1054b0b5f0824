//! Any text as `authorizer.toml` next to the shipped policies and keys: no panic, each error has a text, and a
//! configuration that is accepted denies an event without a token.

#![no_main]

mod support;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use support::deployment::Deployment;
use support::{FUNCTION, now};

static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(|| Deployment::named("example"));

fuzz_target!(|text: &str| {
    DEPLOYMENT.write("authorizer.toml", text);
    match DEPLOYMENT.load() {
        Err(errors) => assert!(!errors.to_string().is_empty()),
        Ok(config) => assert!(config.authorizer.authorize(b"{}", FUNCTION, now()).outcome.is_err()),
    }
});
