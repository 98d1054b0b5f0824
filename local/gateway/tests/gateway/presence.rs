//! Presence events, and who may publish and receive them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;

use rumqttc::{Event, Outgoing, Packet, QoS};
use serde_json::{Value, json};

use crate::devices::{Api, PKI};
use crate::secure::{self, TlsGateway};
use crate::statements::allow_all;
use crate::support::{Client, connect_with, is_denied, send_request};
use crate::tls::with_password;
use crate::x509::connect;

/// Connects a client that sees all presence events.
async fn watcher(gateway: &TlsGateway) -> Client {
    let instructions = json!({ "first": allow_all() }).to_string();
    let options = with_password(gateway.direct("watcher", gateway.config(&["mqtt"], None)), &instructions);
    let mut watcher = connect_with(options).await.unwrap();
    watcher.mqtt.subscribe("$aws/events/presence/#", QoS::AtLeastOnce).await.unwrap();
    assert!(matches!(watcher.next().await, Ok(Packet::SubAck(_))));
    watcher
}

/// Returns the topic and the payload of the next event.
async fn event(watcher: &mut Client) -> (String, Value) {
    loop {
        match watcher.next().await.unwrap() {
            Packet::Publish(publish) => {
                return (publish.topic.clone(), serde_json::from_slice(&publish.payload).unwrap());
            }
            Packet::PingResp | Packet::PubAck(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn names(event: &Value) -> BTreeSet<&str> {
    event.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn every_client_has_presence_events() {
    let gateway = secure::open().await;
    let api = Api { port: gateway.running.port };
    api.create_policy("all", &allow_all()).await;
    let device = PKI.fresh("v3-presence");
    api.register(&device, "ACTIVE").await;
    api.attach_policy("all", &device).await;
    let exclusive = PKI.fresh("v3-exclusive");
    api.register(&exclusive, "ACTIVE").await;
    api.attach_policy("all", &exclusive).await;
    api.create_thing("only").await;
    api.attach_thing("only", &exclusive, "?thingPrincipalType=EXCLUSIVE_THING").await;
    let mut watcher = watcher(&gateway).await;
    let good = || with_password(gateway.direct("a", gateway.config(&["mqtt"], None)), "good");
    let mut sessions = BTreeSet::new();
    // The client, its thing, how it ends, and the reason of AWS IoT.
    for (client_id, thing, end, reason) in [
        ("device", None, "disconnect", "CLIENT_INITIATED_DISCONNECT"),
        ("device", None, "drop", "CONNECTION_LOST"),
        ("other", Some("only"), "drop", "CONNECTION_LOST"),
        ("a", None, "disconnect", "CLIENT_INITIATED_DISCONNECT"),
        ("a", None, "forbidden", "FORBIDDEN_ACCESS"),
        ("a", None, "qos2", "CLIENT_ERROR"),
        ("device", None, "deactivate", "AUTH_ERROR"),
    ] {
        let connected = match (client_id, thing) {
            ("a", _) => connect_with(good()).await,
            (_, Some(_)) => connect(&gateway, &exclusive, client_id).await,
            (_, None) => connect(&gateway, &device, client_id).await,
        };
        let mut client = connected.unwrap();
        let (topic, connected) = event(&mut watcher).await;
        assert_eq!(topic, format!("$aws/events/presence/connected/{client_id}"));
        let mut members =
            vec!["clientId", "eventType", "ipAddress", "principalIdentifier", "sessionIdentifier"];
        members.extend(["timestamp", "versionNumber"]);
        members.extend(thing.map(|_| "thingName"));
        assert_eq!(names(&connected), BTreeSet::from_iter(members), "{end}");
        assert_eq!(connected["clientId"], json!(client_id));
        assert_eq!(connected["eventType"], json!("connected"));
        assert_eq!(connected["ipAddress"], json!("127.0.0.1"));
        let principal = connected["principalIdentifier"].as_str().unwrap();
        match (client_id, thing) {
            ("a", _) => assert!(principal.starts_with('p'), "{principal}"),
            (_, Some(_)) => assert_eq!(principal, exclusive.id()),
            (_, None) => assert_eq!(principal, device.id()),
        }
        assert!(connected["timestamp"].as_u64().unwrap() > 1_700_000_000_000);
        assert!(sessions.insert(connected["sessionIdentifier"].as_str().unwrap().to_owned()), "{end}");
        match end {
            "disconnect" => {
                client.mqtt.disconnect().await.unwrap();
                while !matches!(client.events.poll().await, Ok(Event::Outgoing(Outgoing::Disconnect))) {}
            }
            "forbidden" => client.mqtt.publish("own/b/x", QoS::AtLeastOnce, false, "x").await.unwrap(),
            "qos2" => client.mqtt.publish("own/a/x", QoS::ExactlyOnce, false, "x").await.unwrap(),
            "deactivate" => api.set_status(&device, "INACTIVE").await,
            _ => {}
        }
        if !["disconnect", "drop"].contains(&end) {
            while client.next().await.is_ok() {}
        }
        drop(client);
        let (topic, disconnected) = event(&mut watcher).await;
        assert_eq!(topic, format!("$aws/events/presence/disconnected/{client_id}"));
        let mut members = vec!["clientId", "eventType", "clientInitiatedDisconnect", "disconnectReason"];
        members.extend(["principalIdentifier", "sessionIdentifier", "timestamp", "versionNumber"]);
        members.extend(thing.map(|_| "thingName"));
        assert_eq!(names(&disconnected), BTreeSet::from_iter(members), "{end}");
        assert_eq!(disconnected["disconnectReason"], json!(reason), "{end}");
        assert_eq!(disconnected["clientInitiatedDisconnect"], json!(end == "disconnect"), "{end}");
        for member in ["clientId", "principalIdentifier", "sessionIdentifier", "versionNumber", "thingName"] {
            assert_eq!(disconnected.get(member), connected.get(member), "{end} {member}");
        }
        assert_eq!(disconnected["eventType"], json!("disconnected"));
    }
}

#[tokio::test]
async fn a_takeover_has_the_reason_and_a_new_version() {
    let gateway = secure::open().await;
    let mut watcher = watcher(&gateway).await;
    let good = || with_password(gateway.direct("a", gateway.config(&["mqtt"], None)), "good");
    let _first = connect_with(good()).await.unwrap();
    let (_, connected) = event(&mut watcher).await;
    let _second = connect_with(good()).await.unwrap();
    // The events of two connections may come in either order.
    let mut events = BTreeSet::new();
    for _ in 0..2 {
        let (topic, payload) = event(&mut watcher).await;
        events.insert((topic, payload["versionNumber"].as_u64(), payload["disconnectReason"].to_string()));
    }
    let first = connected["versionNumber"].as_u64().unwrap();
    let expected = [
        ("$aws/events/presence/connected/a".to_owned(), Some(first + 1), "null".to_owned()),
        ("$aws/events/presence/disconnected/a".to_owned(), Some(first), "\"DUPLICATE_CLIENTID\"".to_owned()),
    ];
    assert_eq!(events, BTreeSet::from(expected));
}

#[tokio::test]
async fn denied_clients_and_ids_with_wildcards_have_no_events() {
    let gateway = secure::open().await;
    let mut watcher = watcher(&gateway).await;
    let instructions = json!({ "first": allow_all() }).to_string();
    for (client_id, instruction, is_connected) in [
        ("a", "bad", false),
        ("a+b", &*instructions, true),
        ("a#", &*instructions, true),
        ("c", "illegal", false),
    ] {
        let options = gateway.direct(client_id, gateway.config(&["mqtt"], None));
        let connected = connect_with(with_password(options, instruction)).await;
        assert_eq!(connected.is_ok(), is_connected, "{client_id}");
        assert!(is_connected || is_denied(&connected));
    }
    watcher.receives_nothing().await;
}

/// A policy that allows everything allows no publish below `$aws/events/`.
#[tokio::test]
async fn only_the_gateway_publishes_events() {
    let gateway = secure::open().await;
    let api = Api { port: gateway.running.port };
    api.create_policy("all", &allow_all()).await;
    let device = PKI.fresh("v3-forger");
    api.register(&device, "ACTIVE").await;
    api.attach_policy("all", &device).await;
    let mut watcher = watcher(&gateway).await;
    for topic in [
        "$aws/events/presence/connected/a",
        "$aws/events/presence/disconnected/a",
        "$aws/events/certificates/registered/a",
        "$aws/events/x",
    ] {
        let mut client = connect(&gateway, &device, "a+b").await.unwrap();
        client.mqtt.publish(topic, QoS::AtLeastOnce, false, "forged").await.unwrap();
        assert!(client.next().await.is_err(), "{topic}");
        let config = gateway.device_config(&crate::devices::Connect::new(gateway.mqtts_port, &device));
        let mut with_will = rumqttc::MqttOptions::new("a+b", "localhost", gateway.mqtts_port);
        with_will
            .set_transport(rumqttc::Transport::tls_with_config(rumqttc::TlsConfiguration::Rustls(config)));
        with_will.set_last_will(rumqttc::LastWill::new(topic, "forged", QoS::AtLeastOnce, false));
        assert!(connect_with(with_will).await.is_err(), "{topic}");
        let encoded = topic.replace('$', "%24").replace('/', "%2F");
        for path in [topic, encoded.as_str()] {
            for authorization in ["", "token: good\r\n"] {
                let connect = crate::devices::Connect {
                    port: gateway.tls_port,
                    ..crate::devices::Connect::new(0, &device)
                };
                let mut stream = gateway.device_stream(&connect).await.unwrap();
                let request = format!(
                    "POST /topics/{path}?qos=1 HTTP/1.1\r\nHost: localhost\r\n{authorization}Content-Length: 6\r\n\r\nforged"
                );
                let response = send_request(&mut stream, request.as_bytes()).await;
                assert!(response.starts_with("HTTP/1.1 400 "), "{path}: {response}");
            }
        }
    }
    watcher.receives_nothing().await;
}
