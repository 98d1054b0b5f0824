//! The changes of the registry, as the files on disk keep them.
//!
//! # File format
//! A change is an object with one member: the name of the change, and its content. Names are stable; a new version may
//! add changes and optional members, and never gives a name another meaning. `put…` creates a record or replaces it as
//! a whole, `remove…` deletes it with everything attached to it. A change that does not fit, such as one of a missing
//! record, has no effect. Each change is made once: `setCertificateStatus` counts.
//!
//! ```json
//! {"putThing":{"name":"sensor","id":"6f4e…","attributes":{"floor":"2"},"version":1,"created":1764400000000}}
//! {"attachPolicy":{"policy":"device","target":"cert/8b1a…"}}
//! {"attachPrincipal":{"thing":"sensor","principal":"cert/8b1a…","type":"NON_EXCLUSIVE_THING"}}
//! {"tag":{"resource":"policy/device","tags":{"team":"a"}}}
//! ```
//!
//! The records are documented with their types. The store describes the lines around the changes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::authorizers::{Authorizer, DomainConfiguration, EventConfigurations};
use super::fleet::{OwnershipToken, ProvisioningClaim};
use super::principal::{PolicyTarget, Principal};
use super::record::Record;
use super::records::{CaCertificate, Certificate, Policy, Thing, ThingGroup, ThingType};
use super::rules::TopicRule;
use super::shadows::Shadow;
use super::status::{CertificateStatus, ThingPrincipalType};
use super::templates::{ProvisioningTemplate, RegistrationTask};

/// One change. A call of the API makes several at once, which are one line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Change {
    /// Registers a certificate, or replaces it.
    PutCertificate(Record<Certificate>),
    /// Changes the status of a certificate.
    SetCertificateStatus {
        /// The certificate id.
        id: String,
        /// The new status.
        status: CertificateStatus,
        /// Now, milliseconds since 1970.
        modified: i64,
        /// The new `generationId`.
        generation_id: String,
    },
    /// Deletes a certificate, its attachments and tags.
    RemoveCertificate {
        /// The certificate id.
        id: String,
    },
    /// Registers a CA certificate, or replaces it.
    PutCaCertificate(Record<CaCertificate>),
    /// Deletes a CA certificate. The certificates that it signed stay.
    RemoveCaCertificate {
        /// The certificate id.
        id: String,
    },
    /// Creates a policy, or replaces it with its versions.
    PutPolicy(Record<Policy>),
    /// Deletes a policy, its attachments and tags.
    RemovePolicy {
        /// The policy's name.
        name: String,
    },
    /// Attaches a policy.
    AttachPolicy {
        /// The policy's name.
        policy: String,
        /// To what.
        target: PolicyTarget,
    },
    /// Detaches a policy.
    DetachPolicy {
        /// The policy's name.
        policy: String,
        /// From what.
        target: PolicyTarget,
    },
    /// Creates a thing, or replaces it.
    PutThing(Record<Thing>),
    /// Deletes a thing, its attachments and memberships.
    RemoveThing {
        /// The thing's name.
        name: String,
    },
    /// Attaches a principal to a thing.
    AttachPrincipal {
        /// The thing's name.
        thing: String,
        /// The principal.
        principal: Principal,
        /// Whether the attachment is exclusive.
        #[serde(rename = "type")]
        kind: ThingPrincipalType,
    },
    /// Detaches a principal from a thing.
    DetachPrincipal {
        /// The thing's name.
        thing: String,
        /// The principal.
        principal: Principal,
    },
    /// Creates a thing type, or replaces it.
    PutThingType(Record<ThingType>),
    /// Deletes a thing type and its tags.
    RemoveThingType {
        /// The type's name.
        name: String,
    },
    /// Creates a thing group, or replaces it.
    PutThingGroup(Record<ThingGroup>),
    /// Deletes a thing group without groups in it, its memberships, policy attachments and tags.
    RemoveThingGroup {
        /// The group's name.
        name: String,
    },
    /// Adds a thing to a group.
    AddToThingGroup {
        /// The group's name.
        group: String,
        /// The thing's name.
        thing: String,
    },
    /// Removes a thing from a group.
    RemoveFromThingGroup {
        /// The group's name.
        group: String,
        /// The thing's name.
        thing: String,
    },
    /// Creates a provisioning template, or replaces it with its versions.
    PutProvisioningTemplate(Record<ProvisioningTemplate>),
    /// Deletes a provisioning template and its tags.
    RemoveProvisioningTemplate {
        /// The template's name.
        name: String,
    },
    /// Starts a bulk registration, or replaces its record.
    PutRegistrationTask(Record<RegistrationTask>),
    /// Creates a topic rule, or replaces it.
    PutTopicRule(Record<TopicRule>),
    /// Deletes a topic rule and its tags.
    RemoveTopicRule {
        /// The rule's name.
        name: String,
    },
    /// Gives a certificate an ownership token, which replaces an earlier one.
    PutOwnershipToken(Record<OwnershipToken>),
    /// Ends an ownership token: it was used, or has expired.
    RemoveOwnershipToken {
        /// The SHA-256 of the token.
        sha256: String,
    },
    /// Creates the claim of a trusted user.
    PutProvisioningClaim(Record<ProvisioningClaim>),
    /// Deletes the claim of a trusted user.
    RemoveProvisioningClaim {
        /// The certificate id of the claim.
        certificate_id: String,
    },
    /// Sets tags of a resource. Its other tags stay.
    Tag {
        /// The resource: its ARN after the account, such as `policy/device`.
        resource: String,
        /// The tags.
        tags: BTreeMap<String, String>,
    },
    /// Removes tags of a resource.
    Untag {
        /// The resource: its ARN after the account.
        resource: String,
        /// The names of the tags.
        keys: BTreeSet<String>,
    },
    /// Sets or deletes the registration code.
    SetRegistrationCode {
        /// The code: 64 hexadecimal digits. Absent: deleted.
        code: Option<String>,
    },
    /// Creates an authorizer, or replaces it.
    PutAuthorizer(Record<Authorizer>),
    /// Deletes an authorizer and its tags.
    RemoveAuthorizer {
        /// The authorizer's name.
        name: String,
    },
    /// Sets or clears the default authorizer.
    SetDefaultAuthorizer {
        /// The authorizer's name. It may be that of the built-in one, which is not in the registry. Absent: no default.
        name: Option<String>,
    },
    /// Creates a domain configuration, or replaces it.
    PutDomainConfiguration(Record<DomainConfiguration>),
    /// Deletes a domain configuration and its tags.
    RemoveDomainConfiguration {
        /// The configuration's name.
        name: String,
    },
    /// Sets the event configurations.
    SetEventConfigurations(Record<EventConfigurations>),
    /// Creates a shadow, replaces it, or records that it was deleted.
    PutShadow(Record<Shadow>),
    /// Removes a shadow and its version.
    RemoveShadow {
        /// The thing's name.
        thing: String,
        /// The shadow's name. Absent: the classic shadow.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
}

impl Change {
    /// Whether the change can have an effect on what a client may do. The states of devices have none, and change
    /// often.
    pub(crate) fn concerns_rights(&self) -> bool {
        !matches!(self, Self::PutShadow(_) | Self::RemoveShadow { .. })
    }
}
