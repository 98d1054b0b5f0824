//! Device shadows. A deleted one keeps its version for a while.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Change, Record, Registry};

/// How long a new shadow goes on with the version of a deleted one of its name, in milliseconds: 48 hours.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-data-flow.html>
const VERSION_LIFETIME: i64 = 48 * 60 * 60 * 1000;

/// A shadow of a thing, which need not be registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shadow {
    /// The thing's name.
    pub thing: String,
    /// The shadow's name. Absent for the classic shadow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How often it was changed.
    pub version: u64,
    /// The state.
    #[serde(default, skip_serializing_if = "ShadowSections::is_empty")]
    pub state: ShadowSections,
    /// When each value of the state was set: objects of the same shape.
    #[serde(default, skip_serializing_if = "ShadowSections::is_empty")]
    pub metadata: ShadowSections,
    /// When it was deleted, milliseconds since 1970. Then it has no state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<i64>,
}

/// The two sections of a shadow's document. A section without members is absent from the document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShadowSections {
    /// What the device should be like.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub desired: Map<String, Value>,
    /// What the device is like.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub reported: Map<String, Value>,
}

impl ShadowSections {
    /// Whether both sections are absent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.desired.is_empty() && self.reported.is_empty()
    }
}

/// A thing and the name of one of its shadows.
type ShadowKey = (String, Option<String>);

/// The shadows of a registry.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ShadowRecords {
    shadows: BTreeMap<ShadowKey, Record<Shadow>>,
    // Derived from the records above.
    by_deletion: BTreeSet<(i64, ShadowKey)>,
}

impl ShadowRecords {
    fn put(&mut self, shadow: &Record<Shadow>) {
        let key = (shadow.thing.clone(), shadow.name.clone());
        self.remove(&key);
        if let Some(deleted) = shadow.deleted {
            self.by_deletion.insert((deleted, key.clone()));
        }
        self.shadows.insert(key, shadow.clone());
    }

    fn remove(&mut self, key: &ShadowKey) {
        let removed = self.shadows.remove(key);
        if let Some(deleted) = removed.and_then(|removed| removed.deleted) {
            self.by_deletion.remove(&(deleted, key.clone()));
        }
    }

    pub(super) fn changes(&self) -> impl Iterator<Item = Change> {
        self.shadows.values().cloned().map(Change::PutShadow)
    }
}

/// Device shadows.
impl Registry {
    /// Returns a shadow that is not deleted. Without a name, the classic one.
    #[must_use]
    pub fn shadow(&self, thing: &str, name: Option<&str>) -> Option<&Record<Shadow>> {
        self.shadow_or_deleted(thing, name).filter(|shadow| shadow.deleted.is_none())
    }

    /// Returns the version of a shadow, or of the deleted one that a new shadow of this name follows; otherwise 0.
    /// `now` is in milliseconds since 1970.
    #[must_use]
    pub fn shadow_version(&self, thing: &str, name: Option<&str>, now: i64) -> u64 {
        let found = self.shadow_or_deleted(thing, name);
        let counts = |deleted: i64| now.saturating_sub(deleted) < VERSION_LIFETIME;
        found.filter(|shadow| shadow.deleted.is_none_or(counts)).map_or(0, |shadow| shadow.version)
    }

    /// Returns the names of the named shadows of a thing, in order.
    pub fn named_shadows<'a>(&'a self, thing: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let first = (thing.to_owned(), Some(String::new()));
        let thing = thing.to_owned();
        let of_thing = self.shadows.shadows.range(first..).take_while(move |((found, _), _)| *found == thing);
        let present = of_thing.filter(|(_, shadow)| shadow.deleted.is_none());
        present.filter_map(|((_, name), _)| name.as_deref())
    }

    /// Returns the changes that remove deleted shadows whose versions no longer count. `now` is in milliseconds since
    /// 1970.
    #[must_use]
    pub fn forgotten_shadows(&self, now: i64) -> Vec<Change> {
        let expired = self.shadows.by_deletion.iter();
        let expired = expired.take_while(|(deleted, _)| now.saturating_sub(*deleted) >= VERSION_LIFETIME);
        let remove =
            |(thing, name): &ShadowKey| Change::RemoveShadow { thing: thing.clone(), name: name.clone() };
        expired.map(|(_, key)| remove(key)).collect()
    }

    fn shadow_or_deleted(&self, thing: &str, name: Option<&str>) -> Option<&Record<Shadow>> {
        self.shadows.shadows.get(&(thing.to_owned(), name.map(str::to_owned)))
    }

    pub(super) fn apply_to_shadows(&mut self, change: &Change) {
        match change {
            Change::PutShadow(shadow) => self.shadows.put(shadow),
            Change::RemoveShadow { thing, name } => self.shadows.remove(&(thing.clone(), name.clone())),
            _ => {}
        }
    }
}
