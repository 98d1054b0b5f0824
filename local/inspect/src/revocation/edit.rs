//! Changes of a revocation list.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use iot_jwt_authorizer::revocation::{ListError, RevocationList};
use iot_local_base::{hex, timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Number, json};
use thiserror::Error;

/// A list, its members in the order of its issuers and entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    version: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sub: BTreeMap<String, Vec<String>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    jti: BTreeMap<String, Vec<String>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    kid: BTreeMap<String, Vec<String>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    issued_before: BTreeMap<String, BTreeMap<String, Number>>,
}

/// What an entry revokes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Every token of a subject.
    Sub,
    /// One token.
    Jti,
    /// Every token that a key signed.
    Kid,
    /// The tokens of a subject that were issued before a time.
    IssuedBefore,
}

/// One entry of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The short name of the issuer.
    pub issuer: String,
    /// What it revokes.
    pub kind: Kind,
    /// The subject, token id or key id, or `sha256:` and its hash.
    pub value: String,
    /// The time of [`Kind::IssuedBefore`], in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Number>,
}

/// Why a list cannot be changed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum EditError {
    /// The list is invalid.
    #[error("the revocation list {0}")]
    List(ListError),
    /// The version cannot be raised.
    #[error("the revocation list has the highest version")]
    LastVersion,
}

impl Document {
    /// Reads a list.
    ///
    /// # Errors
    /// Why the function would reject it.
    pub fn parse(text: &[u8]) -> Result<Self, EditError> {
        RevocationList::parse(text).map_err(EditError::List)?;
        serde_json::from_slice(text).map_err(|_| EditError::List(ListError::NotAnObject))
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Every entry, by issuer and kind.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (kind, members) in [(Kind::Sub, &self.sub), (Kind::Jti, &self.jti), (Kind::Kid, &self.kid)] {
            for (issuer, values) in members {
                let entry =
                    |value: &String| Entry { issuer: issuer.clone(), kind, value: value.clone(), time: None };
                entries.extend(values.iter().map(entry));
            }
        }
        for (issuer, times) in &self.issued_before {
            let (issuer, kind) = (issuer.clone(), Kind::IssuedBefore);
            let entry = |(value, time): (&String, &Number)| Entry {
                issuer: issuer.clone(),
                kind,
                value: value.clone(),
                time: Some(time.clone()),
            };
            entries.extend(times.iter().map(entry));
        }
        entries.sort_by(|left, right| (&left.issuer, left.kind).cmp(&(&right.issuer, right.kind)));
        entries
    }

    /// Adds entries. Returns those that were not on the list, and raises the version if there are any.
    ///
    /// # Errors
    /// [`EditError::LastVersion`].
    pub fn add(&mut self, entries: &[Entry]) -> Result<Vec<Entry>, EditError> {
        let added: Vec<Entry> = entries.iter().filter(|entry| self.insert(entry)).cloned().collect();
        self.raise(&added)?;
        Ok(added)
    }

    /// Removes what `entries` name, as itself or as a hash. Returns what was removed, and raises the version if that is
    /// anything. The time of an entry does not matter.
    ///
    /// # Errors
    /// [`EditError::LastVersion`].
    pub fn remove(&mut self, entries: &[Entry]) -> Result<Vec<Entry>, EditError> {
        let names_it = |entry: &Entry, known: &Entry| {
            (&known.issuer, known.kind) == (&entry.issuer, entry.kind) && is_same(&known.value, &entry.value)
        };
        let mut removed = self.entries();
        removed.retain(|known| entries.iter().any(|entry| names_it(entry, known)));
        for entry in &removed {
            let Entry { issuer, value, .. } = entry;
            if let Some(names) = self.names(entry.kind) {
                names.entry(issuer.clone()).or_default().retain(|known| known != value);
                names.retain(|_, values| !values.is_empty());
            } else if let Some(times) = self.issued_before.get_mut(issuer) {
                times.remove(value);
                self.issued_before.retain(|_, times| !times.is_empty());
            }
        }
        self.raise(&removed)?;
        Ok(removed)
    }

    /// The list as JSON with a line for each entry, or compact, for a secret.
    #[must_use]
    pub fn text(&self, is_compact: bool) -> String {
        let json = json!(self);
        if is_compact { json.to_string() } else { format!("{json:#}\n") }
    }

    fn names(&mut self, kind: Kind) -> Option<&mut BTreeMap<String, Vec<String>>> {
        match kind {
            Kind::Sub => Some(&mut self.sub),
            Kind::Jti => Some(&mut self.jti),
            Kind::Kid => Some(&mut self.kid),
            Kind::IssuedBefore => None,
        }
    }

    fn insert(&mut self, entry: &Entry) -> bool {
        let Entry { issuer, value, .. } = entry;
        if let Some(names) = self.names(entry.kind) {
            let values = names.entry(issuer.clone()).or_default();
            let is_new = !values.iter().any(|known| is_same(known, value));
            if is_new {
                values.push(value.clone());
            }
            return is_new;
        }
        let Some(time) = &entry.time else { return false };
        let times = self.issued_before.entry(issuer.clone()).or_default();
        // One time for a subject, also if it is on the list in the other form.
        let known = times.keys().find(|known| is_same(known, value)).cloned();
        times.insert(known.unwrap_or_else(|| value.clone()), time.clone()).as_ref() != Some(time)
    }

    fn raise(&mut self, changed: &[Entry]) -> Result<(), EditError> {
        if !changed.is_empty() {
            self.version = self.version.checked_add(1).ok_or(EditError::LastVersion)?;
        }
        Ok(())
    }
}

/// The hash entry of a value.
#[must_use]
pub fn hashed(value: &str) -> String {
    format!("sha256:{}", hex::encode(digest(&SHA256, value.as_bytes()).as_ref()))
}

/// Whether two entries, each a value or its hash, are of the same value.
fn is_same(left: &str, right: &str) -> bool {
    let canonical = |entry: &str| match entry.strip_prefix("sha256:") {
        Some(digits) => format!("sha256:{}", digits.to_ascii_lowercase()),
        None => hashed(entry),
    };
    left == right || canonical(left) == canonical(right)
}

impl Kind {
    /// The member of the list.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sub => "sub",
            Self::Jti => "jti",
            Self::Kid => "kid",
            Self::IssuedBefore => "issued_before",
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { issuer, kind, value, time } = self;
        write!(out, "{issuer}: {} {value:?}", kind.name())?;
        match time {
            Some(time) => match time.as_u64() {
                Some(seconds) => write!(out, " {}", timestamp::date(seconds)),
                None => write!(out, " {time}"),
            },
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"{"version": 4, "sub": {"users": ["ana", "ana"]}, "jti": {"users": ["t"]}, "kid": {},
        "issued_before": {"users": {"dan": 10.5}}}"#;

    fn entry(kind: Kind, value: &str) -> Entry {
        let time = (kind == Kind::IssuedBefore).then(|| 20.into());
        Entry { issuer: "users".to_owned(), kind, value: value.to_owned(), time }
    }

    #[test]
    fn only_a_change_raises_the_version() {
        let (add, remove) = (true, false);
        for (does_add, changes, version, count, members) in [
            (add, vec![entry(Kind::Sub, "ben")], 5, 1, r#"{"users":["ana","ana","ben"]}"#),
            (add, vec![entry(Kind::Sub, "ana")], 4, 0, r#"{"users":["ana","ana"]}"#),
            (add, vec![entry(Kind::Sub, &hashed("ana"))], 4, 0, r#"{"users":["ana","ana"]}"#),
            (add, vec![entry(Kind::Sub, "t"), entry(Kind::Jti, "t")], 5, 1, r#"{"users":["ana","ana","t"]}"#),
            (add, vec![], 4, 0, r#"{"users":["ana","ana"]}"#),
            (remove, vec![entry(Kind::Sub, "ana")], 5, 2, "null"),
            (
                remove,
                vec![entry(Kind::Sub, &hashed("ana").to_uppercase().replace("SHA", "sha"))],
                5,
                2,
                "null",
            ),
            (
                remove,
                vec![entry(Kind::Sub, "dan"), entry(Kind::IssuedBefore, "dan")],
                5,
                1,
                r#"{"users":["ana","ana"]}"#,
            ),
            (
                remove,
                vec![entry(Kind::Sub, "ANA"), entry(Kind::Kid, "ana")],
                4,
                0,
                r#"{"users":["ana","ana"]}"#,
            ),
        ] {
            let mut list = Document::parse(LIST.as_bytes()).unwrap();
            let changed = if does_add { list.add(&changes) } else { list.remove(&changes) }.unwrap();
            assert_eq!((list.version(), changed.len()), (version, count), "{changes:?}");
            assert_eq!(json!(list)["sub"].to_string(), members, "{changes:?}");
            let is_valid = |text: String| Document::parse(text.as_bytes()).is_ok_and(|read| read == list);
            assert!(is_valid(list.text(true)) && is_valid(list.text(false)), "{changes:?}");
        }
    }

    #[test]
    fn a_subject_has_one_time() {
        let mut list = Document::parse(LIST.as_bytes()).unwrap();
        for (value, count, version) in [("dan", 1, 5), (&*hashed("dan"), 0, 5), ("eve", 1, 6)] {
            assert_eq!(list.add(&[entry(Kind::IssuedBefore, value)]).unwrap().len(), count, "{value}");
            assert_eq!(list.version(), version, "{value}");
        }
        let shown: Vec<String> = list.entries().iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "users: sub \"ana\"",
                "users: sub \"ana\"",
                "users: jti \"t\"",
                "users: issued_before \"dan\" 1970-01-01T00:00:20Z",
                "users: issued_before \"eve\" 1970-01-01T00:00:20Z",
            ]
        );
    }

    #[test]
    fn an_invalid_list_and_the_highest_version_are_not_changed() {
        for text in
            ["", "[]", "{}", r#"{"version": 1, "subs": {}}"#, r#"{"version": 1, "sub": {"users": [1]}}"#]
        {
            assert!(matches!(Document::parse(text.as_bytes()), Err(EditError::List(_))), "{text}");
        }
        let mut last = Document::parse(br#"{"version": 18446744073709551615}"#).unwrap();
        assert_eq!(last.add(&[entry(Kind::Sub, "ana")]), Err(EditError::LastVersion));
    }
}
