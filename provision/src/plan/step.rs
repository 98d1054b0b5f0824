//! A plan as a value: steps, each of which is one call, and how the plan ends.

use std::collections::BTreeMap;

use crate::denial::Denial;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The calls, in their order.
    pub steps: Vec<Step>,
    /// The id of the certificate that the plan is about, if it is known.
    pub certificate: Option<String>,
    /// What the plan comes to once its steps are done.
    pub end: End,
}

impl Plan {
    /// A plan that finds everything done.
    #[must_use]
    pub fn unchanged(certificate: Option<String>) -> Self {
        Self { steps: Vec::new(), certificate, end: End::Unchanged }
    }

    /// A plan that denies and does nothing.
    #[must_use]
    pub fn denied(denial: impl Into<Denial>) -> Self {
        Self { steps: Vec::new(), certificate: None, end: End::Denied(denial.into()) }
    }
}

/// How a plan ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// What is registered has changed; plan again.
    Again,
    /// The device has what it asked for.
    Provisioned,
    /// The device had it before.
    Unchanged,
    /// The device gets nothing.
    Denied(Denial),
}

/// One call that changes something. Each can be made twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// CreateCertificateFromCsr: an INACTIVE certificate.
    CreateCertificate {
        /// PKCS #10 in PEM.
        csr: String,
    },
    /// DeleteCertificate, by its id. It has no policy and no thing.
    DeleteCertificate(String),
    /// CreateThing. A thing with other attributes is a conflict.
    CreateThing {
        /// The thing.
        name: String,
        /// All its attributes.
        attributes: BTreeMap<String, String>,
    },
    /// UpdateThing. Another version is a conflict.
    UpdateThing {
        /// The thing.
        name: String,
        /// Attributes to set; others stay.
        attributes: BTreeMap<String, String>,
        /// The version that the plan was made for.
        version: u64,
    },
    /// UpdateItem: the certificate of a device. A row with another certificate is a conflict.
    Record {
        /// The table.
        table: String,
        /// The key of the row.
        device: String,
        /// The id of the certificate.
        certificate: String,
        /// The id that the row has now.
        replaces: Option<String>,
    },
    /// AttachPolicy.
    AttachPolicy {
        /// The policy.
        policy: String,
        /// The ARN of a certificate, or the id of a Cognito identity.
        target: String,
    },
    /// AttachThingPrincipal.
    AttachThing {
        /// The thing.
        thing: String,
        /// The ARN of a certificate.
        principal: String,
    },
    /// DetachThingPrincipal.
    DetachThing {
        /// The thing.
        thing: String,
        /// The ARN of a certificate.
        principal: String,
    },
    /// UpdateCertificate to INACTIVE, by its id.
    Deactivate(String),
    /// UpdateCertificate to ACTIVE, by its id.
    Activate(String),
    /// Publish with QoS 1.
    Publish {
        /// The topic.
        topic: String,
        /// JSON.
        payload: String,
    },
}

impl Step {
    /// AWS's name of the call.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::CreateCertificate { .. } => "CreateCertificateFromCsr",
            Self::DeleteCertificate(_) => "DeleteCertificate",
            Self::CreateThing { .. } => "CreateThing",
            Self::UpdateThing { .. } => "UpdateThing",
            Self::Record { .. } => "UpdateItem",
            Self::AttachPolicy { .. } => "AttachPolicy",
            Self::AttachThing { .. } => "AttachThingPrincipal",
            Self::DetachThing { .. } => "DetachThingPrincipal",
            Self::Deactivate(_) | Self::Activate(_) => "UpdateCertificate",
            Self::Publish { .. } => "Publish",
        }
    }
}
