//! Bounds the QoS 0 messages that wait for a client.
//!
//! rmqtt's queue of a session has no bound while the client does not read. For QoS 1 the window of unacknowledged
//! messages is one. For QoS 0 the messages above the bound are dropped, which MQTT allows (MQTT 5, section 4.3.1).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rmqtt::types::{Publish, QoS, SubRelationsMap};

use crate::event_log::{EntryKind, EventLog};

/// The most bytes of QoS 0 messages that wait for one client. A client that reads has fewer, unless it is stopped for
/// seconds.
pub(super) const MAX_QUEUED_BYTES: usize = 8 * 1024 * 1024;

/// What a message takes in the queue in addition to topic and payload, at least.
const MESSAGE_OVERHEAD_BYTES: usize = 256;

/// The bytes of QoS 0 messages between the router and the clients' connections.
pub(super) struct Backlog {
    event_log: EventLog,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The message that each publisher is publishing: whether its QoS is 0, and its bytes. The router gets only its
    /// topic.
    publishing: HashMap<String, (bool, usize)>,
    /// The queued bytes of each client, and whether a drop was logged.
    queues: HashMap<String, (usize, bool)>,
}

impl Backlog {
    pub(super) fn new(event_log: EventLog) -> Self {
        Self { event_log, state: Mutex::default() }
    }

    /// Notes a message before it is routed.
    pub(super) fn publishing(&self, publisher: &str, is_qos0: bool, bytes: usize) {
        self.state().publishing.insert(publisher.to_owned(), (is_qos0, bytes));
    }

    /// Removes the clients for which a QoS 0 message is dropped from its receivers, and counts it for the others.
    pub(super) fn route(&self, publisher: &str, topic: &str, receivers: &mut SubRelationsMap) {
        let mut state = self.state();
        // A will is not noted. There is one for each connection, so it needs no bound.
        let Some((is_qos0, bytes)) = state.publishing.remove(publisher) else { return };
        for receivers in receivers.values_mut() {
            receivers.retain(|(_, client_id, options, ..)| {
                if !is_qos0 && options.qos() != QoS::AtMostOnce {
                    return true;
                }
                let (queued, is_logged) = state.queues.entry(client_id.to_string()).or_default();
                let total = queued.saturating_add(bytes);
                if total <= MAX_QUEUED_BYTES {
                    *queued = total;
                    return true;
                }
                if !std::mem::replace(is_logged, true) {
                    self.log(client_id, topic);
                }
                false
            });
        }
    }

    /// A message enters a client's queue without having been routed.
    pub(super) fn enters(&self, client_id: &str, publish: &Publish) {
        if publish.qos == QoS::AtMostOnce {
            let mut state = self.state();
            let (queued, _) = state.queues.entry(client_id.to_owned()).or_default();
            *queued = queued.saturating_add(bytes(publish));
        }
    }

    /// A message leaves a client's queue, delivered or dropped.
    pub(super) fn leaves(&self, client_id: &str, publish: &Publish) {
        if publish.qos != QoS::AtMostOnce {
            return;
        }
        let mut state = self.state();
        if let Some((queued, is_logged)) = state.queues.get_mut(client_id) {
            *queued = queued.saturating_sub(bytes(publish));
            if *queued == 0 && !*is_logged {
                state.queues.remove(client_id);
            }
        }
    }

    /// A client has connected. What an earlier connection did not read is gone.
    pub(super) fn reset(&self, client_id: &str) {
        self.state().queues.remove(client_id);
    }

    /// Returns the bytes that wait for a client.
    pub(super) fn queued_bytes(&self, client_id: &str) -> usize {
        self.state().queues.get(client_id).map_or(0, |(queued, _)| *queued)
    }

    fn log(&self, client_id: &str, topic: &str) {
        let text = format!(
            "QoS 0 messages for this client are dropped, the first on {topic}: it does not read, and {} MiB wait for it; \
             help: use QoS 1, or read faster",
            MAX_QUEUED_BYTES >> 20
        );
        self.event_log.record(None, Some(client_id), EntryKind::Notice { text });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes that a message takes in a queue.
pub(super) fn bytes(publish: &Publish) -> usize {
    MESSAGE_OVERHEAD_BYTES.saturating_add(publish.topic.len()).saturating_add(publish.payload.len())
}
