//! `explain`: one decision, step by step, and why it came out as it did.
//!
//! The steps call the library's own pieces in the order of its `authorizer.rs`, so what they say is what the function does; a test
//! compares both for every case of `tests/cases/`. What is said here is for the person who brought the token: it has claims in it, but
//! never the token.

mod command;
mod rules;
mod text;
mod walk;

pub use command::{ExplainArgs, ExplainError, run};
pub(crate) use rules::quoted as shown;
pub use walk::{NamedKeys, Walk};

use std::time::SystemTime;

use iot_jwt_authorizer::denial::Denial;
use serde::Serialize;
use serde_json::{Value, json};

use crate::moment;

/// What became of an event, and how.
#[derive(Debug)]
pub struct Explanation {
    /// The time of the decision.
    pub at: SystemTime,
    /// The function that was asked.
    pub function: String,
    /// The issuer's short name, once it is known.
    pub issuer: Option<String>,
    /// In order; the last is the one that refused, if one did.
    pub steps: Vec<Step>,
    /// What came of it.
    pub outcome: Result<Granted, Denial>,
}

/// One step of a decision.
#[derive(Debug, Serialize)]
pub struct Step {
    /// What was looked at.
    pub name: &'static str,
    /// Whether the decision went on from here.
    pub mark: Mark,
    /// What was found.
    pub rows: Vec<Row>,
}

/// What became of a step or of one of its checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It held.
    Held,
    /// It did not hold, and that is the refusal.
    Failed,
    /// It did not hold, which is no refusal by itself.
    Unmet,
    /// An earlier check refused.
    NotReached,
    /// It is merely told.
    Told,
}

/// One check or fact.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What became of it.
    pub mark: Mark,
    /// What it is about.
    pub name: String,
    /// What was there.
    pub actual: String,
    /// What had to be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

/// What a token was given.
#[derive(Debug)]
pub struct Granted {
    /// The issuer's short name.
    pub issuer: String,
    /// Who AWS IoT takes the connection for.
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
    /// SHA-256 of the documents in compact form, one a line, in hex: equal policies have equal hashes.
    pub policy_hash: String,
    /// Which resource of which template gave what, in the order of the grants.
    pub pieces: Vec<Piece>,
}

/// What one resource of a template came to for one token.
#[derive(Debug)]
pub struct Piece {
    /// The policy's name.
    pub template: String,
    /// The statement's place in the file, from 0.
    pub statement: usize,
    /// The resource's place in the statement, from 0.
    pub resource: usize,
    /// Documents with this alone; none where a value was absent.
    pub documents: Vec<Value>,
}

impl Explanation {
    /// The whole explanation for a program.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut json = json!({
            "at": moment::date(moment::seconds(self.at)),
            "function": self.function,
            "steps": self.steps,
            "allowed": self.outcome.is_ok(),
        });
        let more = match &self.outcome {
            Ok(granted) => json!({
                "issuer": granted.issuer,
                "principalId": granted.principal,
                "clientId": granted.client_id,
                "clientIds": granted.client_ids,
                "disconnectAfterInSeconds": granted.disconnect_after,
                "refreshAfterInSeconds": granted.refresh_after,
                "policyDocuments": granted.documents,
                "policySha256": granted.policy_hash,
            }),
            Err(denial) => json!({
                "code": denial.code().name(),
                "detail": denial.detail(),
                "meaning": denial.code().meaning(),
                "hint": denial.code().hint(),
            }),
        };
        if let (Value::Object(all), Value::Object(more)) = (&mut json, more) {
            all.extend(more);
        }
        json
    }
}

impl Row {
    /// A fact.
    pub(crate) fn told(name: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { mark: Mark::Told, name: name.into(), actual: actual.into(), expected: None }
    }

    /// A check.
    pub(crate) fn check(
        holds: bool,
        name: impl Into<String>,
        actual: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        let mark = if holds { Mark::Held } else { Mark::Failed };
        Self { mark, name: name.into(), actual: actual.into(), expected: Some(expected.into()) }
    }
}
