//! Carries out a provisioning template: all of its changes at once, or none.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::certificates::{self, SentCertificate};
use super::policies::new_policy;
use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::provisioning::{
    CertificateSource, Parameters, Plan, PlannedCertificate, Provisioned, Step, Template, resolve,
};
use crate::registry::{
    Certificate, CertificateStatus, Change, PolicyTarget, Principal, Registry, Thing, ThingPrincipalType,
};

impl Cloud {
    /// Provisions a device: evaluates the template, compares the plan with the registry, and makes the changes that are
    /// left. The same again changes nothing, except that a request gets a new certificate each time.
    ///
    /// # Errors
    /// `ResourceRegistrationFailure` with the parameter, member or conflict; an invalid request or certificate; or
    /// `InternalFailure`. Nothing is changed then.
    pub fn provision(&self, template: &Template, parameters: &Parameters) -> Result<Provisioned, ApiError> {
        let plan = template.evaluate(parameters).map_err(|error| failure(&error))?;
        self.carry_out(&plan, |_| Ok(()))
    }

    /// Makes the changes of a plan that are left, if `check` allows it.
    ///
    /// # Errors
    /// The error of `check`, or those of [`Cloud::provision`]. Nothing is changed then.
    pub(crate) fn carry_out(
        &self,
        plan: &Plan,
        check: impl FnOnce(&Registry) -> Result<(), ApiError>,
    ) -> Result<Provisioned, ApiError> {
        let source = plan.certificate.as_ref().map(|certificate| Source::prepare(self, certificate));
        let source = source.transpose()?;
        let now = self.now();
        self.write(|registry| {
            check(registry)?;
            let new = source.as_ref().map(|source| source.certificate(self, registry)).transpose()?.flatten();
            let id = source.as_ref().map(Source::id);
            let steps = resolve(plan, id, registry).map_err(|conflict| failure(&conflict))?;
            let mut changes: Vec<_> =
                new.iter().cloned().map(|new| Change::PutCertificate(new.into())).collect();
            for step in steps {
                // A new certificate comes with its status.
                if new.is_none() || !matches!(step, Step::SetStatus { .. }) {
                    changes.push(change(step, registry, now));
                }
            }
            let existing = || registry.certificate(id?).map(|certificate| certificate.pem.clone());
            let pem = new.as_ref().map(|new| new.pem.clone()).or_else(existing);
            Ok((changes, provisioned(self, plan, id, pem)))
        })
    }
}

/// Returns the changes that provision a certificate that is registered already, and what they result in.
///
/// # Errors
/// `ResourceRegistrationFailure` with the conflict.
pub(crate) fn provision_registered(
    cloud: &Cloud,
    plan: &Plan,
    id: &str,
    registry: &Registry,
    now: i64,
) -> Result<(Vec<Change>, Provisioned), ApiError> {
    let steps = resolve(plan, Some(id), registry).map_err(|conflict| failure(&conflict))?;
    let changes = steps.into_iter().map(|step| change(step, registry, now)).collect();
    Ok((changes, provisioned(cloud, plan, Some(id), None)))
}

fn failure(error: &dyn std::fmt::Display) -> ApiError {
    ApiError::new(ErrorKind::ResourceRegistrationFailure, error.to_string())
}

/// Where the certificate of a plan comes from, with what needs no registry.
enum Source {
    Existing(String),
    Signed(Box<Certificate>),
    Sent { certificate: SentCertificate, ca: Option<SentCertificate>, status: CertificateStatus },
}

impl Source {
    fn prepare(cloud: &Cloud, planned: &PlannedCertificate) -> Result<Self, ApiError> {
        let status = if planned.is_active { CertificateStatus::Active } else { CertificateStatus::Inactive };
        Ok(match &planned.source {
            CertificateSource::Id(id) => Self::Existing(id.clone()),
            CertificateSource::Request(request) => {
                Self::Signed(Box::new(certificates::sign_request(cloud, request, status)?))
            }
            CertificateSource::Pem { certificate, ca } => Self::Sent {
                certificate: certificates::read_certificate("CertificatePem", certificate)?,
                ca: ca
                    .as_ref()
                    .map(|ca| certificates::read_certificate("CACertificatePem", ca))
                    .transpose()?,
                status,
            },
        })
    }

    fn id(&self) -> &str {
        match self {
            Self::Existing(id) => id,
            Self::Signed(certificate) => &certificate.id,
            Self::Sent { certificate, .. } => &certificate.facts.id,
        }
    }

    /// Returns the certificate, if it must be registered.
    fn certificate(&self, cloud: &Cloud, registry: &Registry) -> Result<Option<Certificate>, ApiError> {
        match self {
            Self::Existing(_) => Ok(None),
            Self::Signed(certificate) => Ok(Some(Certificate::clone(certificate))),
            Self::Sent { certificate, .. } if registry.certificate(&certificate.facts.id).is_some() => {
                Ok(None)
            }
            Self::Sent { certificate, ca, status } => {
                certificates::sent_by_ca(cloud, registry, certificate, ca.as_ref(), *status).map(Some)
            }
        }
    }
}

fn change(step: Step, registry: &Registry, now: i64) -> Change {
    match step {
        // Without billing groups, a plan that names one has no steps.
        Step::CreateThing { name, attributes, thing_type, billing_group: _ } => {
            let id = Uuid::new_v4().to_string();
            let thing = Thing { name, id, type_name: thing_type, attributes, version: 1, created: now };
            Change::PutThing(thing.into())
        }
        Step::UpdateThing { name, attributes, thing_type } => {
            let old = registry.thing(&name);
            let thing = Thing {
                id: old.map_or_else(|| Uuid::new_v4().to_string(), |old| old.id.clone()),
                version: old.map_or(1, |old| old.version.saturating_add(1)),
                created: old.map_or(now, |old| old.created),
                type_name: thing_type,
                attributes,
                name,
            };
            Change::PutThing(thing.into())
        }
        Step::AddToGroup { thing, group } => Change::AddToThingGroup { group, thing },
        Step::RemoveFromGroup { thing, group } => Change::RemoveFromThingGroup { group, thing },
        Step::CreatePolicy { name, document } => Change::PutPolicy(new_policy(name, document, now).into()),
        Step::AttachPolicy { policy, certificate } => {
            Change::AttachPolicy { policy, target: PolicyTarget::certificate(&certificate) }
        }
        Step::AttachThing { thing, certificate } => Change::AttachPrincipal {
            thing,
            principal: Principal::Certificate(certificate),
            kind: ThingPrincipalType::NonExclusive,
        },
        Step::SetStatus { certificate, is_active } => Change::SetCertificateStatus {
            id: certificate,
            status: if is_active { CertificateStatus::Active } else { CertificateStatus::Inactive },
            modified: now,
            generation_id: Uuid::new_v4().to_string(),
        },
    }
}

fn provisioned(cloud: &Cloud, plan: &Plan, id: Option<&str>, pem: Option<String>) -> Provisioned {
    let mut resource_arns = BTreeMap::new();
    if let Some(thing) = &plan.thing {
        let arn = cloud.account().arn(format_args!("thing/{}", thing.name));
        resource_arns.insert(thing.logical_name.clone(), arn);
    }
    if let (Some(certificate), Some(id)) = (&plan.certificate, id) {
        let arn = cloud.account().arn(format_args!("cert/{id}"));
        resource_arns.insert(certificate.logical_name.clone(), arn);
    }
    for policy in &plan.policies {
        let arn = cloud.account().arn(format_args!("policy/{}", policy.name));
        resource_arns.insert(policy.logical_name.clone(), arn);
    }
    Provisioned {
        thing: plan.thing.as_ref().map(|thing| thing.name.clone()),
        certificate_pem: pem,
        resource_arns,
        device_configuration: plan.device_configuration.clone(),
    }
}
