//! One source that is fetched: its keys, when they were fetched, and what a fetch changes.

use std::time::Duration;

use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::keys::KeySet;
use crate::keys::fetch_result::{FetchedKeys, KeysError, MAX_KEYS};
use crate::keys::origin::Origin;
use crate::source::failure::FetchFailure;
use crate::source::schedule::{Dated, Schedule};
use crate::time::{NumericDate, earliest};

/// Most skipped entries that an event of the log names.
const MAX_REPORTED: usize = 8;

/// A source that is fetched.
#[derive(Clone, Debug)]
pub(super) struct RemoteSource {
    pub(super) origin: Origin,
    /// The keys that it gave, in order of precedence: the stages of a secret, or one key set.
    pub(super) parts: Vec<Dated<KeySet>>,
    pub(super) schedule: Schedule,
}

/// How a source's keys changed with a fetch.
#[derive(Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// Distinct entries that the source has now.
    pub keys: usize,
    /// New keys.
    pub added: usize,
    /// Keys that are gone.
    pub removed: usize,
    /// Why entries were skipped, and why parts did not answer; the first few.
    pub left_out: Vec<String>,
}

/// The result of a fetch, with at least one usable key.
pub(super) struct CheckedKeys {
    /// The keys of each part; `None` for one that did not answer.
    pub(super) parts: Vec<Option<KeySet>>,
    pub(super) skipped: Vec<String>,
}

pub(super) fn check(
    fetched: &FetchedKeys,
    algorithms: &[Algorithm],
    blocked: &[String],
) -> Result<CheckedKeys, FetchFailure> {
    if fetched.parts.iter().flatten().any(|part| part.len() > MAX_KEYS) {
        return Err(KeysError::TooManyKeys.into());
    }
    let mut skipped = fetched.notes.clone();
    let mut check_part = |entries: &Vec<Value>| {
        let (mut keys, unusable) = KeySet::from_entries(entries, algorithms, blocked);
        skipped.extend(unusable.iter().map(|(index, why)| format!("key {index}: {why}")));
        let published = keys.remove_published();
        skipped.extend(published.iter().map(|print| format!("key {print}: the private half is public")));
        keys
    };
    let parts: Vec<_> = fetched.parts.iter().map(|part| part.as_ref().map(&mut check_part)).collect();
    skipped.truncate(MAX_REPORTED);
    if parts.iter().flatten().any(KeySet::is_usable) {
        return Ok(CheckedKeys { parts, skipped });
    }
    let is_empty = skipped.is_empty() && fetched.parts.iter().flatten().all(Vec::is_empty);
    let error = if is_empty { KeysError::NoEntries } else { KeysError::NoUsableKey(skipped.join("; ")) };
    Err(error.into())
}

pub(super) fn has_keys(part: &Dated<KeySet>) -> bool {
    !part.contents.keys().is_empty()
}

impl RemoteSource {
    pub(super) fn keys(&self) -> KeySet {
        let mut keys = KeySet::default();
        // The stages of a secret are trusted alike, so that a rotation under one `kid` denies no one.
        self.parts.iter().for_each(|part| keys.merge(part.contents.clone()));
        keys
    }

    /// The age of the oldest keys.
    pub(super) fn age(&self, now: NumericDate) -> Option<Duration> {
        let parts = self.parts.iter().filter(|part| has_keys(part));
        earliest(parts.map(|part| part.fetched)).map(|fetched| now.since(fetched))
    }

    /// Replaces the keys. A part that did not answer keeps its old ones, and so does the first part (AWSCURRENT) if it
    /// has no usable key any more. Other stages may be emptied: that is how a key is withdrawn.
    pub(super) fn replace(&mut self, mut new: CheckedKeys, now: NumericDate) -> KeyChange {
        let before = self.keys();
        if let (Some(first), Some(old)) = (new.parts.first_mut(), self.parts.first())
            && old.contents.is_usable()
            && first.as_ref().is_some_and(|keys| !keys.is_usable())
        {
            *first = None;
            new.skipped.insert(0, "AWSCURRENT: no usable key; its earlier keys are kept".to_owned());
        }
        let mut old_parts = std::mem::take(&mut self.parts).into_iter();
        for part in new.parts {
            self.parts.push(match (part, old_parts.next()) {
                (None, Some(old)) => old,
                (part, _) => Dated { contents: part.unwrap_or_default(), fetched: now },
            });
        }
        let after = self.keys();
        KeyChange {
            keys: after.keys().len(),
            added: after.count_missing_in(&before),
            removed: before.count_missing_in(&after),
            left_out: new.skipped,
        }
    }
}
