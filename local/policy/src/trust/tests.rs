//! Which identities a trust policy allows to have the role.

use serde_json::json;

use super::*;

const POOL: &str = "us-east-1:00000000-0000-4000-8000-000000000001";

fn arn() -> Arn {
    "arn:aws:iot:us-east-1:123456789012:x".parse().unwrap()
}

fn identity(pool: &str, amr: &[&str]) -> CognitoContext {
    CognitoContext {
        identity_id: "us-east-1:00000000-0000-4000-8000-00000000000a".to_owned(),
        pool_id: pool.to_owned(),
        amr: amr.iter().map(|method| (*method).to_owned()).collect(),
    }
}

/// The trust of AWS's console, with changes of the statement. `null` removes a member.
fn statement(changes: &Value) -> Value {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": { "Federated": "cognito-identity.amazonaws.com" },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": { "cognito-identity.amazonaws.com:aud": POOL },
            "ForAnyValue:StringLike": { "cognito-identity.amazonaws.com:amr": "authenticated" },
        },
    });
    for (name, value) in changes.as_object().unwrap() {
        statement[name] = value.clone();
    }
    statement.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    statement
}

fn trust(statements: &Value) -> Result<TrustPolicy, Vec<String>> {
    TrustPolicy::parse("app", &json!({ "Version": "2012-10-17", "Statement": statements }), &arn())
}

#[test]
fn only_identities_of_the_pool_that_the_conditions_meet_are_allowed() {
    let other_pool = "us-east-1:00000000-0000-4000-8000-000000000002";
    let person: &[&str] = &["authenticated", "login.example.com/"];
    let guest: &[&str] = &["unauthenticated"];
    let deny = |changes: Value| {
        let mut deny = statement(&changes);
        deny["Effect"] = json!("Deny");
        json!([statement(&json!({})), deny])
    };
    for (statements, pool, amr, expected) in [
        (json!([statement(&json!({}))]), POOL, person, true),
        (statement(&json!({})), POOL, person, true),
        (json!([statement(&json!({ "Condition": null }))]), other_pool, guest, true),
        (
            json!([statement(&json!({ "Principal": { "Federated": ["cognito-identity.amazonaws.com"] } }))]),
            POOL,
            person,
            true,
        ),
        (
            json!([statement(&json!({ "Action": ["sts:TagSession", "sts:AssumeRoleWith*"] }))]),
            POOL,
            person,
            true,
        ),
        (
            deny(json!({ "Principal": { "Service": "iot.amazonaws.com" }, "Condition": null })),
            POOL,
            person,
            true,
        ),
        (json!([statement(&json!({}))]), other_pool, person, false),
        (json!([statement(&json!({}))]), POOL, guest, false),
        (json!([statement(&json!({}))]), POOL, &[], false),
        (json!([statement(&json!({ "Action": "sts:AssumeRole" }))]), POOL, person, false),
        (
            json!([statement(&json!({ "Principal": { "Service": "lambda.amazonaws.com" } }))]),
            POOL,
            person,
            false,
        ),
        (
            json!([statement(&json!({ "Principal": { "Federated": "accounts.google.com" } }))]),
            POOL,
            person,
            false,
        ),
        (
            json!([statement(&json!({ "Principal": { "AWS": "cognito-identity.amazonaws.com" } }))]),
            POOL,
            person,
            false,
        ),
        (json!([statement(&json!({ "Principal": "*" }))]), POOL, person, false),
        (json!([statement(&json!({ "Principal": { "AWS": "*" } }))]), POOL, person, false),
        (
            json!([statement(&json!({ "Principal": null, "NotPrincipal": { "AWS": "1" } }))]),
            POOL,
            person,
            false,
        ),
        (
            json!([statement(&json!({ "Condition": { "StringEquals": { "aws:PrincipalOrgID": "o" } } }))]),
            POOL,
            person,
            false,
        ),
        (deny(json!({ "Condition": null })), POOL, person, false),
        (deny(json!({ "Principal": "*", "Condition": null })), POOL, person, false),
        (
            deny(json!({ "Principal": null, "NotPrincipal": { "AWS": "1" }, "Condition": null })),
            POOL,
            person,
            false,
        ),
        (
            deny(json!({ "Condition": { "StringEquals": { "aws:PrincipalOrgID": "o" } } })),
            POOL,
            person,
            false,
        ),
    ] {
        let verdict = trust(&statements).unwrap().decide(&identity(pool, amr));
        assert_eq!(verdict.allowed, expected, "{statements} {pool} {amr:?}: {}", verdict.reason);
    }
}

#[test]
fn invalid_trust_policies_are_rejected_with_their_places() {
    for (statements, expected) in [
        (json!([statement(&json!({ "Principal": null }))]), "statement 1: Principal is missing"),
        (json!([statement(&json!({ "Principal": 7 }))]), "statement 1: Principal must have the form"),
        (json!([statement(&json!({ "Principal": { "Federated": 7 } }))]), "Principal must have the form"),
        (json!([statement(&json!({ "NotPrincipal": "*" }))]), "cannot both be present"),
        (json!([statement(&json!({ "Resource": "*" }))]), "unknown member Resource"),
        (
            json!([statement(&json!({})), statement(&json!({ "Effect": "Maybe" }))]),
            "statement 2: Effect must be",
        ),
        (json!([statement(&json!({ "Action": null }))]), "Action is missing"),
        (json!([statement(&json!({ "Owner": "me" }))]), "unknown member Owner"),
        (json!([7]), "not a JSON object"),
        (json!([]), "Statement must be a list"),
        (Value::Null, "not a JSON object"),
    ] {
        let errors = trust(&statements).unwrap_err().join("\n");
        assert!(errors.contains(expected) && errors.contains("role app"), "{statements}: {errors}");
    }
    let errors = TrustPolicy::parse("app", &json!("x"), &arn()).unwrap_err();
    assert_eq!(errors, ["trust policy of role app: not a JSON object"]);
}
