//! What is promised for every input, tried with many.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests fail by panicking"
)]

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

fn claims(more: Value) -> Value {
    let mut claims = json!({
        "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "tenant": "acme", "iat": NOW, "exp": NOW + 3600,
    });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

/// The answer to a token in its field, as JSON; `None` for a refusal.
fn answer(authorizer: &Authorizer, token: &str, client_id: Option<&str>) -> Option<Value> {
    let mut event = json!({ "token": token });
    if let Some(id) = client_id {
        event["protocolData"] = json!({ "mqtt": { "clientId": id } });
    }
    let decision = authorizer.authorize(event.to_string().as_bytes(), FUNCTION, at(0.0));
    decision.outcome.ok().map(|answer| serde_json::to_value(answer).unwrap())
}

/// Every bit of a good token matters, whatever the algorithm.
#[test]
fn any_flipped_bit_of_a_token_is_refused() {
    let authorizer = Deployment::named("all").authorizer();
    for signer in ["rs256", "ps256", "es256", "es384", "eddsa"] {
        let token = Signer::named(signer).token(&claims(json!({})));
        assert!(answer(&authorizer, &token, None).is_some(), "{signer}");
        for at in 0..token.len() * 8 {
            let mut flipped = token.clone().into_bytes();
            flipped[at / 8] ^= 1 << (at % 8);
            let Ok(flipped) = String::from_utf8(flipped) else { continue };
            assert!(answer(&authorizer, &flipped, None).is_none(), "{signer}: bit {at}");
        }
    }
}

/// A JSON value of any shape, strings of dangerous characters above all.
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

/// Values that the slots take, so that answers are allowed often enough to be looked at.
fn fit_json() -> impl Strategy<Value = Value> {
    let id = "[A-Za-z0-9._:@|=-]{1,20}";
    prop_oneof![
        id.prop_map(Value::from),
        (0..1u64 << 53).prop_map(Value::from),
        prop::collection::vec(id, 0..8).prop_map(Value::from),
    ]
}

/// The second evaluator: the template's own JSON, each `${slot}` replaced by each value as text. It shares nothing with the renderer.
fn literal(
    policy: &str,
    values: &BTreeMap<&str, Vec<String>>,
    wanted: &mut BTreeMap<String, BTreeSet<String>>,
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
            wanted.entry(action).or_default().extend(resources);
        }
    }
}

/// A claim's values as the contract reads them.
fn values(claim: Option<&Value>) -> Vec<String> {
    match claim {
        Some(Value::Array(items)) => items.iter().flat_map(|item| values(Some(item))).collect(),
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Number(number)) => vec![number.to_string()],
        _ => Vec::new(),
    }
}

fn grants_literally(
    sub: &Value,
    tenant: &Value,
    devices: &Value,
    role: &Value,
) -> Result<bool, TestCaseError> {
    let claims = claims(json!({ "sub": sub, "tenant": tenant, "devices": devices, "role": role }));
    let token = Signer::named("es256").token(&claims);
    let id = sub.as_str().unwrap_or("ana");
    let Some(answer) = answer(&EXAMPLE, &token, Some(id)) else { return Ok(false) };
    let bound = BTreeMap::from([
        ("sub", values(claims.get("sub"))),
        ("tenant", values(claims.get("tenant"))),
        ("devices", values(claims.get("devices"))),
        ("mqtt:client_id", vec![id.to_owned()]),
    ]);
    let mut wanted = BTreeMap::new();
    literal(include_str!("../policies/app-user.json"), &bound, &mut wanted);
    literal(include_str!("../policies/device-owner.json"), &bound, &mut wanted);
    if values(claims.get("role")).iter().any(|role| role == "operator") {
        literal(include_str!("../policies/tenant-operator.json"), &bound, &mut wanted);
    }
    prop_assert_eq!(granted(&answer), wanted);
    let stars = |text: &str| text.matches(['*', '?', '$']).count();
    for resource in granted(&answer).values().flatten() {
        prop_assert!(stars(resource) <= 1 && !resource.contains(['+', '#', '"', '\\', ' ']), "{}", resource);
    }
    Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_refused(event in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(EXAMPLE.authorize(&event, FUNCTION, at(0.0)).outcome.is_err());
    }

    #[test]
    fn any_event_with_any_json_in_it_is_refused(token in any_json(), data in any_json(), more in any_json(), name in any_json()) {
        let events = [
            json!({ "token": token, "protocolData": data, "connectionMetadata": more }),
            json!({ "protocolData": { "mqtt": { "username": name, "password": token, "clientId": more }, "http": data } }),
            json!({ "protocolData": { "http": { "headers": { "authorization": token, "x": more }, "queryString": data } } }),
        ];
        for event in events {
            prop_assert!(EXAMPLE.authorize(event.to_string().as_bytes(), FUNCTION, at(0.0)).outcome.is_err(), "{}", event);
        }
    }

    #[test]
    fn any_header_and_payload_signed_by_nobody_are_refused(header in any_json(), payload in any_json(), alg in any_json()) {
        let mut known = Signer::named("es256").header();
        known["alg"] = alg;
        for header in [header, known] {
            let token = Signer::named("partners").sign(header.to_string().as_bytes(), payload.to_string().as_bytes());
            prop_assert!(answer(&EXAMPLE, &token, None).is_none());
        }
    }

    #[test]
    fn any_claims_grant_what_the_template_says_literally(
        sub in any_json(), tenant in any_json(), devices in any_json(), role in any_json()
    ) {
        grants_literally(&sub, &tenant, &devices, &role)?;
    }

    #[test]
    fn fit_claims_grant_what_the_template_says_literally(
        sub in "[A-Za-z0-9._:@|=-]{1,20}", tenant in "[A-Za-z0-9._:@|=-]{1,20}", devices in fit_json(), operator in any::<bool>()
    ) {
        let role = if operator { json!(["user", "operator"]) } else { Value::Null };
        let allowed = grants_literally(&json!(sub), &json!(tenant), &devices, &role)?;
        prop_assert!(allowed, "fit claims are refused");
    }

    #[test]
    fn any_claim_of_any_shape_is_decided_the_same_way_twice(name in "iss|sub|aud|exp|nbf|iat|jti|cnf|tenant|devices|role", value in any_json()) {
        let token = Signer::named("es256").token(&claims(json!({ name: value })));
        let once = answer(&EXAMPLE, &token, None).map(|answer| answer.to_string());
        prop_assert_eq!(once, answer(&EXAMPLE, &token, None).map(|answer| answer.to_string()));
    }

    #[test]
    fn two_subjects_never_share_a_principal(one in ("[a-c:0-9]{0,4}", "[a-c:0-9]{0,4}"), two in ("[a-c:0-9]{0,4}", "[a-c:0-9]{0,4}")) {
        let principal = |(issuer, subject): &(String, String)| PrincipalId::of_subject(issuer, subject);
        prop_assert_eq!(one == two, principal(&one) == principal(&two));
        prop_assert!(principal(&one).as_str().len() == 64 && principal(&one).as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn documents_keep_the_limits_and_nothing_is_lost(list in prop::collection::vec("[a-z0-9]{1,128}", 1..300)) {
        let token = Signer::named("rs256").token(&claims(json!({ "kind": "greedy", "list": list })));
        let Some(answer) = answer(&LARGE, &token, None) else {
            // What is refused would not have fitted either way: ten documents hold 20,480 characters.
            prop_assert!(list.iter().map(|item| item.len() + 50).sum::<usize>() > 15_000);
            return Ok(());
        };
        let documents = answer["policyDocuments"].as_array().unwrap();
        prop_assert!(documents.len() <= MAX_DOCUMENTS);
        prop_assert!(documents.iter().all(|document| document.to_string().chars().count() <= MAX_DOCUMENT_CHARACTERS));
        let wanted: BTreeSet<String> = list.iter().map(|item| format!("topic/lists/{item}")).collect();
        prop_assert_eq!(&granted(&answer)["Publish"], &wanted);
    }
}
