//! The end of the gateway: what rules have begun is done, and so is what waits for them.

use std::time::Duration;

use iot_local_cloud::credentials::KeyPair;
use rumqttc::LastWill;
use tokio::time::Instant;

use super::*;
use crate::support::operator;

#[tokio::test]
async fn an_end_loses_nothing() {
    let rules = Rules::open().await;
    let mut event_log = rules.gateway.event_log.subscribe();
    let rule = json!({ "sql": "SELECT * FROM 'in/#'", "actions": [lambda("collect")] });
    rules.create("r", &rule).await;
    let sql = "SELECT clientId AS name FROM '$aws/events/presence/disconnected/+'";
    rules.create("gone", &json!({ "sql": sql, "actions": [lambda("collect")] })).await;
    let token = json!({ "first": allow_all() }).to_string();
    let mut with_will = options(rules.gateway.port, "with-will", &token);
    with_will.set_last_will(LastWill::new("in/will", "{\"name\":\"will\"}", QoS::AtLeastOnce, false));
    let with_will = connect_with(with_will).await.unwrap();
    let mut sender = rules.client("sender").await;
    for number in 0..6 {
        let body = json!({ "name": format!("queued {number}"), "sleep": 0.1 });
        sender.send(&format!("in/{number}"), body.to_string()).await;
    }
    // Fails twice, so that retries wait.
    sender.send("in/retry", "{\"name\":\"retry\",\"failures\":2}").await;
    assert!(!rules.gateway.is_idle());
    assert!(rules.gateway.end().await, "everything is done");
    assert!(rules.gateway.is_idle());
    // 7 messages, 2 retries, the will, and the ends of two clients.
    let mut names = Vec::new();
    while names.len() < 12 {
        names.push(invocation(&mut event_log).await["event"]["name"].as_str().unwrap().to_owned());
    }
    names.sort();
    let queued = (0..6).map(|number| format!("queued {number}"));
    let others = ["retry", "retry", "retry", "sender", "will", "with-will"].map(str::to_owned);
    assert!(names.iter().cloned().eq(queued.chain(others)), "{names:?}");
    // No client is admitted, and the API still answers.
    assert!(connect(rules.gateway.port, "late", &token).await.is_err());
    rules.api.call("GET /rules", "", &Value::Null).await;
    drop((sender, with_will));
}

/// Functions of rules find the APIs of this gateway, and may call them.
#[tokio::test]
async fn functions_have_the_endpoints_and_the_operator_s_credentials() {
    let gateway = open_with(1, |options| {
        options.functions = vec![rule_function("collect")];
    })
    .await;
    let rules = Rules { api: Api { port: gateway.port }, gateway };
    let mut event_log = rules.gateway.event_log.subscribe();
    rules.create("r", &json!({ "sql": "SELECT * FROM 'in'", "actions": [lambda("collect")] })).await;
    let names = [
        "AWS_ENDPOINT_URL_IOT",
        "AWS_ENDPOINT_URL_IOT_DATA_PLANE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL",
    ];
    rules.client("sender").await.send("in", json!({ "env": names }).to_string()).await;
    let url = format!("http://127.0.0.1:{}", rules.gateway.port);
    let KeyPair { access_key_id, secret_access_key } = operator();
    let region = Some("us-east-1");
    let values = [Some(&*url), Some(&url), region, region, Some(&access_key_id), Some(&secret_access_key)];
    let values = values.into_iter().chain([None, None]);
    let expected: Value =
        names.into_iter().zip(values).map(|(name, value)| (name.to_owned(), json!(value))).collect();
    assert_eq!(invocation(&mut event_log).await["env"], expected);
}

#[tokio::test]
async fn an_end_without_work_is_immediate() {
    let rules = Rules::open().await;
    rules.create("r", &json!({ "sql": "SELECT * FROM 'in'", "actions": [lambda("collect")] })).await;
    let sender = rules.client("sender").await;
    let mut event_log = rules.gateway.event_log.subscribe();
    let start = Instant::now();
    assert!(rules.gateway.end().await);
    assert!(start.elapsed() < TIMEOUT, "{:?}", start.elapsed());
    assert_eq!(count(&mut event_log, |kind| is_rule(kind) || is_invocation(kind)), 0);
    drop(sender);
}

/// Without an end, a gateway that is dropped ends its functions at once.
#[tokio::test]
async fn a_dropped_gateway_does_not_wait() {
    let rules = Rules::open().await;
    rules.create("r", &json!({ "sql": "SELECT * FROM 'in'", "actions": [lambda("collect")] })).await;
    let mut sender = rules.client("sender").await;
    let mut event_log = rules.gateway.event_log.subscribe();
    sender.send("in", "{\"sleep\":30}").await;
    assert_eq!(invocation(&mut event_log).await["event"]["sleep"], 30);
    let start = Instant::now();
    drop(rules);
    assert!(start.elapsed() < Duration::from_secs(10));
}
