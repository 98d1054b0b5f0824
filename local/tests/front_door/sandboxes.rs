//! The processes of the function: killed, hanging, dying, and few.

use std::time::Duration;

use iot_local::front::{Front, FrontOptions};
use iot_local::lambda::{INVOKE_LIMIT, LambdaSpec};
use iot_local::oidc::ProviderOptions;
use iot_local::selection::Authorizer;
use rumqttc::{Packet, QoS};
use tokio::time::Instant;

use crate::support::{self, connect, find, is_refused, open, refusal};

#[tokio::test]
async fn a_killed_function_costs_at_most_one_connect() {
    let door = open(2).await;
    for _ in 0..3 {
        for id in door.lambda.process_ids() {
            let killed = std::process::Command::new("kill").args(["-9", &id.to_string()]).status().unwrap();
            assert!(killed.success(), "{id}");
        }
        // Both were idle, so that not even one is lost.
        connect(door.port, "a", "good").await.unwrap();
    }
    let mut journal = door.journal.subscribe();
    let started = Instant::now();
    assert!(is_refused(&connect(door.port, "a", "die").await));
    assert!(started.elapsed() < INVOKE_LIMIT / 2, "{:?}", started.elapsed());
    assert!(find(&mut journal, refusal).await.contains("ended while it worked"));
    connect(door.port, "a", "good").await.unwrap();
}

#[tokio::test]
async fn a_request_whose_process_is_killed_is_tried_once_more() {
    let door = open(3).await;
    let before = door.lambda.process_ids();
    let mut journal = door.journal.subscribe();
    assert!(is_refused(&connect(door.port, "a", "killed").await));
    assert!(find(&mut journal, refusal).await.contains("signal: 9"));
    let after = door.lambda.process_ids();
    let untouched = before.iter().filter(|id| after.contains(id)).count();
    assert_eq!(untouched, 1, "{before:?} {after:?}");
}

#[tokio::test]
async fn a_function_that_hangs_is_given_up_and_replaced() {
    let door = open(1).await;
    let before = door.lambda.process_ids();
    let mut journal = door.journal.subscribe();
    let started = Instant::now();
    assert!(is_refused(&connect(door.port, "a", "hang").await));
    let waited = started.elapsed();
    assert!(waited >= INVOKE_LIMIT && waited < INVOKE_LIMIT + Duration::from_secs(2), "{waited:?}");
    assert!(find(&mut journal, refusal).await.contains("did not answer within 5 seconds"));
    connect(door.port, "a", "good").await.unwrap();
    assert_ne!(door.lambda.process_ids(), before);
}

/// Why the door does not open with that function; nothing if it does.
async fn fault(function: LambdaSpec) -> String {
    let authorizer = Authorizer::default();
    let (function, login) = (function.into(), ProviderOptions::default());
    let options = FrontOptions { port: 0, tls: None, function, authorizer, time_scale: 1, login };
    Front::start(options).await.err().map(|error| error.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn a_function_that_does_not_start_says_why() {
    let mut function = support::function(2);
    function.env.push(("FAULT".to_owned(), "authorizer.toml:3: unknown key".to_owned()));
    let error = fault(function).await;
    assert!(error.contains("fault: authorizer.toml:3: unknown key"), "{error}");
    let mut function = support::function(1);
    function.program = "/nonexistent/bootstrap".into();
    let error = fault(function).await;
    assert!(error.contains("cannot run /nonexistent/bootstrap"), "{error}");
}

#[tokio::test]
async fn many_connect_at_once_through_few_sandboxes() {
    let door = open(2).await;
    let port = door.port;
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..40 {
        clients.spawn(async move {
            let client_id = format!("client-{number}");
            let mut client = connect(port, &client_id, "good").await.unwrap();
            client.mqtt.publish(format!("own/{client_id}/x"), QoS::AtLeastOnce, false, "x").await.unwrap();
            assert!(matches!(client.next().await, Ok(Packet::PubAck(_))), "{client_id}");
        });
    }
    assert_eq!(clients.join_all().await.len(), 40);
}
