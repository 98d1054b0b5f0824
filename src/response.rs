//! The response that AWS IoT expects: always all five members. INVARIANT (the response is always legal for AWS).
//!
//! <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-lambda.html>

use std::ops::RangeInclusive;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::hex::hex;
use crate::policy::Grant;

/// AWS IoT's limits for both times of a session, in seconds.
pub const SESSION_SECONDS: RangeInclusive<u64> = 300..=86400;

/// `[session]`: how long a connection may last, and how often it is judged again. Both within [`SESSION_SECONDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Longest connection. It ends at the token's `exp` at the latest, but not before AWS's minimum of 300 seconds.
    pub disconnect_after_seconds: u64,
    /// Time between refreshes. AWS IoT then sends the same token again.
    pub refresh_after_seconds: u64,
}

/// The response to one event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct Response {
    is_authenticated: bool,
    principal_id: PrincipalId,
    disconnect_after_in_seconds: u64,
    refresh_after_in_seconds: u64,
    policy_documents: Vec<Box<RawValue>>,
}

impl Response {
    /// Allows the connection, for no longer than the token is valid.
    pub fn allow(principal: PrincipalId, grant: Grant, session: Session, remaining: Duration) -> Self {
        let (shortest, longest) = (*SESSION_SECONDS.start(), *SESSION_SECONDS.end());
        let remaining = remaining.as_secs();
        let disconnect = session.disconnect_after_seconds.min(remaining).clamp(shortest, longest);
        let refresh = session.refresh_after_seconds.min(remaining).clamp(shortest, disconnect);
        Self {
            is_authenticated: true,
            principal_id: principal,
            disconnect_after_in_seconds: disconnect,
            refresh_after_in_seconds: refresh,
            policy_documents: grant.into_documents(),
        }
    }

    /// Denies the connection. The client gets no reason.
    pub fn deny() -> Self {
        Self {
            is_authenticated: false,
            principal_id: PrincipalId("refused".to_owned()),
            disconnect_after_in_seconds: *SESSION_SECONDS.start(),
            refresh_after_in_seconds: *SESSION_SECONDS.start(),
            policy_documents: Vec::new(),
        }
    }

    /// Whether the connection is allowed.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.is_authenticated
    }

    /// The principal.
    #[must_use]
    pub fn principal(&self) -> &PrincipalId {
        &self.principal_id
    }

    /// The policy documents.
    #[must_use]
    pub fn documents(&self) -> &[Box<RawValue>] {
        &self.policy_documents
    }
}

/// The principal of a connection: 1 to 128 ASCII letters and digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PrincipalId(String);

impl PrincipalId {
    /// The principal of a subject: 64 hexadecimal digits of the SHA-256 of `LEN:ISSSUB`. LEN is the length of `iss` in
    /// bytes, in decimal; it keeps two pairs of issuer and subject from becoming one text.
    ///
    /// AWS IoT allows only letters and digits. Removing the other characters would give `a-b` and `ab` one principal.
    #[must_use]
    pub fn of_subject(issuer: &str, subject: &str) -> Self {
        let text = format!("{}:{issuer}{subject}", issuer.len());
        Self(hex(digest(&SHA256, text.as_bytes()).as_ref()))
    }

    /// The principal of a client certificate, as AWS IoT sends it; the response must repeat it. `None` if it is not
    /// legal.
    #[must_use]
    pub fn of_certificate(id: &str) -> Option<Self> {
        let is_legal = (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_legal.then(|| Self(id.to_owned()))
    }

    /// The principal's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
