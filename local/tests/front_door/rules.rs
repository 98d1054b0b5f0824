//! AWS IoT's rules for what a client does, for MQTT 3.1.1 and MQTT 5: what is refused, and how the client is told.

#![expect(clippy::string_slice, reason = "a panic is how a test fails")]

use iot_local::journal::{Ending, What};
use iot_local::policy::Place;
use serde_json::json;

use crate::packets::{BOTH, Connect, Raw};
use crate::statements::own;
use crate::support::{find, open};

#[tokio::test]
async fn what_aws_does_not_take_ends_the_connection() {
    type Act = fn(&mut Raw) -> futures_util::future::BoxFuture<'_, ()>;
    let table: [(&str, Act, Ending, u8); 14] = [
        ("another topic", |c| Box::pin(c.publish("other", b"x", 1, false)), Ending::Forbidden, 0x87),
        ("QoS 0", |c| Box::pin(c.publish("other", b"x", 0, false)), Ending::Forbidden, 0x87),
        ("a denied topic", |c| Box::pin(c.publish("own/denied", b"x", 1, false)), Ending::Forbidden, 0x87),
        ("retained", |c| Box::pin(c.publish("own/x", b"x", 1, true)), Ending::Forbidden, 0x87),
        ("QoS 2", |c| Box::pin(c.publish("own/x", b"x", 2, false)), Ending::OverLimit, 0x9B),
        ("9 levels", |c| Box::pin(c.publish("own/2/3/4/5/6/7/8/9", b"x", 1, false)), Ending::OverLimit, 0x90),
        ("257 bytes", |c| Box::pin(c.publish(LONG, b"x", 1, false)), Ending::OverLimit, 0x90),
        ("$SYS", |c| Box::pin(c.publish("$SYS/x", b"x", 1, false)), Ending::OverLimit, 0x90),
        ("events", |c| Box::pin(c.publish("$aws/events/x", b"x", 1, false)), Ending::OverLimit, 0x90),
        (
            "reserved, retained",
            |c| Box::pin(c.publish("$aws/things/a", b"x", 1, true)),
            Ending::OverLimit,
            0x90,
        ),
        ("128 KiB and a byte", |c| Box::pin(c.publish("own/x", &LARGE, 1, false)), Ending::OverLimit, 0x97),
        ("9 filters", |c| Box::pin(c.subscribe(&[], &["own/x"; 9], 1)), Ending::OverLimit, 0x97),
        ("a filter with QoS 2", |c| Box::pin(c.subscribe(&[], &["own/x"], 2)), Ending::OverLimit, 0x9B),
        ("an identifier", |c| Box::pin(c.subscribe(&[0x0B, 1], &["own/x"], 1)), Ending::OverLimit, 0xA1),
    ];
    let door = open(1).await;
    for (name, act, ending, code) in table {
        for level in BOTH {
            if level == 4 && name == "an identifier" {
                continue;
            }
            let mut journal = door.journal.subscribe();
            let mut client = Raw::connect(door.port, &Connect::told(level, "c1", &own())).await;
            act(&mut client).await;
            let expected = (level == 5).then_some(code);
            assert_eq!(client.end().await, expected, "{name}, level {level}");
            let told = find(&mut journal, |what| matches!(what, What::Refused { .. }).then_some(())).await;
            let closed = find(&mut journal, |what| match what {
                What::Closed { reason } => Some(*reason),
                _ => None,
            });
            assert_eq!(((), closed.await), (told, ending), "{name}, level {level}");
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
async fn the_largest_that_aws_takes_goes_through() {
    let door = open(1).await;
    for level in BOTH {
        let mut client = Raw::connect(door.port, &Connect::told(level, "c1", &own())).await;
        client.subscribed(&["own/#"; 8]).await;
        client.publish(&LONG[..256], &LARGE[1..], 1, false).await;
        let heard = [client.next().await.unwrap(), client.next().await.unwrap()];
        assert_eq!(Raw::topics(&heard), [&LONG[..256]]);
        assert!(heard.iter().any(|packet| packet[0] == 0x40), "no PUBACK");
    }
}

#[tokio::test]
async fn a_filter_is_answered_and_a_refused_one_ends_the_connection() {
    let long_share = format!("$share/{}/own/x", "g".repeat(129));
    // The codes for MQTT 3.1.1 and 5, and whether the connection ends.
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
    let door = open(1).await;
    for (filter, for_3, for_5, ends) in table {
        for (level, code) in BOTH.into_iter().zip([for_3, for_5]) {
            let mut client = Raw::connect(door.port, &Connect::told(level, "c1", &own())).await;
            // What stands beside it is answered for itself.
            client.subscribe(&[], &["own/before", filter, "own/after"], 1).await;
            assert_eq!(client.suback().await, [1, code, 1], "{filter}, level {level}");
            if ends {
                assert_eq!(client.end().await, (level == 5).then_some(0x87), "{filter}, level {level}");
            } else {
                assert_eq!(client.settle().await, Vec::<Vec<u8>>::new(), "{filter}, level {level}");
            }
        }
    }
}

#[tokio::test]
async fn a_connection_has_fifty_subscriptions_at_most() {
    let door = open(1).await;
    for (level, code) in BOTH.into_iter().zip([0x80, 0x97]) {
        let mut client = Raw::connect(door.port, &Connect::told(level, "c1", &own())).await;
        let filters: Vec<_> = (0..51).map(|number| format!("own/{number}")).collect();
        for filter in &filters[..50] {
            client.subscribed(&[filter]).await;
        }
        client.subscribe(&[], &[&filters[50], &filters[0]], 0).await;
        assert_eq!(client.suback().await, [code, 0], "one more, and one again");
    }
}

#[tokio::test]
async fn the_journal_says_which_statement_decided() {
    let door = open(1).await;
    let mut journal = door.journal.subscribe();
    let mut client = Raw::connect(door.port, &Connect::told(5, "c1", &own())).await;
    client.subscribed(&["own/x"]).await;
    client.publish("own/x", b"x", 0, false).await;
    client.settle().await;
    client.publish("own/denied", b"x", 0, false).await;
    client.end().await;
    let mut decided = Vec::new();
    while decided.len() < 5 {
        match journal.recv().await.unwrap().what {
            What::Connected { decided_by, .. }
            | What::Allowed { decided_by, .. }
            | What::Refused { decided_by, .. } => decided.push(decided_by),
            _ => {}
        }
    }
    let expected = [1, 3, 2, 4, 5].map(|statement| Some(Place { document: 1, statement }));
    assert_eq!(decided, expected);
    // Where nothing allows it, no statement has decided.
    let mut client = Raw::connect(door.port, &Connect::told(5, "c1", &own())).await;
    client.publish("other", b"x", 0, false).await;
    client.end().await;
    let by = find(&mut journal, |what| match what {
        What::Refused { decided_by, .. } => Some(*decided_by),
        _ => None,
    });
    assert_eq!(by.await, None);
    // A connect that is denied names the statement too.
    let denied = json!([{ "Effect": "Deny", "Action": "iot:Connect", "Resource": "*" }]);
    Raw::try_connect(door.port, &Connect::told(5, "c1", &denied)).await;
    let by = find(&mut journal, |what| match what {
        What::ConnectRefused { decided_by, .. } => Some(*decided_by),
        _ => None,
    });
    assert_eq!(by.await, Some(Place { document: 1, statement: 1 }));
}
