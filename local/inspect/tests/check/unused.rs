//! Cases of policies that no grant names.

use serde_json::Value;

use super::support::Folder;

/// The shipped configuration with a policy and cases that no grant names.
fn folder(cases: &str) -> Folder {
    let folder = Folder::example();
    folder.copy("policies/dashboard.json");
    folder.write("policies/dashboard.cases.json", cases);
    folder
}

const WRONG: &str = r#"{ "claims": { "sub": "ana", "tenant": "acme" }, "cases": [
    { "deny": "iot:Publish topic/acme/x", "why": "read-only" },
    { "allow": "iot:Publish topic/acme/x", "why": "wrong" },
    { "allow": "iot:Publish topic/acme/y", "why": "wrong, too" }
] }"#;

#[test]
fn errors_of_a_policy_without_a_grant_fail_nothing() {
    for (cases, reason) in [
        (
            WRONG,
            "no grant names the policy, and it has 2 errors; the first: case 2: expected allow, found deny",
        ),
        ("{", "no grant names the policy, and it has an error; the first: invalid cases: EOF"),
        (
            r#"{"claims": {}, "cases": []}"#,
            "no grant names the policy, and it has an error; the first: no cases",
        ),
    ] {
        let report = folder(cases).examine();
        let text = report.text(false);
        assert_eq!(report.json()["ok"], Value::Bool(true), "{text}");
        assert!(text.contains(&format!("policies/dashboard.cases.json: skipped: {reason}")), "{text}");
        assert!(text.ends_with("authorizer.toml: 0 errors, 0 warnings, 0 accepted warnings\n"), "{text}");
    }
}

#[test]
fn the_same_errors_fail_as_soon_as_a_grant_names_the_policy() {
    let folder = folder(WRONG);
    folder.edit("authorizer.toml", "policy = \"device-owner\"", "policy = \"dashboard\"");
    let report = folder.examine();
    assert_eq!(report.json()["ok"], Value::Bool(false));
    assert_eq!(
        report.cases.iter().map(|cases| cases.errors.len()).sum::<usize>(),
        2,
        "{}",
        report.text(false)
    );
}
