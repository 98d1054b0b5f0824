//! A function that is built at its first invocation.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use iot_local_lambda::LazyTarget;

use super::*;

/// The function `collect`, whose first build fails, and the number of builds.
fn lazy_function() -> (InvokeTarget, Arc<AtomicUsize>) {
    let builds = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&builds);
    let mut target = rule_function("collect");
    let spec = target.spec_mut().unwrap().clone();
    let program = spec.program.clone();
    let build = move || {
        let (build, program) = (counter.fetch_add(1, Ordering::Relaxed), program.clone());
        async move { if build == 0 { Err("cannot build it".to_owned()) } else { Ok(program) } }
    };
    (InvokeTarget::Lazy(LazyTarget::new(spec, build)), builds)
}

#[tokio::test]
async fn a_function_is_built_once_at_its_first_invocation_and_has_the_endpoints() {
    let (target, builds) = lazy_function();
    let gateway = open_with(1, |options| {
        options.functions = vec![target];
        options.time_scale = 50;
    })
    .await;
    let api = Api { port: gateway.port };
    let rules = Rules { gateway, api };
    rules.create("r", &json!({ "sql": "SELECT * FROM 'in'", "actions": [lambda("collect")] })).await;
    let mut event_log = rules.gateway.event_log.subscribe();
    let mut sender = rules.client("sender").await;
    assert_eq!(builds.load(Ordering::Relaxed), 0);
    sender.send("in", json!({ "env": ["AWS_ENDPOINT_URL_IOT"] }).to_string()).await;
    let (_, outcome) = entry_of(&mut event_log, "r").await;
    assert!(outcome.is_err_and(|error| error.contains("the function did not start: cannot build it")));
    let endpoint = format!("http://127.0.0.1:{}", rules.gateway.port);
    assert_eq!(invocation(&mut event_log).await["env"]["AWS_ENDPOINT_URL_IOT"], endpoint.as_str());
    for name in ["a", "b"] {
        sender.send("in", json!({ "name": name }).to_string()).await;
        assert_eq!(invocation(&mut event_log).await["event"]["name"], name);
    }
    assert_eq!(builds.load(Ordering::Relaxed), 2);
}
