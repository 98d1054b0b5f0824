//! What Lambda starts: reads the deployment, then hands each event to the authorizer. It alone reads the clock, writes the
//! log and talks to Lambda.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::process::ExitCode;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use lambda_runtime::tower::{Layer, Service};
use lambda_runtime::{Context, Error, LambdaEvent, LambdaInvocation, Runtime, service_fn};
use serde::de::IgnoredAny;

use iot_jwt_authorizer::authorizer::Authorizer;
use iot_jwt_authorizer::config::{self, Config};
use iot_jwt_authorizer::log::{self, Circumstances};
use iot_jwt_authorizer::response::Answer;

#[expect(clippy::disallowed_methods, reason = "the shell is where the environment is read")]
fn main() -> ExitCode {
    let environment = |name: &str| std::env::var(name).ok();
    match Config::load(&config::path(&environment), &environment) {
        Ok(config) => {
            for warning in &config.warnings {
                report(&format!("warning: {warning}\n"));
            }
            serve(&config.authorizer)
        }
        Err(faults) => {
            report(&faults.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Answers events until Lambda ends the sandbox. One thread: a sandbox has one event at a time.
fn serve(authorizer: &Authorizer) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.map_err(Error::from).and_then(|runtime| runtime.block_on(poll(authorizer)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&format!("the runtime stopped: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

async fn poll(authorizer: &Authorizer) -> Result<(), Error> {
    let event = Handover::default();
    let cold_start = Cell::new(true);
    let handler = service_fn(|invocation: LambdaEvent<IgnoredAny>| {
        let answer = answer(authorizer, &event.take(), &invocation.context, cold_start.replace(false));
        async move { Ok::<Answer, Error>(answer) }
    });
    Runtime::new(handler).layer(event.clone()).run().await
}

/// Decides about one event, and says so in the log before anybody hears of it.
#[expect(clippy::disallowed_methods, reason = "the shell is where the clock is read")]
fn answer(authorizer: &Authorizer, event: &[u8], context: &Context, cold_start: bool) -> Answer {
    let start = Instant::now();
    let decision = authorizer.authorize(event, &context.invoked_function_arn, SystemTime::now().into());
    let circumstances =
        Circumstances { request_id: &context.request_id, duration: start.elapsed(), cold_start };
    let line = log::line(&decision, circumstances);
    // A log that cannot be written is no reason to turn anyone away.
    let _ = std::io::stdout().write_all(&line);
    decision.outcome.unwrap_or_else(|_| Answer::refuse())
}

fn report(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Takes an event's bytes past the runtime's own reader to the handler. That reader would copy them, and turn what it cannot read
/// into a function error; here anything at all gets an answer.
#[derive(Clone, Default)]
struct Handover(Rc<RefCell<Bytes>>);

impl Handover {
    fn take(&self) -> Bytes {
        self.0.take()
    }
}

impl<S> Layer<S> for Handover {
    type Service = Diverted<S>;

    fn layer(&self, inner: S) -> Diverted<S> {
        Diverted { inner, event: self.clone() }
    }
}

struct Diverted<S> {
    inner: S,
    event: Handover,
}

impl<S: Service<LambdaInvocation>> Service<LambdaInvocation> for Diverted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut invocation: LambdaInvocation) -> S::Future {
        self.event.0.replace(std::mem::replace(&mut invocation.body, Bytes::from_static(b"null")));
        self.inner.call(invocation)
    }
}
