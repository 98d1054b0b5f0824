//! The ways in which a client is authenticated. Each results in an [`Admission`].

use std::sync::Arc;
use std::time::Duration;

use iot_local_policy::{Action, Context, Policy, Question, Verdict};

use self::custom::CustomAuthorizer;
use self::sigv4::{Operator, SignatureDenial, SignatureMarks};
use self::x509::CertificateAuthenticator;
use crate::facts::HttpFacts;

pub mod custom;
pub mod endpoint;
pub mod sigv4;
pub(crate) mod unlogged;
pub mod x509;

/// All ways of authentication.
pub struct Authenticators {
    /// The authorizer.
    pub custom: Arc<CustomAuthorizer>,
    /// Client certificates.
    pub x509: CertificateAuthenticator,
    /// The operator's key pair.
    pub operator: Option<Operator>,
}

impl Authenticators {
    /// Admits a signed request.
    ///
    /// # Errors
    /// Why it is denied.
    pub(crate) fn operator(
        &self,
        http: Option<&HttpFacts>,
        context: Context,
    ) -> Result<Admission, SignatureDenial> {
        let marks = http.and_then(SignatureMarks::of).ok_or(SignatureDenial::Credential)?;
        self.operator.as_ref().ok_or(SignatureDenial::Key)?.admit(&marks, context)
    }
}

/// What authentication results in, whatever the way: who the client is, what it may do, and how long.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The principal.
    pub principal: String,
    /// What the client may do.
    pub permissions: Arc<Policy>,
    /// The values of policy variables and condition keys. Its client id is absent for an HTTPS publish.
    pub context: Context,
    /// How long the admission is valid. Absent if no time limits it.
    pub lifetime: Option<Lifetime>,
}

/// How long an admission is valid. Both times start at the authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// The longest duration of the connection. A refresh does not extend it.
    pub disconnect_after: Duration,
    /// The time until the client is authenticated again with the same credentials.
    pub refresh_after: Duration,
}

impl Admission {
    /// Decides an action on a resource, such as `topic/a/b`.
    #[must_use]
    pub fn decide(&self, action: Action, resource: &str) -> Verdict {
        self.permissions.decide(&Question { action, resource, context: &self.context })
    }
}
