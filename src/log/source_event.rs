//! The line of a fetch: of an issuer's keys, or of the revocation list.

use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use serde::Serialize;

use super::message::SourceMessage;
use super::metrics::Metric;
use super::settings::{Level, LogSettings};
use super::{rfc3339, to_bytes};
use crate::keys::sources::KeyChange;
use crate::revocation::ListChange;
use crate::source::schedule::FetchReport;

/// An event of a source.
#[derive(Serialize)]
pub struct SourceEvent<'a> {
    message: SourceMessage<'a>,
    level: Level,
    #[serde(serialize_with = "rfc3339")]
    timestamp: DateTime,
    event: &'static str,
    /// Keys belong to an issuer; the list does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(flatten)]
    figures: Option<Figures<'a>>,
    #[serde(skip)]
    metrics: &'static [Metric],
}

/// The figures of a fetch. `fetches` and `fetch_failures` count from the start of the sandbox.
#[derive(Serialize)]
struct Figures<'a> {
    #[serde(flatten)]
    change: Change<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<u64>,
    next_seconds: f64,
    duration_us: u128,
    fetches: u64,
    fetch_failures: u64,
}

/// What a fetch changed.
#[derive(Default, Serialize)]
struct Change<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<usize>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    left_out: &'a [String],
}

/// The names of a kind of source's events, and its metrics.
struct Kind {
    changed: &'static str,
    same: &'static str,
    kept: &'static str,
    missing: &'static str,
    expired: &'static str,
    success: &'static [Metric],
    failure: &'static [Metric],
}

const KEYS: Kind = Kind {
    changed: "keys_changed",
    same: "keys_same",
    kept: "keys_kept",
    missing: "keys_missing",
    expired: "keys_expired",
    success: &[Metric::KeyRefreshes],
    failure: &[Metric::KeyRefreshes, Metric::KeyRefreshFailures],
};

const REVOCATION: Kind = Kind {
    changed: "revocation_changed",
    same: "revocation_same",
    kept: "revocation_kept",
    missing: "revocation_missing",
    expired: "revocation_expired",
    success: &[Metric::RevocationRefreshes],
    failure: &[Metric::RevocationRefreshes, Metric::RevocationRefreshFailures],
};

impl<'a> SourceEvent<'a> {
    /// A key source was fetched, with success or without.
    #[must_use]
    pub fn keys(
        issuer: &'a str,
        report: &'a FetchReport<KeyChange>,
        duration: Duration,
        time: SystemTime,
    ) -> Self {
        let change = report.outcome.as_ref().ok().map(|change| Change {
            keys: Some(change.keys),
            added: Some(change.added),
            removed: Some(change.removed),
            left_out: &change.left_out,
            ..Change::default()
        });
        let is_new = report.outcome.as_ref().is_ok_and(|change| change.added > 0 || change.removed > 0);
        Self::fetched(&KEYS, Some(issuer), report, (change, is_new), duration, time)
    }

    /// The revocation list was fetched, with success or without.
    #[must_use]
    pub fn revocation(report: &'a FetchReport<ListChange>, duration: Duration, time: SystemTime) -> Self {
        let change = report.outcome.as_ref().ok().map(|change| Change {
            version: Some(change.version),
            entries: Some(change.entries),
            left_out: &change.left_out,
            ..Change::default()
        });
        let is_new = report.outcome.as_ref().is_ok_and(|change| change.is_new);
        Self::fetched(&REVOCATION, None, report, (change, is_new), duration, time)
    }

    /// Keys were dropped, because no fetch of their source succeeded for `max_stale_seconds`.
    #[must_use]
    pub fn keys_expired(issuer: &'a str, source: &'a str, time: SystemTime) -> Self {
        Self::new(Level::Error, KEYS.expired, Some(issuer), source, time)
    }

    /// The revocation list was dropped, for the same reason.
    #[must_use]
    pub fn revocation_expired(source: &'a str, time: SystemTime) -> Self {
        Self::new(Level::Error, REVOCATION.expired, None, source, time)
    }

    /// The event of a fetch; `change` says what changed, and whether anything did.
    fn fetched<C>(
        kind: &'static Kind,
        issuer: Option<&'a str>,
        report: &'a FetchReport<C>,
        (change, is_new): (Option<Change<'a>>, bool),
        duration: Duration,
        time: SystemTime,
    ) -> Self {
        let failure = report.outcome.as_ref().err();
        let (level, event) = match failure {
            None if is_new => (Level::Info, kind.changed),
            None => (Level::Info, kind.same),
            Some(_) if report.usable => (Level::Warn, kind.kept),
            Some(_) => (Level::Error, kind.missing),
        };
        let figures = Figures {
            change: change.unwrap_or_default(),
            age_seconds: report.age.map(|age| age.as_secs()),
            next_seconds: (report.next.as_secs_f64() * 10.0).round() / 10.0,
            duration_us: duration.as_micros(),
            fetches: report.counts.fetches,
            fetch_failures: report.counts.failures,
        };
        Self {
            why: failure.map(ToString::to_string),
            figures: Some(figures),
            metrics: if failure.is_some() { kind.failure } else { kind.success },
            ..Self::new(level, event, issuer, &report.source, time)
        }
    }

    fn new(
        level: Level,
        event: &'static str,
        issuer: Option<&'a str>,
        source: &'a str,
        time: SystemTime,
    ) -> Self {
        let message = SourceMessage { event, issuer, source };
        let (timestamp, why, figures) = (time.into(), None, None);
        Self { message, level, timestamp, event, issuer, source, why, figures, metrics: &[] }
    }

    /// The line, with its line feed; `None` if lines of that level are not written.
    #[must_use]
    pub fn line(&self, settings: &LogSettings) -> Option<Vec<u8>> {
        settings.writes(self.level).then(|| to_bytes(self, self.timestamp, settings, self.metrics))
    }
}
