//! Makes changes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Certificate, Change, DefaultAuthorizer, PolicyTarget, Principal, Record, Registry, ThingGroup};

impl Registry {
    /// Makes a change. A change that does not fit, such as one of a missing thing, does nothing.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::PutCertificate(_)
            | Change::SetCertificateStatus { .. }
            | Change::RemoveCertificate { .. }
            | Change::PutCaCertificate(_)
            | Change::RemoveCaCertificate { .. }
            | Change::SetRegistrationCode { .. } => self.apply_to_certificates(change),
            Change::PutPolicy(_)
            | Change::RemovePolicy { .. }
            | Change::AttachPolicy { .. }
            | Change::DetachPolicy { .. } => self.apply_to_policies(change),
            Change::PutThing(_)
            | Change::RemoveThing { .. }
            | Change::AttachPrincipal { .. }
            | Change::DetachPrincipal { .. }
            | Change::PutThingType(_)
            | Change::RemoveThingType { .. } => self.apply_to_things(change),
            Change::PutThingGroup(_)
            | Change::RemoveThingGroup { .. }
            | Change::AddToThingGroup { .. }
            | Change::RemoveFromThingGroup { .. } => self.apply_to_groups(change),
            Change::PutAuthorizer(_)
            | Change::RemoveAuthorizer { .. }
            | Change::SetDefaultAuthorizer { .. }
            | Change::PutDomainConfiguration(_)
            | Change::RemoveDomainConfiguration { .. }
            | Change::SetEventConfigurations(_) => self.apply_to_authorizers(change),
            Change::PutProvisioningTemplate(_)
            | Change::RemoveProvisioningTemplate { .. }
            | Change::PutRegistrationTask(_) => self.apply_to_templates(change),
            Change::PutTopicRule(_) | Change::RemoveTopicRule { .. } => self.apply_to_rules(change),
            Change::PutOwnershipToken(_)
            | Change::RemoveOwnershipToken { .. }
            | Change::PutProvisioningClaim(_)
            | Change::RemoveProvisioningClaim { .. } => self.apply_to_fleet(change),
            Change::Tag { .. } | Change::Untag { .. } => self.apply_to_tags(change),
            Change::PutShadow(_) | Change::RemoveShadow { .. } => self.apply_to_shadows(change),
        }
    }

    fn apply_to_certificates(&mut self, change: &Change) {
        match change {
            Change::PutCertificate(certificate) => self.put_certificate(certificate),
            Change::SetCertificateStatus { id, status, modified, generation_id } => {
                let Some(certificate) = self.certificates.get(id) else { return };
                let changed = Certificate {
                    status: *status,
                    modified: *modified,
                    generation_id: generation_id.clone(),
                    customer_version: certificate.customer_version.saturating_add(1),
                    ..Certificate::clone(certificate)
                };
                self.put_certificate(&changed.into());
            }
            Change::RemoveCertificate { id } => {
                let Some(removed) = self.certificates.remove(id) else { return };
                self.unindex_certificate(&removed);
                self.attachments.remove_right(&PolicyTarget::certificate(id));
                self.principals.remove_right(&Principal::Certificate(id.clone()));
                self.fleet.remove_token_of(id);
                self.tags.remove(&format!("cert/{id}"));
            }
            Change::PutCaCertificate(ca) => {
                if let Some(old) = self.ca_certificates.insert(ca.id.clone(), ca.clone()) {
                    unindex(&mut self.cas_by_subject, &old.subject, &old.id);
                }
                index(&mut self.cas_by_subject, &ca.subject, &ca.id);
            }
            Change::RemoveCaCertificate { id } => {
                let Some(removed) = self.ca_certificates.remove(id) else { return };
                unindex(&mut self.cas_by_subject, &removed.subject, id);
                self.tags.remove(&format!("cacert/{id}"));
            }
            Change::SetRegistrationCode { code } => self.registration_code.clone_from(code),
            _ => {}
        }
    }

    fn put_certificate(&mut self, certificate: &Record<Certificate>) {
        if let Some(ca) = &certificate.ca_certificate_id {
            index(&mut self.certificates_by_ca, ca, &certificate.id);
        }
        let old = self.certificates.insert(certificate.id.clone(), certificate.clone());
        if let Some(old) = old.filter(|old| old.ca_certificate_id != certificate.ca_certificate_id) {
            self.unindex_certificate(&old);
        }
    }

    fn unindex_certificate(&mut self, certificate: &Certificate) {
        if let Some(ca) = &certificate.ca_certificate_id {
            unindex(&mut self.certificates_by_ca, ca, &certificate.id);
        }
    }

    fn apply_to_policies(&mut self, change: &Change) {
        match change {
            Change::PutPolicy(policy) => {
                self.policies.insert(policy.name.clone(), policy.clone());
            }
            Change::RemovePolicy { name } => {
                self.policies.remove(name);
                self.attachments.remove_left(name);
                self.tags.remove(&format!("policy/{name}"));
            }
            Change::AttachPolicy { policy, target }
                if self.policies.contains_key(policy) && self.has_target(target) =>
            {
                self.attachments.insert(policy, target, ());
            }
            Change::DetachPolicy { policy, target } => self.attachments.remove(policy, target),
            _ => {}
        }
    }

    /// Returns whether a target exists. Identities exist outside of the registry.
    #[must_use]
    pub fn has_target(&self, target: &PolicyTarget) -> bool {
        match target {
            PolicyTarget::Principal(principal) => self.has_principal(principal),
            PolicyTarget::ThingGroup(name) => self.thing_groups.contains_key(name),
        }
    }

    /// Returns whether a principal exists. Identities exist outside of the registry.
    #[must_use]
    pub fn has_principal(&self, principal: &Principal) -> bool {
        match principal {
            Principal::Certificate(id) => self.certificates.contains_key(id),
            Principal::CognitoIdentity(_) => true,
        }
    }

    fn apply_to_things(&mut self, change: &Change) {
        match change {
            Change::PutThing(thing) => {
                let old = self.things.insert(thing.name.clone(), thing.clone());
                if let Some(name) = old.as_ref().and_then(|old| old.type_name.as_ref()) {
                    unindex(&mut self.things_by_type, name, &thing.name);
                }
                if let Some(name) = &thing.type_name {
                    index(&mut self.things_by_type, name, &thing.name);
                }
            }
            Change::RemoveThing { name } => {
                let Some(removed) = self.things.remove(name) else { return };
                if let Some(type_name) = &removed.type_name {
                    unindex(&mut self.things_by_type, type_name, name);
                }
                self.principals.remove_left(name);
                self.members.remove_right(name);
            }
            Change::AttachPrincipal { thing, principal, kind }
                if self.things.contains_key(thing) && self.has_principal(principal) =>
            {
                self.principals.insert(thing, principal, *kind);
            }
            Change::DetachPrincipal { thing, principal } => self.principals.remove(thing, principal),
            Change::PutThingType(thing_type) => {
                self.thing_types.insert(thing_type.name.clone(), thing_type.clone());
            }
            Change::RemoveThingType { name } => {
                self.thing_types.remove(name);
                self.tags.remove(&format!("thingtype/{name}"));
            }
            _ => {}
        }
    }

    fn apply_to_groups(&mut self, change: &Change) {
        match change {
            Change::PutThingGroup(group) => self.put_group(group),
            // Its groups would lose their parent.
            Change::RemoveThingGroup { name } if self.groups_by_parent.contains_key(name) => {}
            Change::RemoveThingGroup { name } => {
                let Some(removed) = self.thing_groups.remove(name) else { return };
                if let Some(parent) = &removed.parent {
                    unindex(&mut self.groups_by_parent, parent, name);
                }
                self.members.remove_left(name);
                self.attachments.remove_right(&PolicyTarget::ThingGroup(name.clone()));
                self.tags.remove(&format!("thinggroup/{name}"));
            }
            Change::AddToThingGroup { group, thing }
                if self.thing_groups.contains_key(group) && self.things.contains_key(thing) =>
            {
                self.members.insert(group, thing, ());
            }
            Change::RemoveFromThingGroup { group, thing } => self.members.remove(group, thing),
            _ => {}
        }
    }

    /// The parent of a group is fixed, and exists before it: groups form trees.
    fn put_group(&mut self, group: &Record<ThingGroup>) {
        let fits = match (self.thing_groups.get(&group.name), &group.parent) {
            (Some(old), parent) => old.parent == *parent,
            (None, Some(parent)) => self.thing_groups.contains_key(parent),
            (None, None) => true,
        };
        if !fits {
            return;
        }
        if let Some(parent) = &group.parent {
            index(&mut self.groups_by_parent, parent, &group.name);
        }
        self.thing_groups.insert(group.name.clone(), group.clone());
    }

    fn apply_to_authorizers(&mut self, change: &Change) {
        match change {
            Change::PutAuthorizer(authorizer) => {
                self.authorizers.insert(authorizer.name.clone(), authorizer.clone());
            }
            Change::RemoveAuthorizer { name } => {
                self.authorizers.remove(name);
                self.tags.remove(&format!("authorizer/{name}"));
            }
            Change::SetDefaultAuthorizer { name } => {
                let name = name.clone().map(DefaultAuthorizer::Named);
                self.default_authorizer = name.unwrap_or(DefaultAuthorizer::Cleared);
            }
            Change::PutDomainConfiguration(domain) => {
                self.domain_configurations.insert(domain.name.clone(), domain.clone());
            }
            Change::RemoveDomainConfiguration { name } => {
                if let Some(removed) = self.domain_configurations.remove(name) {
                    self.tags.remove(&removed.resource());
                }
            }
            Change::SetEventConfigurations(events) => self.event_configurations = Some(events.clone()),
            _ => {}
        }
    }

    fn apply_to_tags(&mut self, change: &Change) {
        match change {
            Change::Tag { resource, tags } if !tags.is_empty() => {
                self.tags.entry(resource.clone()).or_default().extend(tags.clone());
            }
            Change::Untag { resource, keys } => {
                let Some(tags) = self.tags.get_mut(resource) else { return };
                tags.retain(|key, _| !keys.contains(key));
                if tags.is_empty() {
                    self.tags.remove(resource);
                }
            }
            _ => {}
        }
    }
}

fn index(index: &mut BTreeMap<String, BTreeSet<String>>, key: &str, name: &str) {
    index.entry(key.to_owned()).or_default().insert(name.to_owned());
}

fn unindex(index: &mut BTreeMap<String, BTreeSet<String>>, key: &str, name: &str) {
    if let Some(names) = index.get_mut(key) {
        names.remove(name);
        if names.is_empty() {
            index.remove(key);
        }
    }
}
