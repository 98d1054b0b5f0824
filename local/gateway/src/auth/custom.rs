//! Custom authentication: calls the authorizer.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/custom-authorizer.html>

use std::sync::{Arc, PoisonError, RwLock};

use iot_local_lambda::{InvokeError, Lambda};
use iot_local_policy::authorizer_response::{AuthorizerResponse, ResponseError};
use iot_local_policy::{Arn, Context};

use super::unlogged::UnloggedCalls;
use super::{Admission, Lifetime};
use crate::event::{self, Event};
use crate::event_log::EventLog;
use crate::facts::{ConnectionFacts, HttpFacts, MqttFacts};
use crate::selection::{AuthorizerDefinition, SelectionError};
use crate::time_scale::TimeScale;

/// Why a client is denied, for the operator. The client does not receive the reason.
#[derive(Debug, thiserror::Error)]
pub enum Denial {
    /// The gateway denies the client without a call of the authorizer.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// The authorizer denies the client, or its response is invalid.
    #[error(transparent)]
    Response(#[from] ResponseError),
    /// The authorizer sends no response.
    #[error(transparent)]
    Function(#[from] InvokeError),
}

/// The authorizer. Every transport calls it before a client may do anything.
pub struct CustomAuthorizer {
    lambda: RwLock<Arc<Lambda>>,
    definition: AuthorizerDefinition,
    arn: Arn,
    /// How fast the times of a response pass.
    pub time: TimeScale,
    /// The log of decisions.
    pub event_log: EventLog,
    pub(crate) unlogged: Arc<UnloggedCalls>,
}

impl CustomAuthorizer {
    /// Creates an authorizer. `arn` is the function's; its Region and account are those of the policy's resources.
    #[must_use]
    pub fn new(
        lambda: Arc<Lambda>,
        definition: AuthorizerDefinition,
        arn: Arn,
        time: TimeScale,
        event_log: EventLog,
    ) -> Self {
        let lambda = RwLock::new(lambda);
        Self { lambda, definition, arn, time, event_log, unlogged: Arc::default() }
    }

    /// Selects the authorizer and creates the event for a connection. Without `mqtt`, the event is for an HTTPS
    /// publish.
    ///
    /// # Errors
    /// Why the client is denied without a call of the authorizer.
    pub fn event(&self, facts: &ConnectionFacts, mqtt: Option<&MqttFacts>) -> Result<Event, Denial> {
        Ok(event::event(self.definition.select(facts.http.as_ref(), mqtt)?, facts, mqtt))
    }

    /// Authenticates a client whose actions are decided with the values in `context`.
    ///
    /// # Errors
    /// Why the client is denied.
    pub async fn admit(&self, event: Event, context: Context) -> Result<Admission, Denial> {
        let AuthorizerResponse { principal, policy, disconnect_after, refresh_after, .. } =
            self.call(event).await?;
        let lifetime = Some(Lifetime { disconnect_after, refresh_after });
        Ok(Admission { principal, permissions: Arc::new(policy), context, lifetime })
    }

    /// Invokes the function with the event, logs the call, and parses the response.
    ///
    /// # Errors
    /// Why the client is denied.
    pub async fn call(&self, event: Event) -> Result<AuthorizerResponse, Denial> {
        let start = tokio::time::Instant::now();
        let body = self.lambda().invoke(event.json.clone()).await;
        let response = body.as_deref().map_err(ToString::to_string);
        self.event_log.record_call(&event.json, response, start.elapsed());
        self.parse(&body?, &event)
    }

    /// The same without an entry in the event log.
    ///
    /// # Errors
    /// As [`CustomAuthorizer::call`].
    pub async fn call_unlogged(&self, event: Event) -> Result<AuthorizerResponse, Denial> {
        self.parse(&self.lambda().invoke(event.json.clone()).await?, &event)
    }

    fn parse(&self, body: &[u8], event: &Event) -> Result<AuthorizerResponse, Denial> {
        Ok(AuthorizerResponse::parse(body, &self.arn, event.certificate_id.as_deref())?)
    }

    /// Returns the running function.
    #[must_use]
    pub fn lambda(&self) -> Arc<Lambda> {
        Arc::clone(&self.lambda.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the function. The earlier one ends once its last invocation has ended.
    pub(crate) fn replace(&self, lambda: Arc<Lambda>) {
        *self.lambda.write().unwrap_or_else(PoisonError::into_inner) = lambda;
    }

    /// Returns the authorizer's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// Whether a request has a token, or names an authorizer.
    #[must_use]
    pub fn has_token(&self, http: &HttpFacts) -> bool {
        self.definition.has_token(http)
    }

    /// Whether a response applies to all HTTPS publishes of a connection (`enableCachingForHttp`).
    #[must_use]
    pub fn caches_for_http(&self) -> bool {
        self.definition.caching_for_http
    }
}
