//! The one queue that all sandboxes take from.

use bytes::Bytes;
use tokio::sync::{Mutex, mpsc, oneshot};
use uuid::Uuid;

use super::InvokeError;

/// One request for the function.
pub(super) struct Job {
    pub(super) id: Uuid,
    pub(super) event: Bytes,
    /// It has been in the hands of a process that was killed.
    pub(super) again: bool,
    pub(super) reply: oneshot::Sender<Result<Bytes, InvokeError>>,
}

pub(super) struct Queue {
    sender: mpsc::UnboundedSender<Job>,
    receiver: Mutex<mpsc::UnboundedReceiver<Job>>,
}

impl Queue {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, receiver: Mutex::new(receiver) }
    }

    pub(super) fn put(&self, job: Job) {
        // Cannot fail: the receiver lives as long as the sender. Were it gone, the caller's reply would be
        // dropped with the job and the caller told so.
        let _ = self.sender.send(job);
    }

    /// The next job that somebody still waits for. May be cancelled at any time without losing one.
    pub(super) async fn take(&self) -> Job {
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
