//! The function around the decision: fetches what is due or missing, asks the authorizer, writes the log.
//!
//! Lambda freezes a sandbox from the moment it asks for the next event until there is one. So a due refresh runs
//! *after* a response is delivered and before the next event is requested: no event waits for it, and it is never
//! frozen halfway. An event waits for a fetch only if it cannot be judged for lack of a key, for [`FETCH_TIMEOUT`] at
//! most, and as rarely as [`Sources::wanted`] allows: INVARIANT (no token with a usable key waits for a fetch of keys).
//! It also waits, for one second at most, if the revocation list is older than `refresh_seconds`.

mod list;
mod single_flight;

use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use futures_util::future::{join, join_all};

use crate::authorizer::{Authorizer, Decision};
use crate::config::Config;
use crate::denial::{Code, Denial};
use crate::keys::fetch::Fetcher;
use crate::keys::sources::{Need, Sources};
use crate::log::{self, EventFacts, LogSettings, SourceEvent};
use crate::response::Response;
use crate::revocation::ListSource;
use crate::source::FETCH_TIMEOUT;
use crate::source::secret::AwsEnvironment;
use crate::time::{NumericDate, earliest};
use list::List;
use single_flight::SingleFlight;

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
    /// `[revocation]`.
    list: Option<List>,
    aws: AwsEnvironment,
    fetcher: Fetcher,
    random: RefCell<Rng>,
    clock: &'e dyn Fn() -> SystemTime,
    log: &'e dyn Fn(&[u8]),
    settings: LogSettings,
    /// The last time that was read. An earlier one means that the clock was set back.
    last: Cell<SystemTime>,
    /// When the next source is due.
    due: Cell<Option<NumericDate>>,
    /// When the next keys, or the list, become too old.
    expiry: Cell<Option<NumericDate>>,
}

/// The key sources of one issuer, and their fetches.
struct IssuerKeys {
    sources: RefCell<Sources>,
    flight: SingleFlight,
}

/// A key that an event lacks.
struct MissingKey<'f> {
    index: usize,
    issuer: &'f IssuerKeys,
    need: Need,
}

/// What an event waits for.
enum Missing<'f> {
    Key(MissingKey<'f>),
    List(&'f List),
}

/// The fetches that an event waited for.
#[derive(Clone, Copy, Default)]
struct AwaitedFetches {
    keys: u32,
    list: u32,
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
        let issuer = |sources| IssuerKeys { sources: RefCell::new(sources), flight: SingleFlight::default() };
        let function = Self {
            authorizer: RefCell::new(config.authorizer),
            issuers: config.sources.into_iter().map(issuer).collect(),
            list: config.revocation.map(List::new),
            fetcher: Fetcher::new(config.aws.clone()),
            aws: config.aws,
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

    /// Before the first event: fetches keys for the issuers that have none, and the revocation list, all at once. If
    /// that fails, the function starts all the same, denies with `keys_unavailable` or `revocation_stale`, and tries
    /// again.
    pub async fn start(&self) {
        let fetches = self.issuers.iter().enumerate().filter_map(|(index, issuer)| {
            let source = issuer.sources.borrow().at_start()?;
            Some(self.fetch(index, issuer, source, FETCH_TIMEOUT))
        });
        let list = async {
            if let Some(list) = &self.list {
                self.fetch_list(list, FETCH_TIMEOUT).await;
            }
        };
        join(join_all(fetches), list).await;
    }

    /// Decides about one event and writes its line, before the response is returned.
    pub async fn answer(&self, event: &[u8], invocation: Invocation<'_>) -> Response {
        let start = self.now();
        self.drop_expired(start);
        let mut awaited = AwaitedFetches::default();
        let mut may_await_list = true;
        loop {
            let now = self.now();
            let time_left = fetch_time_left(start, now, invocation.deadline);
            let missing = {
                let authorizer = self.authorizer.borrow();
                let decision = authorizer.authorize(event, invocation.function, now.into());
                let list = self
                    .list
                    .as_ref()
                    .filter(|list| may_await_list && list.is_wanted_by(&decision, now.into(), time_left));
                let key = || {
                    let is_fetchable = |missing: &MissingKey<'_>| missing.is_fetchable(now.into(), time_left);
                    self.missing_key(&decision).filter(is_fetchable)
                };
                match list.map(Missing::List).or_else(|| key().map(Missing::Key)) {
                    Some(missing) => missing,
                    None => return self.conclude(decision, invocation, start, awaited),
                }
            };
            match missing {
                Missing::Key(missing) => {
                    let has_fetched = self.fetch_missing(missing, time_left).await;
                    awaited.keys = awaited.keys.saturating_add(u32::from(has_fetched));
                }
                Missing::List(list) => {
                    may_await_list = false;
                    let has_fetched = self.await_list(list, time_left).await;
                    awaited.list = awaited.list.saturating_add(u32::from(has_fetched));
                }
            }
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
            let Some(_lock) = issuer.flight.try_enter() else { return };
            let due: Vec<usize> = issuer.sources.borrow().due(now.into()).collect();
            join_all(due.into_iter().map(|source| self.fetch(index, issuer, source, time_left))).await;
        });
        let list = async {
            if let Some(list) = &self.list {
                self.refresh_list(list, time_left).await;
            }
        };
        join(join_all(refreshes), list).await;
    }

    fn conclude(
        &self,
        decision: Decision<'_>,
        invocation: Invocation<'_>,
        start: SystemTime,
        awaited: AwaitedFetches,
    ) -> Response {
        let time = self.now();
        let facts = EventFacts {
            time,
            request_id: invocation.request_id,
            trace: invocation.trace,
            duration: time.duration_since(start).unwrap_or_default(),
            cold_start: invocation.cold_start,
            key_fetches: awaited.keys,
            key_age: self.key_age(&decision, time),
            revocation_fetches: awaited.list,
            revocation_age: self.list.as_ref().and_then(|list| list.source.borrow().age(time.into())),
        };
        let decision = self.with_cause(decision);
        self.write(log::line(&decision, facts, &self.settings));
        decision.outcome.unwrap_or_else(|_| Response::deny())
    }

    /// The present time. Dates of what was fetched are corrected if the clock was set back.
    fn now(&self) -> SystemTime {
        let now = (self.clock)();
        if now < self.last.replace(now) {
            for issuer in &self.issuers {
                issuer.sources.borrow_mut().clock_set_back(now.into());
            }
            if let Some(list) = &self.list {
                list.source.borrow_mut().clock_set_back(now.into());
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

    /// Names the failed source in a denial for lack of keys, or of a revocation list.
    fn with_cause<'a>(&self, mut decision: Decision<'a>) -> Decision<'a> {
        let failure = match decision.outcome.as_ref().err().map(Denial::code) {
            Some(Code::KeysUnavailable) => {
                self.issuer_keys(&decision).and_then(|(_, issuer)| issuer.sources.borrow().failure())
            }
            Some(Code::RevocationStale) => self.list.as_ref().and_then(|list| list.source.borrow().failure()),
            _ => None,
        };
        if let (Err(denial), Some(failure)) = (&mut decision.outcome, failure) {
            *denial = Denial::about(denial.code(), &failure);
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
        let Some(_lock) = issuer.flight.enter(time_left).await else { return false };
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
        let result = issuer.flight.run(self.fetcher.fetch(&origin, time_left)).await;
        let end = self.now();
        let report =
            issuer.sources.borrow_mut().record(source, result, end.into(), &mut self.random.borrow_mut());
        self.apply_keys(index, issuer);
        if let Some(report) = report {
            let duration = end.duration_since(start).unwrap_or_default();
            let sources = issuer.sources.borrow();
            self.write(SourceEvent::keys(&sources.issuer, &report, duration, end).line(&self.settings));
        }
    }

    /// Drops keys, and a revocation list, that are too old.
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
                self.write(SourceEvent::keys_expired(&sources.issuer, &source, time).line(&self.settings));
            }
        }
        if let Some(list) = &self.list {
            self.drop_expired_list(list, time);
        }
    }

    /// Gives the authorizer the present keys of an issuer.
    fn apply_keys(&self, index: usize, issuer: &IssuerKeys) {
        self.authorizer.borrow_mut().set_keys(index, issuer.sources.borrow().keys());
        self.update_dates();
    }

    fn update_dates(&self) {
        let earliest_of = |date: fn(&Sources) -> Option<NumericDate>,
                           of_list: fn(&ListSource) -> Option<NumericDate>| {
            let of_keys = self.issuers.iter().filter_map(|issuer| date(&issuer.sources.borrow()));
            earliest(of_keys.chain(self.list.as_ref().and_then(|list| of_list(&list.source.borrow()))))
        };
        self.due.set(earliest_of(Sources::next_due, ListSource::next_due));
        self.expiry.set(earliest_of(Sources::next_expiry, ListSource::next_expiry));
    }
}

impl MissingKey<'_> {
    /// Whether waiting may help: a fetch is running, or one is allowed.
    fn is_fetchable(&self, now: NumericDate, time_left: Duration) -> bool {
        let is_allowed = || self.issuer.sources.borrow().wanted(self.need, now).is_some();
        time_left >= MIN_FETCH_TIME && (self.issuer.flight.is_running() || is_allowed())
    }
}

/// The time that fetches of an invocation have left.
fn fetch_time_left(start: SystemTime, now: SystemTime, deadline: SystemTime) -> Duration {
    let spent = now.duration_since(start).unwrap_or_default();
    let until_deadline = deadline.duration_since(now).unwrap_or_default().saturating_sub(DEADLINE_RESERVE);
    FETCH_TIMEOUT.saturating_sub(spent).min(until_deadline)
}
