//! The memory that an event can make the function allocate: at most twice the event's size plus 1 MiB, and nothing to
//! decode a value over the limits.

#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "the numbers are the test's own")]

mod support;

use iot_jwt_authorizer::authorizer::Authorizer;
use serde_json::json;
use support::deployment::Deployment;
use support::signer::Signer;
use support::{FUNCTION, NOW, at};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const MIB: usize = 1024 * 1024;

/// Hostile events of up to 6 MB.
fn events() -> Vec<(&'static str, Vec<u8>)> {
    let token = Signer::named("es256")
        .token(&json!({ "iss": "https://login.example.com/", "sub": "ana", "exp": NOW }));
    let mut events = Vec::new();
    for size in [400_000, 520_000, 6_000_000] {
        let fill = |text: &str| text.repeat(size / text.len());
        let mqtt = |member: &str, value: String| {
            json!({ "protocolData": { "mqtt": { member: value } } }).to_string().into_bytes()
        };
        let http = |query: String| {
            json!({ "protocolData": { "http": { "queryString": query } } }).to_string().into_bytes()
        };
        events.extend([
            ("an event of spaces", fill(" ").into_bytes()),
            ("brackets", fill("[").into_bytes()),
            ("objects in objects", fill("{\"a\":").into_bytes()),
            ("a token", json!({ "token": fill("a") }).to_string().into_bytes()),
            ("a token of dots", json!({ "token": fill(".") }).to_string().into_bytes()),
            ("a token of escapes", json!({ "token": fill("\u{1}\"") }).to_string().into_bytes()),
            ("a password", mqtt("password", fill("QUFB"))),
            ("a user name of parameters", mqtt("username", format!("?{}", fill("token=a&")))),
            ("a user name of question marks", mqtt("username", fill("?"))),
            ("a client id", mqtt("clientId", fill("a"))),
            (
                "a query of tokens in two parts",
                http(format!("x-amz-customauthorizer-signature=AAAA&{}", fill("token=a.b&"))),
            ),
            ("a user name of tokens in two parts", mqtt("username", format!("?{}", fill("token=a.b&")))),
            (
                "a query of different tokens",
                http((0..size / 16).map(|index| format!("token={index}.b.c&")).collect()),
            ),
            ("a signature", http(format!("token=a.b&x-amz-customauthorizer-signature={}", fill("A")))),
            ("a query of percent signs", http(format!("?token={}", fill("%41")))),
            ("a query of names", http(fill("%74oken=a.b.c&"))),
            (
                "a query of signatures",
                http(format!("token=a.b&{}", fill("x-amz-customauthorizer-signature=AAAA&"))),
            ),
            ("a query of one token again and again", http(fill(&format!("token={token}&")))),
            ("members that are not read", format!("{{{}\"z\":0}}", fill("\"a\":[1,2,3],")).into_bytes()),
        ]);
        let header = json!({ "protocolData": { "http": { "headers": { "authorization": fill("a.") } } } });
        events.push(("a header", header.to_string().into_bytes()));
        let headers: String = (0..size / 12).map(|index| format!("\"h{index}\":\"\",")).collect();
        events.push((
            "headers",
            format!("{{\"protocolData\":{{\"http\":{{\"headers\":{{{headers}\"z\":\"\"}}}}}}}}").into_bytes(),
        ));
    }
    events
}

/// A single test, since the process has one heap profiler.
#[test]
fn an_event_allocates_at_most_twice_its_size() {
    let authorizer = Deployment::named("example").authorizer();
    check_a_value_over_the_limit(&authorizer);
    let mut largest = (0.0, "");
    for (name, event) in events() {
        let profiler = dhat::Profiler::builder().testing().build();
        let decision = authorizer.authorize(&event, FUNCTION, at(0.0));
        let peak = dhat::HeapStats::get().max_bytes;
        assert!(decision.outcome.is_err(), "{name}");
        drop(profiler);
        assert!(peak <= 2 * event.len() + MIB, "{name} of {} bytes: {peak}", event.len());
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a figure to print")]
        let ratio = peak as f64 / event.len() as f64;
        largest = if ratio > largest.0 { (ratio, name) } else { largest };
    }
    println!("at most {:.2} times the event's size, for {}", largest.0, largest.1);
}

/// A value over three times `max_bytes` is not decoded. The peak is far below its size.
fn check_a_value_over_the_limit(authorizer: &Authorizer) {
    let event =
        json!({ "protocolData": { "mqtt": { "clientId": "ana", "password": "QUFB".repeat(100_000) } } })
            .to_string();
    let profiler = dhat::Profiler::builder().testing().build();
    let decision = authorizer.authorize(event.as_bytes(), FUNCTION, at(0.0));
    let peak = dhat::HeapStats::get().max_bytes;
    drop(profiler);
    assert_eq!(decision.outcome.err().unwrap().code().name(), "token_too_large");
    assert!(peak < 64 * 1024, "{peak}");
}
