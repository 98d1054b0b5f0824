//! The time of each station of a decision.
//!
//! `cargo bench --bench stages`

#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "benches fail by panicking")]

#[path = "support/sample.rs"]
mod sample;
#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use iot_jwt_authorizer::arn::FunctionArn;
use iot_jwt_authorizer::credentials::{Credentials, TokenPlace, TokenRule};
use iot_jwt_authorizer::log::{self, LogSettings};
use iot_jwt_authorizer::policy::Policies;
use iot_jwt_authorizer::request::Request;
use iot_jwt_authorizer::response::{PrincipalId, Response, Session};
use iot_jwt_authorizer::token::UnverifiedToken;
use support::signer::Signer;
use support::{FUNCTION, at, event_facts};

fn stages(criterion: &mut Criterion) {
    let authorizer = sample::deployment().authorizer();
    let issuer = &authorizer.issuers[0];
    let event = sample::event(&Signer::named("rs256").token(&sample::claims()));
    let rule = TokenRule {
        places: ["token", "header:authorization", "query:token", "username:token", "password"]
            .map(|place| TokenPlace::parse(place).unwrap())
            .into(),
        max_bytes: 8192,
    };
    let mut group = criterion.benchmark_group("stages");

    group.bench_function("1 event", |bencher| bencher.iter(|| Request::parse(black_box(&event)).is_ok()));
    let request = Request::parse(&event).unwrap();
    group.bench_function("2 credentials", |bencher| {
        bencher.iter(|| Credentials::find(black_box(&request), &rule).is_ok());
    });
    let credentials = Credentials::find(&request, &rule).unwrap();
    group.bench_function("3 token", |bencher| {
        bencher.iter(|| {
            let token = UnverifiedToken::parse(black_box(&credentials)).ok()?;
            token.claimed_issuer().map(|issuer| issuer.len())
        });
    });
    let parse = || UnverifiedToken::parse(&credentials).unwrap();
    let keys = issuer.candidates(parse().header()).unwrap();
    group.bench_function("4 signature", |bencher| {
        bencher.iter_batched(parse, |token| token.verify(&keys).is_ok(), criterion::BatchSize::SmallInput);
    });
    let (payload, _) = parse().verify(&keys).unwrap();
    group.bench_function("5 claims", |bencher| {
        bencher.iter(|| issuer.rules.judge(black_box(&payload), None, at(0.0)).is_ok());
    });
    let claims = issuer.rules.judge(&payload, None, at(0.0)).unwrap();
    let function = FunctionArn::parse(FUNCTION).unwrap();
    let grant = || {
        let templates = authorizer.policies.matching(0, &claims).ok()?;
        let bindings = issuer.bindings(&request, function, &claims, &templates).ok()?;
        Policies::grant(&templates, &bindings).ok()
    };
    group.bench_function("6 slots and packing", |bencher| bencher.iter(|| black_box(grant()).is_some()));
    let session = Session { disconnect_after_seconds: 86400, refresh_after_seconds: 3600 };
    group.bench_function("7 answer", |bencher| {
        bencher.iter_batched(
            || grant().unwrap(),
            |grant| {
                let principal = PrincipalId::of_subject(&issuer.rules.issuer, claims.subject());
                serde_json::to_vec(&Response::allow(principal, grant, session, Duration::from_secs(3600)))
            },
            criterion::BatchSize::SmallInput,
        );
    });
    let decision = authorizer.authorize(&event, FUNCTION, at(0.0));
    let settings =
        LogSettings::read(&|name| (name == "AWS_LAMBDA_FUNCTION_NAME").then(|| "authorizer".to_owned()));
    group.bench_function("8 log line, not written", |bencher| {
        bencher.iter(|| log::line(black_box(&decision), event_facts(), &settings));
    });
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
