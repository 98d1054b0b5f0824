//! What is in an issuer's sources of keys.

use std::fmt;
use std::path::Path;
use std::time::SystemTime;

use iot_jwt_authorizer::keys::{KeyFile, KeySet};
use serde::Serialize;
use serde_json::Value;

use super::entries::Entry;
use super::{algorithm_name, size};
use crate::explain::shown;
use crate::moment::{self, Moment};

/// Seconds of a day.
const DAY: u64 = 86_400;

/// A source and its keys.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    pub(super) issuer: String,
    pub(super) source: String,
    /// Why it has none to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<String>,
    pub(super) keys: Vec<ShownKey>,
}

/// One key.
#[derive(Debug, Serialize)]
pub(super) struct ShownKey {
    kid: Option<String>,
    size: String,
    algorithms: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbprint: Option<String>,
    /// Where a bundled key was fetched from, and how long ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<u64>,
    /// Why the function leaves it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<String>,
}

/// What a bundled file says of where it is from.
#[derive(Debug, Default)]
pub(super) struct Provenance {
    origin: Option<String>,
    age_seconds: Option<u64>,
}

/// The keys of a file.
pub(super) fn file(entry: &Entry, source: &str, path: &Path, blocked: &[String], now: SystemTime) -> Shown {
    let read = std::fs::read_to_string(path).map_err(|error| format!("it cannot be read ({})", error.kind()));
    let parsed = read.and_then(|text| {
        let file = KeyFile::parse(&text).map_err(|fault| format!("it {fault}"))?;
        Ok((file.into_entries(), Provenance::read(&text, now)))
    });
    match parsed {
        Ok((entries, provenance)) => shown_of(entry, source, &entries, blocked, &provenance),
        Err(fault) => fault_of(entry, source, fault),
    }
}

/// A source without keys to show.
pub(super) fn fault_of(entry: &Entry, source: &str, fault: String) -> Shown {
    Shown { issuer: entry.id.clone(), source: source.to_owned(), fault: Some(fault), keys: Vec::new() }
}

/// The keys of a set.
pub(super) fn shown_of(
    entry: &Entry,
    source: &str,
    entries: &[Value],
    blocked: &[String],
    provenance: &Provenance,
) -> Shown {
    let (_, left_out) = KeySet::from_entries(entries, &entry.algorithms, blocked);
    let key = |(at, jwk): (usize, &Value)| {
        let (set, _) = KeySet::from_entries(std::slice::from_ref(jwk), &entry.algorithms, blocked);
        let own = set.keys().first();
        let serves = |key: &iot_jwt_authorizer::keys::Key| {
            let served = entry.algorithms.iter().filter(|algorithm| key.verifier(**algorithm).is_some());
            served.map(|algorithm| algorithm_name(*algorithm)).collect::<Vec<_>>()
        };
        let why = left_out.iter().find(|(place, _)| *place == at).map(|(_, why)| why.to_string());
        let published = own.is_some_and(|key| key.is_published());
        let idle = own.is_some_and(|key| !key.is_usable());
        ShownKey {
            kid: jwk.get("kid").and_then(Value::as_str).map(str::to_owned),
            size: size(jwk),
            algorithms: own.map(serves).unwrap_or_default(),
            thumbprint: own.map(|key| key.thumbprint().to_owned()),
            origin: provenance.origin.clone(),
            age_seconds: provenance.age_seconds,
            left_out: why
                .or_else(|| published.then(|| "its private half is published".to_owned()))
                .or_else(|| idle.then(|| "it serves none of the issuer's `algorithms`".to_owned())),
        }
    };
    let keys = entries.iter().enumerate().map(key).collect();
    Shown { issuer: entry.id.clone(), source: source.to_owned(), fault: None, keys }
}

impl Provenance {
    fn read(text: &str, now: SystemTime) -> Self {
        let file: Value = serde_json::from_str(text).unwrap_or_default();
        let member = |name: &str| file.get(name).and_then(Value::as_str);
        let fetched = member("fetched").and_then(|date| date.parse::<Moment>().ok());
        let age = fetched.map(|at| moment::seconds(now).saturating_sub(moment::seconds(at.0)));
        Self { origin: member("origin").map(str::to_owned), age_seconds: age }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            Some(fault) => writeln!(out, "  {}: {fault}", self.source)?,
            None => writeln!(
                out,
                "  {}: {} of use",
                self.source,
                self.keys.iter().filter(|key| key.left_out.is_none()).count()
            )?,
        }
        self.keys.iter().try_for_each(|key| write!(out, "{key}"))
    }
}

impl fmt::Display for ShownKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kid = self.kid.as_deref().map_or_else(|| "without kid".to_owned(), shown);
        writeln!(
            out,
            "    {kid}: {}, {}",
            self.size,
            if self.algorithms.is_empty() {
                "serves no algorithm".to_owned()
            } else {
                self.algorithms.join(" ")
            }
        )?;
        if let Some(thumbprint) = &self.thumbprint {
            writeln!(out, "      thumbprint {thumbprint}")?;
        }
        if let (Some(origin), Some(age)) = (&self.origin, self.age_seconds) {
            let age = if age < DAY {
                format!("{} h", age.div_euclid(3600))
            } else {
                format!("{} days", age.div_euclid(DAY))
            };
            writeln!(out, "      fetched from {} {age} ago", shown(origin))?;
        }
        match &self.left_out {
            Some(why) => writeln!(out, "      LEFT OUT: {why}"),
            None => Ok(()),
        }
    }
}
