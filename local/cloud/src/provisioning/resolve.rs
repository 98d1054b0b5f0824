//! From a plan and what is registered to the steps that are left to do. The same plan a second time has no steps.

mod certificate;
mod thing;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::plan::{Plan, PlannedPolicy};

/// The most policies of one certificate.
const MAX_ATTACHED_POLICIES: usize = 10;

/// What is registered.
pub trait Inventory {
    /// Returns a thing.
    fn thing(&self, name: &str) -> Option<ThingState>;
    /// Returns whether a thing type exists and is not deprecated.
    fn has_thing_type(&self, name: &str) -> bool;
    /// Returns the outermost group that a thing group is in, which may be itself. `None` for an unknown group.
    fn root_group(&self, name: &str) -> Option<String>;
    /// Returns whether a billing group exists.
    fn has_billing_group(&self, name: &str) -> bool;
    /// Returns a certificate.
    fn certificate(&self, id: &str) -> Option<CertificateState>;
    /// Returns the document of a policy's default version.
    fn policy_document(&self, name: &str) -> Option<String>;
}

/// What is registered of a thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ThingState {
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// Its type.
    pub thing_type: Option<String>,
    /// The groups that it is a direct member of.
    pub groups: BTreeSet<String>,
    /// Its billing group.
    pub billing_group: Option<String>,
    /// The principal that the thing is attached to exclusively.
    pub exclusive_principal: Option<String>,
}

/// What is registered of a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateState {
    /// AWS's name of its status, such as `PENDING_ACTIVATION`.
    pub status: String,
    /// The policies that are attached to it.
    pub policies: BTreeSet<String>,
    /// The things that it is attached to.
    pub things: BTreeSet<String>,
    /// The thing that it is attached to exclusively.
    pub exclusive_thing: Option<String>,
}

/// One step, in the order in which a plan is carried out. The status comes last: nothing is active before it has its
/// policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Step {
    /// Creates a thing.
    CreateThing {
        /// The thing name.
        name: String,
        /// Its attributes.
        attributes: BTreeMap<String, String>,
        /// Its type.
        thing_type: Option<String>,
        /// Its billing group.
        billing_group: Option<String>,
    },
    /// Replaces the attributes and the type of a thing.
    UpdateThing {
        /// The thing name.
        name: String,
        /// All its attributes.
        attributes: BTreeMap<String, String>,
        /// Its type.
        thing_type: Option<String>,
    },
    /// Adds a thing to a group.
    AddToGroup {
        /// The thing name.
        thing: String,
        /// The group name.
        group: String,
    },
    /// Removes a thing from a group.
    RemoveFromGroup {
        /// The thing name.
        thing: String,
        /// The group name.
        group: String,
    },
    /// Creates a policy.
    CreatePolicy {
        /// The policy name.
        name: String,
        /// The document.
        document: String,
    },
    /// Attaches a policy to the certificate.
    AttachPolicy {
        /// The policy name.
        policy: String,
        /// The certificate id.
        certificate: String,
    },
    /// Attaches the certificate to the thing.
    AttachThing {
        /// The thing name.
        thing: String,
        /// The certificate id.
        certificate: String,
    },
    /// Sets the status of the certificate.
    SetStatus {
        /// The certificate id.
        certificate: String,
        /// `ACTIVE`, else `INACTIVE`.
        is_active: bool,
    },
}

/// Why a plan does not fit what is registered. Nothing is changed then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The name of the resource in the template.
    pub logical_name: String,
    /// What conflicts, and what would change it.
    pub what: String,
}

/// Decides what is left to do. `certificate_id` is the id of the plan's certificate; a certificate made from a request,
/// or registered from its PEM, need not be in the inventory yet.
///
/// # Errors
/// See [`Conflict`].
pub fn resolve(
    plan: &Plan,
    certificate_id: Option<&str>,
    inventory: &impl Inventory,
) -> Result<Vec<Step>, Conflict> {
    let mut steps = Vec::new();
    if let Some(thing) = &plan.thing {
        thing::resolve(thing, inventory, &mut steps)?;
    }
    for policy in &plan.policies {
        resolve_policy(policy, inventory, &mut steps)?;
    }
    if let (Some(certificate), Some(id)) = (&plan.certificate, certificate_id) {
        certificate::resolve(plan, certificate, id, inventory, &mut steps)?;
    }
    Ok(steps)
}

/// A policy made from a document has the document's hash as its name, so that each device gets the same policy.
fn resolve_policy(
    policy: &PlannedPolicy,
    inventory: &impl Inventory,
    steps: &mut Vec<Step>,
) -> Result<(), Conflict> {
    let name = &policy.name;
    match (&policy.document, inventory.policy_document(name)) {
        (None, Some(_)) => Ok(()),
        (None, None) => Err(Conflict::new(&policy.logical_name, format!("policy {name} does not exist"))),
        (Some(document), None) => {
            steps.push(Step::CreatePolicy { name: name.clone(), document: document.clone() });
            Ok(())
        }
        (Some(document), Some(existing)) if *document == existing => Ok(()),
        (Some(_), Some(_)) => Err(Conflict::new(
            &policy.logical_name,
            format!("policy {name} has another default version than the template's document"),
        )),
    }
}

impl Conflict {
    fn new(logical_name: &str, what: impl Into<String>) -> Self {
        Self { logical_name: logical_name.to_owned(), what: what.into() }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resources.{}: {}", self.logical_name, self.what)
    }
}

impl std::error::Error for Conflict {}
