//! The decision: who asks, what is registered and the time give a plan. Nothing here calls anything.
//!
//! The order of a plan's steps keeps three promises, wherever it is stopped. The thing is bound to the certificate
//! first, so a second run finds the certificate and makes no other. The certificate becomes ACTIVE last: INVARIANT
//! (nothing is ACTIVE before it has its policy and its thing). And every step that was done is either absent from the
//! next plan or harmless in it.

mod step;

pub use step::{End, Plan, Step};

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::certificate::SigningRequest;
use crate::denial::{Code, Denial};
use crate::expected::{Lookup, SecretHash};
use crate::names::ThingName;
use crate::registered::{Certificate, OWNER, Registered, Status, Thing};

/// Who asks for a thing.
#[derive(Clone, Debug)]
pub struct Applicant<'a> {
    /// The name of the thing.
    pub thing: &'a ThingName,
    /// The attributes of the thing, without [`OWNER`].
    pub attributes: &'a BTreeMap<String, String>,
    /// The policy that the certificate gets.
    pub policy: &'a str,
    /// Whether a new certificate may take over the thing.
    pub replace: bool,
    /// What the device has shown.
    pub proof: Proof<'a>,
}

/// What a device has shown.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'a> {
    /// The certificate with this id, at its first connect.
    Certificate(&'a str),
    /// A certification request.
    Request {
        /// The request. The device has its key.
        request: &'a SigningRequest,
        /// The hash of the secret that came with it.
        secret: Option<&'a SecretHash>,
        /// The id of the certificate that was made for this event already.
        made: Option<&'a str>,
    },
}

/// Plans a thing, its policy and its certificate for a device.
#[must_use]
pub fn provision(applicant: &Applicant<'_>, registered: &Registered, now: SystemTime) -> Plan {
    decide(applicant, registered, now).unwrap_or_else(|denial| {
        let owner = registered.thing.as_ref().and_then(Thing::owner);
        let made = applicant.made().filter(|made| Some(*made) != owner).map(str::to_owned);
        Plan { steps: Vec::from_iter(made.map(Step::DeleteCertificate)), ..Plan::denied(denial) }
    })
}

/// Plans the record of the certificate that fleet provisioning has made for a device.
#[must_use]
pub fn admit(
    device: &ThingName,
    certificate: &str,
    secret: Option<&SecretHash>,
    replace: bool,
    registered: &Registered,
    now: SystemTime,
) -> Plan {
    let record = registered.device.check(secret).and_then(|()| {
        check_unused(registered, Some(certificate), replace, now)?;
        Ok(record_step(device, registered, certificate))
    });
    match record {
        Ok(step) => Plan {
            end: if step.is_some() { End::Provisioned } else { End::Unchanged },
            steps: Vec::from_iter(step),
            certificate: Some(certificate.to_owned()),
        },
        Err(denial) => Plan::denied(denial),
    }
}

impl<'a> Applicant<'a> {
    /// The id of the certificate that was made for this event.
    fn made(&self) -> Option<&'a str> {
        match self.proof {
            Proof::Certificate(_) => None,
            Proof::Request { made, .. } => made,
        }
    }

    /// The certificate that the applicant is to have. `None` if one has to be made.
    fn own<'r>(&self, registered: &'r Registered) -> Result<Option<&'r Certificate>, Denial> {
        let own = match self.proof {
            Proof::Certificate(id) => Some(registered.certificate(id).ok_or(Code::UnknownCertificate)?),
            Proof::Request { request, made, .. } => {
                let owner = registered.thing.as_ref().and_then(Thing::owner);
                let is_made = |known: &Certificate| Some(known.id.as_str()) == made;
                let rank = |known: &&Certificate| {
                    (known.status == Status::Active, Some(known.id.as_str()) == owner, !is_made(known))
                };
                let certificates = registered.certificates.iter();
                certificates.filter(|known| is_made(known) || known.has_key(request.key())).max_by_key(rank)
            }
        };
        match own.map(|own| own.status) {
            Some(Status::Revoked) => Err(Code::Revoked.into()),
            Some(Status::Inactive) if !own.is_some_and(|own| self.may_activate(own)) => {
                Err(Code::Inactive.into())
            }
            Some(Status::Other) => Err(Code::UnexpectedStatus.into()),
            _ => Ok(own),
        }
    }

    /// Whether an INACTIVE certificate is one that an earlier run has made and not finished.
    fn may_activate(&self, own: &Certificate) -> bool {
        matches!(self.proof, Proof::Request { .. }) && own.is_untouched
    }
}

fn decide(applicant: &Applicant<'_>, registered: &Registered, now: SystemTime) -> Result<Plan, Denial> {
    match applicant.proof {
        Proof::Certificate(_) => registered.device.check_expected()?,
        Proof::Request { secret, .. } => registered.device.check(secret)?,
    }
    let own = applicant.own(registered)?;
    if let Some(own) = own.filter(|own| own.status == Status::Active) {
        let steps = discard(applicant, own);
        return Ok(Plan { steps, certificate: Some(own.id.clone()), end: End::Unchanged });
    }
    let retired = check_free(applicant, registered, own, now)?;
    check_unused(registered, own.map(|own| own.id.as_str()), applicant.replace, now)?;
    match (own, applicant.proof) {
        // What was made is not visible yet. A second one would be made in vain.
        (None, Proof::Request { made: Some(_), .. }) => {
            Ok(Plan { steps: Vec::new(), certificate: None, end: End::Again })
        }
        (None, Proof::Request { request, made: None, .. }) => {
            let steps = vec![Step::CreateCertificate { csr: request.pem().to_owned() }];
            Ok(Plan { steps, certificate: None, end: End::Again })
        }
        (None, Proof::Certificate(_)) => Err(Code::UnknownCertificate.into()),
        (Some(own), _) => Ok(Plan {
            steps: steps(applicant, registered, own, &retired),
            certificate: Some(own.id.clone()),
            end: End::Provisioned,
        }),
    }
}

/// Every step from what is registered to an ACTIVE certificate.
fn steps(
    applicant: &Applicant<'_>,
    registered: &Registered,
    own: &Certificate,
    retired: &[&Certificate],
) -> Vec<Step> {
    let thing = || applicant.thing.as_str().to_owned();
    let mut steps = discard(applicant, own);
    steps.extend(bind(applicant, registered, own));
    steps.extend(record_step(applicant.thing, registered, &own.id));
    for other in retired {
        // Deactivated before it is detached: a run that stops in between still finds it.
        if other.status == Status::Active {
            steps.push(Step::Deactivate(other.id.clone()));
        }
        steps.push(Step::DetachThing { thing: thing(), principal: other.arn.clone() });
    }
    steps.push(Step::AttachPolicy { policy: applicant.policy.to_owned(), target: own.arn.clone() });
    steps.push(Step::AttachThing { thing: thing(), principal: own.arn.clone() });
    steps.push(Step::Activate(own.id.clone()));
    steps
}

/// Deletes the certificate that was made for this event, if another run was first.
fn discard(applicant: &Applicant<'_>, own: &Certificate) -> Vec<Step> {
    let made = applicant.made().filter(|made| *made != own.id);
    Vec::from_iter(made.map(|made| Step::DeleteCertificate(made.to_owned())))
}

/// Binds the thing to a certificate, in one call that fails if another certificate was first.
fn bind(applicant: &Applicant<'_>, registered: &Registered, own: &Certificate) -> Option<Step> {
    let name = applicant.thing.as_str().to_owned();
    let mut attributes = applicant.attributes.clone();
    attributes.insert(OWNER.to_owned(), own.id.clone());
    match &registered.thing {
        None => Some(Step::CreateThing { name, attributes }),
        Some(thing) => {
            let is_bound = attributes.iter().all(|(name, value)| thing.attributes.get(name) == Some(value));
            (!is_bound).then_some(Step::UpdateThing { name, attributes, version: thing.version })
        }
    }
}

/// Checks that the thing is free for a certificate. Returns the certificates that it takes the thing from.
fn check_free<'r>(
    applicant: &Applicant<'_>,
    registered: &'r Registered,
    own: Option<&Certificate>,
    now: SystemTime,
) -> Result<Vec<&'r Certificate>, Denial> {
    let Some(thing) = &registered.thing else { return Ok(Vec::new()) };
    let taken = || Err(Denial::from(Code::NameTaken));
    // Unfinished certificates keep the name for a time even with `replace`, so that two runs never alternate.
    let is_held = |other: &Certificate| other.is_unfinished() && !other.is_abandoned(now);
    let mut retired = Vec::new();
    for arn in thing.principals.iter().filter(|arn| own.is_none_or(|own| own.arn != **arn)) {
        match registered.principal(arn) {
            Some(other) if !is_held(other) && (applicant.replace || other.is_abandoned(now)) => {
                retired.push(other);
            }
            _ => return taken(),
        }
    }
    let owner = thing.owner().filter(|owner| own.is_none_or(|own| own.id != **owner));
    match owner.and_then(|owner| registered.certificate(owner)) {
        Some(other) if is_held(other) => taken(),
        _ => Ok(retired),
    }
}

/// Checks that no other certificate was registered for the device, as far as its record says.
fn check_unused(
    registered: &Registered,
    own: Option<&str>,
    replace: bool,
    now: SystemTime,
) -> Result<(), Denial> {
    let recorded = registered.device.record().and_then(|record| record.certificate.as_deref());
    match recorded.filter(|recorded| own != Some(recorded)).and_then(|id| registered.certificate(id)) {
        Some(other) if !replace && !other.is_abandoned(now) => Err(Code::AlreadyUsed.into()),
        _ => Ok(()),
    }
}

/// Writes the certificate's id to the device's row of the table.
fn record_step(device: &ThingName, registered: &Registered, certificate: &str) -> Option<Step> {
    let Lookup::InTable(table, record) = &registered.device else { return None };
    let is_recorded = record.certificate.as_deref() == Some(certificate);
    (!is_recorded).then(|| Step::Record {
        table: table.to_string(),
        device: device.as_str().to_owned(),
        certificate: certificate.to_owned(),
        replaces: record.certificate.clone(),
    })
}
