//! First connects of devices: which connections register a certificate, and what becomes of it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use iot_local_gateway::auth::endpoint::{ApplicationProtocol, AuthenticationType, EndpointSettings};
use iot_local_gateway::event_log::EntryKind;
use rumqttc::{Packet, QoS};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::devices::{Api, Connect, Device, PKI, thing_policy};
use crate::secure::{self, TlsGateway};
use crate::statements::allow_all;
use crate::support::{Client, connect_with, denial, find, send_request};
use crate::tls::with_password;
use crate::x509::connect;

const ROLE: &str = "arn:aws:iam::123456789012:role/JITPRole";

/// A template without attributes: the subjects of the tests' devices have a common name only.
fn template() -> String {
    let parameter = |name: &str| json!({ "Ref": format!("AWS::IoT::Certificate::{name}") });
    json!({
        "Parameters": { "AWS::IoT::Certificate::CommonName": { "Type": "String" } },
        "Resources": {
            "thing": { "Type": "AWS::IoT::Thing", "Properties": { "ThingName": parameter("CommonName") } },
            "certificate": { "Type": "AWS::IoT::Certificate", "Properties": {
                "CertificateId": parameter("Id"), "Status": "ACTIVE" } },
            "policy": { "Type": "AWS::IoT::Policy", "Properties": { "PolicyName": "thing" } },
        },
    })
    .to_string()
}

/// Registers the CA of the tests' devices by its verification certificate. Returns its id.
pub(crate) async fn register_ca(api: &Api, has_template: bool) -> String {
    let code = api.call("GET /registrationcode", "", &Value::Null).await;
    let verification = PKI.fresh(code.pointer("/registrationCode").unwrap().as_str().unwrap());
    let config = has_template.then(|| json!({ "templateBody": template(), "roleArn": ROLE }));
    let body = json!({
        "caCertificate": PKI.device(&["root"]).certificate().pem(),
        "verificationCertificate": verification.certificate().pem(),
        "registrationConfig": config,
    });
    let line = "POST /cacertificate?setAsActive=true&allowAutoRegistration=true";
    let answer = api.call(line, "", &body).await;
    answer.pointer("/certificateId").unwrap().as_str().unwrap().to_owned()
}

/// The status of a certificate, if it is registered.
async fn status(api: &Api, device: &Device) -> Option<String> {
    let (status, body) = api.try_call(&format!("GET /certificates/{}", device.id()), "", &Value::Null).await;
    let found = body.pointer("/certificateDescription/status").and_then(Value::as_str);
    assert_eq!(status, if found.is_some() { 200 } else { 404 });
    found.map(str::to_owned)
}

/// A client that sees all events of registrations.
async fn watcher(gateway: &TlsGateway) -> Client {
    let instructions = json!({ "first": allow_all() }).to_string();
    let options = with_password(gateway.direct("watcher", gateway.config(&["mqtt"], None)), &instructions);
    let mut watcher = connect_with(options).await.unwrap();
    watcher.mqtt.subscribe("$aws/events/certificates/registered/+", QoS::AtLeastOnce).await.unwrap();
    assert!(matches!(watcher.next().await, Ok(Packet::SubAck(_))));
    watcher
}

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

#[tokio::test]
async fn each_connect_until_the_activation_is_closed_and_published() {
    let gateway = secure::open().await;
    let api = Api { port: gateway.running.port };
    let ca = register_ca(&api, false).await;
    let mut watcher = watcher(&gateway).await;
    let device = PKI.fresh("jitr");
    for (level, outcome, logged) in [
        (4, "closed", "is registered now, PENDING_ACTIVATION; $aws/events/certificates/registered/"),
        (4, "closed", "is PENDING_ACTIVATION; $aws/events/certificates/registered/"),
        (5, "connack 0x87", "is PENDING_ACTIVATION; $aws/events/certificates/registered/"),
    ] {
        let mut event_log = gateway.running.event_log.subscribe();
        let connect = Connect::new(gateway.mqtts_port, &device);
        assert_eq!(gateway.connect_device(&connect, "jitr", level).await, outcome);
        let reason = find(&mut event_log, denial).await;
        assert!(reason.contains(logged), "{reason}");
        let (topic, event) = event(&mut watcher).await;
        assert_eq!(topic, format!("$aws/events/certificates/registered/{ca}"));
        let expected = [
            ("awsAccountId", json!("123456789012")),
            ("caCertificateId", json!(ca)),
            ("certificateId", json!(device.id())),
            ("certificateRegistrationTimestamp", Value::Null),
            ("certificateStatus", json!("PENDING_ACTIVATION")),
            ("timestamp", event["timestamp"].clone()),
        ];
        let found: BTreeMap<_, _> =
            event.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        assert_eq!(found, BTreeMap::from(expected));
        assert!(event["timestamp"].as_u64().unwrap() > 1_700_000_000_000);
        assert_eq!(status(&api, &device).await.as_deref(), Some("PENDING_ACTIVATION"));
    }
    api.create_policy("all", &allow_all()).await;
    api.attach_policy("all", &device).await;
    api.set_status(&device, "ACTIVE").await;
    connect(&gateway, &device, "jitr").await.unwrap();
    watcher.receives_nothing().await;
}

/// Under just-in-time provisioning, there is no event, and the second connect is admitted as the thing.
#[tokio::test]
async fn the_second_connect_of_a_provisioned_device_is_admitted() {
    let gateway = secure::open().await;
    let api = Api { port: gateway.running.port };
    register_ca(&api, true).await;
    let mut watcher = watcher(&gateway).await;
    let (device, other) = (PKI.fresh("jitp"), PKI.fresh("jitp-2"));
    let mut event_log = gateway.running.event_log.subscribe();
    assert!(connect(&gateway, &device, "jitp").await.is_err());
    let reason = find(&mut event_log, denial).await;
    assert!(
        reason.contains("policy thing does not exist; help: aws iot create-policy --policy-name thing"),
        "{reason}"
    );
    api.create_policy("thing", &thing_policy()).await;
    for (device, name) in [(&device, "jitp"), (&other, "jitp-2")] {
        assert!(connect(&gateway, device, name).await.is_err(), "{name}");
        let mut client = connect(&gateway, device, name).await.unwrap();
        client.mqtt.publish(format!("dt/{name}/x"), QoS::AtLeastOnce, false, "x").await.unwrap();
        assert!(matches!(client.next().await, Ok(Packet::PubAck(_))), "{name}");
        api.call(&format!("GET /things/{name}"), "", &Value::Null).await;
    }
    // One device's certificate is not another's.
    assert!(connect(&gateway, &other, "jitp").await.is_err());
    watcher.receives_nothing().await;
}

/// Only an MQTT CONNECT that the certificate alone decides registers it.
#[tokio::test]
async fn other_connections_register_nothing() {
    let x509 = secure::open().await;
    let settings =
        EndpointSettings::new(AuthenticationType::CustomAuthX509, ApplicationProtocol::Default).unwrap();
    let custom = secure::open_changed(|options| options.endpoint = settings).await;
    let device = PKI.fresh("stranger");
    for gateway in [&x509, &custom] {
        let api = Api { port: gateway.running.port };
        register_ca(&api, false).await;
        // The handshake alone, and a CONNECT that is not whole.
        for bytes in [&b""[..], b"\x10\x10\x00\x04MQTT"] {
            let connect = Connect::new(gateway.mqtts_port, &device);
            let mut stream = gateway.device_stream(&connect).await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stream, bytes).await.unwrap();
            tokio::io::AsyncWriteExt::shutdown(&mut stream).await.unwrap();
        }
        for alpn in [&["x-amzn-http-ca"][..], &[]] {
            let connect = Connect { alpn, ..Connect::new(gateway.tls_port, &device) };
            let Ok(mut stream) = gateway.device_stream(&connect).await else { continue };
            let request = "POST /topics/a?qos=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx";
            let response = send_request(&mut stream, request.as_bytes()).await;
            assert!(response.starts_with("HTTP/1.1 403 "), "{alpn:?}: {response}");
        }
        // The authorizer decides.
        let connect = Connect { alpn: &["mqtt"], ..Connect::new(gateway.tls_port, &device) };
        assert_ne!(gateway.connect_device(&connect, "stranger", 4).await, "connack 0x00");
        assert_eq!(status(&api, &device).await, None);
    }
    let connect = Connect::new(custom.mqtts_port, &device);
    let mut event_log = custom.running.event_log.subscribe();
    assert_ne!(custom.connect_device(&connect, "stranger", 4).await, "connack 0x00");
    let reason = find(&mut event_log, denial).await;
    assert!(reason.contains("is not registered"), "{reason}");
    assert_eq!(status(&Api { port: custom.running.port }, &device).await, None);
    // With ALPN on port 443, too.
    let connect = Connect { alpn: &["x-amzn-mqtt-ca"], ..Connect::new(x509.tls_port, &device) };
    assert_eq!(x509.connect_device(&connect, "stranger", 4).await, "closed");
    let api = Api { port: x509.running.port };
    assert_eq!(status(&api, &device).await.as_deref(), Some("PENDING_ACTIVATION"));
}

#[tokio::test]
async fn a_delayed_template_runs_in_the_background() {
    let gateway = secure::open_changed(|options| options.jitp_delay = Duration::from_millis(200)).await;
    let api = Api { port: gateway.running.port };
    register_ca(&api, true).await;
    api.create_policy("thing", &thing_policy()).await;
    let notice = |kind: &EntryKind| match kind {
        EntryKind::Notice { text } => Some(text.clone()),
        _ => None,
    };
    for name in ["later", "later-2"] {
        let device = PKI.fresh(name);
        let mut event_log = gateway.running.event_log.subscribe();
        assert!(connect(&gateway, &device, name).await.is_err());
        let reason = find(&mut event_log, denial).await;
        assert!(reason.contains("runs later; help: connect again"), "{reason}");
        let text = find(&mut event_log, notice).await;
        assert!(text.contains(&format!("has provisioned it now as thing {name}")), "{text}");
        connect(&gateway, &device, name).await.unwrap();
    }
    // What is missing is in the log, and a later connect begins again.
    let device = PKI.fresh("not/a/thing");
    for _ in 0..2 {
        let mut event_log = gateway.running.event_log.subscribe();
        assert!(connect(&gateway, &device, "device").await.is_err());
        let text = find(&mut event_log, notice).await;
        assert!(text.contains("Resources.thing.Properties.ThingName"), "{text}");
        assert_eq!(status(&api, &device).await.as_deref(), Some("PENDING_ACTIVATION"));
    }
}

/// Devices connect at once, each with five connections.
#[tokio::test]
async fn connects_at_once_register_each_certificate_once() {
    let gateway = Arc::new(secure::open().await);
    let api = Api { port: gateway.running.port };
    register_ca(&api, true).await;
    api.create_policy("thing", &thing_policy()).await;
    let names: Vec<_> = (0..8).map(|number| format!("storm-{number}")).collect();
    let devices: Vec<_> = names.iter().map(|name| PKI.fresh(name)).collect();
    let mut connects = JoinSet::new();
    for (name, device) in names.iter().zip(&devices) {
        for _ in 0..5 {
            let (gateway, device, name) = (Arc::clone(&gateway), device.clone(), name.clone());
            connects.spawn(async move {
                gateway.connect_device(&Connect::new(gateway.mqtts_port, &device), &name, 4).await
            });
        }
    }
    // One that finds the device provisioned by another one is admitted, unless a further one takes its client id.
    let outcomes = connects.join_all().await;
    assert!(outcomes.iter().filter(|outcome| *outcome == "closed").count() >= names.len(), "{outcomes:?}");
    for (name, device) in names.iter().zip(&devices) {
        let connect = Connect::new(gateway.mqtts_port, device);
        assert_eq!(gateway.connect_device(&connect, name, 4).await, "connack 0x00", "{name}");
    }
    for list in ["/certificates", "/things"] {
        let listed = api.call(&format!("GET {list}"), "", &Value::Null).await;
        let listed = listed.as_object().unwrap().values().find_map(Value::as_array).unwrap().len();
        assert_eq!(listed, names.len(), "{list}");
    }
    for name in &names {
        let answer = api.call(&format!("GET /things/{name}/principals"), "", &Value::Null).await;
        assert_eq!(answer["principals"].as_array().unwrap().len(), 1, "{name}");
    }
}
