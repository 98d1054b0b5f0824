//! A sandbox's function with a clock that the test moves, and the lines that it writes.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use iot_jwt_authorizer::config::Config;
use iot_jwt_authorizer::function::{Function, Invocation};
use serde_json::{Value, json};

use super::signer::Signer;
use super::{FUNCTION, NOW};

/// The world around a function: its clock and its log.
pub struct World {
    now: Cell<SystemTime>,
    lines: RefCell<Vec<Value>>,
}

impl World {
    /// It is [`NOW`], and nothing has happened.
    pub fn new() -> Self {
        Self { now: Cell::new(SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)), lines: RefCell::default() }
    }

    /// The present.
    pub fn now(&self) -> SystemTime {
        self.now.get()
    }

    /// Moves the clock on.
    pub fn pass(&self, seconds: u64) {
        self.now.set(self.now.get() + Duration::from_secs(seconds));
    }

    /// Runs something beside a function of this world.
    pub fn run<T>(&self, config: Config, test: impl AsyncFnOnce(&Sandbox<'_>) -> T) -> T {
        let clock = || self.now.get();
        let log = |line: &[u8]| {
            assert!(
                line.ends_with(b"\n") && line.iter().filter(|byte| **byte == b'\n').count() == 1,
                "one line"
            );
            self.lines.borrow_mut().push(serde_json::from_slice(line).unwrap());
        };
        let sandbox = Sandbox { function: Function::new(config, &clock, &log), world: self };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(test(&sandbox))
    }

    /// The lines since the last call, of decisions and of keys.
    pub fn lines(&self) -> Vec<Value> {
        self.lines.take()
    }
}

/// A function, asked as Lambda asks.
pub struct Sandbox<'w> {
    pub function: Function<'w>,
    world: &'w World,
}

impl Sandbox<'_> {
    /// What becomes of an event: `allow` or a code, and for how many fetches it waited.
    pub async fn ask(&self, event: &str) -> (String, u64) {
        let deadline = self.world.now() + Duration::from_secs(5);
        let invocation =
            Invocation { request_id: "r", trace: None, function: FUNCTION, deadline, cold_start: false };
        let _ = self.function.answer(event.as_bytes(), invocation).await;
        let lines = self.world.lines.borrow();
        let line = lines.iter().rev().find(|line| line.get("decision").is_some()).unwrap();
        let code = line.get("code").unwrap_or(&line["decision"]);
        let code = if code == "allow" { "allow" } else { code.as_str().unwrap() };
        (code.to_owned(), line.get("key_fetches").and_then(Value::as_u64).unwrap_or(0))
    }

    /// The same for what has to be answered in one go: polled once, it is there.
    pub fn ask_at_once(&self, event: &str) -> String {
        let mut answer = pin!(self.ask(event));
        match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready((code, 0)) => code,
            other => panic!("an answer waited: {other:?}"),
        }
    }

    /// What Lambda lets it do after an answer.
    pub async fn after(&self) {
        self.function.refresh(self.world.now() + Duration::from_secs(5)).await;
    }
}

/// An event with a token of that signer, valid for as long as any test's clock runs.
pub fn event(signer: &str) -> String {
    event_of(signer, &Signer::named(signer).kid)
}

/// The same under another `kid`.
pub fn event_of(signer: &str, kid: &str) -> String {
    let signer = Signer::named(signer);
    let mut header = signer.header();
    header["kid"] = json!(kid);
    let claims = json!({ "iss": "https://login.example.com/", "aud": "iot.example.com", "sub": "ana", "exp": NOW + 31_536_000 });
    json!({ "token": signer.sign(header.to_string().as_bytes(), claims.to_string().as_bytes()) }).to_string()
}
