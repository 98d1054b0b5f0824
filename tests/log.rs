//! The line that operators see: all that they need, and nothing that they must not have.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use std::time::Duration;

use iot_jwt_authorizer::log::{self, Circumstances};
use iot_jwt_authorizer::response::PrincipalId;
use serde_json::{Value, json};
use support::deployment::Deployment;
use support::signer::Signer;
use support::{FUNCTION, NOW, at};

/// The line for a token of these claims, presented by this client id.
fn line(more: &Value, client_id: &str) -> Value {
    let mut claims = json!({
        "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "tenant": "acme", "exp": NOW + 600,
    });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let event = json!({
        "token": Signer::named("rs256").token(&claims), "protocolData": { "mqtt": { "clientId": client_id } },
        "connectionMetadata": { "id": "c-1" },
    });
    let authorizer = Deployment::named("example").authorizer();
    let decision = authorizer.authorize(event.to_string().as_bytes(), FUNCTION, at(0.0));
    let circumstances = Circumstances {
        request_id: "r-1",
        duration: Duration::from_micros(42),
        cold_start: true,
        key_fetches: 0,
    };
    serde_json::from_slice(&log::line(&decision, circumstances)).unwrap()
}

#[test]
fn who_was_let_in() {
    let principal = PrincipalId::of_subject("https://login.example.com/", "ana");
    let line = line(&json!({ "devices": ["lamp-1"] }), "ana/phone");
    let expected = json!({
        "level": "INFO", "decision": "allow", "connection_id": "c-1", "request_id": "r-1", "issuer": "users", "kid": "rs256-1",
        "principal": principal.as_str(), "client_id": "ana/phone", "policies": ["app-user", "device-owner"], "documents": 1,
        "characters": line.get("characters"), "duration_us": 42, "cold_start": true,
    });
    assert_eq!(line, expected);
    assert!(line.get("characters").and_then(Value::as_u64).unwrap() > 300);
}

#[test]
fn who_was_not_and_what_to_mend() {
    let principal = PrincipalId::of_subject("https://login.example.com/", "ana");
    let common = json!({
        "level": "WARN", "decision": "deny", "connection_id": "c-1", "request_id": "r-1", "issuer": "users", "kid": "rs256-1",
        "documents": 0, "characters": 0, "duration_us": 42, "cold_start": true,
    });
    let with = |more: Value| {
        let mut expected = common.clone();
        expected.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        expected
    };
    let policies = json!(["app-user", "device-owner"]);
    assert_eq!(
        line(&json!({ "tenant": "a*b" }), "ana"),
        with(json!({
            "code": "unsafe_claim_value", "subject": "tenant", "principal": principal.as_str(), "policies": policies,
            "mend": "Give the slot the type that fits (`path`, `hash`), or mend the claim at the issuer.",
        }))
    );
    // A client id that was not allowed is a stranger's word, and is not written down.
    assert_eq!(
        line(&json!({}), "somebody-else"),
        with(json!({
            "code": "client_id_not_allowed", "principal": principal.as_str(), "policies": policies,
            "mend": "Let the client use an id that fits `client_ids`.",
        }))
    );
    assert_eq!(
        line(&json!({ "exp": 1 }), "ana"),
        with(json!({
            "code": "expired", "mend": "Let the client fetch a fresh token before it connects.",
        }))
    );
}
