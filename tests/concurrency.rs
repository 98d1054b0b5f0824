//! Several events at once, as on Lambda Managed Instances. Each event gets its own response and its own log line, what
//! is missing is fetched once, and a decision sees one state of keys and revocation list.

#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "the numbers are the test's own")]

#[path = "support/random.rs"]
mod random;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use fastrand::Rng;
use futures_util::future::join_all;
use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::config::Config;
use iot_jwt_authorizer::response::{PrincipalId, Response};
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};
use support::case::{self, Case};
use support::deployment::Deployment;
use support::key_server::{Behaviour, KeyServer};
use support::sandbox::{Sandbox, Simulation, event, event_of_subject, outcome};
use support::{FUNCTION, at};
use tokio::sync::Barrier;

/// Events at once.
const AT_ONCE: usize = 64;

/// The issuer of the test deployments.
const ISSUER: &str = "https://login.example.com/";

/// Runs tasks that begin at the same time, and returns their results in order.
async fn at_once<R: Send + 'static>(
    tasks: impl IntoIterator<Item: Future<Output = R> + Send + 'static>,
) -> Vec<R> {
    let tasks: Vec<_> = tasks.into_iter().collect();
    let start = Arc::new(Barrier::new(tasks.len()));
    let tasks = tasks.into_iter().map(|task| {
        let start = start.clone();
        tokio::spawn(async move {
            start.wait().await;
            task.await
        })
    });
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

/// Decides about events at the same time.
async fn decide_at_once(sandbox: &Sandbox, events: impl IntoIterator<Item = String>) -> Vec<(String, u64)> {
    let decide = |event: String| {
        let sandbox = sandbox.clone();
        async move { sandbox.decide(&event).await }
    };
    at_once(events.into_iter().map(decide)).await
}

/// A generator that repeats with the printed seed.
fn random() -> Rng {
    match random::config(1).rng_seed {
        RngSeed::Fixed(seed) => Rng::with_seed(seed),
        RngSeed::Random => Rng::new(),
    }
}

/// The deployment for all algorithms, with this key source and a further table of the configuration.
fn config(source: &str, table: &str) -> Config {
    let deployment = Deployment::named("all");
    let toml = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
    let toml = toml.replace("\"file:keys/users.jwks.json\"", &json!(source).to_string());
    deployment.write("authorizer.toml", format!("{toml}\n{table}\n"));
    deployment.load().unwrap_or_else(|errors| panic!("{errors}"))
}

fn jwks(server: &KeyServer) -> Config {
    config(&format!("jwks:{}", server.url("/keys")), "")
}

/// What an event is answered with: the response, and the code or `allow`.
type Answer = (Value, String);

fn expected(authorizer: &Authorizer, case: &Case) -> Answer {
    let event = case.event();
    let outcome = authorizer.authorize(&event, case.function(), at(case.at())).outcome;
    let code = outcome.as_ref().err().map_or("allow", |denial| denial.code().name()).to_owned();
    (json!(outcome.unwrap_or_else(|_| Response::deny())), code)
}

/// Each case of `tests/cases/` has the same answer among 63 others as alone. `tests/decisions.rs` checks those.
#[test]
fn every_case_has_the_same_answer_at_once_as_alone() {
    let mut rng = random();
    let mut groups: BTreeMap<(String, i64), Vec<Case>> = BTreeMap::new();
    for case in case::FILES.iter().flat_map(|file| case::cases(file)) {
        let milliseconds = format!("{:.0}", case.at() * 1000.0).parse().unwrap();
        groups.entry((case.deployment().to_owned(), milliseconds)).or_default().push(case);
    }
    let mut cases_seen = 0;
    for ((name, _), cases) in groups {
        let deployment = Deployment::named(&name);
        let simulation = Simulation::at(cases[0].at());
        let authorizer = deployment.authorizer();
        let answers: Vec<Answer> = cases.iter().map(|case| expected(&authorizer, case)).collect();
        let config = deployment.load().unwrap_or_else(|errors| panic!("{errors}"));
        // Each case at least once, and 64 at once also if there are fewer.
        let mut order: Vec<usize> =
            (0..cases.len().next_multiple_of(AT_ONCE)).map(|index| index % cases.len()).collect();
        rng.shuffle(&mut order);
        simulation.run_on_threads(config, async |sandbox| {
            sandbox.function.start().await;
            for indices in order.chunks(AT_ONCE) {
                let tasks = indices.iter().map(|index| {
                    let (case, sandbox) = (&cases[*index], sandbox.clone());
                    let (event, function) = (case.event(), case.function().to_owned());
                    async move {
                        let (response, line) = sandbox.answer(&event, &function).await;
                        (json!(response), outcome(&line).to_owned())
                    }
                });
                for (index, answer) in indices.iter().zip(at_once(tasks).await) {
                    assert_eq!(answer, answers[*index], "{name}: {}", cases[*index].title);
                }
            }
        });
        cases_seen += cases.len();
    }
    println!("{cases_seen} cases, {AT_ONCE} at once: each has the answer that it has alone");
}

#[test]
fn each_of_64_subjects_has_its_own_answer_and_line() {
    let simulation = Simulation::new();
    let config = config("file:keys/users.jwks.json", "");
    simulation.run_on_threads(config, async |sandbox| {
        let answer = |subject: usize| {
            let sandbox = sandbox.clone();
            async move {
                sandbox.answer(event_of_subject(&format!("subject-{subject}")).as_bytes(), FUNCTION).await
            }
        };
        for (subject, (response, line)) in at_once((0..AT_ONCE).map(answer)).await.into_iter().enumerate() {
            let principal = PrincipalId::of_subject(ISSUER, &format!("subject-{subject}"));
            assert_eq!(json!(response)["principalId"], principal.as_str(), "subject {subject}");
            assert_eq!(line["principal"], principal.as_str(), "subject {subject}");
        }
    });
    let lines = simulation.take_lines();
    let ids: BTreeSet<&str> = lines.iter().map(|line| line["request_id"].as_str().unwrap()).collect();
    println!("{AT_ONCE} subjects at once: each answer is its own, {} lines with own request ids", ids.len());
    assert_eq!((ids.len(), lines.len()), (AT_ONCE, AT_ONCE));
}

/// A failed fetch wakes them all, too.
#[test]
fn events_that_lack_a_key_share_one_fetch() {
    for (name, behaviour, code) in [
        ("a good response", Behaviour::keys(&["es256"]), "allow"),
        ("no key of the token", Behaviour::keys(&["ec1"]), "unknown_key"),
        ("status 500", Behaviour::Response(500, String::new(), String::new()), "keys_unavailable"),
        ("not JSON", Behaviour::ok("<html>"), "keys_unavailable"),
    ] {
        let held = Arc::new(std::sync::Barrier::new(2));
        let server = KeyServer::start(Behaviour::Held(held.clone(), behaviour.clone().into()));
        let simulation = Simulation::new();
        simulation.run_on_threads(jwks(&server), async |sandbox| {
            let release = tokio::task::spawn_blocking(move || {
                held.wait();
                held.wait();
            });
            let decided = decide_at_once(sandbox, vec![event("es256"); AT_ONCE]).await;
            release.await.unwrap();
            assert!(decided.iter().all(|(outcome, _)| outcome == code), "{name}: {decided:?}");
            let awaited: u64 = decided.iter().map(|(_, fetches)| fetches).sum();
            let requests = server.requested_paths().len();
            // A key set without the token's key may be fetched once more, since an unknown `kid` may be new.
            let most = if code == "unknown_key" { 2 } else { 1 };
            assert!(awaited <= most && requests <= 2, "{name}: {awaited} fetches, {requests} requests");
            println!("{AT_ONCE} events that lack one key, {name}: {requests} request, each `{code}`");
        });
    }
}

/// The fetch goes on without the event that began it.
#[test]
fn a_cancelled_event_does_not_cancel_the_fetch_of_the_others() {
    let held = Arc::new(std::sync::Barrier::new(2));
    let server = KeyServer::start(Behaviour::Held(held.clone(), Behaviour::keys(&["es256"]).into()));
    let simulation = Simulation::new();
    simulation.run_on_threads(jwks(&server), async |sandbox| {
        let first = {
            let sandbox = sandbox.clone();
            tokio::spawn(async move { sandbox.decide(&event("es256")).await })
        };
        // The request is at the server.
        let arrived = held.clone();
        tokio::task::spawn_blocking(move || arrived.wait()).await.unwrap();
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        // A second request would have no answer.
        server.set_behaviour(Behaviour::Close);
        let others = decide_at_once(sandbox, vec![event("es256"); AT_ONCE - 1]);
        let release = tokio::task::spawn_blocking(move || held.wait());
        let (others, _) = futures_util::future::join(others, release).await;
        assert!(others.iter().all(|decided| *decided == ("allow".to_owned(), 0)), "{others:?}");
        assert_eq!(server.requested_paths().len(), 1);
    });
}

/// Each round publishes a new key beside the last one. Tokens of both are allowed at any time.
#[test]
fn a_rotation_under_load_denies_no_token() {
    const ROUNDS: usize = 12;
    let mut rng = random();
    let signers = ["es256", "ec1", "ec2"];
    let server = KeyServer::start(Behaviour::keys(&[signers[0]]));
    let simulation = Simulation::new();
    simulation.run_on_threads(jwks(&server), async |sandbox| {
        sandbox.function.start().await;
        for round in 0..ROUNDS {
            let (old, new) = (signers[round % 3], signers[(round + 1) % 3]);
            server.set_behaviour(Behaviour::keys(&[old, new]));
            let mut events: Vec<String> = (0..AT_ONCE).map(|index| event([old, new][index % 2])).collect();
            rng.shuffle(&mut events);
            let before = server.requested_paths().len();
            let decided = decide_at_once(sandbox, events.clone()).await;
            assert!(decided.iter().all(|(code, _)| code == "allow"), "round {round}: {decided:?}");
            assert_eq!(server.requested_paths().len() - before, 1, "round {round}: fetches for the new key");
            // The refresh is due; many responses begin it, and it runs beside further events.
            simulation.advance(400);
            let refreshes = at_once((0..8).map(|_| {
                let sandbox = sandbox.clone();
                async move { sandbox.refresh().await }
            }));
            let (decided, _) = futures_util::future::join(decide_at_once(sandbox, events), refreshes).await;
            assert!(decided.iter().all(|decided| *decided == ("allow".to_owned(), 0)), "round {round}");
            assert_eq!(server.requested_paths().len() - before, 2, "round {round}: refreshes");
        }
        let requests = server.requested_paths().len();
        println!("{ROUNDS} rotations under {AT_ONCE} events at once: no denial, {requests} fetches");
    });
}

/// Odd versions revoke `eve`, even ones `ana`. Each decision agrees with the version that its line names.
#[test]
fn a_list_that_is_replaced_under_load_counts_as_a_whole() {
    const VERSIONS: u64 = 24;
    let revoked = |version: u64| if version % 2 == 1 { "eve" } else { "ana" };
    let list = |version: u64| {
        Behaviour::ok(json!({ "version": version, "sub": { "users": [revoked(version)] } }).to_string())
    };
    let mut rng = random();
    let server = KeyServer::start(list(1));
    let table = format!("[revocation]\nsource = {}", json!(server.url("/revoked.json")));
    let simulation = Simulation::new();
    simulation.run_on_threads(config("file:keys/users.jwks.json", &table), async |sandbox| {
        sandbox.function.start().await;
        for version in 2..=VERSIONS {
            server.set_behaviour(list(version));
            // Old, so that an event fetches it; or only due, so that a refresh does, beside the events.
            simulation.advance(if rng.bool() { 61 } else { 55 });
            let tasks = (0..AT_ONCE).map(|index| {
                let (sandbox, is_refresh) = (sandbox.clone(), index % 16 == 0);
                let subject = ["ana", "eve"][rng.usize(0..2)];
                async move {
                    if is_refresh {
                        sandbox.refresh().await;
                    }
                    let event = event_of_subject(subject);
                    (subject, sandbox.answer(event.as_bytes(), FUNCTION).await.1)
                }
            });
            let mut newest = 0;
            for (subject, line) in at_once(tasks).await {
                let used = line["revocation_version"].as_u64().unwrap();
                let expected = if revoked(used) == subject { "revoked" } else { "allow" };
                assert_eq!(outcome(&line), expected, "version {used}, {subject}: {line}");
                newest = newest.max(used);
            }
            assert_eq!(newest, version);
            let fetches = u64::try_from(server.requested_paths().len()).unwrap();
            assert_eq!(fetches, version, "one fetch for each version");
        }
        println!("{VERSIONS} lists under {AT_ONCE} events at once: each decision agrees with its version");
    });
}
