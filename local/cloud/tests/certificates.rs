//! Certificates: created, registered, changed and deleted.

#![cfg(test)]

mod support;

use std::collections::BTreeSet;

use iot_local_cloud::registry::{CaCertificate, CaStatus, CertificateMode, Change};
use iot_local_cloud::{CertificateFacts, Cloud};
use serde_json::{Value, json};
use support::{call, cloud, cloud_with_private, data, succeed};
use x509_parser::prelude::{FromDer, X509Certificate};

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn der(pem: &str) -> Vec<u8> {
    pem::parse(pem).unwrap().into_contents()
}

#[test]
fn requests_with_supported_keys_are_signed() {
    let cloud = cloud();
    for name in ["rsa2048", "rsa4096", "p256", "p384", "p521", "pss", "subject", "extensions", "empty"] {
        let csr = data(&format!("{name}.csr.pem"));
        let answer = succeed(&cloud, "POST", "/certificates", &json!({ "certificateSigningRequest": csr }));
        let certificate = der(text(&answer["certificatePem"]));
        let (_, certificate) = X509Certificate::from_der(&certificate).unwrap();
        let request = der(&csr);
        let (_, request) =
            x509_parser::certification_request::X509CertificationRequest::from_der(&request).unwrap();
        let info = &request.certification_request_info;
        assert_eq!(certificate.subject().as_raw(), info.subject.as_raw(), "{name}");
        assert_eq!(certificate.public_key().raw, info.subject_pki.raw, "{name}");
        assert_eq!(certificate.validity().not_after.timestamp(), 2_524_607_999, "{name}");
        assert!(!certificate.is_ca() && certificate.version().0 == 2, "{name}");
        assert!(certificate.subject_alternative_name().unwrap().is_none(), "{name}");
    }
}

#[test]
fn other_requests_are_rejected() {
    let cloud = cloud();
    let two = data("p256.csr.pem") + &data("p384.csr.pem");
    let long = data("p256.csr.pem") + &"\n".repeat(4096);
    for (csr, expected) in [
        (data("rsa1024.csr.pem"), "at least 2048 bits"),
        (data("k256.csr.pem"), "P-256"),
        (data("ed25519.csr.pem"), "P-256"),
        (data("sha1.csr.pem"), "a signature by the key"),
        (data("forged.csr.pem"), "a signature by the key"),
        (data("trailing.csr.pem"), "PKCS #10"),
        (data("leaf-v3.pem"), "one certificate request in PEM"),
        (data("leaf-v3.pem").replace("CERTIFICATE", "CERTIFICATE REQUEST"), "PKCS #10"),
        (two, "one certificate request in PEM"),
        (long, "4096 characters"),
        ("sensor".to_owned(), "one certificate request in PEM"),
        (String::new(), "one certificate request in PEM"),
    ] {
        let body = json!({ "certificateSigningRequest": csr });
        let (status, kind, answer) = call(&cloud, "POST", "/certificates", &body);
        assert_eq!((status, kind.as_str()), (400, "InvalidRequestException"), "{csr}: {answer}");
        assert!(text(&answer["message"]).contains(expected), "{expected}: {answer}");
    }
    assert_eq!(cloud.read(|registry| registry.certificates().count()), 0);
}

#[test]
fn the_private_key_is_in_the_answer_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = cloud_with_private(folder.path());
    let answer = succeed(&cloud, "POST", "/keys-and-certificate?setAsActive=true", &Value::Null);
    let private = text(&answer["keyPair"]["PrivateKey"]);
    assert!(private.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    let key = aws_lc_rs::rsa::KeyPair::from_der(&der(private)).unwrap();
    let certificate = der(text(&answer["certificatePem"]));
    let (_, certificate) = X509Certificate::from_der(&certificate).unwrap();
    let public = aws_lc_rs::signature::KeyPair::public_key(&key).as_ref().to_vec();
    assert_eq!(certificate.public_key().subject_public_key.data.as_ref(), public);
    assert_eq!(der(text(&answer["keyPair"]["PublicKey"])), certificate.public_key().raw);
    assert_eq!(certificate.subject().to_string(), "CN=AWS IoT Certificate");
    let line = private.lines().nth(1).unwrap();
    let kept = cloud.read(|registry| format!("{registry:?}"));
    assert!(kept.contains(text(&answer["certificateId"])) && !kept.contains(line));
    let (_, _, described) =
        call(&cloud, "GET", &format!("/certificates/{}", text(&answer["certificateId"])), &Value::Null);
    assert_eq!(described["certificateDescription"]["status"], "ACTIVE");
    assert!(!described.to_string().contains(line.get(..40).unwrap()));
}

#[test]
fn the_issuer_s_key_is_made_once_and_private() {
    let folder = tempfile::tempdir().unwrap();
    let private = folder.path().join("private");
    let csr = json!({ "certificateSigningRequest": data("p256.csr.pem") });
    let mut ids = BTreeSet::new();
    let mut keys = BTreeSet::new();
    for _ in 0..2 {
        let answer = succeed(&cloud_with_private(&private), "POST", "/certificates", &csr);
        ids.insert(text(&answer["certificateId"]).to_owned());
        keys.insert(std::fs::read_to_string(private.join("device-ca.key.pem")).unwrap());
    }
    assert_eq!((ids.len(), keys.len()), (2, 1));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(private.clone()), mode(private.join("device-ca.key.pem"))), (0o700, 0o600));
    }
    std::fs::write(private.join("device-ca.key.pem"), "not a key").unwrap();
    let (status, kind, answer) = call(&cloud_with_private(&private), "POST", "/certificates", &csr);
    assert_eq!((status, kind.as_str()), (500, "InternalFailureException"));
    assert!(text(&answer["message"]).contains("device-ca.key.pem"), "{answer}");
}

/// Each status, and what UpdateCertificate to another answers. `-` is no change.
#[test]
fn statuses_change_only_as_aws_allows() {
    for (from, to, expected) in [
        ("ACTIVE", "INACTIVE", 200),
        ("ACTIVE", "REVOKED", 200),
        ("ACTIVE", "ACTIVE", 200),
        ("INACTIVE", "ACTIVE", 200),
        ("INACTIVE", "REVOKED", 200),
        ("REVOKED", "REVOKED", 200),
        ("REVOKED", "ACTIVE", 406),
        ("REVOKED", "INACTIVE", 406),
        ("ACTIVE", "PENDING_TRANSFER", 406),
        ("ACTIVE", "PENDING_ACTIVATION", 406),
        ("ACTIVE", "REGISTER_INACTIVE", 406),
        ("ACTIVE", "active", 400),
        ("ACTIVE", "", 400),
    ] {
        let cloud = cloud();
        let body = json!({ "certificatePem": data("leaf-v1.pem"), "status": from });
        let id =
            text(&succeed(&cloud, "POST", "/certificate/register-no-ca", &body)["certificateId"]).to_owned();
        let before = cloud.read(|registry| registry.certificate(&id).cloned());
        let (status, _, answer) =
            call(&cloud, "PUT", &format!("/certificates/{id}?newStatus={to}"), &json!({}));
        assert_eq!(status, expected, "{from} to {to}: {answer}");
        let after = cloud.read(|registry| registry.certificate(&id).cloned()).unwrap();
        if expected == 200 && from != to {
            assert_eq!((after.status.name(), after.customer_version), (to, 2));
        } else {
            assert_eq!(Some(after), before, "{from} to {to}");
        }
    }
}

fn register_ca(cloud: &Cloud, name: &str, status: CaStatus, mode: CertificateMode) -> String {
    let pem = data(name);
    let der = der(&pem);
    let facts = CertificateFacts::read(&der).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let subject = certificate.subject().as_raw().iter().map(|byte| format!("{byte:02x}")).collect();
    let ca = CaCertificate {
        id: facts.id.clone(),
        pem,
        subject,
        status,
        auto_registration: false,
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

#[test]
fn a_certificate_is_registered_with_the_active_ca_that_signed_it() {
    use CaStatus::{Active, Inactive};
    const SAME: &str = "ca-same-subject.pem";
    for (title, cas, body, expected) in [
        ("v1", vec![("ca.pem", Active)], json!({ "certificatePem": "leaf-v1.pem" }), (200, "")),
        ("v3", vec![("ca.pem", Active)], json!({ "certificatePem": "leaf-v3.pem" }), (200, "")),
        (
            "named",
            vec![("ca.pem", Active), (SAME, Active)],
            json!({ "certificatePem": "leaf-v1.pem", "caCertificatePem": "ca.pem" }),
            (200, ""),
        ),
        (
            "no CA",
            vec![],
            json!({ "certificatePem": "leaf-v1.pem" }),
            (400, "CertificateValidationException"),
        ),
        (
            "inactive",
            vec![("ca.pem", Inactive)],
            json!({ "certificatePem": "leaf-v1.pem" }),
            (406, "CertificateStateException"),
        ),
        (
            "two subjects",
            vec![("ca.pem", Active), (SAME, Active)],
            json!({ "certificatePem": "leaf-v1.pem" }),
            (409, "CertificateConflictException"),
        ),
        (
            "another CA of the subject",
            vec![(SAME, Active)],
            json!({ "certificatePem": "leaf-v1.pem" }),
            (400, "CertificateValidationException"),
        ),
        (
            "the wrong CA named",
            vec![("ca.pem", Active), (SAME, Active)],
            json!({ "certificatePem": "leaf-v1.pem", "caCertificatePem": SAME }),
            (400, "CertificateValidationException"),
        ),
        (
            "an unregistered CA named",
            vec![("ca.pem", Active)],
            json!({ "certificatePem": "leaf-of-same-subject.pem", "caCertificatePem": SAME }),
            (400, "CertificateValidationException"),
        ),
        (
            "self-signed",
            vec![("ca.pem", Active)],
            json!({ "certificatePem": "leaf-self-signed.pem" }),
            (400, "CertificateValidationException"),
        ),
        (
            "SHA-1",
            vec![("ca.pem", Active)],
            json!({ "certificatePem": "leaf-sha1.pem" }),
            (400, "CertificateValidationException"),
        ),
        (
            "RSA 1024",
            vec![("ca.pem", Active)],
            json!({ "certificatePem": "leaf-rsa1024.pem" }),
            (400, "CertificateValidationException"),
        ),
    ] {
        let cloud = cloud();
        let ids: Vec<String> = cas
            .iter()
            .map(|(name, status)| register_ca(&cloud, name, *status, CertificateMode::SniOnly))
            .collect();
        let body: Value =
            body.as_object().unwrap().iter().map(|(name, file)| (name.clone(), data(text(file)))).collect();
        let (status, kind, answer) = call(&cloud, "POST", "/certificate/register", &body);
        assert_eq!((status, kind.as_str()), expected, "{title}: {answer}");
        let count = cloud.read(|registry| registry.certificates().count());
        assert_eq!(count, usize::from(status == 200), "{title}");
        if status == 200 {
            let target = format!("/certificates/{}", text(&answer["certificateId"]));
            let description = &succeed(&cloud, "GET", &target, &Value::Null)["certificateDescription"];
            assert_eq!(description["caCertificateId"], ids[0].as_str(), "{title}");
            assert_eq!(description["certificateMode"], "SNI_ONLY", "{title}");
            assert_eq!(description["status"], "INACTIVE", "{title}");
            let listed = succeed(&cloud, "GET", &format!("/certificates-by-ca/{}", ids[0]), &Value::Null);
            assert_eq!(listed["certificates"][0]["certificateId"], answer["certificateId"], "{title}");
            let (status, kind, again) = call(&cloud, "POST", "/certificate/register", &body);
            assert_eq!((status, kind.as_str()), (409, "ResourceAlreadyExistsException"), "{title}");
            assert_eq!(again["resourceId"], answer["certificateId"], "{title}");
            assert_eq!(again["resourceArn"], answer["certificateArn"], "{title}");
        }
    }
}

#[test]
fn the_status_of_a_registration_is_checked() {
    for (target, status, expected) in [
        ("/certificate/register-no-ca", json!("ACTIVE"), Ok("ACTIVE")),
        ("/certificate/register-no-ca", json!("REVOKED"), Ok("REVOKED")),
        ("/certificate/register-no-ca", Value::Null, Ok("INACTIVE")),
        ("/certificate/register", json!("ACTIVE"), Ok("ACTIVE")),
        ("/certificate/register?setAsActive=true", Value::Null, Ok("ACTIVE")),
        ("/certificate/register?setAsActive=true", json!("INACTIVE"), Ok("ACTIVE")),
        ("/certificate/register?setAsActive=false", json!("ACTIVE"), Ok("ACTIVE")),
        ("/certificate/register", json!("PENDING_ACTIVATION"), Err(406)),
        ("/certificate/register-no-ca", json!("PENDING_ACTIVATION"), Err(406)),
        ("/certificate/register-no-ca", json!("PENDING_TRANSFER"), Err(406)),
        ("/certificate/register-no-ca", json!("REGISTER_INACTIVE"), Err(406)),
        ("/certificate/register-no-ca", json!("SOMETHING"), Err(400)),
        ("/certificate/register-no-ca", json!(1), Err(400)),
        ("/certificate/register?setAsActive=maybe", Value::Null, Err(400)),
    ] {
        let cloud = cloud();
        register_ca(&cloud, "ca.pem", CaStatus::Active, CertificateMode::Default);
        let body = json!({ "certificatePem": data("leaf-v1.pem"), "status": status });
        let (code, _, answer) = call(&cloud, "POST", target, &body);
        let kept = cloud
            .read(|registry| registry.certificates().next().map(|certificate| certificate.status.name()));
        assert_eq!(kept.ok_or(code), expected, "{target} {status}: {answer}");
    }
}

#[test]
fn lists_have_pages_in_both_directions() {
    let cloud = cloud();
    let csr = json!({ "certificateSigningRequest": data("p256.csr.pem") });
    let mut ids: Vec<String> = (0..7)
        .map(|_| text(&succeed(&cloud, "POST", "/certificates", &csr)["certificateId"]).to_owned())
        .collect();
    // All were created at the same time.
    ids.sort();
    for order in ["true", "false"] {
        let (mut found, mut marker) = (Vec::new(), String::new());
        loop {
            let page = format!("/certificates?pageSize=3&isAscendingOrder={order}{marker}");
            let answer = succeed(&cloud, "GET", &page, &Value::Null);
            let items = answer["certificates"].as_array().unwrap();
            assert!((1..=3).contains(&items.len()));
            found.extend(items.iter().map(|item| text(&item["certificateId"]).to_owned()));
            let Some(next) = answer["nextMarker"].as_str() else { break };
            marker = format!("&marker={}", next.replace('=', "%3D").replace('+', "%2B").replace('/', "%2F"));
        }
        if order == "false" {
            found.reverse();
        }
        assert_eq!(found, ids);
    }
}

#[test]
fn text_around_a_certificate_is_not_kept() {
    let alone = data("leaf-v3.pem");
    for (sent, kept) in [
        (alone.clone(), alone.clone()),
        (alone.replace('\n', "\r\n"), alone.replace('\n', "\r\n")),
        (format!("\n{}", alone.trim_end()), format!("\n{}", alone.trim_end())),
        (format!("Certificate of sensor-1\n{alone}"), alone.clone()),
    ] {
        let cloud = cloud();
        let answer =
            succeed(&cloud, "POST", "/certificate/register-no-ca", &json!({ "certificatePem": sent }));
        let target = format!("/certificates/{}", text(&answer["certificateId"]));
        assert_eq!(
            succeed(&cloud, "GET", &target, &Value::Null)["certificateDescription"]["certificatePem"],
            kept
        );
    }
}
