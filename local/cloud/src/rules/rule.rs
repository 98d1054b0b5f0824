//! A rule that is ready to run: its statement and its actions are parsed.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::action::{Action, InvalidAction};
use super::sql::{self, SqlError, Statement};
use crate::registry::TopicRule;

/// How the topics of Basic Ingest begin.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/iot-basic-ingest.html>
const BASIC_INGEST: &str = "$aws/rules/";

/// A parsed rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Its statement.
    pub statement: Statement,
    /// Its actions, in order.
    pub actions: Vec<Action>,
    /// What it does with the failures of its actions.
    pub error_action: Option<Action>,
}

/// Why a stored rule cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRule {
    /// Its statement is invalid.
    #[error("sql: {0}")]
    Sql(#[from] SqlError),
    /// An action is invalid.
    #[error(transparent)]
    Action(#[from] InvalidAction),
}

/// A payload. It is read as JSON once, for all rules.
#[derive(Debug, Clone)]
pub struct Payload<'a> {
    bytes: &'a [u8],
    /// Absent if the payload is not JSON.
    json: Option<Arc<Value>>,
}

impl<'a> Payload<'a> {
    /// Reads a payload.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, json: serde_json::from_slice(bytes).ok().map(Arc::new) }
    }

    /// Returns the bytes.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// A message, and who sent it.
#[derive(Debug, Clone)]
pub struct RuleMessage<'a> {
    /// The topic, without the prefix of Basic Ingest.
    pub topic: &'a str,
    /// The payload.
    pub payload: Payload<'a>,
    /// The MQTT client id. Absent for HTTPS.
    pub client_id: Option<&'a str>,
    /// The principal.
    pub principal: Option<&'a str>,
    /// When the message arrived, milliseconds since 1970.
    pub timestamp_ms: i64,
}

/// The result of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Selected {
    /// JSON.
    Json(Value),
    /// The payload as it is, which is not JSON.
    Payload,
}

impl Rule {
    /// Parses a stored rule.
    ///
    /// # Errors
    /// See [`InvalidRule`]. Only a rule of another version can have one: the API checks what it stores.
    pub fn new(rule: &TopicRule) -> Result<Self, InvalidRule> {
        let read = |action: &Map<String, Value>| Action::read(action);
        Ok(Self {
            name: rule.name.clone(),
            statement: Statement::parse(&rule.sql)?,
            actions: rule.actions.iter().map(read).collect::<Result<_, _>>()?,
            error_action: rule.error_action.as_ref().map(read).transpose()?,
        })
    }

    /// Returns the topic that the rule sees, if the rule is for messages of a topic: one that its filter matches. A
    /// topic of Basic Ingest names the rule, and its rest must match. That it must is assumed.
    #[must_use]
    pub fn topic<'a>(&self, topic: &'a str) -> Option<&'a str> {
        let seen = match ingest(topic) {
            Some((name, rest)) if name == self.name => rest,
            Some(_) => return None,
            None => topic,
        };
        self.statement.matches(seen).then_some(seen)
    }

    /// Evaluates the statement for a message whose topic its filter matches. `None` if the condition is not true.
    ///
    /// # Errors
    /// The payload is not JSON, and the statement reads it.
    pub fn select(&self, message: &RuleMessage<'_>) -> Result<Option<Selected>, String> {
        if message.payload.json.is_none() && self.statement.reads_members() {
            return Err("the payload is not JSON, but the statement reads its members".to_owned());
        }
        let result = self.statement.evaluate(&message.as_sql());
        let is_raw = message.payload.json.is_none() && self.statement.selects_payload();
        Ok(result.map(|value| if is_raw { Selected::Payload } else { Selected::Json(value) }))
    }
}

/// Returns the name of a rule and the rest of the topic, for a topic of Basic Ingest.
#[must_use]
pub(super) fn ingest(topic: &str) -> Option<(&str, &str)> {
    let rest = topic.strip_prefix(BASIC_INGEST)?;
    Some(rest.split_once('/').unwrap_or((rest, "")))
}

impl RuleMessage<'_> {
    /// Returns the rule that a topic of Basic Ingest names.
    #[must_use]
    pub fn ingest_rule(topic: &str) -> Option<&str> {
        ingest(topic).map(|(name, _)| name)
    }

    /// Returns the message as statements and templates see it. A payload that is not JSON is null.
    #[must_use]
    pub fn as_sql(&self) -> sql::Message<'_> {
        sql::Message {
            topic: self.topic,
            payload: self.payload.json.as_deref().unwrap_or(&Value::Null),
            client_id: self.client_id,
            principal: self.principal,
            timestamp_ms: self.timestamp_ms,
        }
    }
}
