//! Every transport with a real client, and the handshakes and requests that the TLS port rejects.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

use iot_local_gateway::event_log::{EntryKind, LogEntry};
use rumqttc::{MqttOptions, Packet, QoS, Transport};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::broadcast::Receiver;

use crate::secure;
use crate::support::{connect_with, exchange, find, is_denied, open, options, send_request};

pub(crate) const UPGRADE: &str = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

/// The CONNECT packet of an MQTT 3.1.1 client `a` with the user name `u` and a password of three letters.
pub(crate) fn connect_packet(password: &str) -> Vec<u8> {
    [b"\x10\x15\0\x04MQTT\x04\xc2\0\0\0\x01a\0\x01u\0\x03", password.as_bytes()].concat()
}

/// Returns the event of the next call, without the members that differ between runs.
pub(crate) async fn next_event(event_log: &mut Receiver<LogEntry>) -> Value {
    let event = find(event_log, |kind| match kind {
        EntryKind::Function(line) => line.text.strip_prefix("event ").map(str::to_owned),
        _ => None,
    });
    let mut event: Value = serde_json::from_str(&event.await).unwrap();
    let id = event["connectionMetadata"]["id"].take();
    assert_eq!(id.as_str().map(str::len), Some(36), "{id}");
    if let Some(http) = event["protocolData"].get_mut("http") {
        assert!(http["headers"].as_object().is_some_and(|headers| !headers.is_empty()), "{http}");
        http["headers"] = Value::Null;
    }
    event
}

/// An event without token signing, which has no `token`.
fn event(protocols: &[&str], data: &Value) -> Value {
    json!({
        "signatureVerified": false, "protocols": protocols, "protocolData": data,
        "connectionMetadata": { "id": null }
    })
}

pub(crate) fn with_password(mut options: MqttOptions, password: &str) -> MqttOptions {
    options.set_credentials("user?x=1", password);
    options
}

#[tokio::test]
async fn each_mqtt_transport_has_its_event_and_is_checked_against_the_policy() {
    let gateway = secure::open().await;
    let mut event_log = gateway.running.event_log.subscribe();
    let identity = gateway.state.authority.client("device").unwrap();
    let with = |alpn: &[&str]| gateway.config(alpn, Some(&identity));
    let without = |alpn: &[&str]| gateway.config(alpn, None);
    let tls = json!({ "serverName": "localhost" });
    let mqtt = json!({ "username": "user?x=1", "password": "c2hvdw==", "clientId": "a" });
    let http = json!({ "headers": null, "queryString": "?q=%20" });
    let direct = ["tls", "mqtt"];
    let websocket = ["tls", "http", "mqtt"];
    let plain = MqttOptions::new("a", format!("ws://localhost:{}/mqtt?q=%20", gateway.running.port), 1);
    let plain = plain.clone().set_transport(Transport::Ws).clone();
    for (options, protocols, data) in [
        (gateway.direct("a", without(&["mqtt"])), &direct[..], json!({ "tls": tls, "mqtt": mqtt })),
        (gateway.direct("a", without(&[])), &direct, json!({ "tls": tls, "mqtt": mqtt })),
        // Without CUSTOM_AUTH_X509, a certificate is ignored.
        (gateway.direct("a", with(&["mqtt"])), &direct, json!({ "tls": tls, "mqtt": mqtt })),
        (gateway.direct("a", with(&[])), &direct, json!({ "tls": tls, "mqtt": mqtt })),
        (
            gateway.wss("a", "?q=%20", without(&["http/1.1"])),
            &websocket,
            json!({ "tls": tls, "http": http, "mqtt": mqtt }),
        ),
        (
            gateway.wss("a", "?q=%20", without(&[])),
            &websocket,
            json!({ "tls": tls, "http": http, "mqtt": mqtt }),
        ),
        // AWS IoT has no X.509 custom authentication over WebSocket.
        (
            gateway.wss("a", "?q=%20", with(&[])),
            &websocket,
            json!({ "tls": tls, "http": http, "mqtt": mqtt }),
        ),
        (plain, &websocket, json!({ "tls": tls, "http": http, "mqtt": mqtt })),
    ] {
        let denied = connect_with(with_password(options.clone(), "bad")).await;
        assert!(is_denied(&denied), "{protocols:?}");
        let mut client = connect_with(with_password(options, "show")).await.unwrap();
        assert_eq!(next_event(&mut event_log).await, event(protocols, &data));
        client.mqtt.publish("own/a/x", QoS::AtLeastOnce, false, "x").await.unwrap();
        assert!(matches!(client.next().await, Ok(Packet::PubAck(_))));
        client.mqtt.publish("own/b/x", QoS::AtLeastOnce, false, "x").await.unwrap();
        assert!(client.next().await.is_err(), "a denied publish was accepted");
    }
}

#[tokio::test]
async fn an_https_publish_has_its_event_and_is_checked_against_the_policy() {
    let gateway = secure::open().await;
    let mut event_log = gateway.running.event_log.subscribe();
    let identity = gateway.state.authority.client("device").unwrap();
    let tls = json!({ "serverName": "localhost" });
    let http = json!({ "headers": null, "queryString": "?qos=1&token=show" });
    for (alpn, identity) in [
        (&["http/1.1"][..], None),
        (&[], None),
        (&["h2", "http/1.1"], None),
        // With a token, a certificate is ignored.
        (&["http/1.1"], Some(&identity)),
        (&[], Some(&identity)),
    ] {
        let config = gateway.config(alpn, identity);
        for (topic, token, status) in [("http", "show", 200), ("http", "bad", 403), ("bob", "show", 403)] {
            let mut stream = gateway.tls_stream("localhost", config.clone()).await.unwrap();
            let response = send_request(
                &mut stream,
                format!(
                    "POST /topics/own%2F{topic}%2Fx?qos=1&token={token} HTTP/1.1\r\nHost: other:1\r\n\
                     Content-Length: 1\r\n\r\nx"
                )
                .as_bytes(),
            )
            .await;
            assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response}");
            if token == "show" {
                let data = json!({ "tls": tls, "http": http });
                assert_eq!(next_event(&mut event_log).await, event(&["tls", "http"], &data));
            }
        }
    }
}

#[tokio::test]
async fn the_event_of_a_client_without_a_server_name_has_none() {
    let gateway = secure::open().await;
    let mut event_log = gateway.running.event_log.subscribe();
    let mut options = MqttOptions::new("a", "127.0.0.1", gateway.tls_port);
    let config = rumqttc::TlsConfiguration::Rustls(gateway.config(&["mqtt"], None));
    options.set_transport(Transport::tls_with_config(config));
    connect_with(with_password(options, "show")).await.unwrap();
    assert_eq!(next_event(&mut event_log).await["protocolData"]["tls"], json!({}));
}

#[tokio::test]
async fn rejects_bytes_that_do_not_match_the_port_or_alpn() {
    let gateway = secure::open().await;
    let connect = connect_packet("bad");
    let get = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    for (alpn, sent, expected) in [
        (&["mqtt"][..], &get[..], ""),
        (&["mqtt"], UPGRADE.as_bytes(), ""),
        (&["mqtt"], b"\x16\x03\x01", ""),
        (&["mqtt", "http/1.1"], get, ""),
        (&["mqtt"], &connect, " \u{2}\0\u{5}"),
        (&["http/1.1", "mqtt"], &connect, " \u{2}\0\u{5}"),
        (&[], &connect, " \u{2}\0\u{5}"),
        (&["http/1.1"], &connect, "HTTP/1.1 400 "),
        (&["http/1.1"], b"\0", "HTTP/1.1 400 "),
        // The TLS port does not serve the page.
        (&["http/1.1"], get, "HTTP/1.1 421 "),
        (&[], get, "HTTP/1.1 421 "),
        (&["http/1.1"], UPGRADE.as_bytes(), "HTTP/1.1 101 "),
    ] {
        let mut stream = gateway.tls_stream("localhost", gateway.config(alpn, None)).await.unwrap();
        let response = match expected.starts_with("HTTP/1.1 101") {
            false => send_request(&mut stream, sent).await,
            true => {
                // A text message closes the WebSocket.
                let closed = [sent, b"\x81\x81\0\0\0\0x"].concat();
                send_request(&mut stream, &closed).await
            }
        };
        assert!(response.starts_with(expected), "{alpn:?} {response:?}");
        assert!(!expected.is_empty() || response.is_empty(), "{alpn:?} {response:?}");
    }
    for bytes in [&get[..], &connect, b"\x16\x03\x01\0\0"] {
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.tls_port)).await.unwrap();
        let response = send_request(&mut stream, bytes).await;
        assert!(!response.starts_with("HTTP") && !response.starts_with(' '), "{response:?}");
    }
    assert_eq!(exchange(gateway.running.port, &connect).await, "");
}

#[tokio::test]
async fn a_gateway_without_tls_has_no_tls_port() {
    let gateway = open(1).await;
    assert_eq!(gateway.tls_port, None);
    connect_with(options(gateway.port, "a", "good")).await.unwrap();
}
