//! Every transport with a real client, and what is refused at the TLS port.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

use iot_local::journal::{Happening, What};
use iot_local::tls::{ClientCertificate, Identity};
use rumqttc::{MqttOptions, Packet, QoS, Transport};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::broadcast::Receiver;

use crate::secure::{self, Door, Home};
use crate::support::{ask, connect_with, exchange, find, is_refused, open, options, refusal};

const UPGRADE: &str = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

/// CONNECT of an MQTT 3.1.1 client `a` with the user name `u` and a password of three letters.
fn connect_packet(password: &str) -> Vec<u8> {
    [b"\x10\x15\0\x04MQTT\x04\xc2\0\0\0\x01a\0\x01u\0\x03", password.as_bytes()].concat()
}

/// The event that the function was asked with, without what differs from run to run.
async fn shown(journal: &mut Receiver<Happening>) -> Value {
    let event = find(journal, |what| match what {
        What::Function(line) => line.text.strip_prefix("event ").map(str::to_owned),
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

fn event(token: Option<&str>, protocols: &[&str], data: &Value) -> Value {
    let mut event = json!({
        "signatureVerified": false, "protocols": protocols, "protocolData": data,
        "connectionMetadata": { "id": null }
    });
    if let Some(token) = token {
        event["token"] = token.into();
    }
    event
}

fn with_password(mut options: MqttOptions, password: &str) -> MqttOptions {
    options.set_credentials("user?x=1", password);
    options
}

#[tokio::test]
async fn each_mqtt_transport_has_its_event_and_is_held_to_the_policy() {
    let door = secure::open().await;
    let mut journal = door.running.journal.subscribe();
    let identity = door.home.authority.client("device").unwrap();
    let device = ClientCertificate::new(&identity.certificate);
    assert_eq!(pem::parse(&device.pem).unwrap().contents(), &*identity.certificate);
    let with = |alpn: &[&str]| door.config(alpn, Some(&identity));
    let without = |alpn: &[&str]| door.config(alpn, None);
    let tls = json!({ "serverName": "localhost" });
    let x509 =
        json!({ "serverName": "localhost", "x509CertificatePem": device.pem, "principalId": device.id });
    let mqtt = json!({ "username": "user?x=1", "password": "c2hvdw==", "clientId": "a" });
    let http = json!({ "headers": null, "queryString": "?q=%20" });
    let direct = ["tls", "mqtt"];
    let websocket = ["tls", "http", "mqtt"];
    let plain = MqttOptions::new("a", format!("ws://localhost:{}/mqtt?q=%20", door.running.port), 1);
    let plain = plain.clone().set_transport(Transport::Ws).clone();
    for (options, protocols, data) in [
        (door.direct("a", without(&["mqtt"])), &direct[..], json!({ "tls": tls, "mqtt": mqtt })),
        (door.direct("a", without(&[])), &direct, json!({ "tls": tls, "mqtt": mqtt })),
        (door.direct("a", with(&["mqtt"])), &direct, json!({ "tls": x509, "mqtt": mqtt })),
        (door.direct("a", with(&["x-amzn-mqtt-ca"])), &direct, json!({ "tls": x509, "mqtt": mqtt })),
        (door.direct("a", with(&[])), &direct, json!({ "tls": x509, "mqtt": mqtt })),
        (
            door.wss("a", "?q=%20", without(&["http/1.1"])),
            &websocket,
            json!({ "tls": tls, "http": http, "mqtt": mqtt }),
        ),
        (
            door.wss("a", "?q=%20", without(&[])),
            &websocket,
            json!({ "tls": tls, "http": http, "mqtt": mqtt }),
        ),
        // AWS IoT has no X.509 custom authentication over WebSocket.
        (door.wss("a", "?q=%20", with(&[])), &websocket, json!({ "tls": tls, "http": http, "mqtt": mqtt })),
        (plain, &websocket, json!({ "tls": tls, "http": http, "mqtt": mqtt })),
    ] {
        let refused = connect_with(with_password(options.clone(), "bad")).await;
        assert!(is_refused(&refused), "{protocols:?}");
        let mut client = connect_with(with_password(options, "show")).await.unwrap();
        assert_eq!(shown(&mut journal).await, event(None, protocols, &data));
        client.mqtt.publish("own/a/x", QoS::AtLeastOnce, false, "x").await.unwrap();
        assert!(matches!(client.next().await, Ok(Packet::PubAck(_))));
        client.mqtt.publish("own/b/x", QoS::AtLeastOnce, false, "x").await.unwrap();
        assert!(client.next().await.is_err(), "a refused publish was taken");
    }
}

#[tokio::test]
async fn https_publish_has_its_event_and_is_held_to_the_policy() {
    let door = secure::open().await;
    let mut journal = door.running.journal.subscribe();
    let identity = door.home.authority.client("device").unwrap();
    let device = ClientCertificate::new(&identity.certificate);
    let tls = json!({ "serverName": "localhost" });
    let x509 =
        json!({ "serverName": "localhost", "x509CertificatePem": device.pem, "principalId": device.id });
    let http = json!({ "headers": null, "queryString": "?qos=1&token=show" });
    for (alpn, identity, tls) in [
        (&["http/1.1"][..], None, &tls),
        (&[], None, &tls),
        (&["h2", "http/1.1"], None, &tls),
        (&["http/1.1"], Some(&identity), &x509),
    ] {
        let config = door.config(alpn, identity);
        for (topic, token, status) in [("http", "show", 200), ("http", "bad", 403), ("bob", "show", 403)] {
            let mut stream = door.raw("localhost", config.clone()).await.unwrap();
            let answer = ask(
                &mut stream,
                format!(
                    "POST /topics/own%2F{topic}%2Fx?qos=1&token={token} HTTP/1.1\r\nHost: other:1\r\n\
                     Content-Length: 1\r\n\r\nx"
                )
                .as_bytes(),
            )
            .await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
            if token == "show" {
                let data = json!({ "tls": tls, "http": http });
                assert_eq!(shown(&mut journal).await, event(Some("show"), &["tls", "http"], &data));
            }
        }
    }
}

#[tokio::test]
async fn a_client_without_server_name_is_let_in_without_one_in_the_event() {
    let door = secure::open().await;
    let mut journal = door.running.journal.subscribe();
    let mut options = MqttOptions::new("a", "127.0.0.1", door.tls_port);
    let config = rumqttc::TlsConfiguration::Rustls(door.config(&["mqtt"], None));
    options.set_transport(Transport::tls_with_config(config));
    connect_with(with_password(options, "show")).await.unwrap();
    assert_eq!(shown(&mut journal).await["protocolData"]["tls"], json!({}));
}

#[tokio::test]
async fn what_does_not_fit_the_port_or_its_alpn_is_turned_away() {
    let door = secure::open().await;
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
        // The page is the plain port's.
        (&["http/1.1"], get, "HTTP/1.1 421 "),
        (&[], get, "HTTP/1.1 421 "),
        (&["http/1.1"], UPGRADE.as_bytes(), "HTTP/1.1 101 "),
    ] {
        let mut stream = door.raw("localhost", door.config(alpn, None)).await.unwrap();
        let answer = match expected.starts_with("HTTP/1.1 101") {
            false => ask(&mut stream, sent).await,
            true => {
                // The upgrade goes on: what follows is closed by a text message.
                let closed = [sent, b"\x81\x81\0\0\0\0x"].concat();
                ask(&mut stream, &closed).await
            }
        };
        assert!(answer.starts_with(expected), "{alpn:?} {answer:?}");
        assert!(!expected.is_empty() || answer.is_empty(), "{alpn:?} {answer:?}");
    }
    for bytes in [&get[..], &connect, b"\x16\x03\x01\0\0"] {
        let mut stream = TcpStream::connect(("127.0.0.1", door.tls_port)).await.unwrap();
        let answer = ask(&mut stream, bytes).await;
        assert!(!answer.starts_with("HTTP") && !answer.starts_with(' '), "{answer:?}");
    }
    assert!(exchange(door.running.port, &connect).await.starts_with("HTTP/1.1 400 "));
}

/// What the client sees of a handshake, which in TLS 1.3 may be refused after it believes to be through.
async fn handshake(
    door: &Door,
    name: &str,
    config: std::sync::Arc<tokio_rustls::rustls::ClientConfig>,
) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    match door.raw(name, config).await {
        Err(error) => error.to_string(),
        Ok(mut stream) => {
            let _ = stream.write_all(&connect_packet("bad")).await;
            let mut answer = [0; 4];
            stream
                .read_exact(&mut answer)
                .await
                .map_or_else(|error| error.to_string(), |_| "through".to_owned())
        }
    }
}

#[tokio::test]
async fn a_certificate_is_taken_from_known_authorities_alone() {
    let other = Home::new();
    let listed = Home::new();
    let registered = other.authority.client("registered").unwrap();
    let door = secure::open_changed(|options| {
        let tls = options.tls.as_mut().unwrap();
        tls.client_ca = Some(listed.folder.path().join("ca.pem"));
        let path = listed.folder.path().join("registered.pem");
        std::fs::write(&path, registered.pem().0).unwrap();
        tls.client_certificate = Some(path);
    })
    .await;
    let mut journal = door.running.journal.subscribe();
    let own = door.home.authority.client("own").unwrap();
    let server = door.home.authority.server().unwrap();
    let foreign = other.authority.client("foreign").unwrap();
    let known = listed.authority.client("listed").unwrap();
    // The certificate is registered, but this is not its key.
    let stolen = Identity { certificate: registered.certificate.clone(), key: foreign.key.clone_key() };
    for (alpn, identity, expected) in [
        (&["mqtt"][..], None, "through"),
        (&["mqtt"], Some(&own), "through"),
        (&["mqtt"], Some(&known), "through"),
        (&["x-amzn-mqtt-ca"], Some(&known), "through"),
        (&["mqtt"], Some(&registered), "through"),
        (&["x-amzn-mqtt-ca"], Some(&registered), "through"),
        (&["x-amzn-mqtt-ca", "mqtt"], None, "through"),
        (&["x-amzn-mqtt-ca"], None, "CertificateRequired"),
        (&["mqtt"], Some(&foreign), "UnknownCA"),
        (&["x-amzn-mqtt-ca"], Some(&foreign), "UnknownCA"),
        (&["http/1.1"], Some(&foreign), "UnknownCA"),
        (&[], Some(&foreign), "UnknownCA"),
        (&["mqtt"], Some(&stolen), "DecryptError"),
        (&["x-amzn-mqtt-ca"], Some(&stolen), "DecryptError"),
        // A certificate for servers is none for clients.
        (&["mqtt"], Some(&server), "UnsupportedCertificate"),
        (&["h2"], None, "NoApplicationProtocol"),
        (&["MQTT"], None, "NoApplicationProtocol"),
        (&["mqttv5", "h3"], Some(&own), "NoApplicationProtocol"),
    ] {
        let seen = handshake(&door, "localhost", door.config(alpn, identity)).await;
        assert!(seen.contains(expected), "{alpn:?} {}: {seen}", identity.is_some());
        let reason = find(&mut journal, refusal).await;
        let handshake_failed = reason.contains("TLS handshake failed");
        assert_eq!(handshake_failed, expected != "through", "{alpn:?}: {reason}");
    }
    // The other way round: a client does not believe a door that it does not know, nor another name.
    let stranger = secure::config(&other.authority, &["mqtt"], None);
    assert!(handshake(&door, "localhost", stranger).await.contains("UnknownIssuer"));
    let seen = handshake(&door, "example.com", door.config(&["mqtt"], None)).await;
    assert!(seen.contains("not valid for name"), "{seen}");
}

#[tokio::test]
async fn under_a_certificate_the_principal_is_the_certificate_s() {
    let door = secure::open().await;
    let mut journal = door.running.journal.subscribe();
    let identity = door.home.authority.client("device").unwrap();
    let config = door.config(&["mqtt"], Some(&identity));
    let id = ClientCertificate::new(&identity.certificate).id;
    let impostor = connect_with(with_password(door.direct("a", config.clone()), "impostor")).await;
    assert!(is_refused(&impostor));
    assert!(find(&mut journal, refusal).await.contains("protocolData.tls.principalId"));
    connect_with(with_password(door.direct("a", config), "good")).await.unwrap();
    let principal = find(&mut journal, |what| match what {
        What::Connected { principal, .. } => Some(principal.clone()),
        _ => None,
    });
    assert_eq!(principal.await, id);
    // Without a certificate any legal principal will do.
    connect_with(with_password(door.direct("a", door.config(&[], None)), "impostor")).await.unwrap();
}

#[tokio::test]
async fn a_door_without_tls_has_no_tls_port() {
    let door = open(1).await;
    assert_eq!(door.tls_port, None);
    connect_with(options(door.port, "a", "good")).await.unwrap();
}
