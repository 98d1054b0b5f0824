//! Kills a process 200 times while it answers 2,000 calls, and checks after each start what the registry holds.

#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use iot_local_cloud::Cloud;
use iot_local_cloud::registry::Registry;
use serde_json::{Value, json};
use support::random_calls::{Call, TestCertificate, certificates, script};
use support::{options, send};

/// The environment variable of the process that is killed.
const ROLE: &str = "KILLED_PROCESS";
const KILLS: usize = 200;
const THREADS: usize = 4;
const CALLS_OF_THREAD: usize = 500;
/// Small, so that the process is often killed while it replaces the snapshot.
const MIN_LOG_BYTES: u64 = 4096;

/// A thread of the killed process uses names of its own, so that its part of the registry is known after each call.
struct Thread {
    script: Vec<Call>,
    /// The status of each call.
    statuses: Vec<u16>,
    /// What the registry holds of this thread before each call, and after the last one.
    states: Vec<Value>,
    /// What the names and the certificate ids of this thread contain.
    names: Vec<String>,
}

impl Thread {
    fn new(random: &mut fastrand::Rng, number: usize, certificates: &[TestCertificate]) -> Self {
        let script = script(random, number, certificates, CALLS_OF_THREAD);
        let mut names = vec![format!("owner-{number}-")];
        names.extend(certificates.iter().map(|certificate| certificate.id.clone()));
        let cloud = support::cloud();
        let mut states = vec![state(&cloud, &names)];
        let mut statuses = Vec::new();
        for call in &script {
            statuses.push(send(&cloud, call).0);
            states.push(state(&cloud, &names));
        }
        Self { script, statuses, states, names }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the role of the process is in its environment")]
fn nothing_acknowledged_is_lost_by_a_kill() {
    if std::env::var_os(ROLE).is_some() {
        return make_calls();
    }
    let seed = support::seed();
    println!("PROPTEST_RNG_SEED: {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = tempfile::tempdir().unwrap();
    let registry = folder.path().join("registry");
    let certificates = certificates(THREADS * 3);
    let threads: Vec<_> = (0..THREADS)
        .map(|number| Thread::new(&mut random, number, &certificates[number * 3..][..3]))
        .collect();
    let scripts = folder.path().join("scripts.json");
    let all: Vec<_> = threads.iter().map(|thread| &thread.script).collect();
    std::fs::write(&scripts, serde_json::to_vec(&all).unwrap()).unwrap();

    let mut done = vec![0; THREADS];
    let mut figures = Figures::default();
    for kill in 0..=KILLS {
        let remaining: usize = done.iter().map(|done| CALLS_OF_THREAD - done).sum();
        let limit = (kill < KILLS).then(|| random.usize(0..=remaining * 2 / (KILLS - kill + 1)));
        let acknowledged = run(&registry, &scripts, &done, limit, &mut random);
        if random.u8(0..4) == 0 {
            tear(&registry.join("log.jsonl"), &mut random);
        }
        check(&registry, &threads, &mut done, &acknowledged, &mut figures);
    }
    assert_eq!(done, [CALLS_OF_THREAD; THREADS]);
    assert!(figures.snapshots > 5, "{figures:?}");
    let changed = threads.iter().flat_map(|thread| thread.states.windows(2));
    let changed = changed.filter(|states| states[0] != states[1]).count();
    println!(
        "{KILLS} kills, {} calls ({changed} change something), {} acknowledged and found, {} unacknowledged: {} found, \
         {} not found; {} starts with another snapshot, {} with a torn line, {} with lines that the snapshot has",
        THREADS * CALLS_OF_THREAD,
        figures.acknowledged,
        figures.kept + figures.lost,
        figures.kept,
        figures.lost,
        figures.snapshots,
        figures.torn,
        figures.overlaps,
    );
}

#[derive(Debug, Default)]
struct Figures {
    acknowledged: usize,
    kept: usize,
    lost: usize,
    snapshots: usize,
    torn: usize,
    overlaps: usize,
    sequence: u64,
}

/// Starts the process, kills it after so many acknowledgements and a random pause, and returns the acknowledgements of
/// each thread: the index of the call and its status.
fn run(
    registry: &Path,
    scripts: &Path,
    done: &[usize],
    limit: Option<usize>,
    random: &mut fastrand::Rng,
) -> Vec<Vec<(usize, u16)>> {
    let mut child = spawn(registry, scripts, done);
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = vec![Vec::new(); THREADS];
    let mut count = 0;
    if limit == Some(0) {
        std::thread::sleep(Duration::from_micros(random.u64(0..20_000)));
        child.kill().unwrap();
    }
    for line in output.lines() {
        let line = line.unwrap();
        // A line that the kill cut off is no acknowledgement: its end is missing.
        let Some(fields) = line.strip_prefix("ack ").and_then(|line| line.strip_suffix(" end")) else {
            continue;
        };
        let fields: Vec<usize> = fields.split(' ').map(|field| field.parse().unwrap()).collect();
        acknowledged[fields[0]].push((fields[1], u16::try_from(fields[2]).unwrap()));
        count += 1;
        if Some(count) == limit {
            std::thread::sleep(Duration::from_micros(random.u64(0..3_000)));
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(limit.is_some() || status.success(), "{status}");
    acknowledged
}

/// Appends the start of a line, as a write that the end of the machine cut off leaves it. A kill alone tears no line.
fn tear(log: &Path, random: &mut fastrand::Rng) {
    let line = br#"{"sequence":100000,"changes":[{"removeThing":{"name":"owner-0-thing-0"}}]}"#;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
    file.write_all(&line[..random.usize(1..=line.len())]).unwrap();
}

/// Opens the registry and finds out for each thread how many of its calls were made.
fn check(
    registry: &Path,
    threads: &[Thread],
    done: &mut [usize],
    acknowledged: &[Vec<(usize, u16)>],
    figures: &mut Figures,
) {
    look_at_files(registry, figures);
    let cloud = Cloud::open(options(Some(registry.to_owned()))).unwrap_or_else(|error| panic!("{error}"));
    for (number, thread) in threads.iter().enumerate() {
        for (index, status) in &acknowledged[number] {
            assert_eq!(*index, done[number], "thread {number}");
            assert_eq!(*status, thread.statuses[*index], "thread {number}, {:?}", thread.script[*index]);
            done[number] += 1;
            figures.acknowledged += 1;
        }
        let found = state(&cloud, &thread.names);
        let (before, after) = (&thread.states[done[number]], thread.states.get(done[number] + 1));
        if found == *before {
            figures.lost += usize::from(after.is_some_and(|after| after != before));
        } else {
            assert_eq!(Some(&found), after, "thread {number}, after call {}", done[number]);
            done[number] += 1;
            figures.kept += 1;
        }
    }
}

fn look_at_files(registry: &Path, figures: &mut Figures) {
    let first = |name: &str| {
        let text = std::fs::read_to_string(registry.join(name)).unwrap_or_default();
        let sequence = text.lines().next().and_then(|line| serde_json::from_str::<Value>(line).ok());
        let is_torn = !text.is_empty() && !text.ends_with('\n');
        (sequence.and_then(|line| line["sequence"].as_u64()).unwrap_or(0), is_torn)
    };
    let ((snapshot, _), (log, is_torn)) = (first("snapshot.jsonl"), first("log.jsonl"));
    figures.snapshots += usize::from(snapshot != figures.sequence);
    figures.sequence = snapshot;
    figures.torn += usize::from(is_torn);
    figures.overlaps += usize::from(log > 0 && log <= snapshot);
}

/// What the registry holds of a thread, without times and random ids.
fn state(cloud: &Cloud, names: &[String]) -> Value {
    let changes = cloud.read(|registry: &Registry| {
        registry.changes().map(|change| serde_json::to_value(change).unwrap()).collect::<Vec<_>>()
    });
    let own = changes.into_iter().filter(|change| {
        let text = change.to_string();
        names.iter().any(|name| text.contains(name))
    });
    Value::Array(own.map(|change| without_random(change, false)).collect())
}

fn without_random(value: Value, is_thing: bool) -> Value {
    match value {
        Value::Object(members) => {
            let is_random = |name: &str| {
                matches!(name, "created" | "modified" | "generationId") || is_thing && name == "id"
            };
            let kept = members.into_iter().filter(|(name, _)| !is_random(name));
            let kept = kept.map(|(name, value)| {
                let is_thing = name == "putThing";
                (name, without_random(value, is_thing))
            });
            Value::Object(kept.collect())
        }
        other => other,
    }
}

fn spawn(registry: &Path, scripts: &Path, done: &[usize]) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["nothing_acknowledged_is_lost_by_a_kill", "--exact", "--nocapture"])
        .env(ROLE, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let task = json!({ "registry": registry, "scripts": scripts, "done": done });
    writeln!(child.stdin.take().unwrap(), "{task}").unwrap();
    child
}

/// The process that is killed: it makes the calls of each script and prints which are acknowledged.
fn make_calls() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let task: Value = serde_json::from_str(&line).unwrap();
    let path = |name: &str| PathBuf::from(task[name].as_str().unwrap());
    let scripts: Vec<Vec<Call>> = serde_json::from_slice(&std::fs::read(path("scripts")).unwrap()).unwrap();
    let cloud = Cloud::open_with_log(options(Some(path("registry"))), MIN_LOG_BYTES)
        .unwrap_or_else(|error| panic!("{error}"));
    std::thread::scope(|scope| {
        for (number, script) in scripts.iter().enumerate() {
            let done = usize::try_from(task["done"][number].as_u64().unwrap()).unwrap();
            let cloud = &cloud;
            scope.spawn(move || {
                for (index, call) in script.iter().enumerate().skip(done) {
                    let (status, _) = send(cloud, call);
                    println!("ack {number} {index} {status} end");
                }
            });
        }
    });
}
