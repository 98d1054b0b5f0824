//! A text of public keys, in the package or in a secret: a JWK Set, a single JWK, PEM, or a JSON object of `kid` to PEM.

use std::fmt;

use serde_json::Value;

use super::jwk::is_private;
use super::pem;
use super::{Algorithm, KeySet, Unusable};

/// Why a text is no file of public keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// It holds a private key.
    Private,
    /// PEM without a `PUBLIC KEY`.
    NoPublicKey,
    /// A `PUBLIC KEY` that nobody can read.
    Unreadable,
    /// Neither JSON nor PEM.
    UnknownFormat,
    /// JSON, but none of the forms that hold keys.
    NoKeySet,
    /// One `kid` with several PEM blocks.
    SeveralKeys,
}

impl fmt::Display for KeyFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Private => {
                "holds a private key: ship the public half alone, and replace the key, since it has been copied"
            }
            Self::NoPublicKey => "holds no `PUBLIC KEY` block: make one with `openssl pkey -pubout` or `openssl x509 -pubkey`",
            Self::Unreadable => "has a `PUBLIC KEY` block that is damaged, or neither RSA, P-256, P-384 nor Ed25519",
            Self::UnknownFormat => "is neither JSON nor PEM",
            Self::NoKeySet => "is neither a JWK Set (a list `keys`, RFC 7517 section 5) nor a JWK (`kty`) nor an object of `kid` to PEM",
            Self::SeveralKeys => "has a `kid` with several `PUBLIC KEY` blocks: give each key a name of its own",
        })
    }
}

/// A text of public keys, read but not yet fitted to an issuer's algorithms.
pub struct KeyFile {
    entries: Vec<Value>,
}

impl KeyFile {
    /// Reads a file's text.
    ///
    /// # Errors
    /// What is wrong and how to fix it, for an operator.
    pub fn parse(text: &str) -> Result<Self, KeyFault> {
        if pem::is_private(text) {
            return Err(KeyFault::Private);
        }
        // JSON first: an object of `kid` to PEM looks like PEM too.
        let entries = match serde_json::from_str(text) {
            Ok(json) => json_entries(json)?,
            Err(_) if pem::is_pem(text) => pem::entries(text)?,
            Err(_) => return Err(KeyFault::UnknownFormat),
        };
        if entries.iter().any(is_private) { Err(KeyFault::Private) } else { Ok(Self { entries }) }
    }

    /// The keys as JWKs.
    #[must_use]
    pub fn into_entries(self) -> Vec<Value> {
        self.entries
    }

    /// The keys that serve an issuer with these algorithms, and why each other entry was left out.
    #[must_use]
    pub fn keys(&self, algorithms: &[Algorithm], blocked: &[String]) -> (KeySet, Vec<(usize, Unusable)>) {
        KeySet::from_entries(&self.entries, algorithms, blocked)
    }
}

fn json_entries(mut json: Value) -> Result<Vec<Value>, KeyFault> {
    match json.get_mut("keys").map(Value::take) {
        Some(Value::Array(entries)) => Ok(entries),
        None if json.get("kty").is_some() => Ok(vec![json]),
        None => named_pems(&json),
        Some(_) => Err(KeyFault::NoKeySet),
    }
}

/// An object of `kid` to PEM, each with one key.
fn named_pems(json: &Value) -> Result<Vec<Value>, KeyFault> {
    let members = json.as_object().filter(|members| !members.is_empty()).ok_or(KeyFault::NoKeySet)?;
    members
        .iter()
        .map(|(kid, text)| {
            let text = text.as_str().filter(|text| pem::is_pem(text)).ok_or(KeyFault::NoKeySet)?;
            let [mut entry]: [Value; 1] =
                pem::entries(text)?.try_into().map_err(|_| KeyFault::SeveralKeys)?;
            if let Some(members) = entry.as_object_mut() {
                members.insert("kid".to_owned(), Value::String(kid.clone()));
            }
            Ok(entry)
        })
        .collect()
}
