//! Topic rules that run: SQL, actions, retries, error actions, and the end of the gateway.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

mod end;
mod failures;
mod lazy;
mod messages;
mod registrations;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iot_local_gateway::RunningGateway;
use iot_local_gateway::event_log::{EntryKind, LogEntry};
use iot_local_lambda::{InvokeTarget, LambdaSpec};
use rumqttc::{Packet, QoS};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;

use crate::devices::Api;
use crate::statements::allow_all;
use crate::support::{Client, TIMEOUT, connect, connect_with, find, function, open_with, options};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:";
const ROLE: &str = "arn:aws:iam::123456789012:role/rules";

/// A function for rules, with this name.
pub(crate) fn rule_function(name: &str) -> InvokeTarget {
    let script = format!("{}/tests/gateway/rule.py", env!("CARGO_MANIFEST_DIR"));
    LambdaSpec { args: vec![script], function_arn: format!("{FUNCTION}{name}"), ..function(1) }.into()
}

/// A gateway with the function `collect` of one process. Retries come after 20 and 40 ms.
struct Rules {
    gateway: RunningGateway,
    api: Api,
}

impl Rules {
    async fn open() -> Self {
        let gateway = open_with(1, |options| {
            options.functions = vec![rule_function("collect")];
            options.time_scale = 50;
        })
        .await;
        let api = Api { port: gateway.port };
        Self { gateway, api }
    }

    async fn create(&self, name: &str, payload: &Value) {
        self.api.call(&format!("POST /rules/{name}"), "", payload).await;
    }

    /// Connects a client that may do everything.
    async fn client(&self, client_id: &str) -> Client {
        let instructions = json!({ "first": allow_all() }).to_string();
        let mut options = options(self.gateway.port, client_id, &instructions);
        options.set_max_packet_size(200_000, 200_000);
        connect_with(options).await.unwrap()
    }

    /// Connects a client that receives what rules publish below `out/`, and has rules publish to `out/fence`.
    async fn subscriber(&self) -> Client {
        let fence = json!({ "sql": "SELECT * FROM 'fence'", "actions": [republish("out/fence")] });
        self.create("fence", &fence).await;
        let subscriber = self.client("subscriber").await;
        subscriber.mqtt.subscribe("out/#", QoS::AtLeastOnce).await.unwrap();
        let mut subscriber = subscriber;
        assert!(matches!(subscriber.next().await, Ok(Packet::SubAck(_))));
        subscriber
    }
}

fn republish(topic: &str) -> Value {
    json!({ "republish": { "topic": topic, "qos": 1, "roleArn": ROLE } })
}

fn lambda(name: &str) -> Value {
    json!({ "lambda": { "functionArn": format!("{FUNCTION}{name}") } })
}

impl Client {
    /// Publishes with QoS 1 and waits for the PUBACK. What arrives before it is returned.
    async fn send(&mut self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.mqtt.publish(topic, QoS::AtLeastOnce, false, payload).await.unwrap();
        loop {
            match self.next().await.unwrap() {
                Packet::PubAck(_) => return,
                Packet::Publish(_) | Packet::PingResp => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Returns what arrives until the message that `sender` has rules publish to `out/fence`, by topic. Rules republish
    /// in the order of the messages.
    async fn until_fence(&mut self, sender: &mut Client) -> BTreeMap<String, Vec<Vec<u8>>> {
        sender.send("fence", "{}").await;
        let mut received = BTreeMap::<_, Vec<_>>::new();
        loop {
            match self.next().await.unwrap() {
                Packet::Publish(publish) if publish.topic == "out/fence" => return received,
                Packet::Publish(publish) => {
                    received.entry(publish.topic.clone()).or_default().push(publish.payload.to_vec());
                }
                _ => {}
            }
        }
    }

    /// Returns the next message.
    async fn message(&mut self) -> (String, Value) {
        loop {
            if let Packet::Publish(publish) = self.next().await.unwrap() {
                return (publish.topic.clone(), serde_json::from_slice(&publish.payload).unwrap());
            }
        }
    }
}

/// Returns what the function `collect` writes about its next invocation.
async fn invocation(event_log: &mut Receiver<LogEntry>) -> Value {
    find(event_log, |kind| match kind {
        EntryKind::Function(line) => serde_json::from_str(line.text.strip_prefix("event ")?).ok(),
        _ => None,
    })
    .await
}

/// Returns action and outcome of the next entry of a rule.
async fn entry_of(event_log: &mut Receiver<LogEntry>, name: &str) -> (String, Result<(), String>) {
    find(event_log, |kind| match kind {
        EntryKind::Rule { rule, action, outcome } if rule == name => Some((action.clone(), outcome.clone())),
        _ => None,
    })
    .await
}

/// Returns how many entries are there already that `pick` selects.
fn count(event_log: &mut Receiver<LogEntry>, pick: impl Fn(&EntryKind) -> bool) -> usize {
    std::iter::from_fn(|| event_log.try_recv().ok()).filter(|entry| pick(&entry.kind)).count()
}

fn is_invocation(kind: &EntryKind) -> bool {
    matches!(kind, EntryKind::Function(line) if line.text.starts_with("event "))
}

fn is_rule(kind: &EntryKind) -> bool {
    matches!(kind, EntryKind::Rule { .. })
}
