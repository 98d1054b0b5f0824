//! The cost of fetched keys to a decision: none, whatever the key server does.
//!
//! `cargo bench --bench keys`

#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "benches fail by panicking")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use iot_jwt_authorizer::config::Config;
use serde_json::json;
use support::deployment::Deployment;
use support::key_server::{Behaviour, KeyServer};
use support::sandbox::{Simulation, event, event_with_kid};

/// The deployment for all algorithms, with these key sources.
fn config(sources: &[&str]) -> Config {
    let deployment = Deployment::named("all");
    let toml = std::fs::read_to_string(deployment.path("authorizer.toml")).unwrap();
    deployment.write(
        "authorizer.toml",
        toml.replace("[\"file:keys/users.jwks.json\"]", &json!(sources).to_string()),
    );
    deployment.load().unwrap()
}

fn keys(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("keys");
    let (good, unknown) = (event("es256"), event_with_kid("ec1", "unknown"));
    Simulation::new().run(config(&["file:keys/users.jwks.json"]), async |sandbox| {
        group.bench_function("bundled", |bencher| bencher.iter(|| sandbox.decide_at_once(black_box(&good))));
    });
    let server = KeyServer::start(Behaviour::keys(&["es256"]));
    let source = format!("jwks:{}", server.url("/"));
    let simulation = Simulation::new();
    simulation.run(config(&[&source]), async |sandbox| {
        sandbox.function.start().await;
        group.bench_function("fetched", |bencher| bencher.iter(|| sandbox.decide_at_once(black_box(&good))));
        let _ = sandbox.decide(&unknown).await;
        group.bench_function("flood of invented kids", |bencher| {
            bencher.iter(|| sandbox.decide_at_once(black_box(&unknown)));
        });
        server.set_behaviour(Behaviour::Hang);
        simulation.advance(400);
        let mut refresh = std::pin::pin!(sandbox.refresh());
        group.bench_function("fetched, a refresh hanging", |bencher| {
            bencher.iter(|| {
                let _ = futures_util::FutureExt::now_or_never(futures_util::future::poll_immediate(
                    refresh.as_mut(),
                ));
                sandbox.decide_at_once(black_box(&good))
            });
        });
    });
    group.finish();
}

criterion_group!(benches, keys);
criterion_main!(benches);
