//! One fetch at a time, shared by all events that wait for it.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

/// The fetches of one issuer's keys, or of the revocation list. Reading what was fetched takes no lock.
#[derive(Default)]
pub(super) struct SingleFlight {
    lock: Mutex<()>,
    /// Whether a fetch is running.
    is_running: Cell<bool>,
    /// Number of completed fetches. A waiter compares it to detect that another task has fetched.
    completed: Cell<u64>,
}

impl SingleFlight {
    /// Whether a fetch is running.
    pub(super) fn is_running(&self) -> bool {
        self.is_running.get()
    }

    /// Waits until no fetch is running. Returns `None` if one has ended meanwhile, or if none ended in time.
    pub(super) async fn enter(&self, time_left: Duration) -> Option<MutexGuard<'_, ()>> {
        let completed = self.completed.get();
        let lock = timeout(time_left, self.lock.lock()).await.ok()?;
        (self.completed.get() == completed).then_some(lock)
    }

    /// As [`SingleFlight::enter`], without waiting.
    pub(super) fn try_enter(&self) -> Option<MutexGuard<'_, ()>> {
        self.lock.try_lock().ok()
    }

    /// Runs a fetch.
    pub(super) async fn run<T>(&self, fetch: impl Future<Output = T>) -> T {
        self.is_running.set(true);
        let result = fetch.await;
        self.is_running.set(false);
        self.completed.set(self.completed.get().wrapping_add(1));
        result
    }
}
