//! The steps for the certificate of a plan, and what is attached to it.

use std::collections::BTreeSet;

use super::super::plan::{CertificateSource, Plan, PlannedCertificate};
use super::super::resources::Override;
use super::{CertificateState, Conflict, Inventory, MAX_ATTACHED_POLICIES, Step};

pub(super) fn resolve(
    plan: &Plan,
    certificate: &PlannedCertificate,
    id: &str,
    inventory: &impl Inventory,
    steps: &mut Vec<Step>,
) -> Result<(), Conflict> {
    let conflict = |what: String| Conflict::new(&certificate.logical_name, what);
    let existing = inventory.certificate(id);
    if existing.is_none() && matches!(certificate.source, CertificateSource::Id(_)) {
        return Err(conflict(format!("certificate {id} is not registered")));
    }
    let sets_status = match &existing {
        Some(existing) => must_set_status(certificate, id, &existing.status).map_err(conflict)?,
        None => true,
    };
    let existing = existing.unwrap_or_default();
    attach_policies(plan, id, &existing, steps).map_err(conflict)?;
    if let Some(thing) = &plan.thing
        && !existing.things.contains(&thing.name)
    {
        check_exclusive(&thing.name, id, &existing, inventory).map_err(conflict)?;
        steps.push(Step::AttachThing { thing: thing.name.clone(), certificate: id.to_owned() });
    }
    if sets_status {
        steps.push(Step::SetStatus { certificate: id.to_owned(), is_active: certificate.is_active });
    }
    Ok(())
}

fn attach_policies(
    plan: &Plan,
    id: &str,
    existing: &CertificateState,
    steps: &mut Vec<Step>,
) -> Result<(), String> {
    let names: BTreeSet<_> = plan.policies.iter().map(|policy| &policy.name).collect();
    let count = names.iter().filter(|name| !existing.policies.contains(**name)).count();
    if existing.policies.len().saturating_add(count) > MAX_ATTACHED_POLICIES {
        return Err(format!("certificate {id} would have more than {MAX_ATTACHED_POLICIES} policies"));
    }
    for policy in plan.policies.iter().filter(|policy| !existing.policies.contains(&policy.name)) {
        steps.push(Step::AttachPolicy { policy: policy.name.clone(), certificate: id.to_owned() });
    }
    Ok(())
}

/// A thing or a certificate of an exclusive attachment has no other attachment.
fn check_exclusive(
    thing: &str,
    id: &str,
    existing: &CertificateState,
    inventory: &impl Inventory,
) -> Result<(), String> {
    if let Some(other) = &existing.exclusive_thing {
        return Err(format!("certificate {id} is attached to thing {other} exclusively"));
    }
    match inventory.thing(thing).and_then(|thing| thing.exclusive_principal) {
        Some(other) => Err(format!("thing {thing} is attached to {other} exclusively")),
        None => Ok(()),
    }
}

/// A certificate that waits for its activation gets its status without a setting. A revoked one stays revoked.
fn must_set_status(certificate: &PlannedCertificate, id: &str, status: &str) -> Result<bool, String> {
    let wanted = if certificate.is_active { "ACTIVE" } else { "INACTIVE" };
    match (status, certificate.on_status) {
        ("PENDING_ACTIVATION", _) => Ok(true),
        ("ACTIVE" | "INACTIVE", Some(Override::Fail)) => Err(format!(
            "ResourceConflictsException: certificate {id} is {status}; OverrideSettings.Status is FAIL"
        )),
        ("ACTIVE" | "INACTIVE", _) if status == wanted => Ok(false),
        ("ACTIVE" | "INACTIVE", Some(Override::DoNothing)) => Ok(false),
        ("ACTIVE" | "INACTIVE", Some(_)) => Ok(true),
        ("ACTIVE" | "INACTIVE", None) => {
            Err(format!("certificate {id} is {status}, not {wanted}; help: set OverrideSettings.Status"))
        }
        _ => Err(format!("certificate {id} is {status}, and stays so")),
    }
}
