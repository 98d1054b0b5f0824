//! The function around the decision: it brings keys when they are due or lacking, asks the authorizer, and writes the log.
//!
//! A Lambda sandbox is frozen from the moment it asks for the next event until there is one. So a due refresh gets its time *after*
//! an answer has been delivered and before the next event is asked for: nobody waits for it, and it is never frozen halfway. Only
//! an event that cannot be judged for want of a key waits for a fetch, for [`BUDGET`] at most and as seldom as
//! [`Sources::wanted`] allows.

use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use futures_util::future::join_all;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::authorizer::{Authorizer, Decision};
use crate::claims::NumericDate;
use crate::config::Config;
use crate::denial::Code;
use crate::keys::fetch::{BUDGET, Fetcher};
use crate::keys::sources::{Sources, earliest};
use crate::log::{self, Circumstances, KeyEvent, Settings};
use crate::response::Answer;

/// What is left of an invocation's time for Lambda itself: a fetch that ran into the function's timeout would end the sandbox.
const RESERVE: Duration = Duration::from_millis(500);

/// Less time than this is not worth a fetch.
const LEAST: Duration = Duration::from_millis(100);

/// A sandbox's function. Its times are those of `clock`; `log` takes one line in one write.
pub struct Function<'e> {
    authorizer: RefCell<Authorizer>,
    issuers: Vec<Issuer>,
    fetcher: Fetcher,
    random: RefCell<Rng>,
    clock: &'e dyn Fn() -> SystemTime,
    log: &'e dyn Fn(&[u8]),
    settings: Settings,
    /// When a source is due next.
    due: Cell<Option<NumericDate>>,
    /// When keys become too old next.
    expiry: Cell<Option<NumericDate>>,
}

/// An issuer's sources. Nobody who reads keys takes the lock: it is for those who would fetch.
struct Issuer {
    sources: RefCell<Sources>,
    flight: Mutex<()>,
    /// Whether somebody is fetching.
    fetching: Cell<bool>,
    /// How often something was fetched: who waited for the lock knows by it that the fetch was made for him too.
    settled: Cell<u64>,
}

/// What Lambda says of an invocation.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'i> {
    /// Lambda's id of it.
    pub request_id: &'i str,
    /// X-Ray's header for it, where it is traced.
    pub trace: Option<&'i str>,
    /// The ARN that was invoked.
    pub function: &'i str,
    /// When Lambda gives up on it.
    pub deadline: SystemTime,
    /// Whether it is the sandbox's first.
    pub cold_start: bool,
}

impl<'e> Function<'e> {
    /// The function of a deployment. It has asked nobody for keys yet.
    #[must_use]
    pub fn new(config: Config, clock: &'e dyn Fn() -> SystemTime, log: &'e dyn Fn(&[u8])) -> Self {
        let issuer = |sources| Issuer {
            sources: RefCell::new(sources),
            flight: Mutex::default(),
            fetching: Cell::default(),
            settled: Cell::default(),
        };
        Self {
            authorizer: RefCell::new(config.authorizer),
            issuers: config.sources.into_iter().map(issuer).collect(),
            fetcher: Fetcher::new(config.aws),
            random: RefCell::new(Rng::new()),
            clock,
            log,
            settings: config.log,
            due: Cell::default(),
            expiry: Cell::default(),
        }
    }

    /// Before the first event: fetches for the issuers that have no key, all at once. Without success the function starts all
    /// the same, refuses with `keys_unavailable`, and tries again.
    pub async fn start(&self) {
        let lacking = self.issuers.iter().enumerate().filter_map(|(index, issuer)| {
            let at = issuer.sources.borrow().at_start()?;
            Some(self.ask(index, issuer, at, BUDGET))
        });
        join_all(lacking).await;
    }

    /// Decides about one event, and says so in the log before anybody hears of it.
    pub async fn answer(&self, event: &[u8], invocation: Invocation<'_>) -> Answer {
        let start = (self.clock)();
        self.expire(start);
        let mut key_fetches = 0;
        loop {
            let now = (self.clock)();
            let left = budget(start, now, invocation.deadline);
            let (index, issuer, code) = {
                let authorizer = self.authorizer.borrow();
                let decision = authorizer.authorize(event, invocation.function, now.into());
                match self
                    .lacking(&decision)
                    .filter(|(_, issuer, code)| issuer.may_bring(*code, now.into(), left))
                {
                    Some(lacking) => lacking,
                    None => return self.conclude(decision, invocation, start, key_fetches),
                }
            };
            let fetched = self.bring(index, issuer, code, left).await;
            key_fetches = u32::saturating_add(key_fetches, u32::from(fetched));
        }
    }

    /// After an answer: fetches what is due, all at once.
    pub async fn refresh(&self, deadline: SystemTime) {
        let Some(due) = self.due.get() else { return };
        let now = (self.clock)();
        let left = budget(now, now, deadline);
        if NumericDate::from(now) < due || left < LEAST {
            return;
        }
        let refreshes = self.issuers.iter().enumerate().map(async |(index, issuer)| {
            let Ok(_flight) = issuer.flight.try_lock() else { return };
            let due: Vec<usize> = issuer.sources.borrow().due(now.into()).collect();
            join_all(due.into_iter().map(|at| self.ask(index, issuer, at, left))).await;
        });
        join_all(refreshes).await;
    }

    fn conclude(
        &self,
        decision: Decision<'_>,
        invocation: Invocation<'_>,
        start: SystemTime,
        key_fetches: u32,
    ) -> Answer {
        let time = (self.clock)();
        let circumstances = Circumstances {
            time,
            request_id: invocation.request_id,
            trace: invocation.trace,
            duration: time.duration_since(start).unwrap_or_default(),
            cold_start: invocation.cold_start,
            key_fetches,
            key_age: self.key_age(&decision, time),
        };
        self.write(log::line(&decision, circumstances, &self.settings));
        decision.outcome.unwrap_or_else(|_| Answer::refuse())
    }

    fn write(&self, line: Option<Vec<u8>>) {
        if let Some(line) = line {
            (self.log)(&line);
        }
    }

    /// How old the fetched keys of a decision's issuer are.
    fn key_age(&self, decision: &Decision<'_>, now: SystemTime) -> Option<Duration> {
        // Whose keys are bundled has nothing that is ever due.
        self.due.get()?;
        let mut all = self.issuers.iter().map(|issuer| issuer.sources.borrow());
        all.find(|sources| Some(&*sources.issuer) == decision.issuer)?.age(now.into())
    }

    /// The issuer for want of whose key a decision could not be made.
    fn lacking(&self, decision: &Decision<'_>) -> Option<(usize, &Issuer, Code)> {
        let code = decision.outcome.as_ref().err()?.code();
        if !matches!(code, Code::UnknownKey | Code::KeysUnavailable) {
            return None;
        }
        let issuer = |issuer: &Issuer| Some(&*issuer.sources.borrow().issuer) == decision.issuer;
        let (index, issuer) = self.issuers.iter().enumerate().find(|(_, own)| issuer(own))?;
        Some((index, issuer, code))
    }

    /// Fetches for an event that waits, or waits for the fetch that another event is waiting for. Says whether it fetched.
    async fn bring(&self, index: usize, issuer: &Issuer, code: Code, left: Duration) -> bool {
        let settled = issuer.settled.get();
        let Ok(_flight) = timeout(left, issuer.flight.lock()).await else { return false };
        if issuer.settled.get() != settled {
            return false;
        }
        let now = (self.clock)().into();
        let Some(at) = issuer.sources.borrow().wanted(code, now) else { return false };
        issuer.sources.borrow_mut().begin_cooldown(code, now, &mut self.random.borrow_mut());
        self.ask(index, issuer, at, left).await;
        true
    }

    /// Asks one source and takes in what it says.
    async fn ask(&self, index: usize, issuer: &Issuer, at: usize, left: Duration) {
        let Some(origin) = issuer.sources.borrow().origin(at).cloned() else { return };
        let start = (self.clock)();
        issuer.fetching.set(true);
        let answer = self.fetcher.fetch(&origin, left).await;
        issuer.fetching.set(false);
        let end = (self.clock)();
        let report =
            issuer.sources.borrow_mut().settle(at, answer, end.into(), &mut self.random.borrow_mut());
        issuer.settled.set(issuer.settled.get().wrapping_add(1));
        self.take_over(index, issuer);
        if let Some(report) = report {
            let duration = end.duration_since(start).unwrap_or_default();
            let sources = issuer.sources.borrow();
            self.write(KeyEvent::fetched(&sources.issuer, &report, duration, end).line(&self.settings));
        }
    }

    /// Drops keys that have become too old.
    fn expire(&self, time: SystemTime) {
        let now = NumericDate::from(time);
        if self.expiry.get().is_none_or(|expiry| now < expiry) {
            return;
        }
        for (index, issuer) in self.issuers.iter().enumerate() {
            let expired = issuer.sources.borrow_mut().expire(now);
            self.take_over(index, issuer);
            for source in expired {
                let sources = issuer.sources.borrow();
                self.write(KeyEvent::expired(&sources.issuer, &source, time).line(&self.settings));
            }
        }
    }

    /// Gives the authorizer an issuer's present keys.
    fn take_over(&self, index: usize, issuer: &Issuer) {
        self.authorizer.borrow_mut().set_keys(index, issuer.sources.borrow().keys());
        let dates = |date: fn(&Sources) -> Option<NumericDate>| {
            earliest(self.issuers.iter().filter_map(|issuer| date(&issuer.sources.borrow())))
        };
        self.due.set(dates(Sources::next_due));
        self.expiry.set(dates(Sources::next_expiry));
    }
}

impl Issuer {
    /// Whether it may be worth to wait: somebody is fetching, or a fetch is allowed.
    fn may_bring(&self, code: Code, now: NumericDate, left: Duration) -> bool {
        left >= LEAST && (self.fetching.get() || self.sources.borrow().wanted(code, now).is_some())
    }
}

/// What is left of the time for fetches of an invocation.
fn budget(start: SystemTime, now: SystemTime, deadline: SystemTime) -> Duration {
    let spent = now.duration_since(start).unwrap_or_default();
    let left = deadline.duration_since(now).unwrap_or_default().saturating_sub(RESERVE);
    BUDGET.saturating_sub(spent).min(left)
}
