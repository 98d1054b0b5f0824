//! One fetch at a time, shared by all events that wait for it.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::locks::lock;

/// The fetches of one issuer's keys, or of the revocation list. Reading what was fetched takes no lock.
#[derive(Default)]
pub(super) struct SingleFlight {
    /// The last fetch. Its channel closes when the fetch ends.
    last: Mutex<Option<watch::Receiver<()>>>,
}

/// A fetch that its holder runs. It ends when this is dropped, so one that fails or panics leaves no event waiting.
pub(super) struct Flight {
    _end: watch::Sender<()>,
}

/// A fetch that another task runs.
pub(super) struct Running(watch::Receiver<()>);

/// How a caller takes part in the fetch that it needs. `T` is what to fetch.
pub(super) enum Entry<T> {
    /// It waits for a fetch that is running.
    Joined(Running),
    /// It runs the fetch.
    Begun(T, Flight),
    /// No fetch is running, and none is to begin.
    Unwanted,
}

impl SingleFlight {
    /// Joins the running fetch. If no fetch is running, `wanted` returns what to fetch and records that it is being
    /// fetched: no other caller comes in between.
    pub(super) fn enter<T>(&self, wanted: impl FnOnce() -> Option<T>) -> Entry<T> {
        let mut last = lock(&self.last);
        if let Some(running) = last.as_ref().filter(|end| end.has_changed().is_ok()) {
            return Entry::Joined(Running(running.clone()));
        }
        let Some(wanted) = wanted() else { return Entry::Unwanted };
        let (end, receiver) = watch::channel(());
        *last = Some(receiver);
        Entry::Begun(wanted, Flight { _end: end })
    }
}

impl Running {
    /// Waits for the end of the fetch, but no longer than `time_left`.
    pub(super) async fn ended(mut self, time_left: Duration) {
        // Nothing is ever sent: the only change is the end. After the time limit the event is decided as it is.
        let _ = timeout(time_left, self.0.changed()).await;
    }
}
