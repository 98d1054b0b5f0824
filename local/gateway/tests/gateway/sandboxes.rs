//! The processes of the function: killed, hanging, exiting, and fewer than clients.

use std::path::Path;
use std::time::Duration;

use iot_local_gateway::RunningGateway;
use iot_local_gateway::event_log::EntryKind;
use iot_local_identity::oidc::ProviderOptions;
use iot_local_lambda::{INVOKE_LIMIT, LambdaSpec, LineSource};
use rumqttc::{Packet, QoS};
use tokio::time::Instant;

use crate::support::{self, TIMEOUT, connect, denial, find, is_denied, open};

const POLL_INTERVAL: Duration = Duration::from_millis(5);

#[tokio::test]
async fn a_killed_process_fails_at_most_one_connect() {
    let gateway = open(2).await;
    let mut killed = Vec::new();
    for _ in 0..3 {
        let ids = wait_for_replacement(&gateway, &killed).await;
        kill(&ids);
        wait_for_exit(&gateway, &ids).await;
        killed.extend(ids);
        // Both processes were idle and have exited, so no connect fails.
        connect(gateway.port, "a", "good").await.unwrap();
    }
    for _ in 0..3 {
        let ids = wait_for_replacement(&gateway, &killed).await;
        kill(&ids);
        killed.extend(ids);
        // Each process may still run when it takes the invocation, which is tried only twice.
        if connect(gateway.port, "a", "good").await.is_err() {
            connect(gateway.port, "a", "good").await.unwrap();
        }
    }
    let mut event_log = gateway.event_log.subscribe();
    assert!(is_denied(&connect(gateway.port, "a", "die").await));
    // The exit is detected, not a timeout.
    assert!(
        find(&mut event_log, denial).await.contains("the function's process ended during the invocation")
    );
    connect(gateway.port, "a", "good").await.unwrap();
}

/// Waits until two processes run, none of which is in `killed`. Returns their ids.
#[expect(clippy::expect_used, reason = "a panic is how a test fails")]
async fn wait_for_replacement(gateway: &RunningGateway, killed: &[u32]) -> Vec<u32> {
    let replaced = async {
        loop {
            let ids = gateway.authorizer.lambda().process_ids();
            if ids.len() == 2 && ids.iter().all(|id| !killed.contains(id)) {
                return ids;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    tokio::time::timeout(TIMEOUT, replaced).await.expect("the processes to be replaced")
}

#[expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
fn kill(ids: &[u32]) {
    for id in ids {
        let killed = std::process::Command::new("kill").args(["-9", &id.to_string()]).status().unwrap();
        assert!(killed.success(), "{id}");
    }
}

/// Waits until the processes have exited. With `/proc`, it blocks the runtime meanwhile, so that the gateway has not
/// yet noticed the exits at the next connect.
async fn wait_for_exit(gateway: &RunningGateway, ids: &[u32]) {
    let has_proc = Path::new("/proc/self/stat").exists();
    for id in ids {
        let started = Instant::now();
        while if has_proc { is_alive(*id) } else { gateway.authorizer.lambda().process_ids().contains(id) } {
            assert!(started.elapsed() < TIMEOUT, "{id} does not exit");
            if has_proc { std::thread::sleep(POLL_INTERVAL) } else { tokio::time::sleep(POLL_INTERVAL).await }
        }
    }
}

/// Whether the process runs. A zombie does not.
fn is_alive(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // ID (NAME) STATE ...
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
}

#[tokio::test]
async fn an_invocation_is_retried_once_if_its_process_is_killed() {
    let gateway = open(3).await;
    let before = gateway.authorizer.lambda().process_ids();
    let mut event_log = gateway.event_log.subscribe();
    assert!(is_denied(&connect(gateway.port, "a", "killed").await));
    assert!(find(&mut event_log, denial).await.contains("signal: 9"));
    let after = gateway.authorizer.lambda().process_ids();
    let untouched = before.iter().filter(|id| after.contains(id)).count();
    assert_eq!(untouched, 1, "{before:?} {after:?}");
}

#[tokio::test]
async fn a_hanging_process_is_timed_out_and_replaced() {
    let gateway = open(1).await;
    let before = gateway.authorizer.lambda().process_ids();
    let mut event_log = gateway.event_log.subscribe();
    let started = Instant::now();
    assert!(is_denied(&connect(gateway.port, "a", "hang").await));
    let waited = started.elapsed();
    assert!(waited >= INVOKE_LIMIT && waited < INVOKE_LIMIT + Duration::from_secs(2), "{waited:?}");
    assert!(find(&mut event_log, denial).await.contains("did not respond within 5 seconds"));
    connect(gateway.port, "a", "good").await.unwrap();
    assert_ne!(gateway.authorizer.lambda().process_ids(), before);
}

#[tokio::test]
async fn an_invocation_fails_if_its_process_requests_the_next_event_without_a_response() {
    let gateway = open(1).await;
    let before = gateway.authorizer.lambda().process_ids();
    let mut event_log = gateway.event_log.subscribe();
    assert!(is_denied(&connect(gateway.port, "a", "skip").await));
    let reason = find(&mut event_log, denial).await;
    assert_eq!(reason, "the function requested its next event without sending a response");
    connect(gateway.port, "a", "good").await.unwrap();
    assert_eq!(gateway.authorizer.lambda().process_ids(), before, "the process is not replaced");
}

/// Returns the error of a gateway with this function; empty if it starts.
async fn start_error(function: LambdaSpec) -> String {
    let options = support::defaults(function);
    RunningGateway::start(options).await.err().map(|error| error.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn the_error_of_a_function_that_does_not_start_has_its_output() {
    let mut function = support::function(2);
    function.env.set("START_ERROR", "authorizer.toml:3: unknown key");
    let error = start_error(function).await;
    assert!(error.contains("error: authorizer.toml:3: unknown key"), "{error}");
    let mut function = support::function(1);
    function.program = "/nonexistent/bootstrap".into();
    let error = start_error(function).await;
    assert!(error.contains("cannot run /nonexistent/bootstrap"), "{error}");
}

/// The error contains the standard error of the process. Each of its lines is an entry, as a terminal needs it.
#[tokio::test]
async fn the_error_of_a_process_that_does_not_start_again_is_logged_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = support::open_with(1, |options| {
        let mut spec = support::function(1);
        let script = spec.args.join(" ");
        let restart = "echo first >&2; echo second >&2; exit 7";
        spec.args = vec![
            "-c".to_owned(),
            format!("test ! -e started && : > started && exec python3 '{script}'; {restart}"),
        ];
        spec.program = "sh".into();
        spec.current_dir = folder.path().to_owned();
        options.function = spec.into();
    })
    .await;
    let mut event_log = gateway.event_log.subscribe();
    kill(&gateway.authorizer.lambda().process_ids());
    for expected in ["the function exited before its first event (exit status: 7):", "first", "second"] {
        let line = find(&mut event_log, |kind| match kind {
            EntryKind::Function(line) if line.source == LineSource::Host => Some(line.text.clone()),
            _ => None,
        });
        assert_eq!(line.await, expected);
    }
}

#[tokio::test]
async fn many_clients_connect_at_once_with_few_sandboxes() {
    let gateway = open(2).await;
    let port = gateway.port;
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

/// A command of `--function` runs in a shell, which starts further processes. None survives a time-out or the gateway.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_process_of_a_function_survives_it() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let started = |count: usize| {
        let text = std::fs::read_to_string(&pids).unwrap_or_default();
        let pids: Vec<u32> = text.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
        (pids.len() == count).then_some(pids)
    };
    let is_gone = |pid: &u32| {
        // A killed process whose new parent has not read its status yet is a zombie.
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        status.is_empty() || status.contains(") Z ")
    };
    let wait = async |condition: &dyn Fn() -> bool| {
        for _ in 0..100 {
            if condition() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("pids: {:?}", std::fs::read_to_string(&pids));
    };
    let gateway = support::open_with(1, |options| {
        let mut spec = support::function(1);
        let script = spec.args.join(" ");
        spec.args = vec!["-c".to_owned(), format!("sleep 1000 & echo $! >> pids; python3 '{script}'; true")];
        spec.program = "sh".into();
        spec.current_dir = folder.path().to_owned();
        options.function = spec.into();
    })
    .await;
    let first = started(1).unwrap();
    assert!(!is_gone(&first[0]));
    assert!(is_denied(&connect(gateway.port, "a", "hang").await));
    wait(&|| first.iter().all(is_gone)).await;
    wait(&|| started(2).is_some()).await;
    let all = started(2).unwrap();
    assert!(!is_gone(&all[1]));
    drop(gateway);
    wait(&|| all.iter().all(is_gone)).await;
}

/// As on AWS IoT, connections keep their permissions until their refresh, whatever happens to the function.
#[tokio::test]
async fn a_reload_replaces_the_function_and_keeps_connections() {
    let gateway = open(1).await;
    let mut client = connect(gateway.port, "a", "good").await.unwrap();
    let first = gateway.authorizer.lambda().process_ids();
    let mut broken = support::function(1);
    broken.env.set("START_ERROR", "authorizer.toml:3: unknown key");
    let error = gateway.reload(broken.into(), ProviderOptions::default()).await.err().unwrap().to_string();
    assert!(error.contains("authorizer.toml:3: unknown key"), "{error}");
    assert_eq!(gateway.authorizer.lambda().process_ids(), first, "the earlier function stays");
    gateway.reload(support::function(1).into(), ProviderOptions::default()).await.unwrap();
    assert_ne!(gateway.authorizer.lambda().process_ids(), first);
    client.mqtt.publish("own/a/x", QoS::AtLeastOnce, false, "x").await.unwrap();
    assert!(matches!(client.next().await, Ok(Packet::PubAck(_))), "the connection keeps its permissions");
    connect(gateway.port, "b", "good").await.unwrap();
    if Path::new("/proc/self").exists() {
        wait_for_end(&first).await;
    }
}

/// Waits until none of these processes runs.
async fn wait_for_end(ids: &[u32]) {
    let ended = async {
        while ids.iter().any(|id| is_alive(*id)) {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    assert!(tokio::time::timeout(TIMEOUT, ended).await.is_ok(), "{ids:?} still run");
}
