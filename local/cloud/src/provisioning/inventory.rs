//! The registry as a plan sees it.

use super::resolve::{CertificateState, Inventory, ThingState};
use crate::registry::{PolicyTarget, Principal, Registry, ThingPrincipalType};

impl Inventory for Registry {
    fn thing(&self, name: &str) -> Option<ThingState> {
        let thing = Self::thing(self, name)?;
        let exclusive = self.principals_of(name).find(|(_, kind)| *kind == ThingPrincipalType::Exclusive);
        Some(ThingState {
            attributes: thing.attributes.clone(),
            thing_type: thing.type_name.clone(),
            groups: self.groups_of(name).map(|group| group.name.clone()).collect(),
            billing_group: None,
            exclusive_principal: exclusive.map(|(principal, _)| principal.to_string()),
        })
    }

    fn has_thing_type(&self, name: &str) -> bool {
        self.thing_type(name).is_some_and(|thing_type| thing_type.deprecated.is_none())
    }

    fn root_group(&self, name: &str) -> Option<String> {
        self.group_and_parents(name).last().map(|group| group.name.clone())
    }

    /// There are no billing groups here.
    fn has_billing_group(&self, _name: &str) -> bool {
        false
    }

    fn certificate(&self, id: &str) -> Option<CertificateState> {
        let certificate = Self::certificate(self, id)?;
        let principal = Principal::Certificate(id.to_owned());
        let exclusive = self.things_of(&principal).find(|(_, kind)| *kind == ThingPrincipalType::Exclusive);
        Some(CertificateState {
            status: certificate.status.name().to_owned(),
            policies: self
                .policies_of(&PolicyTarget::certificate(id))
                .map(|policy| policy.name.clone())
                .collect(),
            things: self.things_of(&principal).map(|(thing, _)| thing.name.clone()).collect(),
            exclusive_thing: exclusive.map(|(thing, _)| thing.name.clone()),
        })
    }

    fn policy_document(&self, name: &str) -> Option<String> {
        self.policy(name)?.default_document().map(str::to_owned)
    }
}
