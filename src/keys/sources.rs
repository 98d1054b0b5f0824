//! The key sources of one issuer, as a state machine: which keys they gave, and which source to fetch next.
//!
//! It reads no clock and no network. The caller supplies the time and the result of each fetch. Each source has the
//! [`Schedule`] of every source.

mod remote;

pub use remote::KeyChange;

use std::time::Duration;

use fastrand::Rng;

use super::KeySet;
use super::fetch_result::FetchedKeys;
use super::origin::Origin;
use crate::algorithm::Algorithm;
use crate::denial::Code;
use crate::source::failure::FetchFailure;
use crate::source::schedule::{Dated, FetchCounts, FetchReport, Lifetimes, Schedule};
use crate::time::{NumericDate, earliest};
use remote::{RemoteSource, check, has_keys};

/// `refresh_seconds` and `max_stale_seconds` of an issuer that does not state them.
pub const DEFAULT_LIFETIMES: Lifetimes =
    Lifetimes { refresh: Duration::from_secs(300), max_stale: Duration::from_secs(86_400) };

/// The shortest time between two fetches of an issuer for unknown `kid`s.
pub const COOLDOWN: Duration = Duration::from_secs(30);

/// The longest time between two such fetches, as a multiple of [`COOLDOWN`].
const MAX_COOLDOWN_FACTOR: f64 = 1.2;

/// The sources of one issuer, in order of precedence.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The issuer's short name.
    pub issuer: Box<str>,
    /// The issuer's `algorithms`.
    pub algorithms: Vec<Algorithm>,
    /// `blocked_keys`: thumbprints of keys that are never used.
    pub blocked: Vec<String>,
    /// `refresh_seconds` and `max_stale_seconds`.
    pub lifetimes: Lifetimes,
    chain: Vec<Source>,
    /// Until when an unknown `kid` causes no fetch.
    cooldown: Option<NumericDate>,
    /// Fetches of all sources.
    counts: FetchCounts,
}

#[derive(Clone, Debug)]
enum Source {
    Bundled(KeySet),
    Remote(RemoteSource),
}

/// Why an event needs a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The issuer has no keys.
    AnyKey,
    /// No key of the issuer fits the token.
    UnknownKey,
}

impl Need {
    /// What a denied event lacked; `None` if no key would change the decision.
    ///
    /// `may_lack_key` is [`Issuer::may_lack_key`](crate::authorizer::Issuer::may_lack_key): the right key may be one that
    /// the function does not have yet. INVARIANT (a bad signature by a key that the `kid` names never fetches).
    #[must_use]
    pub fn of(code: Code, may_lack_key: bool) -> Option<Self> {
        match code {
            Code::KeysUnavailable => Some(Self::AnyKey),
            Code::UnknownKey => Some(Self::UnknownKey),
            Code::UnsupportedAlgorithm | Code::BadSignature if may_lack_key => Some(Self::UnknownKey),
            _ => None,
        }
    }
}

impl Sources {
    /// An issuer without sources yet.
    #[must_use]
    pub fn new(issuer: &str, algorithms: Vec<Algorithm>, blocked: Vec<String>) -> Self {
        Self {
            issuer: issuer.into(),
            algorithms,
            blocked,
            lifetimes: DEFAULT_LIFETIMES,
            chain: Vec::new(),
            cooldown: None,
            counts: FetchCounts::default(),
        }
    }

    /// Appends a source of bundled keys.
    pub fn bundle(&mut self, keys: KeySet) {
        self.chain.push(Source::Bundled(keys));
    }

    /// Appends a source that is fetched.
    pub fn add(&mut self, origin: Origin) {
        self.chain.push(Source::Remote(RemoteSource {
            origin,
            parts: Vec::new(),
            schedule: Schedule::default(),
        }));
        self.schedule_shadowed();
    }

    /// Makes a source due that was never fetched and is behind a usable key without `kid`. Such a key fits every token
    /// of its algorithms, so none of them would show that the source is needed.
    fn schedule_shadowed(&mut self) {
        let mut fits_all = false;
        for source in &mut self.chain {
            match source {
                Source::Bundled(keys) => fits_all |= keys.has_usable_key_without_kid(),
                Source::Remote(source) => {
                    if fits_all {
                        source.schedule.begin();
                    }
                    fits_all |= source.keys().has_usable_key_without_kid();
                }
            }
        }
    }

    /// The present keys of all sources. For one `kid` and algorithm the keys of the earlier source count.
    #[must_use]
    pub fn keys(&self) -> KeySet {
        let mut keys = KeySet::default();
        for source in &self.chain {
            keys.extend(match source {
                Source::Bundled(keys) => keys.clone(),
                Source::Remote(source) => source.keys(),
            });
        }
        keys
    }

    /// The remote source at `index`.
    #[must_use]
    pub fn origin(&self, index: usize) -> Option<&Origin> {
        match self.chain.get(index)? {
            Source::Remote(source) => Some(&source.origin),
            Source::Bundled(_) => None,
        }
    }

    /// The source to fetch before the first event; `None` if there are usable keys without a fetch.
    #[must_use]
    pub fn at_start(&self) -> Option<usize> {
        let is_usable = self.chain.iter().any(|source| match source {
            Source::Bundled(keys) => keys.is_usable(),
            Source::Remote(source) => source.keys().is_usable(),
        });
        if is_usable { None } else { self.remote().next().map(|(index, _)| index) }
    }

    /// The age of the oldest fetched keys.
    #[must_use]
    pub fn age(&self, now: NumericDate) -> Option<Duration> {
        self.remote().filter_map(|(_, source)| source.age(now)).max()
    }

    /// Whether any source is a secret.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.remote().any(|(_, source)| matches!(source.origin, Origin::Secret(_)))
    }

    /// Why the issuer has no keys: the first source whose last fetch failed, and the failure.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let failure =
            |source: &RemoteSource| Some(format!("{}: {}", source.origin, source.schedule.failure()?));
        self.remote().find_map(|(_, source)| failure(source))
    }

    /// Corrects dates after the clock was set back to `now`. A date that is further away than it can be counts as now,
    /// and keys cannot have been fetched in the future.
    pub fn clock_set_back(&mut self, now: NumericDate) {
        for source in &mut self.chain {
            let Source::Remote(source) = source else { continue };
            source.schedule.clock_set_back(self.lifetimes.refresh, now);
            source.parts.iter_mut().for_each(|part| part.clock_set_back(now));
        }
        let longest_cooldown = now.after(COOLDOWN.mul_f64(MAX_COOLDOWN_FACTOR));
        self.cooldown = self.cooldown.filter(|until| *until <= longest_cooldown);
    }

    /// The sources to fetch by now. A source that was never fetched is due only behind a key that fits every token.
    pub fn due(&self, now: NumericDate) -> impl Iterator<Item = usize> {
        self.remote().filter(move |(_, source)| source.schedule.is_due(now)).map(|(index, _)| index)
    }

    /// The source to fetch because an event needs a key, or `None` if no fetch is allowed now.
    ///
    /// Without any key it is the first source that does not wait after a failure. For an unknown key it is the first
    /// source that was never fetched, else the one with the oldest keys, at most once in a [`COOLDOWN`].
    #[must_use]
    pub fn wanted(&self, need: Need, now: NumericDate) -> Option<usize> {
        let mut candidates = self.remote().filter(|(_, source)| source.schedule.is_ready(now));
        let source = match need {
            Need::AnyKey => candidates.next(),
            Need::UnknownKey if self.cooldown.is_some_and(|until| now < until) => None,
            Need::UnknownKey => {
                let age = |source: &RemoteSource| source.age(now).unwrap_or(Duration::MAX);
                candidates.reduce(|first, next| if age(next.1) > age(first.1) { next } else { first })
            }
        };
        source.map(|(index, _)| index)
    }

    /// Records that a source is about to be fetched. For an unknown key this begins a [`COOLDOWN`].
    pub fn begin_fetch(&mut self, need: Need, now: NumericDate, random: &mut Rng) {
        if need == Need::UnknownKey {
            self.cooldown =
                Some(now.after(COOLDOWN.mul_f64(1.0 + (MAX_COOLDOWN_FACTOR - 1.0) * random.f64())));
        }
    }

    /// Records the result of a fetch of the source at `index`.
    pub fn record(
        &mut self,
        index: usize,
        result: Result<FetchedKeys, FetchFailure>,
        now: NumericDate,
        random: &mut Rng,
    ) -> Option<FetchReport<KeyChange>> {
        let checked = result.and_then(|fetched| check(&fetched, &self.algorithms, &self.blocked));
        self.counts.add(checked.is_err());
        let Some(Source::Remote(source)) = self.chain.get_mut(index) else { return None };
        let next = source.schedule.record(checked.as_ref().err(), self.lifetimes.refresh, now, random);
        let outcome = checked.map(|checked| source.replace(checked, now));
        let (name, age) = (source.origin.to_string(), source.age(now));
        self.schedule_shadowed();
        Some(FetchReport {
            source: name,
            outcome,
            next,
            age,
            usable: self.keys().is_usable(),
            counts: self.counts,
        })
    }

    /// Drops keys that are too old, and returns the names of their sources.
    pub fn expire(&mut self, now: NumericDate) -> Vec<String> {
        let max_stale = self.lifetimes.max_stale;
        let mut expired = Vec::new();
        for source in &mut self.chain {
            let Source::Remote(source) = source else { continue };
            let is_expired = |part: &&mut Dated<KeySet>| has_keys(part) && part.has_reached(max_stale, now);
            for part in source.parts.iter_mut().filter(is_expired) {
                part.contents = KeySet::default();
                expired.push(source.origin.to_string());
            }
        }
        expired
    }

    /// When the next source is due.
    #[must_use]
    pub fn next_due(&self) -> Option<NumericDate> {
        earliest(self.remote().filter_map(|(_, source)| source.schedule.next()))
    }

    /// When the next keys become too old.
    #[must_use]
    pub fn next_expiry(&self) -> Option<NumericDate> {
        let parts = self.remote().flat_map(|(_, source)| &source.parts).filter(|part| has_keys(part));
        earliest(parts.map(|part| part.fetched.after(self.lifetimes.max_stale)))
    }

    fn remote(&self) -> impl Iterator<Item = (usize, &RemoteSource)> {
        self.chain.iter().enumerate().filter_map(|(index, source)| match source {
            Source::Remote(source) => Some((index, source)),
            Source::Bundled(_) => None,
        })
    }
}
