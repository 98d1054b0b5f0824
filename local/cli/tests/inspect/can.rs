//! Output and exit codes of `can`.

use serde_json::json;

use super::own::{self, NOW, token};
use super::run;

const EU: &str = "arn:aws:lambda:eu-west-1:123456789012:function:a";
const US: &str = "arn:aws:lambda:us-east-1:123456789012:function:a";
const EU_TOPIC: &str = "arn:aws:iot:eu-west-1:123456789012:topic/acme/ana/a";

#[test]
fn the_exit_code_is_0_if_allowed_1_if_denied_2_on_an_error() {
    let valid = token(&json!({}), &json!({}));
    let expired = token(&json!({}), &json!({ "exp": NOW - 60, "iat": NOW - 120 }));
    let claims = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(claims.path(), r#"{ "sub": "ana", "tenant": "acme", "scope": "iot:connect" }"#).unwrap();
    let claims = claims.path().to_str().unwrap();
    for (input, action, code, expected) in [
        (&["--token", &valid][..], ["iot:Publish", "topic/acme/ana/a"], 0, "policies/user.json:9"),
        (&["--token", &valid], ["iot:Connect", "client/ana"], 0, "ALLOWED"),
        (&["--claims", claims, "--issuer", "users"], ["iot:Publish", "topic/acme/ana/a"], 0, "ALLOWED"),
        (&["--token", &valid], ["iot:Publish", "topic/acme/ben/a"], 1, "no statement allows"),
        (&["--token", &valid], ["iot:Connect", "client/ben"], 1, "client_id_not_allowed"),
        (
            &["--token", &valid, "--client-id", "ben"],
            ["iot:Publish", "topic/acme/ana/a"],
            1,
            "client_id_not_allowed",
        ),
        (&["--token", &expired], ["iot:Publish", "topic/acme/ana/a"], 1, "expired"),
        (&["--token", "a.b.c"], ["iot:Publish", "topic/acme/ana/a"], 1, "malformed_token"),
        (&["--token", &valid, "--function-arn", EU], ["iot:Publish", EU_TOPIC], 0, "ALLOWED"),
        (&["--token", &valid], ["iot:Publish", EU_TOPIC], 0, "ALLOWED"),
        (
            &["--token", &valid],
            ["iot:Publish", "arn:aws:iot:eu-west-1:123456789012:topic/acme/ben/a"],
            1,
            "DENIED",
        ),
        (&["--token", &valid, "--function-arn", US], ["iot:Publish", EU_TOPIC], 2, "another Region"),
        // Each would be denied whatever the policy says, so that a test which expects a denial would always pass.
        (
            &["--token", &valid],
            ["iot:Publish", "topics/acme/ana/a"],
            2,
            "error: invalid resource topics/acme/ana/a; expected topic/TOPIC for iot:Publish",
        ),
        (&["--token", &valid], ["iot:Publish", "acme/ana/a"], 2, "expected topic/TOPIC for iot:Publish"),
        (
            &["--token", &valid],
            ["iot:Subscribe", "topic/a"],
            2,
            "expected topicfilter/FILTER for iot:Subscribe",
        ),
        (&["--token", &valid], ["iot:Connect", "ana"], 2, "expected client/ID for iot:Connect"),
        (
            &["--token", &valid],
            ["iot:Publish", "arn:aws:iot:eu-west-1:123456789012:client/a"],
            2,
            "expected topic/TOPIC",
        ),
        (&["--token", "garbage"], ["iot:Publish", "topic/a"], 2, "not a JWT: 1 part instead of 3"),
        (&["--token", "a.b"], ["iot:Publish", "topic/a"], 2, "not a JWT: 2 parts instead of 3"),
        (&["--token", ""], ["iot:Publish", "topic/a"], 2, "not a JWT: 1 part instead of 3"),
        (&["--claims", claims], ["iot:Publish", "topic/acme/ana/a"], 2, "--issuer"),
        (
            &["--claims", claims, "--issuer", "unknown"],
            ["iot:Publish", "topic/a"],
            2,
            "unknown issuer \"unknown\"; expected one of users, partners",
        ),
        (&["--claims", "/nowhere"], ["iot:Publish", "topic/a"], 2, "/nowhere"),
        (&[], ["iot:Publish", "topic/a"], 2, "--token"),
        (&["--token", &valid], ["iot:Publsh", "topic/a"], 2, "unknown action \"iot:Publsh\""),
        (&["--token", &valid, "--claims", claims], ["iot:Publish", "topic/a"], 2, "cannot be used"),
    ] {
        let config = own::config();
        let mut line = vec!["can", "--config", config.to_str().unwrap(), "--at", "2027-01-15T08:00:00Z"];
        line.extend(input.iter().chain(&action).copied());
        let (exit_code, text) = run(&line);
        assert_eq!(exit_code, code, "{action:?}: {text}");
        assert!(text.contains(expected), "{action:?}: {text}");
        assert!(!text.contains(&valid) && !text.contains(&expired), "{text}");
    }
}

#[test]
fn claims_and_tokens_come_from_standard_input() {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let valid = token(&json!({}), &json!({}));
    let claims = r#"{ "sub": "ana", "tenant": "acme", "scope": "iot:connect" }"#;
    for (option, input, expected) in [
        (&["--claims", "-", "--issuer", "users"][..], claims, 0),
        (&["--token", "-"], &valid, 0),
        (&["--claims", "-", "--issuer", "users"], "{", 2),
        (&["--token", "-"], "", 2),
    ] {
        let config = own::config();
        let mut command = Command::new(env!("CARGO_BIN_EXE_iot-local"));
        command.args(["can", "Publish", "topic/acme/ana/a", "--at", "2027-01-15T08:00:00Z", "--config"]);
        command.arg(config).args(option).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(expected), "{option:?}");
    }
}

/// A token of `cargo local token` is judged with the development keys, and the output says so.
#[test]
fn development_tokens_are_judged_with_the_development_keys() {
    let folder = super::folder::Folder::example();
    let config = folder.path("authorizer.toml").display().to_string();
    let config = ["--config", config.as_str()];
    let (_, minted) = run(&[&["token", "--sub", "ana", "--claim", "tenant=acme"], &config[..]].concat());
    let minted = minted.trim();
    for (command, code) in [
        (&["can", "Publish", "topic/acme/users/ana/a"][..], 0),
        (&["can", "Publish", "topic/acme/users/ben/a"], 1),
        (&["explain"], 0),
        (&["explain", "--client-id", "ben"], 1),
    ] {
        let (exit_code, text) = run(&[command, &["--token", minted], &config[..]].concat());
        assert_eq!(exit_code, code, "{text}");
        assert!(
            text.contains("the development keys of ") && text.contains(".iot-local/authorizer.toml"),
            "{text}"
        );
    }
    // Another signature is still denied, and without a word about development keys.
    let mut forged: Vec<char> = minted.chars().collect();
    let index = forged.len() - 9;
    forged[index] = if forged[index] == 'A' { 'B' } else { 'A' };
    let forged: String = forged.into_iter().collect();
    let (code, text) =
        run(&[&["can", "Publish", "topic/acme/users/ana/a", "--token", &forged], &config[..]].concat());
    assert!(code == 1 && text.contains("DENIED") && !text.contains("development"), "{text}");
    std::fs::remove_dir_all(folder.path(".iot-local")).unwrap();
    let (code, text) = run(&[&["explain", "--token", minted], &config[..]].concat());
    assert!(code == 1 && text.contains("DENIED: unknown_key") && !text.contains("development"), "{text}");
}
