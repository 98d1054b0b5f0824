//! Tokens that are revoked before they expire: `[revocation]`.
//!
//! The decision gets a [`Revocation`] as a value and never fetches one. [`ListSource`] fetches the list while the
//! function runs.

mod list;
mod origin;
mod source;

pub use list::{IssuerEntries, ListError, MAX_ENTRIES, Names, RevocationList};
pub use origin::{ListOrigin, MAX_LIST_BYTES};
pub use source::{EVENT_TIMEOUT, FetchedList, KnownList, ListChange, ListSource};

use std::sync::Arc;

use crate::claims::Claims;
use crate::denial::{Code, Denial};

/// What a decision knows about revoked tokens.
#[derive(Clone, Debug, Default)]
pub enum Revocation {
    /// There is no `[revocation]`.
    #[default]
    Off,
    /// The list in use.
    List(Arc<RevocationList>),
    /// There is no list, or only one older than `max_stale_seconds`.
    Stale(WhenStale),
}

/// `when_stale`: the decision about tokens while there is no list in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenStale {
    /// They are denied with `revocation_stale`.
    #[default]
    Deny,
    /// They are allowed, each with an ERROR line.
    Allow,
}

impl WhenStale {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Deny, Self::Allow];

    /// The value of `when_stale`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Allow => "allow",
        }
    }
}

impl Revocation {
    /// Checks a token of the issuer with this short name. `kid` is that of the key that signed it.
    ///
    /// # Errors
    /// [`Code::Revoked`] with the kind of the entry; [`Code::RevocationStale`].
    pub fn check(&self, issuer: &str, kid: Option<&str>, claims: &Claims<'_>) -> Result<(), Denial> {
        match self {
            Self::Off | Self::Stale(WhenStale::Allow) => Ok(()),
            Self::Stale(WhenStale::Deny) => Err(Code::RevocationStale.into()),
            Self::List(list) => match list.revokes(issuer, kid, claims) {
                Some(kind) => Err(Denial::about(Code::Revoked, kind)),
                None => Ok(()),
            },
        }
    }

    /// Whether there is no `[revocation]`.
    #[must_use]
    pub fn is_off(&self) -> bool {
        matches!(self, Self::Off)
    }

    /// The version of the list in use.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        match self {
            Self::List(list) => Some(list.version()),
            _ => None,
        }
    }

    /// Whether there should be a list in use, and it is missing.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        matches!(self, Self::Stale(_))
    }
}
