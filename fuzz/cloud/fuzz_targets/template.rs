//! A line with parameters, and any text as a provisioning template of each kind. In a parameter, `$CSR` stands for a
//! certificate signing request, `$PEM` for a certificate, and `$CA` for that of its CA.
//!
//! Asserted: an error has a text and a member; the same template and parameters give the same plan, whose names have
//! their alphabets and whose documents are policies; only its own certificate gets active in just-in-time and fleet
//! provisioning, and no value with a wildcard becomes part of a document; the steps of a plan make all of it and the
//! same plan has none left; a provisioning that fails changes nothing, and one that succeeds has made all of it.

#![no_main]

#[path = "../../../local/cloud/tests/templates/inventory.rs"]
mod inventory;
#[path = "template/outcome.rs"]
mod outcome;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use iot_local_cloud::provisioning::{
    CertificateSource, EvaluationError, MAX_BODY_BYTES, Parameters, Plan, Template, TemplateErrors,
    TemplateKind,
};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

/// The id of the certificate that connects, or is made from a request.
const CERTIFICATE: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const REQUEST: &str = include_str!("../../../local/cloud/tests/data/p256.csr.pem");
const DEVICE: &str = include_str!("../../../local/cloud/tests/data/leaf-v3.pem");
const CA: &str = include_str!("../../../local/cloud/tests/data/ca.pem");
/// Certificates that connect: one with a country and a common name that can name a thing, and one with most of the
/// attributes of a subject.
const SUBJECTS: [&str; 2] = [
    include_str!("../../../local/cloud/tests/data/first-connect/v3-ec-of-ca.pem"),
    include_str!("../../../local/cloud/tests/data/variables.pem"),
];

static SUBJECT_PARAMETERS: LazyLock<Vec<Parameters>> = LazyLock::new(|| {
    let parameters = |subject| {
        let certificate = pem::parse(subject).unwrap();
        Parameters::from_certificate(certificate.contents()).unwrap().with_certificate_id(CERTIFICATE)
    };
    SUBJECTS.into_iter().map(parameters).collect()
});

fuzz_target!(|input: &str| {
    let (values, body) = input.split_once('\n').unwrap_or(("", input));
    let values = values_of(values);
    for kind in [TemplateKind::Jitp, TemplateKind::Registration, TemplateKind::Fleet] {
        match (Template::parse(kind, body), Template::parse(kind, body)) {
            (Err(errors), Err(again)) => {
                assert_eq!(errors, again);
                check_errors(body, &errors);
            }
            (Ok(template), Ok(again)) => {
                assert_eq!(template, again);
                assert_eq!(template.kind(), kind);
                check_template(&template, body, &values);
            }
            _ => panic!("accepted once, rejected once"),
        }
    }
});

/// The values of parameters that a caller may give.
fn values_of(line: &str) -> BTreeMap<String, String> {
    let members: Map<String, Value> = serde_json::from_str(line).unwrap_or_default();
    let text = |value: Value| {
        value.as_str().map(|text| match text {
            "$CSR" => REQUEST.to_owned(),
            "$PEM" => DEVICE.to_owned(),
            "$CA" => CA.to_owned(),
            text => text.to_owned(),
        })
    };
    let values = members.into_iter().filter_map(|(name, value)| Some((name, text(value)?)));
    values.filter(|(name, _)| !name.starts_with("AWS::")).collect()
}

fn check_errors(body: &str, errors: &TemplateErrors) {
    assert!(!errors.0.is_empty() && !errors.to_string().is_empty());
    for error in &errors.0 {
        assert!(!error.what.is_empty());
        assert!(error.what.len() < 1000 + 10 * body.len(), "an error without a limit");
    }
    let Ok(Value::Object(sections)) = serde_json::from_str(body) else {
        assert!(
            errors.0.iter().all(|error| error.member.is_empty()),
            "a member of what is not an object: {errors}"
        );
        return;
    };
    let sections: Vec<_> = sections.keys().map(String::as_str).chain(["Resources"]).collect();
    let is_member =
        |member: &str| member.is_empty() || sections.iter().any(|section| member.starts_with(section));
    assert!(errors.0.iter().all(|error| is_member(&error.member)), "{errors}");
}

fn check_template(template: &Template, body: &str, values: &BTreeMap<String, String>) {
    let sections: Map<String, Value> = serde_json::from_str(body).expect("accepted, and not a JSON object");
    assert!(body.len() <= MAX_BODY_BYTES && sections.contains_key("Resources"));
    assert!(template.warnings().iter().all(|warning| !warning.is_empty()));
    for parameters in parameters(template.kind(), values) {
        match (template.evaluate(&parameters), template.evaluate(&parameters)) {
            (Err(error), Err(again)) => {
                assert_eq!(error, again);
                check_error(&error);
            }
            (Ok(plan), Ok(again)) => {
                assert_eq!(plan, again);
                check_plan(&plan, template.kind());
                outcome::check(template, &parameters, &plan);
            }
            _ => panic!("evaluated once, failed once"),
        }
    }
    check_documents(template, body, values);
}

/// The parameters that a template is evaluated with: none if the values are invalid.
fn parameters(kind: TemplateKind, values: &BTreeMap<String, String>) -> Vec<Parameters> {
    let given = Parameters::new(values.clone()).ok().into_iter();
    match kind {
        TemplateKind::Jitp => SUBJECT_PARAMETERS.clone(),
        TemplateKind::Registration => given.collect(),
        TemplateKind::Fleet => given.map(|given| given.with_certificate_id(CERTIFICATE)).collect(),
    }
}

fn check_error(error: &EvaluationError) {
    assert!(!error.what.is_empty() && error.to_string().contains(&error.what));
    let sections = ["Parameters", "Resources.", "DeviceConfiguration."];
    assert!(sections.iter().any(|section| error.member.starts_with(section)), "{error}");
}

fn check_plan(plan: &Plan, kind: TemplateKind) {
    if let Some(thing) = &plan.thing {
        let names = [Some(&thing.name), thing.thing_type.as_ref(), thing.billing_group.as_ref()];
        for name in names.into_iter().flatten().chain(thing.groups.iter().flatten()) {
            assert!(is_text(name, ":_-", 1, 128), "{name:?}");
        }
        for (name, value) in thing.attributes.iter().flatten() {
            assert!(
                is_text(name, "_.,@/:#-", 1, 128) && is_text(value, "_.,@/:#=[]-", 1, 800),
                "{name:?} {value:?}"
            );
        }
        let groups: BTreeSet<_> = thing.groups.iter().flatten().collect();
        assert_eq!(groups.len(), thing.groups.iter().flatten().count());
    }
    let source = plan.certificate.as_ref().map(|certificate| &certificate.source);
    if kind != TemplateKind::Registration {
        assert_eq!(
            source,
            Some(&CertificateSource::Id(CERTIFICATE.to_owned())),
            "another certificate gets active"
        );
    }
    assert!(plan.policies.len() <= 10 && (plan.policies.is_empty() || source.is_some()));
    let names: BTreeSet<_> = plan.policies.iter().map(|policy| &policy.name).collect();
    assert_eq!(names.len(), plan.policies.len());
    for policy in &plan.policies {
        assert!(is_text(&policy.name, "_+=,.@-", 1, 128), "{:?}", policy.name);
        let Some(document) = &policy.document else { continue };
        let digits: String =
            digest(&SHA256, document.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(policy.name, digits);
        let json: Value = serde_json::from_str(document).expect("a document that is not JSON");
        assert!(json["Statement"].is_object() || json["Statement"].is_array(), "{document}");
        assert!(document.chars().filter(|c| !c.is_whitespace()).count() <= 2048);
    }
    let configuration = plan.device_configuration.values();
    assert!(
        configuration.into_iter().all(|value| value.is_string() || value.is_number() || value.is_boolean())
    );
    assert!(plan.device_configuration.is_empty() || kind == TemplateKind::Fleet);
}

fn is_text(text: &str, extra: &str, shortest: usize, longest: usize) -> bool {
    (shortest..=longest).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
}

/// A device whose values have wildcards, quotes or levels gets no other document than any device.
fn check_documents(template: &Template, body: &str, values: &BTreeMap<String, String>) {
    const VALUES: [&str; 3] = ["zQ7*", "zQ7/#", "zQ7\",\"Effect\":\"Allow"];
    // A template that has the mark itself may choose by it.
    if template.kind() != TemplateKind::Fleet || body.contains("zQ7") || body.contains("\\u") {
        return;
    }
    for name in values.keys() {
        let mut documents = BTreeSet::new();
        for value in VALUES {
            let mut values = values.clone();
            values.insert(name.clone(), value.to_owned());
            for parameters in parameters(TemplateKind::Fleet, &values) {
                let Ok(plan) = template.evaluate(&parameters) else { continue };
                let policies = plan.policies.into_iter().filter_map(|policy| policy.document);
                documents.insert(policies.collect::<Vec<_>>());
            }
        }
        assert!(documents.iter().flatten().all(|document| !document.contains("zQ7")), "{documents:?}");
        assert!(documents.len() <= 1, "a value with a wildcard has changed a document: {documents:?}");
    }
}
