//! A Lambda on one's own machine: the function's processes behind the Lambda Runtime API, or what answers at an address.
//!
//! Each process is one execution environment ("sandbox"). All take from one queue, and each speaks to a listener
//! of its own, so that it is always known which process holds which request: when a process dies its request fails
//! at once, and when it is too slow that process is the one that is killed.

mod endpoint;
mod life;
mod lines;
mod queue;
mod runtime_api;
mod sandbox;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use uuid::Uuid;

pub use self::endpoint::{Endpoint, NotAnEndpoint};
use self::queue::{Job, Queue};
use self::sandbox::Sandbox;
use crate::clock;

/// How long AWS IoT waits for a custom authorizer, cold start and queueing included.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-troubleshooting.html>
pub const INVOKE_LIMIT: Duration = Duration::from_secs(5);

/// How long Lambda lets a function initialise before it asks for its first event.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
pub const INIT_LIMIT: Duration = Duration::from_secs(10);

/// What to run, and as what.
#[derive(Clone)]
pub struct LambdaSpec {
    /// The program: `bootstrap`, or any command that speaks the Runtime API.
    pub program: PathBuf,
    /// Its arguments; a Lambda has none.
    pub args: Vec<String>,
    /// Its whole environment, but for what Lambda itself sets. `LAMBDA_TASK_ROOT` is the caller's to give.
    pub env: Vec<(String, String)>,
    /// Its working directory.
    pub current_dir: PathBuf,
    /// How many processes, at least one.
    pub sandboxes: usize,
    /// The ARN that it is told it was invoked by; region and function name are taken from it.
    pub function_arn: String,
}

/// What is invoked.
#[derive(Clone)]
pub enum Function {
    /// Processes of our own.
    Processes(LambdaSpec),
    /// A Lambda that someone else runs.
    Endpoint(Endpoint),
}

impl Function {
    /// The ARN whose Region and account are those of every resource.
    #[must_use]
    pub fn arn(&self) -> &str {
        match self {
            Self::Processes(spec) => &spec.function_arn,
            Self::Endpoint(endpoint) => endpoint.function_arn(),
        }
    }
}

impl From<LambdaSpec> for Function {
    fn from(spec: LambdaSpec) -> Self {
        Self::Processes(spec)
    }
}

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// The function's standard output.
    Stdout,
    /// The function's standard error.
    Stderr,
    /// The host, about the function: it was started again, or why it could not be.
    Host,
}

/// One line that a sandbox wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxLine {
    /// The sandbox, from 0.
    pub sandbox: usize,
    /// Which of its streams.
    pub stream: Stream,
    /// The line without its end; a very long one comes in pieces.
    pub text: String,
}

/// What takes the lines of all sandboxes. Called from their reader tasks: it must not block.
pub type LineSink = Arc<dyn Fn(SandboxLine) + Send + Sync>;

/// Why an invocation has no answer. AWS IoT refuses the client in every one of these cases.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// No answer within [`INVOKE_LIMIT`], waiting for a free sandbox included.
    #[error("the function did not answer within {} seconds; a sandbox that hangs is replaced", INVOKE_LIMIT.as_secs())]
    TimedOut,
    /// The process ended while it held the request.
    #[error("the function's process ended while it worked ({0}); its sandbox is replaced")]
    Died(String),
    /// The function reported an error instead of an answer.
    #[error("the function failed: {kind}: {message}")]
    Failed {
        /// Its `errorType`.
        kind: String,
        /// Its `errorMessage`.
        message: String,
    },
    /// The endpoint of the function cannot be reached, or gives no answer that a Lambda would give.
    #[error("the function's endpoint: {0}")]
    Endpoint(String),
    /// The host is being shut down.
    #[error("the function's host has stopped")]
    Stopped,
}

/// Why the function cannot be served at all.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program cannot be run.
    #[error("cannot run {}: {source}; check the path and that the file is executable", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It ended before it asked for its first event; `stderr` is what it said.
    #[error("the function stopped before its first event ({status}){}", said(stderr))]
    Exited {
        /// Its exit status.
        status: String,
        /// Its standard error, and what it reported to the Runtime API.
        stderr: String,
    },
    /// It neither ended nor asked for an event.
    #[error("the function did not ask for its first event within {} seconds{}", INIT_LIMIT.as_secs(), said(stderr))]
    Silent {
        /// Its standard error so far.
        stderr: String,
    },
    /// The Runtime API cannot listen on loopback.
    #[error("the Lambda Runtime API cannot listen on 127.0.0.1: {0}")]
    Listen(std::io::Error),
}

fn said(stderr: &str) -> String {
    let text = stderr.trim_end();
    if text.is_empty() { String::new() } else { format!(":\n{text}") }
}

/// A running function. Dropping it ends its processes.
pub struct Lambda {
    host: Host,
    process_ids: Arc<[AtomicU32]>,
}

enum Host {
    Sandboxes { queue: Arc<Queue>, _running: JoinSet<()> },
    Endpoint(Endpoint),
}

impl Lambda {
    /// Makes the function ready. Whether an endpoint answers is seen at the first invocation.
    ///
    /// # Errors
    /// The first fault of a process that did not get to its first event; the others are ended.
    pub async fn start(function: impl Into<Function>, lines: LineSink) -> Result<Self, StartError> {
        match function.into() {
            Function::Processes(spec) => Self::start_sandboxes(spec, lines).await,
            Function::Endpoint(endpoint) => {
                Ok(Self { host: Host::Endpoint(endpoint), process_ids: Arc::default() })
            }
        }
    }

    /// Starts every sandbox and waits until each has asked for its first event.
    async fn start_sandboxes(spec: LambdaSpec, lines: LineSink) -> Result<Self, StartError> {
        let spec = Arc::new(spec);
        let queue = Arc::new(Queue::new());
        let process_ids: Arc<[AtomicU32]> = (0..spec.sandboxes.max(1)).map(|_| AtomicU32::new(0)).collect();
        let mut sandboxes = JoinSet::new();
        let mut starts = Vec::new();
        for number in 0..process_ids.len() {
            let (started, start) = oneshot::channel();
            let sandbox = Sandbox::new(
                number,
                Arc::clone(&spec),
                Arc::clone(&queue),
                Arc::clone(&lines),
                Arc::clone(&process_ids),
                started,
            );
            sandboxes.spawn(sandbox.run());
            starts.push(start);
        }
        for start in starts {
            match start.await {
                Ok(outcome) => outcome?,
                Err(_) => return Err(StartError::Silent { stderr: String::new() }),
            }
        }
        Ok(Self { host: Host::Sandboxes { queue, _running: sandboxes }, process_ids })
    }

    /// Hands the event to the next free sandbox, or to the endpoint, and returns what the function answers.
    ///
    /// # Errors
    /// See [`InvokeError`]; at the latest after [`INVOKE_LIMIT`].
    pub async fn invoke(&self, event: Bytes) -> Result<Bytes, InvokeError> {
        let deadline = clock::deadline(INVOKE_LIMIT);
        let answer = async {
            match &self.host {
                Host::Endpoint(endpoint) => endpoint.invoke(event).await,
                Host::Sandboxes { queue, .. } => {
                    let (reply, answer) = oneshot::channel();
                    queue.put(Job { id: Uuid::new_v4(), event, again: false, reply });
                    answer.await.unwrap_or(Err(InvokeError::Stopped))
                }
            }
        };
        tokio::time::timeout_at(deadline, answer).await.unwrap_or(Err(InvokeError::TimedOut))
    }

    /// The processes that run now; one that is being replaced is missing, and an endpoint has none.
    #[must_use]
    pub fn process_ids(&self) -> Vec<u32> {
        self.process_ids.iter().map(|id| id.load(Ordering::Relaxed)).filter(|id| *id != 0).collect()
    }
}
