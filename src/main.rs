//! The program that Lambda starts: reads the deployment, then gives each event to the function. Only this file reads
//! the clock and the environment, writes the log and talks to Lambda.

use std::cell::Cell;
use std::io::Write;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::time::SystemTime;

use bytes::Bytes;
use lambda_runtime::tower::{Layer, Service};
use lambda_runtime::{Error, LambdaEvent, LambdaInvocation, Runtime, service_fn};
use serde::de::IgnoredAny;
use tokio::runtime::Builder;
use tokio::task_local;

use iot_jwt_authorizer::config::{self, Config};
use iot_jwt_authorizer::function::{Function, Invocation};
use iot_jwt_authorizer::log::{self, Level, LogSettings};
use iot_jwt_authorizer::response::Response;

/// How many events the sandbox gets at once.
#[derive(Clone, Copy)]
enum Concurrency {
    One,
    Several,
}

impl Concurrency {
    /// Reads the variable that Lambda sets on Managed Instances, as `lambda_runtime` does.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-rust.html>
    fn read(environment: &dyn Fn(&str) -> Option<String>) -> Self {
        let limit = environment("AWS_LAMBDA_MAX_CONCURRENCY").and_then(|limit| limit.parse::<u32>().ok());
        if limit.is_some_and(|limit| limit > 1) { Self::Several } else { Self::One }
    }
}

#[expect(clippy::disallowed_methods, reason = "the environment is read here")]
fn main() -> ExitCode {
    let environment = |name: &str| std::env::var(name).ok();
    match Config::load(&config::path(&environment), &environment) {
        Ok(config) => {
            for warning in &config.warnings {
                report(Level::Warn, &format!("warning: {warning}"), &config.log);
            }
            serve(config, Concurrency::read(&environment))
        }
        Err(errors) => {
            let settings = LogSettings::read(&environment);
            errors.0.iter().for_each(|error| report(Level::Error, &format!("error: {error}"), &settings));
            ExitCode::FAILURE
        }
    }
}

/// Answers events until Lambda ends the sandbox. A sandbox that gets one event at a time needs one thread; one that
/// gets several uses all its processors.
#[expect(clippy::disallowed_methods, reason = "the clock is read here")]
fn serve(config: Config, concurrency: Concurrency) -> ExitCode {
    let settings = config.log.clone();
    let function = Function::new(config, SystemTime::now, write);
    let mut builder = match concurrency {
        Concurrency::One => Builder::new_current_thread(),
        Concurrency::Several => Builder::new_multi_thread(),
    };
    let served = builder.enable_all().build().map_err(Error::from).and_then(|runtime| {
        runtime.block_on(async {
            function.start().await;
            poll(function, concurrency, settings.clone()).await
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

async fn poll(function: Arc<Function>, concurrency: Concurrency, settings: LogSettings) -> Result<(), Error> {
    let cold_start = Arc::new(AtomicBool::new(true));
    let around = AroundEvents { function: function.clone(), concurrency, settings };
    let handler = service_fn(move |invocation: LambdaEvent<IgnoredAny>| {
        let (function, cold_start) = (function.clone(), cold_start.clone());
        async move {
            // Without an event, which `EventService` always sets, the request is denied as malformed.
            let event = EVENT.try_with(Cell::take).unwrap_or_default();
            let context = invocation.context;
            let invocation = Invocation {
                request_id: &context.request_id,
                trace: context.xray_trace_id.as_deref(),
                function: &context.invoked_function_arn,
                deadline: context.deadline(),
                cold_start: cold_start.swap(false, Ordering::Relaxed),
            };
            Ok::<Response, Error>(function.answer(&event, invocation).await)
        }
    });
    // Polls as often as `AWS_LAMBDA_MAX_CONCURRENCY` says; one event after the other if it is unset.
    Runtime::new(handler).layer(around).run_concurrent().await
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

task_local! {
    /// The bytes of the event that a task handles. They travel with the future of their invocation.
    static EVENT: Cell<Bytes>;
}

/// Work before and after the runtime's own handling of an event.
///
/// Before: takes the event's bytes out of the invocation. The runtime's JSON reader would copy them, and would make a
/// function error of an event that it cannot read; our function answers any event. After, when the response is
/// delivered: fetches the keys that are due.
#[derive(Clone)]
struct AroundEvents {
    function: Arc<Function>,
    concurrency: Concurrency,
    settings: LogSettings,
}

impl<S> Layer<S> for AroundEvents {
    type Service = EventService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        EventService { inner, around: Arc::new(self.clone()) }
    }
}

#[derive(Clone)]
struct EventService<S> {
    inner: S,
    around: Arc<AroundEvents>,
}

impl<S> Service<LambdaInvocation> for EventService<S>
where
    S: Service<LambdaInvocation, Response = (), Error = Error>,
    S::Future: Send + 'static,
{
    type Response = ();
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut invocation: LambdaInvocation) -> Self::Future {
        let (around, deadline) = (self.around.clone(), invocation.context.deadline());
        let event = std::mem::replace(&mut invocation.body, Bytes::from_static(b"null"));
        let delivered = EVENT.scope(Cell::new(event), self.inner.call(invocation));
        Box::pin(async move {
            let delivered = delivered.await;
            around.after(delivered, deadline).await
        })
    }
}

impl AroundEvents {
    /// The work after an event. While a sandbox gets one event at a time, it is frozen afterwards, so the refresh ends
    /// before; and a response that cannot be delivered ends the sandbox, which Lambda replaces. A sandbox that gets
    /// several is never frozen: the refresh is a task of its own, and one lost response does not end the other events.
    async fn after(&self, delivered: Result<(), Error>, deadline: SystemTime) -> Result<(), Error> {
        match self.concurrency {
            Concurrency::One => {
                delivered?;
                self.function.refresh(deadline).await;
            }
            Concurrency::Several => {
                if let Err(error) = delivered {
                    let message = format!("error: a response was not delivered: {error}");
                    report(Level::Error, &message, &self.settings);
                }
                if self.function.is_refresh_due() {
                    let function = self.function.clone();
                    tokio::spawn(async move { function.refresh(deadline).await });
                }
            }
        }
        Ok(())
    }
}
