//! The whole decision, event bytes in, answer bytes out, beside the floor: one bare signature check with a parsed key.
//!
//! `cargo bench --bench authorize`

#![allow(missing_docs, reason = "criterion's macros make public functions")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use criterion::{Criterion, criterion_group, criterion_main};
use iot_jwt_authorizer::authorizer::Authorizer;
use serde_json::json;
use support::deployment::Deployment;
use support::signer::Signer;
use support::{FUNCTION, NOW, at};

/// An app's token as an identity provider writes it: twelve claims.
fn token(signer: &str) -> String {
    Signer::named(signer).token(&json!({
        "iss": "https://login.example.com/", "aud": ["iot.example.com", "https://login.example.com/userinfo"], "sub": "ana",
        "azp": "mobile-app", "tenant": "acme", "devices": ["lamp-1", "lamp-2"], "role": "user", "scope": "openid profile iot:connect",
        "jti": "0f8fad5b-d9cb-469f-a165-70867728950e", "iat": NOW, "nbf": NOW, "exp": NOW + 3600,
    }))
}

/// A WebSocket connect with the token as MQTT password.
fn event(token: &str) -> Vec<u8> {
    json!({
        "signatureVerified": false, "protocols": ["tls", "http", "mqtt"],
        "protocolData": {
            "tls": { "serverName": "example-ats.iot.eu-west-1.amazonaws.com" },
            "http": { "headers": {
                "Host": "example-ats.iot.eu-west-1.amazonaws.com", "Connection": "Upgrade", "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "u0dfs8i0I43d1a9dwL3z/A==", "Sec-WebSocket-Protocol": "mqtt",
            }, "queryString": "?x-amz-customauthorizer-name=jwt" },
            "mqtt": { "username": "ana?SDK=NodeJSv2&Version=1.21.8", "password": STANDARD.encode(token), "clientId": "ana" },
        },
        "connectionMetadata": { "id": "e56f08c3-c559-490f-aa9f-7e8427d0f57b" },
    })
    .to_string()
    .into_bytes()
}

fn decide(authorizer: &Authorizer, event: &[u8]) -> Vec<u8> {
    let decision = authorizer.authorize(event, FUNCTION, at(0.0));
    let Ok(answer) = decision.outcome else { return Vec::new() };
    serde_json::to_vec(&answer).unwrap_or_default()
}

fn floor(signer: &str, algorithm: &'static dyn VerificationAlgorithm) -> impl Fn() {
    let token = token(signer);
    let (signed, signature) =
        token.rsplit_once('.').map(|(signed, signature)| (signed.to_owned(), signature)).unwrap_or_default();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    let der = pem::parse(Signer::named(signer).pem()).map(pem::Pem::into_contents).unwrap_or_default();
    let key = ParsedPublicKey::new(algorithm, der);
    move || {
        let verified = key
            .as_ref()
            .is_ok_and(|key| key.verify_sig(black_box(signed.as_bytes()), black_box(&signature)).is_ok());
        assert!(verified);
    }
}

fn decisions(criterion: &mut Criterion) {
    let authorizer = Deployment::named("example").authorizer();
    let algorithms: [(&str, &str, &'static dyn VerificationAlgorithm); 2] =
        [("RS256", "rs256", &RSA_PKCS1_2048_8192_SHA256), ("ES256", "es256", &ECDSA_P256_SHA256_FIXED)];
    for (name, signer, algorithm) in algorithms {
        let mut group = criterion.benchmark_group(name);
        let bare = floor(signer, algorithm);
        group.bench_function("floor: bare verification", |bencher| bencher.iter(&bare));
        let event = event(&token(signer));
        assert!(!decide(&authorizer, &event).is_empty(), "the bench's token is refused");
        group.bench_function("decision", |bencher| bencher.iter(|| decide(&authorizer, black_box(&event))));
        group.finish();
    }
}

criterion_group!(benches, decisions);
criterion_main!(benches);
