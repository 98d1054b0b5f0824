//! Random calls that change the registry. The caller prints the seed.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A call of the API.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) principal: Option<String>,
    pub(crate) body: Value,
}

/// A certificate of a test: its PEM text and its ARN.
#[derive(Debug, Clone)]
pub(crate) struct TestCertificate {
    pub(crate) pem: String,
    pub(crate) id: String,
}

impl TestCertificate {
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:iot:us-east-1:123456789012:cert/{}", self.id)
    }
}

/// Makes certificates.
pub(crate) fn certificates(count: usize) -> Vec<TestCertificate> {
    let key = rcgen::KeyPair::generate().unwrap();
    let make = |number: usize| {
        let parameters = rcgen::CertificateParams::new(vec![format!("device-{number}.example")]).unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let facts = iot_local_cloud::CertificateFacts::read(certificate.der()).unwrap();
        TestCertificate { pem: certificate.pem(), id: facts.id }
    };
    (0..count).map(make).collect()
}

/// Returns calls that use names with `owner-NUMBER` and these certificates alone. Many succeed, some do not.
pub(crate) fn script(
    random: &mut fastrand::Rng,
    number: usize,
    certificates: &[TestCertificate],
    length: usize,
) -> Vec<Call> {
    (0..length).map(|_| call(random, number, certificates)).collect()
}

fn call(random: &mut fastrand::Rng, number: usize, certificates: &[TestCertificate]) -> Call {
    let thing = format!("owner-{number}-thing-{}", random.u8(0..3));
    let policy = format!("owner-{number}-policy-{}", random.u8(0..3));
    let certificate = &certificates[random.usize(0..certificates.len())];
    let (arn, id) = (certificate.arn(), &certificate.id);
    let policy_arn = format!("arn:aws:iot:us-east-1:123456789012:policy/{policy}");
    let (version, value) = (random.u8(1..6), random.u16(..));
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "iot:Connect", "Resource": format!("*{value}") }],
    })
    .to_string();
    let attributes =
        json!({ "attributePayload": { "attributes": { "value": value.to_string() }, "merge": true } });
    let status = ["ACTIVE", "INACTIVE"][random.usize(0..2)];
    let kind = ["EXCLUSIVE_THING", "NON_EXCLUSIVE_THING"][random.usize(0..2)];
    let target = json!({ "target": arn });
    let (method, target, principal, body) = match random.u8(0..18) {
        0 => ("POST", format!("/things/{thing}"), None, Value::Null),
        1 => ("POST", format!("/things/{thing}"), None, attributes),
        2 | 3 => ("PATCH", format!("/things/{thing}"), None, attributes),
        4 => ("DELETE", format!("/things/{thing}"), None, Value::Null),
        5 => ("POST", format!("/policies/{policy}"), None, json!({ "policyDocument": document })),
        6 => (
            "POST",
            format!("/policies/{policy}/version?setAsDefault=true"),
            None,
            json!({ "policyDocument": document }),
        ),
        7 => ("PATCH", format!("/policies/{policy}/version/{version}"), None, Value::Null),
        8 => ("DELETE", format!("/policies/{policy}/version/{version}"), None, Value::Null),
        9 => ("DELETE", format!("/policies/{policy}"), None, Value::Null),
        10 => ("PUT", format!("/target-policies/{policy}"), None, target),
        11 => ("POST", format!("/target-policies/{policy}"), None, target),
        12 => (
            "POST",
            "/certificate/register-no-ca".to_owned(),
            None,
            json!({ "certificatePem": certificate.pem, "status": status }),
        ),
        13 => ("PUT", format!("/certificates/{id}?newStatus={status}"), None, Value::Null),
        14 => ("DELETE", format!("/certificates/{id}?forceDelete=true"), None, Value::Null),
        15 => {
            ("PUT", format!("/things/{thing}/principals?thingPrincipalType={kind}"), Some(arn), Value::Null)
        }
        16 => ("DELETE", format!("/things/{thing}/principals"), Some(arn), Value::Null),
        _ => (
            "POST",
            "/tags".to_owned(),
            None,
            json!({ "resourceArn": policy_arn, "tags": [{ "Key": "value", "Value": value.to_string() }] }),
        ),
    };
    Call { method: method.to_owned(), target, principal, body }
}
