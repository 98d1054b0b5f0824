//! What a certificate may do at a connect, and why it is denied.

#![cfg(test)]

mod support;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use iot_local_cloud::connect::{CertificateRights, Presented, Refusal};
use iot_local_cloud::registry::{
    CaCertificate, CaStatus, Certificate, CertificateMode, CertificateStatus, Change, Principal, ThingGroup,
    ThingPrincipalType,
};
use iot_local_cloud::{CertificateFacts, Cloud, CloudOptions};
use serde_json::{Value, json};
use support::{data, options, succeed};

/// 2030-01-01T00:00:00Z, within the validity of all certificates.
const WITHIN: fn() -> SystemTime = || UNIX_EPOCH + Duration::from_secs(1_893_456_000);
const BEFORE: fn() -> SystemTime = || UNIX_EPOCH + Duration::from_secs(1_700_000_000);
const AFTER: fn() -> SystemTime = || UNIX_EPOCH + Duration::from_secs(2_500_000_000);

fn der(name: &str) -> Vec<u8> {
    pem::parse(data(name)).unwrap().into_contents()
}

fn id(name: &str) -> String {
    CertificateFacts::read(&der(name)).unwrap().id
}

fn cloud(clock: fn() -> SystemTime) -> Cloud {
    Cloud::open(CloudOptions { clock, ..options(None) }).unwrap()
}

fn make(cloud: &Cloud, changes: impl IntoIterator<Item = Change>) {
    cloud.write(|_| Ok((changes.into_iter().collect(), ()))).unwrap();
}

fn certificate(name: &str, status: CertificateStatus, mode: CertificateMode) -> Change {
    let facts = CertificateFacts::read(&der(name)).unwrap();
    let certificate = Certificate {
        id: facts.id,
        pem: data(name),
        status,
        mode,
        ca_certificate_id: None,
        not_before: facts.not_before,
        not_after: facts.not_after,
        created: 0,
        modified: 0,
        customer_version: 1,
        generation_id: String::new(),
    };
    Change::PutCertificate(certificate.into())
}

fn active(name: &str) -> Change {
    certificate(name, CertificateStatus::Active, CertificateMode::Default)
}

fn ca(name: &str, status: CaStatus, auto_registration: bool) -> Change {
    let der = der(name);
    let facts = CertificateFacts::read(&der).unwrap();
    let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
    let subject = parsed.subject().as_raw().iter().map(|byte| format!("{byte:02x}")).collect();
    let ca = CaCertificate {
        id: facts.id,
        pem: data(name),
        subject,
        status,
        auto_registration,
        registration_config: None,
        mode: CertificateMode::Default,
        not_before: facts.not_before,
        not_after: facts.not_after,
        created: 0,
        modified: 0,
        customer_version: 1,
        generation_id: String::new(),
    };
    Change::PutCaCertificate(ca.into())
}

fn rights(
    cloud: &Cloud,
    name: &str,
    server_name: Option<&str>,
    client_id: Option<&str>,
) -> Result<CertificateRights, Refusal> {
    cloud.rights(&Presented { certificate: &der(name), chain: &[], server_name, client_id })
}

fn create_policy(cloud: &Cloud, name: &str) {
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "iot:Connect", "Resource": format!("*{name}") }],
    });
    succeed(cloud, "POST", &format!("/policies/{name}"), &json!({ "policyDocument": document.to_string() }));
}

fn attach_policy(cloud: &Cloud, policy: &str, target: &str) {
    let target = format!("arn:aws:iot:us-east-1:123456789012:{target}");
    succeed(cloud, "PUT", &format!("/target-policies/{policy}"), &json!({ "target": target }));
}

#[test]
fn the_state_of_a_certificate_decides() {
    use CertificateMode::{Default, SniOnly};
    use CertificateStatus::{
        Active, Inactive, PendingActivation, PendingTransfer, RegisterInactive, Revoked,
    };
    let update = "aws iot update-certificate --certificate-id ID --new-status ACTIVE";
    let another = "aws iot create-keys-and-certificate --set-as-active";
    let host = "connect to a host name such as localhost, not to an address";
    let name = Some("localhost");
    for (status, mode, clock, server_name, expected) in [
        (Active, Default, WITHIN, name, None),
        (Active, Default, WITHIN, None, None),
        (Active, SniOnly, WITHIN, name, None),
        (
            Active,
            SniOnly,
            WITHIN,
            None,
            Some(("certificate ID has the mode SNI_ONLY, and the client sends no server name", host)),
        ),
        (Active, Default, BEFORE, name, Some(("certificate ID is not valid before 20", another))),
        (Active, Default, AFTER, name, Some(("certificate ID has expired at 20", another))),
        (Inactive, Default, WITHIN, name, Some(("certificate ID is INACTIVE", update))),
        (Inactive, Default, AFTER, name, Some(("certificate ID is INACTIVE", update))),
        (Revoked, Default, WITHIN, name, Some(("certificate ID is REVOKED", another))),
        (PendingTransfer, Default, WITHIN, name, Some(("certificate ID is PENDING_TRANSFER", another))),
        (PendingActivation, Default, WITHIN, name, Some(("certificate ID is PENDING_ACTIVATION", update))),
        (RegisterInactive, Default, WITHIN, name, Some(("certificate ID is REGISTER_INACTIVE", update))),
        (Revoked, SniOnly, WITHIN, None, Some(("certificate ID is REVOKED", another))),
    ] {
        let cloud = cloud(clock);
        make(&cloud, [certificate("leaf-v1.pem", status, mode)]);
        let found = rights(&cloud, "leaf-v1.pem", server_name, Some("sensor"));
        let what = format!("{status} {mode} {server_name:?}");
        match (found, expected) {
            (Ok(rights), None) => {
                let warns = mode == Default && server_name.is_none();
                assert_eq!(rights.certificate_id, id("leaf-v1.pem"));
                assert_eq!(!rights.warnings.is_empty(), warns, "{what}: {:?}", rights.warnings);
            }
            (Err(refusal), Some((reason, command))) => {
                let id = id("leaf-v1.pem");
                assert!(refusal.reason.starts_with(&reason.replace("ID", &id)), "{what}: {refusal}");
                assert_eq!(refusal.command, Some(command.replace("ID", &id)), "{what}");
                assert_eq!(refusal.certificate_id, id);
            }
            (found, expected) => panic!("{what}: {found:?}; expected {expected:?}"),
        }
    }
}

#[test]
fn the_issuer_of_an_unknown_certificate_is_named() {
    let without_ca = "aws iot register-certificate-without-ca --status ACTIVE --certificate-pem file://FILE";
    let with_ca = "aws iot register-certificate --status ACTIVE --certificate-pem file://FILE";
    let activate = "aws iot update-ca-certificate --certificate-id CA --new-status ACTIVE";
    let enable = "aws iot update-ca-certificate --certificate-id CA --new-auto-registration-status ENABLE";
    let signer = || ca("ca.pem", CaStatus::Active, true);
    let same_name = || ca("ca-same-subject.pem", CaStatus::Active, true);
    for (leaf, cas, reason, command) in [
        (
            "leaf-v1.pem",
            vec![],
            "certificate ID is not registered, and no registered CA has the name of its issuer, CN=Example CA, O=Example",
            without_ca,
        ),
        (
            "leaf-self-signed.pem",
            vec![signer()],
            "no registered CA has the name of its issuer, CN=sensor-1",
            without_ca,
        ),
        (
            "leaf-v1.pem",
            vec![same_name()],
            "and CA OTHER has the name of its issuer but did not sign it",
            without_ca,
        ),
        // The signature with SHA-1 is worth nothing.
        (
            "leaf-sha1.pem",
            vec![signer()],
            "and CA CA has the name of its issuer but did not sign it",
            without_ca,
        ),
        ("leaf-v1.pem", vec![signer()], "certificate ID is not registered; CA CA signed it", with_ca),
        (
            "leaf-v3.pem",
            vec![same_name(), signer()],
            "certificate ID is not registered; CA CA signed it",
            with_ca,
        ),
        ("leaf-of-same-subject.pem", vec![signer(), same_name()], "; CA OTHER signed it", with_ca),
        (
            "leaf-v1.pem",
            vec![ca("ca.pem", CaStatus::Inactive, true), same_name()],
            "and CA CA that signed it is INACTIVE",
            activate,
        ),
        (
            "leaf-v1.pem",
            vec![ca("ca.pem", CaStatus::Active, false)],
            "and the automatic registration of CA CA that signed it is disabled",
            enable,
        ),
    ] {
        let cloud = cloud(WITHIN);
        make(&cloud, cas);
        let refusal = rights(&cloud, leaf, Some("localhost"), Some("sensor")).unwrap_err();
        let ids = |text: &str| {
            text.replace("CA CA ", &format!("CA {} ", id("ca.pem")))
                .replace("-id CA ", &format!("-id {} ", id("ca.pem")))
                .replace("OTHER", &id("ca-same-subject.pem"))
                .replace("certificate ID", &format!("certificate {}", id(leaf)))
        };
        assert!(refusal.reason.contains(&ids(reason)), "{refusal}; expected {}", ids(reason));
        assert_eq!(refusal.command, Some(ids(command)), "{leaf}: {reason}");
        assert_eq!(cloud.read(|registry| registry.certificates().count()), 0);
    }
}

#[test]
fn what_is_not_a_certificate_is_denied() {
    let cloud = cloud(WITHIN);
    make(&cloud, [active("leaf-v1.pem")]);
    let whole = der("leaf-v1.pem");
    let mut longer = whole.clone();
    longer.push(0);
    for bytes in [&[][..], b"sensor", &whole[..whole.len() - 1], &longer] {
        let presented =
            Presented { certificate: bytes, chain: &[], server_name: Some("localhost"), client_id: None };
        let refusal = cloud.rights(&presented).unwrap_err();
        assert!(refusal.reason.starts_with("not an X.509 certificate"), "{refusal}");
        assert_eq!((refusal.certificate_id.as_str(), refusal.command), ("", None));
    }
}

#[test]
fn the_policies_of_the_certificate_and_of_the_groups_of_its_thing_count() {
    let cloud = cloud(WITHIN);
    make(&cloud, [active("leaf-v1.pem"), active("leaf-v3.pem")]);
    for name in ["sensor", "lamp", "other"] {
        succeed(&cloud, "POST", &format!("/things/{name}"), &Value::Null);
    }
    for (name, parent) in
        [("building", None), ("floor", Some("building")), ("room", Some("floor")), ("roof", None)]
    {
        let parent = parent.map(str::to_owned);
        let (name, id) = (name.to_owned(), String::new());
        let attributes = BTreeMap::new();
        let group = ThingGroup { name, id, parent, description: None, attributes, version: 1, created: 0 };
        make(&cloud, [Change::PutThingGroup(group.into())]);
    }
    let own = format!("cert/{}", id("leaf-v1.pem"));
    for (policy, target) in [
        ("own", own.as_str()),
        ("shared", own.as_str()),
        ("shared", "thinggroup/room"),
        ("room", "thinggroup/room"),
        ("building", "thinggroup/building"),
        ("roof", "thinggroup/roof"),
    ] {
        if cloud.read(|registry| registry.policy(policy).is_none()) {
            create_policy(&cloud, policy);
        }
        attach_policy(&cloud, policy, target);
    }
    let principal = Principal::Certificate(id("leaf-v1.pem"));
    let attach = |thing: &str| Change::AttachPrincipal {
        thing: thing.to_owned(),
        principal: principal.clone(),
        kind: ThingPrincipalType::NonExclusive,
    };
    let member = |group: &str, thing: &str| Change::AddToThingGroup {
        group: group.to_owned(),
        thing: thing.to_owned(),
    };
    make(&cloud, [attach("sensor"), attach("lamp"), member("room", "sensor"), member("roof", "lamp")]);
    make(&cloud, [member("room", "other")]);
    let all = &["own", "shared", "building", "room"][..];
    for (leaf, client_id, expected) in [
        ("leaf-v1.pem", Some("sensor"), all),
        ("leaf-v1.pem", Some("lamp"), &["own", "shared", "roof"]),
        // Not attached to the certificate.
        ("leaf-v1.pem", Some("other"), &["own", "shared"]),
        ("leaf-v1.pem", Some("Sensor"), &["own", "shared"]),
        ("leaf-v1.pem", Some("missing"), &["own", "shared"]),
        ("leaf-v1.pem", None, &["own", "shared"]),
        // Another certificate has nothing of it.
        ("leaf-v3.pem", Some("sensor"), &[]),
    ] {
        let rights = rights(&cloud, leaf, Some("localhost"), client_id).unwrap();
        let names: Vec<_> = rights.policies.iter().map(|policy| policy.name.as_str()).collect();
        assert_eq!(names, expected, "{leaf} {client_id:?}");
        let resource = rights.policies.first().map(|policy| &policy.document["Statement"][0]["Resource"]);
        assert_eq!(resource.and_then(Value::as_str), expected.first().map(|_| "*own"));
    }
    let effective = cloud.effective_policies(Some(&principal), Some("sensor"));
    assert_eq!(effective.iter().map(|policy| policy.name.as_str()).collect::<Vec<_>>(), all);

    // The default version counts.
    let document = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Deny", "Action": "iot:Connect", "Resource": "*" }
    ] });
    let body = json!({ "policyDocument": document.to_string() });
    for (target, expected) in [("", "Allow"), ("?setAsDefault=true", "Deny")] {
        succeed(&cloud, "POST", &format!("/policies/own/version{target}"), &body);
        let rights = rights(&cloud, "leaf-v1.pem", Some("localhost"), None).unwrap();
        assert_eq!(rights.policies[0].document["Statement"][0]["Effect"], expected);
    }

    let refusal = cloud.without_policy(&id("leaf-v3.pem")).to_string();
    assert!(refusal.ends_with(&format!(
        "has no policy; help: aws iot attach-policy --policy-name NAME --target \
         arn:aws:iot:us-east-1:123456789012:cert/{}",
        id("leaf-v3.pem")
    )));
}

#[test]
fn the_thing_is_the_one_with_the_client_id_or_the_exclusive_one() {
    use ThingPrincipalType::{Exclusive, NonExclusive};
    for (attached, client_id, thing, exclusive) in [
        (vec![], Some("sensor"), None, None),
        (vec![("sensor", NonExclusive)], Some("sensor"), Some("sensor"), None),
        (vec![("sensor", NonExclusive)], Some("lamp"), None, None),
        (vec![("sensor", NonExclusive)], Some("sensor2"), None, None),
        (vec![("sensor", NonExclusive)], None, None, None),
        (vec![("lamp", NonExclusive), ("sensor", NonExclusive)], Some("sensor"), Some("sensor"), None),
        (vec![("sensor", Exclusive)], Some("sensor"), Some("sensor"), Some("sensor")),
        (vec![("sensor", Exclusive)], Some("lamp"), Some("sensor"), Some("sensor")),
        (vec![("sensor", Exclusive)], Some("missing"), Some("sensor"), Some("sensor")),
        (vec![("sensor", Exclusive)], None, None, Some("sensor")),
    ] {
        let cloud = cloud(WITHIN);
        make(&cloud, [active("leaf-v1.pem")]);
        for name in ["sensor", "lamp", "sensor2"] {
            let body = json!({ "attributePayload": { "attributes": { "place": name } } });
            succeed(&cloud, "POST", &format!("/things/{name}"), &body);
        }
        let principal = Principal::Certificate(id("leaf-v1.pem"));
        make(
            &cloud,
            attached.iter().map(|(thing, kind)| Change::AttachPrincipal {
                thing: (*thing).to_owned(),
                principal: principal.clone(),
                kind: *kind,
            }),
        );
        let rights = rights(&cloud, "leaf-v1.pem", Some("localhost"), client_id).unwrap();
        let found = rights.context.thing.as_ref();
        assert_eq!(found.map(|thing| thing.name.as_str()), thing, "{attached:?} {client_id:?}");
        assert_eq!(found.map(|thing| thing.attributes["place"].as_str()), thing);
        assert_eq!(rights.exclusive_thing.as_deref(), exclusive, "{attached:?} {client_id:?}");
    }
}

#[test]
fn certificate_variables_have_the_values_of_aws_s_example() {
    let both = |name: &str, subject: &str, issuer: &str| {
        [(format!("Subject.{name}"), subject.to_owned()), (format!("Issuer.{name}"), issuer.to_owned())]
    };
    let expected: BTreeMap<_, _> = [
        both("Country", "US", "US"),
        both("Organization", "IoT Devices", "IoT Devices"),
        both("OrganizationalUnit", "LightBulb", "SmartHome"),
        both("State", "NY", "WA"),
        both("CommonName", "LightBulb Device Cert", "IoT Devices Primary CA"),
        both("GivenName", "Bulb", "Primary CA1"),
        both("Initials", "ZZ", "XY"),
        both("DistinguishedNameQualifier", "Bulb001", "Example corp"),
        both("Surname", "Multi Color", "SmartHome"),
        both("Title", "RGB", "CA1"),
        both("Pseudonym", "RGB Device", "Primary_CA"),
        both("GenerationQualifier", "4", "2"),
        both("SerialNumber", "123", "987"),
        both("AlternativeName.DNSName", "example.com", "issuer.com"),
        both("AlternativeName.IPAddress", "1.2.3.4", "5.6.7.8"),
        both("AlternativeName.UniformResourceIdentifier", "ResourceIdentifier001", "PrimarySignerCA"),
        both("AlternativeName.RFC822Name", "device1@example.com", "primary@issuer.com"),
        both(
            "AlternativeName.DirectoryName",
            "cn=LightBulbCert,ou=SmartHome,o=IoT,c=US",
            "cn=Primary Issuer CA,ou=IoT Devices,o=Issuer,c=US",
        ),
    ]
    .into_iter()
    .flatten()
    .chain([("SerialNumber".to_owned(), "10525622389124227206".to_owned())])
    .map(|(name, value)| (name, vec![value]))
    .collect();
    assert_eq!(variables("variables.pem"), expected);
}

#[test]
fn certificate_variables_have_all_values_in_order() {
    let found = variables("unusual.pem");
    for (name, values) in [
        ("SerialNumber", &["365375409332725729550921208179070754913983135745"][..]),
        ("Subject.Organization", &["first", "second", "third"]),
        ("Subject.OrganizationalUnit", &[r"O\=Amazon.com Inc. L\=Seattle"]),
        ("Subject.CommonName", &[r#"a\, \"b\" \\ \<c\>\; é"#]),
        ("Subject.AlternativeName.DNSName", &["a.example", "b.example"]),
        ("Subject.AlternativeName.IPAddress", &["2001:db8::1"]),
        ("Subject.AlternativeName.DirectoryName", &[r"1.2.3.4=x,o=a\+b,l=Kobe,dc=example"]),
    ] {
        assert_eq!(found.get(name).map(Vec::as_slice).unwrap_or_default(), values, "{name}");
    }
    let subject = found.keys().filter(|name| name.starts_with("Subject.")).count();
    assert_eq!(subject, 6, "{:?}", found.keys());

    let found = variables("bmp.pem");
    assert_eq!(found["Subject.CommonName"], ["é"]);
    assert_eq!(found["Subject.Organization"], ["first"]);
    assert_eq!(found["SerialNumber"], ["1"]);
}

fn variables(name: &str) -> BTreeMap<String, Vec<String>> {
    let cloud = cloud(WITHIN);
    make(&cloud, [active(name)]);
    rights(&cloud, name, Some("localhost"), None).unwrap().context.certificate.clone()
}

#[test]
fn a_change_of_the_registry_changes_the_rights_at_once() {
    let cloud = cloud(WITHIN);
    let id = id("leaf-v1.pem");
    let principal = format!("arn:aws:iot:us-east-1:123456789012:cert/{id}");
    make(&cloud, [active("leaf-v1.pem")]);
    create_policy(&cloud, "own");
    let revision = cloud.revision();
    let mut seen = *revision.borrow();
    let mut call = |method: &str, target: &str, body: Value, expected: Result<usize, &str>| {
        succeed(&cloud, method, target, &body);
        let found = rights(&cloud, "leaf-v1.pem", Some("localhost"), None);
        match (found, expected) {
            (Ok(rights), Ok(policies)) => assert_eq!(rights.policies.len(), policies, "{method} {target}"),
            (Err(refusal), Err(reason)) => assert!(refusal.reason.contains(reason), "{refusal}"),
            (found, expected) => panic!("{method} {target}: {found:?}; expected {expected:?}"),
        }
        assert!(*revision.borrow() > seen, "{method} {target}");
        seen = *revision.borrow();
    };
    let target = json!({ "target": principal });
    call("PUT", "/target-policies/own", target.clone(), Ok(1));
    call("PUT", &format!("/certificates/{id}?newStatus=INACTIVE"), Value::Null, Err("is INACTIVE"));
    call("PUT", &format!("/certificates/{id}?newStatus=ACTIVE"), Value::Null, Ok(1));
    call("POST", "/target-policies/own", target, Ok(0));
    call("PUT", &format!("/certificates/{id}?newStatus=INACTIVE"), Value::Null, Err("is INACTIVE"));
    call("DELETE", &format!("/certificates/{id}"), Value::Null, Err("is not registered"));
}
