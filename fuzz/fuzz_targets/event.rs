//! Any bytes as an event. As in `tests/cases/`, `$TOKEN` in the input stands for a valid token, `$BASE64` for it in
//! base64, `$PARTS` for its first two parts, and `$SIGNATURE` for its third in standard base64.
//!
//! Asserted: an event without a valid token is denied; the decision is stable; a response is legal; the log is one line
//! of JSON; no token, password, header, query or user name is in the log or the denial.

#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;
mod checks;

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use checks::{CANARY, assert_hidden, decide};
use iot_jwt_authorizer::authorizer::Authorizer;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use support::NOW;
use support::deployment::Deployment;
use support::signer::Signer;

static AUTHORIZER: LazyLock<Authorizer> = LazyLock::new(|| Deployment::named("example").authorizer());

static TOKEN: LazyLock<String> = LazyLock::new(|| {
    Signer::named("es256").token(&json!({
        "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "tenant": "acme", "exp": NOW + 3600,
    }))
});

fuzz_target!(|input: &[u8]| {
    let event = filled(input);
    let (_, signature) = TOKEN.rsplit_once('.').unwrap();
    let decision = decide(&AUTHORIZER, &event);
    if decision.outcome.is_ok() {
        assert_ne!(event, input, "allowed without a token");
        assert_eq!(decision.learned.issuer, Some("users"));
        assert!(decision.learned.client_id.as_ref().is_none_or(|id| id == "ana" || id.starts_with("ana/")));
    }
    assert_hidden(&AUTHORIZER, &event, signature);
    if !contains(input, CANARY)
        && let Ok(json) = serde_json::from_slice(&event)
    {
        assert_hidden(&AUTHORIZER, with_canaries(json).to_string().as_bytes(), CANARY);
    }
});

/// The input with the valid token in its places.
fn filled(input: &[u8]) -> Vec<u8> {
    let Ok(text) = str::from_utf8(input) else { return input.to_vec() };
    let (parts, signature) = TOKEN.rsplit_once('.').unwrap();
    let signature = STANDARD.encode(URL_SAFE_NO_PAD.decode(signature).unwrap());
    text.replace("$TOKEN", &TOKEN)
        .replace("$BASE64", &STANDARD.encode(TOKEN.as_bytes()))
        .replace("$PARTS", parts)
        .replace("$SIGNATURE", &signature)
        .into_bytes()
}

fn contains(input: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(input).contains(text)
}

/// The event with a canary at the end of each value that may be a secret.
fn with_canaries(mut event: Value) -> Value {
    for pointer in [
        "/token",
        "/protocolData/mqtt/password",
        "/protocolData/mqtt/username",
        "/protocolData/http/queryString",
        "/protocolData/http/headers/authorization",
        "/protocolData/http/headers/Authorization",
    ] {
        if let Some(Value::String(text)) = event.pointer_mut(pointer) {
            let base64 = STANDARD.encode(CANARY);
            text.push_str(if text.len() % 2 == 0 { CANARY } else { &base64 });
        }
    }
    event
}
