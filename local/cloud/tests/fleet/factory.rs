//! A registry with templates and claim certificates, and a clock that tests set.

use std::cell::Cell;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use iot_local_cloud::fleet::{Caller, Rejection};
use iot_local_cloud::{Cloud, CloudOptions};
use serde_json::{Map, Value, json};

use crate::support::{NOW, data, options, succeed};

thread_local! {
    /// The time of the test's thread, in seconds since 1970.
    static SECONDS: Cell<u64> = const { Cell::new(NOW) };
}

/// Advances the clock of this test.
pub(crate) fn wait(seconds: u64) {
    SECONDS.set(SECONDS.get() + seconds);
}

fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(SECONDS.get())
}

pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/provisioning";
pub(crate) const HOOK: &str = "arn:aws:lambda:us-east-1:123456789012:function:hook";

/// Opens a registry with the clock of this test.
pub(crate) fn open(folder: Option<PathBuf>) -> Cloud {
    Cloud::open(CloudOptions { clock, ..options(folder) }).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns a registry with the templates and the policy of the tests.
pub(crate) fn factory(folder: Option<PathBuf>) -> Cloud {
    let cloud = open(folder);
    let statement = json!({ "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" });
    let document = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    succeed(&cloud, "POST", "/policies/device", &json!({ "policyDocument": document }));
    create(&cloud, "fleet", &json!({}));
    create(&cloud, "further", &json!({}));
    create(&cloud, "disabled", &json!({ "enabled": false }));
    create(&cloud, "hooked", &json!({ "preProvisioningHook": { "targetArn": HOOK } }));
    create(&cloud, "no-policy", &json!({ "templateBody": body("missing") }));
    let jitp = r#"{"Resources": {"certificate": {"Type": "AWS::IoT::Certificate",
        "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}}}},
        "Parameters": {"AWS::IoT::Certificate::Id": {"Type": "String"}}}"#;
    create(&cloud, "jitp", &json!({ "type": "JITP", "templateBody": jitp }));
    cloud
}

fn create(cloud: &Cloud, name: &str, members: &Value) {
    let mut request = json!({
        "templateName": name, "templateBody": body("device"), "enabled": true, "provisioningRoleArn": ROLE,
    });
    request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    succeed(cloud, "POST", "/provisioning-templates", &request);
}

/// The body of a template: a thing by its serial number, the certificate, and a policy.
fn body(policy: &str) -> String {
    json!({
        "Parameters": {
            "SerialNumber": { "Type": "String" },
            "Place": { "Type": "String", "Default": "nowhere" },
            "AWS::IoT::Certificate::Id": { "Type": "String" },
        },
        "Resources": {
            "thing": { "Type": "AWS::IoT::Thing", "Properties": {
                "ThingName": { "Fn::Join": ["", ["device-", { "Ref": "SerialNumber" }]] },
                "AttributePayload": { "place": { "Ref": "Place" } },
            } },
            "certificate": { "Type": "AWS::IoT::Certificate", "Properties": {
                "CertificateId": { "Ref": "AWS::IoT::Certificate::Id" }, "Status": "Active",
            } },
            "policy": { "Type": "AWS::IoT::Policy", "Properties": { "PolicyName": policy } },
        },
        "DeviceConfiguration": { "place": { "Ref": "Place" } },
    })
    .to_string()
}

/// Registers a claim certificate and returns the caller that connects with it.
pub(crate) fn claim(cloud: &Cloud) -> Caller {
    let body = json!({ "certificateSigningRequest": data("p256.csr.pem") });
    let created = succeed(cloud, "POST", "/certificates?setAsActive=true", &body);
    caller(created["certificateId"].as_str().unwrap())
}

pub(crate) fn caller(certificate_id: &str) -> Caller {
    Caller {
        principal: certificate_id.to_owned(),
        certificate_id: Some(certificate_id.to_owned()),
        client_id: "factory-7".to_owned(),
    }
}

/// Has a certificate made for a request. Returns its id and its token.
pub(crate) fn pending(cloud: &Cloud, caller: &Caller) -> Result<(String, String), Rejection> {
    let payload = object(json!({ "certificateSigningRequest": data("p384.csr.pem") }));
    let created = cloud.create_fleet_certificate(caller, &payload)?;
    let text = |name: &str| created[name].as_str().unwrap().to_owned();
    Ok((text("certificateId"), text("certificateOwnershipToken")))
}

/// Provisions a device by the template `fleet`.
pub(crate) fn provision(
    cloud: &Cloud,
    caller: &Caller,
    token: &str,
    serial: &str,
) -> Result<Value, Rejection> {
    let payload = json!({ "certificateOwnershipToken": token, "parameters": { "SerialNumber": serial } });
    let attempt = cloud.start_provisioning(caller.clone(), "fleet", &object(payload))?;
    cloud.finish_provisioning(&attempt, None)
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    let Value::Object(members) = value else { panic!("{value}") };
    members
}

/// The status of a certificate. `None` if it is not registered.
pub(crate) fn status(cloud: &Cloud, id: &str) -> Option<&'static str> {
    cloud.read(|registry| registry.certificate(id).map(|certificate| certificate.status.name()))
}
