//! What a plan leads to: its steps in several inventories, and the changes of a registry.

use std::sync::LazyLock;
use std::time::{Duration, UNIX_EPOCH};

use iot_local_cloud::provisioning::{
    CertificateSource, Inventory, Override, Parameters, Plan, Step, Template, resolve,
};
use iot_local_cloud::registry::{Change, PolicyTarget, Principal, Registry};
use iot_local_cloud::{Account, Cloud, CloudOptions};
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::inventory::Registered;
use super::{CA, CERTIFICATE};

/// A registry with a type, groups, policies, a thing, the certificate of the client, and a CA.
static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let certificate = pem::parse(CA).unwrap();
    let (_, ca) = X509Certificate::from_der(certificate.contents()).unwrap();
    let subject: String = ca.subject().as_raw().iter().map(|byte| format!("{byte:02x}")).collect();
    let facts = iot_local_cloud::CertificateFacts::read(certificate.contents()).unwrap();
    let record = json!({ "version": 1, "created": 1 });
    let policy = |name: &str| {
        json!({ "putPolicy": {
        "name": name, "versions": { "1": { "document": DOCUMENT, "created": 1 } }, "defaultVersion": 1,
        "lastVersion": 1, "created": 1, "modified": 1, "generationId": "g" } })
    };
    let changes = json!([
        { "putThingType": { "name": "bulb", "id": "t", "properties": {}, "created": 1 } },
        { "putThingGroup": merged(&record, json!({ "name": "WA", "id": "g1" })) },
        { "putThingGroup": merged(&record, json!({ "name": "v1-bulbs", "id": "g2" })) },
        { "putThingGroup": merged(&record, json!({ "name": "inner", "id": "g3", "parent": "WA" })) },
        policy("p"),
        policy("jitp-things-policy"),
        { "putThing": merged(&record, json!({ "name": "dev-1", "id": "i", "attributes": { "version": "v0" } })) },
        { "addToThingGroup": { "group": "v1-bulbs", "thing": "dev-1" } },
        { "putCertificate": {
            "id": CERTIFICATE, "pem": "PEM", "status": "PENDING_ACTIVATION", "mode": "DEFAULT", "notBefore": 0,
            "notAfter": i64::MAX, "created": 1, "modified": 1, "customerVersion": 1, "generationId": "g" } },
        { "putCaCertificate": {
            "id": facts.id, "pem": CA, "subject": subject, "status": "ACTIVE", "autoRegistration": true,
            "mode": "DEFAULT", "notBefore": facts.not_before, "notAfter": facts.not_after, "created": 1,
            "modified": 1, "customerVersion": 1, "generationId": "g" } },
    ]);
    let changes: Vec<Change> = serde_json::from_value(changes).unwrap();
    let mut registry = Registry::default();
    changes.iter().for_each(|change| registry.apply(change));
    assert_eq!(registry.changes().count(), changes.len());
    registry
});

const DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Connect","Resource":"*"}]}"#;

fn merged(left: &Value, right: Value) -> Value {
    let members = left.as_object().into_iter().chain(right.as_object()).flatten();
    Value::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
}

pub fn check(template: &Template, parameters: &Parameters, plan: &Plan) {
    for registered in inventories(plan) {
        check_steps(plan, &registered);
    }
    check_registry(template, parameters, plan);
}

/// Inventories in which the plan is new, and in which its thing or its certificate is not.
fn inventories(plan: &Plan) -> Vec<Registered> {
    let thing = plan.thing.as_ref();
    let named = |names: Vec<&String>, other: &[&str]| -> Value {
        names.into_iter().map(String::as_str).chain(other.iter().copied()).collect()
    };
    let types = thing.and_then(|thing| thing.thing_type.as_ref());
    let groups = thing.and_then(|thing| thing.groups.as_ref()).into_iter().flatten();
    let billing_group = thing.and_then(|thing| thing.billing_group.as_ref());
    let policies = plan.policies.iter().filter(|policy| policy.document.is_none());
    let policies = policies.map(|policy| (policy.name.clone(), DOCUMENT.into()));
    let base = json!({
        "types": named(types.into_iter().collect(), &["old"]),
        "groups": named(groups.collect(), &["outer"]),
        "billing_groups": named(billing_group.into_iter().collect(), &[]),
        "policies": Value::Object(policies.collect()),
        "certificates": { (id(plan)): { "status": "PENDING_ACTIVATION" } },
    });
    let old = json!({ "attributes": { "old": "1" }, "type": "old", "groups": ["outer"] });
    let things = thing.map(|thing| (thing.name.clone(), old)).into_iter();
    let other = json!({ "things": Value::Object(things.collect()) });
    let used = |status: &str| {
        let certificate = json!({ "status": status, "policies": ["old"], "things": ["old"] });
        merged(&base, json!({ "certificates": { (id(plan)): certificate } }))
    };
    [base.clone(), merged(&base, other), used("INACTIVE"), used("ACTIVE"), json!({})]
        .iter()
        .map(|registered| Registered::read(registered).unwrap())
        .collect()
}

fn id(plan: &Plan) -> &str {
    match plan.certificate.as_ref().map(|certificate| &certificate.source) {
        Some(CertificateSource::Id(id)) => id,
        _ => CERTIFICATE,
    }
}

fn check_steps(plan: &Plan, registered: &Registered) {
    let steps = match resolve(plan, Some(id(plan)), registered) {
        Err(conflict) => {
            assert!(!conflict.what.is_empty() && conflict.to_string().contains(&conflict.logical_name));
            return;
        }
        Ok(steps) => steps,
    };
    let is_status = |step: &Step| matches!(step, Step::SetStatus { .. });
    assert!(steps.iter().rev().skip(1).all(|step| !is_status(step)), "active before the last step");
    let after = registered.after(&steps);
    if let Some(thing) = &plan.thing {
        let made = after.thing(&thing.name).expect("the thing is missing");
        let is_new = registered.thing(&thing.name).is_none();
        let is_set =
            |setting| is_new || setting == Some(Override::Replace) || setting == Some(Override::Merge);
        if let Some(attributes) = thing.attributes.as_ref().filter(|_| is_set(thing.on_attributes)) {
            assert!(attributes.iter().all(|(name, value)| made.attributes.get(name) == Some(value)));
            let is_whole = is_new || thing.on_attributes == Some(Override::Replace);
            assert!(!is_whole || made.attributes == *attributes);
        }
        if let Some(groups) = thing.groups.as_ref().filter(|_| is_set(thing.on_groups)) {
            assert!(groups.iter().all(|group| made.groups.contains(group)));
        }
        if is_set(thing.on_thing_type) && thing.thing_type.is_some() {
            assert_eq!(made.thing_type, thing.thing_type);
        }
    }
    assert!(plan.policies.iter().all(|policy| after.policy_document(&policy.name).is_some()));
    if let Some(certificate) = &plan.certificate {
        // A certificate without any step was there already.
        let made = after.certificate(id(plan)).expect("the certificate is missing");
        assert!(plan.policies.iter().all(|policy| made.policies.contains(&policy.name)));
        assert!(plan.thing.as_ref().is_none_or(|thing| made.things.contains(&thing.name)));
        let status = if certificate.is_active { "ACTIVE" } else { "INACTIVE" };
        assert!(
            made.status == status || certificate.on_status == Some(Override::DoNothing),
            "{}",
            made.status
        );
    }
    match resolve(plan, Some(id(plan)), &after) {
        Ok(left) => assert_eq!(left, []),
        Err(conflict) => assert!(conflict.what.contains(" is FAIL"), "the same plan again: {conflict}"),
    }
}

/// Provisions in a registry: all at once, or nothing.
fn check_registry(template: &Template, parameters: &Parameters, plan: &Plan) {
    let options = CloudOptions {
        account: Account::new("us-east-1", "123456789012").unwrap(),
        folder: None,
        private: None,
        endpoint: "localhost".to_owned(),
        // 2026-01-01T00:00:00Z.
        clock: || UNIX_EPOCH + Duration::from_secs(1_767_225_600),
    };
    let Ok(cloud) = Cloud::open(options) else { panic!("a registry in memory has no files") };
    let stored = cloud.write(|_| Ok((REGISTRY.changes().collect(), ())));
    assert_eq!(stored, Ok(()));
    let provisioned = match cloud.provision(template, parameters) {
        Err(error) => {
            assert!(!error.message.is_empty());
            cloud.read(|registry| {
                assert!(*registry == *REGISTRY, "a failure has changed the registry: {error:?}")
            });
            return;
        }
        Ok(provisioned) => provisioned,
    };
    let arns = plan.thing.iter().count() + plan.certificate.iter().count() + plan.policies.len();
    assert_eq!(provisioned.resource_arns.len(), arns);
    let made = cloud.read(Registry::clone);
    if let Some(thing) = &plan.thing {
        assert!(made.thing(&thing.name).is_some(), "the thing is missing");
        let is_new = REGISTRY.thing(&thing.name).is_none();
        let groups: Vec<_> = made.groups_of(&thing.name).map(|group| &group.name).collect();
        assert!(!is_new || thing.groups.iter().flatten().all(|group| groups.contains(&group)));
    }
    if let Some(certificate) = &plan.certificate {
        let arn = &provisioned.resource_arns[&certificate.logical_name];
        let (_, id) = arn.rsplit_once('/').unwrap();
        let record = made.certificate(id).expect("the certificate is missing");
        let status = if certificate.is_active { "ACTIVE" } else { "INACTIVE" };
        assert!(record.status.name() == status || certificate.on_status == Some(Override::DoNothing));
        let target = PolicyTarget::certificate(id);
        assert!(
            plan.policies.iter().all(|policy| made.is_attached(&policy.name, &target)),
            "a policy is missing"
        );
        let principal = Principal::Certificate(id.to_owned());
        let is_attached = |name: &str| made.thing_principal(name, &principal).is_some();
        assert!(
            plan.thing.as_ref().is_none_or(|thing| is_attached(&thing.name)),
            "the thing is not attached"
        );
        if matches!(certificate.source, CertificateSource::Request(_)) {
            return;
        }
    }
    match cloud.provision(template, parameters) {
        Ok(_) => cloud.read(|registry| assert!(*registry == made, "the same again has changed the registry")),
        Err(error) => assert!(error.message.contains(" is FAIL"), "the same again: {error:?}"),
    }
}
