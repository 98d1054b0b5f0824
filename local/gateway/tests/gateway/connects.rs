//! Connects that are allowed or denied, for MQTT 3.1.1 and MQTT 5.

use iot_local_gateway::event_log::EntryKind;
use serde_json::{Value, json};

use crate::packets::{ConnectPacket, LEVELS, RawClient};
use crate::statements::{allow, allow_all, restricted, with};
use crate::support::{find, open, open_with};

#[tokio::test]
async fn checks_a_connect_against_the_policy_and_the_limits() {
    let gateway = open(1).await;
    let connect = |statements: Value, change: &dyn Fn(&mut ConnectPacket)| {
        let mut connect = ConnectPacket::with_statements(4, "c1", &statements);
        change(&mut connect);
        connect
    };
    let unchanged: &dyn Fn(&mut ConnectPacket) = &|_| ();
    let persistent: &dyn Fn(&mut ConnectPacket) = &|connect| connect.clean = false;
    let will = |topic: &'static str, qos, retain| {
        move |connect: &mut ConnectPacket| connect.will = Some((topic.to_owned(), qos, retain))
    };
    let with_client_id = |id: String| move |connect: &mut ConnectPacket| connect.client_id.clone_from(&id);
    let connect_if =
        |condition: Value| json!([with(allow("Connect", &["client/*"]), "Condition", condition)]);
    let no_persistence = json!([
        allow("Connect", &["client/*"]),
        { "Effect": "Deny", "Action": "iot:Connect", "Resource": "*",
          "Condition": { "ForAnyValue:StringEquals": { "iot:ConnectAttributes": "PersistentConnect" } } }
    ]);
    let will_topic = |topic: &str| {
        connect_if(json!({ "ArnEquals": { "iot:LastWillTopic": format!("ARN:topic/{topic}") } }))
    };
    let will_allowed = || {
        let mut statements = will_topic("own/will");
        statements.as_array_mut().unwrap().push(allow("Publish", &["topic/own/*"]));
        statements
    };
    let from = |network: &str| connect_if(json!({ "IpAddress": { "aws:SourceIp": network } }));
    let table = [
        ("the client id", json!([allow("Connect", &["client/c1"])]), unchanged, 0, 0),
        ("by variable", json!([allow("Connect", &["client/${iot:ClientId}"])]), unchanged, 0, 0),
        ("another client id", json!([allow("Connect", &["client/c2"])]), unchanged, 5, 0x87),
        ("no iot:Connect", json!([allow("Publish", &["topic/*"])]), unchanged, 5, 0x87),
        ("denied by the authorizer", Value::Null, unchanged, 5, 0x87),
        ("a persistent session", allow_all(), persistent, 0, 0),
        ("a persistent session denied", no_persistence.clone(), persistent, 5, 0x87),
        ("a clean session, persistent sessions denied", no_persistence, unchanged, 0, 0),
        ("the address", from("127.0.0.0/8"), unchanged, 0, 0),
        ("another address", from("203.0.113.0/24"), unchanged, 5, 0x87),
        ("a will", will_allowed(), &will("own/will", 1, false), 0, 0),
        ("another will", will_allowed(), &will("own/other", 1, false), 5, 0x87),
        ("no will, but one is required", will_allowed(), unchanged, 5, 0x87),
        ("a retained will without iot:RetainPublish", will_allowed(), &will("own/will", 0, true), 5, 0x87),
        ("a will without iot:Publish", will_topic("own/will"), &will("own/will", 0, false), 5, 0x87),
        ("a will to a filter", allow_all(), &will("own/+", 0, false), 5, 0x87),
        ("a will of 9 levels", allow_all(), &will("1/2/3/4/5/6/7/8/9", 0, false), 5, 0x87),
        ("a reserved will", allow_all(), &will("$SYS/x", 0, false), 5, 0x87),
        ("a reserved client id", allow_all(), &with_client_id("$c".to_owned()), 5, 0x87),
        ("128 bytes of client id", allow_all(), &with_client_id("é".repeat(64)), 0, 0),
        ("129 bytes of client id", allow_all(), &with_client_id("c".repeat(129)), 2, 0x85),
    ];
    for (name, statements, change, mqtt3, mqtt5) in table {
        for (level, expected) in LEVELS.into_iter().zip([mqtt3, mqtt5]) {
            let mut connect = connect(statements.clone(), change);
            connect.level = level;
            let (_, connack) = RawClient::try_connect(gateway.port, &connect).await;
            assert_eq!(connack[3], expected, "{name}, level {level}: {connack:x?}");
        }
    }
}

#[tokio::test]
async fn an_mqtt_5_client_receives_its_session_expiry_and_keep_alive() {
    let gateway = open(1).await;
    let mut persistent = ConnectPacket::with_statements(5, "kept", &allow_all());
    persistent.clean = false;
    let (_, connack) = RawClient::try_connect(gateway.port, &persistent).await;
    // The Session Expiry Interval (MQTT 5, section 3.2.2.3.2) is cut to an hour.
    let hour = [0x11, 0, 0, 0x0E, 0x10];
    assert!(connack.windows(5).any(|bytes| bytes == hour), "{connack:x?}");
    for (requested, expected) in [(0, 1200_u16), (5, 30), (60, 60), (2000, 1200)] {
        let mut connect = ConnectPacket::with_statements(5, "c1", &allow_all());
        connect.keep_alive = requested;
        let (_, connack) = RawClient::try_connect(gateway.port, &connect).await;
        let [high, low] = expected.to_be_bytes();
        // Server Keep Alive (MQTT 5, section 3.2.2.3.14).
        let is_announced = connack.windows(3).any(|bytes| bytes == [0x13, high, low]);
        assert!(is_announced, "{requested} should become {expected}: {connack:x?}");
    }
}

#[tokio::test]
async fn the_event_of_a_client_without_an_id_has_an_empty_client_id() {
    let gateway = open(1).await;
    for level in LEVELS {
        let mut event_log = gateway.event_log.subscribe();
        let statements =
            json!([allow("Connect", &["client/*"]), allow("Publish", &["topic/own/${iot:ClientId}"])]);
        let (mut client, connack) =
            RawClient::try_connect(gateway.port, &ConnectPacket::with_statements(level, "", &statements))
                .await;
        assert_eq!(connack[3], 0, "{connack:x?}");
        let line = find(&mut event_log, |kind| match kind {
            EntryKind::Function(line) if line.text.starts_with("client id") => Some(line.text.clone()),
            _ => None,
        });
        assert_eq!(line.await, "client id ''", "level {level}");
        // The policy is checked with the client id that the broker assigned.
        client.publish("own/", b"x", 1, false).await;
        client.wait_for_end().await;
        let empty_id_only =
            ConnectPacket::with_statements(level, "", &json!([allow("Connect", &["client/"])]));
        assert_ne!(RawClient::try_connect(gateway.port, &empty_id_only).await.1[3], 0);
    }
}

#[tokio::test]
async fn stored_messages_are_checked_against_the_policy_of_the_next_connection() {
    let gateway = open(1).await;
    for level in LEVELS {
        let mut connect = ConnectPacket::with_statements(level, &format!("away{level}"), &allow_all());
        connect.clean = false;
        let mut client = RawClient::connect(gateway.port, &connect).await;
        client.subscribe(&[], &["own/x", "other/x"], 1).await;
        assert_eq!(client.suback().await, [1, 1]);
        drop(client);
        let mut publisher =
            RawClient::connect(gateway.port, &ConnectPacket::with_statements(level, "other", &allow_all()))
                .await;
        for topic in ["other/x", "own/x"] {
            publisher.publish(topic, b"x", 1, false).await;
        }
        publisher.drain().await;
        let mut narrower = ConnectPacket::with_statements(level, &format!("away{level}"), &restricted());
        narrower.clean = false;
        let (mut client, connack) = RawClient::try_connect(gateway.port, &narrower).await;
        assert_eq!(connack[2], 1, "the session is present");
        let first = client.next().await.unwrap();
        assert_eq!(RawClient::topics(&[first]), ["own/x"], "level {level}");
    }
}

#[tokio::test]
async fn connects_above_the_limit_are_closed_without_a_packet() {
    for level in LEVELS {
        let gateway = open_with(1, |options| options.connects_per_second = Some(1)).await;
        let mut event_log = gateway.event_log.subscribe();
        let mut accepted = 0;
        // A connect takes less than a second, so one of the first is above the limit.
        loop {
            let connect = ConnectPacket::with_statements(level, &format!("c{accepted}"), &allow_all());
            let mut client = RawClient::open(gateway.port, level).await;
            client.send(connect.packet()).await;
            match client.next().await {
                Some(connack) => assert_eq!((connack[0], connack[3]), (0x20, 0), "MQTT level {level}"),
                None => break,
            }
            accepted += 1;
            assert!(accepted < 100, "no connect was above the limit");
        }
        assert!(accepted >= 1, "the first connect is within the limit");
        let reason = find(&mut event_log, |kind| match kind {
            EntryKind::ConnectDenied { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        assert_eq!(reason.await, "throttled: more than 1 connects in a second (--connects-per-second)");
    }
}
