//! Retained messages over HTTPS.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rumqttc::QoS;
use serde_json::{Value, json};

use super::Caller;
use crate::statements::{allow, allow_all};
use crate::support::Client;

async fn retain(client: &mut Client, topic: &str, qos: QoS, payload: &str) {
    client.mqtt.publish(topic, qos, true, payload).await.unwrap();
    if qos == QoS::AtMostOnce {
        // The broker takes packets in order.
        client.mqtt.publish("fence", QoS::AtLeastOnce, false, "").await.unwrap();
    }
    while !matches!(client.next().await.unwrap(), rumqttc::Packet::PubAck(_)) {}
}

#[tokio::test]
async fn retained_messages_are_read_and_listed() {
    let caller = Caller::open(&allow_all()).await;
    let mut app = caller.fleet.app("app", &[]).await;
    caller.fail("GET /retainedMessage/a%2Fb", b"", 404, "ResourceNotFoundException").await;
    assert_eq!(caller.succeed("GET /retainedMessage", &Value::Null).await, json!({ "retainedTopics": [] }));
    retain(&mut app, "a/b", QoS::AtMostOnce, "one").await;
    retain(&mut app, "a/c", QoS::AtLeastOnce, "second").await;
    retain(&mut app, "a", QoS::AtMostOnce, "x").await;
    retain(&mut app, "a/b", QoS::AtMostOnce, "two").await;
    for target in ["/retainedMessage/a%2Fb", "/retainedMessage/a/b"] {
        let found = caller.succeed(&format!("GET {target}"), &Value::Null).await;
        assert!(found["lastModifiedTime"].as_u64().unwrap() > 1_600_000_000_000, "{found}");
        assert_eq!((&found["topic"], &found["qos"]), (&json!("a/b"), &json!(0)));
        assert_eq!(found["payload"], STANDARD.encode("two"));
    }
    let list = caller.succeed("GET /retainedMessage", &Value::Null).await;
    let topics = list["retainedTopics"].as_array().unwrap();
    let summary =
        |found: &Value| (found["topic"].clone(), found["payloadSize"].clone(), found["qos"].clone());
    assert_eq!(
        topics.iter().map(summary).collect::<Vec<_>>(),
        [("a", 1, 0), ("a/b", 3, 0), ("a/c", 6, 1)].map(|(a, b, c)| (json!(a), json!(b), json!(c)))
    );
    let page = caller.succeed("GET /retainedMessage?maxResults=2", &Value::Null).await;
    assert_eq!(page["retainedTopics"].as_array().unwrap().len(), 2);
    let token = page["nextToken"].as_str().unwrap().replace('/', "%2F");
    let rest =
        caller.succeed(&format!("GET /retainedMessage?maxResults=2&nextToken={token}"), &Value::Null).await;
    assert_eq!((rest["retainedTopics"].as_array().unwrap().len(), rest.get("nextToken")), (1, None));
    retain(&mut app, "a/b", QoS::AtMostOnce, "").await;
    caller.fail("GET /retainedMessage/a%2Fb", b"", 404, "ResourceNotFoundException").await;
    for target in ["/retainedMessage/a%2F%23", "/retainedMessage/%2B", "/retainedMessage/%24SYS"] {
        caller.fail(&format!("GET {target}"), b"", 400, "InvalidRequestException").await;
    }
    for size in ["0", "201", "x"] {
        let line = format!("GET /retainedMessage?maxResults={size}");
        caller.fail(&line, b"", 400, "InvalidRequestException").await;
    }
}

/// Each topic needs its right, and the list needs the right to everything.
#[tokio::test]
async fn a_policy_names_topics() {
    let caller = Caller::open(&json!([
        allow("GetRetainedMessage", &["topic/own/*"]),
        allow("ListRetainedMessages", &["topic/own/*"]),
    ]))
    .await;
    let mut app = caller.fleet.app("app", &[]).await;
    for topic in ["own/a", "other/a"] {
        retain(&mut app, topic, QoS::AtLeastOnce, "x").await;
    }
    caller.succeed("GET /retainedMessage/own%2Fa", &Value::Null).await;
    caller.fail("GET /retainedMessage/other%2Fa", b"", 403, "ForbiddenException").await;
    caller.fail("GET /retainedMessage/own", b"", 403, "ForbiddenException").await;
    caller.fail("GET /retainedMessage", b"", 403, "ForbiddenException").await;
}
