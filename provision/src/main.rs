//! The program that Lambda starts: reads the configuration, then gives each event to the function that `_HANDLER`
//! names. Only this file reads the clock and the environment, writes the log and talks to Lambda.

use std::cell::Cell;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use lambda_runtime::{Context, Error, LambdaEvent, Runtime, service_fn};
use serde_json::Value;
use serde_json::value::RawValue;

use iot_provision::config::{self, Config};
use iot_provision::control::CallError;
use iot_provision::control::aws::{Aws, Roots};
use iot_provision::control::settings::AwsSettings;
use iot_provision::function::{self, Invocation, Trigger};
use iot_provision::log::{self, LineFacts};

/// Time of an invocation that is kept for the last answer and Lambda itself.
const DEADLINE_RESERVE: Duration = Duration::from_millis(500);

/// What does not change between events.
struct Program {
    trigger: Trigger,
    config: Config,
    settings: AwsSettings,
    roots: Roots,
    name: String,
    cold_start: Cell<bool>,
}

fn main() -> ExitCode {
    match Program::load() {
        Ok(program) => serve(&program),
        Err(errors) => {
            errors.iter().for_each(|error| report(&format!("error: {error}")));
            ExitCode::FAILURE
        }
    }
}

impl Program {
    /// Reads the environment and the configuration.
    ///
    /// # Errors
    /// Every error of both.
    #[expect(clippy::disallowed_methods, reason = "the environment is read here")]
    fn load() -> Result<Self, Vec<String>> {
        let environment = |name: &str| std::env::var(name).ok();
        let mut errors = Vec::new();
        let handler = environment("_HANDLER").unwrap_or_default();
        let trigger = Trigger::parse(&handler);
        if trigger.is_none() {
            let known = Trigger::ALL.map(Trigger::name).join(", ");
            errors.push(format!("unknown handler \"{handler}\"; expected one of {known}"));
        }
        let settings = AwsSettings::read(&environment).map_err(|found| errors.extend(found)).ok();
        let path = config::path(&environment);
        let config = Config::load(&path, &environment)
            .map_err(|found| errors.extend(found.0.iter().map(ToString::to_string)))
            .ok();
        if let Some(table) =
            trigger.zip(config.as_ref()).and_then(|(trigger, config)| trigger.missing_table(config))
        {
            errors.push(format!("{}: no {table}; the handler {handler} needs one", path.display()));
        }
        match (trigger, config, settings) {
            (Some(trigger), Some(config), Some(settings)) if errors.is_empty() => Ok(Self {
                trigger,
                config,
                roots: Roots::of_system(&settings),
                settings,
                name: environment("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default(),
                cold_start: Cell::new(true),
            }),
            _ => Err(errors),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the clock is read here")]
    async fn answer(&self, event: &str, context: &Context) -> Result<Value, CallError> {
        let start = SystemTime::now();
        let time =
            context.deadline().duration_since(start).unwrap_or_default().saturating_sub(DEADLINE_RESERVE);
        let control = Aws::new(&self.settings, &self.roots, &SystemTime::now, time);
        let control = control.map_err(|error| CallError { operation: "Connect", what: error.to_string() })?;
        let invocation = Invocation {
            function: &context.invoked_function_arn,
            identity: context.identity.as_ref().map(|identity| identity.identity_id.as_str()),
            now: start,
        };
        let on_made = |id: &str, device: Option<&str>| {
            write(&log::made(id, device, &context.request_id, &self.name, SystemTime::now()));
        };
        let handled =
            function::handle(self.trigger, event, invocation, &self.config, &control, &on_made).await;
        let now = SystemTime::now();
        let facts = LineFacts {
            time: now,
            function: &self.name,
            trigger: self.trigger,
            request_id: &context.request_id,
            duration: now.duration_since(start).unwrap_or_default(),
            cold_start: self.cold_start.replace(false),
            counts: control.counts(),
        };
        write(&log::line(&handled, &facts));
        handled.response(self.trigger)
    }
}

/// Answers events until Lambda ends the sandbox. One thread is enough, since a sandbox gets one event at a time.
fn serve(program: &Program) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.map_err(Error::from).and_then(|runtime| {
        runtime.block_on(async {
            // The event's own text: it is read once, by a reader that accepts no name twice.
            let handler = service_fn(async |event: LambdaEvent<Box<RawValue>>| {
                program.answer(event.payload.get(), &event.context).await
            });
            Runtime::new(handler).run().await
        })
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&format!("error: the Lambda runtime stopped: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Writes one line in one write. A failure to write the log denies no device.
fn write(line: &[u8]) {
    let _ = std::io::stdout().write_all(line);
}

/// Writes an error at start.
#[expect(clippy::disallowed_methods, reason = "the clock is read here")]
fn report(message: &str) {
    let _ = std::io::stderr().write_all(&log::notice(message, SystemTime::now()));
}
