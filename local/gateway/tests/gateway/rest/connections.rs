//! Connections over HTTPS.

use iot_local_gateway::event_log::{DisconnectReason, EntryKind};
use rumqttc::{LastWill, QoS};
use serde_json::{Value, json};

use super::Caller;
use crate::fleet_factory::{message, subscribe};
use crate::statements::{allow, allow_all};
use crate::support::{Client, connect_with, find, options};

/// Connects a client with a will on `will/CLIENT_ID`.
async fn connect(caller: &Caller, client_id: &str, is_clean: bool) -> Client {
    let instructions = json!({ "first": allow_all() }).to_string();
    let mut options = options(caller.fleet.gateway.running.port, client_id, &instructions);
    options.set_clean_session(is_clean);
    options.set_last_will(LastWill::new(format!("will/{client_id}"), "{}", QoS::AtLeastOnce, false));
    connect_with(options).await.unwrap()
}

#[tokio::test]
async fn a_connection_is_described() {
    let caller = Caller::open(&allow_all()).await;
    let mut client = connect(&caller, "a/b", false).await;
    subscribe(&mut client, &["x/#", "$share/g/y"]).await;
    client.mqtt.subscribe("w", QoS::AtMostOnce).await.unwrap();
    client.next().await.unwrap();
    let found = caller.succeed("GET /connections/a%2Fb", &Value::Null).await;
    assert!(found["connectedSince"].as_u64().unwrap() > 1_600_000_000_000, "{found}");
    let mut found = found.as_object().unwrap().clone();
    found.remove("connectedSince");
    let keep_alive = found.remove("keepAliveDuration").unwrap().as_u64().unwrap();
    assert!(keep_alive >= 30);
    let expected =
        json!({ "clientId": "a/b", "connected": true, "cleanSession": false, "sessionExpiry": 3600 });
    assert_eq!(Value::Object(found), expected);
    let found = caller.succeed("GET /connections/a%2Fb?includeSocketInformation=true", &Value::Null).await;
    assert_eq!(found["sourceIp"], "127.0.0.1");
    let line = "GET /connections/a%2Fb/subscriptions";
    let all = json!([
        { "topicFilter": "$share/g/y", "qos": 1 },
        { "topicFilter": "w", "qos": 0 },
        { "topicFilter": "x/#", "qos": 1 },
    ]);
    assert_eq!(caller.succeed(line, &Value::Null).await, json!({ "subscriptions": all }));
    let page = caller.succeed(&format!("{line}?maxResults=2"), &Value::Null).await;
    assert_eq!((&page["nextToken"], page["subscriptions"].as_array().unwrap().len()), (&json!("w"), 2));
    let page = caller.succeed(&format!("{line}?maxResults=2&nextToken=w"), &Value::Null).await;
    assert_eq!(page, json!({ "subscriptions": [all[2]] }));
    for (line, status, name) in [
        ("GET /connections/other", 404, "ResourceNotFoundException"),
        ("GET /connections/other/subscriptions", 404, "ResourceNotFoundException"),
        ("DELETE /connections/other", 404, "ResourceNotFoundException"),
        ("DELETE /connections/other?cleanSession=true", 404, "ResourceNotFoundException"),
        ("GET /connections/%24aws", 400, "InvalidRequestException"),
        ("DELETE /connections/a%2Fb?cleanSession=yes", 400, "InvalidRequestException"),
        ("DELETE /connections/a%2Fb?preventWillMessage=1", 400, "InvalidRequestException"),
        ("GET /connections/a%2Fb?includeSocketInformation=2", 400, "InvalidRequestException"),
        ("GET /connections/a%2Fb/subscriptions?maxResults=0", 400, "InvalidRequestException"),
    ] {
        caller.fail(line, b"", status, name).await;
    }
    client.receives_nothing().await;
}

/// The parameters, whether the session is clean, whether the will is sent, and whether a session is left.
#[tokio::test]
async fn a_client_is_disconnected() {
    let caller = Caller::open(&allow_all()).await;
    let mut reader = caller.fleet.app("reader", &["will/#"]).await;
    let mut presence = caller.fleet.app("presence", &["$aws/events/presence/disconnected/#"]).await;
    let mut log = caller.fleet.gateway.running.event_log.subscribe();
    for (i, (query, is_clean, sends_will, leaves_session)) in [
        ("", true, true, false),
        ("", false, true, true),
        ("?cleanSession=false&preventWillMessage=false", false, true, true),
        ("?preventWillMessage=true", true, false, false),
        ("?preventWillMessage=true", false, false, true),
        ("?cleanSession=true", true, true, false),
        ("?cleanSession=true", false, true, false),
        ("?cleanSession=TRUE&preventWillMessage=TRUE", false, false, false),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("client-{i}");
        let mut client = connect(&caller, &id, is_clean).await;
        subscribe(&mut client, &["own"]).await;
        assert_eq!(
            caller.succeed(&format!("DELETE /connections/{id}{query}"), &Value::Null).await,
            Value::Null
        );
        while client.next().await.is_ok() {}
        let reason = find(&mut log, |kind| match kind {
            EntryKind::Closed { reason } => Some(*reason),
            _ => None,
        });
        assert_eq!(reason.await, DisconnectReason::ByApi, "{query}");
        let (_, event) = message(&mut presence).await;
        let event: Value = serde_json::from_slice(&event).unwrap();
        assert_eq!(event["disconnectReason"], "API_INITIATED_DISCONNECT", "{query}");
        if sends_will {
            assert_eq!(message(&mut reader).await.0, format!("will/{id}"), "{query}");
        } else {
            reader.receives_nothing().await;
        }
        let line = format!("GET /connections/{id}");
        if leaves_session {
            let found = caller.succeed(&line, &Value::Null).await;
            assert_eq!((&found["connected"], found.get("connectedSince")), (&json!(false), None), "{query}");
            assert!(found["disconnectedSince"].as_u64().unwrap() > 1_600_000_000_000, "{found}");
            let list = caller.succeed(&format!("{line}/subscriptions"), &Value::Null).await;
            assert_eq!(list["subscriptions"][0]["topicFilter"], "own", "{query}");
            caller.fail(&format!("DELETE /connections/{id}"), b"", 404, "ResourceNotFoundException").await;
            caller.succeed(&format!("DELETE /connections/{id}?cleanSession=true"), &Value::Null).await;
        }
        caller.fail(&line, b"", 404, "ResourceNotFoundException").await;
    }
}

/// Each client id needs its right.
#[tokio::test]
async fn a_policy_names_clients() {
    let caller = Caller::open(&json!([
        allow("DeleteConnection", &["client/own-*"]),
        allow("GetConnection", &["client/own-*"]),
        allow("ListSubscriptions", &["client/own-1"]),
    ]))
    .await;
    let (mut own, mut other) = (connect(&caller, "own-1", true).await, connect(&caller, "other", true).await);
    for line in [
        "GET /connections/other",
        "DELETE /connections/other",
        "DELETE /connections/other?cleanSession=true&preventWillMessage=true",
        "GET /connections/other/subscriptions",
        "GET /connections/own-2/subscriptions",
        "DELETE /connections/own",
    ] {
        caller.fail(line, b"", 403, "ForbiddenException").await;
    }
    caller.succeed("GET /connections/own-1/subscriptions", &Value::Null).await;
    caller.succeed("DELETE /connections/own-1", &Value::Null).await;
    assert!(own.next().await.is_err());
    other.receives_nothing().await;
}
