//! The command as it is run: exit codes, and what machines read.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::Folder;

fn check(folder: &Folder, options: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_iot-local"));
    command.arg("check").arg("--config").arg(folder.path("authorizer.toml")).args(options);
    command.output().unwrap()
}

#[test]
fn a_fault_fails_and_a_warning_only_when_it_is_asked_for() {
    let sound = Folder::example();
    let warned = Folder::example();
    warned.edit("policies/app-user.json", "client/${mqtt:client_id}", "client/*");
    let broken = Folder::example();
    broken.edit("authorizer.toml", "max_items = 20", "max_items = 0");
    for (folder, options, succeeds, ok, findings) in [
        (&sound, &["--json"][..], true, true, 0),
        (&sound, &["--json", "--deny-warnings"], true, true, 0),
        (&warned, &["--json"], true, true, 1),
        (&warned, &["--json", "--deny-warnings"], false, true, 1),
        (&broken, &["--json"], false, false, 1),
        (&broken, &["--json", "--deny-warnings"], false, false, 1),
    ] {
        let output = check(folder, options);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.success(), succeeds, "{options:?} {report:#}");
        assert_eq!(report["ok"], ok, "{report:#}");
        assert_eq!(report["findings"].as_array().unwrap().len(), findings, "{report:#}");
    }
}

#[test]
fn machines_are_told_the_place() {
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
