//! Client certificates: those that the gateway accepts, and their effect on principal and policy.

use iot_local_gateway::certificate::{ClientCertificate, Identity};
use iot_local_gateway::event_log::{EntryKind, LogEntry};
use iot_local_policy::Action;
use rumqttc::{Packet, QoS};
use serde_json::json;
use tokio::sync::broadcast::Receiver;

use crate::secure::{self, StateFolder, TlsGateway};
use crate::statements::{allow, with};
use crate::support::{connect_with, denial, find, is_denied, send_request};
use crate::tls::{connect_packet, with_password};

/// Returns the client's view of a handshake. In TLS 1.3 the server may reject it after the client has finished.
async fn handshake(
    gateway: &TlsGateway,
    name: &str,
    config: std::sync::Arc<tokio_rustls::rustls::ClientConfig>,
) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    match gateway.tls_stream(name, config).await {
        Err(error) => error.to_string(),
        Ok(mut stream) => {
            let _ = stream.write_all(&connect_packet("bad")).await;
            let mut response = [0; 4];
            stream
                .read_exact(&mut response)
                .await
                .map_or_else(|error| error.to_string(), |_| "accepted".to_owned())
        }
    }
}

#[tokio::test]
async fn accepts_only_registered_certificates_and_those_of_known_authorities() {
    let unlisted = StateFolder::new();
    let listed = StateFolder::new();
    let registered = unlisted.authority.client("registered").unwrap();
    let gateway = secure::open_changed(|options| {
        let tls = options.tls.as_mut().unwrap();
        tls.client_ca = Some(listed.folder.path().join("ca.pem"));
        let path = listed.folder.path().join("registered.pem");
        std::fs::write(&path, registered.pem().0).unwrap();
        tls.client_certificate = Some(path);
    })
    .await;
    let mut event_log = gateway.running.event_log.subscribe();
    let local = gateway.state.authority.client("local").unwrap();
    let server = gateway.state.authority.server().unwrap();
    let foreign = unlisted.authority.client("foreign").unwrap();
    let known = listed.authority.client("listed").unwrap();
    // A registered certificate with another key.
    let stolen = Identity { certificate: registered.certificate.clone(), key: foreign.key.clone_key() };
    for (alpn, identity, expected) in [
        (&["mqtt"][..], None, "accepted"),
        (&["mqtt"], Some(&local), "accepted"),
        (&["mqtt"], Some(&known), "accepted"),
        (&["x-amzn-mqtt-ca"], Some(&known), "accepted"),
        (&["mqtt"], Some(&registered), "accepted"),
        (&["x-amzn-mqtt-ca"], Some(&registered), "accepted"),
        (&["x-amzn-mqtt-ca", "mqtt"], None, "accepted"),
        (&["x-amzn-mqtt-ca"], None, "CertificateRequired"),
        (&["mqtt"], Some(&foreign), "UnknownCA"),
        (&["x-amzn-mqtt-ca"], Some(&foreign), "UnknownCA"),
        (&["http/1.1"], Some(&foreign), "UnknownCA"),
        (&[], Some(&foreign), "UnknownCA"),
        (&["mqtt"], Some(&stolen), "DecryptError"),
        (&["x-amzn-mqtt-ca"], Some(&stolen), "DecryptError"),
        // A server certificate is not a client certificate.
        (&["mqtt"], Some(&server), "UnsupportedCertificate"),
        (&["h2"], None, "NoApplicationProtocol"),
        (&["MQTT"], None, "NoApplicationProtocol"),
        (&["mqttv5", "h3"], Some(&local), "NoApplicationProtocol"),
    ] {
        let outcome = handshake(&gateway, "localhost", gateway.config(alpn, identity)).await;
        assert!(outcome.contains(expected), "{alpn:?} {}: {outcome}", identity.is_some());
        let reason = find(&mut event_log, denial).await;
        let handshake_failed = reason.contains("TLS handshake failed");
        assert_eq!(handshake_failed, expected != "accepted", "{alpn:?}: {reason}");
    }
    // A client rejects a gateway whose CA it does not trust, and a name that is not in the certificate.
    let stranger = secure::config(&unlisted.authority, &["mqtt"], None);
    assert!(handshake(&gateway, "localhost", stranger).await.contains("UnknownIssuer"));
    let outcome = handshake(&gateway, "example.com", gateway.config(&["mqtt"], None)).await;
    assert!(outcome.contains("not valid for name"), "{outcome}");
}

#[tokio::test]
async fn with_a_certificate_the_principal_must_be_its_id() {
    let gateway = secure::open().await;
    let mut event_log = gateway.running.event_log.subscribe();
    let identity = gateway.state.authority.client("device").unwrap();
    let config = gateway.config(&["mqtt"], Some(&identity));
    let id = ClientCertificate::new(&identity.certificate).id;
    let impostor = connect_with(with_password(gateway.direct("a", config.clone()), "impostor")).await;
    assert!(is_denied(&impostor));
    assert!(find(&mut event_log, denial).await.contains("protocolData.tls.principalId"));
    connect_with(with_password(gateway.direct("a", config), "good")).await.unwrap();
    let principal = find(&mut event_log, |kind| match kind {
        EntryKind::Connected { principal, .. } => Some(principal.clone()),
        _ => None,
    });
    assert_eq!(principal.await, id);
    // Without a certificate, any valid principal is accepted.
    connect_with(with_password(gateway.direct("a", gateway.config(&[], None)), "impostor")).await.unwrap();
}

/// With a certificate, certificate and thing variables have values on AWS IoT, which are not known here. So a Deny with
/// such a variable might match, and does. Without a certificate it has no value, and the statement does not match.
#[tokio::test]
async fn a_deny_with_a_certificate_variable_matches_a_client_with_a_certificate() {
    let gateway = secure::open().await;
    let identity = gateway.state.authority.client("device").unwrap();
    let variable = "${iot:Certificate.Subject.CommonName}";
    let deny = with(allow("Publish", &[&format!("topic/own/{variable}")]), "Effect", json!("Deny"));
    let statements = json!([allow("Connect", &["client/a"]), allow("Publish", &["topic/own/*"]), deny]);
    let instructions = json!({ "first": statements }).to_string();
    for (presented, is_allowed) in [(None, true), (Some(&identity), false)] {
        let mut event_log = gateway.running.event_log.subscribe();
        let options = with_password(gateway.direct("a", gateway.config(&["mqtt"], presented)), &instructions);
        let mut client = connect_with(options).await.unwrap();
        client.mqtt.publish("own/x", QoS::AtLeastOnce, false, "x").await.unwrap();
        assert_eq!(matches!(client.next().await, Ok(Packet::PubAck(_))), is_allowed);
        assert_eq!(is_publish_allowed(&mut event_log).await, is_allowed);

        let mut stream =
            gateway.tls_stream("localhost", gateway.config(&["http/1.1"], presented)).await.unwrap();
        let head = format!("Host: localhost\r\ntoken: {instructions}\r\nContent-Length: 1\r\n\r\nx");
        let response =
            send_request(&mut stream, format!("POST /topics/own%2Fx?qos=1 HTTP/1.1\r\n{head}").as_bytes())
                .await;
        assert_eq!(response.split(' ').nth(1), Some(if is_allowed { "200" } else { "403" }), "{response}");
        assert_eq!(is_publish_allowed(&mut event_log).await, is_allowed);
    }
    // The same for a connect.
    let deny = with(allow("Connect", &[&format!("client/{variable}")]), "Effect", json!("Deny"));
    let instructions = json!({ "first": [allow("Connect", &["client/a"]), deny] }).to_string();
    let direct =
        |presented| with_password(gateway.direct("a", gateway.config(&["mqtt"], presented)), &instructions);
    assert!(connect_with(direct(None)).await.is_ok());
    assert!(is_denied(&connect_with(direct(Some(&identity))).await));
}

/// Whether the next publish in the event log is allowed.
async fn is_publish_allowed(event_log: &mut Receiver<LogEntry>) -> bool {
    let is_publish = |action: &Action| *action == Action::Publish;
    find(event_log, |kind| match kind {
        EntryKind::Allowed { action, .. } if is_publish(action) => Some(true),
        EntryKind::Denied { action, .. } if is_publish(action) => Some(false),
        _ => None,
    })
    .await
}
