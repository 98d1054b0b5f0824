//! A header and a payload, separated by a line feed, under a valid signature.
//!
//! Asserted: what is allowed is right by another JSON reader, too; the same token with another key's signature is
//! denied; no claim of a denied token is in the log or the denial.

#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;
mod checks;

use std::sync::LazyLock;

use checks::{CANARY, assert_hidden, decide};
use iot_jwt_authorizer::authorizer::Authorizer;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use support::deployment::Deployment;
use support::signer::Signer;
use support::NOW;

static AUTHORIZER: LazyLock<Authorizer> = LazyLock::new(|| {
    let deployment = Deployment::named("example");
    let config = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
    deployment.write("authorizer.toml", config.replace("[\"RS256\", \"ES256\"]", "[\"EdDSA\", \"ES256\"]"));
    deployment.keys("keys/users.jwks.json", &["eddsa", "es256"]);
    deployment.authorizer()
});

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (header, payload) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    let signed = event(header, payload);
    if decide(&AUTHORIZER, &signed).outcome.is_ok() {
        assert_right(header, payload);
        let token = signed.iter().map(|byte| char::from(*byte)).collect::<String>();
        let forged = token.replace(signature(&token), signature(&forged(header, payload)));
        let denial = decide(&AUTHORIZER, forged.as_bytes()).outcome.err().expect("another key made the signature");
        assert_eq!(denial.code().name(), "bad_signature");
    }
    if let Some(payload) = with_canaries(payload) {
        let event = event(header, payload.as_bytes());
        if decide(&AUTHORIZER, &event).outcome.is_err() {
            assert_hidden(&AUTHORIZER, &event, CANARY);
        }
    }
});

fn event(header: &[u8], payload: &[u8]) -> Vec<u8> {
    json!({ "token": Signer::named("eddsa").sign(header, payload) }).to_string().into_bytes()
}

/// A token that another key signed.
fn forged(header: &[u8], payload: &[u8]) -> String {
    Signer::named("partners").sign(header, payload)
}

/// The third part of the token at the end of a text.
fn signature(text: &str) -> &str {
    text.rsplit('.').next().unwrap().trim_end_matches(['"', '}'])
}

/// Panics if an allowed token should have been denied.
fn assert_right(header: &[u8], payload: &[u8]) {
    let header: Value = serde_json::from_slice(header).expect("allowed, and the header is not JSON");
    assert!(header["alg"] == "EdDSA" || header["alg"] == "Ed25519", "{header}");
    assert!(header.get("crit").is_none() && header.get("b64").is_none());
    assert!(header.get("kid").is_none_or(|kid| kid == "eddsa-1"), "{header}");
    let typ = header.get("typ").map_or("jwt".to_owned(), |typ| typ.as_str().unwrap().to_ascii_lowercase());
    assert!(matches!(typ.strip_prefix("application/").unwrap_or(&typ), "jwt" | "at+jwt"), "{typ}");
    let claims: Value = serde_json::from_slice(payload).expect("allowed, and the payload is not JSON");
    assert_eq!(claims["iss"], "https://login.example.com/");
    assert!(claims["sub"].as_str().is_some_and(|sub| !sub.is_empty()));
    let aud = &claims["aud"];
    let is_ours = |value: &Value| value == "iot.example.com";
    assert!(is_ours(aud) || aud.as_array().is_some_and(|all| all.iter().any(is_ours)));
    // The clock may be off by up to a minute.
    let now = NOW as f64;
    assert!(claims["exp"].as_f64().is_some_and(|exp| exp + 60.0 > now), "expired");
    for name in ["nbf", "iat"] {
        assert!(claims.get(name).is_none_or(|date| date.as_f64().is_some_and(|date| date <= now + 60.0)));
    }
}

/// The payload with a canary at the end of each string claim, and in a claim of its own; `None` if it is not an object.
fn with_canaries(payload: &[u8]) -> Option<String> {
    let mut claims: Value = serde_json::from_slice(payload).ok()?;
    let members = claims.as_object_mut()?;
    // With another `iss` or `aud` the rest would not be read.
    for (_, value) in members.iter_mut().filter(|(name, _)| !matches!(name.as_str(), "iss" | "aud")) {
        if let Value::String(text) = value {
            text.push_str(CANARY);
        }
    }
    members.insert("canary".to_owned(), json!(CANARY));
    Some(claims.to_string())
}
