//! Bounds what waits for rules: messages in the queue, events of functions that are busy, and retries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::event_log::{EntryKind, EventLog};
use crate::message::Message;

/// What may wait, in KiB: 64 MiB. A message counts once for each rule that it is for.
const CAPACITY_KIB: usize = 64 * 1024;

/// What a message takes in addition to its topic and payload, in KiB.
const OVERHEAD_KIB: usize = 1;

/// The capacity that is left.
pub(super) struct Capacity {
    left: Arc<Semaphore>,
    /// How many messages were dropped since there was room.
    dropped: AtomicU64,
    event_log: EventLog,
}

impl Capacity {
    pub(super) fn new(event_log: EventLog) -> Self {
        let left = Arc::new(Semaphore::new(CAPACITY_KIB));
        Self { left, dropped: AtomicU64::new(0), event_log }
    }

    /// Takes room for a message and the rules that it is for, until the permit is dropped. Without room, the message is
    /// dropped for all its rules: the first one is logged, and their number once there is room again.
    pub(super) fn take(&self, message: &Message, rules: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = message.payload.len().saturating_add(message.topic.len());
        let size = bytes.div_ceil(1024).saturating_add(OVERHEAD_KIB).saturating_mul(rules);
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        match Arc::clone(&self.left).try_acquire_many_owned(size) {
            Ok(permit) => {
                // Not at once, so that a queue that stays nearly full does not alternate between two entries.
                if self.left.available_permits() >= CAPACITY_KIB / 2 {
                    self.report_room();
                }
                Some(permit)
            }
            Err(_) => {
                if self.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
                    self.report_drop(&message.topic);
                }
                None
            }
        }
    }

    /// Whether nothing waits or runs.
    pub(super) fn is_unused(&self) -> bool {
        self.left.available_permits() == CAPACITY_KIB
    }

    fn report_drop(&self, topic: &str) {
        let text = format!(
            "messages for rules are dropped, the first on {topic}: {} MiB wait for rules; \
             help: make the functions of the rules faster, run more processes with --sandboxes, or publish less",
            CAPACITY_KIB / 1024
        );
        self.event_log.record(None, None, EntryKind::Notice { text });
    }

    fn report_room(&self) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let text = format!("rules have room again; {dropped} messages were dropped");
            self.event_log.record(None, None, EntryKind::Notice { text });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_drops_and_says_so_once() {
        let event_log = EventLog::default();
        let mut entries = event_log.subscribe();
        let capacity = Capacity::new(event_log);
        let message = Message::of_gateway("a/b".to_owned(), vec![b'x'; 128 * 1024 - 3].into());
        let mut texts = || {
            let texts = std::iter::from_fn(|| entries.try_recv().ok()).map(|entry| entry.to_string());
            texts.collect::<Vec<_>>()
        };
        // 129 KiB for each of two rules.
        let mut permits: Vec<_> = std::iter::from_fn(|| capacity.take(&message, 2)).collect();
        assert_eq!(permits.len(), 254);
        assert!((0..9).all(|_| capacity.take(&message, 2).is_none()));
        assert!(!capacity.is_unused());
        let found = texts();
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("the first on a/b: 64 MiB wait for rules"), "{found:?}");
        permits.truncate(250);
        permits.push(capacity.take(&message, 2).unwrap());
        assert!(texts().is_empty(), "nearly full");
        permits.truncate(10);
        permits.push(capacity.take(&message, 2).unwrap());
        let found = texts();
        assert!(found.len() == 1 && found[0].contains("; 10 messages were dropped"), "{found:?}");
        permits.clear();
        assert!(capacity.is_unused());
        assert!(capacity.take(&message, 600).is_none(), "larger than the whole queue");
    }
}
