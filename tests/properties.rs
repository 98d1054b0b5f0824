//! Properties of every input, checked with random ones.

#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "the numbers are the test's own")]

#[path = "support/random.rs"]
mod random;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::policy::{MAX_DOCUMENT_CHARACTERS, MAX_DOCUMENTS};
use iot_jwt_authorizer::response::PrincipalId;
use proptest::prelude::*;
use serde_json::{Value, json};
use support::case::granted;
use support::deployment::Deployment;
use support::signer::Signer;
use support::{FUNCTION, NOW, at};

static EXAMPLE: LazyLock<Authorizer> = LazyLock::new(|| Deployment::named("example").authorizer());
static LARGE: LazyLock<Authorizer> = LazyLock::new(|| Deployment::named("large").authorizer());

/// The default claims with these changes.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "tenant": "acme", "iat": NOW, "exp": NOW + 3600,
    });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    claims
}

/// The response to an event with this token, as JSON, or `None` if the token is denied.
fn response(authorizer: &Authorizer, token: &str, client_id: Option<&str>) -> Option<Value> {
    let mut event = json!({ "token": token });
    if let Some(id) = client_id {
        event["protocolData"] = json!({ "mqtt": { "clientId": id } });
    }
    let decision = authorizer.authorize(event.to_string().as_bytes(), FUNCTION, at(0.0));
    decision.outcome.ok().map(|response| serde_json::to_value(response).unwrap())
}

/// Whatever the algorithm, no bit of a token can change.
#[test]
fn a_token_with_a_flipped_bit_is_denied() {
    let authorizer = Deployment::named("all").authorizer();
    for signer in ["rs256", "ps256", "es256", "es384", "eddsa"] {
        let token = Signer::named(signer).token(&claims(&json!({})));
        assert!(response(&authorizer, &token, None).is_some(), "{signer}");
        for bit in 0..token.len() * 8 {
            let mut flipped = token.clone().into_bytes();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(flipped) = String::from_utf8(flipped) else { continue };
            assert!(response(&authorizer, &flipped, None).is_none(), "{signer}: bit {bit}");
        }
    }
}

/// A JSON value of any shape, often a string with dangerous characters.
fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        3 => "[a-z0-9._:@|=-]{1,12}",
        3 => "[a-z*?+#$/{}\"\\\\ %~\u{0}\u{7f}äｱ＊]{0,6}",
        1 => Just("${sub}".to_owned()),
        1 => Just("${iot:ClientId}".to_owned()),
        1 => ".*",
    ];
    let leaf = prop_oneof![
        8 => text.prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(2, 12, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,4}", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

/// A value that slots accept, so that many tokens are allowed.
fn safe_json() -> impl Strategy<Value = Value> {
    let id = "[A-Za-z0-9._:@|=-]{1,20}";
    prop_oneof![
        id.prop_map(Value::from),
        (0..1u64 << 53).prop_map(Value::from),
        prop::collection::vec(id, 0..8).prop_map(Value::from),
    ]
}

/// A second evaluator, which shares no code with the first: it replaces each `${slot}` of a policy file by each value.
fn evaluate(
    policy: &str,
    values: &BTreeMap<&str, Vec<String>>,
    granted: &mut BTreeMap<String, BTreeSet<String>>,
) {
    let policy: Value = serde_json::from_str(policy).unwrap();
    for statement in policy["Statement"].as_array().unwrap() {
        let action = statement["Action"].as_str().unwrap().trim_start_matches("iot:").to_owned();
        let mut resources = vec![statement["Resource"].as_str().unwrap().to_owned()];
        for (slot, values) in values {
            let variable = format!("${{{slot}}}");
            resources = resources
                .iter()
                .flat_map(|resource| {
                    if resource.contains(&variable) {
                        values.iter().map(|value| resource.replace(&variable, value)).collect()
                    } else {
                        vec![resource.clone()]
                    }
                })
                .collect();
        }
        if !resources.is_empty() {
            granted.entry(action).or_default().extend(resources);
        }
    }
}

/// The values of a claim, as text.
fn values(claim: Option<&Value>) -> Vec<String> {
    match claim {
        Some(Value::Array(items)) => items.iter().flat_map(|item| values(Some(item))).collect(),
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Number(number)) => vec![number.to_string()],
        _ => Vec::new(),
    }
}

/// Checks that the response grants what the second evaluator says. Returns whether the token is allowed.
fn check_grant(sub: &Value, tenant: &Value, devices: &Value, role: &Value) -> Result<bool, TestCaseError> {
    let claims = claims(&json!({ "sub": sub, "tenant": tenant, "devices": devices, "role": role }));
    let token = Signer::named("es256").token(&claims);
    let id = sub.as_str().unwrap_or("ana");
    let Some(response) = response(&EXAMPLE, &token, Some(id)) else { return Ok(false) };
    let slots = BTreeMap::from([
        ("sub", values(claims.get("sub"))),
        ("tenant", values(claims.get("tenant"))),
        ("devices", values(claims.get("devices"))),
        ("mqtt:client_id", vec![id.to_owned()]),
    ]);
    let mut expected = BTreeMap::new();
    evaluate(include_str!("../policies/app-user.json"), &slots, &mut expected);
    evaluate(include_str!("../policies/device-owner.json"), &slots, &mut expected);
    if values(claims.get("role")).iter().any(|role| role == "operator") {
        evaluate(include_str!("../policies/tenant-operator.json"), &slots, &mut expected);
    }
    prop_assert_eq!(granted(&response), expected);
    let wildcards = |text: &str| text.matches(['*', '?', '$']).count();
    for resource in granted(&response).values().flatten() {
        prop_assert!(
            wildcards(resource) <= 1 && !resource.contains(['+', '#', '"', '\\', ' ']),
            "{}",
            resource
        );
    }
    Ok(true)
}

proptest! {
    #![proptest_config(random::config(5000))]

    #[test]
    fn any_bytes_are_denied(event in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(EXAMPLE.authorize(&event, FUNCTION, at(0.0)).outcome.is_err());
    }

    #[test]
    fn an_event_of_any_json_is_denied(token in any_json(), data in any_json(), other in any_json(), name in any_json()) {
        let events = [
            json!({ "token": token, "protocolData": data, "connectionMetadata": other }),
            json!({ "protocolData": { "mqtt": { "username": name, "password": token, "clientId": other }, "http": data } }),
            json!({ "protocolData": { "http": { "headers": { "authorization": token, "x": other }, "queryString": data } } }),
        ];
        for event in events {
            prop_assert!(EXAMPLE.authorize(event.to_string().as_bytes(), FUNCTION, at(0.0)).outcome.is_err(), "{}", event);
        }
    }

    #[test]
    fn any_header_and_payload_without_a_trusted_signature_are_denied(header in any_json(), payload in any_json(), alg in any_json()) {
        let mut known = Signer::named("es256").header();
        known["alg"] = alg;
        for header in [header, known] {
            let token = Signer::named("partners").sign(header.to_string().as_bytes(), payload.to_string().as_bytes());
            prop_assert!(response(&EXAMPLE, &token, None).is_none());
        }
    }

    #[test]
    fn any_claims_grant_what_the_second_evaluator_says(
        sub in any_json(), tenant in any_json(), devices in any_json(), role in any_json()
    ) {
        check_grant(&sub, &tenant, &devices, &role)?;
    }

    #[test]
    fn safe_claims_are_allowed_and_grant_what_the_second_evaluator_says(
        sub in "[A-Za-z0-9._:@|=-]{1,20}", tenant in "[A-Za-z0-9._:@|=-]{1,20}", devices in safe_json(), operator in any::<bool>()
    ) {
        let role = if operator { json!(["user", "operator"]) } else { Value::Null };
        let allowed = check_grant(&json!(sub), &json!(tenant), &devices, &role)?;
        prop_assert!(allowed, "safe claims are denied");
    }

    #[test]
    fn any_claim_gets_the_same_response_twice(name in "iss|sub|aud|exp|nbf|iat|jti|cnf|tenant|devices|role", value in any_json()) {
        let token = Signer::named("es256").token(&claims(&json!({ name: value })));
        let respond = || response(&EXAMPLE, &token, None).map(|response| response.to_string());
        prop_assert_eq!(respond(), respond());
    }

    #[test]
    fn two_subjects_never_share_a_principal(left in ("[a-c:0-9]{0,4}", "[a-c:0-9]{0,4}"), right in ("[a-c:0-9]{0,4}", "[a-c:0-9]{0,4}")) {
        let principal = |(issuer, subject): &(String, String)| PrincipalId::of_subject(issuer, subject);
        prop_assert_eq!(left == right, principal(&left) == principal(&right));
        prop_assert!(principal(&left).as_str().len() == 64 && principal(&left).as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}

proptest! {
    #![proptest_config(random::config(300))]

    #[test]
    fn documents_are_within_the_limits_and_complete(list in prop::collection::vec("[a-z0-9]{1,128}", 1..300)) {
        let token = Signer::named("rs256").token(&claims(&json!({ "kind": "lists", "list": list })));
        let Some(response) = response(&LARGE, &token, None) else {
            // Ten documents hold 20,480 characters. A list that is denied would not fit in any way.
            prop_assert!(list.iter().map(|item| item.len() + 50).sum::<usize>() > 15_000);
            return Ok(());
        };
        let documents = response["policyDocuments"].as_array().unwrap();
        prop_assert!(documents.len() <= MAX_DOCUMENTS);
        prop_assert!(documents.iter().all(|document| document.to_string().chars().count() <= MAX_DOCUMENT_CHARACTERS));
        let expected: BTreeSet<String> = list.iter().map(|item| format!("topic/lists/{item}")).collect();
        prop_assert_eq!(&granted(&response)["Publish"], &expected);
    }
}
