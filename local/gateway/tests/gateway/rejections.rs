//! Clients that speak another protocol, or to another path. Each leaves an entry in the event log that says what to do.

use std::sync::Arc;

use iot_local_gateway::event_log::{EntryKind, LogEntry};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::broadcast::Receiver;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use crate::packets::{ConnectPacket, RawClient, packet, text};
use crate::secure;
use crate::support::{connect, exchange, find, open, send_request};

const MQTT_CONNECT: &[u8] = b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04test";

fn handshake(path: &str, protocol: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{protocol}\r\n"
    )
    .into_bytes()
}

/// Waits for an entry about a client whose text contains `expected`.
async fn logged(event_log: &mut Receiver<LogEntry>, expected: &str) {
    find(event_log, |kind| match kind {
        EntryKind::ConnectDenied { reason: text, .. }
        | EntryKind::Notice { text }
        | EntryKind::ProtocolError { reason: text } => text.contains(expected).then_some(()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn other_protocols_on_the_plain_port_are_closed_and_logged() {
    let gateway = open(1).await;
    let mut event_log = gateway.event_log.subscribe();
    let help = format!("or to ws://127.0.0.1:{}/mqtt", gateway.port);
    for (bytes, expected) in [
        (MQTT_CONNECT, "MQTT without WebSocket on the HTTP port; help: connect to the TLS port by mqtts://"),
        (MQTT_CONNECT, &help),
        (b"\x16\x03\x01\x00\x05hello", "TLS on the port without TLS; help: connect to the TLS port"),
    ] {
        assert_eq!(exchange(gateway.port, bytes).await, "", "{expected}");
        logged(&mut event_log, expected).await;
    }
    // A client that sends nothing is no error.
    drop(TcpStream::connect(("127.0.0.1", gateway.port)).await.unwrap());
    connect(gateway.port, "a", "good").await.unwrap();
}

#[tokio::test]
async fn a_websocket_at_another_path_is_answered_with_the_right_one() {
    let gateway = secure::open().await;
    let mut event_log = gateway.running.event_log.subscribe();
    let text = "the path of MQTT over WebSocket is /mqtt";
    let mqtt = "Sec-WebSocket-Protocol: mqtt\r\n";
    for (path, protocol) in [("/", mqtt), ("/mqtt/", mqtt), ("/ws", ""), ("/topics/a", mqtt)] {
        let request = handshake(path, protocol);
        let mut stream = gateway.tls_stream("localhost", gateway.config(&["http/1.1"], None)).await.unwrap();
        for response in
            [exchange(gateway.running.port, &request).await, send_request(&mut stream, &request).await]
        {
            assert!(response.starts_with("HTTP/1.1 404 ") && response.contains(text), "{path}: {response}");
            logged(&mut event_log, &format!("WebSocket handshake at \"{path}\"; {text}; help: ")).await;
        }
    }
    for protocol in ["", "Sec-WebSocket-Protocol: chat\r\n"] {
        let response = exchange(gateway.running.port, &handshake("/mqtt", protocol)).await;
        assert!(response.starts_with("HTTP/1.1 400 ") && response.contains("expected mqtt"), "{response}");
        logged(&mut event_log, "/mqtt: missing or unsupported WebSocket subprotocol; expected mqtt; help: ")
            .await;
    }
}

#[tokio::test]
async fn bytes_without_tls_and_other_server_names_are_logged() {
    let gateway = secure::open().await;
    let mut event_log = gateway.running.event_log.subscribe();
    for bytes in [MQTT_CONNECT, b"GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.tls_port)).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        logged(&mut event_log, "bytes without TLS on the TLS port; help: connect by mqtts://").await;
    }
    let name = "; it asks for server name \"a.example\" (SNI), and the certificate is for localhost; help: ";
    let checking = gateway.config(&["mqtt"], None);
    assert!(gateway.tls_stream("a.example", checking).await.is_err());
    logged(&mut event_log, name).await;
    let mut trusting = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate))
        .with_no_client_auth();
    trusting.alpn_protocols = vec![b"mqtt".to_vec()];
    let _stream = gateway.tls_stream("a.example", Arc::new(trusting)).await.unwrap();
    logged(&mut event_log, &format!("the client does not check the certificate{name}")).await;
}

#[tokio::test]
async fn mqtt_31_is_denied_with_the_return_code_for_it() {
    let gateway = open(1).await;
    let mut event_log = gateway.event_log.subscribe();
    let mut client = RawClient::open(gateway.port, 4).await;
    let body = [&text("MQIsdp")[..], &[3, 0xC2, 0, 60], &text("ana"), &text("user"), &text("good")].concat();
    client.send(packet(0x10, &body)).await;
    assert_eq!(client.next().await.as_deref(), Some(&[0x20, 0x02, 0x00, 0x01][..]));
    assert_eq!(client.next().await, None);
    logged(&mut event_log, "the client speaks MQTT 3.1 (MQIsdp); AWS IoT documents MQTT 3.1.1 and 5; help: ")
        .await;
}

#[tokio::test]
async fn malformed_packets_end_the_connection_and_are_named() {
    let gateway = open(1).await;
    let mut event_log = gateway.event_log.subscribe();
    let allowed = json!([{ "Effect": "Allow", "Action": "iot:*", "Resource": "*" }]);
    for (bytes, expected) in [
        (vec![0x80, 0x02, 0, 1], "SUBSCRIBE with flags 0b0000; expected 0b0010"),
        (vec![0x36, 0x03, 0, 1, b'a'], "PUBLISH with QoS 3; expected 0 or 1"),
        (vec![0xD0, 0x00], "PINGRESP from a client; only a server sends it"),
        (vec![0xC0, 0xFF, 0xFF, 0xFF, 0xFF], "PINGREQ: remaining length of more than four bytes"),
        (packet(0x10, &[&text("MQTT")[..], &[5, 2, 0, 60, 0, 0, 0]].concat()), "second CONNECT"),
    ] {
        let connect = ConnectPacket::with_statements(5, "ana", &allowed);
        let mut client = RawClient::connect(gateway.port, &connect).await;
        client.send(bytes).await;
        assert_eq!(client.wait_for_end().await, Some(0x81), "{expected}");
        logged(&mut event_log, expected).await;
    }
}

/// A client that does not check the server's certificate.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
