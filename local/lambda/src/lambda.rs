//! A running function.
//!
//! Each sandbox (execution environment) is one process. All sandboxes take jobs from one queue. Each process has a
//! Runtime API listener of its own, so the host knows which process works on which invocation: the invocation of a
//! process that dies fails at once, and exactly the process that exceeds its time is killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::endpoint::Endpoint;
use crate::error::{InvokeError, StartError};
use crate::invoker::InvokerIdentity;
use crate::lazy::{LazyHost, LazyTarget};
use crate::limits::{ASYNC_INVOKE_LIMIT, INVOKE_LIMIT};
use crate::queue::{Job, Queue};
use crate::sandbox::Sandbox;
use crate::spec::{LambdaSpec, LineSink};

/// Where a function runs.
#[derive(Clone)]
pub enum InvokeTarget {
    /// In processes on this machine.
    Processes(LambdaSpec),
    /// Behind an Invoke API endpoint.
    Endpoint(Endpoint),
    /// In processes whose program is built at the first invocation.
    Lazy(LazyTarget),
}

impl InvokeTarget {
    /// Returns the function's ARN. Its Region and account are those of every AWS IoT resource.
    #[must_use]
    pub fn arn(&self) -> &str {
        match self {
            Self::Processes(spec) => &spec.function_arn,
            Self::Endpoint(endpoint) => endpoint.function_arn(),
            Self::Lazy(target) => &target.spec.function_arn,
        }
    }

    /// Returns how the function's processes run. `None` for an endpoint.
    pub fn spec_mut(&mut self) -> Option<&mut LambdaSpec> {
        match self {
            Self::Processes(spec) => Some(spec),
            Self::Lazy(target) => Some(&mut target.spec),
            Self::Endpoint(_) => None,
        }
    }
}

impl From<LambdaSpec> for InvokeTarget {
    fn from(spec: LambdaSpec) -> Self {
        Self::Processes(spec)
    }
}

/// A running function. Dropping it kills its processes.
pub struct Lambda {
    host: Host,
    process_ids: Arc<[AtomicU32]>,
}

enum Host {
    Sandboxes { queue: Arc<Queue>, _running: JoinSet<()> },
    Endpoint(Endpoint),
    Lazy(LazyHost),
    Stopped,
}

impl Lambda {
    /// Returns a function that does not run: every invocation fails with [`InvokeError::Stopped`].
    #[must_use]
    pub fn stopped() -> Self {
        Self { host: Host::Stopped, process_ids: Arc::default() }
    }

    /// Starts the function. An endpoint is not contacted, and a lazy function does not start, before the first
    /// invocation.
    ///
    /// # Errors
    /// If a process ends, or does not request an event, within [`INIT_LIMIT`](crate::INIT_LIMIT). Returns the error of
    /// the first such process and kills the others.
    pub async fn start(target: impl Into<InvokeTarget>, line_sink: LineSink) -> Result<Self, StartError> {
        match target.into() {
            InvokeTarget::Processes(spec) => Self::start_sandboxes(spec, line_sink).await,
            InvokeTarget::Endpoint(endpoint) => {
                Ok(Self { host: Host::Endpoint(endpoint), process_ids: Arc::default() })
            }
            InvokeTarget::Lazy(target) => {
                Ok(Self { host: Host::Lazy(LazyHost::new(target, line_sink)), process_ids: Arc::default() })
            }
        }
    }

    /// Starts all sandboxes and waits until each has requested its first event.
    async fn start_sandboxes(spec: LambdaSpec, line_sink: LineSink) -> Result<Self, StartError> {
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
                Arc::clone(&line_sink),
                Arc::clone(&process_ids),
                started,
            );
            sandboxes.spawn(sandbox.run());
            starts.push(start);
        }
        for start in starts {
            match start.await {
                Ok(outcome) => outcome?,
                Err(_) => return Err(StartError::TimedOut { error_output: String::new() }),
            }
        }
        Ok(Self { host: Host::Sandboxes { queue, _running: sandboxes }, process_ids })
    }

    /// Sends the event to the next idle sandbox, or to the endpoint, and returns the function's response.
    ///
    /// # Errors
    /// See [`InvokeError`]. Returns after [`INVOKE_LIMIT`] at the latest; the start of a lazy function does not count.
    pub async fn invoke(&self, event: Bytes) -> Result<Bytes, InvokeError> {
        self.invoke_as(event, None).await
    }

    /// The same for a Cognito identity, which the function finds in its context. An endpoint does not get it.
    ///
    /// # Errors
    /// As [`Self::invoke`].
    pub async fn invoke_as(
        &self,
        event: Bytes,
        identity: Option<InvokerIdentity>,
    ) -> Result<Bytes, InvokeError> {
        let lambda = self.started().await?;
        let response = tokio::time::timeout(INVOKE_LIMIT, lambda.respond(event, identity, INVOKE_LIMIT));
        response.await.unwrap_or(Err(InvokeError::TimedOut(INVOKE_LIMIT)))
    }

    /// Invokes the function as an asynchronous invocation does, once: the event waits for an idle sandbox as long as it
    /// takes, and then the function has [`ASYNC_INVOKE_LIMIT`]. The caller retries, and bounds how many events wait.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html>
    ///
    /// # Errors
    /// See [`InvokeError`].
    pub async fn invoke_async(&self, event: Bytes) -> Result<Bytes, InvokeError> {
        self.started().await?.respond(event, None, ASYNC_INVOKE_LIMIT).await
    }

    /// The function itself, or the one that a lazy function has become.
    async fn started(&self) -> Result<&Self, InvokeError> {
        match &self.host {
            Host::Lazy(lazy) => lazy.started().await,
            _ => Ok(self),
        }
    }

    /// `limit` is how long a process, or the endpoint, may work on the event.
    async fn respond(
        &self,
        event: Bytes,
        identity: Option<InvokerIdentity>,
        limit: Duration,
    ) -> Result<Bytes, InvokeError> {
        match &self.host {
            Host::Endpoint(endpoint) => {
                let response = tokio::time::timeout(limit, endpoint.invoke(event));
                response.await.unwrap_or(Err(InvokeError::TimedOut(limit)))
            }
            Host::Stopped | Host::Lazy(_) => Err(InvokeError::Stopped),
            Host::Sandboxes { queue, .. } => {
                let (reply, response) = oneshot::channel();
                queue.push(Job { id: Uuid::new_v4(), event, identity, limit, is_retry: false, reply });
                response.await.unwrap_or(Err(InvokeError::Stopped))
            }
        }
    }

    /// Returns the ids of the running processes. Empty for an endpoint.
    #[must_use]
    pub fn process_ids(&self) -> Vec<u32> {
        if let Host::Lazy(lazy) = &self.host {
            return lazy.running().map(Self::process_ids).unwrap_or_default();
        }
        self.process_ids.iter().map(|id| id.load(Ordering::Relaxed)).filter(|id| *id != 0).collect()
    }
}
