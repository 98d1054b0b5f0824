//! A registry with a CA, and connects of devices.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use iot_local_cloud::connect::{CertificateRights, Presented, Refusal};
use iot_local_cloud::first_connect::{Attempt, FirstConnect, TemplateTime};
use iot_local_cloud::registry::{CaCertificate, CaStatus, CertificateMode, CertificateStatus, Change};
use iot_local_cloud::{CertificateFacts, Cloud, CloudOptions};
use serde_json::{Value, json};

use crate::support::{data, options, succeed};

/// 2030-01-01T00:00:00Z, within the validity of all certificates but `short.pem`.
pub(crate) const WITHIN: fn() -> SystemTime = || UNIX_EPOCH + Duration::from_secs(1_893_456_000);
/// Before the validity of all.
pub(crate) const BEFORE: fn() -> SystemTime = || UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// When all devices' certificates have expired, and the CAs have not.
pub(crate) const AFTER_DEVICES: fn() -> SystemTime = || UNIX_EPOCH + Duration::from_secs(2_108_000_000);

pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/JITPRole";
/// The policy that the template names.
pub(crate) const POLICY: &str = "device";

/// The seed's template: the thing has the common name and the country.
pub(crate) fn template() -> Value {
    let parameter = |name: &str| json!({ "Ref": format!("AWS::IoT::Certificate::{name}") });
    let declared = json!({ "Type": "String" });
    json!({
        "Parameters": {
            "AWS::IoT::Certificate::CommonName": declared, "AWS::IoT::Certificate::Country": declared,
            "AWS::IoT::Certificate::Id": declared,
        },
        "Resources": {
            "thing": { "Type": "AWS::IoT::Thing", "Properties": {
                "ThingName": parameter("CommonName"),
                "AttributePayload": { "version": "v1", "country": parameter("Country") },
            } },
            "certificate": { "Type": "AWS::IoT::Certificate", "Properties": {
                "CertificateId": parameter("Id"), "Status": "ACTIVE",
            } },
            "policy": { "Type": "AWS::IoT::Policy", "Properties": { "PolicyName": POLICY } },
        },
    })
}

pub(crate) fn pem(name: &str) -> String {
    data(&format!("first-connect/{name}.pem"))
}

pub(crate) fn der(name: &str) -> Vec<u8> {
    pem::parse(pem(name)).unwrap().into_contents()
}

pub(crate) fn id(name: &str) -> String {
    CertificateFacts::read(&der(name)).unwrap().id
}

pub(crate) fn cloud(clock: fn() -> SystemTime) -> Cloud {
    Cloud::open(CloudOptions { clock, ..options(None) }).unwrap()
}

/// Registers a CA, whose key needs no proof here.
pub(crate) fn put_ca(cloud: &Cloud, name: &str, mode: CertificateMode) -> String {
    let (der, facts) = (der(name), CertificateFacts::read(&der(name)).unwrap());
    let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
    let ca = CaCertificate {
        id: facts.id.clone(),
        pem: pem(name),
        subject: parsed.subject().as_raw().iter().map(|byte| format!("{byte:02x}")).collect(),
        status: CaStatus::Active,
        auto_registration: true,
        registration_config: None,
        mode,
        not_before: facts.not_before,
        not_after: facts.not_after,
        created: 0,
        modified: 0,
        customer_version: 1,
        generation_id: String::new(),
    };
    cloud.write(|_| Ok((vec![Change::PutCaCertificate(ca.into())], ()))).unwrap();
    facts.id
}

/// Calls UpdateCACertificate.
pub(crate) fn update_ca(cloud: &Cloud, id: &str, query: &str, body: &Value) {
    succeed(cloud, "PUT", &format!("/cacertificate/{id}{query}"), body);
}

/// Gives a CA a template.
pub(crate) fn set_template(cloud: &Cloud, ca: &str, template: &Value) {
    let config = json!({ "templateBody": template.to_string(), "roleArn": ROLE });
    update_ca(cloud, ca, "", &json!({ "registrationConfig": config }));
}

/// The request that creates the policy.
pub(crate) fn policy() -> Value {
    let statement = json!({ "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" });
    json!({ "policyDocument": json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string() })
}

pub(crate) fn create_policy(cloud: &Cloud) {
    succeed(cloud, "POST", &format!("/policies/{POLICY}"), &policy());
}

/// The server name that a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerName {
    Own,
    Other,
    Missing,
}

/// A connect as the gateway decides it: the rights, or the refusal and what the first connect has done.
pub(crate) struct Connect {
    pub(crate) rights: Result<CertificateRights, Refusal>,
    pub(crate) first: Option<FirstConnect>,
}

pub(crate) fn connect(cloud: &Cloud, leaf: &str) -> Connect {
    connect_as(cloud, leaf, &[], ServerName::Own, TemplateTime::AtOnce)
}

pub(crate) fn connect_as(
    cloud: &Cloud,
    leaf: &str,
    chain: &[&str],
    server_name: ServerName,
    template_time: TemplateTime,
) -> Connect {
    let (der, chain) = (der(leaf), Vec::from_iter(chain.iter().copied().map(der)));
    let presented = Presented {
        certificate: &der,
        chain: &chain,
        server_name: match server_name {
            ServerName::Own => Some("localhost"),
            ServerName::Other => Some("example.com"),
            ServerName::Missing => None,
        },
        client_id: Some("device"),
    };
    let is_own_server_name = server_name == ServerName::Own;
    let rights = cloud.rights(&presented);
    let first = match rights {
        Ok(_) => None,
        Err(_) => cloud.first_connect(&Attempt { presented, is_own_server_name, template_time }),
    };
    Connect { rights, first }
}

impl Connect {
    /// Why the connect is refused, with the command. Empty if it is admitted.
    pub(crate) fn reason(&self) -> String {
        match (&self.first, &self.rights) {
            (Some(first), _) => first.refusal.to_string(),
            (None, Err(refusal)) => refusal.to_string(),
            (None, Ok(_)) => String::new(),
        }
    }
}

pub(crate) fn status(cloud: &Cloud, leaf: &str) -> Option<CertificateStatus> {
    cloud.read(|registry| registry.certificate(&id(leaf)).map(|certificate| certificate.status))
}

/// The things, policies and attachments that a template has made: names of things, and policies of the certificate.
pub(crate) fn things(cloud: &Cloud) -> Vec<String> {
    cloud.read(|registry| registry.things().map(|thing| thing.name.clone()).collect())
}
