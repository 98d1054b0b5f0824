//! The lines that operators see: all that they need, and nothing that they must not have. What a line holds is what `tests/template/line.json`
//! says, by which the template's alarms and the queries of docs/logs.md are proven.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use iot_jwt_authorizer::log::{self, Circumstances, Level, Settings};
use iot_jwt_authorizer::response::PrincipalId;
use serde_json::{Value, json};
use support::deployment::Deployment;
use support::signer::Signer;
use support::{FUNCTION, NOW, at, circumstances, root};

/// Lambda's settings: level and format, where they are set.
fn settings(level: Option<&str>, format: Option<&str>) -> Settings {
    Settings::of(&|name| match name {
        "AWS_LAMBDA_FUNCTION_NAME" => Some("authorizer".to_owned()),
        "AWS_LAMBDA_LOG_LEVEL" => level.map(str::to_owned),
        "AWS_LAMBDA_LOG_FORMAT" => format.map(str::to_owned),
        _ => None,
    })
}

/// The line for a token of these claims, presented by this client id.
fn written(
    more: &Value,
    client_id: &str,
    circumstances: Circumstances<'_>,
    settings: &Settings,
) -> Option<Value> {
    let mut claims = json!({
        "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "tenant": "acme", "exp": NOW + 600,
    });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let event = json!({
        "token": Signer::named("rs256").token(&claims), "protocolData": { "mqtt": { "clientId": client_id } },
        "connectionMetadata": { "id": "c-1" },
    });
    let authorizer = Deployment::named("example").authorizer();
    let decision = authorizer.authorize(event.to_string().as_bytes(), FUNCTION, at(0.0));
    let line = String::from_utf8(log::line(&decision, circumstances, settings)?).unwrap();
    // CloudWatch takes a line for an event.
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.ends_with('\n'));
    let line = serde_json::from_str(&line).unwrap();
    is_as_agreed(&line, "decision");
    Some(line)
}

fn line(more: &Value, client_id: &str) -> Value {
    written(more, client_id, circumstances(), &settings(None, None)).unwrap()
}

/// Every member is agreed, and every metric stands in the line under its agreed dimensions.
fn is_as_agreed(line: &Value, kind: &str) {
    let agreed = std::fs::read_to_string(root().join("tests/template/line.json")).unwrap();
    let agreed: Value = serde_json::from_str(&agreed).unwrap();
    let mut known: BTreeSet<&str> = ["_aws", "function"].into();
    known.extend(agreed["members"][kind].as_array().unwrap().iter().map(|name| name.as_str().unwrap()));
    let metrics = agreed["metrics"].as_object().unwrap();
    let members = line.as_object().unwrap();
    for name in members.keys() {
        assert!(known.contains(&**name) || metrics.contains_key(name), "`{name}` is not agreed");
    }
    for directive in line["_aws"]["CloudWatchMetrics"].as_array().into_iter().flatten() {
        assert_eq!(directive["Namespace"], agreed["namespace"]);
        let dimensions = directive["Dimensions"].as_array().unwrap();
        for metric in directive["Metrics"].as_array().unwrap() {
            let name = metric["Name"].as_str().unwrap();
            assert!(line[name].is_number(), "{name}");
            for set in dimensions {
                assert!(metrics[name].as_array().unwrap().contains(set), "{name} by {set}");
                assert!(set.as_array().unwrap().iter().all(|name| line[name.as_str().unwrap()].is_string()));
            }
        }
    }
}

/// Which metrics a line carries, each with what it is counted by.
fn metrics(line: &Value) -> Vec<String> {
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap().iter();
    let named = |directive: &Value| {
        let by = directive["Dimensions"].to_string().replace('"', "");
        let metrics = directive["Metrics"].as_array().unwrap().iter();
        metrics.map(|metric| format!("{} {by}", metric["Name"].as_str().unwrap())).collect::<Vec<_>>()
    };
    directives.flat_map(named).collect()
}

/// A line without what every line has.
fn own(mut line: Value) -> Value {
    let members = line.as_object_mut().unwrap();
    for name in ["_aws", "characters", "policy_hash"] {
        members.remove(name);
    }
    line
}

fn common(more: &Value) -> Value {
    let mut common = json!({
        "timestamp": "2027-01-15T08:00:00Z", "connection_id": "c-1", "request_id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd", "issuer": "users",
        "kid": "rs256-1", "principal": PrincipalId::of_subject("https://login.example.com/", "ana").as_str(), "duration_us": 42,
        "cold_start": false, "key_fetches": 0, "function": "authorizer",
    });
    common.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    common
}

#[test]
fn who_was_let_in() {
    let line = line(&json!({ "devices": ["lamp-1"] }), "ana/phone");
    assert_eq!(
        metrics(&line),
        ["allowed [[function]]", "duration_us [[function]]", "key_fetches [[function]]"]
    );
    assert_eq!(line["_aws"]["Timestamp"], NOW * 1000);
    assert!(line["characters"].as_u64().unwrap() > 300);
    assert_eq!(line["policy_hash"].as_str().unwrap().len(), 32);
    let expected = common(&json!({
        "level": "INFO", "decision": "allow", "client_id": "ana/phone", "policies": ["app-user", "device-owner"], "documents": 1, "allowed": 1,
    }));
    assert_eq!(own(line), expected);
}

#[test]
fn who_was_not_and_what_to_mend() {
    let refused = |more: Value| {
        let mut refused =
            common(&json!({ "level": "WARN", "decision": "deny", "documents": 0, "refused": 1 }));
        refused.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        refused
    };
    let policies = json!(["app-user", "device-owner"]);
    let cases = [
        (
            json!({ "tenant": "a*b" }),
            "ana",
            json!({
                "code": "unsafe_claim_value", "detail": "tenant", "policies": policies,
                "hint": "Give the slot the type that fits (`path`, `hash`), or change the claim at the issuer.",
            }),
        ),
        // A client id that was not allowed is a stranger's word, and is not written down.
        (
            json!({}),
            "somebody-else",
            json!({
                "code": "client_id_not_allowed", "policies": policies, "hint": "Let the client use an id that fits `client_ids`.",
            }),
        ),
        (
            json!({ "exp": 1 }),
            "ana",
            json!({
                "code": "expired", "hint": "Let the client fetch a fresh token before it connects.",
            }),
        ),
    ];
    for (claims, client_id, more) in cases {
        let line = line(&claims, client_id);
        let counted = [
            "refused [[function]]",
            "duration_us [[function]]",
            "key_fetches [[function]]",
            "refused [[function,code]]",
        ];
        assert_eq!(metrics(&line), counted);
        assert_eq!(line["policy_hash"], Value::Null);
        assert_eq!(own(line), refused(more));
    }
}

/// The signature vouches for a subject, whatever else is wrong; a subject that is none is nobody's.
#[test]
fn a_principal_once_the_signature_holds() {
    for (claims, expected) in [
        (json!({ "aud": "other" }), Some("ana")),
        (json!({ "exp": null }), Some("ana")),
        (json!({ "sub": "eve", "exp": 1 }), Some("eve")),
        (json!({ "sub": 7 }), None),
        (json!({ "sub": "" }), None),
    ] {
        let expected = expected.map(|subject| PrincipalId::of_subject("https://login.example.com/", subject));
        let expected = expected.map_or(Value::Null, |principal| principal.as_str().into());
        assert_eq!(line(&claims, "ana")["principal"], expected, "{claims}");
    }
}

#[test]
fn what_the_shell_adds() {
    let circumstances = Circumstances {
        trace: Some("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"),
        cold_start: true,
        key_fetches: 2,
        key_age: Some(Duration::from_millis(61_900)),
        ..circumstances()
    };
    let line = written(&json!({}), "ana", circumstances, &settings(None, None)).unwrap();
    let told = ["trace_id", "cold_start", "cold_starts", "key_fetches", "key_age_seconds"]
        .map(|name| line[name].clone());
    assert_eq!(json!(told), json!(["1-5759e988-bd862e3fe1be46a994272793", true, 1, 2, 61]));
    assert!(metrics(&line).contains(&"key_age_seconds [[function]]".to_owned()));
    assert!(metrics(&line).contains(&"cold_starts [[function]]".to_owned()));
    for broken in ["", "Root", "root=1-2", "Parent=1;Sampled=0"] {
        let circumstances = Circumstances { trace: Some(broken), ..circumstances };
        let line = written(&json!({}), "ana", circumstances, &settings(None, None)).unwrap();
        assert_eq!(line["trace_id"], Value::Null, "{broken}");
    }
}

/// The same answer has the same hash, another one another.
#[test]
fn answers_are_told_apart_by_their_hash() {
    let hash = |more: Value| line(&more, "ana")["policy_hash"].clone();
    assert_eq!(hash(json!({})), hash(json!({ "jti": "1" })));
    assert_ne!(hash(json!({})), hash(json!({ "devices": ["lamp-1"] })));
    assert_ne!(log::policy_hash(["a", "b"].into_iter()), log::policy_hash(["ab"].into_iter()));
}

/// Lambda's setting: what is below it is not written, and what is at it or above is.
#[test]
fn lambda_s_log_level() {
    for (level, allowed, refused) in [
        (None, true, true),
        (Some("TRACE"), true, true),
        (Some("DEBUG"), true, true),
        (Some("INFO"), true, true),
        (Some("WARN"), false, true),
        (Some("ERROR"), false, false),
        (Some("FATAL"), false, false),
        (Some("loud"), true, true),
    ] {
        let settings = settings(level, None);
        let is_written = |more| written(more, "ana", circumstances(), &settings).is_some();
        assert_eq!(
            (is_written(&json!({})), is_written(&json!({ "exp": 1 }))),
            (allowed, refused),
            "{level:?}"
        );
    }
}

/// What is no decision is text, unless Lambda wants JSON of every line.
#[test]
fn lambda_s_log_format() {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    let notice = |level, format| {
        log::notice(Level::Warn, "one \"thing\"\nand another\n", time, &settings(level, format))
    };
    assert_eq!(notice(None, None), "one \"thing\"\nand another\n");
    assert_eq!(notice(None, Some("Text")), notice(None, None));
    let lines = notice(None, Some("JSON"));
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line =
        |message: &str| json!({ "level": "WARN", "timestamp": "2027-01-15T08:00:00Z", "message": message });
    assert_eq!(lines, [line("one \"thing\""), line("and another")]);
    assert_eq!(notice(Some("ERROR"), Some("JSON")), "");
}

/// A function's name is letters, digits, hyphens and underscores; another would not be put into JSON as it stands.
#[test]
fn a_name_that_is_none_is_left_out() {
    for (name, kept) in [("a-b_C9", "a-b_C9"), ("a\"b", ""), ("a b", "")] {
        assert_eq!(Settings::of(&|_| Some(name.to_owned())).function(), kept);
    }
}
