//! The delivery of messages where AWS IoT differs from MQTT.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use iot_local_gateway::event_log::EntryKind;
use rumqttc::{Packet, QoS};
use serde_json::json;

use crate::packets::{ConnectPacket, LEVELS, RawClient, packet, text};
use crate::statements::allow_all;
use crate::support::{connect_with, open, options};

#[tokio::test]
async fn a_message_reaches_the_subscriptions_that_match_on_aws_iot() {
    // The filter of a subscription, the topic of a message, and whether the message arrives.
    let table = [
        ("sensor/#", "sensor", false),
        ("sensor/#", "sensor/", true),
        ("sensor/#", "sensor/a", true),
        ("sensor/#", "sensor/a/b", true),
        ("sensor/#", "sensors", false),
        ("+/#", "sensor", false),
        ("+/#", "sensor/a", true),
        ("#", "sensor", true),
        ("#", "sensor/a", true),
        ("sensor", "sensor", true),
        ("#", "$aws/things/a", false),
        ("$aws/things/#", "$aws/things/a", true),
        ("$aws/#", "$aws/rules/r/a", false),
        ("$share/g/sensor/#", "sensor", false),
        ("$share/g/sensor/#", "sensor/a", true),
    ];
    let gateway = open(1).await;
    for (filter, topic, arrives) in table {
        for level in LEVELS {
            let mut client =
                RawClient::connect(gateway.port, &ConnectPacket::with_statements(level, "c1", &allow_all()))
                    .await;
            client.subscribe_and_check(&[filter, "last"]).await;
            client.publish(topic, b"x", 1, false).await;
            let expected = if arrives { vec![topic.to_owned()] } else { Vec::new() };
            assert_eq!(received_before_last(&mut client).await, expected, "{filter}, {topic}, level {level}");
        }
    }
}

/// Publishes a last message. Returns the topics of the messages before it.
async fn received_before_last(client: &mut RawClient) -> Vec<String> {
    client.publish("last", b"x", 0, false).await;
    let mut received = Vec::new();
    loop {
        received.push(client.next().await.unwrap());
        let topics = RawClient::topics(&received);
        if topics.last().is_some_and(|topic| topic == "last") {
            return topics.into_iter().filter(|topic| topic != "last").collect();
        }
    }
}

#[tokio::test]
async fn a_retained_message_is_delivered_only_for_exactly_its_topic() {
    let table =
        [("own/kept", true), ("own/+", false), ("own/#", false), ("#", false), ("$share/g/own/kept", false)];
    let gateway = open(1).await;
    let mut publisher =
        RawClient::connect(gateway.port, &ConnectPacket::with_statements(4, "keeper", &allow_all())).await;
    publisher.publish("own/kept", b"x", 1, true).await;
    publisher.drain().await;
    for (filter, arrives) in table {
        for level in LEVELS {
            let mut client =
                RawClient::connect(gateway.port, &ConnectPacket::with_statements(level, "c1", &allow_all()))
                    .await;
            client.subscribe_and_check(&[filter]).await;
            // The broker sends it from a separate task, which needs far less time than this.
            tokio::time::sleep(Duration::from_millis(100)).await;
            let received = RawClient::topics(&client.drain().await);
            assert_eq!(received.len(), usize::from(arrives), "{filter}, level {level}: {received:?}");
        }
    }
}

/// A subscriber that does not read. What waits for it is bounded, counted in bytes: further QoS 0 messages are dropped.
#[tokio::test]
async fn qos_0_messages_for_a_client_that_does_not_read_are_bounded() {
    const MAX_QUEUED_BYTES: usize = 8 * 1024 * 1024;
    let gateway = open(1).await;
    let mut event_log = gateway.event_log.subscribe();
    let mut reader = options(gateway.port, "reader", "good");
    reader.set_max_packet_size(200_000, 200_000);
    let mut reader = connect_with(reader).await.unwrap();
    reader.mqtt.subscribe("own/reader/#", QoS::AtMostOnce).await.unwrap();
    assert!(matches!(reader.next().await, Ok(Packet::SubAck(_))));
    let statements = json!([
        { "Effect": "Allow", "Action": "iot:Connect", "Resource": "ARN:client/writer" },
        { "Effect": "Allow", "Action": "iot:Publish", "Resource": "ARN:topic/own/*" },
    ]);
    let mut writer =
        RawClient::connect(gateway.port, &ConnectPacket::with_statements(4, "writer", &statements)).await;
    // `reader` is not polled any more. 60 MB are more than the bound and the buffers of all sockets.
    let body = [&text("own/reader/x")[..], &vec![b'x'; 100_000]].concat();
    for _ in 0..600 {
        writer.send(packet(0x30, &body)).await;
    }
    writer.drain().await;
    let queued = gateway.queued_bytes("reader");
    assert!(queued <= MAX_QUEUED_BYTES && queued > MAX_QUEUED_BYTES - 200_000, "{queued}");
    let mut notices = Vec::new();
    while let Ok(entry) = event_log.try_recv() {
        if let EntryKind::Notice { text } = entry.kind {
            notices.push((entry.client, text));
        }
    }
    assert_eq!(notices.len(), 1, "logged once: {notices:?}");
    assert!(
        notices[0].0.as_deref() == Some("reader") && notices[0].1.contains("does not read"),
        "{notices:?}"
    );
    // QoS 1 messages are not dropped, and a client that reads again gets all that was kept.
    writer.send(packet(0x32, &[&text("own/reader/last")[..], &[0, 1], b"x"].concat())).await;
    writer.drain().await;
    let mut received = 0;
    while let Ok(Packet::Publish(publish)) = reader.next().await {
        if publish.topic == "own/reader/last" {
            break;
        }
        received += 1;
    }
    assert!((80..600).contains(&received), "{received}");
    assert_eq!(gateway.queued_bytes("reader"), 0);
}
