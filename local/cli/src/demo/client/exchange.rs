//! Requests on reserved topics, whose answers arrive on the same topic with one more level.

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use serde_json::Value;

use super::{Client, ClientOutcome};

impl Client {
    /// Publishes a request in JSON and waits for its answer, which is null if the connection ends.
    pub(in crate::demo) async fn ask(&mut self, topic: &str, request: &Value) -> (ClientOutcome, Value) {
        let sent = self.requests.publish(topic, QoS::AtLeastOnce, false, request.to_string()).await;
        if let Err(error) = sent {
            return (ClientOutcome::closed(error.to_string()), Value::Null);
        }
        let prefix = format!("{topic}/");
        loop {
            let message = match self.next().await {
                Ok(Packet::Publish(message)) => message,
                Ok(_) => continue,
                Err(end) => return (ClientOutcome::closed(end), Value::Null),
            };
            let answered = String::from_utf8_lossy(&message.topic).into_owned();
            let Some(suffix) = answered.strip_prefix(&prefix) else { continue };
            let answer: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
            return (outcome(suffix, &answer), answer);
        }
    }
}

fn outcome(suffix: &str, answer: &Value) -> ClientOutcome {
    if suffix == "accepted" {
        return ClientOutcome::allowed(suffix.to_owned());
    }
    let status = answer.get("statusCode").and_then(Value::as_u64).unwrap_or_default();
    let code = answer.get("errorCode").and_then(Value::as_str).unwrap_or_default();
    ClientOutcome { is_allowed: false, is_closed: false, response: format!("{suffix} with {status} {code}") }
}
