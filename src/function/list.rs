//! The revocation list of a function: when an event waits for it, and what a fetch of it changes.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use super::locks::{lock, write};
use super::single_flight::{Entry, SingleFlight};
use super::wait::{Attempt, Fetch, Wait};
use super::{Function, MIN_FETCH_TIME};
use crate::log::SourceEvent;
use crate::revocation::{EVENT_TIMEOUT, ListSource};

/// The source of the list, and its fetches.
pub(super) struct List {
    pub(super) source: Mutex<ListSource>,
    flight: SingleFlight,
}

impl List {
    pub(super) fn new(source: ListSource) -> Self {
        Self { source: Mutex::new(source), flight: SingleFlight::default() }
    }
}

impl Function {
    /// The fetch that an event waits for: the list that it was decided with is older than `refresh_seconds`, and a
    /// fetch is running or allowed. A request that is denied before the list counts never fetches it.
    pub(super) fn await_list(self: &Arc<Self>, list: &List, attempt: Attempt<'_>) -> Option<Wait> {
        let now = attempt.now.into();
        let is_awaited =
            attempt.may_await_list && attempt.time_left >= MIN_FETCH_TIME && lock(&list.source).is_old(now);
        if !is_awaited {
            return None;
        }
        let time_left = attempt.time_left.min(EVENT_TIMEOUT);
        let wanted = || {
            let is_wanted = !self.is_replaced(attempt.authorizer) && lock(&list.source).is_wanted(now);
            is_wanted.then_some(())
        };
        Some(Wait::List(match list.flight.enter(wanted) {
            Entry::Joined(running) => Fetch::Joined(running, time_left),
            Entry::Begun((), flight) => self.begin(flight, async move |function: Arc<Self>| {
                if let Some(list) = &function.list {
                    function.fetch_list(list, time_left).await;
                }
            }),
            Entry::Unwanted => return None,
        }))
    }

    /// After a response: fetches the list if it is due and no other task fetches it.
    pub(super) async fn refresh_list(&self, list: &List, time_left: Duration) {
        let now = self.now();
        let due = || lock(&list.source).is_due(now.into()).then_some(());
        if let Entry::Begun((), _flight) = list.flight.enter(due) {
            self.fetch_list(list, time_left).await;
        }
    }

    /// Fetches the list and records the result.
    pub(super) async fn fetch_list(&self, list: &List, time_left: Duration) {
        let (origin, known) = {
            let source = lock(&list.source);
            (source.origin.clone(), source.known())
        };
        let start = self.now();
        let bytes = origin.fetch(&self.aws, time_left).await;
        let end = self.now();
        // Read outside of the lock, for which every event would wait.
        let result = bytes.and_then(|bytes| known.read(&bytes));
        let report = lock(&list.source).record(result, end.into(), &mut lock(&self.random));
        self.apply_list(list);
        let duration = end.duration_since(start).unwrap_or_default();
        self.write(SourceEvent::revocation(&report, duration, end).line(&self.settings));
    }

    /// Drops a list that is too old.
    pub(super) fn drop_expired_list(&self, list: &List, time: SystemTime) {
        let source = {
            let mut source = lock(&list.source);
            source.expire(time.into()).then(|| source.origin.to_string())
        };
        if let Some(source) = source {
            self.apply_list(list);
            self.write(SourceEvent::revocation_expired(&source, time).line(&self.settings));
        }
    }

    /// Gives the authorizer the list in use, read under its lock as in [`Function::apply_keys`].
    fn apply_list(&self, list: &List) {
        {
            let mut authorizer = write(&self.authorizer);
            let revocation = lock(&list.source).revocation();
            Arc::make_mut(&mut authorizer).revocation = revocation;
        }
        self.update_dates();
    }
}
