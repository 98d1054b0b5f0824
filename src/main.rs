//! The program that Lambda starts: reads the deployment, then gives each event to the function. Only this file reads
//! the clock and the environment, writes the log and talks to Lambda.

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
use iot_jwt_authorizer::log::{self, Level, LogSettings};
use iot_jwt_authorizer::response::Response;

#[expect(clippy::disallowed_methods, reason = "the environment is read here")]
fn main() -> ExitCode {
    let environment = |name: &str| std::env::var(name).ok();
    match Config::load(&config::path(&environment), &environment) {
        Ok(config) => {
            for warning in &config.warnings {
                report(Level::Warn, &format!("warning: {warning}"), &config.log);
            }
            serve(config)
        }
        Err(errors) => {
            let settings = LogSettings::read(&environment);
            errors.0.iter().for_each(|error| report(Level::Error, &format!("error: {error}"), &settings));
            ExitCode::FAILURE
        }
    }
}

/// Answers events until Lambda ends the sandbox. One thread is enough, since a sandbox gets one event at a time.
#[expect(clippy::disallowed_methods, reason = "the clock is read here")]
fn serve(config: Config) -> ExitCode {
    let settings = config.log.clone();
    let function = Function::new(config, &SystemTime::now, &write);
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
            report(Level::Error, &format!("error: the Lambda runtime stopped: {error}"), &settings);
            ExitCode::FAILURE
        }
    }
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
        Ok::<Response, Error>(function.answer(&event, invocation).await)
    });
    Runtime::new(handler).layer(AroundEvents { function, event: event.clone() }).run().await
}

/// Writes one line in one write. A failure to write the log denies no request.
fn write(line: &[u8]) {
    let _ = std::io::stdout().write_all(line);
}

/// Writes a message that is not a decision.
#[expect(clippy::disallowed_methods, reason = "the clock is read here")]
fn report(level: Level, message: &str, settings: &LogSettings) {
    let notice = log::notice(level, message, SystemTime::now(), settings);
    let _ = std::io::stderr().write_all(notice.as_bytes());
}

/// Work before and after the runtime's own handling of an event.
///
/// Before: takes the event's bytes out of the invocation. The runtime's JSON reader would copy them, and would make a
/// function error of an event that it cannot read; our function answers any event. After, when the response is
/// delivered: fetches the keys that are due.
#[derive(Clone)]
struct AroundEvents<'f> {
    function: &'f Function<'f>,
    event: Rc<RefCell<Bytes>>,
}

impl<'f, S> Layer<S> for AroundEvents<'f> {
    type Service = EventService<'f, S>;

    fn layer(&self, inner: S) -> Self::Service {
        EventService { inner, around: self.clone() }
    }
}

struct EventService<'f, S> {
    inner: S,
    around: AroundEvents<'f>,
}

impl<'f, S> Service<LambdaInvocation> for EventService<'f, S>
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
