//! Who holds rights: certificates, Cognito identities and thing groups, as the registry names them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::account::Account;

const CERTIFICATE: &str = "cert/";
const IDENTITY: &str = "identity/";
const THING_GROUP: &str = "thinggroup/";

/// A principal of AWS IoT. The registry keeps it as text: `cert/CERTIFICATE_ID` or `identity/REGION:UUID`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Principal {
    /// A certificate, by its id.
    Certificate(String),
    /// An identity of a Cognito identity pool, by its id, such as `us-east-1:11111111-2222-4333-8444-555555555555`.
    CognitoIdentity(String),
}

/// What a policy is attached to. The registry keeps it as text: a [`Principal`] or `thinggroup/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum PolicyTarget {
    /// A certificate or an identity.
    Principal(Principal),
    /// A thing group, by its name.
    ThingGroup(String),
}

/// A text that names neither a certificate, an identity nor a thing group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid principal {0:?}; expected cert/ID, identity/REGION:UUID or thinggroup/NAME")]
pub struct InvalidPrincipal(String);

impl Principal {
    /// Returns the principal as the API names it: the ARN of a certificate, the id of an identity.
    #[must_use]
    pub fn api_name(&self, account: &Account) -> String {
        match self {
            Self::Certificate(_) => account.arn(self),
            Self::CognitoIdentity(id) => id.clone(),
        }
    }
}

impl PolicyTarget {
    /// Returns the target of a certificate.
    #[must_use]
    pub fn certificate(id: &str) -> Self {
        Self::Principal(Principal::Certificate(id.to_owned()))
    }

    /// Returns the target as the API names it: the ARN of a certificate or a thing group, the id of an identity.
    #[must_use]
    pub fn api_name(&self, account: &Account) -> String {
        match self {
            Self::Principal(principal) => principal.api_name(account),
            Self::ThingGroup(_) => account.arn(self),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(id) => write!(f, "{CERTIFICATE}{id}"),
            Self::CognitoIdentity(id) => write!(f, "{IDENTITY}{id}"),
        }
    }
}

impl fmt::Display for PolicyTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal(principal) => principal.fmt(f),
            Self::ThingGroup(name) => write!(f, "{THING_GROUP}{name}"),
        }
    }
}

impl FromStr for Principal {
    type Err = InvalidPrincipal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let certificate = text.strip_prefix(CERTIFICATE).map(|id| Self::Certificate(id.to_owned()));
        let identity = || text.strip_prefix(IDENTITY).map(|id| Self::CognitoIdentity(id.to_owned()));
        certificate.or_else(identity).ok_or_else(|| InvalidPrincipal(text.to_owned()))
    }
}

impl FromStr for PolicyTarget {
    type Err = InvalidPrincipal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix(THING_GROUP) {
            Some(name) => Ok(Self::ThingGroup(name.to_owned())),
            None => text.parse().map(Self::Principal),
        }
    }
}

impl From<Principal> for String {
    fn from(principal: Principal) -> Self {
        principal.to_string()
    }
}

impl From<PolicyTarget> for String {
    fn from(target: PolicyTarget) -> Self {
        target.to_string()
    }
}

impl TryFrom<String> for Principal {
    type Error = InvalidPrincipal;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for PolicyTarget {
    type Error = InvalidPrincipal;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}
