//! Runs topic rules.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/iot-rules.html>
//!
//! ```text
//! message -> Rules (filters) -> queue -> RuleWorker (SQL, in order) -> republish: the broker
//!                                                                   -> lambda: two retries, then the error action
//! ```

mod active;
mod capacity;
mod invoke;
mod run;
mod worker;

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use iot_local_base::clock;
use iot_local_cloud::Cloud;
use iot_local_cloud::rules::RuleMessage;
use tokio::sync::mpsc;

use self::active::ActiveRules;
use self::capacity::Capacity;
use self::run::Job;
pub(crate) use self::worker::{RuleServices, RuleWorker};
use crate::event_log::{EntryKind, EventLog};
use crate::message::{Message, Observer};

/// The rules that are enabled. Gives each message to those whose filter matches its topic.
pub(crate) struct Rules {
    active: ActiveRules,
    capacity: Capacity,
    jobs: mpsc::UnboundedSender<Job>,
    event_log: EventLog,
}

impl Rules {
    /// Creates the rules of a registry, and the worker that runs them.
    pub(crate) fn new(cloud: &Cloud, event_log: EventLog) -> (Arc<Self>, RuleWorker) {
        let (jobs, receiver) = mpsc::unbounded_channel();
        let (active, capacity) = (ActiveRules::new(event_log.clone()), Capacity::new(event_log.clone()));
        let rules = Arc::new(Self { active, capacity, jobs, event_log });
        rules.refresh(cloud);
        (rules, RuleWorker::new(receiver))
    }

    /// Takes over the rules of the registry. They are in force for the next message. Waits while a change is stored.
    pub(crate) fn refresh(&self, cloud: &Cloud) {
        self.active.refresh(cloud);
    }

    /// Whether no message waits for a rule, and no action runs.
    pub(crate) fn is_idle(&self) -> bool {
        self.capacity.is_unused()
    }
}

impl Observer for Rules {
    fn published(&self, message: &Message) {
        let rules = self.active.of_topic(&message.topic);
        if rules.is_empty() {
            if let Some(name) = RuleMessage::ingest_rule(&message.topic) {
                let text = format!(
                    "no rule runs for {}; expected an enabled rule {name:?} whose filter matches the rest of the topic",
                    message.topic
                );
                let client = message.publisher.client_id.as_deref();
                self.event_log.record(None, client, EntryKind::Notice { text });
            }
            return;
        }
        let Some(permit) = self.capacity.take(message, rules.len()) else { return };
        let arrived = clock::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let timestamp_ms = i64::try_from(arrived).unwrap_or(i64::MAX);
        // Fails only once the worker has ended with the gateway.
        let _ = self.jobs.send(Job { message: message.clone(), rules, timestamp_ms, permit });
    }
}
