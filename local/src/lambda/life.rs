//! The life of one process: what it has asked for, and the request it holds.

use std::io;
use std::process::ExitStatus;

use bytes::Bytes;
use tokio::process::Child;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::lines::Said;
use super::queue::Job;
use super::runtime_api::{Call, Delivery};
use super::{INIT_LIMIT, INVOKE_LIMIT, InvokeError, StartError};
use crate::clock;

/// How a process came to its end.
pub(super) enum End {
    /// It ended, by itself or killed from outside.
    Exited(io::Result<ExitStatus>),
    /// It was killed here for being too slow.
    Overran,
}

fn describe(status: &io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}

#[cfg(unix)]
fn was_killed(status: &io::Result<ExitStatus>) -> bool {
    use std::os::unix::process::ExitStatusExt;
    status.as_ref().is_ok_and(|status| status.signal().is_some_and(|signal| matches!(signal, 9 | 15)))
}

#[cfg(not(unix))]
fn was_killed(_: &io::Result<ExitStatus>) -> bool {
    false
}

/// The state of one process.
pub(super) struct Life {
    pub(super) child: Child,
    init_limit: Instant,
    polled: bool,
    served: bool,
    poll: Option<oneshot::Sender<Delivery>>,
    working: Option<Working>,
    said: Said,
}

struct Working {
    job: Job,
    deadline: Instant,
}

impl Life {
    pub(super) fn new(child: Child, said: Said) -> Self {
        let init_limit = clock::deadline(INIT_LIMIT);
        Self { child, init_limit, polled: false, served: false, poll: None, working: None, said }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.poll.is_some() && self.working.is_none()
    }

    pub(super) fn is_limited(&self) -> bool {
        !self.polled || self.working.is_some()
    }

    pub(super) fn limit(&self) -> Instant {
        self.working.as_ref().map_or(self.init_limit, |working| working.deadline)
    }

    /// Takes in what the process says; true when it asks for an event.
    pub(super) fn hear(&mut self, call: Call) -> bool {
        match call {
            Call::Next(reply) => {
                self.fail(&InvokeError::Died("it asked for the next event without answering".to_owned()));
                self.poll = Some(reply);
                self.polled = true;
                return true;
            }
            Call::Answer { id, body } => self.settle(&id, Ok(body)),
            Call::Failure { id, kind, message } => {
                self.settle(&id, Err(InvokeError::Failed { kind, message }));
            }
            Call::InitFailure { kind, message } => self.said.keep(&format!("{kind}: {message}")),
        }
        false
    }

    fn settle(&mut self, id: &str, outcome: Result<Bytes, InvokeError>) {
        if let Some(working) = self.working.take_if(|working| working.job.id.to_string() == id) {
            self.served = true;
            let _ = working.job.reply.send(outcome);
        }
    }

    /// Gives the job to the waiting process, or back when the process is no longer there to take it.
    pub(super) fn hand_over(&mut self, job: Job) -> Option<Job> {
        // A process that was killed while idle may not have been noticed yet. Its status is asked for here, so
        // that its death costs nobody a request.
        if !matches!(self.child.try_wait(), Ok(None)) {
            self.poll = None;
            return Some(job);
        }
        let Some(poll) = self.poll.take() else { return Some(job) };
        // Its own time begins now: a healthy process is not killed because the request had to wait before.
        let deadline = clock::deadline(INVOKE_LIMIT);
        let delivery = Delivery { id: job.id, event: job.event.clone(), deadline };
        if poll.send(delivery).is_err() {
            return Some(job);
        }
        self.working = Some(Working { job, deadline });
        None
    }

    fn fail(&mut self, error: &InvokeError) {
        if let Some(working) = self.working.take() {
            let _ = working.job.reply.send(Err(error.clone()));
        }
    }

    /// Settles what the process held; a job that another is to try comes back.
    ///
    /// A process that was killed from outside may have been idle: the kill was on its way when the job was handed
    /// over. Such a job gets a second try, once. One that ended by itself fails its request.
    pub(super) fn died(&mut self, status: &io::Result<ExitStatus>) -> Option<Job> {
        if was_killed(status)
            && let Some(working) = self.working.take_if(|working| !working.job.again)
        {
            return Some(Job { again: true, ..working.job });
        }
        self.fail(&InvokeError::Died(describe(status)));
        None
    }

    pub(super) async fn overran(&mut self) -> End {
        self.fail(&InvokeError::TimedOut);
        let _ = self.child.kill().await;
        End::Overran
    }

    /// What the end means for the sandbox: whether the process was of use, or a fault if it never asked for an event.
    pub(super) fn outcome(&self, end: End) -> Result<bool, StartError> {
        let stderr = self.said.text();
        match end {
            _ if self.polled => Ok(self.served),
            End::Exited(status) => Err(StartError::Exited { status: describe(&status), stderr }),
            End::Overran => Err(StartError::Silent { stderr }),
        }
    }
}
