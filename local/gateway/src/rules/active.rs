//! The enabled rules of the registry, parsed once.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use iot_local_cloud::Cloud;
use iot_local_cloud::registry::{Record, TopicRule};
use iot_local_cloud::rules::Rule;

use crate::event_log::{EntryKind, EventLog};

/// The rules that are in force.
pub(super) struct ActiveRules {
    current: RwLock<Arc<[ActiveRule]>>,
    refreshing: Mutex<()>,
    event_log: EventLog,
}

/// A rule as it is stored, and parsed.
#[derive(Clone)]
struct ActiveRule {
    record: Record<TopicRule>,
    rule: Arc<Rule>,
}

impl ActiveRules {
    pub(super) fn new(event_log: EventLog) -> Self {
        Self { current: RwLock::new(Arc::from([])), refreshing: Mutex::default(), event_log }
    }

    /// Returns the rules for messages of a topic, by name.
    pub(super) fn of_topic(&self, topic: &str) -> Vec<Arc<Rule>> {
        let current = self.current();
        let of_topic = current.iter().filter(|active| active.rule.topic(topic).is_some());
        of_topic.map(|active| Arc::clone(&active.rule)).collect()
    }

    /// Takes over the enabled rules of the registry. A rule that has not changed is not parsed again.
    pub(super) fn refresh(&self, cloud: &Cloud) {
        // Of two at once, the later one reads later.
        let _guard = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        let enabled: Vec<_> =
            cloud.read(|registry| registry.topic_rules().filter(|rule| !rule.is_disabled).cloned().collect());
        let earlier = self.current();
        let rules = enabled.into_iter().filter_map(|record| self.activate(&earlier, record)).collect();
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    fn activate(&self, earlier: &[ActiveRule], record: Record<TopicRule>) -> Option<ActiveRule> {
        if let Some(known) = earlier.iter().find(|known| known.record == record) {
            return Some(known.clone());
        }
        match Rule::new(&record) {
            Ok(rule) => Some(ActiveRule { record, rule: Arc::new(rule) }),
            Err(error) => {
                let text = format!("rule {} does not run: {error}; help: replace it", record.name);
                self.event_log.record(None, None, EntryKind::Notice { text });
                None
            }
        }
    }

    fn current(&self) -> Arc<[ActiveRule]> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}
