//! The events of the benches: a connect of an app, with tokens of several sizes.

#![allow(dead_code, unreachable_pub, reason = "each bench uses a part of it")]

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use iot_jwt_authorizer::authorizer::Authorizer;
use serde_json::{Value, json};

use crate::support::deployment::Deployment;
use crate::support::signer::Signer;
use crate::support::{FUNCTION, NOW, at};

/// Each algorithm's name, signer and verification.
pub const ALGORITHMS: [(&str, &str, &dyn VerificationAlgorithm); 9] = [
    ("RS256", "rs256", &signature::RSA_PKCS1_2048_8192_SHA256),
    ("RS384", "rs384", &signature::RSA_PKCS1_2048_8192_SHA384),
    ("RS512", "rs512", &signature::RSA_PKCS1_2048_8192_SHA512),
    ("PS256", "ps256", &signature::RSA_PSS_2048_8192_SHA256),
    ("PS384", "ps384", &signature::RSA_PSS_2048_8192_SHA384),
    ("PS512", "ps512", &signature::RSA_PSS_2048_8192_SHA512),
    ("ES256", "es256", &signature::ECDSA_P256_SHA256_FIXED),
    ("ES384", "es384", &signature::ECDSA_P384_SHA384_FIXED),
    ("EdDSA", "eddsa", &signature::ED25519),
];

/// The shipped example with a key for every algorithm.
pub fn deployment() -> Deployment {
    let deployment = Deployment::named("example");
    let config = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap_or_default();
    let names: Vec<&str> = ALGORITHMS.iter().map(|(name, ..)| *name).collect();
    deployment.write("authorizer.toml", config.replace(r#"["RS256", "ES256"]"#, &json!(names).to_string()));
    let signers: Vec<&str> = ALGORITHMS.iter().map(|(_, signer, _)| *signer).collect();
    deployment.keys("keys/users.jwks.json", &signers);
    deployment
}

/// Twelve claims, as an identity provider writes them.
pub fn claims() -> Value {
    json!({
        "iss": "https://login.example.com/", "aud": ["iot.example.com", "https://login.example.com/userinfo"], "sub": "ana",
        "azp": "mobile-app", "tenant": "acme", "devices": ["lamp-1", "lamp-2"], "role": "user", "scope": "openid profile iot:connect",
        "jti": "0f8fad5b-d9cb-469f-a165-70867728950e", "iat": NOW, "nbf": NOW, "exp": NOW + 3600,
    })
}

/// The same claims with these changes.
pub fn claims_with(changes: &Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    claims
}

/// A token that is valid at any present time.
pub fn token(signer: &str) -> String {
    Signer::named(signer).token(&claims_with(&json!({ "iat": 1, "nbf": 1, "exp": 32_503_680_000_u64 })))
}

/// Claims with this number of devices.
pub fn devices(count: usize) -> Value {
    json!({ "devices": (0..count).map(|index| format!("lamp-{index:02}")).collect::<Vec<_>>() })
}

/// A WebSocket connect with the token as MQTT password.
pub fn event(token: &str) -> Vec<u8> {
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

/// The response bytes to the event bytes, or the code of the denial.
pub fn decide(authorizer: &Authorizer, event: &[u8]) -> Result<Vec<u8>, &'static str> {
    let decision = authorizer.authorize(event, FUNCTION, at(0.0));
    match decision.outcome {
        Ok(response) => serde_json::to_vec(&response).map_err(|_| "not JSON"),
        Err(denial) => Err(denial.code().name()),
    }
}

/// One signature check with a parsed key.
pub fn floor(signer: &str, algorithm: &'static dyn VerificationAlgorithm) -> impl Fn() {
    let token = Signer::named(signer).token(&claims());
    let (signed, signature) =
        token.rsplit_once('.').map(|(signed, signature)| (signed.to_owned(), signature)).unwrap_or_default();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    let der = pem::parse(Signer::named(signer).pem()).map(pem::Pem::into_contents).unwrap_or_default();
    let key = ParsedPublicKey::new(algorithm, der);
    move || {
        use std::hint::black_box;
        let verified = key
            .as_ref()
            .is_ok_and(|key| key.verify_sig(black_box(signed.as_bytes()), black_box(&signature)).is_ok());
        assert!(verified);
    }
}
