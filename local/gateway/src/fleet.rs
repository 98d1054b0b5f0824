//! Fleet provisioning over MQTT: from a request on a reserved topic to its answer. The registry decides; here are
//! topics, formats, the hook's invocation and the event log. The broker delivers the answer to the asking connection
//! alone.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/fleet-provision-api.html>

mod payload;
mod topics;

use std::sync::Arc;

use bytes::Bytes;
use iot_local_cloud::Cloud;
use iot_local_cloud::fleet::{Attempt, Caller, Rejection};
use serde_json::{Map, Value};
use uuid::Uuid;

use self::topics::{FleetOperation, FleetTopic};
use crate::auth::Authenticators;
use crate::event_log::EntryKind;

/// A request of a client, which the policy has allowed. Not `Debug`: it may hold an ownership token.
pub(crate) struct FleetRequest {
    pub(crate) caller: Caller,
    /// The id of the connection, for the event log.
    pub(crate) connection: Uuid,
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
}

/// An answer. Not `Debug`: it may hold a private key and an ownership token.
pub(crate) struct FleetAnswer {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
}

/// Carries out requests of fleet provisioning.
pub(crate) struct Fleet {
    auth: Arc<Authenticators>,
}

/// What a request results in: the answer, and what the event log says about it.
type Outcome = Result<(Value, String), Rejection>;

impl Fleet {
    pub(crate) fn new(auth: Arc<Authenticators>) -> Self {
        Self { auth }
    }

    /// Carries out a request. `None` for a topic without requests, which the event log has.
    pub(crate) async fn answer(&self, request: &FleetRequest) -> Option<FleetAnswer> {
        let Some(topic) = FleetTopic::parse(&request.topic) else {
            let topic = &request.topic;
            self.note(request, format!("{topic} is not a topic of requests of fleet provisioning"));
            return None;
        };
        let outcome = match topic.format.decode(&request.payload) {
            Ok(payload) => self.carry_out(&topic, request.caller.clone(), payload).await,
            Err(reason) => Err(Rejection::payload(reason)),
        };
        let (suffix, answer, text) = match outcome {
            Ok((answer, text)) => ("accepted", answer, text),
            Err(rejection) => {
                let Rejection { status, code, reason, .. } = &rejection;
                let text = format!("{} REJECTED with {status} {code}: {reason}", request.topic);
                ("rejected", rejection.answer(), text)
            }
        };
        self.note(request, format!("fleet provisioning: {text}"));
        let payload = topic.format.encode(&answer).into();
        Some(FleetAnswer { topic: format!("{}/{suffix}", request.topic), payload })
    }

    /// Writes a line to the event log.
    pub(crate) fn note(&self, request: &FleetRequest, text: String) {
        let (connection, client) = (Some(request.connection), Some(request.caller.client_id.as_str()));
        self.auth.custom.event_log.record(connection, client, EntryKind::Notice { text });
    }

    async fn carry_out(
        &self,
        topic: &FleetTopic<'_>,
        caller: Caller,
        payload: Map<String, Value>,
    ) -> Outcome {
        match topic.operation {
            FleetOperation::CreateKeys => {
                self.blocking(move |cloud| cloud.create_fleet_keys(&caller).map(created)).await
            }
            FleetOperation::CreateFromCsr => {
                self.blocking(move |cloud| cloud.create_fleet_certificate(&caller, &payload).map(created))
                    .await
            }
            FleetOperation::Provision(template) => self.provision(template.to_owned(), caller, payload).await,
        }
    }

    async fn provision(&self, template: String, caller: Caller, payload: Map<String, Value>) -> Outcome {
        let name = template.clone();
        let attempt = self.blocking(move |cloud| cloud.start_provisioning(caller, &name, &payload)).await?;
        let answer = self.ask_hook(&attempt).await;
        self.blocking(move |cloud| {
            let answer = cloud.finish_provisioning(&attempt, answer)?;
            let thing = answer.get("thingName").and_then(Value::as_str).unwrap_or("no thing");
            let id = attempt.certificate_id();
            let text = format!("template {template} has provisioned {thing} with certificate {id}");
            Ok((answer, text))
        })
        .await
    }

    /// Invokes the hook of a template, which has five seconds to answer, as any function that AWS IoT waits for.
    async fn ask_hook(&self, attempt: &Attempt) -> Option<Result<Vec<u8>, String>> {
        let (arn, event) = attempt.hook()?;
        let answer = self.auth.custom.functions().invoke(arn, event.into()).await;
        Some(answer.map(|answer| answer.to_vec()).map_err(|error| error.to_string()))
    }

    /// Runs what makes keys or waits for the disk.
    async fn blocking<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Cloud) -> Result<T, Rejection> + Send + 'static,
    ) -> Result<T, Rejection> {
        let Some(cloud) = self.auth.x509.cloud() else {
            return Err(Rejection::internal("the registry is closed"));
        };
        let done = tokio::task::spawn_blocking(move || run(&cloud)).await;
        done.unwrap_or_else(|_| Err(Rejection::internal("the request was not carried out")))
    }
}

/// Adds what the event log says about a new certificate.
fn created(answer: Value) -> (Value, String) {
    let id = answer.get("certificateId").and_then(Value::as_str).unwrap_or_default();
    let text =
        format!("certificate {id} is created, PENDING_ACTIVATION until it is provisioned within an hour");
    (answer, text)
}
