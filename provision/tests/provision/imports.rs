//! What the package may use of the authorizer.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::root;

/// `json` and `arn` read events, `slots::is_id` guards the log, `config_error` is how every tool prints an error, and
/// `config_schema` is how a configuration states its keys.
const ALLOWED: [&str; 9] = [
    "arn::FunctionArn",
    "config_error::{ConfigError, ConfigErrors, ErrorPlace}",
    "config_error::{ConfigError, ErrorPlace, UnknownName}",
    "config_schema::Property",
    "config_schema::{Alphabet, Letters}",
    "config_schema::{DefaultValue, Property, TableSchema, TextType, ValueType}",
    "config_schema::{Property, TableSchema, ValueType}",
    "json::{Json, Object}",
    "slots::is_id",
];

fn visit(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            visit(&path, found);
        } else {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            found.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    visit(&root().join("src"), &mut found);
    assert!(found.len() > 15);
    found
}

#[test]
fn only_listed_parts_of_the_authorizer_are_used() {
    let mut used = BTreeSet::new();
    for (name, text) in sources() {
        for import in text.split("iot_jwt_authorizer::").skip(1) {
            let import = import.split(';').next().unwrap().to_owned();
            assert!(ALLOWED.contains(&import.as_str()), "{name}: iot_jwt_authorizer::{import}");
            used.insert(import);
        }
    }
    assert!(used.len() >= 4, "{used:?}");
}

/// Names of the HTTP client, of the signer and of sockets.
const NETWORK: [&str; 6] = ["hyper", "aws_sigv4", "rustls", "http_body_util", "TcpStream", "std::net"];

#[test]
fn one_file_talks_to_aws() {
    for (name, text) in sources().into_iter().filter(|(name, _)| name != "src/control/aws.rs") {
        for word in NETWORK {
            assert!(!text.contains(word), "{name}: {word}");
        }
    }
}

/// Modules below others do not import them.
#[test]
fn the_decision_imports_nothing_above_it() {
    let above = ["crate::function", "crate::engine", "crate::log", "crate::control::aws", "crate::config"];
    let decision =
        ["src/plan.rs", "src/plan/step.rs", "src/registered.rs", "src/expected.rs", "src/certificate.rs"];
    for (name, text) in sources().into_iter().filter(|(name, _)| decision.contains(&name.as_str())) {
        for module in above {
            assert!(!text.contains(module), "{name}: {module}");
        }
    }
}
