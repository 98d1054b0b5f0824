//! The registry as data: certificates, policies, things, and what is attached to what. No I/O, no clock.
//!
//! Each lookup is a search in a tree, so that a call with one certificate or thing takes as long in a fleet of
//! 10,000 as in one of 10. Iterators over all records are for lists.

mod authorizers;
mod fleet;
mod principal;
mod record;
mod records;
mod relation;
mod rules;
mod shadows;
mod status;
mod templates;

mod apply;
mod change;
mod dump;

use std::collections::{BTreeMap, BTreeSet};

pub use self::authorizers::{
    Authorizer, AuthorizerConfig, DefaultAuthorizer, DomainConfiguration, EventConfigurations,
};
pub use self::change::Change;
pub use self::fleet::{OwnershipToken, ProvisioningClaim};
pub use self::principal::{InvalidPrincipal, PolicyTarget, Principal};
pub use self::record::Record;
pub use self::records::{
    CaCertificate, Certificate, Policy, PolicyVersion, RegistrationConfig, Thing, ThingGroup, ThingType,
};
pub use self::rules::TopicRule;
pub use self::shadows::{Shadow, ShadowSections};
pub use self::status::{
    ApplicationProtocol, AuthenticationType, AuthorizerStatus, CaStatus, CertificateMode, CertificateStatus,
    DomainConfigurationStatus, EventType, TaskStatus, TemplateType, ThingPrincipalType,
};
pub use self::templates::{ProvisioningHook, ProvisioningTemplate, RegistrationTask, TemplateVersion};

use self::fleet::FleetRecords;
use self::relation::Relation;
use self::shadows::ShadowRecords;

/// All that one account has registered in one Region. Changed only by [`Registry::apply`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Registry {
    certificates: BTreeMap<String, Record<Certificate>>,
    ca_certificates: BTreeMap<String, Record<CaCertificate>>,
    policies: BTreeMap<String, Record<Policy>>,
    things: BTreeMap<String, Record<Thing>>,
    thing_types: BTreeMap<String, Record<ThingType>>,
    thing_groups: BTreeMap<String, Record<ThingGroup>>,
    provisioning_templates: BTreeMap<String, Record<ProvisioningTemplate>>,
    registration_tasks: BTreeMap<String, Record<RegistrationTask>>,
    topic_rules: BTreeMap<String, Record<TopicRule>>,
    /// Policy names and their targets.
    attachments: Relation<String, PolicyTarget>,
    /// Thing names and their principals.
    principals: Relation<String, Principal, ThingPrincipalType>,
    /// Group names and their things.
    members: Relation<String, String>,
    /// Tags by resource, such as `policy/device`.
    tags: BTreeMap<String, BTreeMap<String, String>>,
    registration_code: Option<String>,
    authorizers: BTreeMap<String, Record<Authorizer>>,
    default_authorizer: DefaultAuthorizer,
    domain_configurations: BTreeMap<String, Record<DomainConfiguration>>,
    event_configurations: Option<Record<EventConfigurations>>,
    fleet: FleetRecords,
    shadows: ShadowRecords,
    // Derived from the records above.
    cas_by_subject: BTreeMap<String, BTreeSet<String>>,
    certificates_by_ca: BTreeMap<String, BTreeSet<String>>,
    things_by_type: BTreeMap<String, BTreeSet<String>>,
    groups_by_parent: BTreeMap<String, BTreeSet<String>>,
}

/// Certificates.
impl Registry {
    /// Returns a certificate by its id.
    #[must_use]
    pub fn certificate(&self, id: &str) -> Option<&Record<Certificate>> {
        self.certificates.get(id)
    }

    /// Returns all certificates, by id.
    pub fn certificates(&self) -> impl Iterator<Item = &Record<Certificate>> {
        self.certificates.values()
    }

    /// Returns a CA certificate by its id.
    #[must_use]
    pub fn ca_certificate(&self, id: &str) -> Option<&Record<CaCertificate>> {
        self.ca_certificates.get(id)
    }

    /// Returns all CA certificates, by id.
    pub fn ca_certificates(&self) -> impl Iterator<Item = &Record<CaCertificate>> {
        self.ca_certificates.values()
    }

    /// Returns the CA certificates of a subject, which is its DER encoding in hexadecimal.
    pub fn ca_certificates_of_subject<'a>(
        &'a self,
        subject: &str,
    ) -> impl Iterator<Item = &'a Record<CaCertificate>> + use<'a> {
        found(&self.cas_by_subject, subject, &self.ca_certificates)
    }

    /// Returns the certificates that were registered with a CA, by id.
    pub fn certificates_of_ca<'a>(
        &'a self,
        ca_certificate_id: &str,
    ) -> impl Iterator<Item = &'a Record<Certificate>> + use<'a> {
        found(&self.certificates_by_ca, ca_certificate_id, &self.certificates)
    }

    /// Returns the registration code, if there is one.
    #[must_use]
    pub fn registration_code(&self) -> Option<&str> {
        self.registration_code.as_deref()
    }
}

/// Policies.
impl Registry {
    /// Returns a policy by its name.
    #[must_use]
    pub fn policy(&self, name: &str) -> Option<&Record<Policy>> {
        self.policies.get(name)
    }

    /// Returns all policies, by name.
    pub fn policies(&self) -> impl Iterator<Item = &Record<Policy>> {
        self.policies.values()
    }

    /// Returns the policies that are attached to a target itself, by name.
    pub fn policies_of<'a>(
        &'a self,
        target: &PolicyTarget,
    ) -> impl Iterator<Item = &'a Record<Policy>> + use<'a> {
        self.attachments.lefts_of(target.clone()).filter_map(|(name, ())| self.policies.get(name))
    }

    /// Returns the targets of a policy, in order.
    pub fn targets_of<'a>(&'a self, policy: &str) -> impl Iterator<Item = &'a PolicyTarget> + use<'a> {
        self.attachments.rights_of(policy.to_owned()).map(|(target, ())| target)
    }

    /// Returns whether a policy is attached to a target itself.
    #[must_use]
    pub fn is_attached(&self, policy: &str, target: &PolicyTarget) -> bool {
        self.attachments.get(policy.to_owned(), target.clone()).is_some()
    }
}

/// Things.
impl Registry {
    /// Returns a thing by its name.
    #[must_use]
    pub fn thing(&self, name: &str) -> Option<&Record<Thing>> {
        self.things.get(name)
    }

    /// Returns all things, by name.
    pub fn things(&self) -> impl Iterator<Item = &Record<Thing>> {
        self.things.values()
    }

    /// Returns the principals of a thing.
    pub fn principals_of<'a>(
        &'a self,
        thing: &str,
    ) -> impl Iterator<Item = (&'a Principal, ThingPrincipalType)> + use<'a> {
        self.principals.rights_of(thing.to_owned())
    }

    /// Returns the things of a principal, by name.
    pub fn things_of<'a>(
        &'a self,
        principal: &Principal,
    ) -> impl Iterator<Item = (&'a Record<Thing>, ThingPrincipalType)> + use<'a> {
        let things = self.principals.lefts_of(principal.clone());
        things.filter_map(|(name, kind)| self.things.get(name).map(|thing| (thing, kind)))
    }

    /// Returns how a principal is attached to a thing, if it is.
    #[must_use]
    pub fn thing_principal(&self, thing: &str, principal: &Principal) -> Option<ThingPrincipalType> {
        self.principals.get(thing.to_owned(), principal.clone())
    }

    /// Returns a thing type by its name.
    #[must_use]
    pub fn thing_type(&self, name: &str) -> Option<&Record<ThingType>> {
        self.thing_types.get(name)
    }

    /// Returns all thing types, by name.
    pub fn thing_types(&self) -> impl Iterator<Item = &Record<ThingType>> {
        self.thing_types.values()
    }

    /// Returns the things of a type, by name.
    pub fn things_of_type<'a>(
        &'a self,
        thing_type: &str,
    ) -> impl Iterator<Item = &'a Record<Thing>> + use<'a> {
        found(&self.things_by_type, thing_type, &self.things)
    }
}

/// Thing groups.
impl Registry {
    /// Returns a thing group by its name.
    #[must_use]
    pub fn thing_group(&self, name: &str) -> Option<&Record<ThingGroup>> {
        self.thing_groups.get(name)
    }

    /// Returns all thing groups, by name.
    pub fn thing_groups(&self) -> impl Iterator<Item = &Record<ThingGroup>> {
        self.thing_groups.values()
    }

    /// Returns the groups that are directly in a group, by name.
    pub fn child_groups<'a>(
        &'a self,
        parent: &str,
    ) -> impl Iterator<Item = &'a Record<ThingGroup>> + use<'a> {
        found(&self.groups_by_parent, parent, &self.thing_groups)
    }

    /// Returns a group and the groups that it is in, from the inside out.
    pub fn group_and_parents<'a>(
        &'a self,
        name: &str,
    ) -> impl Iterator<Item = &'a Record<ThingGroup>> + use<'a> {
        let parent = |group: &&'a Record<ThingGroup>| self.thing_group(group.parent.as_deref()?);
        std::iter::successors(self.thing_group(name), parent)
    }

    /// Returns the groups that a thing is directly in, by name.
    pub fn groups_of<'a>(&'a self, thing: &str) -> impl Iterator<Item = &'a Record<ThingGroup>> + use<'a> {
        self.members.lefts_of(thing.to_owned()).filter_map(|(name, ())| self.thing_groups.get(name))
    }

    /// Returns the things that are directly in a group, by name.
    pub fn things_in_group<'a>(&'a self, group: &str) -> impl Iterator<Item = &'a Record<Thing>> + use<'a> {
        self.members.rights_of(group.to_owned()).filter_map(|(name, ())| self.things.get(name))
    }
}

/// Authorizers, domains, events.
impl Registry {
    /// Returns an authorizer by its name. The gateway's built-in one is not in the registry.
    #[must_use]
    pub fn authorizer(&self, name: &str) -> Option<&Record<Authorizer>> {
        self.authorizers.get(name)
    }

    /// Returns all authorizers, by name.
    pub fn authorizers(&self) -> impl Iterator<Item = &Record<Authorizer>> {
        self.authorizers.values()
    }

    /// Returns which authorizer is the default.
    #[must_use]
    pub fn default_authorizer(&self) -> &DefaultAuthorizer {
        &self.default_authorizer
    }

    /// Returns a domain configuration by its name.
    #[must_use]
    pub fn domain_configuration(&self, name: &str) -> Option<&Record<DomainConfiguration>> {
        self.domain_configurations.get(name)
    }

    /// Returns all domain configurations, by name.
    pub fn domain_configurations(&self) -> impl Iterator<Item = &Record<DomainConfiguration>> {
        self.domain_configurations.values()
    }

    /// Returns the event configurations, if they were ever set.
    #[must_use]
    pub fn event_configurations(&self) -> Option<&EventConfigurations> {
        self.event_configurations.as_deref()
    }
}

/// Tags.
impl Registry {
    /// Returns the tags of a resource, which is its ARN after the account, such as `policy/device`.
    #[must_use]
    pub fn tags(&self, resource: &str) -> Option<&BTreeMap<String, String>> {
        self.tags.get(resource)
    }
}

/// Returns the records of a key of an index.
fn found<'a, T>(
    index: &'a BTreeMap<String, BTreeSet<String>>,
    key: &str,
    records: &'a BTreeMap<String, Record<T>>,
) -> impl Iterator<Item = &'a Record<T>> + use<'a, T> {
    index.get(key).into_iter().flatten().filter_map(|name| records.get(name))
}

#[cfg(test)]
mod tests;
