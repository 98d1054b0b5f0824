//! The registry for the page: what is registered, what is attached to what, and who is connected by what right. No
//! certificate's text, no policy's document, no secret.

use std::sync::Arc;

use iot_local_cloud::registry::{
    CaCertificate, Certificate, Policy, PolicyTarget, Principal, ProvisioningTemplate, Registry, Thing,
    ThingPrincipalType,
};
use iot_local_policy::Action;
use serde_json::{Value, json};

use crate::auth::Authenticators;
use crate::auth::endpoint::AuthMethod;
use crate::connection::{Connection, Connections};

/// The largest number of records of a kind in a response. A fleet can have more than a page can show.
const MAX_RECORDS: usize = 200;

/// Returns the records of each kind, at most [`MAX_RECORDS`], and their numbers.
pub(super) async fn read(auth: Arc<Authenticators>, connections: Arc<Connections>) -> Option<Value> {
    // The registry may wait for the disk.
    tokio::task::spawn_blocking(move || view(&auth, &connections)).await.ok()
}

fn view(auth: &Authenticators, connections: &Connections) -> Value {
    let clients: Vec<_> = connections.admitted().iter().map(|client| connected(client)).collect();
    let Some(cloud) = auth.x509.cloud() else { return json!({ "clients": clients }) };
    let account = cloud.account();
    cloud.read(|registry| {
        json!({
            "region": account.region(), "account": account.id(), "clients": clients,
            "things": records(registry.things(), |thing| self::thing(registry, thing)),
            "certificates": records(registry.certificates(), |one| certificate(registry, one)),
            "ca_certificates": records(registry.ca_certificates(), |ca| ca_certificate(ca)),
            "policies": records(registry.policies(), |policy| self::policy(registry, policy)),
            "templates": records(registry.provisioning_templates(), |template| template_json(template)),
            "rules": records(registry.topic_rules(), |rule| json!({
                "name": rule.name, "sql": rule.sql, "enabled": !rule.is_disabled,
            })),
        })
    })
}

/// Describes the first records of a kind, and counts all.
fn records<T>(all: impl Iterator<Item = T>, describe: impl Fn(T) -> Value) -> Value {
    let mut count = 0_usize;
    let mut shown = Vec::new();
    for record in all {
        if count < MAX_RECORDS {
            shown.push(describe(record));
        }
        count = count.saturating_add(1);
    }
    json!({ "count": count, "records": shown })
}

fn thing(registry: &Registry, thing: &Thing) -> Value {
    let principals = registry.principals_of(&thing.name).map(|(principal, kind)| {
        json!({ "principal": principal.to_string(), "exclusive": kind == ThingPrincipalType::Exclusive })
    });
    let groups = registry.groups_of(&thing.name).map(|group| group.name.as_str());
    json!({
        "name": thing.name, "type": thing.type_name, "attributes": thing.attributes,
        "groups": groups.collect::<Vec<_>>(), "principals": principals.collect::<Vec<_>>(),
    })
}

fn certificate(registry: &Registry, certificate: &Certificate) -> Value {
    let principal = Principal::Certificate(certificate.id.clone());
    let things = registry.things_of(&principal).map(|(thing, _)| thing.name.as_str());
    let target = PolicyTarget::Principal(principal.clone());
    let policies = registry.policies_of(&target).map(|policy| policy.name.as_str());
    json!({
        "id": certificate.id, "status": certificate.status.to_string(), "ca": certificate.ca_certificate_id,
        "not_after": certificate.not_after, "things": things.collect::<Vec<_>>(),
        "policies": policies.collect::<Vec<_>>(),
    })
}

fn ca_certificate(ca: &CaCertificate) -> Value {
    let template = ca.registration_config.as_ref();
    json!({
        "id": ca.id, "status": ca.status.to_string(), "auto_registration": ca.auto_registration,
        "has_template": template.is_some(), "not_after": ca.not_after,
    })
}

fn policy(registry: &Registry, policy: &Policy) -> Value {
    let targets = registry.targets_of(&policy.name).map(ToString::to_string);
    json!({ "name": policy.name, "version": policy.default_version, "targets": targets.collect::<Vec<_>>() })
}

fn template_json(template: &ProvisioningTemplate) -> Value {
    json!({
        "name": template.name, "type": template.template_type.to_string(), "enabled": template.enabled,
        "hook": template.hook.as_ref().map(|hook| &hook.target_arn),
    })
}

/// Who is connected, how it was authenticated, and the statement that allows the connect now.
fn connected(connection: &Connection) -> Value {
    let client_id = connection.client_id().unwrap_or_default();
    let verdict = connection.decide(&client_id, Action::Connect, &format!("client/{client_id}"));
    json!({
        "client_id": client_id, "principal": connection.principal(), "method": method(connection.method),
        "statement": verdict.map(|verdict| verdict.reason), "thing": connection.exclusive_thing(),
    })
}

fn method(method: AuthMethod) -> &'static str {
    match method {
        AuthMethod::Custom => "token, by the authorizer",
        AuthMethod::CustomWithCertificate => "certificate and token",
        AuthMethod::Certificate => "certificate",
        AuthMethod::SigV4 => "signature (SigV4)",
    }
}
