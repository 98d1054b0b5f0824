//! The records of the registry. Times are milliseconds since 1970 (UTC), ids of certificates 64 hexadecimal digits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::status::{CaStatus, CertificateMode, CertificateStatus};

/// A certificate of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Certificate {
    /// The SHA-256 of the DER encoding.
    pub id: String,
    /// The certificate as it was registered.
    pub pem: String,
    /// Whether it may connect.
    pub status: CertificateStatus,
    /// Whether it may connect without a server name.
    pub mode: CertificateMode,
    /// The registered CA that signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_certificate_id: Option<String>,
    /// Start of the validity, seconds since 1970.
    pub not_before: i64,
    /// End of the validity, seconds since 1970.
    pub not_after: i64,
    /// When it was registered.
    pub created: i64,
    /// When its status changed last.
    pub modified: i64,
    /// How often it was registered or changed, from 1.
    pub customer_version: u32,
    /// AWS's id of this version, a UUID.
    pub generation_id: String,
}

/// A CA certificate, which devices' certificates are registered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CaCertificate {
    /// The SHA-256 of the DER encoding.
    pub id: String,
    /// The certificate as it was registered.
    pub pem: String,
    /// The DER encoding of the subject, hexadecimal. Several CAs can have one subject.
    pub subject: String,
    /// Whether it may register certificates.
    pub status: CaStatus,
    /// Whether the first connect of a device registers its certificate.
    pub auto_registration: bool,
    /// The template of just-in-time provisioning. Without it, a first connect is just-in-time registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_config: Option<RegistrationConfig>,
    /// The mode of its devices' certificates.
    pub mode: CertificateMode,
    /// Start of the validity, seconds since 1970.
    pub not_before: i64,
    /// End of the validity, seconds since 1970.
    pub not_after: i64,
    /// When it was registered.
    pub created: i64,
    /// When it was changed last.
    pub modified: i64,
    /// How often it was registered or changed, from 1.
    pub customer_version: u32,
    /// AWS's id of this version, a UUID.
    pub generation_id: String,
}

/// What just-in-time provisioning does: a template of its own, or one by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegistrationConfig {
    /// The template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_body: Option<String>,
    /// The role that AWS IoT assumes. Any ARN is accepted here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The name of a provisioning template of type JITP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_name: Option<String>,
}

/// A policy with its versions: one to five.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// The versions by number.
    pub versions: BTreeMap<u32, PolicyVersion>,
    /// The version that counts.
    pub default_version: u32,
    /// The number of the newest version that ever was. Numbers are not used twice.
    pub last_version: u32,
    /// When it was created.
    pub created: i64,
    /// When a version or the default was changed last.
    pub modified: i64,
    /// AWS's id of this state, a UUID.
    pub generation_id: String,
}

/// A version of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyVersion {
    /// The document as it was sent.
    pub document: String,
    /// When it was created.
    pub created: i64,
}

impl Policy {
    /// Returns the document of the version that counts.
    #[must_use]
    pub fn default_document(&self) -> Option<&str> {
        self.versions.get(&self.default_version).map(|version| version.document.as_str())
    }
}

/// A thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Thing {
    /// Its name.
    pub name: String,
    /// Its id, a UUID.
    pub id: String,
    /// Its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// Its attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// How often it was created or changed, from 1.
    pub version: u64,
    /// When it was created.
    pub created: i64,
}

/// A thing type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ThingType {
    /// Its name.
    pub name: String,
    /// Its id, a UUID.
    pub id: String,
    /// Its `thingTypeProperties` as they were sent: description, searchable attributes, MQTT 5 configuration.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub properties: Map<String, Value>,
    /// When it was created.
    pub created: i64,
    /// When it was deprecated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<i64>,
}

/// A thing group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ThingGroup {
    /// Its name.
    pub name: String,
    /// Its id, a UUID.
    pub id: String,
    /// The group that it is in. Fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Its description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// How often it was created or changed, from 1.
    pub version: u64,
    /// When it was created.
    pub created: i64,
}
