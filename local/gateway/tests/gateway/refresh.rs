//! Refreshes and time limits of connections.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use iot_local_gateway::RunningGateway;
use iot_local_gateway::event_log::{DisconnectReason, EntryKind, LogEntry};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;

use crate::packets::{ConnectPacket, LEVELS, RawClient};
use crate::statements::{allow, allow_all, restricted, with};
use crate::support::{find, open_scaled};

async fn wait_for_refresh(event_log: &mut Receiver<LogEntry>) {
    find(event_log, |kind| matches!(kind, EntryKind::Refreshed).then_some(())).await;
}

/// Connects a client with a full policy, which its first refresh replaces by `then`, and another client that publishes.
async fn connect_and_refresh(gateway: &RunningGateway, level: u8, then: Value) -> (RawClient, RawClient) {
    let mut event_log = gateway.event_log.subscribe();
    let instructions = json!({ "first": allow_all(), "then": then });
    let mut publisher =
        RawClient::connect(gateway.port, &ConnectPacket::with_statements(level, "other", &allow_all())).await;
    let mut client =
        RawClient::connect(gateway.port, &ConnectPacket::with_instructions(level, "narrowed", &instructions))
            .await;
    client.subscribe_and_check(&["own/x", "other/x"]).await;
    publisher.publish("other/x", b"before", 1, false).await;
    assert_eq!(RawClient::topics(&[client.next().await.unwrap()]), ["other/x"], "before the refresh");
    wait_for_refresh(&mut event_log).await;
    // Each of the two clients has been refreshed after three refreshes.
    wait_for_refresh(&mut event_log).await;
    wait_for_refresh(&mut event_log).await;
    (client, publisher)
}

#[tokio::test]
async fn a_narrower_policy_applies_from_the_refresh_on() {
    let gateway = open_scaled(300).await;
    for level in LEVELS {
        let (mut client, mut publisher) = connect_and_refresh(&gateway, level, restricted()).await;
        // Both subscriptions still exist, but iot:Receive denies the messages of one.
        for topic in ["other/x", "own/x"] {
            publisher.publish(topic, b"after", 1, false).await;
        }
        assert_eq!(RawClient::topics(&[client.next().await.unwrap()]), ["own/x"], "level {level}");
        client.publish("other/x", b"x", 1, false).await;
        assert_eq!(client.wait_for_end().await, (level == 5).then_some(0x87));
    }
}

#[tokio::test]
async fn a_wider_policy_applies_from_the_refresh_on() {
    let gateway = open_scaled(600).await;
    let mut event_log = gateway.event_log.subscribe();
    let instructions = json!({ "first": restricted(), "then": allow_all() });
    let mut client =
        RawClient::connect(gateway.port, &ConnectPacket::with_instructions(4, "c1", &instructions)).await;
    wait_for_refresh(&mut event_log).await;
    client.subscribe_and_check(&["other/x"]).await;
    client.publish("other/x", b"x", 0, true).await;
    assert_eq!(RawClient::topics(&[client.next().await.unwrap()]), ["other/x"]);
}

#[tokio::test]
async fn a_refresh_that_does_not_allow_the_connect_ends_the_connection() {
    let will = with(allow("Publish", &["topic/own/will"]), "Effect", json!("Allow"));
    let table = [
        ("denied by the authorizer", Value::Null),
        ("another client id", json!([allow("Connect", &["client/other"])])),
        ("without statements", json!([])),
        ("without the will", json!([allow("Connect", &["client/*"])])),
        (
            "the connect denied",
            json!([
                allow("Connect", &["client/*"]), will,
                { "Effect": "Deny", "Action": "iot:Connect", "Resource": "*" }
            ]),
        ),
    ];
    let gateway = open_scaled(3000).await;
    for (name, then) in table {
        for level in LEVELS {
            let mut event_log = gateway.event_log.subscribe();
            let mut connect =
                ConnectPacket::with_instructions(level, "c1", &json!({ "first": allow_all(), "then": then }));
            connect.will = Some(("own/will".to_owned(), 0, false));
            let mut client = RawClient::connect(gateway.port, &connect).await;
            assert_eq!(client.wait_for_end().await, (level == 5).then_some(0x87), "{name}, level {level}");
            let closed = find(&mut event_log, |kind| match kind {
                EntryKind::Closed { reason } => Some(*reason),
                _ => None,
            });
            assert_eq!(closed.await, DisconnectReason::RefreshDenied, "{name}, level {level}");
        }
    }
}

#[tokio::test]
async fn refreshes_do_not_extend_the_time_limit() {
    let gateway = open_scaled(1000).await;
    for level in LEVELS {
        let mut event_log = gateway.event_log.subscribe();
        let instructions = json!({ "first": allow_all(), "disconnect": 700 });
        let mut client =
            RawClient::connect(gateway.port, &ConnectPacket::with_instructions(level, "c1", &instructions))
                .await;
        assert_eq!(client.wait_for_end().await, (level == 5).then_some(0x98), "level {level}");
        let mut refreshes = 0;
        let closed = loop {
            match event_log.recv().await.unwrap().kind {
                EntryKind::Refreshed => refreshes += 1,
                EntryKind::Closed { reason } => break reason,
                _ => {}
            }
        };
        assert_eq!(closed, DisconnectReason::TimeLimit, "level {level}");
        assert!(refreshes > 0, "level {level}");
    }
}
