//! Who is let in, and with what: for MQTT 3.1.1 and MQTT 5.

use iot_local::journal::What;
use serde_json::{Value, json};

use crate::packets::{BOTH, Connect, Raw};
use crate::statements::{allow, own, wide, with};
use crate::support::{find, open};

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
