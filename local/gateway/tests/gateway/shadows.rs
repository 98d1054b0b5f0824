//! Device shadows over MQTT: who can ask, who receives the answers, and what rules and wills do.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;

use iot_local_gateway::event_log::EntryKind;
use rumqttc::{Event, LastWill, Outgoing, Packet, QoS};
use serde_json::{Value, json};

use crate::devices::{Api, Device, PKI};
use crate::fleet_factory::{Factory, ask, message, publish, subscribe};
use crate::secure::{self, TlsGateway};
use crate::statements::{allow, allow_all};
use crate::support::{Client, connect_with, find, is_denied, options, post};
use crate::x509::{connect, device_options};

pub(crate) const SHADOW: &str = "$aws/things/lamp/shadow";

/// The role of rules. Any ARN is accepted.
const ROLE: &str = "arn:aws:iam::123456789012:role/rules";

/// The policy of AWS's walk-through of just-in-time provisioning.
pub(crate) fn shadow_policy() -> Value {
    let thing = "${iot:Connection.Thing.ThingName}";
    json!([
        allow("Connect", &[&format!("client/{thing}")]),
        allow("Publish", &[&format!("topic/$aws/things/{thing}/shadow/*")]),
        allow("Receive", &[&format!("topic/$aws/things/{thing}/shadow/*")]),
        allow("Subscribe", &[&format!("topicfilter/$aws/things/{thing}/shadow/*")]),
    ])
}

/// A gateway with things, each with a certificate and that policy.
pub(crate) struct Fleet {
    pub(crate) gateway: TlsGateway,
    pub(crate) api: Api,
}

impl Fleet {
    pub(crate) async fn open() -> Self {
        let gateway = secure::open().await;
        let api = Api { port: gateway.running.port };
        api.create_policy("shadows", &shadow_policy()).await;
        Self { gateway, api }
    }

    pub(crate) async fn device(&self, thing: &str) -> Device {
        let device = PKI.fresh(&format!("v3-{thing}"));
        self.api.register(&device, "ACTIVE").await;
        self.api.attach_policy("shadows", &device).await;
        self.api.create_thing(thing).await;
        self.api.attach_thing(thing, &device, "").await;
        device
    }

    pub(crate) async fn connect(&self, device: &Device, thing: &str) -> Client {
        connect(&self.gateway, device, thing).await.unwrap()
    }

    /// Connects a client with a token that may do everything.
    pub(crate) async fn app(&self, client_id: &str, filters: &[&str]) -> Client {
        let mut app = connect_with(self.app_options(client_id, &allow_all())).await.unwrap();
        subscribe(&mut app, filters).await;
        app
    }

    fn app_options(&self, client_id: &str, statements: &Value) -> rumqttc::MqttOptions {
        options(self.gateway.running.port, client_id, &json!({ "first": statements }).to_string())
    }
}

/// Returns the next message, with its topic after the shadow's.
async fn next(client: &mut Client) -> (String, Value) {
    let (topic, payload) = message(client).await;
    let suffix = topic.strip_prefix(&format!("{SHADOW}/")).unwrap_or(&topic).to_owned();
    (suffix, serde_json::from_slice(&payload).unwrap())
}

/// Returns the next messages by topic.
async fn next_by_topic<const N: usize>(client: &mut Client, topics: [&str; N]) -> [Value; N] {
    let mut found = Vec::new();
    for _ in 0..N {
        found.push(next(client).await);
    }
    topics.map(|topic| {
        let place = found.iter().position(|(found, _)| found == topic);
        found.swap_remove(place.unwrap_or_else(|| panic!("{topic}: {found:?}"))).1
    })
}

#[tokio::test]
async fn an_app_and_a_device_agree() {
    let fleet = Fleet::open().await;
    let lamp = fleet.device("lamp").await;
    let mut device = fleet.connect(&lamp, "lamp").await;
    subscribe(&mut device, &[&format!("{SHADOW}/update/delta"), &format!("{SHADOW}/get/accepted")]).await;
    let mut app = fleet.app("app", &[&format!("{SHADOW}/update/#")]).await;

    let desired =
        json!({ "state": { "desired": { "on": true, "color": { "r": 1, "g": 2 } } }, "clientToken": "a" });
    publish(&app, &format!("{SHADOW}/update"), &desired).await;
    let [accepted, delta, documents] =
        next_by_topic(&mut app, ["update/accepted", "update/delta", "update/documents"]).await;
    assert_eq!((&accepted["state"], &accepted["version"]), (&desired["state"], &json!(1)));
    assert_eq!(delta["state"], desired["state"]["desired"]);
    assert_eq!(documents["current"]["state"], desired["state"]);
    for answer in [&accepted, &delta, &documents] {
        assert_eq!(answer["clientToken"], "a", "{answer}");
        assert!(answer["timestamp"].as_u64().unwrap() > 1_600_000_000);
    }
    assert_eq!(next(&mut device).await, ("update/delta".to_owned(), delta));

    let reported = json!({ "state": { "reported": { "on": true, "color": { "r": 1, "g": 0 } } } });
    publish(&device, &format!("{SHADOW}/update"), &reported).await;
    assert_eq!(next(&mut device).await.1["state"], json!({ "color": { "g": 2 } }));
    publish(&device, &format!("{SHADOW}/get"), &json!({ "clientToken": "g" })).await;
    let (topic, document) = next(&mut device).await;
    assert_eq!((topic.as_str(), &document["clientToken"]), ("get/accepted", &json!("g")));
    let state = json!({
        "desired": { "on": true, "color": { "r": 1, "g": 2 } },
        "reported": { "on": true, "color": { "r": 1, "g": 0 } },
        "delta": { "color": { "g": 2 } },
    });
    assert_eq!((&document["state"], &document["version"]), (&state, &json!(2)));

    let reported = json!({ "state": { "reported": { "color": { "g": 2 } } }, "version": 2 });
    publish(&device, &format!("{SHADOW}/update"), &reported).await;
    while !matches!(device.next().await, Ok(Packet::PubAck(_))) {}
    device.receives_nothing().await;
    // The messages of the second and of the third update, without a delta.
    let mut topics = Vec::new();
    for _ in 0..5 {
        topics.push(next(&mut app).await.0);
    }
    assert_eq!(topics.iter().filter(|topic| *topic == "update/delta").count(), 1, "{topics:?}");
    app.receives_nothing().await;
}

#[tokio::test]
async fn requests_are_rejected_with_the_documented_answer() {
    let fleet = Fleet::open().await;
    let mut log = fleet.gateway.running.event_log.subscribe();
    let mut app = fleet.app("app", &["$aws/things/+/shadow/+/+", "$aws/things/+/shadow/name/+/+/+"]).await;
    let large = json!({ "state": { "reported": { "a": "x".repeat(9000) } } });
    for (topic, payload, code, text) in [
        ("get", json!({}), 404, "No shadow exists with name: 'lamp'"),
        ("delete", json!({}), 404, "No shadow exists with name: 'lamp'"),
        ("name/config/get", json!({}), 404, "No shadow exists with name: 'config'"),
        ("update", json!({}), 400, "Missing required node: state"),
        ("update", json!({ "state": 1 }), 400, "State node must be an object"),
        ("update", json!({ "state": {}, "version": 9 }), 409, "Version conflict"),
        ("name/config/update", large, 413, "The payload exceeds the maximum size allowed"),
    ] {
        let (suffix, answer) = ask(&mut app, &format!("{SHADOW}/{topic}"), &payload).await;
        assert_eq!(
            (suffix.as_str(), &answer),
            ("rejected", &json!({ "code": code, "message": text })),
            "{topic}"
        );
        let note = Factory::note(&mut log, "REJECTED").await;
        assert_eq!(note, format!("{SHADOW}/{topic} REJECTED with {code}: {text}"));
    }
    app.receives_nothing().await;
    let token = json!({ "clientToken": "t" });
    let (_, answer) = ask(&mut app, &format!("{SHADOW}/get"), &token).await;
    assert_eq!(answer["clientToken"], "t");
    app.mqtt.publish(format!("{SHADOW}/update"), QoS::AtMostOnce, false, b"\xff".to_vec()).await.unwrap();
    assert_eq!(next(&mut app).await.1["code"], 415);
    // An empty message, as the guide has it.
    publish(&app, &format!("{SHADOW}/update"), &json!({ "state": { "reported": { "a": 1 } } })).await;
    next_by_topic(&mut app, ["update/accepted", "update/documents"]).await;
    app.mqtt.publish(format!("{SHADOW}/get"), QoS::AtLeastOnce, false, "").await.unwrap();
    assert_eq!(next(&mut app).await.0, "get/accepted");
    app.mqtt.publish(format!("{SHADOW}/delete"), QoS::AtLeastOnce, false, "").await.unwrap();
    let (topic, answer) = next(&mut app).await;
    assert_eq!((topic.as_str(), &answer["version"]), ("delete/accepted", &json!(1)));
    let (_, answer) = ask(&mut app, &format!("{SHADOW}/get"), &json!({})).await;
    assert_eq!(answer["code"], 404);
}

/// The policy of the walk-through, for each of two things: what the other's device tries ends its connection.
#[tokio::test]
async fn a_device_has_its_own_shadows_only() {
    let fleet = Fleet::open().await;
    let (lamp, other) = (fleet.device("lamp").await, fleet.device("other").await);
    let mut device = fleet.connect(&lamp, "lamp").await;
    subscribe(&mut device, &[&format!("{SHADOW}/#")]).await;
    for topic in [
        format!("{SHADOW}/update"),
        format!("{SHADOW}/get"),
        format!("{SHADOW}/delete"),
        format!("{SHADOW}/name/config/update"),
        "$aws/things/lam/shadow/update".to_owned(),
        "$aws/things/other2/shadow/update".to_owned(),
    ] {
        let mut intruder = fleet.connect(&other, "other").await;
        publish(&intruder, &topic, &json!({ "state": { "desired": { "on": true } } })).await;
        assert!(intruder.next().await.is_err(), "{topic}");
    }
    for filter in [
        format!("{SHADOW}/update/delta"),
        "$aws/things/+/shadow/update/delta".to_owned(),
        "$aws/things/#".to_owned(),
        "$aws/#".to_owned(),
        "#".to_owned(),
        format!("$share/g/{SHADOW}/update/delta"),
    ] {
        let mut intruder = fleet.connect(&other, "other").await;
        intruder.mqtt.subscribe(&filter, QoS::AtLeastOnce).await.unwrap();
        let acknowledged = intruder.next().await;
        let Ok(Packet::SubAck(acknowledged)) = acknowledged else { panic!("{filter}: {acknowledged:?}") };
        assert_eq!(acknowledged.return_codes, [rumqttc::SubscribeReasonCode::Failure], "{filter}");
        assert!(intruder.next().await.is_err(), "{filter}");
    }
    device.receives_nothing().await;
    let mut own = fleet.connect(&other, "other").await;
    subscribe(&mut own, &["$aws/things/other/shadow/update/accepted"]).await;
    publish(&own, "$aws/things/other/shadow/update", &json!({ "state": { "reported": { "on": true } } }))
        .await;
    assert_eq!(message(&mut own).await.0, "$aws/things/other/shadow/update/accepted");
    device.receives_nothing().await;
    let shadows = |thing: &str| {
        fleet.gateway.running.cloud.read(|registry| registry.shadow(thing, None).map(|shadow| shadow.version))
    };
    assert_eq!((shadows("lamp"), shadows("other")), (None, Some(1)));
}

/// Whatever the policy allows: only AWS IoT publishes answers.
#[tokio::test]
async fn no_client_publishes_an_answer() {
    let fleet = Fleet::open().await;
    let mut reader = fleet.app("reader", &["$aws/things/+/shadow/#"]).await;
    let forged = json!({ "state": { "on": true }, "version": 7 });
    let topics = [
        "get/accepted",
        "get/rejected",
        "update/accepted",
        "update/rejected",
        "update/delta",
        "update/documents",
        "delete/accepted",
        "delete/rejected",
        "name/config/update/delta",
        "name/config/get/accepted",
        "other",
        "name/config",
        "update/",
        "name//update",
    ];
    for topic in topics {
        let mut forger = fleet.app("forger", &[]).await;
        publish(&forger, &format!("{SHADOW}/{topic}"), &forged).await;
        assert!(forger.next().await.is_err(), "{topic}");
        let token = json!({ "first": allow_all() }).to_string();
        let target = format!("/topics/%24aws%2Fthings%2Flamp%2Fshadow%2F{}", topic.replace('/', "%2F"));
        let response =
            post(fleet.gateway.running.port, &target, &format!("token: {token}\r\n"), &forged.to_string())
                .await;
        assert!(response.starts_with("HTTP/1.1 400 "), "{topic}: {response}");
        let mut options = fleet.app_options("dying", &allow_all());
        options.set_last_will(LastWill::new(format!("{SHADOW}/{topic}"), "{}", QoS::AtLeastOnce, false));
        assert!(is_denied(&connect_with(options).await), "{topic}");
    }
    reader.receives_nothing().await;
}

/// The request is carried out, and each subscriber needs `iot:Receive`.
#[tokio::test]
async fn an_answer_needs_iot_receive() {
    let fleet = Fleet::open().await;
    let mut log = fleet.gateway.running.event_log.subscribe();
    let statements = json!([
        allow("Connect", &["*"]),
        allow("Publish", &["*"]),
        allow("Subscribe", &["*"]),
        allow("Receive", &[&format!("topic/{SHADOW}/update/documents")]),
    ]);
    let mut app = connect_with(fleet.app_options("app", &statements)).await.unwrap();
    subscribe(&mut app, &[&format!("{SHADOW}/update/+")]).await;
    publish(&app, &format!("{SHADOW}/update"), &json!({ "state": { "desired": { "a": 1 } } })).await;
    assert_eq!(next(&mut app).await.0, "update/documents");
    app.receives_nothing().await;
    let mut denied = BTreeSet::new();
    for _ in 0..2 {
        denied.insert(
            find(&mut log, |kind| match kind {
                EntryKind::Denied { resource, .. } => Some(resource.clone()),
                _ => None,
            })
            .await,
        );
    }
    let expected = ["accepted", "delta"].map(|suffix| format!("topic/{SHADOW}/update/{suffix}"));
    assert_eq!(denied, BTreeSet::from(expected));
}

/// A rule reads the documents, and another one republishes as an update, as the guide does with a will.
#[tokio::test]
async fn rules_see_documents_and_update_shadows() {
    let fleet = Fleet::open().await;
    let republish = |topic: &str| json!({ "republish": { "topic": topic, "qos": 1, "roleArn": ROLE } });
    for (name, sql, topic) in [
        (
            "documents",
            "SELECT topic(3) AS thing, current.state.reported.connected AS connected \
             FROM '$aws/things/+/shadow/update/documents'",
            "seen/documents",
        ),
        ("will", "SELECT * FROM 'my/things/+/update'", "$$aws/things/${topic(3)}/shadow/update"),
    ] {
        let rule = json!({ "sql": sql, "actions": [republish(topic)] });
        fleet.api.call(&format!("POST /rules/{name}"), "", &rule).await;
    }
    let mut reader = fleet.app("reader", &["seen/#"]).await;
    let mut options = fleet.app_options("lamp", &allow_all());
    let will = json!({ "state": { "reported": { "connected": false } } }).to_string();
    options.set_last_will(LastWill::new("my/things/lamp/update", will, QoS::AtLeastOnce, false));
    let device = connect_with(options).await.unwrap();
    publish(&device, &format!("{SHADOW}/update"), &json!({ "state": { "reported": { "connected": true } } }))
        .await;
    let mut device = device;
    while !matches!(device.next().await, Ok(Packet::PubAck(_))) {}
    assert_eq!(next(&mut reader).await.1, json!({ "thing": "lamp", "connected": true }));
    drop(device);
    assert_eq!(next(&mut reader).await.1, json!({ "thing": "lamp", "connected": false }));
    // Documents, not requests: one message for each update.
    reader.receives_nothing().await;
}

/// A rule that updates a shadow after each of its updates.
#[tokio::test]
async fn a_rule_that_updates_what_it_reads_ends() {
    let fleet = Fleet::open().await;
    let action = json!({ "topic": "$$aws/things/lamp/shadow/update", "qos": 1, "roleArn": ROLE });
    let sql = format!("SELECT current.state AS state FROM '{SHADOW}/update/documents'");
    let rule = json!({ "sql": sql, "actions": [{ "republish": action }] });
    fleet.api.call("POST /rules/again", "", &rule).await;
    let mut log = fleet.gateway.running.event_log.subscribe();
    let mut app = fleet.app("app", &[&format!("{SHADOW}/update/accepted")]).await;
    publish(&app, &format!("{SHADOW}/update"), &json!({ "state": { "reported": { "a": 1 } } })).await;
    for version in 1..=3 {
        assert_eq!(next(&mut app).await.1["version"], version);
    }
    let reason = find(&mut log, |kind| match kind {
        EntryKind::Rule { outcome: Err(reason), .. } => Some(reason.clone()),
        _ => None,
    });
    assert!(reason.await.contains("expected no loop"));
    app.receives_nothing().await;
}

#[tokio::test]
async fn a_will_changes_no_shadow_and_is_delivered() {
    let fleet = Fleet::open().await;
    let mut log = fleet.gateway.running.event_log.subscribe();
    let mut reader = fleet.app("reader", &[&format!("{SHADOW}/#")]).await;
    let mut options = fleet.app_options("lamp", &allow_all());
    let will = json!({ "state": { "reported": { "connected": false } } });
    options.set_last_will(LastWill::new(
        format!("{SHADOW}/update"),
        will.to_string(),
        QoS::AtLeastOnce,
        false,
    ));
    drop(connect_with(options).await.unwrap());
    assert_eq!(next(&mut reader).await, ("update".to_owned(), will));
    Factory::note(&mut log, "the will on $aws/things/lamp/shadow/update changes no shadow").await;
    reader.receives_nothing().await;
}

/// As an HTTPS publish, which is a message like any other.
#[tokio::test]
async fn an_https_publish_is_a_request() {
    let fleet = Fleet::open().await;
    let mut reader = fleet.app("reader", &[&format!("{SHADOW}/update/accepted")]).await;
    let token = json!({ "first": allow_all() }).to_string();
    let body = json!({ "state": { "desired": { "on": true } } }).to_string();
    let target = "/topics/%24aws/things/lamp/shadow/update?qos=1";
    let response = post(fleet.gateway.running.port, target, &format!("token: {token}\r\n"), &body).await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    assert_eq!(next(&mut reader).await.1["version"], 1);
}

/// Many requests for one shadow are carried out in their order, and the end of the gateway waits for them.
#[tokio::test]
async fn the_gateway_ends_after_its_shadows() {
    const COUNT: u64 = 200;
    let fleet = Fleet::open().await;
    let mut device = fleet.app("device", &[]).await;
    for i in 0..COUNT {
        let payload = json!({ "state": { "reported": { "i": i } } }).to_string();
        device.mqtt.publish(format!("{SHADOW}/update"), QoS::AtLeastOnce, false, payload).await.unwrap();
        while !matches!(device.next().await.unwrap(), Packet::PubAck(_)) {}
    }
    let running = &fleet.gateway.running;
    assert!(running.end().await && running.is_idle());
    let shadow = running.cloud.read(|registry| registry.shadow("lamp", None).cloned()).unwrap();
    assert_eq!((shadow.version, &shadow.state.reported["i"]), (COUNT, &json!(COUNT - 1)));
}

/// A shadow's answers to a client whose session outlives its connection wait for it.
#[tokio::test]
async fn a_delta_waits_for_a_persistent_session() {
    let fleet = Fleet::open().await;
    let lamp = fleet.device("lamp").await;
    let persistent = || {
        let mut options = device_options(&fleet.gateway, &lamp, "lamp");
        options.set_clean_session(false);
        options
    };
    let mut device = connect_with(persistent()).await.unwrap();
    subscribe(&mut device, &[&format!("{SHADOW}/update/delta")]).await;
    device.mqtt.disconnect().await.unwrap();
    while !matches!(device.events.poll().await, Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_)) {}
    drop(device);
    let mut app = fleet.app("app", &[&format!("{SHADOW}/update/documents")]).await;
    publish(&app, &format!("{SHADOW}/update"), &json!({ "state": { "desired": { "on": true } } })).await;
    assert_eq!(next(&mut app).await.0, "update/documents");
    let mut device = connect_with(persistent()).await.unwrap();
    assert_eq!(next(&mut device).await.1["state"], json!({ "on": true }));
}
