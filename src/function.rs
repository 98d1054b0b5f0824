//! The function around the decision: fetches what is due or missing, asks the authorizer, writes the log.
//!
//! Lambda freezes a sandbox from the moment it asks for the next event until there is one. So a due refresh runs
//! *after* a response is delivered and before the next event is requested: no event waits for it, and it is never
//! frozen halfway. An event waits for a fetch only if it cannot be judged for lack of a key, for [`FETCH_TIMEOUT`] at
//! most, and as rarely as [`Sources::wanted`] allows: INVARIANT (no token with a usable key waits for a fetch of keys).
//! It also waits, for one second at most, if the revocation list is older than `refresh_seconds`.
//!
//! A sandbox of Lambda Managed Instances gets several events at once. They share one [`Authorizer`], which is replaced
//! whole when its keys or its list change: a decision sees one state from its beginning to its end. Events that lack
//! the same key share one fetch, which goes on if the event that began it is cancelled.

mod keys;
mod list;
mod locks;
mod single_flight;
mod wait;

use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use futures_util::future::{join, join_all};

use crate::authorizer::{Authorizer, Decision};
use crate::config::Config;
use crate::denial::{Code, Denial};
use crate::keys::fetch::Fetcher;
use crate::keys::sources::Sources;
use crate::log::{self, EventFacts, LogSettings};
use crate::response::Response;
use crate::revocation::ListSource;
use crate::source::FETCH_TIMEOUT;
use crate::source::secret::AwsEnvironment;
use crate::time::{NumericDate, earliest};
use keys::IssuerKeys;
use list::List;
use locks::{lock, snapshot};
use wait::{Attempt, Wait};

/// Time of an invocation that is kept for Lambda itself. A fetch that ran into the function's timeout would end the
/// sandbox.
const DEADLINE_RESERVE: Duration = Duration::from_millis(500);

/// A fetch does not start with less time than this.
const MIN_FETCH_TIME: Duration = Duration::from_millis(100);

/// Writes one line of the log.
type WriteLine = Box<dyn Fn(&[u8]) + Send + Sync>;

/// The function of one sandbox, which may handle several events at once.
///
/// The lock of a single flight is taken first, the others in the order of the fields. None is held while a task waits.
pub struct Function {
    /// When something is due. The clock is read under this lock, so that readings of several threads have an order.
    dates: Mutex<Dates>,
    /// What decides. It is replaced whole.
    authorizer: RwLock<Arc<Authorizer>>,
    /// In the order of the authorizer's issuers.
    issuers: Vec<IssuerKeys>,
    /// `[revocation]`.
    list: Option<List>,
    random: Mutex<Rng>,
    aws: AwsEnvironment,
    fetcher: Fetcher,
    clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
    log: WriteLine,
    settings: LogSettings,
}

/// The last time that was read, and when the next work is due.
struct Dates {
    /// An earlier time than this one means that the clock was set back.
    last: SystemTime,
    /// When the next source is due.
    due: Option<NumericDate>,
    /// When the next keys, or the list, become too old.
    expiry: Option<NumericDate>,
}

/// The fetches that an event began and waited for.
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

impl Function {
    /// The function of a deployment. It has fetched no keys yet. `clock` is its only source of time; `log` gets one
    /// line in one call.
    #[must_use]
    pub fn new(
        config: Config,
        clock: impl Fn() -> SystemTime + Send + Sync + 'static,
        log: impl Fn(&[u8]) + Send + Sync + 'static,
    ) -> Arc<Self> {
        let function = Self {
            dates: Mutex::new(Dates { last: SystemTime::UNIX_EPOCH, due: None, expiry: None }),
            authorizer: RwLock::new(Arc::new(config.authorizer)),
            issuers: config.sources.into_iter().map(IssuerKeys::new).collect(),
            list: config.revocation.map(List::new),
            random: Mutex::new(Rng::new()),
            fetcher: Fetcher::new(config.aws.clone()),
            aws: config.aws,
            clock: Box::new(clock),
            log: Box::new(log),
            settings: config.log,
        };
        function.update_dates();
        Arc::new(function)
    }

    /// Before the first event: fetches keys for the issuers that have none, and the revocation list, all at once. If
    /// that fails, the function starts all the same, denies with `keys_unavailable` or `revocation_stale`, and tries
    /// again.
    pub async fn start(&self) {
        let fetches = self.issuers.iter().enumerate().filter_map(|(index, issuer)| {
            let source = lock(&issuer.sources).at_start()?;
            Some(self.fetch_keys(index, source, FETCH_TIMEOUT))
        });
        let list = async {
            if let Some(list) = &self.list {
                self.fetch_list(list, FETCH_TIMEOUT).await;
            }
        };
        join(join_all(fetches), list).await;
    }

    /// Decides about one event and writes its line, before the response is returned.
    pub async fn answer(self: &Arc<Self>, event: &[u8], invocation: Invocation<'_>) -> Response {
        let start = self.now();
        self.drop_expired(start);
        let mut awaited = AwaitedFetches::default();
        let mut may_await_list = true;
        loop {
            let now = self.now();
            let time_left = fetch_time_left(start, now, invocation.deadline);
            let wait = {
                let authorizer = snapshot(&self.authorizer);
                let decision = authorizer.authorize(event, invocation.function, now.into());
                let attempt = Attempt { authorizer: &authorizer, now, time_left, may_await_list };
                match self.wait_of(&decision, attempt) {
                    Some(wait) => wait,
                    None => return self.conclude(decision, invocation, start, awaited),
                }
            };
            match wait {
                Wait::Nothing => {}
                Wait::Keys(fetch) => {
                    awaited.keys = awaited.keys.saturating_add(u32::from(fetch.ended().await));
                }
                Wait::List(fetch) => {
                    may_await_list = false;
                    awaited.list = awaited.list.saturating_add(u32::from(fetch.ended().await));
                }
            }
        }
    }

    /// Whether a source is due, so that [`Function::refresh`] has work.
    #[must_use]
    pub fn is_refresh_due(&self) -> bool {
        let now = NumericDate::from(self.now());
        lock(&self.dates).due.is_some_and(|due| due <= now)
    }

    /// After a response is delivered: fetches the sources that are due, all at once, but none that is being fetched.
    pub async fn refresh(&self, deadline: SystemTime) {
        let Some(due) = lock(&self.dates).due else { return };
        let now = self.now();
        let time_left = fetch_time_left(now, now, deadline);
        if NumericDate::from(now) < due || time_left < MIN_FETCH_TIME {
            return;
        }
        let issuers = (0..self.issuers.len()).map(|index| self.refresh_keys(index, now, time_left));
        let list = async {
            if let Some(list) = &self.list {
                self.refresh_list(list, time_left).await;
            }
        };
        join(join_all(issuers), list).await;
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
            revocation_age: self.list.as_ref().and_then(|list| lock(&list.source).age(time.into())),
        };
        let decision = self.with_cause(decision);
        self.write(log::line(&decision, facts, &self.settings));
        decision.outcome.unwrap_or_else(|_| Response::deny())
    }

    /// The present time. Dates of what was fetched are corrected if the clock was set back.
    fn now(&self) -> SystemTime {
        let (now, last) = {
            let mut dates = lock(&self.dates);
            let now = (self.clock)();
            (now, std::mem::replace(&mut dates.last, now))
        };
        if now < last {
            for issuer in &self.issuers {
                lock(&issuer.sources).clock_set_back(now.into());
            }
            if let Some(list) = &self.list {
                lock(&list.source).clock_set_back(now.into());
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
                self.issuer_keys(&decision).and_then(|(_, issuer)| lock(&issuer.sources).failure())
            }
            Some(Code::RevocationStale) => self.list.as_ref().and_then(|list| lock(&list.source).failure()),
            _ => None,
        };
        if let (Err(denial), Some(failure)) = (&mut decision.outcome, failure) {
            *denial = Denial::about(denial.code(), &failure);
        }
        decision
    }

    /// Drops keys, and a revocation list, that are too old.
    fn drop_expired(&self, time: SystemTime) {
        let now = NumericDate::from(time);
        if lock(&self.dates).expiry.is_none_or(|expiry| now < expiry) {
            return;
        }
        self.drop_expired_keys(time);
        if let Some(list) = &self.list {
            self.drop_expired_list(list, time);
        }
    }

    /// Computes when something is due. The lock is held meanwhile, so that an older result never replaces a newer one.
    fn update_dates(&self) {
        let mut dates = lock(&self.dates);
        let earliest_of = |date: fn(&Sources) -> Option<NumericDate>,
                           of_list: fn(&ListSource) -> Option<NumericDate>| {
            let of_keys = self.issuers.iter().filter_map(|issuer| date(&lock(&issuer.sources)));
            earliest(of_keys.chain(self.list.as_ref().and_then(|list| of_list(&lock(&list.source)))))
        };
        dates.due = earliest_of(Sources::next_due, ListSource::next_due);
        dates.expiry = earliest_of(Sources::next_expiry, ListSource::next_expiry);
    }
}

/// The time that fetches of an invocation have left.
fn fetch_time_left(start: SystemTime, now: SystemTime, deadline: SystemTime) -> Duration {
    let spent = now.duration_since(start).unwrap_or_default();
    let until_deadline = deadline.duration_since(now).unwrap_or_default().saturating_sub(DEADLINE_RESERVE);
    FETCH_TIMEOUT.saturating_sub(spent).min(until_deadline)
}
