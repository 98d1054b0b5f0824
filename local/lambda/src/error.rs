//! Why a function does not start, or sends no response.

use std::path::PathBuf;
use std::time::Duration;

use crate::limits::INIT_LIMIT;

/// Why an invocation has no response. AWS IoT denies the client in each of these cases.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// No response within this limit. For [`INVOKE_LIMIT`](crate::INVOKE_LIMIT), the wait for an idle sandbox counts.
    #[error("the function did not respond within {} seconds; a hanging process is replaced", .0.as_secs())]
    TimedOut(Duration),
    /// The process ended during the invocation.
    #[error("the function's process ended during the invocation ({0}); it is replaced")]
    Died(String),
    /// The process requested its next event without a response to this one.
    #[error("the function requested its next event without sending a response")]
    NoResponse,
    /// The function reported an error instead of a response.
    #[error("the function failed: {kind}: {message}")]
    Failed {
        /// The report's `errorType`.
        kind: String,
        /// The report's `errorMessage`, at most 1,000 characters.
        message: String,
    },
    /// The function's invoke endpoint is unreachable, or its response is not that of a Lambda function.
    #[error("the function's endpoint: {0}")]
    Endpoint(String),
    /// A function that starts at its first invocation cannot be built or started.
    #[error("the function did not start: {0}")]
    NotStarted(String),
    /// The sandboxes have been shut down.
    #[error("the function has been stopped")]
    Stopped,
}

/// Why a function cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program cannot be run.
    #[error("cannot run {}: {source}\n  help: check the path, and that the file is executable", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The process ended before it requested its first event.
    #[error("the function exited before its first event ({status}){}", on_new_lines(error_output))]
    Exited {
        /// Its exit status.
        status: String,
        /// Its standard error, and errors that it reported to the Runtime API.
        error_output: String,
    },
    /// The process did not request its first event within [`INIT_LIMIT`].
    #[error(
        "the function did not request its first event within {} seconds{}",
        INIT_LIMIT.as_secs(),
        on_new_lines(error_output)
    )]
    TimedOut {
        /// Its standard error so far, and errors that it reported to the Runtime API.
        error_output: String,
    },
    /// The Runtime API cannot listen on loopback.
    #[error("cannot listen on 127.0.0.1 for the Lambda Runtime API: {0}")]
    Listen(std::io::Error),
}

fn on_new_lines(error_output: &str) -> String {
    let text = error_output.trim_end();
    if text.is_empty() { String::new() } else { format!(":\n{text}") }
}
