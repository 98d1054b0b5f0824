//! The function of a sandbox in simulated time, and the log lines that it writes.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use iot_jwt_authorizer::config::Config;
use iot_jwt_authorizer::function::{Function, Invocation};
use iot_jwt_authorizer::response::Response;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::signer::Signer;
use super::{FUNCTION, NOW};

/// The time left of each invocation.
const INVOCATION_TIME: Duration = Duration::from_secs(5);

/// The clock and the log of a function. A clone is the same.
#[derive(Clone)]
pub struct Simulation(Arc<State>);

struct State {
    now: Mutex<SystemTime>,
    lines: Mutex<Vec<Value>>,
    /// Events so far, which number their request ids.
    events: AtomicU64,
}

impl Simulation {
    /// A clock at [`NOW`], and an empty log.
    pub fn new() -> Self {
        Self::at(0.0)
    }

    /// A clock at `offset_seconds` after [`NOW`], and an empty log.
    pub fn at(offset_seconds: f64) -> Self {
        let seconds = Duration::from_secs(NOW).as_secs_f64() + offset_seconds;
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds);
        Self(Arc::new(State { now: Mutex::new(now), lines: Mutex::default(), events: AtomicU64::new(0) }))
    }

    /// The present time.
    pub fn now(&self) -> SystemTime {
        *self.0.now.lock().unwrap()
    }

    /// Moves the clock forward.
    pub fn advance(&self, seconds: u64) {
        *self.0.now.lock().unwrap() += Duration::from_secs(seconds);
    }

    /// Sets the clock back.
    pub fn set_back(&self, seconds: u64) {
        *self.0.now.lock().unwrap() -= Duration::from_secs(seconds);
    }

    /// A function of this deployment.
    pub fn function(&self, config: Config) -> Arc<Function> {
        let (clock, log) = (self.0.clone(), self.0.clone());
        Function::new(
            config,
            move || *clock.now.lock().unwrap(),
            move |line: &[u8]| {
                assert!(
                    line.ends_with(b"\n") && line.iter().filter(|byte| **byte == b'\n').count() == 1,
                    "one line"
                );
                log.lines.lock().unwrap().push(serde_json::from_slice(line).unwrap());
            },
        )
    }

    /// Runs a test with a function of this deployment, on one thread.
    pub fn run<T>(&self, config: Config, test: impl AsyncFnOnce(&Sandbox) -> T) -> T {
        self.run_on(&mut Builder::new_current_thread(), config, test)
    }

    /// The same on four threads.
    pub fn run_on_threads<T>(&self, config: Config, test: impl AsyncFnOnce(&Sandbox) -> T) -> T {
        self.run_on(Builder::new_multi_thread().worker_threads(4), config, test)
    }

    fn run_on<T>(&self, runtime: &mut Builder, config: Config, test: impl AsyncFnOnce(&Sandbox) -> T) -> T {
        let sandbox = Sandbox { function: self.function(config), simulation: self.clone() };
        runtime.enable_all().build().unwrap().block_on(test(&sandbox))
    }

    /// The log lines since the last call, of decisions and of key events.
    pub fn take_lines(&self) -> Vec<Value> {
        std::mem::take(&mut *self.0.lines.lock().unwrap())
    }
}

/// A function that is invoked as Lambda invokes it. A clone is the same.
#[derive(Clone)]
pub struct Sandbox {
    pub function: Arc<Function>,
    simulation: Simulation,
}

impl Sandbox {
    /// The response to an event, and its log line.
    pub async fn answer(&self, event: &[u8], function: &str) -> (Response, Value) {
        let state = &self.simulation.0;
        let request_id = format!("r{}", state.events.fetch_add(1, Ordering::Relaxed));
        let invocation = Invocation {
            request_id: &request_id,
            trace: None,
            function,
            deadline: self.simulation.now() + INVOCATION_TIME,
            cold_start: false,
        };
        let response = self.function.answer(event, invocation).await;
        let lines = state.lines.lock().unwrap();
        let line = lines.iter().rev().find(|line| line["request_id"] == request_id).unwrap();
        (response, line.clone())
    }

    /// The outcome of an event, `allow` or a code, and the number of fetches that the event waited for.
    pub async fn decide(&self, event: &str) -> (String, u64) {
        let (_, line) = self.answer(event.as_bytes(), FUNCTION).await;
        let fetches = |name: &str| line.get(name).and_then(Value::as_u64).unwrap_or(0);
        (outcome(&line).to_owned(), fetches("key_fetches") + fetches("revocation_fetches"))
    }

    /// As [`Sandbox::decide`], for an event that must wait for nothing: its future is ready when it is first polled.
    pub fn decide_at_once(&self, event: &str) -> String {
        let mut decision = pin!(self.decide(event));
        match decision.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready((code, 0)) => code,
            other => panic!("the decision waited: {other:?}"),
        }
    }

    /// The function's work after a response, within the same invocation.
    pub async fn refresh(&self) {
        self.function.refresh(self.simulation.now() + INVOCATION_TIME).await;
    }
}

/// The code of a log line, or `allow`.
pub fn outcome(line: &Value) -> &str {
    line.get("code").unwrap_or(&line["decision"]).as_str().unwrap()
}

/// An event with a token of this signer. The token is valid for a year of simulated time.
pub fn event(signer: &str) -> String {
    event_with_kid(signer, &Signer::named(signer).kid)
}

/// As [`event`], with another `kid`.
pub fn event_with_kid(signer: &str, kid: &str) -> String {
    event_of_issuer("https://login.example.com/", signer, kid)
}

/// As [`event`] of `es256`, with another `sub`.
pub fn event_of_subject(subject: &str) -> String {
    token_event("https://login.example.com/", "es256", &Signer::named("es256").kid, subject)
}

/// As [`event_with_kid`], with another `iss`.
pub fn event_of_issuer(issuer: &str, signer: &str, kid: &str) -> String {
    token_event(issuer, signer, kid, "ana")
}

fn token_event(issuer: &str, signer: &str, kid: &str, subject: &str) -> String {
    let signer = Signer::named(signer);
    let mut header = signer.header();
    header["kid"] = json!(kid);
    let claims = json!({ "iss": issuer, "aud": "iot.example.com", "sub": subject, "exp": NOW + 31_536_000 });
    json!({ "token": signer.sign(header.to_string().as_bytes(), claims.to_string().as_bytes()) }).to_string()
}
