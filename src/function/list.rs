//! The revocation list of a function: when an event waits for it, and what a fetch of it changes.

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

use super::single_flight::SingleFlight;
use super::{Function, MIN_FETCH_TIME};
use crate::authorizer::Decision;
use crate::log::SourceEvent;
use crate::revocation::{EVENT_TIMEOUT, ListSource};
use crate::time::NumericDate;

/// The source of the list, and its fetches.
pub(super) struct List {
    pub(super) source: RefCell<ListSource>,
    flight: SingleFlight,
}

impl List {
    pub(super) fn new(source: ListSource) -> Self {
        Self { source: RefCell::new(source), flight: SingleFlight::default() }
    }

    /// Whether a decision must be made again with a fresh list: it used one that is older than `refresh_seconds`, and a
    /// fetch is running or allowed. A request that is denied before the list counts never fetches it.
    pub(super) fn is_wanted_by(
        &self,
        decision: &Decision<'_>,
        now: NumericDate,
        time_left: Duration,
    ) -> bool {
        let source = self.source.borrow();
        let is_fetchable = || source.is_wanted(now) || self.flight.is_running();
        decision.learned.revocation.is_some()
            && source.is_old(now)
            && time_left >= MIN_FETCH_TIME
            && is_fetchable()
    }
}

impl Function<'_> {
    /// Fetches the list for an event that waits, or waits for a running fetch. Returns whether it fetched.
    pub(super) async fn await_list(&self, list: &List, time_left: Duration) -> bool {
        let time_left = time_left.min(EVENT_TIMEOUT);
        let Some(_lock) = list.flight.enter(time_left).await else { return false };
        if !list.source.borrow().is_wanted(self.now().into()) {
            return false;
        }
        self.fetch_list(list, time_left).await;
        true
    }

    /// After a response: fetches the list if it is due and no other task fetches it.
    pub(super) async fn refresh_list(&self, list: &List, time_left: Duration) {
        let Some(_lock) = list.flight.try_enter() else { return };
        if list.source.borrow().is_due(self.now().into()) {
            self.fetch_list(list, time_left).await;
        }
    }

    /// Fetches the list and records the result.
    pub(super) async fn fetch_list(&self, list: &List, time_left: Duration) {
        let origin = list.source.borrow().origin.clone();
        let start = self.now();
        let result = list.flight.run(origin.fetch(&self.aws, time_left)).await;
        let end = self.now();
        let report = list.source.borrow_mut().record(result, end.into(), &mut self.random.borrow_mut());
        self.apply_list(list);
        let duration = end.duration_since(start).unwrap_or_default();
        self.write(SourceEvent::revocation(&report, duration, end).line(&self.settings));
    }

    /// Drops a list that is too old.
    pub(super) fn drop_expired_list(&self, list: &List, time: SystemTime) {
        if list.source.borrow_mut().expire(time.into()) {
            self.apply_list(list);
            let source = list.source.borrow().origin.to_string();
            self.write(SourceEvent::revocation_expired(&source, time).line(&self.settings));
        }
    }

    /// Gives the authorizer the list in use.
    fn apply_list(&self, list: &List) {
        self.authorizer.borrow_mut().revocation = list.source.borrow().revocation();
        self.update_dates();
    }
}
