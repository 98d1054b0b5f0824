//! What the proof of client ids takes on trust: statements of the configuration that no file can prove.

use iot_jwt_authorizer::authorizer::{Authorizer, Issuer};
use serde_json::{Value, json};
use std::fmt;

/// One statement that is taken on trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedStatement {
    /// No two subjects of an issuer have the same value of a slot.
    Unique {
        /// The issuer's short name.
        issuer: String,
        /// The slot's name.
        slot: String,
        /// The claim that the issuer keeps it in.
        claim: String,
    },
    /// Two issuers have the same subjects.
    SameSubjects {
        /// The issuers' short names.
        issuers: [String; 2],
        /// The pattern of client ids that both have.
        pattern: String,
    },
}

/// Every statement that the patterns of client ids rest on, in the order of the issuers.
pub(super) fn statements(authorizer: &Authorizer) -> Vec<TrustedStatement> {
    let issuers = &authorizer.issuers;
    let mut statements: Vec<_> = issuers.iter().flat_map(unique_slots).collect();
    for (index, later) in issuers.iter().enumerate() {
        for earlier in issuers.iter().take(index) {
            statements.extend(shared_patterns(earlier, later));
        }
    }
    statements
}

fn unique_slots(issuer: &Issuer) -> impl Iterator<Item = TrustedStatement> {
    let slots = issuer.slots.iter().enumerate();
    let trusted = slots
        .filter(|(index, slot)| slot.unique && !slot.is_subject() && issuer.client_id_slots.contains(*index));
    trusted.map(|(_, slot)| TrustedStatement::Unique {
        issuer: issuer.id.to_string(),
        slot: slot.name.to_string(),
        claim: slot.path.to_string(),
    })
}

fn shared_patterns(earlier: &Issuer, later: &Issuer) -> impl Iterator<Item = TrustedStatement> {
    let is_shared = |pattern: &_| earlier.client_ids.iter().any(|known| known.is_shared(pattern));
    later.client_ids.iter().filter(move |pattern| is_shared(pattern)).map(|pattern| {
        TrustedStatement::SameSubjects {
            issuers: [earlier.id.to_string(), later.id.to_string()],
            pattern: pattern.source.to_string(),
        }
    })
}

impl TrustedStatement {
    /// The statement for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        match self {
            Self::Unique { issuer, slot, claim } => json!({ "issuer": issuer, "slot": slot, "claim": claim }),
            Self::SameSubjects { issuers, pattern } => json!({ "issuers": issuers, "pattern": pattern }),
        }
    }
}

impl fmt::Display for TrustedStatement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unique { issuer, slot, claim } => write!(
                out,
                "no two subjects of issuer `{issuer}` have the same `{claim}`: the slot `{slot}` is `unique`"
            ),
            Self::SameSubjects { issuers: [first, second], pattern } => write!(
                out,
                "issuers `{first}` and `{second}` have the same subjects: both have the client ids `{pattern}`"
            ),
        }
    }
}
