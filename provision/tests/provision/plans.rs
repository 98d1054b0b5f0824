//! Plans that no event of the cases leads to, since the registry in memory answers at once.

use std::collections::BTreeMap;

use iot_provision::certificate::SigningRequest;
use iot_provision::control::{CallError, ControlPlane};
use iot_provision::denial::Code;
use iot_provision::engine::{self, Attempt, Request};
use iot_provision::expected::Lookup;
use iot_provision::names::ThingName;
use iot_provision::plan::{self, Applicant, End, Plan, Proof, Step};
use iot_provision::registered::{Certificate, OWNER, Registered, Thing};

use crate::support::memory::{Memory, certificate};
use crate::support::schedule::block_on;
use crate::support::{file, id, now};

/// Plans a request of `device-1` for which a certificate was made already.
fn plan_with_made(made: &str, registered: &Registered) -> Plan {
    let request = SigningRequest::parse(&file("device-1.csr")).unwrap();
    let applicant = Applicant {
        thing: &ThingName::parse("device-1").unwrap(),
        attributes: &BTreeMap::new(),
        policy: "device",
        replace: false,
        proof: Proof::Request { request: &request, secret: None, made: Some(made) },
    };
    plan::provision(&applicant, registered, now())
}

fn registered(certificates: Vec<Certificate>, owner: Option<&str>) -> Registered {
    let thing = owner.map(|owner| Thing {
        version: 1,
        attributes: BTreeMap::from([(OWNER.to_owned(), owner.to_owned())]),
        principals: Vec::new(),
    });
    Registered { device: Lookup::Anyone, thing, certificates }
}

#[test]
fn a_certificate_that_is_not_visible_yet_is_not_made_again() {
    let plan = plan_with_made(&id('a'), &registered(Vec::new(), None));
    assert_eq!(plan, Plan { steps: Vec::new(), certificate: None, end: End::Again });
}

#[test]
fn a_certificate_that_was_made_is_the_request_s_whatever_its_key() {
    let plan =
        plan_with_made(&id('a'), &registered(vec![certificate(&id('a'), "INACTIVE", "device-2")], None));
    assert_eq!((plan.certificate, plan.end), (Some(id('a')), End::Provisioned));
}

#[test]
fn a_certificate_that_was_made_is_deleted_if_the_request_is_denied() {
    let own = || certificate(&id('a'), "INACTIVE", "device-1");
    let other = certificate(&id('b'), "INACTIVE", "device-2");
    let plan = plan_with_made(&id('a'), &registered(vec![own(), other], Some(&id('b'))));
    assert_eq!(plan.steps, [Step::DeleteCertificate(id('a'))]);
    assert_eq!(plan.end, End::Denied(Code::NameTaken.into()));
    // But not one that the thing is bound to: it may be attached.
    let revoked = certificate(&id('a'), "REVOKED", "device-1");
    let plan = plan_with_made(&id('a'), &registered(vec![revoked], Some(&id('a'))));
    assert_eq!((plan.steps, plan.end), (Vec::new(), End::Denied(Code::Revoked.into())));
}

#[test]
fn a_certificate_that_was_made_is_deleted_if_another_run_was_first() {
    let own = certificate(&id('a'), "INACTIVE", "device-1");
    for status in ["INACTIVE", "ACTIVE"] {
        let first = certificate(&id('b'), status, "device-1");
        let plan = plan_with_made(&id('a'), &registered(vec![own.clone(), first], Some(&id('b'))));
        assert_eq!(plan.steps[0], Step::DeleteCertificate(id('a')), "{status}");
        assert_eq!(plan.certificate, Some(id('b')), "{status}");
        assert!(!plan.steps.contains(&Step::Activate(id('a'))), "{status}");
    }
}

#[test]
fn a_certificate_of_an_earlier_run_comes_before_one_that_was_made_now() {
    for digits in [['a', 'b'], ['b', 'a']] {
        let certificates = digits.map(|digit| certificate(&id(digit), "INACTIVE", "device-1"));
        let plan = plan_with_made(&id('a'), &registered(certificates.to_vec(), None));
        assert_eq!((plan.certificate, &plan.steps[0]), (Some(id('b')), &Step::DeleteCertificate(id('a'))));
    }
}

/// A request that always asks to be planned again.
struct Restless;

impl Request for Restless {
    async fn plan(&self, _: &impl ControlPlane, _: &Attempt) -> Result<Plan, CallError> {
        Ok(Plan { steps: Vec::new(), certificate: None, end: End::Again })
    }
}

#[test]
fn an_event_is_planned_a_few_times_only() {
    let failure = block_on(engine::run(&Restless, &Memory::default(), &|_| {})).unwrap_err();
    assert_eq!(failure.what, "what is registered changed 6 times while the event was handled");
}
