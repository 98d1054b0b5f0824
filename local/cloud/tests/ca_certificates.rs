//! CA certificates: verified, registered, changed and deleted.

#![cfg(test)]

mod support;

use iot_local_cloud::Cloud;
use iot_local_cloud::registry::Change;
use serde_json::{Value, json};
use support::{call, cloud, data, succeed};

/// The registration code that the verification certificates of `local/cloud/tests/data` are for.
const CODE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn with_code() -> Cloud {
    let cloud = cloud();
    cloud.write(|_| Ok((vec![Change::SetRegistrationCode { code: Some(CODE.to_owned()) }], ()))).unwrap();
    cloud
}

/// Replaces the names of files by their content.
fn with_files(body: &Value) -> Value {
    let members = body.as_object().unwrap().iter().map(|(name, value)| match value.as_str() {
        Some(file) if file.ends_with(".pem") => (name.clone(), data(file).into()),
        _ => (name.clone(), value.clone()),
    });
    members.collect()
}

fn register(cloud: &Cloud) -> String {
    let body =
        with_files(&json!({ "caCertificate": "ca.pem", "verificationCertificate": "verification.pem" }));
    let answer = succeed(cloud, "POST", "/cacertificate", &body);
    answer["certificateId"].as_str().unwrap().to_owned()
}

#[test]
fn the_registration_code_stays_until_it_is_deleted() {
    let cloud = cloud();
    let code = || succeed(&cloud, "GET", "/registrationcode", &Value::Null)["registrationCode"].clone();
    assert_eq!(call(&cloud, "DELETE", "/registrationcode", &Value::Null).0, 404);
    let first = code();
    assert!(
        first.as_str().unwrap().len() == 64
            && first.as_str().unwrap().bytes().all(|byte| byte.is_ascii_hexdigit())
    );
    assert_eq!(code(), first);
    succeed(&cloud, "DELETE", "/registrationcode", &Value::Null);
    assert_ne!(code(), first);
}

#[test]
fn only_a_ca_whose_key_is_proved_is_registered() {
    const INVALID: (u16, &str) = (400, "InvalidRequestException");
    const CERTIFICATE: (u16, &str) = (400, "CertificateValidationException");
    const WRONG_CODE: (u16, &str) = (400, "RegistrationCodeValidationException");
    for (title, body, expected) in [
        (
            "v1",
            json!({ "caCertificate": "ca.pem", "verificationCertificate": "verification.pem" }),
            (200, ""),
        ),
        (
            "v3",
            json!({ "caCertificate": "ca.pem", "verificationCertificate": "verification-v3.pem" }),
            (200, ""),
        ),
        ("SNI_ONLY", json!({ "caCertificate": "ca.pem", "certificateMode": "SNI_ONLY" }), (200, "")),
        ("no CA", json!({ "verificationCertificate": "verification.pem" }), INVALID),
        ("no verification", json!({ "caCertificate": "ca.pem" }), INVALID),
        (
            "an empty verification",
            json!({ "caCertificate": "ca.pem", "verificationCertificate": "" }),
            INVALID,
        ),
        (
            "SNI_ONLY with verification",
            json!({ "caCertificate": "ca.pem", "verificationCertificate": "verification.pem", "certificateMode": "SNI_ONLY" }),
            INVALID,
        ),
        ("an unknown mode", json!({ "caCertificate": "ca.pem", "certificateMode": "SNI" }), INVALID),
        (
            "another code",
            json!({ "caCertificate": "ca.pem", "verificationCertificate": "verification-other-code.pem" }),
            WRONG_CODE,
        ),
        (
            "another CA of the subject",
            json!({ "caCertificate": "ca.pem", "verificationCertificate": "verification-of-same-subject.pem" }),
            CERTIFICATE,
        ),
        ("itself", json!({ "caCertificate": "ca.pem", "verificationCertificate": "ca.pem" }), WRONG_CODE),
        ("a leaf", json!({ "caCertificate": "leaf-v3.pem", "certificateMode": "SNI_ONLY" }), CERTIFICATE),
        ("version 1", json!({ "caCertificate": "leaf-v1.pem", "certificateMode": "SNI_ONLY" }), CERTIFICATE),
        (
            "no constraint",
            json!({ "caCertificate": "ca-unconstrained.pem", "certificateMode": "SNI_ONLY" }),
            CERTIFICATE,
        ),
        (
            "a weak key",
            json!({ "caCertificate": "ca-rsa1024.pem", "certificateMode": "SNI_ONLY" }),
            CERTIFICATE,
        ),
        ("expired", json!({ "caCertificate": "ca-expired.pem", "certificateMode": "SNI_ONLY" }), CERTIFICATE),
        ("not PEM", json!({ "caCertificate": "ca", "certificateMode": "SNI_ONLY" }), CERTIFICATE),
        ("a request", json!({ "caCertificate": "p256.csr.pem", "certificateMode": "SNI_ONLY" }), CERTIFICATE),
        (
            "a template without role",
            json!({ "caCertificate": "ca.pem", "certificateMode": "SNI_ONLY", "registrationConfig": { "templateBody": "{\"Parameters\":{},\"Resources\":{}}" } }),
            INVALID,
        ),
        (
            "a template without resources",
            json!({ "caCertificate": "ca.pem", "certificateMode": "SNI_ONLY", "registrationConfig": {
                "templateBody": "{\"Parameters\":{}}", "roleArn": "arn:aws:iam::123456789012:role/jitp" } }),
            INVALID,
        ),
        (
            "a template that is not JSON",
            json!({ "caCertificate": "ca.pem", "certificateMode": "SNI_ONLY", "registrationConfig": {
                "templateBody": "Parameters", "roleArn": "arn:aws:iam::123456789012:role/jitp" } }),
            INVALID,
        ),
        (
            "a role that is a name",
            json!({ "caCertificate": "ca.pem", "certificateMode": "SNI_ONLY", "registrationConfig": { "roleArn": "jitp" } }),
            INVALID,
        ),
        (
            "a configuration that is a string",
            json!({ "caCertificate": "ca.pem", "certificateMode": "SNI_ONLY", "registrationConfig": "jitp" }),
            INVALID,
        ),
    ] {
        let cloud = with_code();
        let (status, kind, answer) = call(&cloud, "POST", "/cacertificate", &with_files(&body));
        assert_eq!((status, kind.as_str()), expected, "{title}: {answer}");
        let count = cloud.read(|registry| registry.ca_certificates().count());
        assert_eq!(count, usize::from(status == 200), "{title}");
        if status == 200 {
            let (status, kind, again) = call(&cloud, "POST", "/cacertificate", &with_files(&body));
            assert_eq!((status, kind.as_str()), (409, "ResourceAlreadyExistsException"), "{title}: {again}");
            assert_eq!(again["resourceArn"], answer["certificateArn"]);
        }
    }
    let body = json!({ "caCertificate": "ca.pem", "verificationCertificate": "verification.pem" });
    assert_eq!(call(&cloud(), "POST", "/cacertificate", &with_files(&body)).1, WRONG_CODE.1, "no code");
}

#[test]
fn a_ca_is_described_as_it_was_registered_and_changed() {
    const CONFIG: &str = r#"{"Resources":{"certificate":{"Type":"AWS::IoT::Certificate",
        "Properties":{"CertificateId":{"Ref":"AWS::IoT::Certificate::Id"}}}}}"#;
    let cloud = with_code();
    let id = register(&cloud);
    let target = format!("/cacertificate/{id}");
    let describe = || succeed(&cloud, "GET", &target, &Value::Null);
    let states = |answer: &Value| {
        let description = &answer["certificateDescription"];
        let names = ["status", "autoRegistrationStatus", "certificateMode", "customerVersion"];
        names.map(|name| description[name].to_string().trim_matches('"').to_owned()).join(" ")
    };
    assert_eq!(states(&describe()), "INACTIVE DISABLE DEFAULT 1");
    assert_eq!(
        describe()["certificateDescription"]["certificateArn"],
        format!("arn:aws:iot:us-east-1:123456789012:cacert/{id}")
    );
    assert!(describe().get("registrationConfig").is_none());
    let config = json!({ "registrationConfig": { "templateBody": CONFIG, "roleArn": "arn:aws:iam::123456789012:role/jitp" } });
    for (query, body, expected, has_config) in [
        ("", json!({}), "INACTIVE DISABLE DEFAULT 1", false),
        ("?newStatus=ACTIVE", json!({}), "ACTIVE DISABLE DEFAULT 2", false),
        ("?newStatus=ACTIVE", Value::Null, "ACTIVE DISABLE DEFAULT 2", false),
        ("?newAutoRegistrationStatus=ENABLE", config.clone(), "ACTIVE ENABLE DEFAULT 3", true),
        ("", json!({ "removeAutoRegistration": false }), "ACTIVE ENABLE DEFAULT 3", true),
        ("", json!({ "removeAutoRegistration": true }), "ACTIVE ENABLE DEFAULT 4", false),
    ] {
        succeed(&cloud, "PUT", &format!("{target}{query}"), &body);
        assert_eq!(states(&describe()), expected, "{query} {body}");
        assert_eq!(describe()["registrationConfig"]["templateBody"] == CONFIG, has_config, "{query} {body}");
    }
    let both = json!({ "removeAutoRegistration": true, "registrationConfig": config["registrationConfig"] });
    for (query, body, expected) in [
        ("?newStatus=REVOKED", json!({}), 400),
        ("?newAutoRegistrationStatus=true", json!({}), 400),
        ("", both, 400),
        ("", json!({ "removeAutoRegistration": "true" }), 400),
    ] {
        assert_eq!(call(&cloud, "PUT", &format!("{target}{query}"), &body).0, expected, "{query} {body}");
        assert_eq!(states(&describe()), "ACTIVE ENABLE DEFAULT 4");
    }
    assert_eq!(call(&cloud, "DELETE", &target, &Value::Null).1, "CertificateStateException");
    let list = succeed(&cloud, "GET", "/cacertificates", &Value::Null);
    assert_eq!(list["certificates"][0]["certificateId"], id.as_str());
    let list = succeed(&cloud, "GET", "/cacertificates?templateName=none", &Value::Null);
    assert_eq!(list["certificates"], json!([]));
    succeed(&cloud, "PUT", &format!("{target}?newStatus=INACTIVE"), &Value::Null);
    succeed(&cloud, "DELETE", &target, &Value::Null);
    for (method, query) in [("GET", ""), ("DELETE", ""), ("PUT", "?newStatus=ACTIVE")] {
        assert_eq!(call(&cloud, method, &format!("{target}{query}"), &Value::Null).0, 404, "{method}");
    }
}

#[test]
fn a_device_s_certificate_is_registered_with_its_ca() {
    let cloud = with_code();
    let id = register(&cloud);
    let body = with_files(&json!({ "certificatePem": "leaf-v1.pem", "status": "ACTIVE" }));
    assert_eq!(call(&cloud, "POST", "/certificate/register", &body).1, "CertificateStateException");
    succeed(&cloud, "PUT", &format!("/cacertificate/{id}?newStatus=ACTIVE"), &Value::Null);
    let device = succeed(&cloud, "POST", "/certificate/register", &body);
    succeed(&cloud, "PUT", &format!("/cacertificate/{id}?newStatus=INACTIVE"), &Value::Null);
    succeed(&cloud, "DELETE", &format!("/cacertificate/{id}"), &Value::Null);
    let target = format!("/certificates/{}", device["certificateId"].as_str().unwrap());
    let description = &succeed(&cloud, "GET", &target, &Value::Null)["certificateDescription"];
    assert_eq!(
        (&description["status"], &description["certificateMode"]),
        (&json!("ACTIVE"), &json!("DEFAULT"))
    );
    assert_eq!(description["caCertificateId"], id.as_str());
}

#[test]
fn tags_of_a_ca_are_listed() {
    let cloud = with_code();
    let mut body =
        with_files(&json!({ "caCertificate": "ca.pem", "verificationCertificate": "verification.pem" }));
    body["tags"] = json!([{ "Key": "team", "Value": "a" }]);
    let answer = succeed(&cloud, "POST", "/cacertificate?setAsActive=true&allowAutoRegistration=true", &body);
    let arn = answer["certificateArn"].as_str().unwrap();
    let tags = succeed(&cloud, "GET", &format!("/tags?resourceArn={arn}"), &Value::Null);
    assert_eq!(tags["tags"], json!([{ "Key": "team", "Value": "a" }]));
}
