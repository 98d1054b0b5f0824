//! Connects one after another, and at the same time.

use std::collections::BTreeSet;

use iot_local_cloud::first_connect::TemplateTime;
use iot_local_cloud::registry::{CertificateMode, CertificateStatus, PolicyTarget, Principal};
use serde_json::{Value, json};

use crate::fixture::{
    POLICY, ROLE, ServerName, WITHIN, cloud, connect, connect_as, create_policy, id, put_ca, set_template,
    status, template, things, update_ca,
};
use crate::support::{call, succeed};

const LEAF: &str = "v1-rsa-of-ca";

#[test]
fn the_event_has_aws_s_members_and_comes_with_each_connect() {
    let cloud = cloud(WITHIN);
    let ca = put_ca(&cloud, "ca", CertificateMode::Default);
    for connects in 1..=3 {
        let event = connect(&cloud, LEAF).first.unwrap().event.unwrap();
        assert_eq!(event.topic, format!("$aws/events/certificates/registered/{ca}"));
        let expected = json!({
            "certificateId": id(LEAF), "caCertificateId": ca, "timestamp": 1_893_456_000_000_i64,
            "certificateStatus": "PENDING_ACTIVATION", "awsAccountId": "123456789012",
            "certificateRegistrationTimestamp": null,
        });
        assert_eq!(serde_json::from_str::<Value>(&event.payload).unwrap(), expected, "{connects}");
        assert_eq!(status(&cloud, LEAF), Some(CertificateStatus::PendingActivation));
    }
    create_policy(&cloud);
    let target = format!("arn:aws:iot:us-east-1:123456789012:cert/{}", id(LEAF));
    succeed(&cloud, "PUT", &format!("/target-policies/{POLICY}"), &json!({ "target": target }));
    succeed(&cloud, "PUT", &format!("/certificates/{}?newStatus=ACTIVE", id(LEAF)), &Value::Null);
    assert_eq!(connect(&cloud, LEAF).reason(), "");
}

#[test]
fn the_second_connect_of_a_provisioned_device_is_admitted() {
    let cloud = cloud(WITHIN);
    let ca = put_ca(&cloud, "ca", CertificateMode::Default);
    set_template(&cloud, &ca, &template());
    create_policy(&cloud);
    for leaf in [LEAF, "v3-ec-of-ca"] {
        assert!(connect(&cloud, leaf).first.is_some(), "{leaf}");
        let second = connect(&cloud, leaf);
        assert_eq!(second.reason(), "", "{leaf}");
        let policies = second.rights.unwrap().policies;
        assert_eq!(policies.iter().map(|policy| policy.name.as_str()).collect::<Vec<_>>(), [POLICY]);
        let thing = succeed(&cloud, "GET", &format!("/things/{leaf}"), &Value::Null);
        assert_eq!(thing["attributes"], json!({ "version": "v1", "country": "JP" }), "{leaf}");
        // A connect that was refused for another reason runs no template.
        let revision = *cloud.revision().borrow();
        assert!(connect_as(&cloud, leaf, &[], ServerName::Missing, TemplateTime::AtOnce).first.is_none());
        assert_eq!(*cloud.revision().borrow(), revision);
    }
    assert_eq!(things(&cloud), [LEAF, "v3-ec-of-ca"]);
}

/// What is missing is named at each attempt, and the first attempt after it is there succeeds.
#[test]
fn later_connects_try_again() {
    let cloud = cloud(WITHIN);
    let ca = put_ca(&cloud, "ca", CertificateMode::Default);
    set_template(&cloud, &ca, &template());
    for _ in 0..2 {
        let reason = connect(&cloud, LEAF).reason();
        assert!(reason.contains("policy device does not exist"), "{reason}");
        assert_eq!(things(&cloud), Vec::<String>::new());
    }
    create_policy(&cloud);
    let reason = connect(&cloud, LEAF).reason();
    assert!(reason.contains("has provisioned it now as thing v1-rsa-of-ca"), "{reason}");
    assert_eq!(connect(&cloud, LEAF).reason(), "");

    // A device whose subject lacks the country, until the template needs none.
    for _ in 0..2 {
        let reason = connect(&cloud, "no-country").reason();
        assert!(reason.contains("\"AWS::IoT::Certificate::Country\""), "{reason}");
        assert_eq!(status(&cloud, "no-country"), Some(CertificateStatus::PendingActivation));
    }
    let mut changed = template();
    changed["Parameters"].as_object_mut().unwrap().remove("AWS::IoT::Certificate::Country");
    changed["Resources"]["thing"]["Properties"]["AttributePayload"]["country"] = json!("unknown");
    set_template(&cloud, &ca, &changed);
    connect(&cloud, "no-country");
    assert_eq!(connect(&cloud, "no-country").reason(), "");

    // From just-in-time provisioning to registration.
    update_ca(&cloud, &ca, "", &json!({ "removeAutoRegistration": true }));
    assert!(connect(&cloud, "v3-ec-of-ca").first.unwrap().event.is_some());
}

#[test]
fn a_template_may_leave_something_to_do() {
    for (change, reason) in [
        (
            json!({ "certificate": { "Properties": { "Status": "INACTIVE" } } }),
            "but with a status other than ACTIVE; help: aws iot update-certificate",
        ),
        (json!({ "policy": null }), "but without a policy; help: aws iot attach-policy"),
        (json!({ "thing": null }), "has provisioned it now; help: connect again: the first"),
    ] {
        let cloud = cloud(WITHIN);
        let ca = put_ca(&cloud, "ca", CertificateMode::Default);
        create_policy(&cloud);
        let mut template = template();
        for (name, value) in change.as_object().unwrap() {
            if value.is_null() {
                template["Resources"].as_object_mut().unwrap().remove(name);
            } else {
                template["Resources"][name]["Properties"]["Status"] = value["Properties"]["Status"].clone();
            }
        }
        set_template(&cloud, &ca, &template);
        let found = connect(&cloud, LEAF).reason();
        assert!(found.contains(reason), "{found}");
    }
}

#[test]
fn a_template_that_runs_later_runs_only_if_the_certificate_still_waits() {
    let later = |cloud: &iot_local_cloud::Cloud| {
        let connect = connect_as(cloud, LEAF, &[], ServerName::Own, TemplateTime::Later);
        connect.first.is_some_and(|first| first.awaits_template)
    };
    for (change, is_run) in [
        ("", true),
        ("PUT /certificates/LEAF?newStatus=REVOKED", false),
        ("PUT /certificates/LEAF?newStatus=INACTIVE", false),
        ("PUT /certificates/LEAF?newStatus=ACTIVE", false),
        ("DELETE /certificates/LEAF", false),
        ("PUT /cacertificate/CA?newStatus=INACTIVE", false),
        ("PUT /cacertificate/CA?newAutoRegistrationStatus=DISABLE", false),
    ] {
        let cloud = cloud(WITHIN);
        let ca = put_ca(&cloud, "ca", CertificateMode::Default);
        set_template(&cloud, &ca, &template());
        create_policy(&cloud);
        assert!(later(&cloud) && later(&cloud));
        if let Some((method, target)) = change.split_once(' ') {
            let target = target.replace("LEAF", &id(LEAF)).replace("CA?", &format!("{ca}?"));
            succeed(&cloud, method, &target, &Value::Null);
        }
        let before = status(&cloud, LEAF);
        assert_eq!(cloud.run_template(&id(LEAF)).is_some(), is_run, "{change}");
        assert_eq!(things(&cloud).len(), usize::from(is_run), "{change}");
        let expected = if is_run { Some(CertificateStatus::Active) } else { before };
        assert_eq!(status(&cloud, LEAF), expected, "{change}");
        assert!(cloud.run_template(&id(LEAF)).is_none(), "{change}: a second run");
    }
}

/// Devices connect at once, each five times: each has one certificate, one thing and one attachment of each.
#[test]
fn connects_at_once_register_once() {
    let leaves = ["v1-rsa-of-ca", "v3-rsa-of-ca", "v1-ec-of-ca", "v3-ec-of-ca"];
    for is_jitp in [false, true] {
        let cloud = cloud(WITHIN);
        let ca = put_ca(&cloud, "ca", CertificateMode::Default);
        create_policy(&cloud);
        if is_jitp {
            set_template(&cloud, &ca, &template());
        }
        let registered = std::thread::scope(|scope| {
            let threads = leaves.iter().flat_map(|leaf| std::iter::repeat_n(leaf, 5));
            let threads: Vec<_> =
                threads.map(|leaf| scope.spawn(|| connect(&cloud, leaf).reason())).collect();
            let reasons = threads.into_iter().map(|thread| thread.join().unwrap());
            reasons.filter(|reason| reason.contains("is registered now")).count()
        });
        assert_eq!(registered, leaves.len(), "one of the connects of a device registers it");
        assert_eq!(cloud.read(|registry| registry.certificates().count()), leaves.len());
        let expected = if is_jitp { leaves.len() } else { 0 };
        assert_eq!(things(&cloud).len(), expected);
        for leaf in leaves.iter().filter(|_| is_jitp) {
            cloud.read(|registry| {
                let certificate = registry.certificate(&id(leaf)).unwrap();
                assert_eq!(certificate.status, CertificateStatus::Active, "{leaf}");
                // Registered, and activated once.
                assert_eq!(certificate.customer_version, 2, "{leaf}");
                assert_eq!(registry.thing(leaf).unwrap().version, 1, "{leaf}");
                let principal = Principal::Certificate(id(leaf));
                assert_eq!(registry.things_of(&principal).count(), 1, "{leaf}");
                assert_eq!(registry.policies_of(&PolicyTarget::Principal(principal)).count(), 1, "{leaf}");
            });
        }
    }
}

/// What is registered stays on disk, whichever step the process ends after.
#[test]
fn a_first_connect_survives_the_end_of_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let options = crate::support::options(Some(folder.path().join("registry")));
        iot_local_cloud::Cloud::open(iot_local_cloud::CloudOptions { clock: WITHIN, ..options }).unwrap()
    };
    let cloud = open();
    let ca = put_ca(&cloud, "ca", CertificateMode::Default);
    set_template(&cloud, &ca, &template());
    assert!(connect(&cloud, LEAF).reason().contains("policy device does not exist"));
    drop(cloud);
    let cloud = open();
    assert_eq!(status(&cloud, LEAF), Some(CertificateStatus::PendingActivation));
    create_policy(&cloud);
    connect(&cloud, LEAF);
    drop(cloud);
    assert_eq!(connect(&open(), LEAF).reason(), "");
}

#[test]
fn a_ca_takes_only_templates_of_just_in_time_provisioning() {
    let cloud = cloud(WITHIN);
    let ca = put_ca(&cloud, "ca", CertificateMode::Default);
    for (name, kind) in [("jitp", "JITP"), ("fleet", "FLEET_PROVISIONING")] {
        let mut template = template();
        if kind != "JITP" {
            template["Parameters"] = json!({});
            template["Resources"]["thing"]["Properties"] = json!({ "ThingName": "thing" });
        }
        let body = json!({ "templateName": name, "templateBody": template.to_string(), "type": kind,
            "provisioningRoleArn": ROLE });
        succeed(&cloud, "POST", "/provisioning-templates", &body);
    }
    let body = |change: fn(&mut Value)| {
        let mut template = template();
        change(&mut template);
        json!({ "templateBody": template.to_string(), "roleArn": ROLE })
    };
    let mut types = BTreeSet::new();
    for (config, says) in [
        (
            json!({ "templateName": "missing" }),
            "provisioning template missing of registrationConfig.templateName does not exist",
        ),
        (json!({ "templateName": "fleet" }), "has the type FLEET_PROVISIONING; expected JITP"),
        (
            json!({ "templateName": "jitp", "templateBody": template().to_string(), "roleArn": ROLE }),
            "exclude each other",
        ),
        (json!({ "templateBody": template().to_string() }), "roleArn is missing"),
        (json!({ "templateBody": "", "roleArn": ROLE }), "invalid registrationConfig.templateBody"),
        (
            json!({ "templateBody": "{\"Parameters\":{},\"Resources\":{}}", "roleArn": ROLE }),
            "expected at least one resource",
        ),
        (
            body(|template| template["Parameters"]["Serial"] = json!({ "Type": "String" })),
            "Parameters.Serial",
        ),
        (body(|template| template["Mappings"] = json!({})), "Mappings"),
        (
            body(|template| template["Resources"]["thing"]["Properties"]["Name"] = json!("a")),
            "Resources.thing.Properties.Name",
        ),
        (
            body(|template| {
                template["Resources"]["certificate"]["Properties"]["CertificateId"] = json!(id("ca"));
            }),
            "CertificateId",
        ),
        (
            body(|template| {
                template["Resources"]["thing"]["Properties"]["ThingName"] =
                    json!({ "Ref": "AWS::IoT::Certificate::Locality" });
            }),
            "Locality",
        ),
    ] {
        let body = json!({ "registrationConfig": config });
        let (status, kind, answer) = call(&cloud, "PUT", &format!("/cacertificate/{ca}"), &body);
        let message = answer["message"].as_str().unwrap();
        assert!(status == 400 && message.contains(says), "{config}: {status} {message}");
        types.insert(kind);
        let sent = json!({ "caCertificate": crate::fixture::pem("ca-ec"), "certificateMode": "SNI_ONLY", "registrationConfig": config });
        assert_eq!(call(&cloud, "POST", "/cacertificate", &sent).0, 400, "{config}");
    }
    assert_eq!(types, BTreeSet::from(["InvalidRequestException".to_owned()]));
    assert_eq!(cloud.read(|registry| registry.ca_certificates().count()), 1);
    update_ca(&cloud, &ca, "", &json!({ "registrationConfig": { "templateName": "jitp" } }));
}
