//! A call of the authorizer, as it may be shown.

use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::mask;

/// An event and what the authorizer made of it. Tokens, passwords and whatever else may be secret are masked.
#[derive(Debug, Clone)]
pub struct Call {
    /// The event.
    pub event: Value,
    /// The answer, or why there is none.
    pub answer: Result<Value, String>,
    /// From the event to the answer.
    pub took: Duration,
}

impl Call {
    /// Takes an event and its answer as they are.
    #[must_use]
    pub fn new(event: &[u8], answer: Result<&[u8], String>, took: Duration) -> Self {
        let answer = answer.map(mask::answer).map_err(|error| mask::text(&error));
        Self { event: mask::event(event), answer, took }
    }

    /// The connection that the event is about.
    #[must_use]
    pub fn connection(&self) -> Option<Uuid> {
        self.event.pointer("/connectionMetadata/id")?.as_str()?.parse().ok()
    }

    /// The client id that the event is about.
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        self.event.pointer("/protocolData/mqtt/clientId")?.as_str()
    }

    /// Whether the answer lets the client in, as far as it says so.
    #[must_use]
    pub fn lets_in(&self) -> bool {
        self.answer.as_ref().is_ok_and(|answer| answer.get("isAuthenticated") == Some(&Value::Bool(true)))
    }
}
