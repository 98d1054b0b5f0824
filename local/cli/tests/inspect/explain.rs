//! Output and exit codes of `explain`, and the examples of its page.

use iot_jwt_authorizer::config::Config;
use serde_json::json;

use super::own::{self, connect, token};
use super::run;
use super::support::root;

#[test]
fn an_explanation_is_reproducible_and_its_exit_code_is_the_decision() {
    let config = own::config();
    let valid = token(&json!({}), &json!({}));
    let event = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(event.path(), connect(&valid, "ben").to_string()).unwrap();
    let event = event.path().to_str().unwrap();
    let hash = Config::load(&config, &|_| None).unwrap().hash;
    let common = ["--config", config.to_str().unwrap(), "--at", "1800000000"];
    for (arguments, code, expected) in [
        (&["--token", &valid][..], 0, "ALLOWED"),
        (&["--token", &valid, "--json"], 0, "\"policyHash\""),
        (&["--token", &valid, "--json"], 0, &format!("\"config\": \"{hash}\"")),
        (&["--token", &valid], 0, &format!("configuration {hash}\n")),
        (&["--event", event], 1, "client_id_not_allowed"),
        (&["--event", event, "--json"], 1, "\"hint\""),
        (&["--token", "none"], 1, "not a JWT: 1 part instead of 3"),
        (&["--token", "a.b.c"], 1, "DENIED: malformed_token"),
        (&["--token", &valid, "--verbose"], 0, "claims     ok"),
        (&["--event", "/nowhere"], 1, "/nowhere"),
        (&["--event", event, "--token", &valid], 2, "cannot be used"),
    ] {
        let line: Vec<&str> = ["explain"].iter().chain(&common).chain(arguments).copied().collect();
        let (exit_code, text) = run(&line);
        assert_eq!(exit_code, code, "{arguments:?}: {text}");
        assert!(text.contains(expected) && !text.contains(&valid), "{arguments:?}: {text}");
        assert_eq!(run(&line).1, text);
    }
}

/// `docs/explain.md` contains the output of the commands.
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
        (eve, &["explain", "--verbose"]),
        (alice, &["can", "iot:Publish", "topic/acme/devices/lamp/commands"]),
    ] {
        let file = folder.path().join("claims.json");
        std::fs::write(&file, claims).unwrap();
        let options = ["--claims", file.to_str().unwrap(), "--config", config.to_str().unwrap()];
        let options = options.iter().chain(&["--at", "2027-01-15T08:00:00Z"]);
        let (_, text) = run(&command.iter().chain(options).copied().collect::<Vec<_>>());
        // The last line has the hash of the shipped files, which any change of them changes.
        let text = text.split("\nconfiguration ").next().unwrap_or_default();
        assert!(page.contains(claims) && page.contains(text), "docs/explain.md lacks:\n{text}");
    }
}
