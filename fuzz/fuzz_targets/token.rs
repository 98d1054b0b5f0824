//! A header and a payload, separated by a line feed, under a valid signature: what is allowed is right by another JSON
//! reader too.

#![no_main]

mod support;

use std::sync::LazyLock;

use iot_jwt_authorizer::authorizer::Authorizer;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use support::deployment::Deployment;
use support::signer::Signer;
use support::{FUNCTION, NOW, assert_legal, now};

static AUTHORIZER: LazyLock<Authorizer> = LazyLock::new(|| {
    let deployment = Deployment::named("example");
    let config = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
    let algorithms = config.lines().find(|line| line.starts_with("algorithms")).unwrap();
    deployment.write("authorizer.toml", config.replace(algorithms, "algorithms = [\"EdDSA\"]"));
    deployment.keys("keys/users.jwks.json", &["eddsa"]);
    deployment.authorizer()
});

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (header, payload) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    let token = Signer::named("eddsa").sign(header, payload);
    let event = json!({ "token": token }).to_string();
    let Ok(response) = AUTHORIZER.authorize(event.as_bytes(), FUNCTION, now()).outcome else { return };
    assert_legal(&response);
    let claims: Value = serde_json::from_slice(payload).expect("allowed, and not JSON");
    assert_eq!(claims["iss"], "https://login.example.com/");
    assert!(claims["sub"].as_str().is_some_and(|sub| !sub.is_empty()));
    assert!(claims["exp"].as_f64().is_some_and(|exp| exp + 30.0 > NOW as f64));
    assert!(claims["aud"] == "iot.example.com" || claims["aud"].as_array().is_some_and(|all| all.contains(&json!("iot.example.com"))));
});
