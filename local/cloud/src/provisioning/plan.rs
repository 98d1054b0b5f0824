//! What a template asks for with the parameters of one device: a value, before any of it is done.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::resources::Override;

/// The resources of one device. Every name in it has the alphabet of its kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thing: Option<PlannedThing>,
    /// The certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PlannedCertificate>,
    /// The policies, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PlannedPolicy>,
    /// What the device receives: texts, numbers and booleans. Fleet provisioning only.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub device_configuration: BTreeMap<String, Value>,
}

/// A thing of a plan. A property that the template does not mention is absent, and an existing thing keeps it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedThing {
    /// The name of the resource in the template.
    pub logical_name: String,
    /// The thing name.
    pub name: String,
    /// The attributes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BTreeMap<String, String>>,
    /// The thing type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thing_type: Option<String>,
    /// The thing groups, each once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// The billing group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_group: Option<String>,
    /// What to do with existing attributes.
    #[serde(skip)]
    pub on_attributes: Option<Override>,
    /// What to do with an existing thing type.
    #[serde(skip)]
    pub on_thing_type: Option<Override>,
    /// What to do with existing memberships.
    #[serde(skip)]
    pub on_groups: Option<Override>,
}

/// A certificate of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedCertificate {
    /// The name of the resource in the template.
    pub logical_name: String,
    /// Where it comes from.
    pub source: CertificateSource,
    /// Whether its status becomes `ACTIVE`, else `INACTIVE`.
    pub is_active: bool,
    /// What to do with an existing status.
    #[serde(skip)]
    pub on_status: Option<Override>,
}

/// Where a certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CertificateSource {
    /// It is registered already, with this id.
    Id(String),
    /// It is made from a certificate signing request, PEM.
    Request(String),
    /// It is registered.
    Pem {
        /// The certificate, PEM.
        certificate: String,
        /// The CA certificate that signed it, PEM. Needed if several CAs have one subject.
        #[serde(skip_serializing_if = "Option::is_none")]
        ca: Option<String>,
    },
}

/// A policy of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedPolicy {
    /// The name of the resource in the template.
    pub logical_name: String,
    /// The policy name. With a document: the SHA-256 of the document, so that each device gets the same policy.
    pub name: String,
    /// The document. Without one, the policy must exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
}

/// What was provisioned.
#[derive(Debug, Clone, PartialEq)]
pub struct Provisioned {
    /// The thing's name.
    pub thing: Option<String>,
    /// The certificate, PEM.
    pub certificate_pem: Option<String>,
    /// The ARNs of the resources, by their names in the template.
    pub resource_arns: BTreeMap<String, String>,
    /// What the device receives.
    pub device_configuration: BTreeMap<String, Value>,
}

/// Why a template gives no plan with these parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluationError {
    /// The path of the member, such as `Resources.thing.Properties.ThingName`.
    pub member: String,
    /// The parameter that is missing or unusable, if it is one.
    pub parameter: Option<String>,
    /// What is wrong and what is expected.
    pub what: String,
}

impl EvaluationError {
    pub(super) fn new(member: &str, what: impl Into<String>) -> Self {
        Self { member: member.to_owned(), parameter: None, what: what.into() }
    }

    pub(super) fn parameter(member: &str, parameter: &str, what: impl Into<String>) -> Self {
        Self { parameter: Some(parameter.to_owned()), ..Self::new(member, what) }
    }
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.member)?;
        if let Some(parameter) = &self.parameter {
            write!(f, "parameter {parameter:?}: ")?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for EvaluationError {}
