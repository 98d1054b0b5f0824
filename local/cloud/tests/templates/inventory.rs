//! What is registered, as a case describes it.

use std::collections::{BTreeMap, BTreeSet};

use iot_local_cloud::provisioning::{CertificateState, Inventory, Step, ThingState};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Registered {
    things: BTreeMap<String, Thing>,
    types: BTreeSet<String>,
    groups: BTreeSet<String>,
    /// Groups that are in other groups.
    parents: BTreeMap<String, String>,
    billing_groups: BTreeSet<String>,
    certificates: BTreeMap<String, Certificate>,
    policies: BTreeMap<String, String>,
}

#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields, default)]
struct Thing {
    attributes: BTreeMap<String, String>,
    r#type: Option<String>,
    groups: BTreeSet<String>,
    billing: Option<String>,
    exclusive: Option<String>,
}

#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields, default)]
struct Certificate {
    status: String,
    policies: BTreeSet<String>,
    things: BTreeSet<String>,
    exclusive: Option<String>,
}

impl Registered {
    pub(crate) fn read(value: &Value) -> Result<Self, String> {
        if value.is_null() {
            return Ok(Self::default());
        }
        serde_json::from_value(value.clone()).map_err(|error| error.to_string())
    }

    /// What is registered after these steps.
    pub(crate) fn after(&self, steps: &[Step]) -> Self {
        let mut after = self.clone();
        for step in steps {
            match step.clone() {
                Step::CreateThing { name, attributes, thing_type, billing_group } => {
                    let thing =
                        Thing { attributes, r#type: thing_type, billing: billing_group, ..Thing::default() };
                    assert!(after.things.insert(name, thing).is_none());
                }
                Step::UpdateThing { name, attributes, thing_type } => {
                    let thing = after.things.get_mut(&name).unwrap();
                    (thing.attributes, thing.r#type) = (attributes, thing_type);
                }
                Step::AddToGroup { thing, group } => {
                    assert!(after.things.get_mut(&thing).unwrap().groups.insert(group));
                }
                Step::RemoveFromGroup { thing, group } => {
                    assert!(after.things.get_mut(&thing).unwrap().groups.remove(&group));
                }
                Step::CreatePolicy { name, document } => {
                    assert!(after.policies.insert(name, document).is_none());
                }
                Step::AttachPolicy { policy, certificate } => {
                    assert!(after.policies.contains_key(&policy));
                    assert!(after.certificates.entry(certificate).or_default().policies.insert(policy));
                }
                Step::AttachThing { thing, certificate } => {
                    assert!(after.things.contains_key(&thing));
                    assert!(after.certificates.entry(certificate).or_default().things.insert(thing));
                }
                Step::SetStatus { certificate, is_active } => {
                    let status = if is_active { "ACTIVE" } else { "INACTIVE" };
                    after.certificates.entry(certificate).or_default().status = status.to_owned();
                }
            }
        }
        after
    }
}

impl Inventory for Registered {
    fn thing(&self, name: &str) -> Option<ThingState> {
        self.things.get(name).cloned().map(|thing| ThingState {
            attributes: thing.attributes,
            thing_type: thing.r#type,
            groups: thing.groups,
            billing_group: thing.billing,
            exclusive_principal: thing.exclusive,
        })
    }

    fn has_thing_type(&self, name: &str) -> bool {
        self.types.contains(name)
    }

    fn root_group(&self, name: &str) -> Option<String> {
        let root = self.parents.get(name).map_or(name, String::as_str);
        self.groups.contains(name).then(|| root.to_owned())
    }

    fn has_billing_group(&self, name: &str) -> bool {
        self.billing_groups.contains(name)
    }

    fn certificate(&self, id: &str) -> Option<CertificateState> {
        self.certificates.get(id).cloned().map(|certificate| CertificateState {
            status: certificate.status,
            policies: certificate.policies,
            things: certificate.things,
            exclusive_thing: certificate.exclusive,
        })
    }

    fn policy_document(&self, name: &str) -> Option<String> {
        self.policies.get(name).cloned()
    }
}
