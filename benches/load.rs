//! Warm responses through the Runtime API: of one sandbox, compared with echo, of several at the same time, and of one
//! that gets several events at once, as on Lambda Managed Instances.
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

#[path = "support/at_once.rs"]
mod at_once;
#[path = "support/runtime_api.rs"]
mod runtime_api;
#[path = "support/sample.rs"]
mod sample;
#[path = "../tests/support/mod.rs"]
mod support;

use std::thread;
use std::time::{Duration, Instant};

use at_once::ManySandbox;
use runtime_api::{Sandbox, bootstrap, echo, echo_at_once, peak_memory_kb, quantile};
use serde_json::json;
use support::signer::Signer;

fn main() {
    let events = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(5000);
    one_sandbox(events);
    println!();
    several_sandboxes(events);
    println!();
    events_at_once(events);
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

/// One sandbox gets its next event as soon as it has responded to one of so many. Programs take turns in blocks of
/// events. The time of an event includes its wait for a processor, which it shares with the others.
fn events_at_once(events: usize) {
    const BLOCK: usize = 500;
    const MOST: usize = 64;
    let deployment = sample::deployment();
    let root = deployment.path("");
    let event = sample::event(&sample::token("rs256"));
    let (authorizer, echo) = (bootstrap(), echo_at_once());
    println!(
        "| program | events at once | events a second | of one at a time | p50, us | p99, us | peak memory, kB |\n| --- | --- | --- | --- | --- | --- | --- |"
    );
    let mut rows: Vec<_> = [("echo", &echo), ("RS256", &authorizer)]
        .into_iter()
        .flat_map(|(name, program)| {
            // `None` is one at a time, without the variable.
            [None, Some(1), Some(4), Some(16), Some(MOST)].map(|at_once| {
                let sandbox = ManySandbox::start(program, &root, at_once.map(|_| MOST), &event);
                (name, at_once, sandbox, Duration::ZERO, Vec::new())
            })
        })
        .collect();
    for _ in 0..events.div_ceil(BLOCK) {
        for (_, at_once, sandbox, whole, times) in &mut rows {
            let (elapsed, block) = sandbox.run(BLOCK, at_once.unwrap_or(1));
            *whole += elapsed;
            times.extend(block);
        }
    }
    let mut alone = 0.0;
    for (name, at_once, sandbox, whole, times) in &mut rows {
        let rate = times.len() as f64 / whole.as_secs_f64();
        if at_once.is_none() {
            alone = rate;
        }
        let label = at_once.map_or("one at a time".to_owned(), |count| count.to_string());
        let [p50, p99] = [0.5, 0.99].map(|fraction| quantile(times, fraction).as_secs_f64() * 1e6);
        println!(
            "| {name} | {label} | {rate:.0} | {:.2} | {p50:.0} | {p99:.0} | {} |",
            rate / alone,
            peak_memory_kb(sandbox.id())
        );
    }
}
