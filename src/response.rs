//! The answer that AWS IoT expects: always all five members, always legal.
//!
//! <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-lambda.html>

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::policy::Grant;
use crate::slots::hex_digits;

/// AWS IoT's bounds for both times, in seconds.
pub const SECONDS: std::ops::RangeInclusive<u64> = 300..=86400;

/// How long a connection may last, and how often it is judged anew. Both within [`SECONDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// At most; never beyond the token's `exp`, but for AWS's floor of 300 s.
    pub disconnect_after_seconds: u64,
    /// AWS then presents the same token again.
    pub refresh_after_seconds: u64,
}

/// The answer to one event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct Answer {
    is_authenticated: bool,
    principal_id: PrincipalId,
    disconnect_after_in_seconds: u64,
    refresh_after_in_seconds: u64,
    policy_documents: Vec<Box<RawValue>>,
}

impl Answer {
    /// Lets the connection in, for no longer than the token lives.
    pub fn allow(principal: PrincipalId, grant: Grant, session: Session, remaining: Duration) -> Self {
        let (shortest, longest) = (*SECONDS.start(), *SECONDS.end());
        let remaining = remaining.as_secs();
        let disconnect = session.disconnect_after_seconds.min(remaining).clamp(shortest, longest);
        Self {
            is_authenticated: true,
            principal_id: principal,
            disconnect_after_in_seconds: disconnect,
            refresh_after_in_seconds: session
                .refresh_after_seconds
                .min(remaining)
                .clamp(shortest, disconnect),
            policy_documents: grant.into_documents(),
        }
    }

    /// Turns the connection away. The client learns nothing else.
    pub fn refuse() -> Self {
        Self {
            is_authenticated: false,
            principal_id: PrincipalId(Digits::from_slice(b"refused")),
            disconnect_after_in_seconds: *SECONDS.start(),
            refresh_after_in_seconds: *SECONDS.start(),
            policy_documents: Vec::new(),
        }
    }

    /// Whether the connection is let in.
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

/// Who AWS IoT takes the connection for: 1 to 128 letters and digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalId(Digits);

/// ASCII, of the length that nearly every principal has.
type Digits = SmallVec<[u8; 64]>;

impl PrincipalId {
    /// The principal of a subject: 64 hex digits of SHA-256 over `LEN:ISSSUB`, LEN being the length of `iss` in bytes.
    ///
    /// The length keeps two pairs from running into one text, and a hash keeps subjects apart that cleaning would merge.
    #[must_use]
    pub fn of_subject(issuer: &str, subject: &str) -> Self {
        let mut text: SmallVec<[u8; 256]> = SmallVec::new();
        for part in [&issuer.len().to_string(), ":", issuer, subject] {
            text.extend_from_slice(part.as_bytes());
        }
        Self(hex_digits(digest(&SHA256, &text).as_ref()).collect())
    }

    /// The principal of a client certificate, as AWS IoT names it; it has to come back unchanged.
    #[must_use]
    pub fn of_certificate(id: &str) -> Option<Self> {
        let legal = (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        legal.then(|| Self(Digits::from_slice(id.as_bytes())))
    }

    /// The principal's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Serialize for PrincipalId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
