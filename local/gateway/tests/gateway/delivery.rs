//! The delivery of messages where AWS IoT differs from MQTT.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use crate::packets::{ConnectPacket, LEVELS, RawClient};
use crate::statements::allow_all;
use crate::support::open;

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
