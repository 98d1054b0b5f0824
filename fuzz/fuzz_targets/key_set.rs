//! Any text as a key set: no panic, canonical thumbprints, and the order of the entries has no meaning.

#![no_main]

use std::collections::BTreeSet;

use iot_jwt_authorizer::algorithm::Algorithm;
use iot_jwt_authorizer::keys::KeyFile;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// The thumbprints of the usable keys.
fn thumbprints(text: &str) -> BTreeSet<String> {
    let Ok(file) = KeyFile::parse(text) else { return BTreeSet::new() };
    let (keys, unusable) = file.keys(&Algorithm::ALL, &[]);
    for (_, reason) in unusable {
        assert!(!reason.to_string().is_empty());
    }
    keys.keys().iter().map(|key| key.thumbprint().to_owned()).collect()
}

fuzz_target!(|text: &str| {
    let found = thumbprints(text);
    assert!(found.iter().all(|thumbprint| thumbprint.len() == 43));
    if let Ok(Value::Object(object)) = serde_json::from_str(text)
        && let Some(Value::Array(entries)) = object.get("keys")
    {
        let reversed: Vec<&Value> = entries.iter().rev().collect();
        // A member that the reader rejects may be lost by serde_json, which keeps the last of two equal names.
        let (once, again) = (json!({ "keys": entries }), json!({ "keys": reversed }));
        assert_eq!(thumbprints(&once.to_string()), thumbprints(&again.to_string()));
    }
});
