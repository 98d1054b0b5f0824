//! The limits of AWS IoT for publishes and subscriptions, and the codes for them, for MQTT 3.1.1 and MQTT 5.

#![expect(clippy::string_slice, reason = "a panic is how a test fails")]

use iot_local_gateway::event_log::{DisconnectReason, EntryKind};
use iot_local_policy::StatementPlace;
use serde_json::json;

use crate::packets::{ConnectPacket, LEVELS, RawClient};
use crate::statements::restricted;
use crate::support::{find, open};

#[tokio::test]
async fn a_violation_of_a_limit_or_the_policy_ends_the_connection() {
    type Act = fn(&mut RawClient) -> futures_util::future::BoxFuture<'_, ()>;
    let table: [(&str, Act, DisconnectReason, u8); 14] = [
        (
            "another topic",
            |c| Box::pin(c.publish("other", b"x", 1, false)),
            DisconnectReason::Forbidden,
            0x87,
        ),
        ("QoS 0", |c| Box::pin(c.publish("other", b"x", 0, false)), DisconnectReason::Forbidden, 0x87),
        (
            "a denied topic",
            |c| Box::pin(c.publish("own/denied", b"x", 1, false)),
            DisconnectReason::Forbidden,
            0x87,
        ),
        ("retained", |c| Box::pin(c.publish("own/x", b"x", 1, true)), DisconnectReason::Forbidden, 0x87),
        ("QoS 2", |c| Box::pin(c.publish("own/x", b"x", 2, false)), DisconnectReason::OverLimit, 0x9B),
        (
            "9 levels",
            |c| Box::pin(c.publish("own/2/3/4/5/6/7/8/9", b"x", 1, false)),
            DisconnectReason::OverLimit,
            0x90,
        ),
        ("257 bytes", |c| Box::pin(c.publish(LONG, b"x", 1, false)), DisconnectReason::OverLimit, 0x90),
        ("$SYS", |c| Box::pin(c.publish("$SYS/x", b"x", 1, false)), DisconnectReason::OverLimit, 0x90),
        (
            "events",
            |c| Box::pin(c.publish("$aws/events/x", b"x", 1, false)),
            DisconnectReason::OverLimit,
            0x90,
        ),
        (
            "reserved, retained",
            |c| Box::pin(c.publish("$aws/things/a", b"x", 1, true)),
            DisconnectReason::OverLimit,
            0x90,
        ),
        (
            "128 KiB and a byte",
            |c| Box::pin(c.publish("own/x", &LARGE, 1, false)),
            DisconnectReason::OverLimit,
            0x97,
        ),
        ("9 filters", |c| Box::pin(c.subscribe(&[], &["own/x"; 9], 1)), DisconnectReason::OverLimit, 0x97),
        (
            "a filter with QoS 2",
            |c| Box::pin(c.subscribe(&[], &["own/x"], 2)),
            DisconnectReason::OverLimit,
            0x9B,
        ),
        (
            "a subscription identifier",
            |c| Box::pin(c.subscribe(&[0x0B, 1], &["own/x"], 1)),
            DisconnectReason::OverLimit,
            0xA1,
        ),
    ];
    let gateway = open(1).await;
    for (name, act, reason, code) in table {
        for level in LEVELS {
            if level == 4 && name == "a subscription identifier" {
                continue;
            }
            let mut event_log = gateway.event_log.subscribe();
            let mut client =
                RawClient::connect(gateway.port, &ConnectPacket::with_statements(level, "c1", &restricted()))
                    .await;
            act(&mut client).await;
            let expected = (level == 5).then_some(code);
            assert_eq!(client.wait_for_end().await, expected, "{name}, level {level}");
            let logged =
                find(&mut event_log, |kind| matches!(kind, EntryKind::Denied { .. }).then_some(())).await;
            let closed = find(&mut event_log, |kind| match kind {
                EntryKind::Closed { reason } => Some(*reason),
                _ => None,
            });
            assert_eq!(((), closed.await), (logged, reason), "{name}, level {level}");
        }
    }
}

const LONG: &str = concat!(
    "own/ggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggg",
    "ggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggg",
    "gggggggggggggggggggggggggggggggggggg"
);
static LARGE: [u8; 128 * 1024 + 1] = [b'x'; 128 * 1024 + 1];

#[tokio::test]
async fn the_largest_publish_and_subscribe_are_accepted() {
    let gateway = open(1).await;
    for level in LEVELS {
        let mut client =
            RawClient::connect(gateway.port, &ConnectPacket::with_statements(level, "c1", &restricted()))
                .await;
        client.subscribe_and_check(&["own/#"; 8]).await;
        client.publish(&LONG[..256], &LARGE[1..], 1, false).await;
        let received = [client.next().await.unwrap(), client.next().await.unwrap()];
        assert_eq!(RawClient::topics(&received), [&LONG[..256]]);
        assert!(received.iter().any(|packet| packet[0] == 0x40), "no PUBACK");
    }
}

#[tokio::test]
async fn the_suback_has_a_code_per_filter_and_a_denied_filter_ends_the_connection() {
    let long_share = format!("$share/{}/own/x", "g".repeat(129));
    // The codes for MQTT 3.1.1 and MQTT 5, and whether the connection ends.
    let table = [
        ("own/x", 1, 1, false),
        ("own/#", 1, 1, false),
        ("own/2/3/4/5/6/7/8", 1, 1, false),
        ("$share/g/own/#", 1, 1, false),
        ("$share/g/own/2/3/4/5/6/7/8", 1, 1, false),
        ("other/x", 0x80, 0x87, true),
        ("#", 0x80, 0x87, true),
        ("+/x", 0x80, 0x87, true),
        ("own/denied", 0x80, 0x87, true),
        ("$share/h/own/#", 0x80, 0x87, true),
        ("$aws/events/#", 0x80, 0x87, true),
        ("$SYS/#", 0x80, 0x8F, true),
        ("$aws/rules/r/#", 0x80, 0x8F, true),
        ("$share/g/$SYS/#", 0x80, 0x8F, true),
        ("own/2/3/4/5/6/7/8/9", 0x80, 0x8F, false),
        (LONG, 0x80, 0x8F, false),
        (&long_share, 0x80, 0x8F, false),
    ];
    let gateway = open(1).await;
    for (filter, mqtt3, mqtt5, ends) in table {
        for (level, code) in LEVELS.into_iter().zip([mqtt3, mqtt5]) {
            let mut client =
                RawClient::connect(gateway.port, &ConnectPacket::with_statements(level, "c1", &restricted()))
                    .await;
            // The filters before and after it have codes of their own.
            client.subscribe(&[], &["own/before", filter, "own/after"], 1).await;
            assert_eq!(client.suback().await, [1, code, 1], "{filter}, level {level}");
            if ends {
                assert_eq!(
                    client.wait_for_end().await,
                    (level == 5).then_some(0x87),
                    "{filter}, level {level}"
                );
            } else {
                assert_eq!(client.drain().await, Vec::<Vec<u8>>::new(), "{filter}, level {level}");
            }
        }
    }
}

#[tokio::test]
async fn a_connection_has_at_most_50_subscriptions() {
    let gateway = open(1).await;
    for (level, code) in LEVELS.into_iter().zip([0x80, 0x97]) {
        let mut client =
            RawClient::connect(gateway.port, &ConnectPacket::with_statements(level, "c1", &restricted()))
                .await;
        let filters: Vec<_> = (0..51).map(|number| format!("own/{number}")).collect();
        for filter in &filters[..50] {
            client.subscribe_and_check(&[filter]).await;
        }
        client.subscribe(&[], &[&filters[50], &filters[0]], 0).await;
        assert_eq!(client.suback().await, [code, 0], "a new subscription, and a repeated one");
    }
}

#[tokio::test]
async fn log_entries_name_the_statement_that_decided() {
    let gateway = open(1).await;
    let mut event_log = gateway.event_log.subscribe();
    let mut client =
        RawClient::connect(gateway.port, &ConnectPacket::with_statements(5, "c1", &restricted())).await;
    client.subscribe_and_check(&["own/x"]).await;
    client.publish("own/x", b"x", 0, false).await;
    client.drain().await;
    client.publish("own/denied", b"x", 0, false).await;
    client.wait_for_end().await;
    let mut decided = Vec::new();
    while decided.len() < 5 {
        match event_log.recv().await.unwrap().kind {
            EntryKind::Connected { decided_by, .. }
            | EntryKind::Allowed { decided_by, .. }
            | EntryKind::Denied { decided_by, .. } => decided.push(decided_by),
            _ => {}
        }
    }
    let expected = [1, 3, 2, 4, 5].map(|statement| Some(StatementPlace { document: 1, statement }));
    assert_eq!(decided, expected);
    // For an implicit denial, no statement has decided.
    let mut client =
        RawClient::connect(gateway.port, &ConnectPacket::with_statements(5, "c1", &restricted())).await;
    client.publish("other", b"x", 0, false).await;
    client.wait_for_end().await;
    let decided_by = find(&mut event_log, |kind| match kind {
        EntryKind::Denied { decided_by, .. } => Some(*decided_by),
        _ => None,
    });
    assert_eq!(decided_by.await, None);
    // The entry of a denied connect names the statement too.
    let denied = json!([{ "Effect": "Deny", "Action": "iot:Connect", "Resource": "*" }]);
    RawClient::try_connect(gateway.port, &ConnectPacket::with_statements(5, "c1", &denied)).await;
    let decided_by = find(&mut event_log, |kind| match kind {
        EntryKind::ConnectDenied { decided_by, .. } => Some(*decided_by),
        _ => None,
    });
    assert_eq!(decided_by.await, Some(StatementPlace { document: 1, statement: 1 }));
}
