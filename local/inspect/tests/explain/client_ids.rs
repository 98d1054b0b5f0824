//! The client id of claims and tokens without one: the first that `client_ids` allows.

use std::fs;
use std::path::Path;

use iot_local_base::env::Env;
use iot_local_inspect::deployment::Deployment;
use iot_local_inspect::inquiry::{EvaluationOptions, Inquiry, judge_claims};
use serde_json::{Value, json};

use super::own::{FUNCTION, now};
use super::support::root;
use super::support::signer::Signer;

/// A deployment with this slot `id` and these patterns.
fn deployment(folder: &Path, slot: &str, patterns: &str) -> Deployment {
    let write = |name: &str, text: &str| {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), text).unwrap();
    };
    write(
        "authorizer.toml",
        &format!(
            "[[issuer]]\nid = \"users\"\nissuer = \"https://login.example.com/\"\naudience = [\"a\"]\n\
             algorithms = [\"RS256\", \"ES256\"]\nkeys = [\"file:keys/k.json\"]\nclient_ids = {patterns}\n\
             [claims]\nid = {slot}\nsub = \"sub\"\n[[grant]]\npolicy = \"p\"\n"
        ),
    );
    write(
        "policies/p.json",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Connect","Resource":"client/${mqtt:client_id}"}]}"#,
    );
    write("keys/k.json", &fs::read_to_string(root().join("keys/users.jwks.json")).unwrap());
    Deployment::load(&folder.join("authorizer.toml"), &Env::default()).unwrap()
}

#[test]
fn the_client_id_is_the_first_that_the_patterns_allow() {
    let uuid = "a1b2c3d4-0000-4000-8000-00000000a11a";
    let cases = [
        (
            r#"{ path = "sub", type = "hash" }"#,
            r#"["${id}"]"#,
            json!({ "sub": "ana lima" }),
            "357a7e2d557dc4c1fc805ba402fa18e7",
        ),
        (
            r#"{ path = "sub", type = "hash" }"#,
            r#"["x-${id}-*"]"#,
            json!({ "sub": "ana lima" }),
            "x-357a7e2d557dc4c1fc805ba402fa18e7-1",
        ),
        (r#"{ path = "sub", type = "uuid" }"#, r#"["${id}"]"#, json!({ "sub": uuid }), uuid),
        (r#"{ path = "sub", type = "path" }"#, r#"["${id}"]"#, json!({ "sub": "a/b" }), "a/b"),
        (
            r#"{ path = "device", unique = true }"#,
            r#"["d/${id}"]"#,
            json!({ "sub": "x", "device": 7 }),
            "d/7",
        ),
        (
            r#"{ path = "device", list = true, unique = true }"#,
            r#"["${id}/*"]"#,
            json!({ "sub": "x", "device": ["d1", "d2"] }),
            "d1/1",
        ),
        (
            r#"{ path = "device", optional = true, unique = true }"#,
            r#"["d/${id}", "app/${sub}"]"#,
            json!({ "sub": "x" }),
            "app/x",
        ),
    ];
    for (slot, patterns, claims, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let deployment = deployment(folder.path(), slot, patterns);
        let options = EvaluationOptions { issuer: None, client_id: None, function: FUNCTION, at: now() };
        let explanation = judge_claims(&deployment.config.authorizer, &claims.to_string(), &options).unwrap();
        let granted = explanation.outcome.as_ref().unwrap_or_else(|_| panic!("{explanation}"));
        let client_id = granted.client_id.clone().unwrap();
        assert_eq!(client_id, expected, "{claims}");
        // A token has the same client id as its claims.
        let mut claims = claims;
        claims["iss"] = json!("https://login.example.com/");
        let token = Inquiry::Token(Signer::named("rs256").token(&claims));
        let event = token.event(&deployment.config.authorizer, None).unwrap();
        let event: Value = serde_json::from_slice(&event).unwrap();
        assert_eq!(event["protocolData"]["mqtt"]["clientId"], client_id, "{claims}");
    }
}

/// A claim that the slot does not accept is denied for the claim, not for a client id that was made up.
#[test]
fn an_unsafe_claim_is_denied_as_such() {
    for (slot, claims) in [
        (r#"{ path = "sub", type = "uuid" }"#, json!({ "sub": "not-a-uuid" })),
        (r#""sub""#, json!({ "sub": "ana lima" })),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let deployment = deployment(folder.path(), slot, r#"["${id}"]"#);
        let options = EvaluationOptions { issuer: None, client_id: None, function: FUNCTION, at: now() };
        let explanation = judge_claims(&deployment.config.authorizer, &claims.to_string(), &options).unwrap();
        let denial = explanation.outcome.unwrap_err();
        assert_eq!(denial.code().name(), "unsafe_claim_value", "{claims}");
    }
}
