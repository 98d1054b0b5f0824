//! Authorization codes: each good for one token, for a minute.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

/// How long a code is good (RFC 6749, section 4.1.2, allows ten minutes).
const LIFE: Duration = Duration::from_secs(60);

/// Codes that wait to be redeemed; of more, the oldest go.
const MOST: usize = 64;

/// What a code stands for. Not `Debug`: nothing here is for a log.
#[derive(Clone)]
pub(super) struct Grant {
    pub(super) realm: usize,
    pub(super) client: String,
    pub(super) redirect_uri: String,
    /// The S256 code challenge (RFC 7636).
    pub(super) challenge: String,
    pub(super) nonce: Option<String>,
    pub(super) openid: bool,
    pub(super) sub: String,
    pub(super) claims: Map<String, Value>,
    pub(super) at: SystemTime,
}

/// Codes that have been given out and not come back.
#[derive(Default)]
pub(super) struct Codes(VecDeque<(String, Grant)>);

impl Codes {
    pub(super) fn keep(&mut self, code: String, grant: Grant) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back((code, grant));
    }

    /// What the code stands for, if it is good. Whatever comes of it, it is used up.
    pub(super) fn redeem(&mut self, code: &str, now: SystemTime) -> Option<Grant> {
        // A clock that was set back makes a code good for longer at most by as much; one in the future is good too.
        let fresh = |grant: &Grant| now.duration_since(grant.at).unwrap_or_default() <= LIFE;
        self.0.retain(|(_, grant)| fresh(grant));
        let at = self.0.iter().position(|(known, _)| known == code)?;
        self.0.remove(at).map(|(_, grant)| grant)
    }
}
