//! The log: one JSON line for each event, which carries its metrics, and one for each certificate that is made, at
//! once, so that a stopped run leaves its id.
//!
//! A line has names from the configuration, AWS's ids, and names that have passed their alphabet. It never has a
//! certification request, a secret, or a value that was denied.

use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::control::CallError;
use crate::control::aws::Counts;
use crate::denial::Denial;
use crate::function::{Handled, Trigger};
use crate::plan::End;

/// The namespace of all metrics.
const NAMESPACE: &str = "iot-provision";

/// Members of every line.
#[derive(Clone, Copy, Debug)]
pub struct LineFacts<'a> {
    /// When the line is written.
    pub time: SystemTime,
    /// The function's name, the dimension of its metrics.
    pub function: &'a str,
    /// Which of the functions it is.
    pub trigger: Trigger,
    /// Lambda's id of the invocation.
    pub request_id: &'a str,
    /// How long the event has taken.
    pub duration: Duration,
    /// Whether it was the sandbox's first.
    pub cold_start: bool,
    /// The calls of AWS.
    pub counts: Counts,
}

/// How serious a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Level {
    Info,
    Warn,
    Error,
}

#[derive(Serialize)]
struct Line<'a> {
    message: String,
    level: Level,
    #[serde(serialize_with = "rfc3339")]
    timestamp: SystemTime,
    function: &'a str,
    trigger: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_certificate_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'a str>,
    request_id: &'a str,
    calls: u32,
    throttled: u32,
    duration_us: u128,
    cold_start: bool,
    #[serde(flatten)]
    metrics: Value,
}

/// The line of an event, with its line feed.
#[must_use]
pub fn line(handled: &Handled<'_>, facts: &LineFacts<'_>) -> Vec<u8> {
    let denial = handled.denial();
    let error = handled.outcome.as_ref().err();
    let (outcome, level) = match (&handled.outcome, denial) {
        (Err(_), _) => ("failed", Level::Error),
        (Ok(_), Some(_)) => ("denied", Level::Warn),
        (Ok(conclusion), None) if conclusion.end == End::Unchanged => ("unchanged", Level::Info),
        (Ok(_), None) => ("provisioned", Level::Info),
    };
    let found = handled.outcome.as_ref().ok().and_then(|conclusion| conclusion.certificate.as_deref());
    let line = Line {
        message: message(outcome, denial, error, handled),
        level,
        timestamp: facts.time,
        function: facts.function,
        trigger: facts.trigger.name(),
        outcome,
        code: denial.map(|denial| denial.code().name()),
        detail: denial.and_then(Denial::detail),
        hint: denial.map(|denial| denial.code().hint()),
        error: error.map(ToString::to_string),
        device: handled.device.as_deref(),
        certificate_id: found.or(handled.certificate.as_deref()),
        ca_certificate_id: handled.authority,
        template: handled.template,
        client_id: handled.client_id.as_deref(),
        identity: handled.identity.as_deref(),
        policy: handled.policy,
        request_id: facts.request_id,
        calls: facts.counts.calls,
        throttled: facts.counts.throttled,
        duration_us: facts.duration.as_micros(),
        cold_start: facts.cold_start,
        metrics: metrics(outcome, denial.is_some(), facts),
    };
    to_bytes(&line)
}

/// The line of a certificate that was made, with its line feed.
#[must_use]
pub fn made(
    certificate: &str,
    device: Option<&str>,
    request_id: &str,
    function: &str,
    time: SystemTime,
) -> Vec<u8> {
    to_bytes(&json!({
        "message": "made a certificate, which is INACTIVE and has no rights yet",
        "level": "INFO",
        "timestamp": DateTime::from(time).fmt(Format::DateTime).unwrap_or_default(),
        "function": function,
        "event": "certificate_made",
        "certificate_id": certificate,
        "device": device,
        "request_id": request_id,
    }))
}

/// The line of an error at start, with its line feed.
#[must_use]
pub fn notice(message: &str, time: SystemTime) -> Vec<u8> {
    let timestamp = DateTime::from(time).fmt(Format::DateTime).unwrap_or_default();
    to_bytes(&json!({ "message": message, "level": "ERROR", "timestamp": timestamp }))
}

/// `provisioned sensor-1`, or `denied revoked: the certificate is revoked`.
fn message(
    outcome: &str,
    denial: Option<&Denial>,
    error: Option<&CallError>,
    handled: &Handled<'_>,
) -> String {
    let name = handled.device.as_deref().or(handled.identity.as_deref()).unwrap_or_default();
    match (denial, error) {
        (Some(denial), _) => format!("denied {}: {}", denial.code(), denial.code().message()),
        (None, Some(error)) => format!("failed: {error}"),
        (None, None) => format!("{outcome} {name}").trim_end().to_owned(),
    }
}

/// Metrics in the embedded metric format.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
fn metrics(outcome: &str, is_denied: bool, facts: &LineFacts<'_>) -> Value {
    let metric = |name: &str, unit: &str| json!({ "Name": name, "Unit": unit });
    let mut all =
        vec![metric(outcome, "Count"), metric("throttled", "Count"), metric("duration_us", "Microseconds")];
    all.extend(facts.cold_start.then(|| metric("cold_starts", "Count")));
    let set = |dimensions: Value, metrics: Value| json!({ "Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics });
    let mut sets = vec![set(json!(["function"]), json!(all))];
    if is_denied {
        sets.push(set(json!(["function", "code"]), json!([metric("denied", "Count")])));
    }
    let since = facts.time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let milliseconds = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let mut members = json!({ "_aws": { "Timestamp": milliseconds, "CloudWatchMetrics": sets } });
    if let Some(members) = members.as_object_mut() {
        members.insert(outcome.to_owned(), json!(1));
        members.extend(facts.cold_start.then(|| ("cold_starts".to_owned(), json!(1))));
    }
    members
}

/// RFC 3339, which Lambda requires of JSON lines.
fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&DateTime::from(*time).fmt(Format::DateTime).unwrap_or_default())
}

fn to_bytes(line: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
