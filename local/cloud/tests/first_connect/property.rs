//! Random calls and connects in any order: what a connect never does.

use iot_local_cloud::Cloud;
use std::cell::Cell;

use iot_local_cloud::registry::{CertificateMode, CertificateStatus};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use serde_json::{Value, json};

use crate::fixture::{
    POLICY, ROLE, ServerName, WITHIN, cloud, connect_as, create_policy, id, policy, put_ca, set_template,
    status, template, things,
};
use crate::support::call;

const LEAVES: [&str; 4] = ["v1-rsa-of-ca", "v3-ec-of-ca", "no-country", "of-same-subject"];

#[derive(Debug, Clone)]
enum Step {
    Connect { leaf: usize, server_name: ServerName, later: bool },
    RunTemplate { leaf: usize },
    UpdateCa { body: Value, query: &'static str },
    Certificate { leaf: usize, status: &'static str },
    DeleteCertificate { leaf: usize },
    CreatePolicy,
    DeletePolicy,
}

fn step() -> impl Strategy<Value = Step> {
    let leaf = 0..LEAVES.len();
    let server_name = prop_oneof![
        4 => Just(ServerName::Own), 1 => Just(ServerName::Other), 1 => Just(ServerName::Missing)
    ];
    let config = json!({ "registrationConfig": { "templateBody": template().to_string(), "roleArn": ROLE } });
    let update = prop_oneof![
        Just((config, "?newAutoRegistrationStatus=ENABLE")),
        Just((json!({ "removeAutoRegistration": true }), "")),
        Just((json!({}), "?newStatus=ACTIVE")),
        Just((json!({}), "?newStatus=INACTIVE")),
        Just((json!({}), "?newAutoRegistrationStatus=DISABLE")),
        Just((json!({}), "?newAutoRegistrationStatus=ENABLE&newStatus=ACTIVE")),
    ];
    let new_status = prop::sample::select(vec!["ACTIVE", "INACTIVE", "REVOKED"]);
    prop_oneof![
        10 => (leaf.clone(), server_name, any::<bool>())
            .prop_map(|(leaf, server_name, later)| Step::Connect { leaf, server_name, later }),
        2 => leaf.clone().prop_map(|leaf| Step::RunTemplate { leaf }),
        4 => update.prop_map(|(body, query)| Step::UpdateCa { body, query }),
        2 => (leaf.clone(), new_status).prop_map(|(leaf, status)| Step::Certificate { leaf, status }),
        1 => leaf.prop_map(|leaf| Step::DeleteCertificate { leaf }),
        2 => Just(Step::CreatePolicy),
        1 => Just(Step::DeletePolicy),
    ]
}

/// The state of the CA that decides.
fn ca_registers(cloud: &Cloud, ca: &str) -> (bool, bool) {
    cloud.read(|registry| {
        let ca = registry.ca_certificate(ca).unwrap();
        let is_active = ca.status == iot_local_cloud::registry::CaStatus::Active;
        (is_active && ca.auto_registration, ca.registration_config.is_some())
    })
}

/// Makes a step, and checks what it may change. Returns whether a connect has activated its certificate.
fn make(cloud: &Cloud, ca: &str, step: &Step) -> bool {
    use CertificateStatus::{Active, PendingActivation};
    match step {
        Step::Connect { leaf, server_name, later } => {
            let leaf = LEAVES[*leaf];
            let (before, count) = (status(cloud, leaf), things(cloud).len());
            let (registers, has_template) = ca_registers(cloud, ca);
            let registers = registers && leaf != "of-same-subject" && *server_name == ServerName::Own;
            let time = match later {
                true => iot_local_cloud::first_connect::TemplateTime::Later,
                false => iot_local_cloud::first_connect::TemplateTime::AtOnce,
            };
            let connect = connect_as(cloud, leaf, &[], *server_name, time);
            let after = status(cloud, leaf);
            let waits = matches!(before, None | Some(PendingActivation)) && registers;
            if !waits {
                assert_eq!(after, before, "{step:?}");
                assert_eq!(things(cloud).len(), count, "{step:?}");
            }
            let event = connect.first.as_ref().and_then(|first| first.event.as_ref());
            assert_eq!(event.is_some(), waits && !has_template, "{step:?}");
            if waits {
                assert!(connect.rights.is_err(), "{step:?}");
                let may_activate = has_template && !later;
                assert!(
                    after == Some(PendingActivation) || (after == Some(Active) && may_activate),
                    "{step:?}"
                );
                assert!(!(after == Some(Active) && leaf == "no-country"), "{step:?}");
            }
            assert!(connect.rights.is_err() || before == Some(Active), "{step:?}");
            return after == Some(Active) && before != after;
        }
        Step::RunTemplate { leaf } => {
            let leaf = LEAVES[*leaf];
            let before = status(cloud, leaf);
            let _ = cloud.run_template(&id(leaf));
            assert!(status(cloud, leaf) == before || before == Some(PendingActivation), "{step:?}");
        }
        // The API may answer these with errors.
        Step::UpdateCa { body, query } => {
            call(cloud, "PUT", &format!("/cacertificate/{ca}{query}"), body);
        }
        Step::Certificate { leaf, status } => {
            call(
                cloud,
                "PUT",
                &format!("/certificates/{}?newStatus={status}", id(LEAVES[*leaf])),
                &Value::Null,
            );
        }
        Step::DeleteCertificate { leaf } => {
            call(cloud, "DELETE", &format!("/certificates/{}", id(LEAVES[*leaf])), &Value::Null);
        }
        Step::CreatePolicy => {
            call(cloud, "POST", &format!("/policies/{POLICY}"), &policy());
        }
        Step::DeletePolicy => {
            call(cloud, "DELETE", &format!("/policies/{POLICY}"), &Value::Null);
        }
    }
    false
}

#[test]
fn a_connect_registers_only_what_its_ca_registers_and_revives_nothing() {
    let mut config = Config { cases: 200, failure_persistence: None, ..Config::default() };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(1);
    }
    println!("PROPTEST_RNG_SEED: {:?}", config.rng_seed);
    let activated = Cell::new(0_usize);
    proptest!(config, |(is_jitp: bool, steps in prop::collection::vec(step(), 1..40))| {
        let cloud = cloud(WITHIN);
        let ca = put_ca(&cloud, "ca", CertificateMode::Default);
        if is_jitp {
            set_template(&cloud, &ca, &template());
            create_policy(&cloud);
        }
        let made = steps.iter().filter(|step| make(&cloud, &ca, step)).count();
        activated.set(activated.get().saturating_add(made));
    });
    println!("{} connects have activated a certificate", activated.get());
    assert!(activated.get() > 0);
}
