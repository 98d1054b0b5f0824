//! Asking the authorizer.

use std::sync::Arc;

use crate::answer::{Answer, Refusal};
use crate::clock::Scale;
use crate::event::{self, Door, Event, MqttFacts};
use crate::journal::Journal;
use crate::lambda::{InvokeError, Lambda};
use crate::policy::Arn;
use crate::selection::{Authorizer, Unselected};

/// Why a client is not let in, for the operator. The client is only refused.
#[derive(Debug, thiserror::Error)]
pub enum Denial {
    /// The authorizer is not even asked.
    #[error(transparent)]
    Unselected(#[from] Unselected),
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

    /// Selects the authorizer and makes the event for a connection; without `mqtt` that of an HTTPS publish.
    ///
    /// # Errors
    /// Why the client is refused without asking.
    pub fn event(&self, door: &Door, mqtt: Option<&MqttFacts>) -> Result<Event, Denial> {
        Ok(event::event(self.authorizer.select(door.http.as_ref(), mqtt)?, door, mqtt))
    }

    /// Invokes the function with the event and validates its answer.
    ///
    /// # Errors
    /// Why the client is refused.
    pub async fn ask(&self, event: Event) -> Result<Answer, Denial> {
        let start = tokio::time::Instant::now();
        let body = self.lambda.invoke(event.json.clone()).await;
        let answer = body.as_deref().map_err(ToString::to_string);
        self.journal.asked(&event.json, answer, start.elapsed());
        let body = body?;
        Ok(Answer::read(&body, &self.arn, event.certificate_id.as_deref())?)
    }

    /// Whether an answer holds for all HTTPS publishes of one connection.
    #[must_use]
    pub fn caches_for_http(&self) -> bool {
        self.authorizer.caching_for_http
    }
}
