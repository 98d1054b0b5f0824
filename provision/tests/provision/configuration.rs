//! `provision.toml`: what is read, and every error with its line.

use std::collections::BTreeMap;
use std::path::Path;

use iot_provision::config::{self, Config};
use iot_provision::expected::Expected;
use iot_provision::function::Trigger;
use serde::Deserialize;

use crate::support::{id, root};

/// Reads a text with the lists of the cases.
fn parse(text: &str) -> Result<Config, Vec<String>> {
    let environment = |name: &str| match name {
        "TABLE" => Some("devices".to_owned()),
        "CA" => Some(id('c')),
        "EMPTY" => Some(String::new()),
        _ => None,
    };
    let config = Config::parse("provision.toml", text, &root().join("cases"), &environment);
    config.map_err(|errors| errors.0.iter().map(ToString::to_string).collect())
}

fn base() -> String {
    std::fs::read_to_string(root().join("cases/provision.toml")).unwrap()
}

#[test]
fn the_shipped_configuration_is_valid() {
    let environment = |_: &str| None;
    let config = Config::load(&root().join("provision.toml"), &environment).unwrap();
    assert_eq!((config.authorities.len(), config.bootstraps.len(), config.templates.len()), (1, 1, 1));
    assert_eq!(config.identity_policy.as_deref(), Some("app"));
    assert_eq!(config.files, ["devices.csv"; 3]);
    for trigger in Trigger::ALL {
        assert_eq!(trigger.missing_table(&config), None);
        assert_eq!(Trigger::parse(trigger.name()), Some(trigger));
    }
}

#[test]
fn every_function_needs_its_table() {
    let config = parse("").unwrap();
    let tables = Trigger::ALL.map(|trigger| trigger.missing_table(&config));
    assert_eq!(
        tables,
        [Some("[[authority]]"), Some("[[bootstrap]]"), Some("[[template]]"), Some("[cognito]")]
    );
    for name in ["", "Jitr", "bootstrap", "jitr "] {
        assert_eq!(Trigger::parse(name), None, "{name}");
    }
}

#[test]
fn variables_of_the_environment_are_filled() {
    let text = base()
        .replace("dynamodb:devices", "dynamodb:${env:TABLE}-${env:TABLE}")
        .replace(&id('c'), "${env:CA}")
        .replace("\"${CommonName}\"", "\"${env:TABLE}-${CommonName}\"");
    let config = parse(&text).unwrap();
    let [template] = &config.templates[..] else { panic!() };
    assert!(matches!(&template.expected, Expected::Table(name) if &**name == "devices-devices"));
    let [authority] = &config.authorities[..] else { panic!() };
    assert_eq!(authority.ca_certificate_id, id('c'));
    assert_eq!(authority.thing.fill_with("x"), "devices-x");
}

#[test]
fn a_thing_has_two_attributes_of_its_subject() {
    let text = base().replace("{ country =", "{ id = \"${Id}\", country =");
    let names: Vec<_> =
        parse(&text).unwrap().authorities[0].attributes.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, ["country", "id"]);
}

#[test]
fn the_file_is_in_the_task_s_folder() {
    for (root, name, expected) in [
        (None, None, "./provision.toml"),
        (Some("/var/task"), None, "/var/task/provision.toml"),
        (Some("/var/task"), Some("a/b.toml"), "/var/task/a/b.toml"),
        (Some("/var/task"), Some("/etc/b.toml"), "/etc/b.toml"),
    ] {
        let environment = |variable: &str| match variable {
            "LAMBDA_TASK_ROOT" => root.map(str::to_owned),
            "PROVISION_CONFIG" => name.map(str::to_owned),
            _ => None,
        };
        assert_eq!(config::path(&environment), Path::new(expected));
    }
    let missing = Config::load(Path::new("/nowhere/own.toml"), &|_| None).unwrap_err().to_string();
    assert!(
        missing.starts_with("own.toml: cannot read the file: ") && missing.contains("PROVISION_CONFIG"),
        "{missing}"
    );
}

/// `cases/errors.json`: tables, and what is wrong after a part of one is replaced.
#[derive(Deserialize)]
struct Errors {
    tables: BTreeMap<String, String>,
    cases: Vec<ErrorCase>,
}

#[derive(Deserialize)]
struct ErrorCase {
    table: String,
    old: String,
    new: String,
    /// The start of the error, from its line on.
    error: String,
}

fn error_cases() -> Errors {
    let text = std::fs::read_to_string(root().join("cases/errors.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn errors_have_their_line() {
    let mut failures = Vec::new();
    let Errors { tables, cases } = error_cases();
    for ErrorCase { table, old, new, error: expected } in &cases {
        let table = &tables[table];
        assert!(table.contains(old), "{old}");
        let changed = table.replacen(old, new, 1);
        let before = base().split("\n[cognito]").next().unwrap().to_owned() + "\n\n";
        let (lines, text) = (before.lines().count(), before.clone() + &changed);
        let errors = parse(&text).err().unwrap_or_default();
        let (line, what) = expected.split_once(": ").unwrap();
        let number: usize = line.parse().unwrap();
        let in_list = what.starts_with("expected the header");
        let file = if in_list { "provision.toml".to_owned() } else { String::new() };
        let line = if in_list { number } else { lines + number };
        let start = format!("{}:{line}: {what}", if in_list { file.as_str() } else { "provision.toml" });
        if !errors.iter().any(|error| error.starts_with(&start)) {
            failures.push(format!("{changed}expected {start}\nfound {errors:#?}"));
        }
        // Without the change there is no error.
        if !table.starts_with("[other]") {
            assert!(parse(&(before + table)).is_ok(), "{table}");
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_second_table_of_a_ca_certificate_is_an_error() {
    let text = base() + &error_cases().tables["authority"].replace(&id('d'), &id('c'));
    let errors = parse(&text).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].ends_with(&format!("`ca_certificate_id`: another [[authority]] has {}", id('c'))),
        "{errors:?}"
    );
}

#[test]
fn all_errors_are_reported_at_once() {
    let tables = error_cases().tables;
    let text = ["authority", "bootstrap", "template"]
        .map(|name| tables[name].as_str())
        .concat()
        .replace("\"p\"", "\"p q\"")
        .replace("anyone", "someone")
        .replace("b/+/q", "b")
        + "[x]\n";
    let errors = parse(&text).unwrap_err();
    let lines: Vec<_> = errors.iter().map(|error| error.split(':').nth(1).unwrap()).collect();
    assert_eq!(lines, ["4", "5", "7", "10", "14", "15"], "{errors:#?}");
}

#[test]
fn a_syntax_error_is_reported_alone() {
    let errors = parse("[[authority]]\nthing = \n[cognito]\npolicy = 1\n").unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].starts_with("provision.toml:2: invalid TOML: "), "{errors:?}");
}
