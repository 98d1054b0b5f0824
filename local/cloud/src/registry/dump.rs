//! A registry as the changes that make it.

use super::{Change, DefaultAuthorizer, Record, Registry, ThingGroup};

impl Registry {
    /// Returns changes that make this registry from an empty one.
    pub fn changes(&self) -> impl Iterator<Item = Change> {
        let code = self.registration_code.clone();
        let code = code.map(|code| Change::SetRegistrationCode { code: Some(code) });
        let records = code
            .into_iter()
            .chain(self.ca_certificates.values().cloned().map(Change::PutCaCertificate))
            .chain(self.certificates.values().cloned().map(Change::PutCertificate))
            .chain(self.policies.values().cloned().map(Change::PutPolicy))
            .chain(self.thing_types.values().cloned().map(Change::PutThingType))
            .chain(self.things.values().cloned().map(Change::PutThing))
            .chain(self.groups_from_outside().into_iter().map(Change::PutThingGroup))
            .chain(self.provisioning_templates.values().cloned().map(Change::PutProvisioningTemplate))
            .chain(self.registration_tasks.values().cloned().map(Change::PutRegistrationTask))
            .chain(self.topic_rules.values().cloned().map(Change::PutTopicRule))
            .chain(self.fleet.changes())
            .chain(self.shadows.changes());
        records.chain(self.authorizer_changes()).chain(self.attached())
    }

    fn authorizer_changes(&self) -> impl Iterator<Item = Change> {
        let default = match &self.default_authorizer {
            DefaultAuthorizer::BuiltIn => None,
            DefaultAuthorizer::Named(name) => Some(Some(name.clone())),
            DefaultAuthorizer::Cleared => Some(None),
        };
        let authorizers = self.authorizers.values().cloned().map(Change::PutAuthorizer);
        authorizers
            .chain(default.map(|name| Change::SetDefaultAuthorizer { name }))
            .chain(self.domain_configurations.values().cloned().map(Change::PutDomainConfiguration))
            .chain(self.event_configurations.clone().map(Change::SetEventConfigurations))
    }

    fn attached(&self) -> impl Iterator<Item = Change> {
        let policies = self.attachments.iter().map(|(policy, target, ())| Change::AttachPolicy {
            policy: policy.clone(),
            target: target.clone(),
        });
        let principals = self.principals.iter().map(|(thing, principal, kind)| Change::AttachPrincipal {
            thing: thing.clone(),
            principal: principal.clone(),
            kind,
        });
        let members = self
            .members
            .iter()
            .map(|(group, thing, ())| Change::AddToThingGroup { group: group.clone(), thing: thing.clone() });
        let tags = self
            .tags
            .iter()
            .map(|(resource, tags)| Change::Tag { resource: resource.clone(), tags: tags.clone() });
        policies.chain(principals).chain(members).chain(tags)
    }

    /// Returns the groups, each after the group that it is in.
    fn groups_from_outside(&self) -> Vec<Record<ThingGroup>> {
        let mut groups: Vec<_> = self.thing_groups.values().filter(|group| group.parent.is_none()).collect();
        let mut next = 0;
        while let Some(group) = groups.get(next).copied() {
            groups.extend(self.child_groups(&group.name));
            next = next.saturating_add(1);
        }
        groups.into_iter().cloned().collect()
    }
}
