//! The policies that come with the project allow what their tables say and nothing beside it, and the tables notice every change.

use std::path::Path;

use iot_local::cases::{self, Tried};
use iot_local::inquiry::Deployment;
use serde_json::{Value, json};

use super::own::now;
use super::support::root;

const PRESETS: [&str; 6] =
    ["app-user", "dashboard", "device-owner", "device-shadow", "shared-worker", "tenant-operator"];

fn shipped() -> Deployment {
    Deployment::load(&root().join("authorizer.toml"), &[]).unwrap()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join("policies").join(name)).unwrap()
}

fn tried(deployment: &Deployment, name: &str, policy: &str, cases: &str) -> Tried {
    cases::try_out(&deployment.config.authorizer, name, policy, cases, &|_| None, now())
}

#[test]
fn every_preset_is_as_its_table_says() {
    let all = cases::run(&shipped().config.authorizer, &root(), &|_| None, now());
    let files: Vec<_> = all.iter().map(|tried| tried.file.clone()).collect();
    assert_eq!(files, PRESETS.map(|name| format!("policies/{name}.cases.json")));
    for tried in all {
        assert!(tried.faults.is_empty() && tried.skipped.is_none(), "{tried}");
        assert!(tried.allowed > 0 && tried.denied > tried.allowed, "refusals outnumber: {tried}");
    }
}

/// Whoever widens a slot to a wildcard, takes a statement out or adds one for everything, is told.
#[test]
fn no_preset_can_be_changed_unnoticed() {
    let deployment = shipped();
    for name in PRESETS {
        let (policy, table) = (read(&format!("{name}.json")), read(&format!("{name}.cases.json")));
        let whole: Value = serde_json::from_str(&policy).unwrap();
        let statements = whole["Statement"].as_array().unwrap();
        let mut changed = Vec::new();
        for (at, statement) in statements.iter().enumerate() {
            let mut without = whole.clone();
            without["Statement"].as_array_mut().unwrap().remove(at);
            changed.push((format!("without Statement[{at}]"), without));
            let resources = match &statement["Resource"] {
                Value::Array(list) => list.clone(),
                one => vec![one.clone()],
            };
            for (place, resource) in resources.iter().enumerate() {
                let resource = resource.as_str().unwrap();
                for slot in ["${tenant}", "${sub}", "${devices}", "${mqtt:client_id}"] {
                    if resource.contains(slot) {
                        let mut list = resources.clone();
                        list[place] = json!(resource.replace(slot, "*"));
                        let mut wide = whole.clone();
                        wide["Statement"][at]["Resource"] = json!(list);
                        changed.push((format!("Statement[{at}].Resource[{place}] with * for {slot}"), wide));
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
            let more = json!({ "Effect": "Allow", "Action": action, "Resource": resource });
            wide["Statement"].as_array_mut().unwrap().push(more);
            changed.push((format!("with {action} on {resource}"), wide));
        }
        for (change, policy) in changed {
            let tried = tried(&deployment, name, &policy.to_string(), &table);
            assert!(!tried.faults.is_empty(), "{name} {change} is not noticed");
        }
    }
}

#[test]
fn a_table_that_is_wrong_is_told_what_to_mend() {
    let deployment = shipped();
    let policy = read("app-user.json");
    let table =
        |case: Value| json!({ "claims": { "sub": "ana", "tenant": "acme" }, "cases": [case] }).to_string();
    for (cases, expected) in [
        ("[".to_owned(), "no table of cases"),
        (json!({ "claims": {}, "cases": [] }).to_string(), "it has no cases"),
        (json!({ "claims": {}, "case": [] }).to_string(), "unknown field"),
        (table(json!({ "why": "w" })), "give one of"),
        (
            table(json!({ "why": "w", "allow": "iot:Publish topic/a", "deny": "iot:Publish topic/a" })),
            "give one of",
        ),
        (table(json!({ "allow": "iot:Publish topic/a" })), "missing field `why`"),
        (table(json!({ "why": "w", "allow": "iot:Publish" })), "ACTION RESOURCE"),
        (table(json!({ "why": "w", "allow": "iot:Publsh topic/a" })), "no action"),
        (table(json!({ "why": "w", "allow": "iot:Publish topic/a" })), "it is denied"),
        (table(json!({ "why": "w", "deny": "iot:Publish topic/acme/users/ana/a" })), "it is allowed"),
        (
            table(json!({ "why": "w", "deny": "iot:Publish topic/a", "claims": { "tenant": "*" } })),
            "say `refused`",
        ),
        (table(json!({ "why": "w", "refused": "no_grant" })), "the token is not refused"),
        (
            table(json!({ "why": "w", "refused": "no_grant", "claims": { "tenant": "*" } })),
            "but by unsafe_claim_value",
        ),
    ] {
        let tried = tried(&deployment, "app-user", &policy, &cases);
        assert_eq!(tried.faults.len(), 1, "{cases}: {tried}");
        assert!(tried.faults[0].contains(expected), "{cases}: {tried}");
    }
}

#[test]
fn a_policy_that_nobody_is_granted_may_use_slots_that_are_not_there() {
    let deployment = shipped();
    let policy = read("app-user.json").replace("${sub}", "${room}");
    let cases = read("app-user.cases.json");
    let unused = tried(&deployment, "rooms", &policy, &cases);
    assert!(unused.faults.is_empty() && unused.skipped.unwrap().contains("${room}"));
    let used = tried(&deployment, "app-user", &policy, &cases);
    assert!(used.skipped.is_none() && used.faults[0].contains("${room}"));
    assert!(cases::run(&deployment.config.authorizer, Path::new("/nowhere"), &|_| None, now()).is_empty());
}

/// `docs/explain.md` shows what the commands print.
#[test]
fn the_page_is_current() {
    let page = std::fs::read_to_string(root().join("docs/explain.md")).unwrap();
    let config = root().join("authorizer.toml");
    let folder = tempfile::tempdir().unwrap();
    let alice = r#"{ "sub": "alice", "tenant": "acme", "devices": ["lamp", "door"] }"#;
    let eve = r#"{ "sub": "eve", "tenant": "*" }"#;
    for (claims, command) in [
        (alice, &["explain"][..]),
        (eve, &["explain"]),
        (alice, &["can", "iot:Publish", "topic/acme/devices/lamp/commands"]),
    ] {
        let file = folder.path().join("claims.json");
        std::fs::write(&file, claims).unwrap();
        let more = ["--claims", file.to_str().unwrap(), "--config", config.to_str().unwrap()];
        let more = more.iter().chain(&["--at", "2027-01-15T08:00:00Z"]);
        let (_, text) = super::own::run(&command.iter().chain(more).copied().collect::<Vec<_>>());
        assert!(page.contains(claims) && page.contains(&text), "docs/explain.md lacks:\n{text}");
    }
}
