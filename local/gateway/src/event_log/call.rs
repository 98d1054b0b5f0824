//! A call of the authorizer, with secrets masked.

use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::mask;

/// An event and its response. Tokens, passwords and other possible secrets are masked.
#[derive(Debug, Clone)]
pub struct AuthorizerCall {
    /// The event.
    pub event: Value,
    /// The response, or the error of a call without one.
    pub response: Result<Value, String>,
    /// The time between event and response.
    pub duration: Duration,
}

impl AuthorizerCall {
    /// Masks an event and its response.
    #[must_use]
    pub fn new(event: &[u8], response: Result<&[u8], String>, duration: Duration) -> Self {
        let response = response.map(mask::response).map_err(|error| mask::text(&error));
        Self { event: mask::event(event), response, duration }
    }

    /// Returns the connection's id in the event.
    #[must_use]
    pub fn connection(&self) -> Option<Uuid> {
        self.event.pointer("/connectionMetadata/id")?.as_str()?.parse().ok()
    }

    /// Returns the client id in the event.
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        self.event.pointer("/protocolData/mqtt/clientId")?.as_str()
    }

    /// Whether `isAuthenticated` of the response is true. The response may still be invalid, or its policy deny the
    /// client.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.response
            .as_ref()
            .is_ok_and(|response| response.get("isAuthenticated") == Some(&Value::Bool(true)))
    }
}
