//! What Lambda starts: reads the deployment, then hands each event to the function. It alone names the clock and the log, and talks to
//! Lambda.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::pin::Pin;
use std::process::ExitCode;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll};
use std::time::SystemTime;

use bytes::Bytes;
use lambda_runtime::tower::{Layer, Service};
use lambda_runtime::{Error, LambdaEvent, LambdaInvocation, Runtime, service_fn};
use serde::de::IgnoredAny;

use iot_jwt_authorizer::config::{self, Config};
use iot_jwt_authorizer::function::{Function, Invocation};
use iot_jwt_authorizer::log::{self, Level, Settings};
use iot_jwt_authorizer::response::Answer;

/// In bytes. The rest of the start touches most of them anyway; 80 KiB took a start 3 % longer and gained nothing more.
const MEMORY_OF_AN_EVENT: usize = 48 * 1024;

#[expect(clippy::disallowed_methods, reason = "the shell is where the environment is read")]
fn main() -> ExitCode {
    let environment = |name: &str| std::env::var(name).ok();
    match Config::load(&config::path(&environment), &environment) {
        Ok(config) => {
            for warning in &config.warnings {
                report(Level::Warn, &format!("warning: {warning}\n"), &config.log);
            }
            serve(config)
        }
        Err(faults) => {
            report(Level::Error, &faults.to_string(), &Settings::of(&environment));
            ExitCode::FAILURE
        }
    }
}

/// Answers events until Lambda ends the sandbox. One thread: a sandbox has one event at a time.
#[expect(clippy::disallowed_methods, reason = "the shell is where the clock is read")]
fn serve(config: Config) -> ExitCode {
    let settings = config.log.clone();
    let function = Function::new(config, &SystemTime::now, &write);
    touch_memory();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.map_err(Error::from).and_then(|runtime| {
        runtime.block_on(async {
            function.start().await;
            poll(&function).await
        })
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(Level::Error, &format!("the runtime stopped: {error}\n"), &settings);
            ExitCode::FAILURE
        }
    }
}

/// Has the kernel give now what the first event would have to wait for, page by page.
fn touch_memory() {
    let mut memory: Vec<u8> = Vec::with_capacity(MEMORY_OF_AN_EVENT);
    for page in memory.spare_capacity_mut().chunks_mut(4096) {
        if let Some(byte) = page.first_mut() {
            byte.write(0);
        }
    }
    drop(std::hint::black_box(memory));
}

async fn poll(function: &Function<'_>) -> Result<(), Error> {
    let event = Rc::new(RefCell::new(Bytes::new()));
    let cold_start = Cell::new(true);
    let handler = service_fn(async |invocation: LambdaEvent<IgnoredAny>| {
        let (event, context) = (event.take(), invocation.context);
        let invocation = Invocation {
            request_id: &context.request_id,
            trace: context.xray_trace_id.as_deref(),
            function: &context.invoked_function_arn,
            deadline: context.deadline(),
            cold_start: cold_start.replace(false),
        };
        Ok::<Answer, Error>(function.answer(&event, invocation).await)
    });
    Runtime::new(handler).layer(Around { function, event: event.clone() }).run().await
}

/// One line, one write. A log that cannot be written is no reason to turn anyone away.
fn write(line: &[u8]) {
    let _ = std::io::stdout().write_all(line);
}

/// Tells of what is no decision, in whole lines.
#[expect(clippy::disallowed_methods, reason = "the shell is where the clock is read")]
fn report(level: Level, text: &str, settings: &Settings) {
    let _ = std::io::stderr().write_all(log::notice(level, text, SystemTime::now(), settings).as_bytes());
}

/// What happens around the runtime's own handling of an event.
///
/// Before it: the event's bytes are taken past the runtime's reader to the handler. That reader would copy them, and turn what it
/// cannot read into a function error; here anything at all gets an answer. After it, when the answer has been delivered: keys
/// that are due are fetched.
#[derive(Clone)]
struct Around<'f> {
    function: &'f Function<'f>,
    event: Rc<RefCell<Bytes>>,
}

impl<'f, S> Layer<S> for Around<'f> {
    type Service = Surrounded<'f, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Surrounded { inner, around: self.clone() }
    }
}

struct Surrounded<'f, S> {
    inner: S,
    around: Around<'f>,
}

impl<'f, S> Service<LambdaInvocation> for Surrounded<'f, S>
where
    S: Service<LambdaInvocation, Response = ()>,
    S::Future: 'f,
{
    type Response = ();
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<(), S::Error>> + 'f>>;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut invocation: LambdaInvocation) -> Self::Future {
        let (function, deadline) = (self.around.function, invocation.context.deadline());
        self.around.event.replace(std::mem::replace(&mut invocation.body, Bytes::from_static(b"null")));
        let delivered = self.inner.call(invocation);
        Box::pin(async move {
            delivered.await?;
            function.refresh(deadline).await;
            Ok(())
        })
    }
}
