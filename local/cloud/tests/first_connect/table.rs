//! Who is registered at the first connect, who is provisioned, and why not.

use std::time::SystemTime;

use iot_local_cloud::first_connect::TemplateTime;
use iot_local_cloud::registry::{CertificateMode, CertificateStatus, Change};
use serde_json::{Value, json};

use crate::fixture::{
    AFTER_DEVICES, BEFORE, ROLE, ServerName, WITHIN, cloud, connect_as, create_policy, der, id, pem, put_ca,
    set_template, status, template, things, update_ca,
};
use crate::support::succeed;

/// What a CA does at a first connect.
#[derive(Clone, Copy)]
enum Does {
    /// Just-in-time registration.
    Event,
    /// Just-in-time provisioning by a template of its own.
    Body,
    /// By a template with a name.
    Named { enabled: bool },
    /// A role without a template.
    RoleOnly,
}

/// One connect.
#[derive(Clone, Copy)]
struct Row {
    title: &'static str,
    leaf: &'static str,
    chain: &'static [&'static str],
    server_name: ServerName,
    cas: &'static [&'static str],
    /// The query of UpdateCACertificate.
    ca: &'static str,
    does: Does,
    mode: CertificateMode,
    /// The status that the certificate has before, if it is registered.
    before: Option<CertificateStatus>,
    has_policy: bool,
    time: TemplateTime,
    clock: fn() -> SystemTime,
}

const JITR: Row = Row {
    title: "",
    leaf: "v1-rsa-of-ca",
    chain: &[],
    server_name: ServerName::Own,
    cas: &["ca"],
    ca: "?newStatus=ACTIVE",
    does: Does::Event,
    mode: CertificateMode::Default,
    before: None,
    has_policy: true,
    time: TemplateTime::AtOnce,
    clock: WITHIN,
};
const JITP: Row = Row { does: Does::Body, ..JITR };

/// What comes of it.
enum Outcome {
    /// PENDING_ACTIVATION, with the event.
    Event,
    /// ACTIVE, with the thing of this name.
    Provisioned(&'static str),
    /// PENDING_ACTIVATION without an event; the reason.
    Pending(&'static str),
    /// The registry stays as it is; the reason.
    Nothing(&'static str),
}

/// Replaces the names of files by ids: `<ca>`.
fn with_ids(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some((before, (name, after))) =
        text.split_once('<').and_then(|(before, rest)| Some((before, rest.split_once('>')?)))
    {
        text = format!("{before}{}{after}", id(name));
    }
    text
}

fn check(row: &Row, outcome: &Outcome) {
    use CertificateStatus::{Active, PendingActivation};
    let title = row.title;
    let cloud = cloud(row.clock);
    if row.has_policy {
        create_policy(&cloud);
    }
    for name in row.cas {
        let ca = put_ca(&cloud, name, row.mode);
        configure(&cloud, &ca, row.does);
        update_ca(&cloud, &ca, row.ca, &Value::Null);
    }
    if let Some(status) = row.before {
        register(&cloud, row.leaf, status);
    }
    let unchanged = *cloud.revision().borrow();
    let connect = connect_as(&cloud, row.leaf, row.chain, row.server_name, row.time);
    let reason = connect.reason();
    assert!(connect.rights.is_err(), "{title}: admitted");
    let expected_reason = match outcome {
        Outcome::Event => "$aws/events/certificates/registered/",
        Outcome::Provisioned(_) => "has provisioned it now as thing",
        Outcome::Pending(reason) | Outcome::Nothing(reason) => reason,
    };
    assert!(reason.contains(&with_ids(expected_reason)), "{title}: {reason}");
    assert!(!reason.contains("BEGIN"), "{title}: {reason}");
    let event = connect.first.as_ref().and_then(|first| first.event.as_ref());
    assert_eq!(event.is_some(), matches!(outcome, Outcome::Event), "{title}: {event:?}");
    let awaits = connect.first.as_ref().is_some_and(|first| first.awaits_template);
    assert_eq!(awaits, expected_reason.contains("runs later"), "{title}");
    let (found, expected_things) = (
        status(&cloud, row.leaf),
        match outcome {
            Outcome::Provisioned(thing) => vec![(*thing).to_owned()],
            _ => Vec::new(),
        },
    );
    assert_eq!(things(&cloud), expected_things, "{title}: {reason}");
    match outcome {
        Outcome::Event | Outcome::Pending(_) => {
            assert_eq!(found, Some(PendingActivation), "{title}: {reason}");
        }
        Outcome::Provisioned(_) => assert_eq!(found, Some(Active), "{title}: {reason}"),
        Outcome::Nothing(_) => {
            assert_eq!(found, row.before, "{title}: {reason}");
            assert_eq!(*cloud.revision().borrow(), unchanged, "{title}");
        }
    }
    if found.is_some() && row.before.is_none() {
        let target = format!("/certificates/{}", id(row.leaf));
        let described = &succeed(&cloud, "GET", &target, &Value::Null)["certificateDescription"];
        assert_eq!(described["certificateMode"], row.mode.name(), "{title}");
        let ca = described["caCertificateId"].as_str().unwrap();
        assert!(row.cas.iter().any(|name| id(name) == ca), "{title}: {ca}");
        let kept = pem::parse(described["certificatePem"].as_str().unwrap()).unwrap();
        assert_eq!(kept.contents(), der(row.leaf), "{title}");
    }
}

fn configure(cloud: &iot_local_cloud::Cloud, ca: &str, does: Does) {
    let name = |name: &str| json!({ "registrationConfig": { "templateName": name } });
    match does {
        Does::Event => {}
        Does::Body => set_template(cloud, ca, &template()),
        Does::RoleOnly => update_ca(cloud, ca, "", &json!({ "registrationConfig": { "roleArn": ROLE } })),
        Does::Named { enabled } => {
            let body = json!({ "templateName": "jitp", "templateBody": template().to_string(), "type": "JITP",
                "provisioningRoleArn": ROLE, "enabled": enabled });
            let known = cloud.read(|registry| registry.provisioning_template("jitp").is_some());
            if !known {
                succeed(cloud, "POST", "/provisioning-templates", &body);
            }
            update_ca(cloud, ca, "", &name("jitp"));
        }
    }
}

/// Registers a certificate with its CA, in any status.
fn register(cloud: &iot_local_cloud::Cloud, leaf: &str, status: CertificateStatus) {
    let facts = iot_local_cloud::CertificateFacts::read(&der(leaf)).unwrap();
    let certificate = iot_local_cloud::registry::Certificate {
        id: facts.id,
        pem: pem(leaf),
        status,
        mode: CertificateMode::Default,
        ca_certificate_id: Some(id("ca")),
        not_before: facts.not_before,
        not_after: facts.not_after,
        created: 0,
        modified: 0,
        customer_version: 1,
        generation_id: String::new(),
    };
    cloud.write(|_| Ok((vec![Change::PutCertificate(certificate.into())], ()))).unwrap();
}

#[test]
fn a_first_connect_registers_what_a_registered_ca_signed() {
    let leaves = [
        ("v1-rsa-of-ca", "ca"),
        ("v3-rsa-of-ca", "ca"),
        ("v1-ec-of-ca", "ca"),
        ("v3-ec-of-ca", "ca"),
        ("v1-rsa-of-ca-ec", "ca-ec"),
        ("v3-rsa-of-ca-ec", "ca-ec"),
        ("v1-ec-of-ca-ec", "ca-ec"),
        ("v3-ec-of-ca-ec", "ca-ec"),
    ];
    // The chain has no influence, as long as the issuer itself is registered.
    for (leaf, ca) in leaves {
        for chain in [&[][..], &[ca], &["ca-same-subject"]] {
            for (server_name, does) in [
                (ServerName::Own, Does::Event),
                (ServerName::Own, Does::Body),
                (ServerName::Own, Does::Named { enabled: true }),
                (ServerName::Other, Does::Event),
                (ServerName::Other, Does::Body),
                (ServerName::Missing, Does::Event),
                (ServerName::Missing, Does::Body),
            ] {
                let cas: &'static [&'static str] = if ca == "ca" { &["ca"] } else { &["ca-ec"] };
                let chain: &'static [&'static str] = match chain {
                    [] => &[],
                    ["ca"] => &["ca"],
                    ["ca-ec"] => &["ca-ec"],
                    _ => &["ca-same-subject"],
                };
                let row = Row { title: leaf, leaf, chain, server_name, cas, does, ..JITR };
                let outcome = match (server_name, does) {
                    (ServerName::Missing, _) => {
                        Outcome::Nothing("needs a server name (SNI), and the client sends none")
                    }
                    (ServerName::Other, _) => Outcome::Nothing("the client sends \"example.com\" (SNI)"),
                    (ServerName::Own, Does::Event) => Outcome::Event,
                    (ServerName::Own, _) => Outcome::Provisioned(leaf),
                };
                check(&row, &outcome);
            }
        }
    }
}

#[test]
#[rustfmt::skip]
fn the_ca_the_certificate_and_the_template_decide() {
    use CertificateStatus::{Active, Inactive, PendingActivation, PendingTransfer, RegisterInactive, Revoked};
    use Outcome::{Event, Nothing, Pending, Provisioned};
    let both = &["ca", "ca-same-subject"][..];
    let rows = [
        (Row { title: "SNI_ONLY", mode: CertificateMode::SniOnly, ..JITR }, Event),
        (Row { title: "SNI_ONLY without SNI", mode: CertificateMode::SniOnly, server_name: ServerName::Missing, ..JITR }, Nothing("needs a server name")),
        (Row { title: "SNI_ONLY by JITP", mode: CertificateMode::SniOnly, ..JITP }, Provisioned("v1-rsa-of-ca")),
        (Row { title: "a role without template", does: Does::RoleOnly, ..JITR }, Event),
        (Row { title: "CA INACTIVE", ca: "?newStatus=INACTIVE", ..JITR }, Nothing("CA <ca> that signed it is INACTIVE; help: aws iot update-ca-certificate --certificate-id <ca> --new-status ACTIVE")),
        (Row { title: "CA INACTIVE, JITP", ca: "?newStatus=INACTIVE", ..JITP }, Nothing("CA <ca> that signed it is INACTIVE")),
        (Row { title: "automatic registration disabled", ca: "?newAutoRegistrationStatus=DISABLE", ..JITR }, Nothing("the automatic registration of CA <ca> that signed it is disabled")),
        (Row { title: "automatic registration disabled, JITP", ca: "?newAutoRegistrationStatus=DISABLE", ..JITP }, Nothing("is disabled; help: aws iot update-ca-certificate --certificate-id <ca> --new-auto-registration-status ENABLE")),
        (Row { title: "no CA", cas: &[], ..JITR }, Nothing("no registered CA has the name of its issuer, CN=Fleet CA, O=Example")),
        (Row { title: "another CA", cas: &["ca-ec"], ..JITR }, Nothing("no registered CA has the name of its issuer")),
        (Row { title: "the issuer's name with another key", cas: &["ca-same-subject"], ..JITR }, Nothing("CA <ca-same-subject> has the name of its issuer but did not sign it")),
        (Row { title: "the issuer's name with another key, the issuer in the chain", cas: &["ca-same-subject"], chain: &["ca"], ..JITP }, Nothing("did not sign it")),
        (Row { title: "two CAs of one subject", cas: both, ..JITR }, Event),
        (Row { title: "two CAs of one subject, the other's device", leaf: "of-same-subject", cas: both, ..JITP }, Provisioned("of-same-subject")),
        (Row { title: "an intermediate CA is not registered", leaf: "of-sub", chain: &["sub", "ca"], ..JITP }, Nothing("no registered CA has the name of its issuer, CN=Fleet sub CA")),
        (Row { title: "an intermediate CA is registered", leaf: "of-sub", cas: &["sub"], ..JITP }, Provisioned("of-sub")),
        (Row { title: "the CA itself", leaf: "ca", ..JITR }, Event),
        (Row { title: "SHA-1", leaf: "sha1", ..JITR }, Nothing("did not sign it")),
        (Row { title: "a weak key", leaf: "weak", ..JITR }, Nothing("cannot be registered: invalid certificatePem; expected a key of RSA with at least 2048 bits")),
        (Row { title: "expired", leaf: "short", ..JITR }, Nothing("is not registered, and it has expired at 2026-")),
        (Row { title: "expired, JITP", clock: AFTER_DEVICES, ..JITP }, Nothing("and it has expired at 2036-")),
        (Row { title: "not valid yet", clock: BEFORE, ..JITR }, Nothing("and it is not valid before 2026-")),
        (Row { title: "INACTIVE", before: Some(Inactive), ..JITR }, Nothing("is INACTIVE")),
        (Row { title: "INACTIVE, JITP", before: Some(Inactive), ..JITP }, Nothing("is INACTIVE")),
        (Row { title: "REVOKED", before: Some(Revoked), ..JITR }, Nothing("is REVOKED")),
        (Row { title: "REVOKED, JITP", before: Some(Revoked), ..JITP }, Nothing("is REVOKED")),
        (Row { title: "PENDING_TRANSFER", before: Some(PendingTransfer), ..JITP }, Nothing("is PENDING_TRANSFER")),
        (Row { title: "REGISTER_INACTIVE", before: Some(RegisterInactive), ..JITP }, Nothing("is REGISTER_INACTIVE")),
        (Row { title: "ACTIVE and expired", before: Some(Active), clock: AFTER_DEVICES, ..JITP }, Nothing("has expired")),
        (Row { title: "PENDING_ACTIVATION", before: Some(PendingActivation), ..JITR }, Event),
        (Row { title: "PENDING_ACTIVATION without SNI", before: Some(PendingActivation), server_name: ServerName::Missing, ..JITR }, Nothing("is PENDING_ACTIVATION; a first connect needs a server name")),
        (Row { title: "PENDING_ACTIVATION, CA INACTIVE", before: Some(PendingActivation), ca: "?newStatus=INACTIVE", ..JITR }, Nothing("is PENDING_ACTIVATION, and CA <ca> that signed it is INACTIVE")),
        (Row { title: "PENDING_ACTIVATION, CA deleted", before: Some(PendingActivation), cas: &[], ..JITR }, Nothing("is PENDING_ACTIVATION; help: aws iot update-certificate")),
        (Row { title: "PENDING_ACTIVATION, expired", before: Some(PendingActivation), clock: AFTER_DEVICES, ..JITR }, Nothing("is PENDING_ACTIVATION, and it has expired")),
        (Row { title: "PENDING_ACTIVATION, JITP", before: Some(PendingActivation), ..JITP }, Provisioned("v1-rsa-of-ca")),
        (Row { title: "the template later", time: TemplateTime::Later, ..JITP }, Pending("the template of CA <ca> runs later")),
        (Row { title: "JITR has no template to run later", time: TemplateTime::Later, ..JITR }, Event),
        (Row { title: "no country", leaf: "no-country", ..JITP }, Pending("PENDING_ACTIVATION; template of CA <ca>: Parameters: parameter \"AWS::IoT::Certificate::Country\": the subject of the certificate has no C; help: issue a certificate whose subject has the attribute")),
        (Row { title: "no common name", leaf: "no-common-name", ..JITP }, Pending("parameter \"AWS::IoT::Certificate::CommonName\": the subject of the certificate has no CN")),
        (Row { title: "JITR needs no subject", leaf: "no-common-name", ..JITR }, Event),
        (Row { title: "a slash", leaf: "slash", ..JITP }, Pending("Resources.thing.Properties.ThingName")),
        (Row { title: "an asterisk", leaf: "star", ..JITP }, Pending("Resources.thing.Properties.ThingName")),
        (Row { title: "a blank", leaf: "blank", ..JITP }, Pending("Resources.thing.Properties.ThingName")),
        (Row { title: "a plus", leaf: "plus", ..JITP }, Pending("Resources.thing.Properties.ThingName")),
        (Row { title: "a letter that is not ASCII", leaf: "accent", ..JITP }, Pending("Resources.thing.Properties.ThingName")),
        (Row { title: "two common names", leaf: "two-names", ..JITP }, Provisioned("first")),
        (Row { title: "no policy", has_policy: false, ..JITP }, Pending("Resources.policy: policy device does not exist; help: aws iot create-policy --policy-name device")),
        (Row { title: "JITR needs no policy", has_policy: false, ..JITR }, Event),
        (Row { title: "a disabled template", does: Does::Named { enabled: false }, ..JITP }, Pending("provisioning template jitp of CA <ca> is disabled; help: aws iot update-provisioning-template --template-name jitp --enabled")),
    ];
    for (row, outcome) in &rows {
        check(row, outcome);
    }
}
