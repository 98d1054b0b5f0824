//! Clients with certificates: who completes the handshake, and who is admitted at the CONNECT.

use std::time::Duration;

use iot_local_gateway::event_log::EntryKind;
use rumqttc::{MqttOptions, Packet, QoS, TlsConfiguration, Transport};
use serde_json::json;

use crate::devices::{Api, Connect, Device, PKI, thing_policy};
use crate::secure::{self, TlsGateway};
use crate::statements::{allow, allow_all, with};
use crate::support::{Client, connect_with, denial, find};

/// Which devices are registered how. Their policies: `all` allows everything, `thing` is that of things.
async fn registered(gateway: &TlsGateway) -> Api {
    let api = Api { port: gateway.running.port };
    api.create_policy("all", &allow_all()).await;
    api.create_policy("no-connect", &json!([allow("Publish", &["topic/*"])])).await;
    let deny = with(allow("Connect", &["client/*"]), "Effect", json!("Deny"));
    api.create_policy("deny", &json!([deny])).await;
    for name in ["v1-rsa", "v3-rsa", "v1-ec", "v3-ec", "v1-sub", "v3-384"] {
        let device = PKI.device(&[name]);
        api.register(&device, "ACTIVE").await;
        api.attach_policy("all", &device).await;
    }
    api
}

async fn with_policy(api: &Api, name: &str, status: &str, policy: Option<&str>) -> Device {
    let device = PKI.fresh(name);
    api.register(&device, "ACTIVE").await;
    if let Some(policy) = policy {
        api.attach_policy(policy, &device).await;
    }
    if status != "ACTIVE" {
        api.set_status(&device, status).await;
    }
    device
}

/// The port, the ALPN names, the device, and the outcome with MQTT 3.1.1 and 5 and a part of the log.
type Row<'a> = (u16, &'a [&'a str], Option<&'a Device>, (&'a str, &'a str, &'a str));

#[tokio::test]
async fn the_handshake_needs_a_key_and_the_connect_needs_rights() {
    let gateway = secure::open().await;
    let api = registered(&gateway).await;
    let (mqtts, https) = (gateway.mqtts_port, gateway.tls_port);
    let [v1_rsa, v3_rsa, v1_ec, v3_ec, v3_384] =
        ["v1-rsa", "v3-rsa", "v1-ec", "v3-ec", "v3-384"].map(|name| PKI.device(&[name]));
    let chain_2 = PKI.device(&["v1-sub", "sub"]);
    let chain_3 = PKI.device(&["v1-sub", "sub", "root"]);
    let leaf = PKI.device(&["v1-sub"]);
    let stolen = Device { key: PKI.key("v3-ec"), ..v1_ec.clone() };
    let stolen_v3 = Device { key: PKI.key("v1-ec"), ..v3_ec.clone() };
    let stolen_rsa = Device { key: PKI.key("v3-rsa"), ..v1_rsa.clone() };
    let unknown = PKI.fresh("unknown");
    let root = PKI.device(&["root"]);
    let unknown_with_chain =
        Device { chain: [unknown.chain.clone(), root.chain.clone()].concat(), ..unknown.clone() };
    let inactive = with_policy(&api, "inactive", "INACTIVE", Some("all")).await;
    let revoked = with_policy(&api, "revoked", "REVOKED", Some("all")).await;
    let without_policy = with_policy(&api, "without-policy", "ACTIVE", None).await;
    let no_connect = with_policy(&api, "no-connect", "ACTIVE", Some("no-connect")).await;
    let denied = with_policy(&api, "denied", "ACTIVE", Some("all")).await;
    api.attach_policy("deny", &denied).await;
    let deleted = with_policy(&api, "deleted", "INACTIVE", None).await;
    api.call(&format!("DELETE /certificates/{}", deleted.id()), "", &serde_json::Value::Null).await;

    let mqtt_ca = &["x-amzn-mqtt-ca"][..];
    let tls_failed = "the TLS handshake failed";
    let accepted = ("connack 0x00", "connack 0x00", "");
    let refused = |reason| ("closed", "connack 0x87", reason);
    let rows: &[Row<'_>] = &[
        (mqtts, &[], Some(&v1_rsa), accepted),
        (mqtts, &[], Some(&v3_rsa), accepted),
        (mqtts, &[], Some(&v1_ec), accepted),
        (mqtts, &[], Some(&v3_ec), accepted),
        (mqtts, &[], Some(&v3_384), accepted),
        (mqtts, &[], Some(&leaf), accepted),
        (mqtts, &[], Some(&chain_2), accepted),
        (mqtts, &[], Some(&chain_3), accepted),
        (mqtts, mqtt_ca, Some(&v1_ec), accepted),
        (https, mqtt_ca, Some(&v1_rsa), accepted),
        (https, mqtt_ca, Some(&v1_ec), accepted),
        (mqtts, &[], None, ("CertificateRequired", "CertificateRequired", tls_failed)),
        (mqtts, mqtt_ca, None, ("CertificateRequired", "CertificateRequired", tls_failed)),
        (https, mqtt_ca, None, ("CertificateRequired", "CertificateRequired", tls_failed)),
        (https, &["x-amzn-http-ca"], None, ("CertificateRequired", "CertificateRequired", tls_failed)),
        (mqtts, &[], Some(&stolen), ("DecryptError", "DecryptError", tls_failed)),
        (mqtts, &[], Some(&stolen_v3), ("DecryptError", "DecryptError", tls_failed)),
        (mqtts, &[], Some(&stolen_rsa), ("DecryptError", "DecryptError", tls_failed)),
        (https, mqtt_ca, Some(&stolen), ("DecryptError", "DecryptError", tls_failed)),
        (https, &["mqtt"], Some(&stolen), ("DecryptError", "DecryptError", tls_failed)),
        (https, &["h2"], Some(&v1_ec), ("NoApplicationProtocol", "NoApplicationProtocol", tls_failed)),
        (mqtts, &[], Some(&unknown), refused("not registered")),
        (mqtts, &[], Some(&unknown_with_chain), refused("not registered")),
        (https, mqtt_ca, Some(&unknown), refused("not registered")),
        (mqtts, &[], Some(&root), refused("not registered")),
        (mqtts, &[], Some(&deleted), refused("not registered")),
        (mqtts, &[], Some(&inactive), refused("INACTIVE")),
        (https, mqtt_ca, Some(&inactive), refused("INACTIVE")),
        (mqtts, &[], Some(&revoked), refused("REVOKED")),
        (mqtts, &[], Some(&without_policy), refused("polic")),
        (mqtts, &[], Some(&no_connect), refused("no statement allows iot:Connect")),
        (mqtts, &[], Some(&denied), refused("Deny iot:Connect")),
        (https, mqtt_ca, Some(&denied), refused("Deny iot:Connect")),
        // Without ALPN x-amzn-mqtt-ca, the authorizer decides, and the certificate is ignored.
        (https, &["mqtt"], Some(&v1_ec), ("connack 0x05", "connack 0x87", "authorizer")),
        (https, &[], Some(&v1_ec), ("connack 0x05", "connack 0x87", "authorizer")),
        (https, &["mqtt", "x-amzn-mqtt-ca"], Some(&v1_ec), ("connack 0x05", "connack 0x87", "authorizer")),
    ];
    for (number, (port, alpn, device, (mqtt3, mqtt5, logged))) in (1..).zip(rows) {
        for (level, is_tls12, expected) in [(4, false, mqtt3), (4, true, mqtt3), (5, false, mqtt5)] {
            let mut event_log = gateway.running.event_log.subscribe();
            let connect = Connect { port: *port, alpn, device: *device, is_tls12, has_sni: true };
            let outcome = gateway.connect_device(&connect, "device", level).await;
            // TLS 1.2 has other alerts.
            let is_expected = outcome.contains(expected)
                || (is_tls12 && *expected == "CertificateRequired" && outcome.contains("HandshakeFailure"))
                || (is_tls12 && *expected == "DecryptError" && outcome.starts_with("tls: "));
            assert!(is_expected, "row {number}, level {level}, TLS 1.2 {is_tls12}: {outcome}");
            if !logged.is_empty() {
                let reason = find(&mut event_log, denial).await;
                let is_expected = reason.contains(logged) || *logged == "authorizer";
                assert!(is_expected, "row {number}: {reason}");
                assert!(!reason.contains("BEGIN"), "row {number}: {reason}");
            }
        }
    }
}

/// A certificate that is registered without its CA has the mode SNI_ONLY, one of the gateway's CA has DEFAULT.
#[tokio::test]
async fn a_client_without_a_server_name_is_denied_or_warned() {
    let gateway = secure::open().await;
    let api = registered(&gateway).await;
    let (sni_only, by_api) = (PKI.device(&["v1-ec"]), api.create_certificate("all").await);
    let denied = "no server name";
    for (device, has_sni, outcome, logged) in [
        (&sni_only, true, "connack 0x00", ""),
        (&sni_only, false, "closed", denied),
        (&by_api, true, "connack 0x00", ""),
        (&by_api, false, "connack 0x00", "AWS IoT requires one"),
    ] {
        let mut event_log = gateway.running.event_log.subscribe();
        let connect = Connect { has_sni, ..Connect::new(gateway.mqtts_port, device) };
        assert_eq!(gateway.connect_device(&connect, "device", 4).await, outcome, "{has_sni}");
        if !logged.is_empty() {
            let text = find(&mut event_log, |kind| match kind {
                EntryKind::Notice { text } => Some(text.clone()),
                kind => denial(kind),
            });
            assert!(text.await.contains(logged), "{has_sni}");
        }
    }
}

#[tokio::test]
async fn a_thing_has_its_own_topics_and_not_its_neighbour_s() {
    let gateway = secure::open().await;
    let api = Api { port: gateway.running.port };
    api.create_policy("thing", &thing_policy()).await;
    let [lamp, fan, loose] = ["lamp", "fan", "loose"].map(|name| PKI.fresh(name));
    for (device, thing) in [(&lamp, Some("lamp")), (&fan, Some("fan")), (&loose, None)] {
        api.register(device, "ACTIVE").await;
        api.attach_policy("thing", device).await;
        if let Some(thing) = thing {
            api.create_thing(thing).await;
            api.attach_thing(thing, device, "").await;
        }
    }
    // The device, its client id, what it does, and whether it may.
    for (device, client_id, action, topic, expected) in [
        (&lamp, "lamp", "publish", "dt/lamp/x", true),
        (&lamp, "lamp", "publish", "dt/fan/x", false),
        (&lamp, "lamp", "publish", "dt/lamp", false),
        (&lamp, "lamp", "publish", "cmd/lamp/x", false),
        (&lamp, "lamp", "subscribe", "cmd/lamp/#", true),
        (&lamp, "lamp", "subscribe", "cmd/fan/#", false),
        (&lamp, "lamp", "subscribe", "cmd/+/x", false),
        (&lamp, "lamp", "subscribe", "dt/lamp/#", false),
        (&fan, "fan", "publish", "dt/fan/x", true),
        (&fan, "fan", "publish", "dt/lamp/x", false),
        // A client id that is not the thing's name has no thing.
        (&lamp, "fan", "connect", "", false),
        (&fan, "lamp", "connect", "", false),
        (&lamp, "lamp2", "connect", "", false),
        (&loose, "loose", "connect", "", false),
    ] {
        let connected = connect(&gateway, device, client_id).await;
        let is_allowed = match (connected, action) {
            (Err(_), _) => false,
            (Ok(_), "connect") => true,
            (Ok(mut client), "publish") => {
                client.mqtt.publish(topic, QoS::AtLeastOnce, false, "x").await.unwrap();
                matches!(client.next().await, Ok(Packet::PubAck(_)))
            }
            (Ok(mut client), _) => {
                client.mqtt.subscribe(topic, QoS::AtLeastOnce).await.unwrap();
                match client.next().await {
                    Ok(Packet::SubAck(ack)) => !matches!(
                        ack.return_codes.first(),
                        Some(rumqttc::SubscribeReasonCode::Failure) | None
                    ),
                    _ => false,
                }
            }
        };
        assert_eq!(is_allowed, expected, "{client_id} {action} {topic}");
    }
}

/// Connects a device on the port of MQTT with certificates.
pub(crate) async fn connect(
    gateway: &TlsGateway,
    device: &Device,
    client_id: &str,
) -> Result<Client, rumqttc::ConnectionError> {
    connect_with(device_options(gateway, device, client_id)).await
}

/// The options of a device on the port of MQTT with certificates.
pub(crate) fn device_options(gateway: &TlsGateway, device: &Device, client_id: &str) -> MqttOptions {
    let config = gateway.device_config(&Connect::new(gateway.mqtts_port, device));
    let mut options = MqttOptions::new(client_id, "localhost", gateway.mqtts_port);
    options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(config)));
    options.set_keep_alive(Duration::from_secs(30));
    options
}
