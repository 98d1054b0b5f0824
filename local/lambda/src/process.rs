//! One process of the function: its state in the Runtime API, and the invocation that it works on.

use std::io;
use std::process::ExitStatus;

use bytes::Bytes;
use iot_local_base::clock;
use tokio::process::Child;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::{InvokeError, StartError};
use crate::limits::INIT_LIMIT;
use crate::lines::ErrorOutput;
use crate::queue::Job;
use crate::runtime_api::{Delivery, RuntimeCall};

/// How a process ended.
pub(crate) enum ProcessEnd {
    /// By itself, or killed from outside.
    Exited(io::Result<ExitStatus>),
    /// Killed here, at its time limit.
    TimedOut,
}

/// A running process.
pub(crate) struct Process {
    pub(crate) child: Child,
    init_deadline: Instant,
    /// Whether the process has requested an event.
    is_initialised: bool,
    /// Whether the process has completed an invocation.
    has_responded: bool,
    /// The process's open request for its next event.
    next_request: Option<oneshot::Sender<Delivery>>,
    invocation: Option<Invocation>,
    error_output: ErrorOutput,
}

struct Invocation {
    job: Job,
    deadline: Instant,
}

impl Process {
    pub(crate) fn new(child: Child, error_output: ErrorOutput) -> Self {
        Self {
            child,
            init_deadline: clock::deadline(INIT_LIMIT),
            is_initialised: false,
            has_responded: false,
            next_request: None,
            invocation: None,
            error_output,
        }
    }

    /// Whether the process waits for an event.
    pub(crate) fn is_idle(&self) -> bool {
        self.next_request.is_some() && self.invocation.is_none()
    }

    /// Whether [`Self::deadline`] applies: during initialisation and during an invocation.
    pub(crate) fn has_deadline(&self) -> bool {
        !self.is_initialised || self.invocation.is_some()
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.invocation.as_ref().map_or(self.init_deadline, |invocation| invocation.deadline)
    }

    /// Handles a call of the Runtime API. Returns whether the process requests an event.
    pub(crate) fn handle(&mut self, call: RuntimeCall) -> bool {
        match call {
            RuntimeCall::Next(reply) => {
                self.fail(&InvokeError::NoResponse);
                self.next_request = Some(reply);
                self.is_initialised = true;
                return true;
            }
            RuntimeCall::Response { id, body } => self.complete(&id, Ok(body)),
            RuntimeCall::Error { id, kind, message } => {
                self.complete(&id, Err(InvokeError::Failed { kind, message }));
            }
            RuntimeCall::InitError { kind, message } => self.error_output.push(&format!("{kind}: {message}")),
        }
        false
    }

    /// Completes the invocation with this id. Does nothing if the process works on another, or on none.
    fn complete(&mut self, id: &str, outcome: Result<Bytes, InvokeError>) {
        if let Some(invocation) = self.invocation.take_if(|invocation| invocation.job.id.to_string() == id) {
            self.has_responded = true;
            let _ = invocation.job.reply.send(outcome);
        }
    }

    /// Hands the job to the waiting process. Returns it if the process cannot take it.
    pub(crate) fn start_job(&mut self, job: Job) -> Option<Job> {
        // The exit of an idle process may still be unnoticed. Checked here, so that its death fails no invocation.
        if !matches!(self.child.try_wait(), Ok(None)) {
            self.next_request = None;
            return Some(job);
        }
        let Some(next_request) = self.next_request.take() else { return Some(job) };
        // The time limit of the process starts now: the time that the job waited before is not its fault.
        let deadline = clock::deadline(job.limit);
        let (event, identity) = (job.event.clone(), job.identity.clone());
        let delivery = Delivery { id: job.id, event, identity, deadline };
        if next_request.send(delivery).is_err() {
            return Some(job);
        }
        self.invocation = Some(Invocation { job, deadline });
        None
    }

    fn fail(&mut self, error: &InvokeError) {
        if let Some(invocation) = self.invocation.take() {
            let _ = invocation.job.reply.send(Err(error.clone()));
        }
    }

    /// Ends the invocation of an exited process. Returns the job if another process is to retry it.
    ///
    /// A process that is killed from outside may have been idle when the signal was sent, so its job is retried once.
    /// The exit of a process by itself fails the invocation.
    pub(crate) fn after_exit(&mut self, status: &io::Result<ExitStatus>) -> Option<Job> {
        if was_killed(status)
            && let Some(invocation) = self.invocation.take_if(|invocation| !invocation.job.is_retry)
        {
            return Some(Job { is_retry: true, ..invocation.job });
        }
        self.fail(&InvokeError::Died(describe(status)));
        None
    }

    /// Kills the process at its deadline.
    pub(crate) async fn time_out(&mut self) -> ProcessEnd {
        let limit = self.invocation.as_ref().map_or(INIT_LIMIT, |invocation| invocation.job.limit);
        self.fail(&InvokeError::TimedOut(limit));
        let _ = self.child.kill().await;
        ProcessEnd::TimedOut
    }

    /// Returns whether the process completed an invocation.
    ///
    /// # Errors
    /// If it ended before it requested its first event.
    pub(crate) fn outcome(&self, end: ProcessEnd) -> Result<bool, StartError> {
        let error_output = self.error_output.text();
        match end {
            _ if self.is_initialised => Ok(self.has_responded),
            ProcessEnd::Exited(status) => Err(StartError::Exited { status: describe(&status), error_output }),
            ProcessEnd::TimedOut => Err(StartError::TimedOut { error_output }),
        }
    }
}

fn describe(status: &io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}

/// Whether SIGKILL or SIGTERM ended the process.
#[cfg(unix)]
fn was_killed(status: &io::Result<ExitStatus>) -> bool {
    use std::os::unix::process::ExitStatusExt;
    status.as_ref().is_ok_and(|status| status.signal().is_some_and(|signal| matches!(signal, 9 | 15)))
}

#[cfg(not(unix))]
fn was_killed(_: &io::Result<ExitStatus>) -> bool {
    false
}
