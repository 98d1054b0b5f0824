//! `--json` of every command: docs/json.md describes the members.

use serde_json::{Value, json};

use super::folder::Folder;
use super::own::{self, token};
use super::support::root;

/// Runs a command. Returns its exit code and the JSON on its standard output.
fn run(line: &[&str]) -> (i32, Value) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_iot-local")).args(line).output().unwrap();
    let json = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), json.unwrap_or_else(|error| panic!("{line:?}: {error}: {output:?}")))
}

/// The names of an object's members, sorted.
fn members(json: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[test]
fn the_members_are_those_of_the_page() {
    let page = std::fs::read_to_string(root().join("docs/json.md")).unwrap();
    let config = own::config().display().to_string();
    let valid = token(&json!({}), &json!({}));
    let folder = Folder::example();
    let shipped = folder.path("authorizer.toml").display().to_string();
    folder.write("subjects/ana.json", r#"{ "sub": "ana", "tenant": "acme" }"#);
    let subjects = folder.path("subjects").display().to_string();
    let at = ["--config", &config, "--at", "2027-01-15T08:00:00Z"];
    let can =
        |input: &[&str], resource: &str| run(&[&["can", "Publish", resource, "--json"], input, &at].concat());
    let (allowed_code, allowed) = can(&["--token", &valid], "topic/acme/ana/a");
    assert_eq!((allowed_code, &allowed["allowed"], &allowed["code"]), (0, &true.into(), &Value::Null));
    assert_eq!(allowed["template"], json!({ "file": "policies/user.json", "line": 9 }));
    let (denied_code, denied) = can(&["--token", &valid], "topic/acme/ben/a");
    assert_eq!((denied_code, &denied["allowed"], &denied["template"]), (1, &false.into(), &Value::Null));
    let (_, refused) = can(&["--token", "a.b.c"], "topic/acme/ana/a");
    assert_eq!((&refused["code"], &refused["clientId"]), (&"malformed_token".into(), &Value::Null));
    assert_eq!(members(&allowed), members(&refused));

    let (_, minted) = run(&["token", "--sub", "ana", "--json", "--config", &shipped]);
    assert_eq!((&minted["issuer"], &minted["claims"]["sub"]), (&"users".into(), &"ana".into()));
    assert_eq!(minted["token"].as_str().unwrap().split('.').count(), 3);
    let (_, snippet) = run(&["snippet", "curl", "--json", "--config", &shipped]);
    let (_, certificate) =
        run(&["certificate", "device-1", "--json", "--config", &shipped, "--endpoint", "http://127.0.0.1:1"]);
    assert_eq!((certificate["id"].as_str().unwrap().len(), &certificate["status"]), (64, &Value::Null));
    let (_, check) = run(&["check", "--json", "--config", &shipped]);
    assert_eq!(check["findings"][0]["lint"], "placeholder");
    let (_, explain) = run(&[&["explain", "--json", "--token", &valid], &at[..]].concat());
    assert_eq!((&explain["allowed"], &explain["developmentKeys"]), (&true.into(), &Value::Null));
    let (code, diff) = run(&["diff", &shipped, &shipped, "--claims", &subjects, "--json"]);
    assert_eq!((code, &diff["notAccepted"]), (0, &0.into()));
    let (_, keys) = run(&["keys", "show", "--json", "--config", &config]);
    assert_eq!(keys[1]["error"], "not fetched (use --fetch)");
    for (command, json) in [
        ("can", &allowed),
        ("token", &minted),
        ("snippet", &snippet),
        ("certificate", &certificate),
        ("check", &check),
        ("check", &check["findings"][0]),
        ("explain", &explain),
        ("explain", &explain["steps"][0]),
        ("diff", &diff),
        ("keys show", &keys[0]),
    ] {
        let (_, section) =
            page.split_once(&format!("\n## `{command}`\n")).unwrap_or_else(|| panic!("{command}"));
        let section = section.split("\n## ").next().unwrap();
        for name in members(json) {
            assert!(section.contains(&format!("`{name}`")), "docs/json.md, {command}: {name} is missing");
        }
    }
    let all = [&allowed, &denied, &refused, &check, &explain].map(Value::to_string).concat();
    assert!(!all.contains(&valid), "a token is in the output");
}
