//! Vectors from outside: Wycheproof's JWS and JWK files, which lie beside the checkout and not in it, and the examples of RFC 8037.
//!
//! A case that comes out otherwise than the file says is on the list of exceptions with its reason, and one on the list that comes out as the
//! file says fails too.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "tests fail by panicking and say what they counted"
)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use iot_jwt_authorizer::credentials::{Credentials, Place, TokenRule};
use iot_jwt_authorizer::keys::{Algorithm, KeySet};
use iot_jwt_authorizer::request::Request;
use iot_jwt_authorizer::token::UnverifiedToken;
use serde_json::{Value, json};

const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Ed25519,
];

/// Whether a key of the set made the signature, by the way that every token goes.
fn verifies(jws: &str, entries: &[Value]) -> bool {
    let (set, _) = KeySet::from_entries(entries, &ALGORITHMS, &[]);
    let event = json!({ "token": jws }).to_string();
    let rule = TokenRule { places: vec![Place::Token], max_bytes: 65536 };
    let verified = || {
        let request = Request::parse(event.as_bytes())?;
        let credentials = Credentials::find(&request, &rule)?;
        let token = UnverifiedToken::parse(&credentials)?;
        let keys = set.select(token.header())?;
        token.verify(&keys).map(|_| ())
    };
    verified().is_ok()
}

/// The entries of a set or a single key, public halves alone.
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

/// Runs a file; the exceptions are by number. Where the file is absent nothing is run.
fn run(file: &str, exceptions: &[(std::ops::RangeInclusive<u64>, &str)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors/wycheproof").join(file);
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: {file} is not beside the checkout");
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
            let as_written = verifies(&jws, &keys) == (test["result"] == "valid");
            let exception = exceptions.iter().any(|(numbers, _)| numbers.contains(&number));
            if as_written == exception {
                wrong
                    .push(format!("{number} {}: {} ({})", group["comment"], test["comment"], test["result"]));
            }
            *counts.entry(if exception { "exceptions" } else { "as written" }).or_default() += 1;
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
        (
            7..=7,
            "RSA keys of the faulty generator of CVE-2017-15361 are not looked for: whoever runs an issuer replaced them",
        ),
        (13..=15, HMAC),
    ];
    run("json_web_key_test.json", &exceptions);
}

/// The examples of RFC 7515 and RFC 8037, and what becomes of them when a deployment trusts their keys.
#[test]
fn examples_of_the_standards() {
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
        let Err(faults) = deployment.load() else { panic!("{key} is trusted") };
        assert!(faults.to_string().contains("whose private half is published"), "{faults}");
    }
}

/// Points of small order: one signature fits every message.
#[test]
fn weak_points_of_ed25519() {
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
        let (set, left_out) =
            KeySet::from_entries(&[json!({ "kty": "OKP", "crv": "Ed25519", "x": x })], &ALGORITHMS, &[]);
        assert!(!set.is_usable() && left_out.len() == 1, "{x}");
    }
}
