//! Exit codes and JSON output of `check`.

use std::process::{Command, Output};

use serde_json::Value;

use super::folder::Folder;

fn check(folder: &Folder, options: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_iot-local"));
    command.arg("check").arg("--config").arg(folder.path("authorizer.toml")).args(options);
    command.output().unwrap()
}

/// The example with values of a real issuer.
fn edited() -> Folder {
    let folder = Folder::example();
    folder.edit("authorizer.toml", "https://login.example.com/", "https://login.acme.io/");
    folder.edit("authorizer.toml", "iot.example.com", "iot.acme.io");
    folder.edit("authorizer.toml", "\"file:keys/users.jwks.json\"", "\"oidc\"");
    folder
}

#[test]
fn errors_fail_and_warnings_only_with_deny_warnings() {
    let unedited = Folder::example();
    let valid = edited();
    let with_warning = edited();
    with_warning.edit("policies/app-user.json", "client/${mqtt:client_id}", "client/*");
    let invalid = edited();
    invalid.edit("authorizer.toml", "max_items = 20", "max_items = 0");
    for (folder, options, succeeds, ok, findings) in [
        (&valid, &["--json"][..], true, true, 0),
        (&valid, &["--json", "--deny-warnings"], true, true, 0),
        // The sample values of the example.
        (&unedited, &["--json"], true, true, 3),
        (&unedited, &["--json", "--deny-warnings"], false, true, 3),
        (&with_warning, &["--json"], true, true, 1),
        (&with_warning, &["--json", "--deny-warnings"], false, true, 1),
        (&invalid, &["--json"], false, false, 1),
        (&invalid, &["--json", "--deny-warnings"], false, false, 1),
    ] {
        let output = check(folder, options);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.success(), succeeds, "{options:?} {report:#}");
        assert_eq!(report["ok"], ok, "{report:#}");
        assert_eq!(report["findings"].as_array().unwrap().len(), findings, "{report:#}");
    }
}

#[test]
fn json_has_the_place_of_an_error() {
    let folder = Folder::example();
    folder.edit("authorizer.toml", "max_items = 20", "max_items = 0");
    let report: Value = serde_json::from_slice(&check(&folder, &["--json"]).stdout).unwrap();
    let finding = &report["findings"][0];
    let text = std::fs::read_to_string(folder.path("authorizer.toml")).unwrap();
    let bytes = finding["bytes"][0].as_u64().unwrap().try_into().unwrap()
        ..finding["bytes"][1].as_u64().unwrap().try_into().unwrap();
    assert_eq!(text.get(bytes), Some("0"));
    assert_eq!(
        (&finding["severity"], &finding["file"], &finding["line"]),
        (&"error".into(), &"authorizer.toml".into(), &16.into())
    );
    assert_eq!(report["sizes"].as_array().unwrap().len(), 0);
}

#[test]
fn the_test_of_a_policy_without_its_slots_is_skipped_and_names_them() {
    let folder = edited();
    let policy = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"iot:Publish\",\
                  \"Resource\":[\"topic/${site}/a\",\"topic/${area}/b\",\"topic/${site}/c\"]}]}";
    folder.write("policies/other.json", policy);
    folder.write("policies/other.cases.json", "{ \"claims\": {}, \"cases\": [] }");
    let text = String::from_utf8(check(&folder, &[]).stdout).unwrap();
    let expected =
        "policies/other.cases.json: skipped: no grant names the policy; undeclared slots: area, site\n";
    assert!(text.contains(expected), "{text}");
}

/// A case that expects a denial would pass whatever the policy says.
#[test]
fn a_case_with_a_resource_that_the_action_does_not_take_is_an_error() {
    for (permission, expected) in [
        (
            "iot:Publish topics/acme/users/ana/x",
            Some("invalid resource topics/acme/users/ana/x; expected topic/TOPIC for iot:Publish"),
        ),
        ("iot:Subscribe topic/acme/users/ana/x", Some("expected topicfilter/FILTER for iot:Subscribe")),
        ("iot:Publish topic/acme/users/ben/x", None),
        ("iot:Publish arn:aws:iot:eu-west-1:111122223333:topic/acme/users/ben/x", None),
    ] {
        let folder = edited();
        let claims = "{ \"sub\": \"ana\", \"tenant\": \"acme\" }";
        let cases = format!(
            "{{ \"claims\": {claims}, \"cases\": [{{ \"deny\": \"{permission}\", \"why\": \"x\" }}] }}"
        );
        folder.write("policies/app-user.cases.json", &cases);
        let output = check(&folder, &[]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.success(), expected.is_none(), "{permission}: {text}");
        assert!(expected.is_none_or(|expected| text.contains(expected)), "{permission}: {text}");
    }
    let folder = edited();
    let allowed = "{ \"claims\": { \"sub\": \"ana\", \"tenant\": \"acme\" }, \"cases\": [{ \"why\": \"x\", \
                   \"allow\": \"iot:Publish arn:aws:iot:eu-west-1:111122223333:topic/acme/users/ana/x\" }] }";
    folder.write("policies/app-user.cases.json", allowed);
    let output = check(&folder, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_provisioning_functions_are_checked_too() {
    const VALID: &str = "[[template]]\nname = \"fleet\"\nexpected = \"anyone\"\n";
    const POLICY: &str = r#"{"Statement": {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}"#;
    let [without, valid, warned, invalid] = [(); 4].map(|()| edited());
    for (folder, text) in [(&valid, VALID), (&warned, VALID), (&invalid, "[[template]]\n")] {
        std::fs::write(folder.path("provision.toml"), text).unwrap();
    }
    std::fs::write(warned.path("policies/claim.json"), POLICY).unwrap();
    for (folder, options, succeeds, findings) in [
        (&without, &["--json", "--deny-warnings"][..], true, None),
        (&valid, &["--json", "--deny-warnings"], true, Some(0)),
        (&warned, &["--json"], true, Some(1)),
        (&warned, &["--json", "--deny-warnings"], false, Some(1)),
        (&invalid, &["--json"], false, Some(2)),
    ] {
        let output = check(folder, options);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.success(), succeeds, "{options:?} {report:#}");
        let found = report["provision"]["findings"].as_array().map(Vec::len);
        assert_eq!(found, findings, "{report:#}");
        assert_eq!((&report["ok"], report["findings"].as_array().unwrap().len()), (&true.into(), 0), "{report:#}");
    }
    let other = valid.path("other.toml");
    std::fs::rename(valid.path("provision.toml"), &other).unwrap();
    let text = |options: &[&str]| String::from_utf8(check(&valid, options).stdout).unwrap();
    assert!(!text(&[]).contains("provision.toml") && !text(&[]).contains("other.toml"));
    assert!(text(&["--provision", other.to_str().unwrap()]).contains("other.toml: 0 errors"));
}
