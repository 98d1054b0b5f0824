//! What becomes of a connection in time: another policy, or its end.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use iot_local::front::Running;
use iot_local::journal::{Ending, What};
use serde_json::{Value, json};

use crate::packets::{BOTH, Connect, Raw};
use crate::statements::{allow, own, wide, with};
use crate::support::{find, open_scaled};

async fn refreshed(door: &mut tokio::sync::broadcast::Receiver<iot_local::journal::Happening>) {
    find(door, |what| matches!(what, What::Refreshed).then_some(())).await;
}

/// A client that may do more at first than after its first refresh, and another that publishes.
async fn narrowed(door: &Running, level: u8, then: Value) -> (Raw, Raw) {
    let mut journal = door.journal.subscribe();
    let answer = json!({ "first": wide(), "then": then });
    let mut other = Raw::connect(door.port, &Connect::told(level, "other", &wide())).await;
    let mut client = Raw::connect(door.port, &Connect::answered(level, "narrowed", &answer)).await;
    client.subscribed(&["own/x", "other/x"]).await;
    other.publish("other/x", b"before", 1, false).await;
    assert_eq!(Raw::topics(&[client.next().await.unwrap()]), ["other/x"], "before the refresh");
    refreshed(&mut journal).await;
    // Either client may have been the one; after two more both have.
    refreshed(&mut journal).await;
    refreshed(&mut journal).await;
    (client, other)
}

#[tokio::test]
async fn a_narrower_policy_holds_from_the_refresh_on() {
    let door = open_scaled(300).await;
    for level in BOTH {
        let (mut client, mut other) = narrowed(&door, level, own()).await;
        // The subscriptions are there still: iot:Receive is what cuts one of them.
        for topic in ["other/x", "own/x"] {
            other.publish(topic, b"after", 1, false).await;
        }
        assert_eq!(Raw::topics(&[client.next().await.unwrap()]), ["own/x"], "level {level}");
        client.publish("other/x", b"x", 1, false).await;
        assert_eq!(client.end().await, (level == 5).then_some(0x87));
    }
}

#[tokio::test]
async fn a_wider_policy_holds_from_the_refresh_on() {
    let door = open_scaled(600).await;
    let mut journal = door.journal.subscribe();
    let answer = json!({ "first": own(), "then": wide() });
    let mut client = Raw::connect(door.port, &Connect::answered(4, "c1", &answer)).await;
    refreshed(&mut journal).await;
    client.subscribed(&["other/x"]).await;
    client.publish("other/x", b"x", 0, true).await;
    assert_eq!(Raw::topics(&[client.next().await.unwrap()]), ["other/x"]);
}

#[tokio::test]
async fn a_refresh_that_does_not_allow_the_connect_ends_it() {
    let will = with(allow("Publish", &["topic/own/will"]), "Effect", json!("Allow"));
    let table = [
        ("refused", Value::Null),
        ("another client id", json!([allow("Connect", &["client/other"])])),
        ("nothing", json!([])),
        ("the will no more", json!([allow("Connect", &["client/*"])])),
        (
            "the connect denied",
            json!([
                allow("Connect", &["client/*"]), will,
                { "Effect": "Deny", "Action": "iot:Connect", "Resource": "*" }
            ]),
        ),
    ];
    let door = open_scaled(3000).await;
    for (name, then) in table {
        for level in BOTH {
            let mut journal = door.journal.subscribe();
            let mut connect = Connect::answered(level, "c1", &json!({ "first": wide(), "then": then }));
            connect.will = Some(("own/will".to_owned(), 0, false));
            let mut client = Raw::connect(door.port, &connect).await;
            assert_eq!(client.end().await, (level == 5).then_some(0x87), "{name}, level {level}");
            let closed = find(&mut journal, |what| match what {
                What::Closed { reason } => Some(*reason),
                _ => None,
            });
            assert_eq!(closed.await, Ending::RefreshRefused, "{name}, level {level}");
        }
    }
}

#[tokio::test]
async fn a_connection_ends_at_its_time_however_often_it_is_refreshed() {
    let door = open_scaled(1000).await;
    for level in BOTH {
        let mut journal = door.journal.subscribe();
        let answer = json!({ "first": wide(), "disconnect": 700 });
        let mut client = Raw::connect(door.port, &Connect::answered(level, "c1", &answer)).await;
        assert_eq!(client.end().await, (level == 5).then_some(0x98), "level {level}");
        let mut refreshes = 0;
        let closed = loop {
            match journal.recv().await.unwrap().what {
                What::Refreshed => refreshes += 1,
                What::Closed { reason } => break reason,
                _ => {}
            }
        };
        assert_eq!(closed, Ending::TimeLimit, "level {level}");
        assert!(refreshes > 0, "level {level}");
    }
}
