//! Warm responses through the Runtime API: of one sandbox, compared with echo, then of several at the same time.
//!
//! `cargo bench --bench load [-- EVENTS]`

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "benches fail by panicking, and print what they measure"
)]

#[path = "support/runtime_api.rs"]
mod runtime_api;
#[path = "support/sample.rs"]
mod sample;
#[path = "../tests/support/mod.rs"]
mod support;

use std::thread;
use std::time::{Duration, Instant};

use runtime_api::{Sandbox, bootstrap, echo, quantile};
use serde_json::json;
use support::signer::Signer;

fn main() {
    let events = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(5000);
    one_sandbox(events);
    println!();
    several_sandboxes(events);
}

/// Programs take turns in blocks of events, so that other load on the machine affects all of them.
fn one_sandbox(events: usize) {
    const BLOCK: usize = 100;
    let deployment = sample::deployment();
    let root = deployment.path("");
    let bootstrap = bootstrap();
    let good = sample::event(&sample::token("rs256"));
    let mut rows = vec![
        ("echo", Sandbox::without_log(&echo(), &root), good.clone(), Vec::new()),
        ("RS256", Sandbox::start(&bootstrap, &root, &[]), good, Vec::new()),
        ("ES256", Sandbox::start(&bootstrap, &root, &[]), sample::event(&sample::token("es256")), Vec::new()),
        ("no token", Sandbox::start(&bootstrap, &root, &[]), sample::event("a password"), Vec::new()),
        (
            "no token, no log",
            Sandbox::without_log(&bootstrap, &root),
            sample::event("a password"),
            Vec::new(),
        ),
        (
            "unknown issuer",
            Sandbox::start(&bootstrap, &root, &[]),
            {
                let claims = sample::claims_with(&json!({ "iss": "https://other.example.com/" }));
                sample::event(&Signer::named("rs256").token(&claims))
            },
            Vec::new(),
        ),
    ];
    for _ in 0..events.div_ceil(BLOCK) {
        for (_, sandbox, event, times) in &mut rows {
            times.extend((0..BLOCK).map(|_| sandbox.invoke(event).1));
        }
    }
    println!(
        "| one sandbox, {events} events | p50, us | of echo | beside echo, us | p99, us | peak memory, kB |\n| --- | --- | --- | --- | --- | --- |"
    );
    let mut floor = 0.0;
    for (name, sandbox, _, times) in &mut rows {
        let [p50, p99] = [0.5, 0.99].map(|fraction| quantile(times, fraction).as_secs_f64() * 1e6);
        if *name == "echo" {
            floor = p50;
        }
        println!(
            "| {name} | {p50:.1} | {:.2} | {:.1} | {p99:.1} | {} |",
            p50 / floor,
            p50 - floor,
            sandbox.peak_memory_kb()
        );
    }
}

/// Each sandbox gets its next event as soon as it has responded.
fn several_sandboxes(events: usize) {
    let deployment = sample::deployment();
    let bootstrap = bootstrap();
    let event = sample::event(&sample::token("rs256"));
    println!(
        "| sandboxes | events a second | p50, us | p99, us | processor a call, us | peak memory each, kB |\n| --- | --- | --- | --- | --- | --- |"
    );
    for count in [1, 2, 4, 8] {
        let mut sandboxes: Vec<Sandbox> =
            (0..count).map(|_| Sandbox::start(&bootstrap, &deployment.path(""), &[])).collect();
        let start = Instant::now();
        let mut times: Vec<Duration> = thread::scope(|scope| {
            let threads: Vec<_> = sandboxes
                .iter_mut()
                .map(|sandbox| {
                    scope.spawn(|| (0..events).map(|_| sandbox.invoke(&event).1).collect::<Vec<_>>())
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let seconds = start.elapsed().as_secs_f64();
        let processor_ticks: u64 = sandboxes.iter().map(Sandbox::processor_ticks).sum();
        let peak_memory_kb = sandboxes.iter().map(Sandbox::peak_memory_kb).max().unwrap();
        let calls = times.len() as f64;
        let [p50, p99] = [0.5, 0.99].map(|fraction| quantile(&mut times, fraction).as_secs_f64() * 1e6);
        println!(
            "| {count} | {:.0} | {p50:.0} | {p99:.0} | {:.0} | {peak_memory_kb} |",
            calls / seconds,
            processor_ticks as f64 * 1e4 / calls
        );
    }
}
