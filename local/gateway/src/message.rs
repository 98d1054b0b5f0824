//! Messages on their way to subscribers, and what else acts on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;

/// A message that was published, after the policy has allowed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The topic.
    pub topic: String,
    /// The payload.
    pub payload: Bytes,
    /// Whether the quality of service is 1. Otherwise it is 0.
    pub is_qos1: bool,
    /// Whether it is retained.
    pub retain: bool,
    /// Who published it.
    pub publisher: Publisher,
    /// How many rules in a row have republished it. 0 for a message that no rule published.
    pub republished: u8,
}

/// Who published a message. Both are absent for a message of the gateway itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Publisher {
    /// The MQTT client id. Absent for an HTTPS publish.
    pub client_id: Option<String>,
    /// The principal.
    pub principal: Option<String>,
}

impl Message {
    /// Creates a message of the gateway itself, with quality of service 1.
    #[must_use]
    pub fn of_gateway(topic: String, payload: Bytes) -> Self {
        Self { topic, payload, is_qos1: true, retain: false, publisher: Publisher::default(), republished: 0 }
    }
}

/// Acts on messages: rules and shadows. Is given each message once, whatever its publisher is. Must not wait.
pub trait Observer: Send + Sync {
    /// Takes note of a message.
    fn published(&self, message: &Message);

    /// Takes note of a will that is published.
    fn published_will(&self, message: &Message) {
        self.published(message);
    }
}

/// All that act on messages.
pub type Observers = Arc<[Arc<dyn Observer>]>;

/// Takes messages that the gateway publishes. Clones send to one publisher.
#[derive(Clone)]
pub struct Outbox {
    sender: mpsc::UnboundedSender<Message>,
    sent: Arc<AtomicU64>,
}

impl Outbox {
    /// Creates an outbox, and the receiver for its publisher.
    #[must_use]
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Message>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { sender, sent: Arc::default() }, receiver)
    }

    /// Publishes a message. Does nothing once the gateway has ended.
    pub fn send(&self, message: Message) {
        self.sent.fetch_add(1, Ordering::AcqRel);
        let _ = self.sender.send(message);
    }

    /// Returns how many messages were sent.
    #[must_use]
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Acquire)
    }
}
