//! One JSON line for each decision, for operators: what was decided, why, and what to do about it. And one for each thing
//! that happens to keys. Each carries its metrics for CloudWatch ([`metrics`]).
//!
//! It holds names out of the configuration, AWS's own ids, and what a signature of ours vouches for. It never holds a token, a
//! password, or a claim of a token that was refused.

mod metrics;
mod settings;

pub use settings::{Level, Settings};

use std::hash::Hasher;
use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::{Serialize, Serializer};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::authorizer::Decision;
use crate::keys::sources::Report;
use crate::response::Answer;
use crate::slots::hex;
use metrics::Metric;

/// Nearly all lines are shorter, in bytes; a longer one grows.
const MOST_LINES: usize = 2048;

/// The line.
#[derive(Serialize)]
struct Line<'a> {
    level: Level,
    #[serde(serialize_with = "rfc3339")]
    timestamp: DateTime,
    decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_id: Option<&'a str>,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    policies: &'a [&'a str],
    documents: usize,
    characters: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_hash: Option<String>,
    duration_us: u128,
    cold_start: bool,
    key_fetches: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_age_seconds: Option<u64>,
}

/// What the shell knows of an event beside the decision.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// When the decision was made.
    pub time: SystemTime,
    /// Lambda's id of the invocation.
    pub request_id: &'a str,
    /// X-Ray's header for it, where it is traced.
    pub trace: Option<&'a str>,
    /// How long the decision took.
    pub duration: Duration,
    /// Whether it was the sandbox's first.
    pub cold_start: bool,
    /// For how many fetches of keys it waited.
    pub key_fetches: u32,
    /// How old the issuer's keys are, where they are fetched.
    pub key_age: Option<Duration>,
}

/// Writes the line, its end included; nothing where the log is set to say less.
pub fn line(
    decision: &Decision<'_>,
    circumstances: Circumstances<'_>,
    settings: &Settings,
) -> Option<Vec<u8>> {
    let denial = decision.outcome.as_ref().err();
    let code = denial.map(|denial| denial.code());
    let level = match code {
        Some(code) if code.is_ours() => Level::Error,
        Some(_) => Level::Warn,
        None => Level::Info,
    };
    if !settings.writes(level) {
        return None;
    }
    let documents = decision.outcome.as_ref().map(Answer::documents).unwrap_or_default();
    let timestamp = DateTime::from(circumstances.time);
    let key_age_seconds = circumstances.key_age.map(|age| age.as_secs());
    let line = Line {
        level,
        timestamp,
        decision: if denial.is_some() { "deny" } else { "allow" },
        code: code.map(|code| code.name()),
        detail: denial.and_then(Denial::detail),
        hint: code.map(|code| code.hint()),
        connection_id: decision.connection_id.as_deref(),
        request_id: circumstances.request_id,
        trace_id: circumstances.trace.and_then(trace_id),
        issuer: decision.issuer,
        kid: decision.kid,
        principal: decision.principal.as_ref().map(|principal| principal.as_str()),
        client_id: decision.client_id.as_deref(),
        policies: &decision.policies,
        documents: documents.len(),
        characters: documents.iter().map(|document| document.get().len()).sum(),
        policy_hash: denial.is_none().then(|| policy_hash(documents.iter().map(|document| document.get()))),
        duration_us: circumstances.duration.as_micros(),
        cold_start: circumstances.cold_start,
        key_fetches: circumstances.key_fetches,
        key_age_seconds,
    };
    let outcome = if denial.is_some() { Metric::Refused } else { Metric::Allowed };
    let mut metrics = vec![outcome, Metric::Duration, Metric::KeyFetches];
    metrics.extend(key_age_seconds.map(|_| Metric::KeyAge));
    metrics.extend(circumstances.cold_start.then_some(Metric::ColdStarts));
    Some(written(&line, timestamp, settings, &metrics))
}

/// A fingerprint of an answer's documents, 32 hex digits: SipHash-1-3 of 128 bits, each document ended by a line feed. It tells
/// answers apart at a hundredth of the signature's cost, and proves nothing.
pub fn policy_hash<'d>(documents: impl Iterator<Item = &'d str>) -> String {
    let mut hasher = SipHasher13::new();
    for document in documents {
        hasher.write(document.as_bytes());
        hasher.write(b"\n");
    }
    hex(&hasher.finish128().as_bytes())
}

/// RFC 3339, as Lambda wants it of JSON lines.
fn rfc3339<S: Serializer>(time: &DateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.fmt(Format::DateTime).unwrap_or_default())
}

/// The trace's own id, which all of its parts share.
/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>
fn trace_id(header: &str) -> Option<&str> {
    header.split(';').find_map(|field| field.trim().strip_prefix("Root="))
}

/// What happened to an issuer's keys.
#[derive(Serialize)]
pub struct KeyEvent<'a> {
    level: Level,
    #[serde(serialize_with = "rfc3339")]
    timestamp: DateTime,
    event: &'static str,
    issuer: &'a str,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(flatten)]
    counts: Option<KeyCounts<'a>>,
}

/// The figures of a fetch. `fetches` and `fetch_failures` count from the sandbox's start.
#[derive(Serialize)]
struct KeyCounts<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<usize>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    left_out: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<u64>,
    next_seconds: f64,
    duration_us: u128,
    fetches: u64,
    fetch_failures: u64,
}

impl<'a> KeyEvent<'a> {
    /// A source was asked.
    #[must_use]
    pub fn fetched(issuer: &'a str, report: &'a Report, duration: Duration, time: SystemTime) -> Self {
        let change = report.outcome.as_ref().ok();
        let (level, event) = match change {
            Some(change) if change.added > 0 || change.removed > 0 => (Level::Info, "keys_changed"),
            Some(_) => (Level::Info, "keys_same"),
            None if report.usable => (Level::Warn, "keys_kept"),
            None => (Level::Error, "keys_missing"),
        };
        let counts = KeyCounts {
            keys: change.map(|change| change.keys),
            added: change.map(|change| change.added),
            removed: change.map(|change| change.removed),
            left_out: change.map(|change| &*change.left_out).unwrap_or_default(),
            age_seconds: report.age.map(|age| age.as_secs()),
            next_seconds: (report.next.as_secs_f64() * 10.0).round() / 10.0,
            duration_us: duration.as_micros(),
            fetches: report.fetches,
            fetch_failures: report.failures,
        };
        let why = report.outcome.as_ref().err().map(ToString::to_string);
        Self { why, counts: Some(counts), ..Self::new(level, event, issuer, &report.source, time) }
    }

    /// Keys have become too old: no source has renewed them for `max_stale_seconds`.
    #[must_use]
    pub fn expired(issuer: &'a str, source: &'a str, time: SystemTime) -> Self {
        Self::new(Level::Error, "keys_expired", issuer, source, time)
    }

    fn new(level: Level, event: &'static str, issuer: &'a str, source: &'a str, time: SystemTime) -> Self {
        Self { level, timestamp: time.into(), event, issuer, source, why: None, counts: None }
    }

    /// Writes the line, its end included; nothing where the log is set to say less.
    #[must_use]
    pub fn line(&self, settings: &Settings) -> Option<Vec<u8>> {
        let metrics: &[Metric] = match (&self.counts, &self.why) {
            (None, _) => &[],
            (Some(_), None) => &[Metric::KeyRefreshes],
            (Some(_), Some(_)) => &[Metric::KeyRefreshes, Metric::KeyRefreshFailures],
        };
        settings.writes(self.level).then(|| written(self, self.timestamp, settings, metrics))
    }
}

/// What is neither a decision nor about keys, as faults at start: as it stands, or, where every line has to be JSON, each line as one.
#[must_use]
pub fn notice(level: Level, text: &str, time: SystemTime, settings: &Settings) -> String {
    if !settings.writes(level) {
        return String::new();
    }
    if !settings.is_json() {
        return text.to_owned();
    }
    let timestamp = time.into();
    let line = |message| serde_json::to_string(&Notice { level, timestamp, message }).ok();
    text.lines().filter_map(line).map(|line| line + "\n").collect()
}

#[derive(Serialize)]
struct Notice<'a> {
    level: Level,
    #[serde(serialize_with = "rfc3339")]
    timestamp: DateTime,
    message: &'a str,
}

/// The members, then the metrics.
fn written(line: &impl Serialize, time: DateTime, settings: &Settings, metrics: &[Metric]) -> Vec<u8> {
    let mut text = Vec::with_capacity(MOST_LINES);
    if serde_json::to_writer(&mut text, line).is_err() {
        text.clear();
        return text;
    }
    if !metrics.is_empty() && text.pop_if(|last| *last == b'}').is_some() {
        metrics::write(&mut text, time.to_millis().unwrap_or_default(), settings.function(), metrics);
        text.push(b'}');
    }
    text.push(b'\n');
    text
}
