//! A registry in memory, with the rules of AWS IoT that plans rely on: what is a conflict, what can be made twice, what
//! stays revoked. Each call lets the other runs go first.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::task::Poll;
use std::time::Duration;

use iot_provision::control::{CallError, ControlPlane, StepResult};
use iot_provision::expected::{DeviceRecord, SecretHash};
use iot_provision::plan::Step;
use iot_provision::registered::{Certificate, Status, Thing};

use super::{file, now};

/// What is registered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct State {
    pub(crate) certificates: BTreeMap<String, Certificate>,
    /// Pairs of a target and a policy.
    pub(crate) policies: BTreeSet<(String, String)>,
    pub(crate) things: BTreeMap<String, Thing>,
    pub(crate) rows: BTreeMap<String, DeviceRecord>,
    pub(crate) published: Vec<(String, String)>,
}

/// The registry.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) state: RefCell<State>,
    /// The steps that were done, as text.
    pub(crate) calls: RefCell<Vec<String>>,
    /// How many steps are done before every call fails.
    pub(crate) stop_after: Cell<Option<usize>>,
    /// How many certificates were made.
    made: Cell<u32>,
}

pub(crate) fn arn(id: &str) -> String {
    format!("arn:aws:iot:eu-west-1:123456789012:cert/{id}")
}

/// A certificate with this id, of a file of the cases.
pub(crate) fn certificate(id: &str, status: &str, pem: &str) -> Certificate {
    Certificate {
        id: id.to_owned(),
        arn: arn(id),
        status: Status::parse(status),
        authority: None,
        pem: file(pem),
        created: now() - Duration::from_secs(1),
        is_untouched: true,
    }
}

impl State {
    /// Whether a certificate has a policy, and is attached to a thing.
    fn has_rights(&self, arn: &str) -> bool {
        self.policies.iter().any(|(target, _)| target == arn)
            && self.things.values().any(|thing| thing.principals.iter().any(|principal| principal == arn))
    }

    /// The certificates of this status.
    pub(crate) fn with_status(&self, status: Status) -> Vec<&Certificate> {
        self.certificates.values().filter(|known| known.status == status).collect()
    }
}

impl Memory {
    pub(crate) fn new(state: State) -> Self {
        Self { state: RefCell::new(state), ..Self::default() }
    }

    /// Fails if the run is to stop here.
    fn check_stop(&self, operation: &'static str) -> Result<(), CallError> {
        match self.stop_after.get() {
            Some(limit) if self.calls.borrow().len() >= limit => {
                Err(CallError { operation, what: "stopped".to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn apply(&self, step: &Step) -> StepResult {
        let state = &mut *self.state.borrow_mut();
        match step {
            Step::CreateCertificate { csr } => {
                let Some(device) = ["device-1", "device-2"].into_iter().find(|device| {
                    [file(&format!("{device}.csr")), file(&format!("{device}-again.csr"))].contains(csr)
                }) else {
                    return StepResult::Rejected;
                };
                self.made.set(self.made.get() + 1);
                let id = format!("{:064}", self.made.get());
                let made = Certificate { created: now(), ..certificate(&id, "INACTIVE", device) };
                state.certificates.insert(id.clone(), made);
                StepResult::Made(id)
            }
            Step::DeleteCertificate(id) => {
                let arn = arn(id);
                let is_attached = state.things.values().any(|thing| thing.principals.contains(&arn))
                    || state.policies.iter().any(|(target, _)| *target == arn);
                assert!(!is_attached, "DeleteCertificate of an attached certificate: {id}");
                state.certificates.remove(id);
                StepResult::Done
            }
            Step::CreateThing { name, attributes } => match state.things.get(name) {
                Some(thing) if thing.attributes != *attributes => StepResult::Conflict,
                Some(_) => StepResult::Done,
                None => {
                    let thing = Thing { version: 1, attributes: attributes.clone(), principals: Vec::new() };
                    state.things.insert(name.clone(), thing);
                    StepResult::Done
                }
            },
            Step::UpdateThing { name, attributes, version } => match state.things.get_mut(name) {
                Some(thing) if thing.version == *version => {
                    thing.attributes.extend(attributes.clone());
                    thing.version += 1;
                    StepResult::Done
                }
                _ => StepResult::Conflict,
            },
            Step::Record { table, device, certificate, replaces } => {
                assert_eq!(table, "devices");
                match state.rows.get_mut(device) {
                    Some(row)
                        if row.certificate.is_none()
                            || row.certificate.as_ref() == Some(certificate)
                            || row.certificate == *replaces =>
                    {
                        row.certificate = Some(certificate.clone());
                        StepResult::Done
                    }
                    _ => StepResult::Conflict,
                }
            }
            Step::AttachPolicy { policy, target } => {
                let is_known = state.certificates.values().any(|known| known.arn == *target)
                    || !target.starts_with("arn:");
                assert!(is_known, "AttachPolicy to {target}");
                state.policies.insert((target.clone(), policy.clone()));
                StepResult::Done
            }
            Step::AttachThing { thing, principal } => {
                let is_known = state.certificates.values().any(|known| known.arn == *principal);
                match state.things.get_mut(thing).filter(|_| is_known) {
                    Some(thing) => {
                        if !thing.principals.contains(principal) {
                            thing.principals.push(principal.clone());
                        }
                        StepResult::Done
                    }
                    None => StepResult::Conflict,
                }
            }
            Step::DetachThing { thing, principal } => {
                let is_active = state
                    .certificates
                    .values()
                    .any(|known| known.arn == *principal && known.status == Status::Active);
                assert!(!is_active, "DetachThingPrincipal of an ACTIVE certificate");
                state.things.get_mut(thing).unwrap().principals.retain(|known| known != principal);
                StepResult::Done
            }
            Step::Activate(id) if !state.has_rights(&arn(id)) => panic!("ACTIVE without rights: {id}"),
            Step::Deactivate(id) | Step::Activate(id) => match state.certificates.get_mut(id) {
                Some(certificate) if certificate.status != Status::Revoked => {
                    let is_active = matches!(step, Step::Activate(_));
                    certificate.status = if is_active { Status::Active } else { Status::Inactive };
                    certificate.is_untouched = false;
                    StepResult::Done
                }
                _ => StepResult::Conflict,
            },
            Step::Publish { topic, payload } => {
                state.published.push((topic.clone(), payload.clone()));
                StepResult::Done
            }
        }
    }
}

impl ControlPlane for Memory {
    async fn certificate(&self, id: &str) -> Result<Option<Certificate>, CallError> {
        pause().await;
        self.check_stop("DescribeCertificate")?;
        Ok(self.state.borrow().certificates.get(id).cloned())
    }

    async fn thing(&self, name: &str) -> Result<Option<Thing>, CallError> {
        pause().await;
        self.check_stop("DescribeThing")?;
        Ok(self
            .state
            .borrow()
            .things
            .get(name)
            .cloned()
            .map(|thing| Thing { principals: Vec::new(), ..thing }))
    }

    async fn principals(&self, thing: &str) -> Result<Vec<String>, CallError> {
        pause().await;
        self.check_stop("ListThingPrincipals")?;
        Ok(self.state.borrow().things.get(thing).map(|thing| thing.principals.clone()).unwrap_or_default())
    }

    async fn device(&self, table: &str, device: &str) -> Result<Option<DeviceRecord>, CallError> {
        pause().await;
        self.check_stop("GetItem")?;
        assert_eq!(table, "devices");
        Ok(self.state.borrow().rows.get(device).cloned())
    }

    async fn run(&self, step: &Step) -> Result<StepResult, CallError> {
        pause().await;
        self.check_stop(step.operation())?;
        let result = self.apply(step);
        let conflict = if result == StepResult::Conflict { " (conflict)" } else { "" };
        self.calls.borrow_mut().push(format!("{}{conflict}", text(step)));
        Ok(result)
    }
}

/// Lets other runs go first.
async fn pause() {
    let mut is_paused = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut is_paused, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A row of the table.
pub(crate) fn row(secret: Option<&str>, certificate: Option<&str>) -> DeviceRecord {
    DeviceRecord { secret: secret.map(SecretHash::of), certificate: certificate.map(str::to_owned) }
}

/// A step in one line. Ids of equal digits are one digit, those of made certificates their number.
pub(crate) fn text(step: &Step) -> String {
    let name = step.operation();
    match step {
        Step::CreateCertificate { .. } => name.to_owned(),
        Step::DeleteCertificate(id) => format!("{name} {}", short(id)),
        Step::CreateThing { name: thing, attributes } => format!("{name} {thing}{}", pairs(attributes)),
        Step::UpdateThing { name: thing, attributes, version } => {
            format!("{name} {thing} version {version}{}", pairs(attributes))
        }
        Step::Record { device, certificate, replaces, .. } => {
            let replaces =
                replaces.as_deref().map(|id| format!(" replaces {}", short(id))).unwrap_or_default();
            format!("{name} {device} {}{replaces}", short(certificate))
        }
        Step::AttachPolicy { policy, target } => format!("{name} {policy} {}", short(target)),
        Step::AttachThing { thing, principal } | Step::DetachThing { thing, principal } => {
            format!("{name} {thing} {}", short(principal))
        }
        Step::Deactivate(id) => format!("{name} {} INACTIVE", short(id)),
        Step::Activate(id) => format!("{name} {} ACTIVE", short(id)),
        Step::Publish { topic, payload } => {
            let payload: serde_json::Value = serde_json::from_str(payload).unwrap();
            let member = |name: &str| payload[name].as_str().unwrap_or_default().to_owned();
            match member("status").as_str() {
                "denied" => format!("{name} {topic} denied {}", member("code")),
                status => {
                    format!("{name} {topic} {status} {} {}", member("thing"), short(&member("certificateId")))
                }
            }
        }
    }
}

fn pairs(attributes: &BTreeMap<String, String>) -> String {
    attributes.iter().map(|(name, value)| format!(" {name}={}", short(value))).collect()
}

/// An id or an ARN in short.
pub(crate) fn short(id: &str) -> String {
    let id = id.rsplit_once(":cert/").map_or(id, |(_, id)| id);
    match (id.len(), id.chars().next()) {
        (64, Some('0')) => format!("made-{}", id.trim_start_matches('0')),
        (64, Some(first)) => first.to_string(),
        _ => id.to_owned(),
    }
}
