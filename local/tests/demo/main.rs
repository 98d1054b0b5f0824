//! The demo and the `token` command from outside, as a user runs them. That the demo succeeds with the real
//! function is shown by running it; here it is shown that it can fail.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use iot_local::issuer::{Issuer, Settings, algorithm};
use serde_json::Value;

const CREDULOUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/demo/credulous.py");
const CONFIG: &str = r#"
[[issuer]]
id         = "users"
issuer     = "https://login.example.com/"
audience   = ["iot.example.com"]
algorithms = ["ES256"]
keys       = ["file:keys/users.jwks.json"]
client_ids = ["${sub}", "${sub}/*"]

[claims]
sub     = "sub"
tenant  = "tenant"
devices = { path = "devices", list = true, max_items = 20, max_length = 64, optional = true }

[[grant]]
policy = "app-user"

[[grant]]
policy = "device-owner"

[[grant]]
policy = "tenant-operator"
when   = { role = "operator" }
"#;

/// A folder with the configuration that the demo is written for.
fn example() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let example: Value = serde_json::from_str(include_str!("../../src/demo/example.json")).unwrap();
    for (name, policy) in example["policies"].as_object().unwrap() {
        write(&format!("policies/{name}.json"), policy.to_string());
    }
    let issuer = Issuer::ephemeral(Settings {
        id: "users".to_owned(),
        issuer: "https://login.example.com/".to_owned(),
        audience: vec!["iot.example.com".to_owned()],
        audience_claim: "aud".to_owned(),
        algorithms: vec![algorithm("ES256").unwrap()],
        typ: "JWT".to_owned(),
        max_lifetime: Some(Duration::from_secs(60)),
    });
    write("keys/users.jwks.json", issuer.unwrap().key_set().to_string());
    write("authorizer.toml", CONFIG.to_owned());
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> (Output, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_iot-local")).args(arguments).current_dir(folder).output().unwrap();
    let shown =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat();
    (output, shown)
}

#[test]
fn an_authorizer_that_lets_everybody_in_is_found_out() {
    let (output, shown) = run(example().path(), &["demo", "--bootstrap", CREDULOUS]);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    for wrong in
        ["forged", "expired", "foreign", "wildcard", "acme/users/ben/hello", "globex/users/ana/hello", "#"]
    {
        let line = shown.lines().find(|line| line.contains(&format!(" {wrong}"))).unwrap_or_default();
        assert!(line.contains('✗'), "{wrong} was taken for right:\n{shown}");
    }
    let last = shown.trim_end().lines().last().unwrap_or_default();
    assert!(last.contains(" actions went as they should; see WRONG above."), "{last}");
    assert!(!shown.contains('\x1b'), "colours where there is no terminal");
    assert!(!shown.contains("eyJ"), "a token is on the screen");
}

#[test]
fn another_configuration_is_told_what_the_demo_needs() {
    let folder = example();
    std::fs::write(folder.path().join("policies/app-user.json"), "{}").unwrap();
    let (output, shown) = run(folder.path(), &["demo", "--bootstrap", CREDULOUS]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        shown.contains("policies/app-user.json: it is another") && shown.contains("cargo local token"),
        "{shown}"
    );
}

#[test]
fn a_function_that_is_not_there_is_told() {
    let (output, shown) = run(example().path(), &["demo", "--bootstrap", "nowhere"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(shown.starts_with("error: ") && shown.contains("nowhere"), "{shown}");
}

#[test]
fn a_token_stands_alone_on_its_line_and_errors_elsewhere() {
    let folder = example();
    let (output, shown) = run(folder.path(), &["token", "--sub", "ana", "--claim", "tenant=acme"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{shown}");
    assert_eq!((shown.lines().count(), shown.trim_end().split('.').count()), (1, 3));
    let (output, shown) = run(folder.path(), &["token", "--sub", "ana", "--issuer", "nobody"]);
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(shown.contains("there is users"), "{shown}");
}
