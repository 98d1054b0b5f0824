//! Claims of trusted users.

use iot_local_cloud::Cloud;
use iot_local_cloud::connect::Presented;
use serde_json::{Value, json};

use crate::factory::{caller, factory, object, open, pending, status, wait};
use crate::support::{NOW, call, succeed};

/// Creates a claim. Returns its certificate id and its certificate, DER.
fn create(cloud: &Cloud, template: &str) -> (String, Vec<u8>) {
    let target = format!("/provisioning-templates/{template}/provisioning-claim");
    let claim = succeed(cloud, "POST", &target, &Value::Null);
    let pem = pem::parse(claim["certificatePem"].as_str().unwrap()).unwrap();
    (claim["certificateId"].as_str().unwrap().to_owned(), pem.into_contents())
}

/// Why a claim's certificate may not connect. Empty if it may.
fn refusal(cloud: &Cloud, certificate: &[u8]) -> String {
    let presented =
        Presented { certificate, chain: &[], server_name: Some("localhost"), client_id: Some("c") };
    cloud.rights(&presented).err().map(|refusal| refusal.to_string()).unwrap_or_default()
}

#[test]
fn a_claim_is_for_five_minutes_and_not_listed() {
    let cloud = factory(None);
    let target = "/provisioning-templates/fleet/provisioning-claim";
    let claim = succeed(&cloud, "POST", target, &Value::Null);
    assert_eq!(claim["expiration"], json!(NOW + 300));
    let id = claim["certificateId"].as_str().unwrap();
    let certificate = pem::parse(claim["certificatePem"].as_str().unwrap()).unwrap();
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate.contents()).unwrap();
    assert_eq!(parsed.validity().not_after.timestamp(), i64::try_from(NOW).unwrap() + 300);
    assert!(claim["keyPair"]["PrivateKey"].as_str().unwrap().starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    assert!(claim["keyPair"]["PublicKey"].as_str().unwrap().starts_with("-----BEGIN PUBLIC KEY-----"));
    assert_eq!(succeed(&cloud, "GET", "/certificates", &Value::Null)["certificates"], json!([]));
    assert_eq!(call(&cloud, "GET", &format!("/certificates/{id}"), &Value::Null).0, 404);
    let target = format!("arn:aws:iot:us-east-1:123456789012:cert/{id}");
    let attach = call(&cloud, "PUT", "/target-policies/device", &json!({ "target": target }));
    assert_eq!(attach.0, 404);
    wait(299);
    assert_eq!(refusal(&cloud, certificate.contents()), "");
    wait(1);
    assert!(refusal(&cloud, certificate.contents()).contains("has expired at 2026-01-01"));
}

#[test]
fn only_an_enabled_template_of_fleet_provisioning_has_claims() {
    let cloud = factory(None);
    let before = cloud.read(Clone::clone);
    for (template, expected, says) in [
        ("unknown", 404, "does not exist"),
        ("disabled", 400, "is disabled"),
        ("jitp", 400, "FLEET_PROVISIONING"),
        ("a*b", 400, "templateName"),
    ] {
        let target = format!("/provisioning-templates/{template}/provisioning-claim");
        let (status, _, answer) = call(&cloud, "POST", &target, &Value::Null);
        assert_eq!(status, expected, "{template}: {answer}");
        assert!(answer.to_string().contains(says), "{template}: {answer}");
    }
    assert!(cloud.read(|registry| *registry == before));
}

#[test]
fn a_claim_serves_its_template_only_and_until_it_expires() {
    let cloud = factory(None);
    let (id, _) = create(&cloud, "fleet");
    let caller = caller(&id);
    let (certificate, token) = pending(&cloud, &caller).unwrap();
    let payload =
        object(json!({ "certificateOwnershipToken": token, "parameters": { "SerialNumber": "1" } }));
    let rejection = cloud.start_provisioning(caller.clone(), "further", &payload).err().unwrap();
    assert_eq!((rejection.status, rejection.code), (403, "AccessDenied"));
    let attempt = cloud.start_provisioning(caller.clone(), "fleet", &payload).ok().unwrap();
    wait(300);
    assert_eq!(cloud.finish_provisioning(&attempt, None).unwrap_err().code, "AccessDenied");
    assert_eq!(pending(&cloud, &caller).unwrap_err().code, "AccessDenied");
    assert_eq!(status(&cloud, &certificate), Some("PENDING_ACTIVATION"));
}

#[test]
fn a_claim_survives_a_restart_but_not_its_template() {
    let folder = tempfile::tempdir().unwrap();
    let path = || Some(folder.path().join("registry"));
    let cloud = factory(path());
    let ((kept, kept_der), (removed, removed_der)) = (create(&cloud, "fleet"), create(&cloud, "further"));
    drop(cloud);
    let cloud = open(path());
    assert_eq!((refusal(&cloud, &kept_der), refusal(&cloud, &removed_der)), (String::new(), String::new()));
    succeed(&cloud, "DELETE", "/provisioning-templates/further", &Value::Null);
    assert!(refusal(&cloud, &removed_der).contains("not registered"), "{removed}");
    drop(cloud);
    wait(300);
    let cloud = open(path());
    assert!(refusal(&cloud, &kept_der).contains("not registered"), "removed at the start");
    assert!(cloud.read(|registry| registry.provisioning_claim(&kept).is_none()));
}
