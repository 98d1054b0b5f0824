//! The processes of the function: killed, hanging, dying, and few.

use std::time::Duration;

use iot_local::front::{Front, FrontOptions, Running};
use iot_local::lambda::{INVOKE_LIMIT, LambdaSpec};
use iot_local::oidc::ProviderOptions;
use iot_local::selection::Authorizer;
use rumqttc::{Packet, QoS};
use tokio::time::Instant;

use crate::support::{self, PATIENCE, connect, find, is_refused, open, refusal};

const TICK: Duration = Duration::from_millis(5);

#[tokio::test]
async fn a_killed_function_costs_at_most_one_connect() {
    let door = open(2).await;
    let mut killed = Vec::new();
    for _ in 0..3 {
        let victims = replaced(&door, &killed).await;
        kill(&victims);
        dead(&door, &victims).await;
        killed.extend(victims);
        // Both were idle and are dead, so that not even one is lost.
        connect(door.port, "a", "good").await.unwrap();
    }
    for _ in 0..3 {
        let victims = replaced(&door, &killed).await;
        kill(&victims);
        killed.extend(victims);
        // Each may still live when the request is handed to it, and two tries are all that a request gets.
        if connect(door.port, "a", "good").await.is_err() {
            connect(door.port, "a", "good").await.unwrap();
        }
    }
    let mut journal = door.journal.subscribe();
    assert!(is_refused(&connect(door.port, "a", "die").await));
    // Told by its end, and not by the clock.
    assert!(find(&mut journal, refusal).await.contains("ended while it worked"));
    connect(door.port, "a", "good").await.unwrap();
}

/// The processes, once none is missing and none is one of the killed.
#[expect(clippy::expect_used, reason = "a panic is how a test fails")]
async fn replaced(door: &Running, killed: &[u32]) -> Vec<u32> {
    let whole = async {
        loop {
            let ids = door.lambda.process_ids();
            if ids.len() == 2 && ids.iter().all(|id| !killed.contains(id)) {
                return ids;
            }
            tokio::time::sleep(TICK).await;
        }
    };
    tokio::time::timeout(PATIENCE, whole).await.expect("the processes to be replaced")
}

#[expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
fn kill(ids: &[u32]) {
    for id in ids {
        let killed = std::process::Command::new("kill").args(["-9", &id.to_string()]).status().unwrap();
        assert!(killed.success(), "{id}");
    }
}

/// Waits until they are dead. Where `/proc` tells, the host has no turn meanwhile: the next request finds the dead still
/// in their places.
async fn dead(door: &Running, ids: &[u32]) {
    let has_proc = std::path::Path::new("/proc/self/stat").exists();
    for id in ids {
        let started = Instant::now();
        while if has_proc { is_alive(*id) } else { door.lambda.process_ids().contains(id) } {
            assert!(started.elapsed() < PATIENCE, "{id} does not die");
            if has_proc { std::thread::sleep(TICK) } else { tokio::time::sleep(TICK).await }
        }
    }
}

/// Neither gone nor waiting for its parent to notice.
fn is_alive(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // ID (NAME) STATE ...
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
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
