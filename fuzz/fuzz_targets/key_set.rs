//! Any text as a file of keys and as a key server's response.
//!
//! Asserted: a file that is accepted is accepted as a response, with the same keys; each usable key has a legal size
//! and the thumbprint that another library computes; no private key is used or shown; at most four distinct keys,
//! which serve the algorithm, are tried for a token; the order of the entries has no meaning; a blocked key is gone.

#![no_main]

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iot_jwt_authorizer::algorithm::Algorithm;
use iot_jwt_authorizer::keys::{KeyFile, KeySet, MAX_CANDIDATES};
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// The private half of an entry, where an input has one.
const CANARY: &str = "zQ7canary7Qz";

fuzz_target!(|text: &str| {
    let response = KeyFile::parse_response(text.as_bytes()).map(|file| usable(&file));
    match KeyFile::parse(text) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(file) => {
            let keys = usable(&file);
            assert_eq!(Ok(&keys), response.as_ref().map_err(ToString::to_string));
            for thumbprint in keys.iter().take(3) {
                let (set, _) = file.keys(&Algorithm::ALL, &[thumbprint.clone()]);
                assert!(set.keys().iter().all(|key| key.thumbprint() != thumbprint), "a blocked key is used");
            }
        }
    }
    let Ok(Value::Object(object)) = serde_json::from_str::<Value>(text) else { return };
    let Some(Value::Array(entries)) = object.get("keys") else { return };
    let (set, _) = KeySet::from_entries(entries, &Algorithm::ALL, &[]);
    let (reversed, _) =
        KeySet::from_entries(&entries.iter().rev().cloned().collect::<Vec<_>>(), &Algorithm::ALL, &[]);
    assert_eq!(thumbprints(&set), thumbprints(&reversed), "the order has a meaning");
    entries.iter().take(20).for_each(check_entry);
    check_private(entries);
});

/// The thumbprints of the usable keys. Checks what holds for each set.
fn usable(file: &KeyFile) -> BTreeSet<String> {
    let (set, unusable) = file.keys(&Algorithm::ALL, &[]);
    assert!(unusable.iter().all(|(_, why)| !why.to_string().is_empty()));
    let kids: BTreeSet<Option<&str>> = set.keys().iter().map(|key| key.kid()).chain([None, Some("-")]).collect();
    for kid in kids {
        for algorithm in Algorithm::ALL {
            let Ok(candidates) = set.select(kid, algorithm) else { continue };
            let distinct: BTreeSet<&str> = candidates.keys.iter().map(|key| key.thumbprint()).collect();
            assert!((1..=MAX_CANDIDATES).contains(&distinct.len()) && distinct.len() == candidates.keys.len());
            assert!(candidates.keys.iter().all(|key| key.verifier(algorithm).is_some()));
            assert!(!candidates.by_name || candidates.keys.iter().all(|key| key.kid() == kid));
        }
    }
    let (one, _) = file.keys(&[Algorithm::Es256], &[]);
    assert!(one.keys().iter().flat_map(|key| key.algorithms()).all(|algorithm| algorithm == Algorithm::Es256));
    thumbprints(&set)
}

fn thumbprints(set: &KeySet) -> BTreeSet<String> {
    set.keys().iter().map(|key| key.thumbprint().to_owned()).collect()
}

/// Compares a usable entry with what another library makes of its numbers.
fn check_entry(entry: &Value) {
    let (set, _) = KeySet::from_entries(std::slice::from_ref(entry), &Algorithm::ALL, &[]);
    let [key] = set.keys() else { return };
    let number = |name: &str| -> Vec<u8> {
        let bytes = URL_SAFE_NO_PAD.decode(entry[name].as_str().unwrap()).unwrap();
        bytes.into_iter().skip_while(|byte| *byte == 0).collect()
    };
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let padded = |name: &str, length: usize| {
        let bytes = number(name);
        text(&[vec![0; length - bytes.len()], bytes].concat())
    };
    let canonical = match (entry["kty"].as_str().unwrap(), entry["crv"].as_str()) {
        ("RSA", _) => {
            let (n, e) = (number("n"), number("e"));
            assert!((256..=1024).contains(&n.len()) && n[0].leading_zeros() < 8 && n.len() * 8 >= 2048);
            assert!(n.len() > 256 || n[0] >= 0x80, "an RSA key of fewer than 2,048 bits");
            json!({ "kty": "RSA", "n": text(&n), "e": text(&e) })
        }
        ("EC", Some(curve)) => {
            let length = if curve == "P-256" { 32 } else { 48 };
            json!({ "kty": "EC", "crv": curve, "x": padded("x", length), "y": padded("y", length) })
        }
        ("OKP", _) => json!({ "kty": "OKP", "crv": "Ed25519", "x": entry["x"] }),
        other => panic!("a usable key of type {other:?}"),
    };
    let jwk: Jwk = serde_json::from_value(canonical).unwrap();
    assert_eq!(key.thumbprint(), jwk.thumbprint(ThumbprintHash::SHA256).unwrap());
}

/// With a private half, no entry is usable, no file is accepted, and no error shows it.
fn check_private(entries: &[Value]) {
    let private: Vec<Value> = entries
        .iter()
        .filter_map(|entry| {
            let mut entry = entry.as_object()?.clone();
            entry.entry("kty").or_insert_with(|| json!("EC"));
            entry.insert("d".to_owned(), json!(CANARY));
            Some(Value::Object(entry))
        })
        .collect();
    if private.is_empty() {
        return;
    }
    let (set, unusable) = KeySet::from_entries(&private, &Algorithm::ALL, &[]);
    assert!(set.keys().is_empty() && unusable.len() == private.len());
    assert!(unusable.iter().all(|(_, why)| !format!("{why} {why:?}").contains(CANARY)));
    let error = KeyFile::parse(&json!({ "keys": private }).to_string()).expect_err("a private key is accepted");
    assert!(error.to_string().contains("private") && !format!("{error} {error:?}").contains(CANARY));
}
