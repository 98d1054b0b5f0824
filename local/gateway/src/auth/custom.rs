//! Custom authentication: calls the authorizer.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/custom-authorizer.html>

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use iot_local_cloud::{AuthorizerTest, Cloud};
use iot_local_lambda::{InvokeError, Lambda};
use iot_local_policy::authorizer_response::{AuthorizerResponse, ResponseError};
use iot_local_policy::{Arn, Context};

use super::authorizers::{Domain, LiveAuthorizer, LiveAuthorizers};
use super::test_invoke::{self, TestResult};
use super::unlogged::UnloggedCalls;
use super::{Admission, Lifetime};
use crate::event::{self, Event, Selection};
use crate::event_log::{EntryKind, EventLog};
use crate::facts::{ConnectionFacts, HttpFacts, MqttFacts};
use crate::functions::{Functions, NoFunction};
use crate::selection::{self, AuthorizerDefinition, SelectionError};
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
    /// No function has the authorizer's ARN.
    #[error(transparent)]
    NoFunction(#[from] NoFunction),
}

/// The authorizers. Every transport calls one before a client may do anything.
pub struct CustomAuthorizer {
    /// The functions, of which the built-in authorizer has one.
    functions: Arc<Functions>,
    definition: AuthorizerDefinition,
    live: RwLock<Arc<LiveAuthorizers>>,
    refreshing: Mutex<()>,
    /// How fast the times of a response pass.
    pub time: TimeScale,
    /// The log of decisions.
    pub event_log: EventLog,
    pub(crate) unlogged: Arc<UnloggedCalls>,
}

impl CustomAuthorizer {
    /// Creates the built-in authorizer. The Region and account of its function are those of the policy's resources.
    /// Clients are denied until [`CustomAuthorizer::refresh`] is called.
    #[must_use]
    pub fn new(
        functions: Arc<Functions>,
        definition: AuthorizerDefinition,
        time: TimeScale,
        event_log: EventLog,
    ) -> Self {
        let (live, refreshing, unlogged) = (RwLock::default(), Mutex::default(), Arc::default());
        Self { functions, definition, live, refreshing, time, event_log, unlogged }
    }

    /// Takes over the authorizers and domains of the registry. Waits while a change is stored.
    pub fn refresh(&self, cloud: &Cloud) {
        // Of two at once, the later one reads later.
        let _guard = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        let live = Arc::new(LiveAuthorizers::of(cloud, &self.definition));
        let earlier = {
            let mut current = self.live.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, Arc::clone(&live))
        };
        for domain in live.unserved() {
            let is_known = |known: &Domain| known.record.domain_name == domain.record.domain_name;
            if !earlier.unserved().any(is_known) {
                let text = format!(
                    "domain configuration {}: {} is not served; help: a domainName that ends in .localhost is",
                    domain.record.name, domain.record.domain_name
                );
                self.event_log.record(None, None, EntryKind::Notice { text });
            }
        }
    }

    /// Returns the authorizers and domains that are in force.
    pub(crate) fn live(&self) -> Arc<LiveAuthorizers> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Selects the authorizer and creates the event for a connection. Without `mqtt`, the event is for an HTTPS
    /// publish.
    ///
    /// # Errors
    /// Why the client is denied without a call of the authorizer.
    pub fn event(&self, facts: &ConnectionFacts, mqtt: Option<&MqttFacts>) -> Result<Event, Denial> {
        let http = facts.http.as_ref();
        let requested = selection::requested_name(http, mqtt)?;
        let authorizer = self.live().select(requested, facts.server_name.as_deref())?;
        let selected = authorizer.definition.find_token(http, mqtt)?;
        let (token, signature) = (selected.token.clone(), selection::signature(http, mqtt));
        let mut event = event::event(selected, facts, mqtt);
        event.selection = Some(Selection { authorizer, token, signature });
        Ok(event)
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
        let (lambda, arn) = self.function_of(&event)?;
        let body = self.invoke(&lambda, &event).await?;
        Ok(AuthorizerResponse::parse(&body, &arn, event.certificate_id.as_deref())?)
    }

    /// Calls an authorizer as TestInvokeAuthorizer does, ACTIVE or not, and logs the call.
    ///
    /// # Errors
    /// Why there is no usable response.
    pub(crate) async fn test(&self, test: &AuthorizerTest) -> Result<TestResult, Denial> {
        let authorizer = self.live().get(&test.authorizer)?;
        let event = test_invoke::event(&authorizer.definition, test)?;
        let (lambda, arn) = self.function(&authorizer)?;
        Ok(TestResult::parse(&self.invoke(&lambda, &event).await?, &arn)?)
    }

    /// Invokes a function and logs the call.
    async fn invoke(&self, lambda: &Lambda, event: &Event) -> Result<Bytes, InvokeError> {
        let start = tokio::time::Instant::now();
        let body = lambda.invoke(event.json.clone()).await;
        let response = body.as_deref().map_err(ToString::to_string);
        self.event_log.record_call(&event.json, response, start.elapsed());
        body
    }

    /// The same without an entry in the event log.
    ///
    /// # Errors
    /// As [`CustomAuthorizer::call`].
    pub async fn call_unlogged(&self, event: Event) -> Result<AuthorizerResponse, Denial> {
        let (lambda, arn) = self.function_of(&event)?;
        let body = lambda.invoke(event.json.clone()).await?;
        Ok(AuthorizerResponse::parse(&body, &arn, event.certificate_id.as_deref())?)
    }

    /// Returns the function that decides about an event. The authorizer may have changed since it was selected: a
    /// refresh sends the event of the connect.
    fn function_of(&self, event: &Event) -> Result<(Arc<Lambda>, Arn), Denial> {
        let Some(selection) = &event.selection else { return Ok(self.own()) };
        let current = self.live().find(selection.authorizer.definition.name.clone())?;
        if !Arc::ptr_eq(&current, &selection.authorizer) {
            current.definition.check_signature(selection.token.clone(), || selection.signature.clone())?;
        }
        self.function(&current)
    }

    /// Returns the function of an authorizer.
    fn function(&self, authorizer: &LiveAuthorizer) -> Result<(Arc<Lambda>, Arn), Denial> {
        let Some(arn) = &authorizer.function else { return Ok(self.own()) };
        Ok((self.functions.find(&authorizer.function_arn)?, arn.clone()))
    }

    fn own(&self) -> (Arc<Lambda>, Arn) {
        (self.functions.own(), self.functions.own_arn().clone())
    }

    /// Returns the running function of the built-in authorizer.
    #[must_use]
    pub fn lambda(&self) -> Arc<Lambda> {
        self.functions.own()
    }

    /// Returns the functions.
    #[must_use]
    pub fn functions(&self) -> &Arc<Functions> {
        &self.functions
    }

    /// Returns the authorizer's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// Returns the header or parameter of a request with a token or the name of an authorizer, if there is one.
    #[must_use]
    pub fn token_place(&self, http: &HttpFacts) -> Option<String> {
        self.live().active().find_map(|authorizer| authorizer.token_place(http).map(str::to_owned))
    }

    /// Whether a response to an event applies to all HTTPS publishes of a connection (`enableCachingForHttp`).
    #[must_use]
    pub fn caches_for_http(&self, event: &Event) -> bool {
        let definition = event.selection.as_ref().map(|selection| &selection.authorizer.definition);
        definition.unwrap_or(&self.definition).caching_for_http
    }
}
