//! What an event waits for, if its decision may have lacked a key or the present revocation list.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;

use super::Function;
use super::locks::snapshot;
use super::single_flight::{Flight, Running};
use crate::authorizer::{Authorizer, Decision};

/// What an event waits for before it is decided again.
pub(super) enum Wait {
    /// Nothing, since the authorizer was replaced during the decision.
    Nothing,
    Keys(Fetch),
    List(Fetch),
}

/// A fetch that an event waits for.
pub(super) enum Fetch {
    /// Another event, or a refresh, began it. The event waits for at most this long.
    Joined(Running, Duration),
    /// The event began it. It has its own time limit.
    Begun(JoinHandle<()>),
}

/// One decision about an event, which may be decided several times.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    /// The authorizer that decides.
    pub(super) authorizer: &'a Arc<Authorizer>,
    /// The time of the decision.
    pub(super) now: SystemTime,
    /// The time that fetches of the invocation have left.
    pub(super) time_left: Duration,
    /// Whether the event may still wait for the list; it does so once.
    pub(super) may_await_list: bool,
}

impl Function {
    /// What an event must wait for; `None` if the decision counts.
    pub(super) fn wait_of(self: &Arc<Self>, decision: &Decision<'_>, attempt: Attempt<'_>) -> Option<Wait> {
        let list = self.list.as_ref().filter(|_| decision.learned.revocation.is_some());
        let missing = self.missing_key(decision);
        if list.is_none() && missing.is_none() {
            return None;
        }
        let keys = || self.await_keys(missing?, attempt);
        // What was fetched during the decision counts: the fetch was made for this event, too.
        let replaced = || self.is_replaced(attempt.authorizer).then_some(Wait::Nothing);
        list.and_then(|list| self.await_list(list, attempt)).or_else(keys).or_else(replaced)
    }

    /// Whether keys or the list changed since `authorizer` was the present one.
    pub(super) fn is_replaced(&self, authorizer: &Arc<Authorizer>) -> bool {
        !Arc::ptr_eq(authorizer, &snapshot(&self.authorizer))
    }

    /// Runs the fetch that an event begins as a task of its own, so that it outlives the event.
    pub(super) fn begin<F>(self: &Arc<Self>, flight: Flight, fetch: impl FnOnce(Arc<Self>) -> F) -> Fetch
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let fetch = fetch(Arc::clone(self));
        Fetch::Begun(tokio::spawn(async move {
            fetch.await;
            drop(flight);
        }))
    }
}

impl Fetch {
    /// Waits for the end of the fetch. Returns whether the event began it.
    pub(super) async fn ended(self) -> bool {
        match self {
            Self::Joined(running, time_left) => {
                running.ended(time_left).await;
                false
            }
            Self::Begun(task) => {
                // A task that panics has recorded nothing; the event is decided as it is.
                let _ = task.await;
                true
            }
        }
    }
}
