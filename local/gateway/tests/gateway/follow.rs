//! Open connections follow the registry.

use std::time::Duration;

use iot_local_gateway::event_log::{DisconnectReason, EntryKind};
use rumqttc::{Packet, QoS};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::devices::{Api, Connect, Device, PKI, connect_packet, thing_policy};
use crate::secure::{self, TlsGateway};
use crate::statements::{allow, allow_all};
use crate::support::{TIMEOUT, find};
use crate::x509::connect;

/// What changes in the registry.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Change {
    Deactivate,
    Revoke,
    DetachPolicy,
    DetachThing,
    NewPolicyVersion,
    AttachDeny,
    Unrelated,
}

impl Change {
    async fn make(self, api: &Api, device: &Device) {
        match self {
            Self::Deactivate => api.set_status(device, "INACTIVE").await,
            Self::Revoke => api.set_status(device, "REVOKED").await,
            Self::DetachPolicy => api.detach_policy("thing", device).await,
            Self::DetachThing => {
                api.detach_thing("lamp", device).await;
                api.call("DELETE /things/lamp", "", &Value::Null).await;
            }
            Self::NewPolicyVersion => {
                let statements = json!([{ "Effect": "Allow", "Action": "iot:Publish", "Resource": "*" }]);
                let document = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
                let body = json!({ "policyDocument": document });
                api.call("POST /policies/thing/version?setAsDefault=true", "", &body).await;
            }
            Self::AttachDeny => api.attach_policy("deny", device).await,
            Self::Unrelated => api.create_thing("other").await,
        }
    }
}

/// Registers the device of the thing `lamp`.
async fn lamp(gateway: &TlsGateway) -> (Api, Device) {
    let api = Api { port: gateway.running.port };
    api.create_policy("thing", &thing_policy()).await;
    let deny = json!([{ "Effect": "Deny", "Action": "iot:Connect", "Resource": "*" }]);
    api.create_policy("deny", &deny).await;
    api.create_thing("lamp").await;
    let device = PKI.fresh("v3-lamp");
    api.register(&device, "ACTIVE").await;
    api.attach_policy("thing", &device).await;
    api.attach_thing("lamp", &device, "").await;
    (api, device)
}

#[tokio::test]
async fn an_open_connection_ends_with_its_rights() {
    use Change::*;
    // The change, the reason in the log, and the reason code of MQTT 5.
    for (change, expected) in [
        (Deactivate, Some((DisconnectReason::CertificateRefused, 0x98, "INACTIVE"))),
        (Revoke, Some((DisconnectReason::CertificateRefused, 0x98, "REVOKED"))),
        (DetachPolicy, Some((DisconnectReason::CertificateRefused, 0x98, "has no policy"))),
        (DetachThing, Some((DisconnectReason::ConnectForbidden, 0x87, "iot:Connect"))),
        (NewPolicyVersion, Some((DisconnectReason::ConnectForbidden, 0x87, "iot:Connect"))),
        (AttachDeny, Some((DisconnectReason::ConnectForbidden, 0x87, "Deny iot:Connect"))),
        (Unrelated, None),
    ] {
        for level in [4, 5] {
            let gateway = secure::open().await;
            let (api, device) = lamp(&gateway).await;
            let mut event_log = gateway.running.event_log.subscribe();
            let mut stream = gateway.device_stream(&Connect::new(gateway.mqtts_port, &device)).await.unwrap();
            stream.write_all(&connect_packet("lamp", level)).await.unwrap();
            let mut bytes = vec![0; 256];
            let length = stream.read(&mut bytes).await.unwrap();
            assert!(length >= 4 && bytes.get(3) == Some(&0), "{change:?}: {bytes:?}");
            change.make(&api, &device).await;
            let changed = Instant::now();
            let Some((reason, code, text)) = expected else {
                let read = tokio::time::timeout(Duration::from_millis(500), stream.read(&mut bytes));
                assert!(read.await.is_err(), "{change:?} ended the connection");
                continue;
            };
            let mut received = Vec::new();
            tokio::time::timeout(TIMEOUT, stream.read_to_end(&mut received)).await.unwrap().unwrap();
            println!("{change:?}, level {level}: closed {:.1} ms after the answer", millis(changed));
            let disconnect: &[u8] = if level == 5 { &[0xE0, 0x02, code, 0x00] } else { &[] };
            assert_eq!(received, disconnect, "{change:?}");
            let denial = find(&mut event_log, |kind| match kind {
                EntryKind::ConnectDenied { reason, .. } => Some(reason.clone()),
                _ => None,
            });
            let denial = denial.await;
            assert!(denial.contains(text), "{change:?}: {denial}");
            let closed = find(&mut event_log, |kind| match kind {
                EntryKind::Closed { reason } => Some(*reason),
                _ => None,
            });
            assert_eq!(closed.await, reason, "{change:?}");
            // The next connect is denied, too.
            let again = Connect::new(gateway.mqtts_port, &device);
            let outcome = gateway.connect_device(&again, "lamp", level).await;
            assert_eq!(outcome, if level == 5 { "connack 0x87" } else { "closed" }, "{change:?}");
        }
    }
}

/// A change that leaves `iot:Connect` applies to the open connection and its subscriptions.
#[tokio::test]
async fn an_open_connection_gets_new_rights() {
    let gateway = secure::open().await;
    let (api, device) = lamp(&gateway).await;
    api.create_policy("further", &json!([allow("Publish", &["topic/extra"])])).await;
    let topics = ["extra", "dt/lamp/x"];
    let mut client = connect(&gateway, &device, "lamp").await.unwrap();
    let mut event_log = gateway.running.event_log.subscribe();
    api.attach_policy("further", &device).await;
    find(&mut event_log, |kind| matches!(kind, EntryKind::Refreshed).then_some(())).await;
    for topic in topics {
        client.mqtt.publish(topic, QoS::AtLeastOnce, false, "x").await.unwrap();
        assert!(matches!(client.next().await, Ok(Packet::PubAck(_))), "{topic}");
    }
    api.detach_policy("further", &device).await;
    find(&mut event_log, |kind| matches!(kind, EntryKind::Refreshed).then_some(())).await;
    client.mqtt.publish("dt/lamp/x", QoS::AtLeastOnce, false, "x").await.unwrap();
    assert!(matches!(client.next().await, Ok(Packet::PubAck(_))));
    client.mqtt.publish("extra", QoS::AtLeastOnce, false, "x").await.unwrap();
    assert!(client.next().await.is_err());
}

/// Many changes one after another are few passes over the connections.
#[tokio::test]
async fn many_connections_follow_many_changes() {
    const CONNECTIONS: usize = 200;
    const CHANGES: usize = 100;
    let gateway = secure::open().await;
    let api = Api { port: gateway.running.port };
    api.create_policy("all", &allow_all()).await;
    let device = PKI.fresh("v3-many");
    api.register(&device, "ACTIVE").await;
    api.attach_policy("all", &device).await;
    let mut clients = Vec::new();
    for number in 0..CONNECTIONS {
        let mut stream = gateway.device_stream(&Connect::new(gateway.mqtts_port, &device)).await.unwrap();
        stream.write_all(&connect_packet(&format!("many-{number}"), 4)).await.unwrap();
        let mut connack = [0; 4];
        stream.read_exact(&mut connack).await.unwrap();
        assert_eq!(connack, [0x20, 2, 0, 0]);
        clients.push(stream);
    }
    let start = Instant::now();
    for number in 0..CHANGES {
        api.create_thing(&format!("thing-{number}")).await;
    }
    println!("{CHANGES} changes with {CONNECTIONS} open connections: {:.1} ms", millis(start));
    api.set_status(&device, "INACTIVE").await;
    let changed = Instant::now();
    for stream in &mut clients {
        let mut received = Vec::new();
        tokio::time::timeout(TIMEOUT, stream.read_to_end(&mut received)).await.unwrap().unwrap();
        assert!(received.is_empty());
    }
    println!("{CONNECTIONS} connections closed {:.1} ms after the answer", millis(changed));
}

fn millis(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}
