//! The function around the decision: fetches keys that are due or missing, asks the authorizer, writes the log.
//!
//! Lambda freezes a sandbox from the moment it asks for the next event until there is one. So a due refresh runs
//! *after* a response is delivered and before the next event is requested: no event waits for it, and it is never
//! frozen halfway. An event waits for a fetch only if it cannot be judged for lack of a key, for [`FETCH_TIMEOUT`] at
//! most, and as rarely as [`Sources::wanted`] allows: INVARIANT (no token with a usable key waits for a fetch).

use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use futures_util::future::join_all;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::authorizer::{Authorizer, Decision};
use crate::config::Config;
use crate::denial::{Code, Denial};
use crate::keys::fetch::{FETCH_TIMEOUT, Fetcher};
use crate::keys::sources::{Need, Sources};
use crate::log::{self, EventFacts, KeyEvent, LogSettings};
use crate::response::Response;
use crate::time::{NumericDate, earliest};

/// Time of an invocation that is kept for Lambda itself. A fetch that ran into the function's timeout would end the
/// sandbox.
const DEADLINE_RESERVE: Duration = Duration::from_millis(500);

/// A fetch does not start with less time than this.
const MIN_FETCH_TIME: Duration = Duration::from_millis(100);

/// The function of one sandbox. `clock` is its only source of time; `log` gets one line in one call.
pub struct Function<'e> {
    authorizer: RefCell<Authorizer>,
    /// In the order of the authorizer's issuers.
    issuers: Vec<IssuerKeys>,
    fetcher: Fetcher,
    random: RefCell<Rng>,
    clock: &'e dyn Fn() -> SystemTime,
    log: &'e dyn Fn(&[u8]),
    settings: LogSettings,
    /// The last time that was read. An earlier one means that the clock was set back.
    last: Cell<SystemTime>,
    /// When the next source is due.
    due: Cell<Option<NumericDate>>,
    /// When the next keys become too old.
    expiry: Cell<Option<NumericDate>>,
}

/// The key sources of one issuer. Reading keys takes no lock; the lock is for fetching.
struct IssuerKeys {
    sources: RefCell<Sources>,
    fetch_lock: Mutex<()>,
    /// Whether a fetch is running.
    is_fetching: Cell<bool>,
    /// Number of completed fetches. A waiter compares it to detect that another task has fetched.
    completed_fetches: Cell<u64>,
}

/// A key that an event lacks.
struct MissingKey<'f> {
    index: usize,
    issuer: &'f IssuerKeys,
    need: Need,
}

/// What Lambda says about an invocation.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'i> {
    /// Lambda's id of the invocation.
    pub request_id: &'i str,
    /// X-Ray's trace header, if the invocation is traced.
    pub trace: Option<&'i str>,
    /// The ARN that was invoked.
    pub function: &'i str,
    /// When Lambda ends the invocation.
    pub deadline: SystemTime,
    /// Whether it is the sandbox's first.
    pub cold_start: bool,
}

impl<'e> Function<'e> {
    /// The function of a deployment. It has fetched no keys yet.
    #[must_use]
    pub fn new(config: Config, clock: &'e dyn Fn() -> SystemTime, log: &'e dyn Fn(&[u8])) -> Self {
        let issuer = |sources| IssuerKeys {
            sources: RefCell::new(sources),
            fetch_lock: Mutex::default(),
            is_fetching: Cell::default(),
            completed_fetches: Cell::default(),
        };
        let function = Self {
            authorizer: RefCell::new(config.authorizer),
            issuers: config.sources.into_iter().map(issuer).collect(),
            fetcher: Fetcher::new(config.aws),
            random: RefCell::new(Rng::new()),
            clock,
            log,
            settings: config.log,
            last: Cell::new(SystemTime::UNIX_EPOCH),
            due: Cell::default(),
            expiry: Cell::default(),
        };
        function.update_dates();
        function
    }

    /// Before the first event: fetches keys for the issuers that have none, all at once. If that fails, the function
    /// starts all the same, denies with `keys_unavailable`, and tries again.
    pub async fn start(&self) {
        let fetches = self.issuers.iter().enumerate().filter_map(|(index, issuer)| {
            let source = issuer.sources.borrow().at_start()?;
            Some(self.fetch(index, issuer, source, FETCH_TIMEOUT))
        });
        join_all(fetches).await;
    }

    /// Decides about one event and writes its line, before the response is returned.
    pub async fn answer(&self, event: &[u8], invocation: Invocation<'_>) -> Response {
        let start = self.now();
        self.drop_expired(start);
        let mut key_fetches = 0;
        loop {
            let now = self.now();
            let time_left = fetch_time_left(start, now, invocation.deadline);
            let missing = {
                let authorizer = self.authorizer.borrow();
                let decision = authorizer.authorize(event, invocation.function, now.into());
                match self
                    .missing_key(&decision)
                    .filter(|missing| missing.is_fetchable(now.into(), time_left))
                {
                    Some(missing) => missing,
                    None => return self.conclude(decision, invocation, start, key_fetches),
                }
            };
            let has_fetched = self.fetch_missing(missing, time_left).await;
            key_fetches = u32::saturating_add(key_fetches, u32::from(has_fetched));
        }
    }

    /// After a response is delivered: fetches the sources that are due, all at once.
    pub async fn refresh(&self, deadline: SystemTime) {
        let Some(due) = self.due.get() else { return };
        let now = self.now();
        let time_left = fetch_time_left(now, now, deadline);
        if NumericDate::from(now) < due || time_left < MIN_FETCH_TIME {
            return;
        }
        let refreshes = self.issuers.iter().enumerate().map(async |(index, issuer)| {
            let Ok(_lock) = issuer.fetch_lock.try_lock() else { return };
            let due: Vec<usize> = issuer.sources.borrow().due(now.into()).collect();
            join_all(due.into_iter().map(|source| self.fetch(index, issuer, source, time_left))).await;
        });
        join_all(refreshes).await;
    }

    fn conclude(
        &self,
        decision: Decision<'_>,
        invocation: Invocation<'_>,
        start: SystemTime,
        key_fetches: u32,
    ) -> Response {
        let time = self.now();
        let facts = EventFacts {
            time,
            request_id: invocation.request_id,
            trace: invocation.trace,
            duration: time.duration_since(start).unwrap_or_default(),
            cold_start: invocation.cold_start,
            key_fetches,
            key_age: self.key_age(&decision, time),
        };
        let decision = self.with_cause(decision);
        self.write(log::line(&decision, facts, &self.settings));
        decision.outcome.unwrap_or_else(|_| Response::deny())
    }

    /// The present time. Dates of keys are corrected if the clock was set back.
    fn now(&self) -> SystemTime {
        let now = (self.clock)();
        if now < self.last.replace(now) {
            for issuer in &self.issuers {
                issuer.sources.borrow_mut().clock_set_back(now.into());
            }
            self.update_dates();
        }
        now
    }

    fn write(&self, line: Option<Vec<u8>>) {
        if let Some(line) = line {
            (self.log)(&line);
        }
    }

    /// Names the failed key source in a denial for lack of keys.
    fn with_cause<'a>(&self, mut decision: Decision<'a>) -> Decision<'a> {
        if decision.outcome.as_ref().is_err_and(|denial| denial.code() == Code::KeysUnavailable)
            && let Some((_, issuer)) = self.issuer_keys(&decision)
            && let Some(failure) = issuer.sources.borrow().failure()
        {
            decision.outcome = Err(Denial::about(Code::KeysUnavailable, &failure));
        }
        decision
    }

    /// The age of the fetched keys of a decision's issuer.
    fn key_age(&self, decision: &Decision<'_>, now: SystemTime) -> Option<Duration> {
        // Without fetched keys nothing is ever due.
        self.due.get()?;
        let (_, issuer) = self.issuer_keys(decision)?;
        issuer.sources.borrow().age(now.into())
    }

    /// The key that a decision lacked.
    fn missing_key(&self, decision: &Decision<'_>) -> Option<MissingKey<'_>> {
        let need = Need::of(decision.outcome.as_ref().err()?.code(), decision.learned.may_lack_key)?;
        let (index, issuer) = self.issuer_keys(decision)?;
        Some(MissingKey { index, issuer, need })
    }

    fn issuer_keys(&self, decision: &Decision<'_>) -> Option<(usize, &IssuerKeys)> {
        let id = decision.learned.issuer?;
        self.issuers.iter().enumerate().find(|(_, issuer)| *issuer.sources.borrow().issuer == *id)
    }

    /// Fetches for an event that waits, or waits for a running fetch. Returns whether it fetched.
    async fn fetch_missing(&self, missing: MissingKey<'_>, time_left: Duration) -> bool {
        let MissingKey { index, issuer, need } = missing;
        let completed = issuer.completed_fetches.get();
        let Ok(_lock) = timeout(time_left, issuer.fetch_lock.lock()).await else { return false };
        if issuer.completed_fetches.get() != completed {
            return false;
        }
        let now = self.now().into();
        let Some(source) = issuer.sources.borrow().wanted(need, now) else { return false };
        issuer.sources.borrow_mut().begin_fetch(need, now, &mut self.random.borrow_mut());
        self.fetch(index, issuer, source, time_left).await;
        true
    }

    /// Fetches one source and records the result.
    async fn fetch(&self, index: usize, issuer: &IssuerKeys, source: usize, time_left: Duration) {
        let Some(origin) = issuer.sources.borrow().origin(source).cloned() else { return };
        let start = self.now();
        issuer.is_fetching.set(true);
        let result = self.fetcher.fetch(&origin, time_left).await;
        issuer.is_fetching.set(false);
        let end = self.now();
        let report =
            issuer.sources.borrow_mut().record(source, result, end.into(), &mut self.random.borrow_mut());
        issuer.completed_fetches.set(issuer.completed_fetches.get().wrapping_add(1));
        self.apply_keys(index, issuer);
        if let Some(report) = report {
            let duration = end.duration_since(start).unwrap_or_default();
            let sources = issuer.sources.borrow();
            self.write(KeyEvent::fetched(&sources.issuer, &report, duration, end).line(&self.settings));
        }
    }

    /// Drops keys that are too old.
    fn drop_expired(&self, time: SystemTime) {
        let now = NumericDate::from(time);
        if self.expiry.get().is_none_or(|expiry| now < expiry) {
            return;
        }
        for (index, issuer) in self.issuers.iter().enumerate() {
            let expired = issuer.sources.borrow_mut().expire(now);
            self.apply_keys(index, issuer);
            for source in expired {
                let sources = issuer.sources.borrow();
                self.write(KeyEvent::expired(&sources.issuer, &source, time).line(&self.settings));
            }
        }
    }

    /// Gives the authorizer the present keys of an issuer.
    fn apply_keys(&self, index: usize, issuer: &IssuerKeys) {
        self.authorizer.borrow_mut().set_keys(index, issuer.sources.borrow().keys());
        self.update_dates();
    }

    fn update_dates(&self) {
        let earliest_of = |date: fn(&Sources) -> Option<NumericDate>| {
            earliest(self.issuers.iter().filter_map(|issuer| date(&issuer.sources.borrow())))
        };
        self.due.set(earliest_of(Sources::next_due));
        self.expiry.set(earliest_of(Sources::next_expiry));
    }
}

impl MissingKey<'_> {
    /// Whether waiting may help: a fetch is running, or one is allowed.
    fn is_fetchable(&self, now: NumericDate, time_left: Duration) -> bool {
        let is_allowed = || self.issuer.sources.borrow().wanted(self.need, now).is_some();
        time_left >= MIN_FETCH_TIME && (self.issuer.is_fetching.get() || is_allowed())
    }
}

/// The time that fetches of an invocation have left.
fn fetch_time_left(start: SystemTime, now: SystemTime, deadline: SystemTime) -> Duration {
    let spent = now.duration_since(start).unwrap_or_default();
    let until_deadline = deadline.duration_since(now).unwrap_or_default().saturating_sub(DEADLINE_RESERVE);
    FETCH_TIMEOUT.saturating_sub(spent).min(until_deadline)
}
