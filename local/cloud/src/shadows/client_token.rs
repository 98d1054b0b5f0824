//! The client token of a request.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-document.html#client-token>

use serde_json::Value;

/// A text by which a client finds the answer to its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientToken(pub(super) String);

impl ClientToken {
    /// Returns the token for an answer.
    pub(super) fn value(&self) -> Value {
        self.0.as_str().into()
    }
}
