//! The shipped policies allow exactly what their cases say, and the cases notice every change.

use std::path::Path;

use iot_local_base::env::Env;
use iot_local_inspect::cases::{self, CaseReport};
use iot_local_inspect::deployment::Deployment;
use serde_json::{Value, json};

use super::own::now;
use super::support::root;

const PRESETS: [&str; 6] =
    ["app-user", "dashboard", "device-owner", "device-shadow", "shared-worker", "tenant-operator"];

fn shipped() -> Deployment {
    Deployment::load(&root().join("authorizer.toml"), &Env::default()).unwrap()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join("policies").join(name)).unwrap()
}

fn run_cases(deployment: &Deployment, name: &str, policy: &str, cases: &str) -> CaseReport {
    cases::run_cases(&deployment.config.authorizer, name, policy, cases, &Env::default(), now())
}

#[test]
fn every_preset_passes_its_cases() {
    let all = cases::run(&shipped().config.authorizer, &root(), &Env::default(), now());
    let files: Vec<_> = all.iter().map(|report| report.file.clone()).collect();
    assert_eq!(files, PRESETS.map(|name| format!("policies/{name}.cases.json")));
    for report in all {
        assert!(report.errors.is_empty() && report.skipped.is_none(), "{report}");
        assert!(
            report.allowed > 0 && report.denied > report.allowed,
            "more denials than permissions: {report}"
        );
    }
}

/// A case fails if a slot becomes a wildcard, a statement is removed, or a statement for everything is added.
#[test]
fn the_cases_notice_every_change_of_a_preset() {
    let deployment = shipped();
    for name in PRESETS {
        let (policy, cases) = (read(&format!("{name}.json")), read(&format!("{name}.cases.json")));
        let whole: Value = serde_json::from_str(&policy).unwrap();
        let statements = whole["Statement"].as_array().unwrap();
        let mut changed = Vec::new();
        for (index, statement) in statements.iter().enumerate() {
            let mut without = whole.clone();
            without["Statement"].as_array_mut().unwrap().remove(index);
            changed.push((format!("without Statement[{index}]"), without));
            let resources = match &statement["Resource"] {
                Value::Array(list) => list.clone(),
                resource => vec![resource.clone()],
            };
            for (number, resource) in resources.iter().enumerate() {
                let resource = resource.as_str().unwrap();
                for slot in ["${tenant}", "${sub}", "${devices}", "${mqtt:client_id}"] {
                    if resource.contains(slot) {
                        let mut list = resources.clone();
                        list[number] = json!(resource.replace(slot, "*"));
                        let mut wide = whole.clone();
                        wide["Statement"][index]["Resource"] = json!(list);
                        changed
                            .push((format!("Statement[{index}].Resource[{number}] with * for {slot}"), wide));
                    }
                }
            }
        }
        for (action, resource) in [
            ("iot:Connect", "client/*"),
            ("iot:Publish", "topic/*"),
            ("iot:Subscribe", "topicfilter/*"),
            ("iot:Receive", "topic/*"),
        ] {
            let mut wide = whole.clone();
            let added = json!({ "Effect": "Allow", "Action": action, "Resource": resource });
            wide["Statement"].as_array_mut().unwrap().push(added);
            changed.push((format!("with {action} on {resource}"), wide));
        }
        for (change, policy) in changed {
            let report = run_cases(&deployment, name, &policy.to_string(), &cases);
            assert!(!report.errors.is_empty(), "{name} {change} is not noticed");
        }
    }
}

#[test]
fn a_wrong_file_of_cases_has_one_error() {
    let deployment = shipped();
    let policy = read("app-user.json");
    let with_case =
        |case: Value| json!({ "claims": { "sub": "ana", "tenant": "acme" }, "cases": [case] }).to_string();
    for (cases, expected) in [
        ("[".to_owned(), "invalid cases: EOF while parsing a list"),
        (
            json!({ "claims": {}, "cases": [] }).to_string(),
            "policies/app-user.cases.json: no cases\n  help: ",
        ),
        (
            json!({ "claims": {}, "case": [] }).to_string(),
            "policies/app-user.cases.json:1: invalid cases: unknown field `case`",
        ),
        (with_case(json!({ "why": "w" })), "case 1: expected one of `allow`, `deny` and `refused` (\"w\")"),
        (
            with_case(json!({ "why": "w", "allow": "iot:Publish topic/a", "deny": "iot:Publish topic/a" })),
            "expected one of `allow`, `deny` and `refused`",
        ),
        (with_case(json!({ "allow": "iot:Publish topic/a" })), "missing field `why`"),
        (
            with_case(json!({ "why": "w", "allow": "iot:Publish" })),
            "invalid permission `iot:Publish`; expected `ACTION RESOURCE`",
        ),
        (with_case(json!({ "why": "w", "allow": "iot:Publsh topic/a" })), "\"iot:Publsh\""),
        (
            with_case(json!({ "why": "w", "allow": "iot:Publish topic/a" })),
            "expected allow, found deny: no statement allows",
        ),
        (
            with_case(json!({ "why": "w", "deny": "iot:Publish topic/acme/users/ana/a" })),
            "expected deny, found allow: document 1, statement 2",
        ),
        (
            with_case(json!({ "why": "w", "deny": "iot:Publish topic/a", "claims": { "tenant": "*" } })),
            "expected deny, found a denied token: unsafe_claim_value (tenant)",
        ),
        (
            with_case(json!({ "why": "w", "refused": "no_grant" })),
            "expected no_grant, found an allowed token",
        ),
        (
            with_case(json!({ "why": "w", "refused": "no_grant", "claims": { "tenant": "*" } })),
            "expected no_grant, found unsafe_claim_value (tenant)",
        ),
    ] {
        let report = run_cases(&deployment, "app-user", &policy, &cases);
        assert_eq!(report.errors.len(), 1, "{cases}: {report}");
        assert!(report.errors[0].to_string().contains(expected), "{cases}: {report}");
        assert!(report.errors[0].hint.is_some(), "{cases}: {report}");
    }
}

#[test]
fn a_policy_without_a_grant_may_use_unknown_slots() {
    let deployment = shipped();
    let policy = read("app-user.json").replace("${sub}", "${room}");
    let cases = read("app-user.cases.json");
    let unused = run_cases(&deployment, "rooms", &policy, &cases);
    assert!(unused.errors.is_empty() && unused.skipped.unwrap().ends_with("undeclared slots: room"));
    let used = run_cases(&deployment, "app-user", &policy, &cases);
    assert!(used.skipped.is_none() && used.errors[0].to_string().contains("unknown slot `${room}`"));
    assert!(
        cases::run(&deployment.config.authorizer, Path::new("/nowhere"), &Env::default(), now()).is_empty()
    );
}
