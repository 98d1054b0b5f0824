//! One JSON line for each decision, for operators: what was decided, why, and what to do about it. And one for each thing
//! that happens to keys.
//!
//! It holds names out of the configuration, AWS's own ids, and what a signature of ours vouches for. It never holds a token, a
//! password, or a claim of a token that was refused.

use std::time::Duration;

use serde::Serialize;

use crate::authorizer::Decision;
use crate::keys::sources::Report;

/// Nearly all lines are shorter, in bytes; a longer one grows.
const MOST_LINES: usize = 768;

/// The line.
#[derive(Serialize)]
struct Line<'a> {
    level: &'static str,
    decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_id: Option<&'a str>,
    request_id: &'a str,
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
    duration_us: u128,
    cold_start: bool,
    #[serde(skip_serializing_if = "is_none")]
    key_fetches: u32,
}

/// What the shell knows of an event beside the decision.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// Lambda's id of the invocation.
    pub request_id: &'a str,
    /// How long the decision took.
    pub duration: Duration,
    /// Whether it was the sandbox's first.
    pub cold_start: bool,
    /// For how many fetches of keys it waited.
    pub key_fetches: u32,
}

/// Writes the line, its end included.
#[must_use]
pub fn line(decision: &Decision<'_>, circumstances: Circumstances<'_>) -> Vec<u8> {
    let denial = decision.outcome.as_ref().err();
    let code = denial.map(|denial| denial.code());
    let documents = decision.outcome.as_ref().map(|answer| answer.documents()).unwrap_or_default();
    let line = Line {
        level: match code {
            Some(code) if code.is_ours() => "ERROR",
            Some(_) => "WARN",
            None => "INFO",
        },
        decision: if denial.is_some() { "deny" } else { "allow" },
        code: code.map(|code| code.name()),
        subject: denial.and_then(|denial| denial.subject()),
        mend: code.map(|code| code.mend()),
        connection_id: decision.connection_id.as_deref(),
        request_id: circumstances.request_id,
        issuer: decision.issuer,
        kid: decision.kid,
        principal: decision.principal.as_ref().map(|principal| principal.as_str()),
        client_id: decision.client_id.as_deref(),
        policies: &decision.policies,
        documents: documents.len(),
        characters: documents.iter().map(|document| document.get().len()).sum(),
        duration_us: circumstances.duration.as_micros(),
        cold_start: circumstances.cold_start,
        key_fetches: circumstances.key_fetches,
    };
    written(&line)
}

/// What happened to an issuer's keys.
#[derive(Serialize)]
pub struct KeyEvent<'a> {
    level: &'static str,
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
    pub fn fetched(issuer: &'a str, report: &'a Report, duration: Duration) -> Self {
        let change = report.outcome.as_ref().ok();
        let (level, event) = match change {
            Some(change) if change.added > 0 || change.removed > 0 => ("INFO", "keys_changed"),
            Some(_) => ("INFO", "keys_same"),
            None if report.usable => ("WARN", "keys_kept"),
            None => ("ERROR", "keys_missing"),
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
        Self { level, event, issuer, source: &report.source, why, counts: Some(counts) }
    }

    /// Keys have become too old: no source has renewed them for `max_stale_seconds`.
    #[must_use]
    pub fn expired(issuer: &'a str, source: &'a str) -> Self {
        Self { level: "ERROR", event: "keys_expired", issuer, source, why: None, counts: None }
    }
}

/// Writes a line about keys, its end included.
#[must_use]
pub fn key_line(event: &KeyEvent<'_>) -> Vec<u8> {
    written(event)
}

fn written(line: &impl Serialize) -> Vec<u8> {
    let mut text = Vec::with_capacity(MOST_LINES);
    if serde_json::to_writer(&mut text, line).is_err() {
        text.clear();
    }
    text.push(b'\n');
    text
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
fn is_none(count: &u32) -> bool {
    *count == 0
}
