//! The messages for people at the beginning of a line. They have fixed texts and names from the configuration only.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::denial::Code;

/// What was decided: `allowed users: app-user`, or `denied expired: …` with the meaning of the code.
pub(super) enum DecisionMessage<'a> {
    /// The request is allowed.
    Allowed {
        /// The issuer's short name.
        issuer: &'a str,
        /// The granted policies.
        policies: &'a [&'a str],
        /// Whether there was no revocation list in use.
        is_stale: bool,
    },
    /// The request is denied.
    Denied(Code),
}

impl fmt::Display for DecisionMessage<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (issuer, policies, is_stale) = match self {
            Self::Denied(code) => return out.write_str(code.message()),
            Self::Allowed { issuer, policies, is_stale } => (issuer, policies, *is_stale),
        };
        out.write_str(if is_stale { "allowed without a revocation list " } else { "allowed " })?;
        out.write_str(issuer)?;
        policies.iter().enumerate().try_for_each(|(index, policy)| {
            out.write_str(if index == 0 { ": " } else { ", " })?;
            out.write_str(policy)
        })
    }
}

/// What happened to an issuer's keys, or to the revocation list.
pub(super) struct SourceMessage<'a> {
    /// The name of the event.
    pub(super) event: &'static str,
    /// The issuer's short name, if the source is of an issuer.
    pub(super) issuer: Option<&'a str>,
    /// The source, as the configuration writes it.
    pub(super) source: &'a str,
}

impl fmt::Display for SourceMessage<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event, issuer, source } = self;
        let what = match *event {
            "keys_changed" => "fetched, the keys have changed",
            "keys_same" => "fetched, the keys are the same",
            "keys_kept" => "the fetch failed, the old keys stay in use",
            "keys_missing" => "the fetch failed, and there are no keys",
            "keys_expired" => "the keys are too old and were dropped",
            "revocation_changed" => "fetched, the list has changed",
            "revocation_same" => "fetched, the list is the same",
            "revocation_kept" => "the fetch failed, the last good list stays in use",
            "revocation_missing" => "the fetch failed, and there is no list",
            _ => "the list is too old and was dropped",
        };
        match issuer {
            Some(issuer) => write!(out, "keys of {issuer} from {source}: {what}"),
            None => write!(out, "revocation list from {source}: {what}"),
        }
    }
}

impl Serialize for DecisionMessage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for SourceMessage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
