//! `provision.toml`: what is read, and every error with its line.

use std::path::Path;

use iot_provision::config::{self, Config};
use iot_provision::expected::Expected;
use iot_provision::function::Trigger;

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

const AUTHORITY: &str = "[[authority]]\nca_certificate_id = \"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd\"\n\
    thing = \"${CommonName}\"\npolicy = \"p\"\nexpected = \"anyone\"\n";
const BOOTSTRAP: &str = "[[bootstrap]]\nrequest = \"b/+/q\"\nresponse = \"b/${id}/r\"\nthing = \"${id}\"\npolicy = \"p\"\n\
    expected = \"dynamodb:devices\"\n";
const TEMPLATE: &str = "[[template]]\nname = \"other\"\nexpected = \"anyone\"\n";

/// A table, what is replaced in it, and the start of the error, from its line on.
const ERRORS: [(&str, &str, &str, &str); 61] = [
    (
        AUTHORITY,
        "ca_certificate_id = \"dddd",
        "ca_certificate_id = \"ddd",
        "2: `ca_certificate_id`: invalid value",
    ),
    (AUTHORITY, "id = \"dddd", "id = \"DDDD", "2: `ca_certificate_id`: invalid value"),
    (AUTHORITY, "ca_certificate_id", "ca_certificate", "1: [[authority]] has no `ca_certificate_id`"),
    (
        AUTHORITY,
        "ca_certificate_id",
        "CA",
        "2: unknown key `CA` in [[authority]]; expected one of `ca_certificate_id`",
    ),
    (AUTHORITY, "thing = \"${CommonName}\"\n", "", "1: [[authority]] has no `thing`"),
    (AUTHORITY, "${CommonName}", "", "3: `thing`: the string is empty"),
    (
        AUTHORITY,
        "${CommonName}",
        "x",
        "3: `thing`: the same for every device; expected a variable, such as `${Id}`",
    ),
    (AUTHORITY, "${CommonName}", "x y ${Id}", "3: `thing`: \"x y ${Id}\" has characters or a length"),
    (
        AUTHORITY,
        "${CommonName}",
        "${CN}",
        "3: `thing`: unknown variable `${CN}`; expected one of `${Country}`",
    ),
    (AUTHORITY, "${CommonName}", "${CommonName", "3: `thing`: `${` without `}`"),
    (AUTHORITY, "${CommonName}", "${env:TABLE}", "3: `thing`: the same for every device"),
    (AUTHORITY, "${CommonName}", "${env:NO}${Id}", "3: `thing`: environment variable `NO` is not set"),
    (AUTHORITY, "${CommonName}", "${env:NO", "3: `thing`: `${` without `}`"),
    (AUTHORITY, "\"${CommonName}\"", "1", "3: `thing`: expected a string, found integer"),
    (AUTHORITY, "policy = \"p\"\n", "", "1: [[authority]] has no `policy`"),
    (
        AUTHORITY,
        "\"p\"",
        "\"p q\"",
        "4: `policy`: invalid value \"p q\"; expected the name of an AWS IoT policy",
    ),
    (AUTHORITY, "\"p\"", "\"arn:aws:iot:x:y:policy/p\"", "4: `policy`: invalid value"),
    (AUTHORITY, "\"p\"", "\"${env:EMPTY}\"", "4: `policy`: the string is empty"),
    (AUTHORITY, "expected = \"anyone\"\n", "", "1: [[authority]] has no `expected`"),
    (
        AUTHORITY,
        "\"anyone\"",
        "\"everyone\"",
        "5: `expected`: invalid value \"everyone\"; expected `anyone`, `list:FILE` or",
    ),
    (AUTHORITY, "\"anyone\"", "\"list:none.csv\"", "5: `expected`: cannot read none.csv: "),
    (AUTHORITY, "\"anyone\"", "\"list:provision.toml\"", "1: expected the header"),
    (AUTHORITY, "\"anyone\"\n", "\"anyone\"\nreplace = 1\n", "6: `replace`: expected true or false"),
    (
        AUTHORITY,
        "\"anyone\"\n",
        "\"anyone\"\nattributes = 1\n",
        "6: expected `attributes` to be a table, found integer",
    ),
    (
        AUTHORITY,
        "\"anyone\"\n",
        "\"anyone\"\nattributes = { \"a b\" = \"c\" }\n",
        "6: `attributes`: invalid name \"a b\"",
    ),
    (
        AUTHORITY,
        "\"anyone\"\n",
        "\"anyone\"\nattributes = { certificate_id = \"c\" }\n",
        "6: `attributes`: the function itself",
    ),
    (
        AUTHORITY,
        "\"anyone\"\n",
        "\"anyone\"\nattributes = { a = \"${X}\" }\n",
        "6: `a`: unknown variable `${X}`",
    ),
    (
        AUTHORITY,
        "\"anyone\"\n",
        "\"anyone\"\nattributes = { a = \"b c\" }\n",
        "6: `a`: \"b c\" has characters or a length",
    ),
    (
        AUTHORITY,
        "\"anyone\"\n",
        "\"anyone\"\nattributes = { a = 1 }\n",
        "6: `a`: expected a string, found integer",
    ),
    (
        AUTHORITY,
        "\"anyone\"\n",
        "\"anyone\"\nattributes = { a = \"1\", b = \"2\", c = \"3\" }\n",
        "6: `attributes`: 3 attributes; expected at most 2",
    ),
    (AUTHORITY, "[[authority]]", "[authority]", "1: invalid TOML: "),
    (
        BOOTSTRAP,
        "b/+/q",
        "b/x/q",
        "2: `request`: invalid value \"b/x/q\"; expected a topic filter with one level `+`",
    ),
    (BOOTSTRAP, "b/+/q", "b/+/+", "2: `request`: invalid value"),
    (BOOTSTRAP, "b/+/q", "b/#", "2: `request`: invalid value"),
    (BOOTSTRAP, "b/+/q", "$aws/+", "2: `request`: invalid value"),
    (
        BOOTSTRAP,
        "b/+/q",
        "bootstrap/+/request",
        "1: `request`: a topic can match the `request` of another [[bootstrap]]",
    ),
    (
        BOOTSTRAP,
        "b/+/q",
        "+/x/request",
        "1: `request`: a topic can match the `request` of another [[bootstrap]]",
    ),
    (BOOTSTRAP, "b/+/q", "b/+/r", "1: `response`: a response can match the `request` of a [[bootstrap]]"),
    (BOOTSTRAP, "b/+/q", "+/x/r", "1: `response`: a response can match the `request` of a [[bootstrap]]"),
    (
        BOOTSTRAP,
        "b/+/q",
        "bootstrap/+/response",
        "1: `response`: a response can match the `request` of a [[bootstrap]]",
    ),
    (BOOTSTRAP, "request = \"b/+/q\"\n", "", "1: [[bootstrap]] has no `request`"),
    (
        BOOTSTRAP,
        "b/${id}/r",
        "bootstrap/${id}/request",
        "1: `response`: a response can match the `request` of a",
    ),
    (
        BOOTSTRAP,
        "b/${id}/r",
        "b/r",
        "3: `response`: the same for every device; expected a variable, such as `${id}`",
    ),
    (BOOTSTRAP, "b/${id}/r", "b/x${id}/r", "3: `response`: \"b/x${id}/r\" has characters or a length"),
    (BOOTSTRAP, "b/${id}/r", "b/${id}/+", "3: `response`: \"b/${id}/+\" has characters or a length"),
    (BOOTSTRAP, "b/${id}/r", "b/${id}/${id}", "3: `response`: \"b/${id}/${id}\" has characters or a length"),
    (BOOTSTRAP, "b/${id}/r", "b/${Id}/r", "3: `response`: unknown variable `${Id}`; expected one of `${id}`"),
    (
        BOOTSTRAP,
        "thing = \"${id}\"",
        "thing = \"a/${id}\"",
        "4: `thing`: \"a/${id}\" has characters or a length",
    ),
    (BOOTSTRAP, "thing = \"${id}\"", "thing = \"a\"", "4: `thing`: the same for every device"),
    (BOOTSTRAP, "policy = \"p\"", "policy = \"\"", "5: `policy`: the string is empty"),
    (BOOTSTRAP, "dynamodb:devices", "anyone", "1: `expected`: [[bootstrap]] cannot expect anyone\n  help: "),
    (BOOTSTRAP, "dynamodb:devices", "dynamodb:a b", "6: `expected`: invalid value \"dynamodb:a b\""),
    (BOOTSTRAP, "policy", "attributes = {}\npolicy", "5: unknown key `attributes` in [[bootstrap]]"),
    (TEMPLATE, "\"other\"", "\"a/b\"", "2: `name`: invalid value \"a/b\"; expected 1 to 36 of"),
    (TEMPLATE, "\"other\"", "\"fleet\"", "1: `name`: another [[template]] has the name fleet"),
    (TEMPLATE, "name = \"other\"\n", "", "1: [[template]] has no `name`"),
    (TEMPLATE, "expected", "policy = \"p\"\nexpected", "3: unknown key `policy` in [[template]]"),
    ("[cognito]\npolicy = \"p\"\n", "policy", "Policy", "1: [cognito] has no `policy`"),
    ("[cognito]\npolicy = \"p\"\n", "\"p\"", "\"p/q\"", "2: `policy`: invalid value \"p/q\""),
    (
        "[cognito]\npolicy = \"p\"\n",
        "[cognito]",
        "[[cognito]]",
        "1: expected [cognito] to be a table, found array",
    ),
    (
        "[other]\npolicy = \"p\"\n",
        "other",
        "others",
        "1: unknown key `others` in the file; expected one of `authority`",
    ),
];

#[test]
fn errors_have_their_line() {
    let mut failures = Vec::new();
    for (table, from, to, expected) in ERRORS {
        assert!(table.contains(from), "{from}");
        let changed = table.replacen(from, to, 1);
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
    let text = base() + &AUTHORITY.replace(&id('d'), &id('c'));
    let errors = parse(&text).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].ends_with(&format!("`ca_certificate_id`: another [[authority]] has {}", id('c'))),
        "{errors:?}"
    );
}

#[test]
fn all_errors_are_reported_at_once() {
    let text = format!("{AUTHORITY}{BOOTSTRAP}{TEMPLATE}")
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
