//! `explain`: one decision, step by step, and the reason for its outcome.
//!
//! Each step calls the station of the decision that `authorizer.rs` calls, and shows what it saw. A test compares both
//! for every case of `tests/cases/`. The explanation is for the owner of the token: it contains claims, but never the
//! token.

mod render;
mod rules;
mod text;
mod trace;

pub use text::{ExplanationText, TextOptions};
pub use trace::Trace;

use std::path::PathBuf;
use std::time::SystemTime;

use iot_jwt_authorizer::denial::Denial;
use iot_local_base::timestamp;
use serde::Serialize;
use serde_json::{Value, json};

/// The decision about an event, and its steps.
#[derive(Debug)]
pub struct Explanation {
    /// The time of the decision.
    pub at: SystemTime,
    /// The function's ARN.
    pub function: String,
    /// The issuer's short name, once it is known.
    pub issuer: Option<String>,
    /// Whether the issuer's keys may lack the token's, as the decision sees it.
    pub may_lack_key: bool,
    /// In order. If the event is denied, the last step is the one that failed.
    pub steps: Vec<Step>,
    /// The configuration whose development keys were used, since the token is not signed by an issuer's own key. The
    /// deployed function denies such a token.
    pub development_keys: Option<PathBuf>,
    /// The outcome.
    pub outcome: Result<Granted, Denial>,
}

/// One step of a decision.
#[derive(Debug, Serialize)]
pub struct Step {
    /// What was examined.
    pub name: &'static str,
    /// Whether the step passed.
    pub mark: Mark,
    /// What was found.
    pub rows: Vec<Row>,
}

/// The result of a step or of one of its checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It passed.
    Held,
    /// It failed and caused the denial.
    Failed,
    /// It failed without causing a denial.
    Unmet,
    /// An earlier check failed.
    NotReached,
    /// It is information only.
    Note,
}

/// One check or fact.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The result.
    pub mark: Mark,
    /// What it is about.
    pub name: String,
    /// What was found.
    pub actual: String,
    /// What was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

/// What an allowed token is granted.
#[derive(Debug)]
pub struct Granted {
    /// The issuer's short name.
    pub issuer: String,
    /// The connection's principal.
    pub principal: String,
    /// The client id; an HTTPS publish has none.
    pub client_id: Option<String>,
    /// Every client id that the token may use, filled in; `*` at the end is one or more characters of an id.
    pub client_ids: Vec<String>,
    /// Seconds.
    pub disconnect_after: u64,
    /// Seconds.
    pub refresh_after: u64,
    /// The policy documents.
    pub documents: Vec<Value>,
    /// A fingerprint of the documents in compact form (SipHash-1-3, 128 bits, hex), as in the log: equal policies have
    /// equal hashes.
    pub policy_hash: String,
    /// What each resource of each template grants, in the order of the grants.
    pub pieces: Vec<TemplatePiece>,
}

/// What a single resource of a template grants to one token.
#[derive(Debug)]
pub struct TemplatePiece {
    /// The policy's name.
    pub template: String,
    /// The index of the statement in the file.
    pub statement: usize,
    /// The index of the resource in the statement.
    pub resource: usize,
    /// Documents with this resource alone; none if a value is absent.
    pub documents: Vec<Value>,
}

impl Explanation {
    /// The explanation as text.
    #[must_use]
    pub fn text(&self, options: TextOptions) -> ExplanationText<'_> {
        ExplanationText { explanation: self, options }
    }

    /// The explanation for programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut json = json!({
            "at": timestamp::date(timestamp::seconds(self.at)),
            "function": self.function,
            "steps": self.steps,
            "allowed": self.outcome.is_ok(),
            "developmentKeys": self.development_keys,
        });
        let outcome = match &self.outcome {
            Ok(granted) => json!({
                "issuer": granted.issuer,
                "principalId": granted.principal,
                "clientId": granted.client_id,
                "clientIds": granted.client_ids,
                "disconnectAfterInSeconds": granted.disconnect_after,
                "refreshAfterInSeconds": granted.refresh_after,
                "policyDocuments": granted.documents,
                "policyHash": granted.policy_hash,
            }),
            Err(denial) => json!({
                "code": denial.code().name(),
                "detail": denial.detail(),
                "meaning": denial.code().meaning(),
                "hint": denial.code().hint(),
            }),
        };
        if let (Value::Object(json), Value::Object(outcome)) = (&mut json, outcome) {
            json.extend(outcome);
        }
        json
    }
}

impl Row {
    /// A fact.
    pub(crate) fn note(name: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { mark: Mark::Note, name: name.into(), actual: actual.into(), expected: None }
    }

    /// A check that passed and has no expectation to show.
    pub(crate) fn held(name: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { mark: Mark::Held, ..Self::note(name, actual) }
    }

    /// A check.
    pub(crate) fn check(
        holds: bool,
        name: impl Into<String>,
        actual: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        let mark = if holds { Mark::Held } else { Mark::Failed };
        Self { mark, expected: Some(expected.into()), ..Self::note(name, actual) }
    }
}
