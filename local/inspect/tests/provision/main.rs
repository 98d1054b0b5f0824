//! `cargo local check` of `provision.toml`: errors, and each warning on both sides.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::fs;
use std::path::Path;

use iot_local_base::env::Env;
use iot_local_inspect::check::CheckReport;
use iot_local_inspect::findings::Severity;
use iot_local_inspect::provision;

const CA: &str = "0000000000000000000000000000000000000000000000000000000000000001";

/// A configuration with all tables. The policies `device` and `app` are given to devices and identities.
const CONFIG: &str = r#"
[[authority]]
ca_certificate_id = "0000000000000000000000000000000000000000000000000000000000000001"
thing = "${CommonName}"
policy = "device"
expected = "anyone"

[[bootstrap]]
request = "bootstrap/+/request"
response = "bootstrap/${id}/response"
thing = "${id}"
policy = "device"
expected = "list:devices.csv"

[[template]]
name = "fleet"
expected = "list:devices.csv"

[cognito]
policy = "app"
"#;

/// Checks a configuration with further files next to it.
fn examine(config: &str, files: &[(&str, &str)]) -> CheckReport {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("provision.toml");
    for (name, text) in
        [("provision.toml", config), ("devices.csv", "device\nsensor-1\n")].iter().chain(files)
    {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    provision::examine(&path, &Env::default())
}

/// The messages of a severity, each with its file.
fn messages(report: &CheckReport, severity: Severity) -> Vec<String> {
    let found = report.findings.iter().filter(|finding| finding.severity == severity);
    found.map(|finding| format!("{}: {}", finding.error.file, finding.error.what)).collect()
}

#[test]
fn the_shipped_configuration_has_no_findings() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../provision/provision.toml");
    let report = provision::examine(&shipped, &Env::default());
    assert_eq!(report.text(false).lines().count(), 1, "{}", report.text(false));
    assert!(report.findings.is_empty() && !report.files.config().is_empty());
}

#[test]
fn errors_are_those_of_the_functions() {
    let report = examine(&CONFIG.replace("expected = \"anyone\"", "expected = \"someone\""), &[]);
    let errors = messages(&report, Severity::Error);
    assert!(errors.len() == 1 && errors.iter().any(|error| error.contains("someone")), "{errors:?}");
    assert!(report.text(false).contains("expected = \"someone\""), "{}", report.text(false));
    let report = examine(CONFIG, &[("devices.csv", "device\nsensor 1\n")]);
    let errors = messages(&report, Severity::Error);
    assert!(errors.iter().any(|error| error.starts_with("devices.csv: ")), "{errors:?}");
    // Without the line itself, which may have a secret.
    let text = report.text(false);
    assert!(text.contains("devices.csv:2") && !text.contains("sensor 1"), "{text}");
    let absent = provision::examine(Path::new("absent/provision.toml"), &Env::default());
    assert_eq!(absent.count(Severity::Error), 1);
}

/// A statement of a policy.
fn statement(effect: &str, action: &str, resource: &str) -> String {
    format!(
        r#"{{"Statement": {{"Effect": "{effect}", "Action": "{action}", "Resource": "arn:aws:iot:*:*:{resource}"}}}}"#
    )
}

#[test]
fn a_shared_credential_has_the_topics_of_provisioning_alone() {
    for (action, resource, expected) in [
        ("iot:Connect", "client/*", None),
        ("iot:Publish", "topic/$aws/certificates/create/*", None),
        ("iot:Publish", "topic/$aws/certificates/create/cbor", None),
        ("iot:Publish", "topic/$aws/certificates/create-from-csr/json", None),
        ("iot:Publish", "topic/$aws/provisioning-templates/fleet/provision/*", None),
        ("iot:Receive", "topic/$aws/provisioning-templates/fleet/provision/json/accepted", None),
        ("iot:Subscribe", "topicfilter/$aws/certificates/create/*", None),
        ("iot:Publish", "topic/bootstrap/*/request", None),
        ("iot:Publish", "topic/bootstrap/sensor-1/request", None),
        ("iot:Receive", "topic/bootstrap/*/response", None),
        ("iot:Subscribe", "topicfilter/bootstrap/${iot:ClientId}/response", None),
        ("iot:*", "*", Some("allows iot:*")),
        ("*", "*", Some("allows *")),
        ("iot:GetThingShadow", "thing/*", Some("allows iot:GetThingShadow")),
        ("iot:RetainPublish", "topic/bootstrap/*/request", Some("allows iot:RetainPublish")),
        ("iot:Publish", "topic/*", Some("on `topic/*`")),
        ("iot:Publish", "*", Some("on `*`")),
        ("iot:Publish", "topic/$aws/certificates/*", Some("on `topic/$aws/certificates/*`")),
        ("iot:Publish", "topic/$aws/provisioning-templates/*", Some("provisioning-templates/*")),
        ("iot:Publish", "topic/$aws/provisioning-templates/other/provision/*", Some("other")),
        ("iot:Publish", "topic/bootstrap/*", Some("on `topic/bootstrap/*`")),
        ("iot:Publish", "topic/bootstrap/*/response", Some("iot:Publish on `topic/bootstrap/*/response`")),
        ("iot:Receive", "topic/bootstrap/*/request", Some("iot:Receive on `topic/bootstrap/*/request`")),
        ("iot:Publish", "topic/devices/sensor-1/state", Some("devices/sensor-1")),
        ("iot:Subscribe", "topicfilter/#", Some("on `topicfilter/#`")),
        ("iot:Subscribe", "topic/bootstrap/*/response", Some("iot:Subscribe on `topic/")),
    ] {
        let policy = statement("Allow", action, resource);
        let report = examine(CONFIG, &[("policies/claim.json", &policy)]);
        let found = messages(&report, Severity::Warning);
        match expected {
            None => assert!(found.is_empty(), "{action} {resource}: {found:?}"),
            Some(expected) => {
                let is_found = found.iter().any(|warning| warning.contains(expected));
                assert!(is_found && found.len() == 1, "{action} {resource}: {found:?}");
                assert!(report.text(false).contains("policies/claim.json:1:"), "{}", report.text(false));
            }
        }
        for given in ["device", "app"] {
            let report = examine(CONFIG, &[(&*format!("policies/{given}.json"), &policy)]);
            assert!(report.findings.is_empty(), "{given} is not the policy of a shared credential");
        }
    }
}

#[test]
fn without_its_table_a_shared_credential_needs_no_topic() {
    let (all, _) = CONFIG.split_once("[[template]]").unwrap();
    let fleet = statement("Allow", "iot:Publish", "topic/$aws/certificates/create/*");
    assert_eq!(examine(all, &[("policies/claim.json", &fleet)]).count(Severity::Warning), 1);
    let (authority, _) = all.split_once("[[bootstrap]]").unwrap();
    let bootstrap = statement("Allow", "iot:Publish", "topic/bootstrap/*/request");
    assert_eq!(examine(authority, &[("policies/claim.json", &bootstrap)]).count(Severity::Warning), 1);
    let template = r#"{"Resources": {"policy": {"Properties": {"PolicyName": "claim"}}}}"#;
    let files = [("policies/claim.json", &*bootstrap), ("templates/fleet.json", template)];
    assert_eq!(examine(authority, &files).count(Severity::Warning), 0, "a template gives the policy");
    let except = r#"{"Statement": [{"Effect": "Allow", "Action": "iot:Publish", "NotResource": "x"}]}"#;
    let found = messages(&examine(CONFIG, &[("policies/claim.json", except)]), Severity::Warning);
    assert!(found.iter().any(|warning| warning.contains("everything but")), "{found:?}");
}

#[test]
fn a_denial_that_needs_a_variable_is_a_warning() {
    let thing = "${iot:Connection.Thing.ThingName}";
    for (effect, resource, expected) in [
        ("Allow", format!("topic/{thing}/*"), 0),
        ("Deny", "topic/secret/*".to_owned(), 0),
        ("Deny", "topic/${iot:ClientId}/*".to_owned(), 0),
        ("Deny", "topic/${iot:Connection.Thing.IsAttached}/*".to_owned(), 0),
        ("Deny", format!("topic/{thing}/*"), 1),
        ("Deny", "topic/${iot:Connection.Thing.Attributes[site]}/*".to_owned(), 1),
        ("Deny", "topic/${iot:Certificate.Subject.CommonName}/*".to_owned(), 1),
    ] {
        let policy = statement(effect, "iot:Publish", &resource);
        let report = examine(CONFIG, &[("policies/device.json", &policy)]);
        assert_eq!(report.count(Severity::Warning), expected, "{effect} {resource}");
    }
    let condition = format!(
        r#"{{"Statement": [{{"Effect": "Deny", "Action": "iot:Connect", "Resource": "*",
            "Condition": {{"StringNotEquals": {{"iot:ClientId": ["{thing}"]}}}}}}]}}"#
    );
    assert_eq!(examine(CONFIG, &[("policies/device.json", &condition)]).count(Severity::Warning), 1);
}

#[test]
fn rules_are_for_the_ca_certificates_that_are_configured() {
    let without = CONFIG.split_once("[[bootstrap]]").unwrap().1;
    let without = format!("[[bootstrap]]{without}");
    let other = CA.replace('1', "2");
    for (config, filter, expected) in [
        (CONFIG, format!("$aws/events/certificates/registered/{CA}"), None),
        (CONFIG, "$aws/events/presence/connected/#".to_owned(), None),
        (CONFIG, "$aws/events/certificates/registered/${AuthorityId}".to_owned(), None),
        (CONFIG, "$aws/events/certificates/registered/#".to_owned(), Some("for every CA certificate")),
        (CONFIG, "$aws/events/certificates/registered/+".to_owned(), Some("for every CA certificate")),
        (CONFIG, "$aws/events/#".to_owned(), Some("for every CA certificate")),
        (CONFIG, format!("$aws/events/certificates/registered/{other}"), Some("has no [[authority]]")),
        (&without, "$aws/events/certificates/registered/#".to_owned(), Some("without an [[authority]]")),
        (&without, format!("$aws/events/certificates/registered/{CA}"), Some("has no [[authority]]")),
    ] {
        let sql = format!("SELECT * FROM '{filter}'");
        let rule = format!("{{\n  \"sql\": \"{sql}\"\n}}");
        let template = format!("Resources:\n  Rule:\n    Sql: {sql}\n");
        for (file, text, place) in [
            ("rules/jitr.json", &rule, "rules/jitr.json:2:"),
            ("template.yaml", &template, "template.yaml:3:"),
        ] {
            let report = examine(config, &[(file, text)]);
            let found = messages(&report, Severity::Warning);
            match expected {
                None => assert!(found.is_empty(), "{filter}: {found:?}"),
                Some(expected) => {
                    assert!(
                        found.len() == 1 && found.iter().all(|warning| warning.contains(expected)),
                        "{found:?}"
                    );
                    assert!(report.text(false).contains(place), "{}", report.text(false));
                }
            }
        }
    }
}
