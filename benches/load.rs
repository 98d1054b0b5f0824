//! Warm answers through the Runtime API: one sandbox beside echo, then several at once.
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
    reason = "a bench that cannot run says so by panicking, and prints what it measured"
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
    one(events);
    println!();
    several(events);
}

/// Interleaved in blocks, so that whatever else happens on the machine happens to all.
fn one(events: usize) {
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
            times.extend((0..BLOCK).map(|_| sandbox.ask(event).1));
        }
    }
    println!(
        "| one sandbox, {events} events | p50, us | of echo | beside echo, us | p99, us | peak memory, kB |\n| --- | --- | --- | --- | --- | --- |"
    );
    let mut floor = 0.0;
    for (name, sandbox, _, times) in &mut rows {
        let [middle, worst] = [0.5, 0.99].map(|part| quantile(times, part).as_secs_f64() * 1e6);
        if *name == "echo" {
            floor = middle;
        }
        println!(
            "| {name} | {middle:.1} | {:.2} | {:.1} | {worst:.1} | {} |",
            middle / floor,
            middle - floor,
            sandbox.peak_memory()
        );
    }
}

/// Each sandbox is asked as fast as it answers.
fn several(events: usize) {
    let deployment = sample::deployment();
    let bootstrap = bootstrap();
    let event = sample::event(&sample::token("rs256"));
    println!(
        "| sandboxes | events a second | p50, us | p99, us | processor a call, us | peak memory each, kB |\n| --- | --- | --- | --- | --- | --- |"
    );
    for count in [1, 2, 4, 8] {
        let mut sandboxes: Vec<Sandbox> =
            (0..count).map(|_| Sandbox::start(&bootstrap, &deployment.path(""), &[])).collect();
        let begun = Instant::now();
        let mut times: Vec<Duration> = thread::scope(|scope| {
            let asked: Vec<_> = sandboxes
                .iter_mut()
                .map(|sandbox| scope.spawn(|| (0..events).map(|_| sandbox.ask(&event).1).collect::<Vec<_>>()))
                .collect();
            asked.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let took = begun.elapsed().as_secs_f64();
        let processor: u64 = sandboxes.iter().map(Sandbox::processor).sum();
        let memory = sandboxes.iter().map(Sandbox::peak_memory).max().unwrap();
        let calls = times.len() as f64;
        let [middle, worst] = [0.5, 0.99].map(|part| quantile(&mut times, part).as_secs_f64() * 1e6);
        println!(
            "| {count} | {:.0} | {middle:.0} | {worst:.0} | {:.0} | {memory} |",
            calls / took,
            processor as f64 * 1e4 / calls
        );
    }
}
