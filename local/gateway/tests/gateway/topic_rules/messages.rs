//! Which messages a rule runs for, and what its actions get.

use rumqttc::{Event, LastWill, Outgoing};

use super::*;
use crate::support::post;

/// The statement, the topic and the payload of a message, and what the rule republishes.
type Row<'a> = (&'a str, &'a str, &'a [u8], Option<&'a [u8]>);

const ROWS: [Row<'_>; 29] = [
    ("SELECT * FROM 'a/b'", "a/b", b"{\"x\":1}", Some(b"{\"x\":1}")),
    ("SELECT * FROM 'a/b'", "a/c", b"{}", None),
    ("SELECT * FROM 'a/b'", "a/b/c", b"{}", None),
    ("SELECT * FROM 'a/+'", "a/c", b"[1,2]", Some(b"[1,2]")),
    ("SELECT * FROM 'a/+'", "a", b"{}", None),
    ("SELECT * FROM 'a/#'", "a/b/c", b"\"text\"", Some(b"\"text\"")),
    ("SELECT * FROM '+/b'", "$aws/b", b"{}", None),
    ("SELECT * FROM 'a/b'", "a/b", b"not JSON \xff", Some(b"not JSON \xff")),
    ("SELECT * FROM 'a/b'", "a/b", b"", Some(b"")),
    ("SELECT *, 1 AS one FROM 'a/b'", "a/b", b"not JSON", None),
    ("SELECT x FROM 'a/b'", "a/b", b"not JSON", None),
    ("SELECT * FROM 'a/b' WHERE x = 1", "a/b", b"not JSON", None),
    ("SELECT topic() AS t FROM 'a/b'", "a/b", b"not JSON", Some(b"{\"t\":\"a/b\"}")),
    ("SELECT x.y, z FROM 'a/b'", "a/b", b"{\"x\":{\"y\":true},\"n\":2}", Some(b"{\"y\":true}")),
    (
        "SELECT topic(2) AS id, clientid() AS c, principal() AS p FROM 'a/+'",
        "a/dev-7",
        b"{\"id\":\"forged\"}",
        Some(b"{\"c\":\"sender\",\"id\":\"dev-7\",\"p\":\"instructed\"}"),
    ),
    ("SELECT * FROM 'a/b' WHERE x = 1", "a/b", b"{\"x\":1}", Some(b"{\"x\":1}")),
    ("SELECT * FROM 'a/b' WHERE x = 1", "a/b", b"{\"x\":2}", None),
    ("SELECT * FROM 'a/b' WHERE x = 1", "a/b", b"{\"x\":\"1\"}", None),
    ("SELECT * FROM 'a/b' WHERE x = 1", "a/b", b"{}", None),
    ("SELECT * FROM 'a/b' WHERE x = 1", "a/b", b"[]", None),
    ("SELECT * FROM 'a/b' WHERE NOT x = 1", "a/b", b"{}", None),
    ("SELECT * FROM 'a/b' WHERE x <> 1", "a/b", b"{\"x\":1}", None),
    ("SELECT * FROM 'a/b' WHERE x > 1 AND y < 2", "a/b", b"{\"x\":2,\"y\":2}", None),
    ("SELECT * FROM 'a/b' WHERE x > 1 OR y < 2", "a/b", b"{\"x\":2,\"y\":2}", Some(b"{\"x\":2,\"y\":2}")),
    ("SELECT * FROM 'a/b' WHERE clientid() = 'other'", "a/b", b"{}", None),
    ("SELECT * FROM 'a/b' WHERE topic(1) = 'b'", "a/b", b"{}", None),
    ("SELECT * FROM '$aws/things/+/shadow/update'", "$aws/things/t/shadow/update", b"{}", Some(b"{}")),
    ("SELECT * FROM '+/things/+/shadow/update'", "$aws/things/t/shadow/update", b"{}", None),
    ("SELECT * FROM '$aws/rules/#'", "$aws/rules/other/x", b"{}", None),
];

#[tokio::test]
async fn a_rule_runs_for_the_messages_of_its_statement() {
    let rules = Rules::open().await;
    let mut subscriber = rules.subscriber().await;
    let mut sender = rules.client("sender").await;
    let (mut results, mut none) = (0, 0);
    for (sql, topic, payload, expected) in ROWS {
        rules.create("r", &json!({ "sql": sql, "actions": [republish("out/r")] })).await;
        sender.send(topic, payload).await;
        let received = subscriber.until_fence(&mut sender).await;
        let expected: Vec<_> = expected.map(<[u8]>::to_vec).into_iter().collect();
        let text = String::from_utf8_lossy(payload);
        *if expected.is_empty() { &mut none } else { &mut results } += 1;
        assert_eq!(received.get("out/r").cloned().unwrap_or_default(), expected, "{sql}: {topic} {text}");
        rules.api.call("DELETE /rules/r", "", &Value::Null).await;
    }
    assert!(none > results, "{results}, {none}");
}

/// A message of MQTT, HTTPS, a will and the gateway itself.
#[tokio::test]
async fn a_function_gets_messages_of_every_publisher() {
    let rules = Rules::open().await;
    let mut event_log = rules.gateway.event_log.subscribe();
    let sql = "SELECT *, topic(2) AS id, clientid() AS c, principal() AS p FROM 'in/+'";
    rules.create("r", &json!({ "sql": sql, "actions": [lambda("collect")] })).await;
    let sql = "SELECT clientId, eventType FROM '$aws/events/presence/+/+' WHERE clientId = 'with-will'";
    rules.create("presence", &json!({ "sql": sql, "actions": [lambda("collect:live")] })).await;
    let mut sender = rules.client("sender").await;
    sender.send("in/mqtt", "{\"c\":\"forged\"}").await;
    let event = invocation(&mut event_log).await;
    assert_eq!(event["event"], json!({ "id": "mqtt", "c": "sender", "p": "instructed" }));
    assert_eq!(entry_of(&mut event_log, "r").await, (format!("lambda {FUNCTION}collect"), Ok(())));

    let token = json!({ "first": allow_all() }).to_string();
    let response =
        post(rules.gateway.port, "/topics/in/https?qos=1", &format!("token: {token}\r\n"), "{\"x\":1}").await;
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    let event = invocation(&mut event_log).await;
    assert_eq!(event["event"], json!({ "x": 1, "id": "https", "c": "n/a", "p": "instructed" }));

    let mut with_will = options(rules.gateway.port, "with-will", &token);
    with_will.set_last_will(LastWill::new("in/will", "{}", QoS::AtLeastOnce, false));
    let with_will = connect_with(with_will).await.unwrap();
    let event = invocation(&mut event_log).await;
    assert_eq!(event["event"], json!({ "clientId": "with-will", "eventType": "connected" }));
    drop(with_will);
    let mut events = [invocation(&mut event_log).await, invocation(&mut event_log).await];
    events.sort_by_key(|event| event["event"].get("id").is_none());
    assert_eq!(events[0]["event"], json!({ "id": "will", "c": "with-will", "p": "instructed" }));
    assert_eq!(events[1]["event"], json!({ "clientId": "with-will", "eventType": "disconnected" }));

    // A will that the client cancels is no message.
    let mut cancels = options(rules.gateway.port, "cancels", &token);
    cancels.set_last_will(LastWill::new("in/cancelled", "{}", QoS::AtLeastOnce, false));
    let mut cancels = connect_with(cancels).await.unwrap();
    cancels.mqtt.disconnect().await.unwrap();
    while !matches!(cancels.events.poll().await, Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_)) {}
    drop(cancels);
    sender.send("in/last", "{}").await;
    assert_eq!(invocation(&mut event_log).await["event"]["id"], "last");
}

#[tokio::test]
async fn a_change_is_in_force_for_the_next_message() {
    let rules = Rules::open().await;
    let mut subscriber = rules.subscriber().await;
    let mut sender = rules.client("sender").await;
    let payload = |topic: &str| json!({ "sql": "SELECT * FROM 'in'", "actions": [republish(topic)] });
    let mut disabled = payload("out/disabled");
    disabled["ruleDisabled"] = json!(true);
    let none = Value::Null;
    for (line, body, expected) in [
        ("POST /rules/r", &payload("out/1"), &["out/1"][..]),
        ("PATCH /rules/r", &payload("out/2"), &["out/2"]),
        ("POST /rules/s", &payload("out/s"), &["out/2", "out/s"]),
        ("POST /rules/r/disable", &none, &["out/s"]),
        ("POST /rules/r/enable", &none, &["out/2", "out/s"]),
        ("DELETE /rules/s", &none, &["out/2"]),
        ("PATCH /rules/r", &disabled, &[]),
        ("PATCH /rules/r", &payload("out/3"), &["out/3"]),
        ("DELETE /rules/r", &none, &[]),
        ("DELETE /rules/r", &none, &[]),
    ] {
        rules.api.call(line, "", body).await;
        sender.send("in", "{}").await;
        let received = subscriber.until_fence(&mut sender).await;
        assert!(received.keys().eq(expected), "{line} {body}: {:?}", received.keys());
        assert!(received.values().all(|messages| messages.len() == 1));
    }
    // A rule that cannot be stored changes nothing.
    for (topic, kind) in [("out/${x", 400), ("out/${upper(x)}", 400), ("$aws/x", 400), ("$SYS/x", 400)] {
        let (status, answer) = rules.api.try_call("POST /rules/r", "", &payload(topic)).await;
        assert_eq!(status, kind, "{topic}: {answer}");
    }
    sender.send("in", "{}").await;
    assert!(subscriber.until_fence(&mut sender).await.is_empty());
}

#[tokio::test]
async fn basic_ingest_runs_one_rule_and_reaches_no_subscriber() {
    let rules = Rules::open().await;
    let mut subscriber = rules.subscriber().await;
    let mut sender = rules.client("sender").await;
    let mut event_log = rules.gateway.event_log.subscribe();
    for name in ["one", "two"] {
        let sql = "SELECT topic() AS all, topic(2) AS second FROM 'a/+'";
        rules.create(name, &json!({ "sql": sql, "actions": [republish(&format!("out/{name}"))] })).await;
    }
    for (topic, is_run) in [
        ("$aws/rules/one/a/b", true),
        ("$aws/rules/one/b/b", false),
        ("$aws/rules/one", false),
        ("$aws/rules/ONE/a/b", false),
        ("$aws/rules/three/a/b", false),
    ] {
        sender.send(topic, "{}").await;
        let received = subscriber.until_fence(&mut sender).await;
        let expected = if is_run { vec!["out/one"] } else { vec![] };
        assert!(received.keys().eq(&expected), "{topic}: {received:?}");
        if is_run {
            assert_eq!(received["out/one"], [b"{\"all\":\"a/b\",\"second\":\"b\"}"]);
        } else {
            let text = find(&mut event_log, |kind| match kind {
                EntryKind::Notice { text } => Some(text.clone()),
                _ => None,
            });
            assert!(text.await.starts_with(&format!("no rule runs for {topic};")));
        }
    }
}

#[tokio::test]
async fn a_topic_is_filled_and_may_be_reserved() {
    let rules = Rules::open().await;
    let mut subscriber = rules.subscriber().await;
    let mut sender = rules.client("sender").await;
    sender.mqtt.subscribe("$aws/things/dev/shadow/update", QoS::AtLeastOnce).await.unwrap();
    assert!(matches!(sender.next().await, Ok(Packet::SubAck(_))));
    let sql = "SELECT 1 AS x FROM 'in/+'";
    let actions = [
        republish("out/${topic(2)}/${clientid()}"),
        republish("${to}"),
        republish("$$aws/things/${topic(2)}/shadow/update"),
    ];
    rules.create("r", &json!({ "sql": sql, "actions": actions })).await;
    sender.mqtt.publish("in/dev", QoS::AtLeastOnce, false, "{\"to\":\"out/x\"}").await.unwrap();
    let (topic, payload) = sender.message().await;
    assert_eq!((topic.as_str(), payload), ("$aws/things/dev/shadow/update", json!({ "x": 1 })));
    let received = subscriber.until_fence(&mut sender).await;
    assert!(received.keys().eq(&["out/dev/sender", "out/x"]), "{received:?}");
    // A value of the message never makes a topic reserved, nor a filter.
    let mut event_log = rules.gateway.event_log.subscribe();
    for to in ["$aws/things/dev/shadow/update", "$SYS/x", "out/#", "", "a/b/c/d/e/f/g/h/i"] {
        sender.send("in/other", json!({ "to": to }).to_string()).await;
        let received = subscriber.until_fence(&mut sender).await;
        assert!(received.keys().eq(&["out/other/sender"]), "{to}: {received:?}");
        let error = find(&mut event_log, |kind| match kind {
            EntryKind::Rule { action, outcome: Err(error), .. } => Some((action.clone(), error.clone())),
            _ => None,
        });
        assert_eq!(error.await.0, "republish ${to}", "{to}");
    }
}
