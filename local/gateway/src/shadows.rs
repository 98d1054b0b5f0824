//! Device shadows: requests that clients and rules publish, and the messages that answer them. The registry decides;
//! here are topics, order and the event log. Subscribers get the messages as any other, if their policies allow it.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-mqtt.html>
//!
//! ```text
//! message -> Shadows (topic of a request) -> lane of the shadow -> registry -> Outbox: accepted, delta, documents
//!                                                                           -> Outbox: rejected, and the event log
//! ```

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use iot_local_cloud::Cloud;
use iot_local_cloud::shadows::{ShadowId, ShadowRejection};
use iot_local_policy::shadow_topic::{ShadowRequest, ShadowTopic};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::auth::Authenticators;
use crate::event_log::{EntryKind, EventLog};
use crate::message::{Message, Observer, Outbox};

/// How many shadows are changed at a time. Their changes are written to the disk together.
const LANES: usize = 8;

/// What may wait, in KiB: 16 MiB.
const CAPACITY_KIB: usize = 16 * 1024;

/// What a request takes in addition to its payload, in KiB.
const OVERHEAD_KIB: usize = 1;

/// Takes requests for shadows. Those for one shadow are carried out in their order.
pub(crate) struct Shadows {
    lanes: Vec<mpsc::UnboundedSender<Job>>,
    capacity: Arc<Semaphore>,
    taken: AtomicU64,
    outbox: Outbox,
    event_log: EventLog,
}

/// A request that waits.
struct Job {
    id: ShadowId,
    request: ShadowRequest,
    payload: Bytes,
    client_id: Option<String>,
    /// How many rules in a row have republished the request. The answers count as it does, so that a rule that reads
    /// answers and updates the shadow ends.
    republished: u8,
    _permit: OwnedSemaphorePermit,
}

/// Carries out the requests.
pub(crate) struct ShadowWorker {
    lanes: Vec<mpsc::UnboundedReceiver<Job>>,
}

impl Shadows {
    /// Creates the entrance and the worker.
    pub(crate) fn new(outbox: Outbox, event_log: EventLog) -> (Arc<Self>, ShadowWorker) {
        let (senders, receivers) = (0..LANES).map(|_| mpsc::unbounded_channel()).unzip();
        let capacity = Arc::new(Semaphore::new(CAPACITY_KIB));
        let shadows = Self { lanes: senders, capacity, taken: AtomicU64::new(0), outbox, event_log };
        (Arc::new(shadows), ShadowWorker { lanes: receivers })
    }

    /// Whether no request waits or is carried out. The messages of all requests are in the outbox then.
    pub(crate) fn is_idle(&self) -> bool {
        self.capacity.available_permits() == CAPACITY_KIB
    }

    /// Returns how many requests were taken.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Acquire)
    }

    /// Carries out a request over HTTPS, and publishes what subscribers get of it. Waits until a change is stored.
    ///
    /// # Errors
    /// Why it is rejected.
    pub(crate) fn carry_out(
        &self,
        cloud: &Cloud,
        id: &ShadowId,
        request: ShadowRequest,
        payload: &[u8],
    ) -> Result<Value, ShadowRejection> {
        Answers { shadows: self, id, republished: 0 }.carry_out(cloud, request, payload)
    }

    /// Carries out a request over MQTT, and answers it.
    fn run(&self, cloud: Option<&Cloud>, job: &Job) {
        let answers = Answers { shadows: self, id: &job.id, republished: job.republished };
        let outcome = match cloud {
            Some(cloud) => answers.carry_out(cloud, job.request, &job.payload),
            None => Err(ShadowRejection::failed()),
        };
        match outcome {
            Ok(answer) if job.request == ShadowRequest::Get => answers.publish("get/accepted", &answer),
            Ok(_) => {}
            Err(rejection) => answers.reject(job.request, job.client_id.as_deref(), &rejection),
        }
    }
}

/// Carries out one request, and publishes its answers.
struct Answers<'a> {
    shadows: &'a Shadows,
    id: &'a ShadowId,
    republished: u8,
}

impl Answers<'_> {
    fn carry_out(
        &self,
        cloud: &Cloud,
        request: ShadowRequest,
        payload: &[u8],
    ) -> Result<Value, ShadowRejection> {
        match request {
            ShadowRequest::Get => cloud.get_shadow(self.id, payload),
            ShadowRequest::Delete => {
                let answer = cloud.delete_shadow(self.id, payload)?;
                self.publish("delete/accepted", &answer);
                Ok(answer)
            }
            ShadowRequest::Update => {
                let updated = cloud.update_shadow(self.id, payload)?;
                self.publish("update/accepted", &updated.accepted);
                if let Some(delta) = &updated.delta {
                    self.publish("update/delta", delta);
                }
                self.publish("update/documents", &updated.documents);
                Ok(updated.accepted)
            }
        }
    }

    fn reject(&self, request: ShadowRequest, client_id: Option<&str>, rejection: &ShadowRejection) {
        let ShadowRejection { code, message, .. } = rejection;
        let text = format!("{}/{request} REJECTED with {code}: {message}", self.id.topic());
        self.shadows.event_log.record(None, client_id, EntryKind::Notice { text });
        self.publish(&format!("{request}/rejected"), &rejection.answer());
    }

    fn publish(&self, suffix: &str, payload: &Value) {
        let topic = format!("{}/{suffix}", self.id.topic());
        let message = Message::of_gateway(topic, payload.to_string().into());
        self.shadows.outbox.send(Message { republished: self.republished, ..message });
    }
}

impl Observer for Shadows {
    fn published(&self, message: &Message) {
        let Some(ShadowTopic { thing, shadow, request }) = ShadowTopic::parse(&message.topic) else { return };
        let id = ShadowId { thing: thing.to_owned(), name: shadow.map(str::to_owned) };
        let client_id = message.publisher.client_id.clone();
        let size = message.payload.len().div_ceil(1024).saturating_add(OVERHEAD_KIB);
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let Ok(permit) = Arc::clone(&self.capacity).try_acquire_many_owned(size) else {
            let rejection = ShadowRejection::too_many(&id, &message.payload);
            let answers = Answers { shadows: self, id: &id, republished: message.republished };
            return answers.reject(request, client_id.as_deref(), &rejection);
        };
        self.taken.fetch_add(1, Ordering::AcqRel);
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let lane = usize::try_from(hasher.finish()).unwrap_or_default().checked_rem(LANES);
        let Some(lane) = lane.and_then(|lane| self.lanes.get(lane)) else { return };
        let (payload, republished) = (message.payload.clone(), message.republished);
        // Fails only once the worker has ended with the gateway.
        let _ = lane.send(Job { id, request, payload, client_id, republished, _permit: permit });
    }

    /// AWS IoT delivers a will to subscribers and rules, but its shadow service ignores it.
    /// <https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-comms-app.html#thing-connection>
    fn published_will(&self, message: &Message) {
        if ShadowTopic::parse(&message.topic).is_some() {
            let text = format!(
                "the will on {} changes no shadow, as on AWS; help: send it to a topic of your own, and republish it \
                 by a rule",
                message.topic
            );
            let client_id = message.publisher.client_id.as_deref();
            self.event_log.record(None, client_id, EntryKind::Notice { text });
        }
    }
}

impl ShadowWorker {
    /// Carries out requests until the gateway ends.
    pub(crate) async fn run(self, shadows: Arc<Shadows>, auth: Arc<Authenticators>) {
        let mut running = JoinSet::new();
        for lane in self.lanes {
            running.spawn(run_lane(lane, Arc::clone(&shadows), Arc::clone(&auth)));
        }
        while running.join_next().await.is_some() {}
    }
}

async fn run_lane(mut lane: mpsc::UnboundedReceiver<Job>, shadows: Arc<Shadows>, auth: Arc<Authenticators>) {
    while let Some(job) = lane.recv().await {
        let (shadows, auth) = (Arc::clone(&shadows), Arc::clone(&auth));
        // Waits for the disk.
        let done = tokio::task::spawn_blocking(move || shadows.run(auth.x509.cloud().as_ref(), &job));
        let _ = done.await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_full_queue_rejects_and_says_so() {
        let (outbox, mut messages) = Outbox::new();
        let event_log = EventLog::default();
        let mut entries = event_log.subscribe();
        // No worker runs.
        let (shadows, _worker) = Shadows::new(outbox, event_log);
        let payload = json!({ "clientToken": "t", "state": { "reported": { "a": "x".repeat(127 * 1024) } } });
        let request = |topic: &str| {
            Message::of_gateway(format!("$aws/things/lamp/{topic}"), payload.to_string().into())
        };
        for topic in ["shadow/update/delta", "shadow/get/accepted", "shadow/other", "jobs/update"] {
            shadows.published(&request(topic));
            assert!(shadows.is_idle(), "{topic} is no request");
        }
        shadows.published_will(&request("shadow/update"));
        assert!(shadows.is_idle() && shadows.taken() == 0);
        while messages.is_empty() {
            shadows.published(&request("shadow/name/config/update"));
        }
        // 129 KiB each.
        assert_eq!((shadows.taken(), shadows.is_idle()), (127, false));
        let rejected = messages.try_recv().unwrap();
        assert_eq!(rejected.topic, "$aws/things/lamp/shadow/name/config/update/rejected");
        let answer: Value = serde_json::from_slice(&rejected.payload).unwrap();
        assert_eq!((&answer["code"], &answer["clientToken"]), (&json!(429), &json!("t")));
        let texts = std::iter::from_fn(|| entries.try_recv().ok()).map(|entry| entry.to_string());
        let texts: Vec<_> = texts.collect();
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts[0].contains("the will on") && texts[1].contains("REJECTED with 429"), "{texts:?}");
    }
}
