//! A text of public keys, in a file or in a secret: a JWK Set, a single JWK, PEM, or a JSON object of `kid` to PEM.

use std::fmt;

use serde_json::Value;

use super::jwk::is_private;
use super::pem;
use super::{KeySet, UnusableKey};
use crate::algorithm::Algorithm;

/// Why public keys cannot be read from a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFileError {
    /// It contains a private key.
    Private,
    /// PEM without a `PUBLIC KEY` block.
    NoPublicKey,
    /// An unreadable `PUBLIC KEY` block.
    Unreadable,
    /// Neither JSON nor PEM.
    UnknownFormat,
    /// JSON of another form.
    NoKeySet,
    /// One `kid` with several PEM blocks.
    SeveralKeys,
}

impl fmt::Display for KeyFileError {
    /// Completes a sentence that begins with the file: `… contains a private key`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Private => "contains a private key",
            Self::NoPublicKey => "has no `PUBLIC KEY` block",
            Self::Unreadable => {
                "has a `PUBLIC KEY` block that is damaged, or not RSA, P-256, P-384 or Ed25519"
            }
            Self::UnknownFormat => "is neither JSON nor PEM",
            Self::NoKeySet => "is not a JWK Set (a list `keys`), a JWK (`kty`) or an object of `kid` to PEM",
            Self::SeveralKeys => "has a `kid` with several `PUBLIC KEY` blocks",
        })
    }
}

impl KeyFileError {
    /// What to do, where that is not plain.
    #[must_use]
    pub const fn hint(self) -> Option<&'static str> {
        match self {
            Self::Private => {
                Some("ship the public half only, and replace the key, since copies of it exist now")
            }
            Self::NoPublicKey => {
                Some("make one with `openssl pkey -pubout` or `openssl x509 -pubkey -noout`")
            }
            Self::SeveralKeys => Some("give each key a `kid` of its own"),
            Self::Unreadable | Self::UnknownFormat | Self::NoKeySet => None,
        }
    }
}

/// The keys of a text, not yet checked against an issuer's algorithms.
pub struct KeyFile {
    entries: Vec<Value>,
}

impl KeyFile {
    /// Parses a text.
    ///
    /// # Errors
    /// Why no public keys can be read from it.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        if pem::is_private(text) {
            return Err(KeyFileError::Private);
        }
        // JSON first: an object of `kid` to PEM contains PEM, too.
        let entries = match serde_json::from_str(text) {
            Ok(json) => json_entries(json)?,
            Err(_) if pem::is_pem(text) => pem::entries(text)?,
            Err(_) => return Err(KeyFileError::UnknownFormat),
        };
        if entries.iter().any(is_private) { Err(KeyFileError::Private) } else { Ok(Self { entries }) }
    }

    /// The keys as JWKs.
    #[must_use]
    pub fn into_entries(self) -> Vec<Value> {
        self.entries
    }

    /// The keys that serve an issuer with these algorithms, and why each other entry is skipped.
    #[must_use]
    pub fn keys(&self, algorithms: &[Algorithm], blocked: &[String]) -> (KeySet, Vec<(usize, UnusableKey)>) {
        KeySet::from_entries(&self.entries, algorithms, blocked)
    }
}

fn json_entries(mut json: Value) -> Result<Vec<Value>, KeyFileError> {
    match json.get_mut("keys").map(Value::take) {
        Some(Value::Array(entries)) => Ok(entries),
        None if json.get("kty").is_some() => Ok(vec![json]),
        None => named_pems(&json),
        Some(_) => Err(KeyFileError::NoKeySet),
    }
}

/// Reads an object of `kid` to PEM, each with one key.
fn named_pems(json: &Value) -> Result<Vec<Value>, KeyFileError> {
    let members = json.as_object().filter(|members| !members.is_empty()).ok_or(KeyFileError::NoKeySet)?;
    members
        .iter()
        .map(|(kid, text)| {
            let text = text.as_str().filter(|text| pem::is_pem(text)).ok_or(KeyFileError::NoKeySet)?;
            let [mut entry]: [Value; 1] =
                pem::entries(text)?.try_into().map_err(|_| KeyFileError::SeveralKeys)?;
            if let Some(members) = entry.as_object_mut() {
                members.insert("kid".to_owned(), Value::String(kid.clone()));
            }
            Ok(entry)
        })
        .collect()
}
