//! STAND-IN until the validation of answers lands: the same interface.

use std::time::Duration;

use crate::policy::Policy;

/// What the authorizer answered.
pub struct Answer {
    /// The principal.
    pub principal: String,
    /// The policy.
    pub policy: Policy,
    /// When the connection ends.
    pub disconnect_after: Duration,
    /// When the authorizer is asked again.
    pub refresh_after: Duration,
}

/// Why there is no answer to work with.
pub enum Refusal {
    /// The authorizer said no.
    NotAuthenticated,
    /// AWS would refuse this answer.
    Illegal(Vec<String>),
}

impl Answer {
    /// Reads it.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn read(body: &[u8]) -> Result<Self, Refusal> {
        let value: serde_json::Value =
            serde_json::from_slice(body).map_err(|e| Refusal::Illegal(vec![e.to_string()]))?;
        if value.get("isAuthenticated") != Some(&serde_json::Value::Bool(true)) {
            return Err(Refusal::NotAuthenticated);
        }
        let seconds = |name: &str| Duration::from_secs(value.get(name).and_then(|v| v.as_u64()).unwrap_or(86400));
        let documents = value.get("policyDocuments").and_then(|d| d.as_array()).cloned().unwrap_or_default();
        Ok(Self {
            principal: value.get("principalId").and_then(|p| p.as_str()).unwrap_or_default().to_owned(),
            policy: Policy::new(&documents),
            disconnect_after: seconds("disconnectAfterInSeconds"),
            refresh_after: seconds("refreshAfterInSeconds"),
        })
    }
}
