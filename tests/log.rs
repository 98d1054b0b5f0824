//! The log lines of decisions: complete, and without secrets. Their members and metrics are those of
//! `line.json`, which the tests of the template's alarms and of the queries in `docs/logs.md` use, too.

#![cfg(test)]

mod support;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use iot_jwt_authorizer::config::Config;
use iot_jwt_authorizer::log::{self, EventFacts, Level, LogSettings};
use iot_jwt_authorizer::response::PrincipalId;
use iot_jwt_authorizer::revocation::{Revocation, RevocationList, WhenStale};
use serde_json::{Value, json};
use support::deployment::Deployment;
use support::signer::Signer;
use support::{FUNCTION, NOW, at, event_facts, root};

/// Lambda's settings with this level and format, if any.
fn settings(level: Option<&str>, format: Option<&str>) -> LogSettings {
    LogSettings::read(&|name| match name {
        "AWS_LAMBDA_FUNCTION_NAME" => Some("authorizer".to_owned()),
        "AWS_LAMBDA_FUNCTION_VERSION" => Some("12".to_owned()),
        "AWS_LAMBDA_LOG_LEVEL" => level.map(str::to_owned),
        "AWS_LAMBDA_LOG_FORMAT" => format.map(str::to_owned),
        _ => None,
    })
}

/// The line of a request with these claims and this client id, or `None` if it is not written.
fn written_line(
    changes: &Value,
    client_id: &str,
    facts: EventFacts<'_>,
    settings: &LogSettings,
) -> Option<Value> {
    let mut claims = json!({
        "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "tenant": "acme", "exp": NOW + 600,
    });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let event = json!({
        "token": Signer::named("rs256").token(&claims), "protocolData": { "mqtt": { "clientId": client_id } },
        "connectionMetadata": { "id": "c-1" },
    });
    let authorizer = Deployment::named("example").authorizer();
    let decision = authorizer.authorize(event.to_string().as_bytes(), FUNCTION, at(0.0));
    let line = String::from_utf8(log::line(&decision, facts, settings)?).unwrap();
    assert!(line.starts_with("{\"message\":\""), "{line}");
    // CloudWatch Logs makes each line a log event.
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.ends_with('\n'));
    let line = serde_json::from_str(&line).unwrap();
    check_members(&line, "decision");
    Some(line)
}

/// As [`written_line`], with default facts and settings.
fn line(changes: &Value, client_id: &str) -> Value {
    written_line(changes, client_id, event_facts(), &settings(None, None)).unwrap()
}

/// Checks that every member is in `line.json`, and that every metric is in the line, with the dimensions of
/// `line.json`.
fn check_members(line: &Value, kind: &str) {
    let agreed = std::fs::read_to_string(root().join("tests/outside/template/line.json")).unwrap();
    let agreed: Value = serde_json::from_str(&agreed).unwrap();
    let mut known: BTreeSet<&str> = ["_aws", "function"].into();
    known.extend(agreed["members"][kind].as_array().unwrap().iter().map(|name| name.as_str().unwrap()));
    let metrics = agreed["metrics"].as_object().unwrap();
    let members = line.as_object().unwrap();
    for name in members.keys() {
        assert!(known.contains(&**name) || metrics.contains_key(name), "`{name}` is not in line.json");
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

/// The metrics of a line, each with its dimensions.
fn metrics(line: &Value) -> Vec<String> {
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap().iter();
    let named = |directive: &Value| {
        let dimensions = directive["Dimensions"].to_string().replace('"', "");
        let metrics = directive["Metrics"].as_array().unwrap().iter();
        metrics.map(|metric| format!("{} {dimensions}", metric["Name"].as_str().unwrap())).collect::<Vec<_>>()
    };
    directives.flat_map(named).collect()
}

/// A line without the members that the tests check separately.
fn without_figures(mut line: Value) -> Value {
    let members = line.as_object_mut().unwrap();
    for name in ["_aws", "characters", "policy_hash"] {
        members.remove(name);
    }
    line
}

/// The members that the lines of the tests share, and these.
fn expected_line(members: &Value) -> Value {
    let mut common = json!({
        "timestamp": "2027-01-15T08:00:00Z", "connection_id": "c-1", "request_id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd", "issuer": "users",
        "kid": "rs256-1", "principal": PrincipalId::of_subject("https://login.example.com/", "ana").as_str(), "duration_us": 42,
        "cold_start": false, "key_fetches": 0, "function": "authorizer", "function_version": "12", "protocol": "mqtt",
    });
    common.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    common
}

#[test]
fn the_line_of_an_allowed_request() {
    let line = line(&json!({ "devices": ["lamp-1"] }), "ana/phone");
    assert_eq!(
        metrics(&line),
        ["allowed [[function]]", "duration_us [[function]]", "key_fetches [[function]]"]
    );
    assert_eq!(line["_aws"]["Timestamp"], NOW * 1000);
    assert!(line["characters"].as_u64().unwrap() > 300);
    assert_eq!(line["policy_hash"].as_str().unwrap().len(), 32);
    let expected = expected_line(&json!({
        "message": "allowed users: app-user, device-owner", "level": "INFO", "decision": "allow", "client_id": "ana/phone", "policies": ["app-user", "device-owner"], "documents": 1, "allowed": 1,
    }));
    assert_eq!(without_figures(line), expected);
}

#[test]
fn the_line_of_a_denied_request_has_a_hint() {
    let denied = |members: Value| {
        let mut denied =
            expected_line(&json!({ "level": "WARN", "decision": "deny", "documents": 0, "refused": 1 }));
        denied.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        denied
    };
    let policies = json!(["app-user", "device-owner"]);
    let cases = [
        (
            json!({ "tenant": "a*b" }),
            "ana",
            json!({
                "message": "denied unsafe_claim_value: A claim that fills a slot has characters or a length that the slot does not allow.",
                "code": "unsafe_claim_value", "detail": "tenant", "policies": policies,
                "hint": "`*`, `+` and `#` are never legitimate: an attack, or an error of the issuer. For a legitimate value, give the slot a type that allows it (`path`, `hash`).",
            }),
        ),
        // A client id that is not allowed can be any text, so it is not logged.
        (
            json!({}),
            "ben",
            json!({
                "message": "denied client_id_not_allowed: The MQTT client id is absent, or does not match any of `client_ids`.",
                "detail": "the client id does not match `${sub}` or `${sub}/*`",
                "code": "client_id_not_allowed", "policies": policies, "hint": "Have the client use a client id that matches `client_ids`, where `*` stands for one level.",
            }),
        ),
        (
            json!({}),
            "",
            json!({
                "message": "denied client_id_not_allowed: The MQTT client id is absent, or does not match any of `client_ids`.",
                "detail": "no client id was sent",
                "code": "client_id_not_allowed", "policies": policies, "hint": "Have the client use a client id that matches `client_ids`, where `*` stands for one level.",
            }),
        ),
        (
            json!({ "exp": 1 }),
            "ana",
            json!({
                "message": "denied expired: The token's `exp` has passed.", "code": "expired", "hint": "Have the client get a new token before it connects.",
            }),
        ),
    ];
    for (claims, client_id, members) in cases {
        let line = line(&claims, client_id);
        let expected_metrics = [
            "refused [[function]]",
            "duration_us [[function]]",
            "key_fetches [[function]]",
            "refused [[function,code]]",
        ];
        assert_eq!(metrics(&line), expected_metrics);
        assert_eq!(line["policy_hash"], Value::Null);
        assert_eq!(without_figures(line), denied(members));
    }
}

/// The detail says why a client id is not allowed, and has nothing of it: it can be any text.
#[test]
fn the_detail_of_a_denied_client_id_has_patterns_only() {
    let no_match = "the client id does not match `${sub}` or `${sub}/*`";
    let no_id = "the text for `*` of `${sub}/*` has a character that an id cannot have, as `/`";
    for (client_id, expected) in [
        ("", "no client id was sent"),
        ("ben", no_match),
        ("ana2", no_match),
        ("ana/", no_match),
        ("Ana/phone", no_match),
        ("ana/phone/2", no_id),
        ("ana//", no_id),
        ("ana/eve mallory", no_id),
        ("ana/\"}{\"", no_id),
        ("ana/*", no_id),
        (&format!("ana/{}", "x".repeat(125)), "the client id has more than 128 bytes"),
        (&"/".repeat(129), "the client id has more than 128 bytes"),
    ] {
        let line = line(&json!({}), client_id);
        assert_eq!(line["code"], "client_id_not_allowed", "{client_id}");
        assert_eq!(line["detail"], expected, "{client_id}");
        assert!(client_id.len() < 5 || !line.to_string().contains(client_id), "{line}");
    }
    assert_eq!(line(&json!({}), &format!("ana/{}", "x".repeat(124)))["decision"], "allow");
}

/// The outermost protocol of the event, and none for a test call.
#[test]
fn the_line_has_the_protocol_of_the_event() {
    let authorizer = Deployment::named("example").authorizer();
    for (protocol_data, expected) in [
        (json!({ "mqtt": {} }), json!("mqtt")),
        (json!({ "tls": {}, "http": {}, "mqtt": {} }), json!("mqtt")),
        (json!({ "tls": {}, "http": {} }), json!("http")),
        (json!({ "http": {}, "mqtt": null }), json!("http")),
        (json!({ "tls": {} }), json!("tls")),
        (json!({}), Value::Null),
        (Value::Null, Value::Null),
    ] {
        let event = json!({ "protocolData": protocol_data, "protocols": ["tls", "mqtt"] }).to_string();
        let decision = authorizer.authorize(event.as_bytes(), FUNCTION, at(0.0));
        let line = log::line(&decision, event_facts(), &settings(None, None)).unwrap();
        let line: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(line["protocol"], expected, "{event}");
    }
}

/// A deployment's lines have the hash of its files, which any change of a file changes.
#[test]
fn the_line_has_the_hash_of_the_deployment() {
    let deployment = Deployment::named("example");
    let hash = || deployment.load().unwrap().hash;
    let first = hash();
    assert!(first.len() == 16 && first.bytes().all(|byte| byte.is_ascii_hexdigit()), "{first}");
    assert_eq!(hash(), first);
    let config = deployment.load().unwrap();
    let decision = config.authorizer.authorize(b"{}", FUNCTION, at(0.0));
    let line = log::line(&decision, event_facts(), &config.log).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&line).unwrap()["config"], first);

    let mut hashes = BTreeSet::from([first.clone()]);
    for file in ["authorizer.toml", "policies/app-user.json", "keys/users.jwks.json"] {
        let text = std::fs::read_to_string(deployment.path(file)).unwrap();
        deployment.write(file, format!("{text}\n"));
        assert!(hashes.insert(hash()), "{file}");
        deployment.write(file, text);
    }
    assert_eq!(hash(), first);
    // Files that the deployment does not name are not part of it, and neither is the name of its configuration.
    deployment.write("policies/unused.json", "{}");
    deployment.write("keys/unused.json", "{}");
    assert_eq!(hash(), first);
    std::fs::rename(deployment.path("authorizer.toml"), deployment.path("other.toml")).unwrap();
    let renamed = Config::load(&deployment.path("other.toml"), &|_| None).unwrap();
    assert_eq!(renamed.hash, first);
}

/// With a valid signature the line has the principal of the subject, even if the token is denied.
#[test]
fn the_line_has_the_principal_if_the_signature_is_valid() {
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
fn the_line_has_the_facts_of_the_event() {
    let facts = EventFacts {
        trace: Some("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"),
        cold_start: true,
        key_fetches: 2,
        key_age: Some(Duration::from_millis(61_900)),
        ..event_facts()
    };
    let line = written_line(&json!({}), "ana", facts, &settings(None, None)).unwrap();
    let members = ["trace_id", "cold_start", "cold_starts", "key_fetches", "key_age_seconds"]
        .map(|name| line[name].clone());
    assert_eq!(json!(members), json!(["1-5759e988-bd862e3fe1be46a994272793", true, 1, 2, 61]));
    assert!(metrics(&line).contains(&"key_age_seconds [[function]]".to_owned()));
    assert!(metrics(&line).contains(&"cold_starts [[function]]".to_owned()));
    for invalid in ["", "Root", "root=1-2", "Parent=1;Sampled=0"] {
        let facts = EventFacts { trace: Some(invalid), ..facts };
        let line = written_line(&json!({}), "ana", facts, &settings(None, None)).unwrap();
        assert_eq!(line["trace_id"], Value::Null, "{invalid}");
    }
}

/// Equal policies have equal hashes, and different policies have different ones.
#[test]
fn the_policy_hash_distinguishes_policies() {
    let hash = |claims: Value| line(&claims, "ana")["policy_hash"].clone();
    assert_eq!(hash(json!({})), hash(json!({ "jti": "1" })));
    assert_ne!(hash(json!({})), hash(json!({ "devices": ["lamp-1"] })));
    assert_ne!(log::policy_hash(["a", "b"].into_iter()), log::policy_hash(["ab"].into_iter()));
}

/// Lines below Lambda's level are not written.
#[test]
fn lines_have_at_least_the_level_of_the_settings() {
    for (level, allowed, denied) in [
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
        let is_written = |claims| written_line(claims, "ana", event_facts(), &settings).is_some();
        assert_eq!(
            (is_written(&json!({})), is_written(&json!({ "exp": 1 }))),
            (allowed, denied),
            "{level:?}"
        );
    }
}

/// A notice is plain text, or one JSON line if the log's format is JSON.
#[test]
fn notices_have_the_format_of_the_settings() {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    let message = "a \"quoted\" error\n  help: a hint";
    let notice = |level, format| log::notice(Level::Warn, message, time, &settings(level, format));
    assert_eq!(notice(None, None), "a \"quoted\" error\n  help: a hint\n");
    assert_eq!(notice(None, Some("Text")), notice(None, None));
    let line = notice(None, Some("JSON"));
    assert!(line.ends_with('\n') && line.lines().count() == 1, "{line}");
    let expected = json!({ "level": "WARN", "timestamp": "2027-01-15T08:00:00Z", "message": message });
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), expected);
    assert_eq!(notice(Some("ERROR"), Some("JSON")), "");
    assert_eq!(notice(Some("ERROR"), None), "");
}

/// A version that cannot be written to JSON unescaped is omitted, and so is an absent one.
#[test]
fn a_version_is_a_number_or_latest() {
    for (version, expected) in [
        (Some("7"), json!("7")),
        (Some("$LATEST"), json!("$LATEST")),
        (Some("\"x"), Value::Null),
        (None, Value::Null),
    ] {
        let settings = LogSettings::read(&|name| {
            (name == "AWS_LAMBDA_FUNCTION_VERSION").then(|| version.map(str::to_owned)).flatten()
        });
        let line = written_line(&json!({}), "ana", event_facts(), &settings).unwrap();
        assert_eq!(line["function_version"], expected);
        assert_eq!(line["config"], Value::Null);
    }
}

/// A function's name has letters, digits, hyphens and underscores. Any other name could not be written to JSON
/// unescaped.
#[test]
fn an_invalid_function_name_is_omitted() {
    for (name, expected) in [("a-b_C9", "a-b_C9"), ("a\"b", ""), ("a b", "")] {
        assert_eq!(LogSettings::read(&|_| Some(name.to_owned())).function(), expected);
    }
}

/// The line of a decision with a revocation list, and of one without, though there should be one.
#[test]
fn the_line_has_the_revocation_list() {
    let when_stale = [WhenStale::Allow, WhenStale::Deny].map(Revocation::Stale);
    let list = |subject: &str| {
        let text = json!({ "version": 7, "sub": { "users": [subject] } }).to_string();
        Revocation::List(RevocationList::parse(text.as_bytes()).unwrap().into())
    };
    let [allowing, denying] = when_stale;
    let facts = EventFacts {
        revocation_fetches: 1,
        revocation_age: Some(Duration::from_millis(2900)),
        ..event_facts()
    };
    let without_age = EventFacts { revocation_age: None, ..facts };
    for (revocation, facts, level, decision, version, age, metric) in [
        (Revocation::Off, facts, "INFO", "allow", Value::Null, Value::Null, ""),
        (list("ben"), facts, "INFO", "allow", 7.into(), 2.into(), "revocation_age_seconds"),
        (list("ana"), facts, "WARN", "deny", 7.into(), 2.into(), "revocation_age_seconds"),
        (allowing, without_age, "ERROR", "allow", Value::Null, Value::Null, "revocation_stale"),
        (denying, without_age, "ERROR", "deny", Value::Null, Value::Null, "revocation_stale"),
    ] {
        let mut authorizer = Deployment::named("example").authorizer();
        authorizer.revocation = revocation;
        let claims = json!({
            "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "tenant": "acme", "exp": NOW + 600,
        });
        let event = json!({ "token": Signer::named("rs256").token(&claims) }).to_string();
        let decided = authorizer.authorize(event.as_bytes(), FUNCTION, at(0.0));
        let line = log::line(&decided, facts, &settings(None, None)).unwrap();
        let line: Value = serde_json::from_slice(&line).unwrap();
        check_members(&line, "decision");
        let found =
            (&line["level"], &line["decision"], &line["revocation_version"], &line["revocation_age_seconds"]);
        assert_eq!(found, (&json!(level), &json!(decision), &version, &age), "{line}");
        assert_eq!(line["revocation_fetches"].is_null(), metric.is_empty(), "{line}");
        let of_list: Vec<String> =
            metrics(&line).into_iter().filter(|name| name.starts_with("revocation")).collect();
        let expected: Vec<String> =
            (!metric.is_empty()).then(|| format!("{metric} [[function]]")).into_iter().collect();
        assert_eq!(of_list, expected);
        assert_eq!(
            line["message"].as_str().unwrap().starts_with("allowed without a revocation list"),
            level == "ERROR" && decision == "allow"
        );
    }
}
