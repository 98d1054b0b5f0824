//! Asking the authorizer.

use bytes::Bytes;
use std::sync::Arc;

use crate::answer::{Answer, Refusal};
use crate::clock::Scale;
use crate::event::{self, Authorizer, Door, MqttFacts};
use crate::journal::Journal;
use crate::lambda::{InvokeError, Lambda};
use crate::policy::Arn;

/// Why a client is not let in, for the operator. The client is only refused.
#[derive(Debug, thiserror::Error)]
pub enum Denial {
    /// The authorizer said no, or gave an answer that AWS IoT would not accept.
    #[error(transparent)]
    Answer(#[from] Refusal),
    /// There is no answer.
    #[error(transparent)]
    Function(#[from] InvokeError),
}

/// What every transport asks before it lets a client do anything.
pub struct Gate {
    lambda: Arc<Lambda>,
    authorizer: Authorizer,
    arn: Arn,
    /// How fast the seconds of an answer pass.
    pub time: Scale,
    /// Where decisions are written.
    pub journal: Journal,
}

impl Gate {
    /// `arn` is the function's; its Region and account are those of the resources.
    #[must_use]
    pub fn new(lambda: Arc<Lambda>, authorizer: Authorizer, arn: Arn, time: Scale, journal: Journal) -> Self {
        Self { lambda, authorizer, arn, time, journal }
    }

    /// The event for a connection; without `mqtt` that of an HTTPS publish.
    #[must_use]
    pub fn event(&self, door: &Door, mqtt: Option<&MqttFacts>) -> Bytes {
        event::event(&self.authorizer, door, mqtt)
    }

    /// Invokes the function with the event and validates its answer.
    ///
    /// # Errors
    /// Why the client is refused.
    pub async fn ask(&self, event: Bytes) -> Result<Answer, Denial> {
        let certificate = certificate(&event);
        let body = self.lambda.invoke(event).await?;
        Ok(Answer::read(&body, &self.arn, certificate.as_deref())?)
    }
}

/// The id of the client's certificate, if the event has one: then the answer has to name it.
fn certificate(event: &[u8]) -> Option<String> {
    let event: serde_json::Value = serde_json::from_slice(event).ok()?;
    event.pointer("/protocolData/tls/principalId")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_says_whether_there_is_a_certificate() {
        let with = br#"{"protocolData":{"tls":{"principalId":"5f0c"},"mqtt":{"clientId":"c"}}}"#;
        assert_eq!(certificate(with).as_deref(), Some("5f0c"));
        for without in [&br#"{"protocolData":{"tls":{}}}"#[..], br#"{"principalId":"5f0c"}"#, b"{}", b""] {
            assert_eq!(certificate(without), None);
        }
    }
}
