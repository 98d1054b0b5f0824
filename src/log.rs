//! The log: one JSON line for each decision, with what was decided, why, and what to do about it; and one for each
//! fetch of a source. Each line begins with a message for people ([`message`]) and carries its metrics for CloudWatch
//! ([`metrics`]).
//!
//! A line has names from the configuration, AWS's own ids, and values that a verified signature covers. It never has a
//! token, a password, or a claim of a denied token.

mod message;
mod metrics;
mod settings;
mod source_event;

pub use settings::{Level, LogSettings};
pub use source_event::SourceEvent;

use std::hash::Hasher;
use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::{Serialize, Serializer};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::authorizer::Decision;
use crate::denial::Denial;
use crate::hex::hex;
use crate::request::Protocol;
use crate::response::Response;
use crate::revocation::Revocation;
use message::DecisionMessage;
use metrics::Metric;

/// Room for most lines.
const LINE_CAPACITY_BYTES: usize = 2048;

/// The line of a decision.
#[derive(Serialize)]
struct DecisionLine<'a> {
    message: DecisionMessage<'a>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation_version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation_age_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation_fetches: Option<u32>,
}

/// What the caller knows about an event, for its line.
#[derive(Clone, Copy)]
pub struct EventFacts<'a> {
    /// When the decision was made.
    pub time: SystemTime,
    /// Lambda's id of the invocation.
    pub request_id: &'a str,
    /// X-Ray's trace header, if the invocation is traced.
    pub trace: Option<&'a str>,
    /// How long the decision took.
    pub duration: Duration,
    /// Whether it was the sandbox's first event.
    pub cold_start: bool,
    /// Key fetches that the event waited for.
    pub key_fetches: u32,
    /// The age of the issuer's keys, if they are fetched.
    pub key_age: Option<Duration>,
    /// Fetches of the revocation list that the event waited for.
    pub revocation_fetches: u32,
    /// The age of the revocation list in use.
    pub revocation_age: Option<Duration>,
}

/// The line of a decision, with its line feed; `None` if lines of that level are not written.
pub fn line(decision: &Decision<'_>, facts: EventFacts<'_>, settings: &LogSettings) -> Option<Vec<u8>> {
    let learned = &decision.learned;
    let denial = decision.outcome.as_ref().err();
    let code = denial.map(Denial::code);
    let is_stale = learned.revocation.is_some_and(Revocation::is_stale);
    let level = match code {
        Some(code) if code.is_ours() => Level::Error,
        Some(_) => Level::Warn,
        None if is_stale => Level::Error,
        None => Level::Info,
    };
    if !settings.writes(level) {
        return None;
    }
    let documents = decision.outcome.as_ref().map(Response::documents).unwrap_or_default();
    let timestamp = DateTime::from(facts.time);
    let key_age_seconds = facts.key_age.map(|age| age.as_secs());
    let revocation_age_seconds = learned.revocation.and(facts.revocation_age).map(|age| age.as_secs());
    let line = DecisionLine {
        message: match code {
            Some(code) => DecisionMessage::Denied(code),
            None => DecisionMessage::Allowed {
                issuer: learned.issuer.unwrap_or_default(),
                policies: &learned.policies,
                is_stale,
            },
        },
        level,
        timestamp,
        decision: if denial.is_some() { "deny" } else { "allow" },
        code: code.map(|code| code.name()),
        detail: denial.and_then(Denial::detail),
        hint: code.map(|code| code.hint()),
        connection_id: learned.connection_id.as_deref(),
        protocol: learned.protocol.map(Protocol::name),
        request_id: facts.request_id,
        trace_id: facts.trace.and_then(trace_id),
        issuer: learned.issuer,
        kid: learned.kid,
        principal: learned.principal.as_ref().map(|principal| principal.as_str()),
        client_id: learned.client_id.as_deref(),
        policies: &learned.policies,
        documents: documents.len(),
        characters: documents.iter().map(|document| document.get().len()).sum(),
        policy_hash: denial.is_none().then(|| policy_hash(documents.iter().map(|document| document.get()))),
        duration_us: facts.duration.as_micros(),
        cold_start: facts.cold_start,
        key_fetches: facts.key_fetches,
        key_age_seconds,
        revocation_version: learned.revocation.and_then(Revocation::version),
        revocation_age_seconds,
        revocation_fetches: learned.revocation.map(|_| facts.revocation_fetches),
    };
    let outcome = if denial.is_some() { Metric::Refused } else { Metric::Allowed };
    let mut metrics = vec![outcome, Metric::Duration, Metric::KeyFetches];
    metrics.extend(key_age_seconds.map(|_| Metric::KeyAge));
    metrics.extend(revocation_age_seconds.map(|_| Metric::RevocationAge));
    metrics.extend(is_stale.then_some(Metric::RevocationStale));
    metrics.extend(facts.cold_start.then_some(Metric::ColdStarts));
    Some(to_bytes(&line, timestamp, settings, &metrics))
}

/// A fingerprint of policy documents, 32 hexadecimal digits: SipHash-1-3 with 128 bits over the documents, each
/// followed by a line feed. It tells policies apart in the log. It is not a cryptographic hash and proves nothing.
pub fn policy_hash<'d>(documents: impl Iterator<Item = &'d str>) -> String {
    let mut hasher = SipHasher13::new();
    for document in documents {
        hasher.write(document.as_bytes());
        hasher.write(b"\n");
    }
    hex(&hasher.finish128().as_bytes())
}

/// RFC 3339, which Lambda requires of JSON lines.
fn rfc3339<S: Serializer>(time: &DateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.fmt(Format::DateTime).unwrap_or_default())
}

/// The id of the whole trace in X-Ray's header.
/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>
fn trace_id(header: &str) -> Option<&str> {
    header.split(';').find_map(|field| field.trim().strip_prefix("Root="))
}

/// A message that is neither a decision nor a source event, such as a configuration error at start. As plain text, or
/// as one JSON line if the log is JSON; empty if lines of that level are not written.
#[must_use]
pub fn notice(level: Level, message: &str, time: SystemTime, settings: &LogSettings) -> String {
    if !settings.writes(level) {
        return String::new();
    }
    let line = if settings.is_json() {
        serde_json::to_string(&Notice { level, timestamp: time.into(), message }).unwrap_or_default()
    } else {
        message.to_owned()
    };
    line + "\n"
}

#[derive(Serialize)]
struct Notice<'a> {
    level: Level,
    #[serde(serialize_with = "rfc3339")]
    timestamp: DateTime,
    message: &'a str,
}

/// Writes a line's members, then those that every line has, then its metrics.
fn to_bytes(line: &impl Serialize, time: DateTime, settings: &LogSettings, metrics: &[Metric]) -> Vec<u8> {
    let mut text = Vec::with_capacity(LINE_CAPACITY_BYTES);
    if serde_json::to_writer(&mut text, line).is_err() {
        text.clear();
        return text;
    }
    if text.pop_if(|last| *last == b'}').is_some() {
        text.extend_from_slice(settings.constants().as_bytes());
        if !metrics.is_empty() {
            metrics::write(&mut text, time.to_millis().unwrap_or_default(), metrics);
        }
        text.push(b'}');
    }
    text.push(b'\n');
    text
}
