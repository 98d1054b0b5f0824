//! Any text as a policy.
//!
//! Asserted: each error has a text; what is accepted is an AWS IoT policy by another reader; and what it grants to two
//! tokens is what a plain replacement of its variables grants, in documents within the limits.

#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;
mod checks;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use checks::decide;
use iot_jwt_authorizer::policy::Template;
use iot_jwt_authorizer::slots::Slot;
use iot_jwt_authorizer::template_text::Scope;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use support::NOW;
use support::deployment::Deployment;
use support::signer::Signer;

const UUID: &str = "00000000-0000-4000-8000-000000000001";

static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(|| {
    let deployment = Deployment::empty();
    deployment.write(
        "authorizer.toml",
        r#"
        [[issuer]]
        id = "users"
        issuer = "https://login.example.com/"
        audience = ["iot.example.com"]
        algorithms = ["EdDSA"]
        keys = ["file:keys/users.jwks.json"]
        client_ids = ["${sub}"]
        [claims]
        sub = "sub"
        tenant = { path = "tenant", type = "path" }
        device = { path = "device", type = "uuid" }
        devices = { path = "devices", list = true, optional = true }
        [[grant]]
        policy = "fuzzed"
        "#,
    );
    deployment.keys("keys/users.jwks.json", &["eddsa"]);
    deployment
});

static SLOTS: LazyLock<Vec<Slot>> = LazyLock::new(|| {
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Connect","Resource":"client/${sub}"}]}"#;
    DEPLOYMENT.write("policies/fuzzed.json", policy);
    DEPLOYMENT.authorizer().issuers[0].slots.clone()
});

fuzz_target!(|text: &str| {
    let scope = Scope { slots: &SLOTS, environment: &|_| None, in_policy: true };
    match Template::parse("fuzzed", text, scope) {
        Err(errors) => assert!(!errors.is_empty() && errors.iter().all(|error| !error.to_string().is_empty())),
        Ok(template) => {
            let policy: Value =
                serde_json::from_str(text.trim_start_matches('\u{feff}')).expect("accepted, and not JSON");
            assert_eq!(policy["Version"], "2012-10-17");
            let statements = list(&policy["Statement"]);
            assert_eq!(statements.len(), template.statements.len());
            assert!(statements.iter().all(|statement| statement.get("NotAction").is_none()));
            assert!(statements.iter().all(|statement| matches!(statement["Effect"].as_str(), Some("Allow" | "Deny"))));
            DEPLOYMENT.write("policies/fuzzed.json", text);
            // A policy that contains a private key, for example, is an error of the deployment.
            let Ok(config) = DEPLOYMENT.load() else { return };
            for devices in [None, Some(json!(["lamp", "door"]))] {
                check(&config.authorizer, &statements, devices);
            }
        }
    }
});

/// A value, or the items of a list.
fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// Compares what a token gets with a plain replacement of the variables.
fn check(authorizer: &iot_jwt_authorizer::authorizer::Authorizer, statements: &[Value], devices: Option<Value>) {
    let mut claims = json!({
        "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "tenant": "acme/berlin",
        "device": UUID, "exp": NOW + 3600,
    });
    let devices: Vec<String> = match devices {
        Some(devices) => {
            claims["devices"] = devices;
            vec!["lamp".to_owned(), "door".to_owned()]
        }
        None => Vec::new(),
    };
    let event = json!({
        "token": Signer::named("eddsa").token(&claims), "protocolData": { "mqtt": { "clientId": "ana" } },
    });
    let decision = decide(authorizer, event.to_string().as_bytes());
    let response = match &decision.outcome {
        Ok(response) => serde_json::to_value(response).unwrap(),
        Err(denial) => {
            let code = denial.code().name();
            assert!(matches!(code, "no_grant" | "policy_too_large" | "client_id_not_allowed"), "{denial}");
            return;
        }
    };
    let mut granted = BTreeSet::new();
    for document in response["policyDocuments"].as_array().unwrap() {
        for statement in document["Statement"].as_array().unwrap() {
            add(&mut granted, statement, &|resource| vec![resource.to_owned()]);
        }
    }
    let mut expected = BTreeSet::new();
    for statement in statements.iter().filter(|statement| statement.get("Condition").is_none()) {
        add(&mut expected, statement, &|resource| replaced(resource, &devices));
    }
    // The values of conditions may be absent, so these statements are not compared.
    granted.retain(|(_, _, _, has_condition)| !has_condition);
    assert_eq!(granted, expected);
}

/// Effect, action, resource, and whether there is a condition.
type Permission = (String, String, String, bool);

fn add(permissions: &mut BTreeSet<Permission>, statement: &Value, resources: &dyn Fn(&str) -> Vec<String>) {
    let effect = statement["Effect"].as_str().unwrap();
    for action in list(&statement["Action"]) {
        for resource in list(&statement["Resource"]) {
            for resource in resources(resource.as_str().unwrap()) {
                let action = action.as_str().unwrap().to_owned();
                let has_condition = statement.get("Condition").is_some();
                permissions.insert((effect.to_owned(), action, resource, has_condition));
            }
        }
    }
}

/// The resources that a text becomes.
fn replaced(text: &str, devices: &[String]) -> Vec<String> {
    let text = match text.starts_with("arn:") || text == "*" {
        true => text.to_owned(),
        false => format!("arn:aws:iot:eu-west-1:123456789012:{text}"),
    };
    let text = text
        .replace("${sub}", "ana")
        .replace("${tenant}", "acme/berlin")
        .replace("${device}", UUID)
        .replace("${mqtt:client_id}", "ana")
        .replace("${issuer:id}", "users")
        .replace("${aws:partition}", "aws")
        .replace("${aws:region}", "eu-west-1")
        .replace("${aws:account}", "123456789012");
    if text.contains("${devices}") {
        devices.iter().map(|device| text.replace("${devices}", device)).collect()
    } else {
        vec![text]
    }
}
