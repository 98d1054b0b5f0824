//! AWS IoT's rules one by one, for MQTT 3.1.1 and MQTT 5: what is refused, and how the client is told.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a panic is how a test fails"
)]

use std::time::Duration;

use iot_local::front::Running;
use iot_local::journal::{Ending, What};
use iot_local::policy::Place;
use serde_json::{Value, json};

use crate::packets::{BOTH, Connect, Raw};
use crate::support::{find, open, open_scaled};

fn allow(action: &str, resources: &[&str]) -> Value {
    let resources: Vec<_> = resources.iter().map(|resource| format!("ARN:{resource}")).collect();
    json!({ "Effect": "Allow", "Action": format!("iot:{action}"), "Resource": resources })
}

fn with(mut statement: Value, name: &str, value: Value) -> Value {
    statement[name] = value;
    statement
}

/// A policy that stands in nobody's way.
fn wide() -> Value {
    json!([{ "Effect": "Allow", "Action": "iot:*", "Resource": "*" }])
}

/// A policy of one's own topics, to which everything else is refused.
fn own() -> Value {
    json!([
        allow("Connect", &["client/*"]),
        allow("Publish", &["topic/own/*"]),
        allow("Subscribe", &["topicfilter/own/*", "topicfilter/$share/g/own/*"]),
        allow("Receive", &["topic/own/*"]),
        with(allow("Publish", &["topic/own/denied"]), "Effect", json!("Deny")),
        with(allow("Subscribe", &["topicfilter/own/denied"]), "Effect", json!("Deny")),
    ])
}

#[tokio::test]
async fn a_connect_is_held_to_the_policy_and_the_limits() {
    let door = open(1).await;
    let connect = |statements: Value, change: &dyn Fn(&mut Connect)| {
        let mut connect = Connect::told(4, "c1", &statements);
        change(&mut connect);
        connect
    };
    let as_is: &dyn Fn(&mut Connect) = &|_| ();
    let kept: &dyn Fn(&mut Connect) = &|connect| connect.clean = false;
    let will = |topic: &'static str, qos, retain| {
        move |connect: &mut Connect| connect.will = Some((topic.to_owned(), qos, retain))
    };
    let named = |name: String| move |connect: &mut Connect| connect.client_id.clone_from(&name);
    let only = |condition: Value| json!([with(allow("Connect", &["client/*"]), "Condition", condition)]);
    let no_persistence = json!([
        allow("Connect", &["client/*"]),
        { "Effect": "Deny", "Action": "iot:Connect", "Resource": "*",
          "Condition": { "ForAnyValue:StringEquals": { "iot:ConnectAttributes": "PersistentConnect" } } }
    ]);
    let topic =
        |topic: &str| only(json!({ "ArnEquals": { "iot:LastWillTopic": format!("ARN:topic/{topic}") } }));
    let with_wills = || {
        let mut statements = topic("own/will");
        statements.as_array_mut().unwrap().push(allow("Publish", &["topic/own/*"]));
        statements
    };
    let from = |network: &str| only(json!({ "IpAddress": { "aws:SourceIp": network } }));
    let table = [
        ("its own id", json!([allow("Connect", &["client/c1"])]), as_is, 0, 0),
        ("by variable", json!([allow("Connect", &["client/${iot:ClientId}"])]), as_is, 0, 0),
        ("another's id", json!([allow("Connect", &["client/c2"])]), as_is, 5, 0x87),
        ("nothing", json!([allow("Publish", &["topic/*"])]), as_is, 5, 0x87),
        ("refused", Value::Null, as_is, 5, 0x87),
        ("a persistent session", wide(), kept, 0, 0),
        ("a persistent session denied", no_persistence.clone(), kept, 5, 0x87),
        ("a clean session beside that", no_persistence, as_is, 0, 0),
        ("the address", from("127.0.0.0/8"), as_is, 0, 0),
        ("another address", from("203.0.113.0/24"), as_is, 5, 0x87),
        ("a will", with_wills(), &will("own/will", 1, false), 0, 0),
        ("another will", with_wills(), &will("own/other", 1, false), 5, 0x87),
        ("no will where one must be", with_wills(), as_is, 5, 0x87),
        ("a retained will without the right", with_wills(), &will("own/will", 0, true), 5, 0x87),
        ("a will without the right", topic("own/will"), &will("own/will", 0, false), 5, 0x87),
        ("a will to a filter", wide(), &will("own/+", 0, false), 5, 0x87),
        ("a will of 9 levels", wide(), &will("1/2/3/4/5/6/7/8/9", 0, false), 5, 0x87),
        ("a reserved will", wide(), &will("$SYS/x", 0, false), 5, 0x87),
        ("a reserved client id", wide(), &named("$c".to_owned()), 5, 0x87),
        ("128 bytes of client id", wide(), &named("é".repeat(64)), 0, 0),
        ("129 bytes of client id", wide(), &named("c".repeat(129)), 2, 0x85),
    ];
    for (name, statements, change, for_3, for_5) in table {
        for (level, expected) in BOTH.into_iter().zip([for_3, for_5]) {
            let mut connect = connect(statements.clone(), change);
            connect.level = level;
            let (_, connack) = Raw::try_connect(door.port, &connect).await;
            assert_eq!(connack[3], expected, "{name}, level {level}: {connack:x?}");
        }
    }
}

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

#[tokio::test]
async fn mqtt_5_is_told_the_times_it_gets() {
    let door = open(1).await;
    let mut kept = Connect::told(5, "kept", &wide());
    kept.clean = false;
    let (_, connack) = Raw::try_connect(door.port, &kept).await;
    // An hour is the longest Session Expiry Interval (MQTT 5, section 3.2.2.3.2).
    let hour = [0x11, 0, 0, 0x0E, 0x10];
    assert!(connack.windows(5).any(|bytes| bytes == hour), "{connack:x?}");
    for (asked, granted) in [(0, 1200_u16), (5, 30), (60, 60), (2000, 1200)] {
        let mut connect = Connect::told(5, "c1", &wide());
        connect.keep_alive = asked;
        let (_, connack) = Raw::try_connect(door.port, &connect).await;
        let [high, low] = granted.to_be_bytes();
        // Server Keep Alive (MQTT 5, section 3.2.2.3.14).
        let told = connack.windows(3).any(|bytes| bytes == [0x13, high, low]);
        assert!(told, "{asked} should become {granted}: {connack:x?}");
    }
}

#[tokio::test]
async fn a_client_without_an_id_is_shown_to_the_authorizer_as_such() {
    let door = open(1).await;
    for level in BOTH {
        let mut journal = door.journal.subscribe();
        let statements =
            json!([allow("Connect", &["client/*"]), allow("Publish", &["topic/own/${iot:ClientId}"])]);
        let (mut client, connack) = Raw::try_connect(door.port, &Connect::told(level, "", &statements)).await;
        assert_eq!(connack[3], 0, "{connack:x?}");
        let said = find(&mut journal, |what| match what {
            What::Function(line) if line.text.starts_with("client id") => Some(line.text.clone()),
            _ => None,
        });
        assert_eq!(said.await, "client id ''", "level {level}");
        // The broker's name for it is nobody else's, and is what the policy is asked about.
        client.publish("own/", b"x", 1, false).await;
        client.end().await;
        let nobody = Connect::told(level, "", &json!([allow("Connect", &["client/"])]));
        assert_ne!(Raw::try_connect(door.port, &nobody).await.1[3], 0);
    }
}

#[tokio::test]
async fn a_persistent_session_keeps_what_the_next_policy_allows() {
    let door = open(1).await;
    for level in BOTH {
        let mut connect = Connect::told(level, &format!("away{level}"), &wide());
        connect.clean = false;
        let mut client = Raw::connect(door.port, &connect).await;
        client.subscribe(&[], &["own/x", "other/x"], 1).await;
        assert_eq!(client.suback().await, [1, 1]);
        drop(client);
        let mut other = Raw::connect(door.port, &Connect::told(level, "other", &wide())).await;
        for topic in ["other/x", "own/x"] {
            other.publish(topic, b"x", 1, false).await;
        }
        other.settle().await;
        let mut narrow = Connect::told(level, &format!("away{level}"), &own());
        narrow.clean = false;
        let (mut client, connack) = Raw::try_connect(door.port, &narrow).await;
        assert_eq!(connack[2], 1, "the session is there");
        let first = client.next().await.unwrap();
        assert_eq!(Raw::topics(&[first]), ["own/x"], "level {level}");
    }
}

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
    let door = open_scaled(2, 300).await;
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
    let door = open_scaled(1, 600).await;
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
    let door = open_scaled(2, 3000).await;
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
    let door = open_scaled(1, 1000).await;
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
