//! X.509 custom authentication: a registered certificate and the authorizer, whose policies add up.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use iot_local_gateway::auth::endpoint::EndpointSettings;
use iot_local_gateway::event_log::{EntryKind, LogEntry};
use iot_local_policy::Action;
use rumqttc::{MqttOptions, Packet, QoS, TlsConfiguration, Transport};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;

use crate::devices::{Api, Connect, Device, PKI};
use crate::secure::{self, StateFolder, TlsGateway};
use crate::statements::{allow, with};
use crate::support::{connect_with, denial, find, is_denied, send_request};
use crate::tls::{next_event, with_password};

/// Opens a gateway whose endpoint has `CUSTOM_AUTH_X509`.
async fn open() -> (TlsGateway, Api) {
    let gateway = secure::open_changed(|options| {
        options.endpoint =
            EndpointSettings::new("CUSTOM_AUTH_X509".parse().unwrap(), "DEFAULT".parse().unwrap()).unwrap();
    })
    .await;
    let api = Api { port: gateway.running.port };
    (gateway, api)
}

impl TlsGateway {
    fn custom(&self, device: Option<&Device>, instruction: &str) -> MqttOptions {
        let connect =
            Connect { port: self.tls_port, alpn: &["mqtt"], device, is_tls12: false, has_sni: true };
        let mut options = MqttOptions::new("a", "localhost", self.tls_port);
        let config = TlsConfiguration::Rustls(self.device_config(&connect));
        options.set_transport(Transport::tls_with_config(config));
        with_password(options, instruction)
    }
}

#[tokio::test]
async fn a_client_checks_the_gateway_s_certificate() {
    let gateway = secure::open().await;
    let unlisted = StateFolder::new();
    let stranger = secure::config(&unlisted.authority, &["mqtt"], None);
    for (name, config, expected) in [
        ("localhost", stranger, "UnknownIssuer"),
        ("example.com", gateway.config(&["mqtt"], None), "not valid for name"),
        ("localhost", gateway.config(&["MQTT"], None), "NoApplicationProtocol"),
        ("localhost", gateway.config(&["mqttv5", "h3"], None), "NoApplicationProtocol"),
    ] {
        let error = gateway.tls_stream(name, config).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn the_certificate_must_be_active_and_the_principal_its_id() {
    let (gateway, api) = open().await;
    let device = PKI.fresh("v3-custom");
    let unknown = PKI.fresh("v1-unknown");
    let inactive = PKI.fresh("v1-inactive");
    api.register(&device, "ACTIVE").await;
    api.register(&inactive, "INACTIVE").await;
    let stolen = Device { key: PKI.key("v3-ec"), ..device.clone() };
    for (device, instruction, expected) in [
        (None, "good", "tls"),
        (Some(&stolen), "good", "tls"),
        (Some(&unknown), "good", "not registered"),
        (Some(&inactive), "good", "INACTIVE"),
        (Some(&device), "bad", "the authorizer denied the client"),
        (Some(&device), "impostor", "protocolData.tls.principalId"),
        (Some(&device), "good", ""),
    ] {
        let mut event_log = gateway.running.event_log.subscribe();
        let connected = connect_with(gateway.custom(device, instruction)).await;
        assert_eq!(connected.is_ok(), expected.is_empty(), "{instruction}");
        if !expected.is_empty() {
            let reason = find(&mut event_log, denial).await;
            assert!(reason.contains(expected) || expected == "tls", "{reason}");
            assert!(is_denied(&connected) || expected == "tls", "{reason}");
        }
    }
    let mut event_log = gateway.running.event_log.subscribe();
    let _client = connect_with(gateway.custom(Some(&device), "show")).await.unwrap();
    let event = next_event(&mut event_log).await;
    let expected = json!({
        "serverName": "localhost", "x509CertificatePem": device.certificate().pem(), "principalId": device.id()
    });
    assert_eq!(event["protocolData"]["tls"], expected);
    let principal = find(&mut event_log, |kind| match kind {
        EntryKind::Connected { principal, .. } => Some(principal.clone()),
        _ => None,
    });
    assert_eq!(principal.await, device.id());
}

/// The authorizer's policy allows `own/a/…`. The certificate's allows and denies further topics.
#[tokio::test]
async fn the_policies_of_the_certificate_and_of_the_response_add_up() {
    let (gateway, api) = open().await;
    let device = PKI.fresh("v3-both");
    api.register(&device, "ACTIVE").await;
    let deny = |topic: &str| with(allow("Publish", &[topic]), "Effect", json!("Deny"));
    let statements = json!([
        allow("Publish", &["topic/certificate/${iot:Certificate.Subject.CommonName}/x"]),
        deny("topic/own/a/denied"),
        deny("topic/own/a/${iot:Certificate.Subject.CommonName}"),
    ]);
    api.create_policy("further", &statements).await;
    for (is_attached, topic, expected) in [
        (false, "own/a/x", true),
        (false, "own/a/denied", true),
        (false, "certificate/v3-both/x", false),
        (true, "own/a/x", true),
        (true, "own/a/denied", false),
        (true, "own/a/v3-both", false),
        (true, "own/b/x", false),
        (true, "certificate/v3-both/x", true),
        (true, "certificate/other/x", false),
    ] {
        match is_attached {
            true => api.attach_policy("further", &device).await,
            false => api.detach_policy("further", &device).await,
        }
        let mut event_log = gateway.running.event_log.subscribe();
        let mut client = connect_with(gateway.custom(Some(&device), "good")).await.unwrap();
        client.mqtt.publish(topic, QoS::AtLeastOnce, false, "x").await.unwrap();
        assert_eq!(matches!(client.next().await, Ok(Packet::PubAck(_))), expected, "{is_attached} {topic}");
        assert_eq!(is_publish_allowed(&mut event_log).await, expected, "{is_attached} {topic}");
    }
    // The same for HTTPS, whose client id is `http` for the authorizer.
    let connect =
        Connect { port: gateway.tls_port, alpn: &[], device: Some(&device), is_tls12: false, has_sni: true };
    for (topic, expected) in
        [("own/http/x", 200), ("certificate/v3-both/x", 200), ("own/a/denied", 403), ("own/b/x", 403)]
    {
        let mut stream = gateway.device_stream(&connect).await.unwrap();
        let request = format!(
            "POST /topics/{topic}?qos=1&token=good HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx"
        );
        let response = send_request(&mut stream, request.as_bytes()).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {expected} ")), "{topic}: {response}");
    }
}

/// A statement of the response with a variable of the certificate has a value, since the registry knows it.
#[tokio::test]
async fn the_response_may_use_variables_of_the_certificate() {
    let (gateway, api) = open().await;
    let device = PKI.fresh("v3-variable");
    api.register(&device, "ACTIVE").await;
    let variable = "${iot:Certificate.Subject.CommonName}";
    let instructions = |effect: &str, extra: Value| {
        let own = allow("Publish", &[&format!("topic/own/{variable}")]);
        let statements = json!([allow("Connect", &["client/a"]), with(own, "Effect", json!(effect)), extra]);
        json!({ "first": statements }).to_string()
    };
    let all = allow("Publish", &["topic/own/*"]);
    let none = allow("Publish", &["topic/none"]);
    for (effect, extra, topic, expected) in [
        ("Allow", &none, "own/v3-variable", true),
        ("Allow", &none, "own/other", false),
        ("Allow", &none, "own/${iot:Certificate.Subject.CommonName}", false),
        ("Deny", &all, "own/v3-variable", false),
        ("Deny", &all, "own/other", true),
    ] {
        let instructions = instructions(effect, extra.clone());
        let mut client = connect_with(gateway.custom(Some(&device), &instructions)).await.unwrap();
        client.mqtt.publish(topic, QoS::AtLeastOnce, false, "x").await.unwrap();
        assert_eq!(matches!(client.next().await, Ok(Packet::PubAck(_))), expected, "{effect} {topic}");
    }
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
