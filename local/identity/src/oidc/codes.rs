//! Authorization codes. Each can be redeemed once, within a minute.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

/// The lifetime of a code. RFC 6749, section 4.1.2, recommends at most ten minutes.
const CODE_LIFETIME: Duration = Duration::from_secs(60);

/// The maximum number of codes. When it is exceeded, the oldest code is dropped.
const MAX_CODES: usize = 64;

/// What a code was issued for. Not `Debug`: it must not be logged.
#[derive(Clone)]
pub(super) struct Grant {
    pub(super) realm_index: usize,
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    /// The S256 code challenge (RFC 7636).
    pub(super) code_challenge: String,
    pub(super) nonce: Option<String>,
    /// Whether the scope `openid` was requested.
    pub(super) is_openid: bool,
    pub(super) sub: String,
    pub(super) claims: Map<String, Value>,
    pub(super) auth_time: SystemTime,
}

/// Issued codes that have not been redeemed, oldest first.
#[derive(Default)]
pub(super) struct Codes(VecDeque<(String, Grant)>);

impl Codes {
    pub(super) fn insert(&mut self, code: String, grant: Grant) {
        if self.0.len() >= MAX_CODES {
            self.0.pop_front();
        }
        self.0.push_back((code, grant));
    }

    /// Removes a code and returns its grant, if the code is known and has not expired.
    pub(super) fn redeem(&mut self, code: &str, now: SystemTime) -> Option<Grant> {
        // If the clock is set back, a code is valid for that much longer.
        let is_valid =
            |grant: &Grant| now.duration_since(grant.auth_time).unwrap_or_default() <= CODE_LIFETIME;
        self.0.retain(|(_, grant)| is_valid(grant));
        let index = self.0.iter().position(|(known, _)| known == code)?;
        self.0.remove(index).map(|(_, grant)| grant)
    }
}
