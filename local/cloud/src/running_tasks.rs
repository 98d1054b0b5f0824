//! The bulk registrations that run in this process, and how far each is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The tasks that run in this process.
#[derive(Debug, Default)]
pub(crate) struct RunningTasks(Mutex<BTreeMap<String, Arc<Progress>>>);

/// How far a task is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    successes: AtomicU32,
    failures: AtomicU32,
    percentage: AtomicU8,
    is_cancelled: AtomicBool,
}

impl RunningTasks {
    /// Begins a task, unless one runs.
    ///
    /// # Errors
    /// The id of the task that runs.
    pub(crate) fn begin(&self, id: &str) -> Result<Arc<Progress>, String> {
        let mut tasks = self.lock();
        match tasks.keys().next() {
            Some(running) => Err(running.clone()),
            None => Ok(Arc::clone(tasks.entry(id.to_owned()).or_default())),
        }
    }

    pub(crate) fn end(&self, id: &str) {
        self.lock().remove(id);
    }

    pub(crate) fn progress(&self, id: &str) -> Option<Arc<Progress>> {
        self.lock().get(id).cloned()
    }

    pub(crate) fn cancel(&self, id: &str) {
        if let Some(progress) = self.progress(id) {
            progress.is_cancelled.store(true, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Progress>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    /// Counts a line that was registered.
    pub(crate) fn succeeded(&self) {
        self.successes.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a line that was not.
    pub(crate) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Sets how much of the file has been read: 0 to 99, in percent.
    pub(crate) fn set_percentage(&self, percentage: u8) {
        self.percentage.store(percentage, Ordering::Relaxed);
    }

    /// Returns the lines that were registered, and those that were not.
    pub(crate) fn counts(&self) -> (u32, u32) {
        (self.successes.load(Ordering::Relaxed), self.failures.load(Ordering::Relaxed))
    }

    pub(crate) fn percentage(&self) -> u8 {
        self.percentage.load(Ordering::Relaxed)
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }
}
