//! The messages for people at the beginning of a line. They have fixed texts and names from the configuration only.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::denial::Code;

/// What was decided: `allowed users: app-user`, or `denied expired: …` with the meaning of the code.
pub(super) struct DecisionMessage<'a> {
    /// The code of a denial.
    pub(super) code: Option<Code>,
    /// The issuer's short name.
    pub(super) issuer: Option<&'a str>,
    /// The granted policies.
    pub(super) policies: &'a [&'a str],
}

impl fmt::Display for DecisionMessage<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(code) = self.code {
            return write!(out, "denied {}: {}", code.name(), code.meaning());
        }
        out.write_str("allowed ")?;
        out.write_str(self.issuer.unwrap_or_default())?;
        self.policies.iter().enumerate().try_for_each(|(index, policy)| {
            out.write_str(if index == 0 { ": " } else { ", " })?;
            out.write_str(policy)
        })
    }
}

/// What happened to an issuer's keys.
pub(super) struct KeyMessage<'a> {
    /// The name of the event.
    pub(super) event: &'static str,
    /// The issuer's short name.
    pub(super) issuer: &'a str,
    /// The source, as the configuration writes it.
    pub(super) source: &'a str,
}

impl fmt::Display for KeyMessage<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event, issuer, source } = self;
        let what = match *event {
            "keys_changed" => "fetched, the keys have changed",
            "keys_same" => "fetched, the keys are the same",
            "keys_kept" => "the fetch failed, the old keys stay in use",
            "keys_missing" => "the fetch failed, and there are no keys",
            _ => "the keys are too old and were dropped",
        };
        write!(out, "keys of {issuer} from {source}: {what}")
    }
}

impl Serialize for DecisionMessage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for KeyMessage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
