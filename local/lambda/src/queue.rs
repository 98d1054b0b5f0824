//! The queue from which all sandboxes take their events.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Mutex, mpsc, oneshot};
use uuid::Uuid;

use crate::error::InvokeError;
use crate::invoker::InvokerIdentity;

/// An event that waits for a sandbox.
pub(crate) struct Job {
    pub(crate) id: Uuid,
    pub(crate) event: Bytes,
    /// Who invokes the function, if a Cognito identity does.
    pub(crate) identity: Option<InvokerIdentity>,
    /// How long a process may work on the event.
    pub(crate) limit: Duration,
    /// Whether the event was handed before to a process that was then killed.
    pub(crate) is_retry: bool,
    pub(crate) reply: oneshot::Sender<Result<Bytes, InvokeError>>,
}

pub(crate) struct Queue {
    sender: mpsc::UnboundedSender<Job>,
    receiver: Mutex<mpsc::UnboundedReceiver<Job>>,
}

impl Queue {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, receiver: Mutex::new(receiver) }
    }

    pub(crate) fn push(&self, job: Job) {
        // Cannot fail, since the receiver lives as long as the sender.
        let _ = self.sender.send(job);
    }

    /// Returns the next job whose caller still waits. Safe to cancel: no job is lost.
    pub(crate) async fn pop(&self) -> Job {
        let mut receiver = self.receiver.lock().await;
        loop {
            match receiver.recv().await {
                Some(job) if job.reply.is_closed() => {}
                Some(job) => return job,
                None => std::future::pending().await,
            }
        }
    }
}
