//! One issuer's sources: what each has said, when it is asked again, and which keys that makes.
//!
//! Nothing here reads a clock or talks to anybody: the shell says what time it is and what a source answered, and this says what
//! to ask next. Good keys are kept through any failure until they are older than `max_stale_seconds`.

use std::time::Duration;

use fastrand::Rng;
use serde_json::Value;

use super::fetch::{Failure, Found};
use super::origin::Origin;
use super::{Algorithm, KeySet};
use crate::claims::NumericDate;
use crate::denial::Code;

/// How long invented key names cannot cause a second fetch.
pub const COOLDOWN: Duration = Duration::from_secs(30);

/// Of one answer of a source; each stage of a secret is one.
pub const MAX_KEYS: usize = 100;

/// How many left-out keys an event of the log names.
const MAX_TOLD: usize = 8;

/// The wait after a first failure; it doubles with each.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The sources of one issuer, the preferred first.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The issuer's short name.
    pub issuer: Box<str>,
    /// What its keys have to be good for.
    pub algorithms: Vec<Algorithm>,
    /// Thumbprints that are never accepted.
    pub blocked: Vec<String>,
    /// How old fetched keys are when they are fetched again.
    pub refresh: Duration,
    /// How old they may become while that fails.
    pub max_stale: Duration,
    chain: Vec<Source>,
    /// Until when an unknown key is no reason to ask.
    cooldown: Option<NumericDate>,
    /// How often any source was asked.
    fetches: u64,
    /// How often that failed.
    failures: u64,
}

#[derive(Clone, Debug)]
enum Source {
    Bundled(KeySet),
    Fetched(Fetched),
}

#[derive(Clone, Debug)]
struct Fetched {
    origin: Origin,
    /// What it said, in order of precedence: the stages of a secret, or one key set.
    parts: Vec<Part>,
    /// When it is to be asked again, once it has been asked.
    next: Option<NumericDate>,
    /// In a row.
    failures: u32,
}

/// Keys with an age of their own.
#[derive(Clone, Debug)]
struct Part {
    keys: KeySet,
    read: NumericDate,
}

/// What came of asking a source, for the log.
#[derive(Debug)]
pub struct Report {
    /// Which source, as the configuration calls it.
    pub source: String,
    /// What changed, or why it failed.
    pub outcome: Result<Change, Failure>,
    /// Seconds until it is asked again.
    pub next: Duration,
    /// The age of the source's keys, where it has any.
    pub age: Option<Duration>,
    /// Whether the issuer has any key at all.
    pub usable: bool,
    /// How often any of the issuer's sources was asked since the sandbox started.
    pub fetches: u64,
    /// How often that failed.
    pub failures: u64,
}

/// How a source's keys differ from those that it had before.
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    /// Present number of keys.
    pub keys: usize,
    /// Keys that were not there before.
    pub added: usize,
    /// Keys that are no longer there.
    pub removed: usize,
    /// Why entries were left out, and which parts did not answer; the first few.
    pub left_out: Vec<String>,
}

impl Sources {
    /// Sources of an issuer, none as yet.
    #[must_use]
    pub fn new(issuer: &str, algorithms: Vec<Algorithm>, blocked: Vec<String>) -> Self {
        Self {
            issuer: issuer.into(),
            algorithms,
            blocked,
            refresh: Duration::from_secs(300),
            max_stale: Duration::from_secs(86_400),
            chain: Vec::new(),
            cooldown: None,
            fetches: 0,
            failures: 0,
        }
    }

    /// Adds keys that came with the function, as the last source.
    pub fn bundle(&mut self, keys: KeySet) {
        self.chain.push(Source::Bundled(keys));
    }

    /// Adds a source that is fetched, as the last.
    pub fn add(&mut self, origin: Origin) {
        self.chain.push(Source::Fetched(Fetched { origin, parts: Vec::new(), next: None, failures: 0 }));
    }

    /// Every key that any source has given; of one name, the earlier source's.
    #[must_use]
    pub fn keys(&self) -> KeySet {
        let mut keys = KeySet::default();
        for source in &self.chain {
            keys.extend(match source {
                Source::Bundled(own) => own.clone(),
                Source::Fetched(fetched) => fetched.keys(),
            });
        }
        keys
    }

    /// The source at that place.
    #[must_use]
    pub fn origin(&self, at: usize) -> Option<&Origin> {
        self.fetched().find(|(place, _)| *place == at).map(|(_, source)| &source.origin)
    }

    /// What to ask before the first event: nothing, if there are keys without it.
    #[must_use]
    pub fn at_start(&self) -> Option<usize> {
        let is_usable = self.chain.iter().any(|source| match source {
            Source::Bundled(own) => own.is_usable(),
            Source::Fetched(fetched) => fetched.keys().is_usable(),
        });
        if is_usable { None } else { self.fetched().next().map(|(at, _)| at) }
    }

    /// The age of the fetched keys: of the source that was read longest ago.
    #[must_use]
    pub fn age(&self, now: NumericDate) -> Option<Duration> {
        self.fetched().filter_map(|(_, source)| source.age(now)).max()
    }

    /// Whether any source is a secret.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.fetched().any(|(_, source)| matches!(source.origin, Origin::Secret(_)))
    }

    /// What is to be asked again by now. A source that nobody has needed yet is not among them.
    pub fn due(&self, now: NumericDate) -> impl Iterator<Item = usize> {
        self.fetched()
            .filter(move |(_, source)| source.next.is_some_and(|next| next <= now))
            .map(|(at, _)| at)
    }

    /// What to ask because a token could not be judged for want of a key.
    ///
    /// Without any key it is the first source that is not waiting after a failure. For an unknown key it is the first that was
    /// never asked, else the one whose keys are oldest, and no more than once in a [`COOLDOWN`].
    #[must_use]
    pub fn wanted(&self, code: Code, now: NumericDate) -> Option<usize> {
        let ready = |source: &Fetched| source.failures == 0 || source.next.is_none_or(|next| next <= now);
        let mut candidates = self.fetched().filter(|(_, source)| ready(source));
        match code {
            Code::KeysUnavailable => candidates.next(),
            Code::UnknownKey if self.cooldown.is_none_or(|until| until <= now) => {
                let age = |source: &Fetched| source.age(now).unwrap_or(Duration::MAX);
                candidates.reduce(|first, next| if age(next.1) > age(first.1) { next } else { first })
            }
            _ => None,
        }
        .map(|(at, _)| at)
    }

    /// Begins a [`COOLDOWN`] if it is an unknown key for which a source is about to be asked.
    pub fn begin_cooldown(&mut self, code: Code, now: NumericDate, random: &mut Rng) {
        if code == Code::UnknownKey {
            self.cooldown = Some(now.after(COOLDOWN.mul_f64(1.0 + 0.2 * random.f64())));
        }
    }

    /// Takes in what a source answered.
    pub fn settle(
        &mut self,
        at: usize,
        answer: Result<Found, Failure>,
        now: NumericDate,
        random: &mut Rng,
    ) -> Option<Report> {
        let accepted = answer.and_then(|found| accept(&found, &self.algorithms, &self.blocked));
        let refresh = self.refresh;
        self.fetches = self.fetches.saturating_add(1);
        self.failures = self.failures.saturating_add(u64::from(accepted.is_err()));
        let Some(Source::Fetched(source)) = self.chain.get_mut(at) else { return None };
        let (outcome, wait) = match accepted {
            Ok(accepted) => {
                source.failures = 0;
                // Early rather than late, and no two sandboxes in step.
                (Ok(source.replace(accepted, now)), refresh.mul_f64(0.8 + 0.2 * random.f64()))
            }
            Err(failure) => {
                let doubled = FIRST_RETRY.saturating_mul(1 << source.failures.min(16));
                source.failures = source.failures.saturating_add(1);
                (Err(failure), doubled.min(refresh).mul_f64(0.5 + random.f64()))
            }
        };
        source.next = Some(now.after(wait));
        let (name, age) = (source.origin.to_string(), source.age(now));
        Some(Report {
            source: name,
            outcome,
            next: wait,
            age,
            usable: self.keys().is_usable(),
            fetches: self.fetches,
            failures: self.failures,
        })
    }

    /// Drops keys that are older than they may become, and names their sources.
    pub fn expire(&mut self, now: NumericDate) -> Vec<String> {
        let max_stale = self.max_stale;
        let mut expired = Vec::new();
        for source in &mut self.chain {
            let Source::Fetched(source) = source else { continue };
            for part in
                source.parts.iter_mut().filter(|part| part.is_filled() && part.read.after(max_stale) <= now)
            {
                part.keys = KeySet::default();
                expired.push(source.origin.to_string());
            }
        }
        expired
    }

    /// When the next source is due.
    #[must_use]
    pub fn next_due(&self) -> Option<NumericDate> {
        earliest(self.fetched().filter_map(|(_, source)| source.next))
    }

    /// When the next keys become too old.
    #[must_use]
    pub fn next_expiry(&self) -> Option<NumericDate> {
        let filled = self.fetched().flat_map(|(_, source)| &source.parts).filter(|part| part.is_filled());
        earliest(filled.map(|part| part.read.after(self.max_stale)))
    }

    fn fetched(&self) -> impl Iterator<Item = (usize, &Fetched)> {
        self.chain.iter().enumerate().filter_map(|(at, source)| match source {
            Source::Fetched(fetched) => Some((at, fetched)),
            Source::Bundled(_) => None,
        })
    }
}

/// The first of some dates.
pub(crate) fn earliest(dates: impl Iterator<Item = NumericDate>) -> Option<NumericDate> {
    dates.reduce(|first, date| if date < first { date } else { first })
}

/// An answer that holds at least one key of use.
struct Accepted {
    /// Of each part the keys; nothing of one that did not answer.
    parts: Vec<Option<KeySet>>,
    left_out: Vec<String>,
}

fn accept(found: &Found, algorithms: &[Algorithm], blocked: &[String]) -> Result<Accepted, Failure> {
    if found.parts.iter().flatten().any(|part| part.len() > MAX_KEYS) {
        return Err(Failure::TooManyKeys);
    }
    let mut left_out = found.notes.clone();
    let mut fit = |entries: &Vec<Value>| {
        let (mut keys, unusable) = KeySet::from_entries(entries, algorithms, blocked);
        left_out.extend(unusable.iter().map(|(at, why)| format!("key {at}: {why}")));
        let published = keys.drop_published();
        left_out.extend(published.iter().map(|print| format!("key {print}: its private half is published")));
        keys
    };
    let parts: Vec<_> = found.parts.iter().map(|part| part.as_ref().map(&mut fit)).collect();
    left_out.truncate(MAX_TOLD);
    if parts.iter().flatten().any(KeySet::is_usable) {
        Ok(Accepted { parts, left_out })
    } else {
        Err(Failure::NoUsableKey(left_out.join("; ")))
    }
}

impl Part {
    fn is_filled(&self) -> bool {
        !self.keys.keys().is_empty()
    }
}

impl Fetched {
    fn keys(&self) -> KeySet {
        let mut keys = KeySet::default();
        self.parts.iter().for_each(|part| keys.extend(part.keys.clone()));
        keys
    }

    /// Of its oldest keys.
    fn age(&self, now: NumericDate) -> Option<Duration> {
        let filled = self.parts.iter().filter(|part| part.is_filled());
        earliest(filled.map(|part| part.read)).map(|read| now.since(read))
    }

    /// Takes the new keys in the place of the old; of a part that did not answer, the old ones stay.
    fn replace(&mut self, accepted: Accepted, now: NumericDate) -> Change {
        let before = self.keys();
        let mut old = std::mem::take(&mut self.parts).into_iter();
        for part in accepted.parts {
            let old = old.next();
            self.parts.push(match (part, old) {
                (None, Some(old)) => old,
                (part, _) => Part { keys: part.unwrap_or_default(), read: now },
            });
        }
        let after = self.keys();
        let (keys, added, removed) = (after.keys().len(), after.beyond(&before), before.beyond(&after));
        Change { keys, added, removed, left_out: accepted.left_out }
    }
}
