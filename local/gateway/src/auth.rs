//! The ways in which a client is authenticated. Each results in an [`Admission`].

use std::time::Duration;

use iot_local_policy::{Action, Context, Policy, Question, Verdict};

pub mod custom;
pub(crate) mod unlogged;

/// What authentication results in, whatever the way: who the client is, what it may do, and how long.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The principal.
    pub principal: String,
    /// What the client may do.
    pub permissions: Policy,
    /// The values of policy variables and condition keys. Its client id is absent for an HTTPS publish.
    pub context: Context,
    /// How long the admission is valid.
    pub lifetime: Lifetime,
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
