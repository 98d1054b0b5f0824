//! The complete decision, from event bytes to response bytes, compared with the floor: one signature check with a
//! parsed key.
//!
//! `cargo bench --bench authorize`

#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "benches fail by panicking")]

#[path = "support/sample.rs"]
mod sample;
#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use iot_jwt_authorizer::authorizer::Authorizer;
use serde_json::json;
use support::deployment::Deployment;
use support::signer::Signer;

/// Each algorithm, and its bare signature check.
fn algorithms(criterion: &mut Criterion) {
    let authorizer = sample::deployment().authorizer();
    for (name, signer, algorithm) in sample::ALGORITHMS {
        let mut group = criterion.benchmark_group(name);
        let floor = sample::floor(signer, algorithm);
        group.bench_function("floor", |bencher| bencher.iter(&floor));
        let event = sample::event(&Signer::named(signer).token(&sample::claims()));
        sample::decide(&authorizer, &event).unwrap();
        group.bench_function("decision", |bencher| {
            bencher.iter(|| sample::decide(&authorizer, black_box(&event)));
        });
        group.finish();
    }
}

/// The cost of larger tokens and of more devices.
fn sizes(criterion: &mut Criterion) {
    let authorizer = sample::deployment().authorizer();
    let signer = Signer::named("rs256");
    let mut group = criterion.benchmark_group("sizes");
    for (name, claims) in [
        ("no device", json!({ "devices": [] })),
        ("1 device", sample::devices(1)),
        ("20 devices", sample::devices(20)),
        ("token of 6 KB", json!({ "profile": "x".repeat(4000) })),
    ] {
        let event = sample::event(&signer.token(&sample::claims_with(&claims)));
        sample::decide(&authorizer, &event).unwrap();
        group.bench_function(name, |bencher| bencher.iter(|| sample::decide(&authorizer, black_box(&event))));
    }
    group.finish();
}

/// Denials, in the order of the checks.
fn denials(criterion: &mut Criterion) {
    let authorizer = sample::deployment().authorizer();
    let signer = Signer::named("rs256");
    let token = |claims| signer.token(&sample::claims_with(&claims));
    let mut header = signer.header();
    header["kid"] = json!("other");
    let unknown_kid = signer.sign(header.to_string().as_bytes(), sample::claims().to_string().as_bytes());
    let forged = Signer::named("untrusted")
        .sign(signer.header().to_string().as_bytes(), sample::claims().to_string().as_bytes());
    let mut group = criterion.benchmark_group("refusals");
    for (code, event) in [
        ("malformed_event", b"[]".to_vec()),
        ("no_token", sample::event("a password")),
        ("malformed_token", sample::event("aaaa.bbbb.cccc")),
        ("unknown_issuer", sample::event(&token(json!({ "iss": "https://other.example.com/" })))),
        ("unknown_key", sample::event(&unknown_kid)),
        ("bad_signature", sample::event(&forged)),
        ("expired", sample::event(&token(json!({ "exp": 1 })))),
        ("unsafe_claim_value", sample::event(&token(json!({ "tenant": "a*" })))),
    ] {
        assert_eq!(sample::decide(&authorizer, &event), Err(code));
        group.bench_function(code, |bencher| bencher.iter(|| sample::decide(&authorizer, black_box(&event))));
    }
    group.finish();
}

/// More issuers, keys and grants, which must cost a decision next to nothing.
fn growth(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("growth");
    let event = sample::event(&Signer::named("es256").token(&sample::claims()));
    for (name, issuers, keys, grants) in
        [("1 of each", 1, 1, 1), ("100 issuers", 100, 1, 1), ("100 keys", 1, 100, 1), ("50 grants", 1, 1, 50)]
    {
        let authorizer = grown(issuers, keys, grants);
        sample::decide(&authorizer, &event).unwrap();
        group.bench_function(name, |bencher| bencher.iter(|| sample::decide(&authorizer, black_box(&event))));
    }
    group.finish();
}

/// The example with further issuers, with further keys before its own, and with further grants that do not match.
fn grown(issuers: usize, keys: usize, grants: usize) -> Authorizer {
    let deployment = Deployment::named("example");
    let config = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
    let (head, tail) = config.split_once("[claims]").unwrap();
    let mut text = head.to_owned();
    for index in 1..issuers {
        text += &head
            .replace("\"users\"", &format!("\"i{index}\""))
            .replace("https://login.example.com/", &format!("https://i{index}.example.com/"));
    }
    text += "[claims]";
    text += &tail.replace("[[grant]]", "[[grant]]\nissuer = \"users\"");
    for index in 1..grants {
        text += &format!(
            "\n[[grant]]\nissuer = \"users\"\npolicy = \"app-user\"\nwhen = {{ plan = \"p{index}\" }}\n"
        );
    }
    deployment.write("authorizer.toml", text);
    let other_keys = (1..keys).map(|index| {
        let mut jwk = Signer::named("ec1").jwk();
        jwk["kid"] = json!(format!("k{index}"));
        jwk
    });
    let keys: Vec<_> =
        other_keys.chain([Signer::named("es256").jwk(), Signer::named("rs256").jwk()]).collect();
    deployment.write("keys/users.jwks.json", json!({ "keys": keys }).to_string());
    deployment.authorizer()
}

criterion_group!(benches, algorithms, sizes, denials, growth);
criterion_main!(benches);
