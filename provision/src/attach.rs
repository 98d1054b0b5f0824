//! Attaches the policy of `[cognito]` to the Cognito identity that signed the invocation.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/cognito-identities.html>

use crate::config::Config;
use crate::control::{CallError, ControlPlane};
use crate::denial::{Code, Denial};
use crate::engine::{Attempt, Request};
use crate::names::is_identity_id;
use crate::plan::{End, Plan, Step};

/// An identity that asks for its policy.
#[derive(Clone, Debug)]
pub struct AttachRequest<'c> {
    policy: &'c str,
    identity: String,
}

impl<'c> AttachRequest<'c> {
    /// Reads the identity from the context of the invocation, which Lambda takes from the signature. The event is the
    /// caller's own and is not read: it could name another identity.
    ///
    /// # Errors
    /// [`Code::NoIdentity`].
    pub fn read(identity: Option<&str>, config: &'c Config) -> Result<Self, Denial> {
        let identity = identity.filter(|id| is_identity_id(id)).ok_or(Code::NoIdentity)?;
        let policy = config.identity_policy.as_deref().ok_or(Code::NoIdentity)?;
        Ok(Self { policy, identity: identity.to_owned() })
    }

    /// The id of the identity.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The policy that it gets.
    #[must_use]
    pub fn policy(&self) -> &'c str {
        self.policy
    }
}

impl Request for AttachRequest<'_> {
    async fn plan(&self, _: &impl ControlPlane, _: &Attempt) -> Result<Plan, CallError> {
        let step = Step::AttachPolicy { policy: self.policy.to_owned(), target: self.identity.clone() };
        Ok(Plan { steps: vec![step], certificate: None, end: End::Provisioned })
    }
}
