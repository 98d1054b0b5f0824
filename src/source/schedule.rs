//! When a source is fetched and how long its contents last: one state machine for keys and for the revocation list.
//!
//! After a success a source is due once its contents are `refresh` old, up to a fifth earlier. After a failure it waits
//! 1, 2, 4, ... seconds. INVARIANT (a fetch never replaces good contents with none): contents are kept through any
//! failure until they are older than `max_stale`.

use std::time::Duration;

use fastrand::Rng;

use super::failure::FetchFailure;
use crate::time::NumericDate;

/// The longest wait for the next fetch, as a multiple of the wait without jitter.
const MAX_RETRY_FACTOR: f64 = 1.5;

/// The wait after a first failure. It doubles with each further failure.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// How often a source is fetched, and how long its contents last while that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Age at which contents are fetched again.
    pub refresh: Duration,
    /// Age at which contents are dropped if every fetch fails.
    pub max_stale: Duration,
}

/// When one source is fetched next.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// `None` before the first fetch.
    next: Option<NumericDate>,
    failures_in_a_row: u32,
    /// Why the last fetch failed.
    failure: Option<FetchFailure>,
}

/// Contents, and when they were fetched.
#[derive(Clone, Debug)]
pub struct Dated<T> {
    /// What was fetched.
    pub contents: T,
    /// When.
    pub fetched: NumericDate,
}

/// Fetches since the sandbox started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchCounts {
    /// All of them.
    pub fetches: u64,
    /// How many of them failed.
    pub failures: u64,
}

/// The result of a fetch, for the log. `C` is what a success changed.
#[derive(Debug)]
pub struct FetchReport<C> {
    /// The source, as the configuration writes it.
    pub source: String,
    /// What changed, or why the fetch failed.
    pub outcome: Result<C, FetchFailure>,
    /// Time until the next fetch.
    pub next: Duration,
    /// The age of the source's contents, if it has any.
    pub age: Option<Duration>,
    /// Whether anything usable is there, from this fetch or an earlier one.
    pub usable: bool,
    /// Fetches so far.
    pub counts: FetchCounts,
}

impl Schedule {
    /// When the source is fetched next; `None` before the first fetch.
    #[must_use]
    pub fn next(&self) -> Option<NumericDate> {
        self.next
    }

    /// Why the last fetch failed.
    #[must_use]
    pub fn failure(&self) -> Option<&FetchFailure> {
        self.failure.as_ref()
    }

    /// Makes a source due that was never fetched.
    pub fn begin(&mut self) {
        self.next = self.next.or(Some(NumericDate::EPOCH));
    }

    /// Whether the source is to be fetched by now.
    #[must_use]
    pub fn is_due(&self, now: NumericDate) -> bool {
        self.next.is_some_and(|next| next <= now)
    }

    /// Whether an event may fetch the source now: it does not wait after a failure.
    #[must_use]
    pub fn is_ready(&self, now: NumericDate) -> bool {
        self.failures_in_a_row == 0 || self.next.is_none_or(|next| next <= now)
    }

    /// Records the result of a fetch. Returns the time until the next one, which is another in each sandbox.
    pub fn record(
        &mut self,
        failure: Option<&FetchFailure>,
        refresh: Duration,
        now: NumericDate,
        random: &mut Rng,
    ) -> Duration {
        let wait = match failure {
            None => {
                self.failures_in_a_row = 0;
                // Early rather than late.
                refresh.mul_f64(0.8 + 0.2 * random.f64())
            }
            Some(_) => {
                let doubled = FIRST_RETRY.saturating_mul(1 << self.failures_in_a_row.min(16));
                self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
                doubled.min(refresh).mul_f64(MAX_RETRY_FACTOR - random.f64())
            }
        };
        self.failure = failure.cloned();
        self.next = Some(now.after(wait));
        wait
    }

    /// Corrects the date after the clock was set back to `now`: one that is further away than it can be counts as now.
    pub fn clock_set_back(&mut self, refresh: Duration, now: NumericDate) {
        let latest = now.after(refresh.mul_f64(MAX_RETRY_FACTOR));
        self.next = self.next.map(|next| if next > latest { now } else { next });
    }
}

impl<T> Dated<T> {
    /// The time since the fetch.
    #[must_use]
    pub fn age(&self, now: NumericDate) -> Duration {
        now.since(self.fetched)
    }

    /// Whether the contents have reached this age.
    #[must_use]
    pub fn has_reached(&self, age: Duration, now: NumericDate) -> bool {
        self.fetched.after(age) <= now
    }

    /// Corrects the date after the clock was set back to `now`: nothing was fetched in the future.
    pub fn clock_set_back(&mut self, now: NumericDate) {
        if self.fetched > now {
            self.fetched = now;
        }
    }
}

impl FetchCounts {
    /// Counts a fetch.
    pub fn add(&mut self, is_failure: bool) {
        self.fetches = self.fetches.saturating_add(1);
        self.failures = self.failures.saturating_add(u64::from(is_failure));
    }
}
