//! Test vectors: Wycheproof's JWS and JWK files, from a folder next to the checkout, and the examples of RFC 7515 and
//! RFC 8037.
//!
//! A vector whose expected result differs from ours is in a list of exceptions, with the reason. An exception whose
//! result does not differ is a failure, too.

#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "the numbers are the test's own")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use iot_jwt_authorizer::algorithm::{Algorithm, KeyType};
use iot_jwt_authorizer::config::ConfigError;
use iot_jwt_authorizer::credentials::{Credentials, TokenPlace, TokenRule};
use iot_jwt_authorizer::denial::{Code, Denial};
use iot_jwt_authorizer::keys::{KeySet, UnusableKey};
use iot_jwt_authorizer::request::Request;
use iot_jwt_authorizer::token::UnverifiedToken;
use serde_json::{Value, json};

/// Whether a key of the set verifies the signature, through the same stations as every token.
fn verifies(jws: &str, entries: &[Value]) -> bool {
    let (set, _) = KeySet::from_entries(entries, &Algorithm::ALL, &[]);
    let event = json!({ "token": jws }).to_string();
    let rule = TokenRule { places: vec![TokenPlace::Token], max_bytes: 65536 };
    let verified = || -> Result<(), Denial> {
        let request = Request::parse(event.as_bytes())?;
        let credentials = Credentials::find(&request, &rule)?;
        let token = UnverifiedToken::parse(&credentials)?;
        let header = token.header();
        let keys = set.select(header.kid.as_deref(), header.algorithm.ok_or(Code::UnsupportedAlgorithm)?)?;
        token.verify(&keys).map(|_| ())
    };
    verified().is_ok()
}

/// The public halves of a set's keys, or of a single key.
fn entries(keys: &Value) -> Vec<Value> {
    let list = keys.get("keys").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![keys.clone()]);
    let public = |mut key: Value| {
        for member in ["d", "p", "q", "dp", "dq", "qi"] {
            key.as_object_mut().unwrap().remove(member);
        }
        key
    };
    list.into_iter().map(public).collect()
}

/// Checks every vector of a file. Exceptions are ranges of numbers, with a reason. Without the file nothing is checked.
fn run(file: &str, exceptions: &[(std::ops::RangeInclusive<u64>, &str)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors/wycheproof").join(file);
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: {file}, which is not next to the checkout");
        return;
    };
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for group in vectors["testGroups"].as_array().unwrap() {
        let keys = entries(group.get("public").unwrap_or(&group["private"]));
        for test in group["tests"].as_array().unwrap() {
            let number = test["tcId"].as_u64().unwrap();
            let jws = test["jws"].as_str().map_or_else(|| test["jws"].to_string(), str::to_owned);
            let is_expected = verifies(&jws, &keys) == (test["result"] == "valid");
            let is_exception = exceptions.iter().any(|(numbers, _)| numbers.contains(&number));
            if is_expected == is_exception {
                wrong
                    .push(format!("{number} {}: {} ({})", group["comment"], test["comment"], test["result"]));
            }
            *counts.entry(if is_exception { "exceptions" } else { "as expected" }).or_default() += 1;
        }
    }
    println!("{file}: {counts:?}");
    assert!(wrong.is_empty(), "{file}:\n{}", wrong.join("\n"));
}

const EMPTY: &str = "the payload is empty, and a JWT is a JSON object";
const HMAC: &str = "HMAC is never accepted";

#[test]
fn wycheproof_signatures() {
    let exceptions = [
        (1..=1, HMAC),
        (259..=259, EMPTY),
        (264..=264, EMPTY),
        (268..=268, EMPTY),
        (272..=272, EMPTY),
        (320..=320, EMPTY),
        (325..=325, EMPTY),
        (346..=346, "the key is for PS256, the token says PS384"),
        (347..=347, "P-521 is not supported"),
        (348..=348, HMAC),
        (350..=350, "the key is for PS256, the token says PS384"),
        (351..=351, "P-521 is not supported"),
        (352..=352, HMAC),
        (357..=359, HMAC),
        (372..=373, HMAC),
        (376..=377, HMAC),
    ];
    run("json_web_signature_test.json", &exceptions);
}

#[test]
fn wycheproof_keys() {
    let exceptions = [
        (2..=2, HMAC),
        (7..=7, "RSA keys with the weakness of CVE-2017-15361 are not detected: issuers have replaced them"),
        (13..=15, HMAC),
    ];
    run("json_web_key_test.json", &exceptions);
}

/// The signatures of the examples are valid, and a deployment with their keys has an error: the private halves are
/// public.
#[test]
fn examples_of_rfc_7515_and_rfc_8037() {
    let payload =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let cases = [
        (
            json!({ "kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ" }),
            format!("eyJhbGciOiJSUzI1NiJ9.{payload}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"),
        ),
        (
            json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" }),
            format!("eyJhbGciOiJFUzI1NiJ9.{payload}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"),
        ),
        (
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg".to_owned(),
        ),
    ];
    for (key, jws) in cases {
        assert!(verifies(&jws, std::slice::from_ref(&key)), "{key}");
        assert!(!verifies(&jws.replacen("eyJ", "eyK", 1), std::slice::from_ref(&key)), "{key}");
        let deployment = support::deployment::Deployment::named("example");
        deployment.write("keys/users.jwks.json", key.to_string());
        let Err(errors) = deployment.load() else { panic!("{key} is accepted") };
        let thumbprint =
            KeySet::from_entries(&[key], &Algorithm::ALL, &[]).0.keys()[0].thumbprint().to_owned();
        let what = format!("the private half of key {thumbprint} is public");
        let expected = ConfigError::of_file("keys/users.jwks.json", what).hint("make a key of your own");
        assert!(errors.0.contains(&expected), "{errors}");
    }
}

/// With a point of small order one signature is valid for every message.
#[test]
fn ed25519_points_of_small_order_are_skipped() {
    for x in [
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA",
        "7P________________________________________8",
        "7P_______________________________________38",
        "7f_______________________________________38",
        "7v_______________________________________38",
        "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU",
        "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o",
    ] {
        let entry = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
        let (set, skipped) = KeySet::from_entries(&[entry], &Algorithm::ALL, &[]);
        assert!(!set.is_usable(), "{x}");
        assert_eq!(skipped, [(0, UnusableKey::BadPoint(KeyType::Ed25519))], "{x}");
    }
}

/// Keys whose private half is printed in a document: each is an error of a key file and is skipped in a fetched set.
/// The data names the document and section of each.
#[test]
fn published_keys_are_never_used() {
    let text = std::fs::read_to_string(support::root().join("tests/keys/published.json")).unwrap();
    let keys: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(keys.len() > 30, "{}", keys.len());
    for key in keys {
        let (source, jwk) = (&key["source"], &key["jwk"]);
        let (mut set, skipped) = KeySet::from_entries(std::slice::from_ref(jwk), &Algorithm::ALL, &[]);
        assert!(skipped.is_empty() && set.keys()[0].is_published(), "{source}: {skipped:?}");
        assert_eq!(set.remove_published().len(), 1, "{source}");
        assert!(set.keys().is_empty(), "{source}");
    }
    // A key that is not published.
    let (set, _) =
        KeySet::from_entries(&[support::signer::Signer::named("es256").jwk()], &Algorithm::ALL, &[]);
    assert!(!set.keys()[0].is_published());
}
