//! The keys of a function's issuers: when an event waits for them, and what a fetch of them changes.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;

use super::locks::{lock, write};
use super::single_flight::{Entry, SingleFlight};
use super::wait::{Attempt, Fetch, Wait};
use super::{Function, MIN_FETCH_TIME};
use crate::authorizer::Decision;
use crate::keys::sources::{Need, Sources};
use crate::log::SourceEvent;

/// The key sources of one issuer, and their fetches.
pub(super) struct IssuerKeys {
    /// The issuer's short name.
    id: Box<str>,
    pub(super) sources: Mutex<Sources>,
    flight: SingleFlight,
}

/// A key that an event lacks.
#[derive(Clone, Copy)]
pub(super) struct MissingKey<'f> {
    index: usize,
    issuer: &'f IssuerKeys,
    need: Need,
}

impl IssuerKeys {
    pub(super) fn new(sources: Sources) -> Self {
        Self { id: sources.issuer.clone(), sources: Mutex::new(sources), flight: SingleFlight::default() }
    }
}

impl Function {
    /// The key that a decision lacked.
    pub(super) fn missing_key(&self, decision: &Decision<'_>) -> Option<MissingKey<'_>> {
        let need = Need::of(decision.outcome.as_ref().err()?.code(), decision.learned.may_lack_key)?;
        let (index, issuer) = self.issuer_keys(decision)?;
        Some(MissingKey { index, issuer, need })
    }

    /// The keys of a decision's issuer.
    pub(super) fn issuer_keys(&self, decision: &Decision<'_>) -> Option<(usize, &IssuerKeys)> {
        let id = decision.learned.issuer?;
        self.issuers.iter().enumerate().find(|(_, issuer)| *issuer.id == *id)
    }

    /// The age of the fetched keys of a decision's issuer.
    pub(super) fn key_age(&self, decision: &Decision<'_>, now: SystemTime) -> Option<Duration> {
        // Without fetched keys nothing is ever due.
        lock(&self.dates).due?;
        let (_, issuer) = self.issuer_keys(decision)?;
        lock(&issuer.sources).age(now.into())
    }

    /// The fetch that an event waits for: the running one, or one that is allowed now.
    pub(super) fn await_keys(
        self: &Arc<Self>,
        missing: MissingKey<'_>,
        attempt: Attempt<'_>,
    ) -> Option<Wait> {
        let MissingKey { index, issuer, need } = missing;
        let time_left = attempt.time_left;
        if time_left < MIN_FETCH_TIME {
            return None;
        }
        let wanted = || {
            if self.is_replaced(attempt.authorizer) {
                return None;
            }
            let mut sources = lock(&issuer.sources);
            let source = sources.wanted(need, attempt.now.into())?;
            sources.begin_fetch(need, attempt.now.into(), &mut lock(&self.random));
            Some(source)
        };
        Some(Wait::Keys(match issuer.flight.enter(wanted) {
            Entry::Joined(running) => Fetch::Joined(running, time_left),
            Entry::Begun(source, flight) => self.begin(flight, async move |function: Arc<Self>| {
                function.fetch_keys(index, source, time_left).await;
            }),
            Entry::Unwanted => return None,
        }))
    }

    /// After a response: fetches the sources of one issuer that are due, if none of them is being fetched.
    pub(super) async fn refresh_keys(&self, index: usize, now: SystemTime, time_left: Duration) {
        let Some(issuer) = self.issuers.get(index) else { return };
        let due = || {
            let due: Vec<usize> = lock(&issuer.sources).due(now.into()).collect();
            (!due.is_empty()).then_some(due)
        };
        if let Entry::Begun(due, _flight) = issuer.flight.enter(due) {
            join_all(due.into_iter().map(|source| self.fetch_keys(index, source, time_left))).await;
        }
    }

    /// Fetches one source and records the result.
    pub(super) async fn fetch_keys(&self, index: usize, source: usize, time_left: Duration) {
        let Some(issuer) = self.issuers.get(index) else { return };
        let Some(origin) = lock(&issuer.sources).origin(source).cloned() else { return };
        let start = self.now();
        let result = self.fetcher.fetch(&origin, time_left).await;
        let end = self.now();
        let report = lock(&issuer.sources).record(source, result, end.into(), &mut lock(&self.random));
        self.apply_keys(index, issuer);
        if let Some(report) = report {
            let duration = end.duration_since(start).unwrap_or_default();
            self.write(SourceEvent::keys(&issuer.id, &report, duration, end).line(&self.settings));
        }
    }

    /// Drops keys that are too old.
    pub(super) fn drop_expired_keys(&self, time: SystemTime) {
        for (index, issuer) in self.issuers.iter().enumerate() {
            let expired = lock(&issuer.sources).expire(time.into());
            self.apply_keys(index, issuer);
            for source in expired {
                self.write(SourceEvent::keys_expired(&issuer.id, &source, time).line(&self.settings));
            }
        }
    }

    /// Gives the authorizer the present keys of an issuer. They are read under its lock, so that older ones never
    /// replace newer ones.
    fn apply_keys(&self, index: usize, issuer: &IssuerKeys) {
        {
            let mut authorizer = write(&self.authorizer);
            let keys = lock(&issuer.sources).keys();
            Arc::make_mut(&mut authorizer).set_keys(index, keys);
        }
        self.update_dates();
    }
}
