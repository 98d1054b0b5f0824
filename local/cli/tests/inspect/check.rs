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
