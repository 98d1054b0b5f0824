//! One JSON line for each decision, for operators: what was decided, why, and what to do about it.
//!
//! It holds names out of the configuration, AWS's own ids, and what a signature of ours vouches for. It never holds a token, a
//! password, or a claim of a token that was refused.

use std::time::Duration;

use serde::Serialize;

use crate::authorizer::Decision;

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
    };
    let mut text = serde_json::to_vec(&line).unwrap_or_default();
    text.push(b'\n');
    text
}
