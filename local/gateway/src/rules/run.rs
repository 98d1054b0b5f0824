//! One message for its rules: what waits in the queue, and what one rule does with it.

use std::sync::Arc;

use bytes::Bytes;
use iot_local_cloud::rules::{Action, ActionFailure, Payload, Rule, RuleMessage, Selected, error_message};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use crate::message::Message;

/// A message that waits for its rules.
pub(super) struct Job {
    pub(super) message: Message,
    /// The rules at the time of the message.
    pub(super) rules: Vec<Arc<Rule>>,
    /// When the message arrived, milliseconds since 1970.
    pub(super) timestamp_ms: i64,
    /// Its room in the queue, until the last action has ended.
    pub(super) permit: OwnedSemaphorePermit,
}

/// A message, and the room that it takes until the last of its actions has ended.
pub(super) struct Source {
    pub(super) message: Message,
    timestamp_ms: i64,
    _permit: OwnedSemaphorePermit,
}

impl Job {
    /// Separates the rules from the message, which their actions share.
    pub(super) fn split(self) -> (Vec<Arc<Rule>>, Arc<Source>) {
        let Self { message, rules, timestamp_ms, permit } = self;
        (rules, Arc::new(Source { message, timestamp_ms, _permit: permit }))
    }
}

impl Source {
    /// Returns the message as rules see it. The topic may have the prefix of Basic Ingest.
    pub(super) fn as_rule_message(&self) -> RuleMessage<'_> {
        RuleMessage {
            topic: &self.message.topic,
            payload: Payload::new(&self.message.payload),
            client_id: self.message.publisher.client_id.as_deref(),
            principal: self.message.publisher.principal.as_deref(),
            timestamp_ms: self.timestamp_ms,
        }
    }

    /// Returns the MQTT client id of the publisher.
    pub(super) fn client_id(&self) -> Option<&str> {
        self.message.publisher.client_id.as_deref()
    }
}

/// A rule that runs for a message.
#[derive(Clone)]
pub(super) struct Run {
    pub(super) rule: Arc<Rule>,
    pub(super) source: Arc<Source>,
}

impl Run {
    /// Returns the message as the rule sees it.
    pub(super) fn message(&self) -> RuleMessage<'_> {
        let message = self.source.as_rule_message();
        let topic = self.rule.topic(message.topic).unwrap_or(message.topic);
        RuleMessage { topic, ..message }
    }

    /// Evaluates the statement. Returns the body for the actions, or nothing if the condition is not true.
    ///
    /// # Errors
    /// The statement cannot be evaluated.
    pub(super) fn select(&self, message: &RuleMessage<'_>) -> Result<Option<Body>, ActionFailure> {
        let selected = self.rule.select(message).map_err(|error| ActionFailure {
            action: "SQL",
            resource: self.rule.statement.to_string(),
            message: error,
        })?;
        Ok(selected.map(|selected| match selected {
            Selected::Json(value) => Body { bytes: Bytes::from(value.to_string()), is_json: true },
            Selected::Payload => Body { bytes: self.source.message.payload.clone(), is_json: false },
        }))
    }

    /// Returns the message for the error action.
    pub(super) fn error_body(&self, failures: &[ActionFailure]) -> Body {
        let trace_id = Uuid::new_v4().to_string();
        let message: Value = error_message(&self.rule.name, &trace_id, &self.message(), failures);
        Body { bytes: Bytes::from(message.to_string()), is_json: true }
    }
}

/// What an action sends.
#[derive(Clone)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    /// Functions take only JSON.
    pub(super) is_json: bool,
}

/// Returns the failure of an action.
pub(super) fn failure(action: &Action, message: String) -> ActionFailure {
    ActionFailure { action: action.failure_name(), resource: action.resource().to_owned(), message }
}
