//! Which messages arrive, where AWS IoT differs from MQTT.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use crate::packets::{BOTH, Connect, Raw};
use crate::statements::wide;
use crate::support::open;

#[tokio::test]
async fn a_message_goes_where_aws_sends_it() {
    // What is subscribed to, where a message goes, and whether it arrives.
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
    let door = open(1).await;
    for (filter, topic, arrives) in table {
        for level in BOTH {
            let mut client = Raw::connect(door.port, &Connect::told(level, "c1", &wide())).await;
            client.subscribed(&[filter, "last"]).await;
            client.publish(topic, b"x", 1, false).await;
            let expected = if arrives { vec![topic.to_owned()] } else { Vec::new() };
            assert_eq!(heard_after(&mut client).await, expected, "{filter}, {topic}, level {level}");
        }
    }
}

/// The messages up to one that is sure to come last, without that one.
async fn heard_after(client: &mut Raw) -> Vec<String> {
    client.publish("last", b"x", 0, false).await;
    let mut heard = Vec::new();
    loop {
        heard.push(client.next().await.unwrap());
        let topics = Raw::topics(&heard);
        if topics.last().is_some_and(|topic| topic == "last") {
            return topics.into_iter().filter(|topic| topic != "last").collect();
        }
    }
}

#[tokio::test]
async fn a_retained_message_needs_a_subscription_to_exactly_its_topic() {
    let table =
        [("own/kept", true), ("own/+", false), ("own/#", false), ("#", false), ("$share/g/own/kept", false)];
    let door = open(1).await;
    let mut keeper = Raw::connect(door.port, &Connect::told(4, "keeper", &wide())).await;
    keeper.publish("own/kept", b"x", 1, true).await;
    keeper.settle().await;
    for (filter, arrives) in table {
        for level in BOTH {
            let mut client = Raw::connect(door.port, &Connect::told(level, "c1", &wide())).await;
            client.subscribed(&[filter]).await;
            // It is sent by a task of its own; this is more than it needs.
            tokio::time::sleep(Duration::from_millis(100)).await;
            let heard = Raw::topics(&client.settle().await);
            assert_eq!(heard.len(), usize::from(arrives), "{filter}, level {level}: {heard:?}");
        }
    }
}
