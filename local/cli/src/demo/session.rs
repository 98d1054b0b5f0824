//! Actions of a connected client, each shown with the reason from the event log.

use iot_local_policy::Action;

use super::client::{Client, ClientOutcome};
use super::output::{Expected, Output};
use super::reasons::EventLogReader;

/// The event log of a gateway, and the output.
pub(super) struct Session<'a> {
    pub(super) event_log: EventLogReader,
    pub(super) output: &'a mut Output,
}

impl Session<'_> {
    /// Shows the outcome of a connect.
    pub(super) async fn show_connect(
        &mut self,
        verb: &str,
        label: &str,
        client_id: &str,
        expected: Expected,
        outcome: &ClientOutcome,
    ) {
        let reason = self.event_log.connect(client_id).await;
        self.output.action(verb, label, expected, outcome, &reason);
    }

    pub(super) async fn publish(&mut self, client: &mut Client, topic: &str, expected: Expected) {
        self.event_log.clear();
        let outcome = client.publish(topic).await;
        self.show(Action::Publish, "publish", topic, expected, &outcome).await;
    }

    pub(super) async fn subscribe(&mut self, client: &mut Client, filter: &str, expected: Expected) {
        self.event_log.clear();
        let outcome = client.subscribe(filter).await;
        self.show(Action::Subscribe, "subscribe", filter, expected, &outcome).await;
    }

    /// Waits for a message that was published before. Its entry may already be in the log, which is not cleared.
    pub(super) async fn receive(&mut self, client: &mut Client, topic: &str) {
        let outcome = client.receive(topic).await;
        self.show(Action::Receive, "receive", topic, Expected::Allowed, &outcome).await;
    }

    /// Shows the outcome of an action on a topic, a topic filter or `/topics/TOPIC`.
    pub(super) async fn show(
        &mut self,
        action: Action,
        verb: &str,
        object: &str,
        expected: Expected,
        outcome: &ClientOutcome,
    ) {
        let kind = if action == Action::Subscribe { "topicfilter" } else { "topic" };
        let name = object.strip_prefix("/topics/").unwrap_or(object);
        let reason = self.event_log.action(action, &format!("{kind}/{name}")).await;
        self.output.action(verb, object, expected, outcome, &reason);
    }
}
