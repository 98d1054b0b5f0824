//! The configuration of these tests, its key, and what holds for every explanation.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use iot_local_base::env::Env;
use iot_local_inspect::deployment::Deployment;
use iot_local_inspect::explain::{Explanation, Mark};
use serde_json::{Value, json};

/// The present, in seconds since 1970.
pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:authorizer";

/// The present.
pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

/// The folder of these tests, also for the tests of the commands, which use this file.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../inspect/tests/explain")
}

/// The configuration.
pub(crate) fn config() -> PathBuf {
    folder().join("deployment/authorizer.toml")
}

/// The configuration, read.
pub(crate) fn deployment() -> Deployment {
    Deployment::load(&config(), &Env::default()).unwrap()
}

/// Claims that are allowed, with these changes; null removes a claim.
pub(crate) fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "tenant": "acme",
        "scope": "openid iot:connect", "iat": NOW, "exp": NOW + 3600,
    });
    merge(&mut claims, changes);
    claims
}

/// Sets members, and removes those that are null.
pub(crate) fn merge(object: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(object.as_object_mut().unwrap().remove(name)),
            value => object[name] = value.clone(),
        }
    }
}

/// Signs with the test key.
pub(crate) fn sign(header: &str, payload: &str) -> String {
    let key = std::fs::read(folder().join("test-key.pem")).unwrap();
    let key = jsonwebtoken::EncodingKey::from_ec_pem(&key).unwrap();
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature =
        jsonwebtoken::crypto::sign(signed.as_bytes(), &key, jsonwebtoken::Algorithm::ES256).unwrap();
    format!("{signed}.{signature}")
}

/// A token with these changes of the header and the claims.
pub(crate) fn token(header: &Value, changes: &Value) -> String {
    let mut changed = json!({ "alg": "ES256", "kid": "test", "typ": "JWT" });
    merge(&mut changed, header);
    sign(&changed.to_string(), &claims(changes).to_string())
}

/// An MQTT connect with the token as its password.
pub(crate) fn connect(token: &str, client_id: &str) -> Value {
    json!({ "protocolData": { "mqtt": { "clientId": client_id, "password": STANDARD.encode(token) } } })
}

/// A failed check is shown once and in the last step, if the step has checks that can fail.
pub(crate) fn one_check_fails(explanation: &Explanation, title: &str) {
    let failed: Vec<_> = explanation.steps.iter().filter(|step| step.mark == Mark::Failed).collect();
    assert_eq!(failed.len(), usize::from(explanation.outcome.is_err()), "{title}");
    for step in &explanation.steps {
        let rows = step.rows.iter().filter(|row| row.mark == Mark::Failed).count();
        if step.mark == Mark::Held {
            assert_eq!(rows, 0, "{title}: {explanation}");
        } else if ["issuer", "key", "signature", "claims", "principal", "revocation", "client id", "slots"]
            .contains(&step.name)
        {
            assert_eq!(rows, 1, "{title}: {explanation}");
        }
    }
}

/// An explanation contains no part of a token.
pub(crate) fn keeps_secrets(explanation: &Explanation, event: &[u8], title: &str) {
    let text = format!("{explanation}{}{explanation:?}", explanation.to_json());
    let event = String::from_utf8_lossy(event).into_owned();
    let Ok(event) = serde_json::from_str::<Value>(&event) else { return };
    let password = event.pointer("/protocolData/mqtt/password").and_then(Value::as_str).unwrap_or_default();
    let token =
        STANDARD.decode(password).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let other = event.get("token").and_then(Value::as_str).unwrap_or_default();
    let parts = [&token, other].into_iter().flat_map(|token| token.split('.')).chain([password]);
    for secret in parts.filter(|part| part.len() > 24) {
        assert!(!text.contains(secret), "{title}: {text}");
    }
}
