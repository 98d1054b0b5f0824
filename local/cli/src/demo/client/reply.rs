//! Requests to functions, whose responses arrive on a topic of their own.

use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use serde_json::Value;

use super::{Client, ClientOutcome};

/// How long a client waits for a function, which starts at its first request.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(60);

impl Client {
    /// Publishes a request in JSON, and waits for the response on a topic to which the client has subscribed. The
    /// response is null if there is none.
    pub(in crate::demo) async fn request(
        &mut self,
        topic: &str,
        request: &Value,
        response_topic: &str,
    ) -> (ClientOutcome, Value) {
        let sent = self.requests.publish(topic, QoS::AtLeastOnce, false, request.to_string()).await;
        if let Err(error) = sent {
            return (ClientOutcome::closed(error.to_string()), Value::Null);
        }
        loop {
            match self.next_within(FUNCTION_TIMEOUT).await {
                Ok(Packet::Publish(message)) if message.topic == response_topic.as_bytes() => {
                    let response: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
                    return (outcome(&response), response);
                }
                Ok(Packet::Publish(message)) => self.messages.push(message),
                Ok(_) => {}
                Err(end) => return (ClientOutcome::closed(end), Value::Null),
            }
        }
    }
}

/// `accepted`, or `denied unexpected_device`.
fn outcome(response: &Value) -> ClientOutcome {
    let text = |name| response.get(name).and_then(Value::as_str).unwrap_or_default();
    let shown = format!("{} {}", text("status"), text("code"));
    ClientOutcome { is_allowed: text("status") == "accepted", is_closed: false, response: shown.trim().to_owned() }
}
