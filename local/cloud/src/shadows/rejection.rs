//! Why a request is rejected, with AWS's codes and messages.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-error-messages.html>

use serde_json::{Map, Value};

use super::MAX_LEVELS;
use super::client_token::ClientToken;
use crate::error::ApiError;

/// The rejection of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowRejection {
    /// The status of HTTP, which the answer over MQTT has as `code`.
    pub code: u16,
    /// The message for the device. It holds nothing of the state.
    pub message: String,
    /// The client token of the request.
    token: Option<ClientToken>,
}

impl ShadowRejection {
    /// Returns the payload for the topic `rejected`.
    #[must_use]
    pub fn answer(&self) -> Value {
        let mut members = Map::new();
        members.insert("code".to_owned(), self.code.into());
        members.insert("message".to_owned(), self.message.clone().into());
        if let Some(token) = &self.token {
            members.insert("clientToken".to_owned(), token.value());
        }
        Value::Object(members)
    }

    /// Returns AWS's name of the error over HTTPS.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.code {
            403 => "ForbiddenException",
            404 => "ResourceNotFoundException",
            409 => "ConflictException",
            413 => "RequestEntityTooLargeException",
            415 => "UnsupportedDocumentEncodingException",
            429 => "ThrottlingException",
            500 => "InternalFailureException",
            _ => "InvalidRequestException",
        }
    }

    /// 500: the request was not carried out.
    #[must_use]
    pub fn failed() -> Self {
        Self { code: 500, message: "Internal service failure".to_owned(), token: None }
    }

    pub(super) fn throttled(thing: &str, token: Option<ClientToken>) -> Self {
        Self { code: 429, message: format!("Too many requests in flight for thing {thing}"), token }
    }

    pub(super) fn invalid(message: impl Into<String>, token: Option<ClientToken>) -> Self {
        Self { code: 400, message: message.into(), token }
    }

    pub(super) fn too_deep(token: Option<ClientToken>) -> Self {
        let message = format!("JSON contains too many levels of nesting; maximum is {MAX_LEVELS}");
        Self::invalid(message, token)
    }

    pub(super) fn not_found(name: &str, token: Option<ClientToken>) -> Self {
        Self { code: 404, message: format!("No shadow exists with name: '{name}'"), token }
    }

    pub(super) fn conflict(token: Option<ClientToken>) -> Self {
        Self { code: 409, message: "Version conflict".to_owned(), token }
    }

    pub(super) fn too_large(token: Option<ClientToken>) -> Self {
        Self { code: 413, message: "The payload exceeds the maximum size allowed".to_owned(), token }
    }

    pub(super) fn encoding() -> Self {
        // AWS's words.
        let message = "Unsupported documented encoding; supported encoding is UTF-8".to_owned();
        Self { code: 415, message, token: None }
    }

    /// The reason is for the operator: the disk, not the device.
    pub(super) fn internal(_reason: ApiError, token: Option<ClientToken>) -> Self {
        Self { token, ..Self::failed() }
    }
}
