//! The keys of an issuer's sources, for display.

use std::fmt;
use std::path::Path;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iot_jwt_authorizer::algorithm::Algorithm;
use iot_jwt_authorizer::keys::{Key, KeyFile, KeySet};
use iot_local_base::timestamp::{self, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::entries::IssuerEntry;
use crate::quote::quoted;

const SECONDS_PER_DAY: u64 = 86_400;

/// A key source and its keys.
#[derive(Debug, Serialize)]
pub struct SourceListing {
    /// The issuer's short name.
    pub issuer: String,
    /// The source, as the configuration writes it.
    pub source: String,
    /// Why it shows no keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its keys.
    pub keys: Vec<KeyListing>,
}

/// One key.
#[derive(Debug, Serialize)]
pub struct KeyListing {
    kid: Option<String>,
    size: String,
    algorithms: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbprint: Option<String>,
    /// Where a bundled key was fetched from.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    /// How long ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<u64>,
    /// Why the function skips it.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<String>,
}

/// The origin of a bundled file, as the file itself states it.
#[derive(Debug, Default)]
pub struct Provenance {
    origin: Option<String>,
    age_seconds: Option<u64>,
}

/// The keys of a file.
pub fn file(
    entry: &IssuerEntry,
    source: &str,
    path: &Path,
    blocked: &[String],
    now: SystemTime,
) -> SourceListing {
    let read = std::fs::read_to_string(path);
    let parsed = read.map_err(|error| format!("cannot read the file: {}", error.kind())).and_then(|text| {
        let file = KeyFile::parse(&text).map_err(|error| match error.hint() {
            Some(hint) => format!("{error}; {hint}"),
            None => error.to_string(),
        })?;
        Ok((file.into_entries(), Provenance::read(&text, now)))
    });
    match parsed {
        Ok((entries, provenance)) => listing(entry, source, &entries, blocked, &provenance),
        Err(error) => failed(entry, source, error),
    }
}

/// A source without keys to show.
pub fn failed(entry: &IssuerEntry, source: &str, error: String) -> SourceListing {
    let (issuer, source) = (entry.id.clone(), source.to_owned());
    SourceListing { issuer, source, error: Some(error), keys: Vec::new() }
}

/// The keys of a set.
pub fn listing(
    entry: &IssuerEntry,
    source: &str,
    jwks: &[Value],
    blocked: &[String],
    provenance: &Provenance,
) -> SourceListing {
    let (_, unusable) = KeySet::from_entries(jwks, &entry.algorithms, blocked);
    let key_listing = |(index, jwk): (usize, &Value)| {
        let (set, _) = KeySet::from_entries(std::slice::from_ref(jwk), &entry.algorithms, blocked);
        let key = set.keys().first();
        let reason = unusable.iter().find(|(unusable, _)| *unusable == index).map(|(_, why)| why.to_string());
        KeyListing {
            kid: jwk.get("kid").and_then(Value::as_str).map(str::to_owned),
            size: size(jwk),
            algorithms: key.map(|key| served(key, entry)).unwrap_or_default(),
            thumbprint: key.map(|key| key.thumbprint().to_owned()),
            origin: provenance.origin.clone(),
            age_seconds: provenance.age_seconds,
            skipped: reason.or_else(|| key.and_then(unused).map(str::to_owned)),
        }
    };
    let keys = jwks.iter().enumerate().map(key_listing).collect();
    SourceListing { issuer: entry.id.clone(), source: source.to_owned(), error: None, keys }
}

/// The algorithms that a key serves, in the order of the configuration.
fn served(key: &Key, entry: &IssuerEntry) -> Vec<&'static str> {
    let served = entry.algorithms.iter().filter(|algorithm| key.verifier(**algorithm).is_some());
    served.copied().map(Algorithm::name).collect()
}

/// Why the function does not use a valid key.
fn unused(key: &Key) -> Option<&'static str> {
    if key.is_published() {
        return Some("the private half is public");
    }
    (!key.is_usable()).then_some("the key serves none of the issuer's `algorithms`")
}

/// The size of a key: the bits of its RSA modulus, or its curve; otherwise its type.
fn size(jwk: &Value) -> String {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let modulus = text("n").and_then(|modulus| URL_SAFE_NO_PAD.decode(modulus).ok());
    match (modulus, text("crv"), text("kty")) {
        (Some(modulus), _, _) => format!("RSA, {} bits", bits(&modulus)),
        (None, Some(curve), _) => quoted(curve).trim_matches('"').to_owned(),
        (None, None, Some("RSA")) => "RSA".to_owned(),
        (None, None, Some(other)) => format!("unsupported type {}", quoted(other)),
        (None, None, None) => "unknown type".to_owned(),
    }
}

/// The bits of an integer. Leading zero bytes do not count.
fn bits(integer: &[u8]) -> usize {
    let zeros = integer.iter().take_while(|byte| **byte == 0).count();
    let first = integer.get(zeros).map_or(0, |first| first.leading_zeros());
    let length = integer.len().saturating_sub(zeros);
    length.saturating_mul(8).saturating_sub(usize::try_from(first).unwrap_or(0))
}

impl Provenance {
    fn read(text: &str, now: SystemTime) -> Self {
        let file: Value = serde_json::from_str(text).unwrap_or_default();
        let member = |name: &str| file.get(name).and_then(Value::as_str);
        let fetched = member("fetched").and_then(|date| date.parse::<Timestamp>().ok());
        let age = fetched.map(|at| timestamp::seconds(now).saturating_sub(timestamp::seconds(at.0)));
        Self { origin: member("origin").map(str::to_owned), age_seconds: age }
    }
}

impl fmt::Display for SourceListing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            Some(error) => writeln!(out, "  {}: {error}", self.source)?,
            None => {
                let usable = self.keys.iter().filter(|key| key.skipped.is_none()).count();
                writeln!(out, "  {}: usable keys: {usable}", self.source)?;
            }
        }
        self.keys.iter().try_for_each(|key| write!(out, "{key}"))
    }
}

impl fmt::Display for KeyListing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kid = self.kid.as_deref().map_or_else(|| "without kid".to_owned(), quoted);
        let algorithms = self.algorithms.join(" ");
        let algorithms = if algorithms.is_empty() { "serves no algorithm" } else { &algorithms };
        writeln!(out, "    {kid}: {}, {algorithms}", self.size)?;
        if let Some(thumbprint) = &self.thumbprint {
            writeln!(out, "      thumbprint {thumbprint}")?;
        }
        if let (Some(origin), Some(age)) = (&self.origin, self.age_seconds) {
            let age = if age < SECONDS_PER_DAY {
                format!("{} h", age.div_euclid(3600))
            } else {
                format!("{} days", age.div_euclid(SECONDS_PER_DAY))
            };
            writeln!(out, "      fetched from {} {age} ago", quoted(origin))?;
        }
        match &self.skipped {
            Some(reason) => writeln!(out, "      SKIPPED: {reason}"),
            None => Ok(()),
        }
    }
}
