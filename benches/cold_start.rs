//! The time from the start of the release `bootstrap` to its first poll and to its first response, behind a Runtime API
//! on loopback: with bundled keys and with a secret, compared with an echo function. Starts are interleaved, in
//! changing order: first with the program in the page cache, then a third as many after evicting it, as in a sandbox
//! that starts on another machine. Prints medians and their ratios to echo.
//!
//! `cargo bench --bench cold_start [-- ROUNDS]`

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    reason = "benches fail by panicking, and print what they measure"
)]

#[path = "support/runtime_api.rs"]
mod runtime_api;
#[path = "support/sample.rs"]
mod sample;
#[path = "support/secrets.rs"]
mod secrets;
#[path = "../tests/support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use runtime_api::{Sandbox, bootstrap, echo, quantile};
use support::deployment::Deployment;

/// A program with its deployment, and its measurements.
struct Subject {
    name: &'static str,
    program: PathBuf,
    deployment: Deployment,
    environment: Vec<(String, String)>,
    starts: Vec<Duration>,
    first_events: Vec<Duration>,
    warm_events: Vec<Duration>,
    peak_memory_kb: u64,
}

fn main() {
    let rounds = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(60);
    let event = sample::event(&sample::token("rs256"));
    let mut warm = subjects();
    measure(&mut warm, rounds, &event, |_| ());
    print(&mut warm);
    // A file that is not written back cannot be evicted.
    assert!(Command::new("sync").status().unwrap().success());
    let mut cold = subjects();
    measure(&mut cold, rounds.div_ceil(3), &event, evict);
    print_cold(&mut cold);
    println!("\nbootstrap: {} bytes", std::fs::metadata(bootstrap()).unwrap().len());
}

/// Starts each program `rounds` times. `prepare` gets the program before each start.
fn measure(subjects: &mut [Subject], rounds: usize, event: &[u8], prepare: impl Fn(&Path)) {
    for round in 0..rounds {
        let count = subjects.len();
        for position in 0..count {
            let position = if round % 2 == 0 { position } else { count - 1 - position };
            let subject = &mut subjects[(position + round) % count];
            let root = subject.deployment.path("");
            prepare(&subject.program);
            let mut sandbox = match subject.name {
                "echo" => Sandbox::without_log(&subject.program, &root),
                _ => Sandbox::start(&subject.program, &root, &subject.environment),
            };
            subject.starts.push(sandbox.start);
            let (response, first) = sandbox.invoke(event);
            assert!(
                subject.name == "echo" || response.contains("\"isAuthenticated\":true"),
                "{}: {response}",
                subject.name
            );
            subject.first_events.push(first);
            let mut warm_events: Vec<Duration> = (0..20).map(|_| sandbox.invoke(event).1).collect();
            subject.warm_events.push(quantile(&mut warm_events, 0.5));
            subject.peak_memory_kb = subject.peak_memory_kb.max(sandbox.peak_memory_kb());
        }
    }
}

/// Drops a file from the page cache. With `count=0`, dd's `nocache` does that for the whole file.
fn evict(file: &Path) {
    let input = format!("if={}", file.display());
    let status =
        Command::new("dd").args([&input, "iflag=nocache", "count=0", "status=none"]).status().unwrap();
    assert!(status.success());
}

fn subjects() -> Vec<Subject> {
    let keys = std::fs::read_to_string(Deployment::named("example").path("keys/users.jwks.json")).unwrap();
    let secret = || {
        let deployment = Deployment::named("example");
        let config = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
        deployment.write("authorizer.toml", config.replace("file:keys/users.jwks.json", "secret:keys"));
        deployment
    };
    let (plain, over_tls) = (secret(), secret());
    let plain_environment = secrets::serve(keys.clone(), false, &plain.path(""));
    let tls_environment = secrets::serve(keys, true, &over_tls.path(""));
    let subject = |name, program, deployment, environment| Subject {
        name,
        program,
        deployment,
        environment,
        starts: Vec::new(),
        first_events: Vec::new(),
        warm_events: Vec::new(),
        peak_memory_kb: 0,
    };
    let bootstrap = bootstrap();
    vec![
        subject("echo", echo(), Deployment::named("example"), Vec::new()),
        subject("bundled keys", bootstrap.clone(), Deployment::named("example"), Vec::new()),
        subject("a secret, plain loopback", bootstrap.clone(), plain, plain_environment),
        subject("a secret over TLS", bootstrap, over_tls, tls_environment),
    ]
}

/// Prints a table in Markdown: the times of a start, and their ratios to echo's.
fn print(subjects: &mut [Subject]) {
    println!(
        "| start with | to first poll, ms | of echo | first event, ms | of a warm one | warm event, us | peak memory, kB |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let mut floor = None;
    for subject in subjects {
        let [start, first, warm] = subject.medians();
        println!(
            "| {} | {start:.2} | {:.2} | {first:.3} | {:.1} | {:.0} | {} |",
            subject.name,
            start / *floor.get_or_insert(start),
            first / warm,
            warm * 1e3,
            subject.peak_memory_kb
        );
    }
}

/// Prints the same for starts that read the program from the disk, and of the first event, which reads more of it.
fn print_cold(subjects: &mut [Subject]) {
    println!("\n| start with a cold page cache | to first poll, ms | of echo | first event, ms |");
    println!("| --- | --- | --- | --- |");
    let mut floor = None;
    for subject in subjects {
        let [start, first, _] = subject.medians();
        println!(
            "| {} | {start:.2} | {:.2} | {first:.3} |",
            subject.name,
            start / *floor.get_or_insert(start)
        );
    }
}

impl Subject {
    /// Milliseconds of a start, a first event and a warm event.
    fn medians(&mut self) -> [f64; 3] {
        [&mut self.starts, &mut self.first_events, &mut self.warm_events]
            .map(|times| quantile(times, 0.5).as_secs_f64() * 1e3)
    }
}
