//! The source of the revocation list, as a state machine: the last good list, and when to fetch the next.
//!
//! It has the [`Schedule`] of every source. One rule is its own: an event that finds the list older than
//! `refresh_seconds` fetches it first, since nothing runs in a sandbox between two events.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use fastrand::Rng;

use super::{ListError, ListOrigin, Revocation, RevocationList, WhenStale};
use crate::source::failure::{FetchFailure, shortened};
use crate::source::schedule::{Dated, FetchCounts, FetchReport, Lifetimes, Schedule};
use crate::time::NumericDate;

/// Longest fetch of the list that an event waits for.
pub const EVENT_TIMEOUT: Duration = Duration::from_secs(1);

/// The part of `refresh_seconds` after which the list is due: early enough that in a busy sandbox it is fetched after
/// some response, and no event finds it old.
const DUE: f64 = 0.9;

/// Most unknown issuers that an event of the log names.
const MAX_REPORTED: usize = 8;

/// `[revocation]`: the source of the list, and what it gave.
#[derive(Clone, Debug)]
pub struct ListSource {
    /// Where the list is.
    pub origin: ListOrigin,
    /// `when_stale`.
    pub when_stale: WhenStale,
    lifetimes: Lifetimes,
    /// The short names of the configuration's issuers.
    issuers: Vec<Box<str>>,
    schedule: Schedule,
    list: Option<Dated<Arc<RevocationList>>>,
    /// The SHA-256 of the last good list's bytes: reading equal bytes again would take longer.
    digest: Option<[u8; 32]>,
    /// The version of the last good list, which outlives it.
    last_version: u64,
    counts: FetchCounts,
}

/// What a fetch of the list changed.
#[derive(Debug, PartialEq, Eq)]
pub struct ListChange {
    /// The list's version.
    pub version: u64,
    /// The number of its entries.
    pub entries: usize,
    /// Whether it is another list than before.
    pub is_new: bool,
    /// Issuers of the list that the configuration does not have; the first few.
    pub left_out: Vec<String>,
}

/// What the bytes of a fetched list are compared with.
#[derive(Clone, Debug)]
pub struct KnownList {
    list: Option<Arc<RevocationList>>,
    digest: Option<[u8; 32]>,
}

/// A list that was read from fetched bytes.
#[derive(Debug)]
pub struct FetchedList {
    list: Arc<RevocationList>,
    digest: Option<[u8; 32]>,
    /// Whether it is another list than the known one.
    is_new: bool,
}

impl KnownList {
    /// Reads fetched bytes. A long list takes as long as hundreds of decisions, so the source stays
    /// usable meanwhile.
    ///
    /// # Errors
    /// As [`RevocationList::parse`].
    pub fn read(self, bytes: &[u8]) -> Result<FetchedList, FetchFailure> {
        let digest = digest(&SHA256, bytes).as_ref().try_into().ok();
        let known = self.list.filter(|_| self.digest == digest);
        let is_new = known.is_none();
        let list = match known {
            Some(list) => list,
            None => Arc::new(RevocationList::parse(bytes)?),
        };
        Ok(FetchedList { list, digest, is_new })
    }
}

impl ListSource {
    /// A source that was not fetched yet.
    #[must_use]
    pub fn new(
        origin: ListOrigin,
        lifetimes: Lifetimes,
        when_stale: WhenStale,
        issuers: Vec<Box<str>>,
    ) -> Self {
        Self {
            origin,
            when_stale,
            lifetimes,
            issuers,
            schedule: Schedule::default(),
            list: None,
            digest: None,
            last_version: 0,
            counts: FetchCounts::default(),
        }
    }

    /// `refresh_seconds` and `max_stale_seconds`.
    #[must_use]
    pub fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// The short names of the configuration's issuers.
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        self.issuers.iter().map(|issuer| &**issuer)
    }

    /// What a decision gets.
    #[must_use]
    pub fn revocation(&self) -> Revocation {
        match &self.list {
            Some(list) => Revocation::List(list.contents.clone()),
            None => Revocation::Stale(self.when_stale),
        }
    }

    /// Whether an event must fetch the list before it is decided, and may.
    #[must_use]
    pub fn is_wanted(&self, now: NumericDate) -> bool {
        self.is_old(now) && self.schedule.is_ready(now)
    }

    /// Whether the list has reached the age of `refresh_seconds`, or is missing.
    #[must_use]
    pub fn is_old(&self, now: NumericDate) -> bool {
        self.list.as_ref().is_none_or(|list| list.has_reached(self.lifetimes.refresh, now))
    }

    /// Whether the list is to be fetched after a response.
    #[must_use]
    pub fn is_due(&self, now: NumericDate) -> bool {
        self.schedule.is_due(now)
    }

    /// When the list is due.
    #[must_use]
    pub fn next_due(&self) -> Option<NumericDate> {
        self.schedule.next()
    }

    /// When the list becomes too old.
    #[must_use]
    pub fn next_expiry(&self) -> Option<NumericDate> {
        self.list.as_ref().map(|list| list.fetched.after(self.lifetimes.max_stale))
    }

    /// The age of the list in use.
    #[must_use]
    pub fn age(&self, now: NumericDate) -> Option<Duration> {
        self.list.as_ref().map(|list| list.age(now))
    }

    /// Why there is no list.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        Some(format!("{}: {}", self.origin, self.schedule.failure()?))
    }

    /// What the bytes of the next fetch are compared with.
    #[must_use]
    pub fn known(&self) -> KnownList {
        let list = self.list.as_ref().map(|list| list.contents.clone());
        KnownList { list, digest: self.digest }
    }

    /// Records the result of a fetch.
    pub fn record(
        &mut self,
        result: Result<FetchedList, FetchFailure>,
        now: NumericDate,
        random: &mut Rng,
    ) -> FetchReport<ListChange> {
        let outcome = result.and_then(|fetched| self.replace(fetched, now).map_err(FetchFailure::from));
        self.counts.add(outcome.is_err());
        let refresh = self.lifetimes.refresh.mul_f64(DUE);
        let next = self.schedule.record(outcome.as_ref().err(), refresh, now, random);
        FetchReport {
            source: self.origin.to_string(),
            outcome,
            next,
            age: self.age(now),
            usable: self.list.is_some(),
            counts: self.counts,
        }
    }

    /// Replaces the list, if the new one is good.
    fn replace(&mut self, fetched: FetchedList, now: NumericDate) -> Result<ListChange, ListError> {
        let FetchedList { list, digest, is_new } = fetched;
        if list.version() < self.last_version {
            return Err(ListError::LowerVersion { found: list.version(), last: self.last_version });
        }
        let is_foreign = |issuer: &&str| self.issuers.iter().all(|known| **known != **issuer);
        let foreign = list.issuers().map(|(issuer, _)| issuer).filter(is_foreign).take(MAX_REPORTED);
        let left_out = foreign.map(|issuer| format!("unknown issuer `{}`", shortened(issuer))).collect();
        let change = ListChange { version: list.version(), entries: list.entries(), is_new, left_out };
        self.digest = digest;
        self.last_version = list.version();
        self.list = Some(Dated { contents: list, fetched: now });
        Ok(change)
    }

    /// Drops a list that is too old. Returns whether it did.
    pub fn expire(&mut self, now: NumericDate) -> bool {
        self.list.take_if(|list| list.has_reached(self.lifetimes.max_stale, now)).is_some()
    }

    /// Corrects dates after the clock was set back to `now`.
    pub fn clock_set_back(&mut self, now: NumericDate) {
        self.schedule.clock_set_back(self.lifetimes.refresh, now);
        if let Some(list) = &mut self.list {
            list.clock_set_back(now);
        }
    }
}
