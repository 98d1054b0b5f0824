//! Keys that are shipped with the function: a JWKS, a single JWK, or PEM.

use std::fmt;

use serde_json::Value;

use super::pem;
use super::{Algorithm, KeySet, Unusable};

/// JWK members that hold a private half (RFC 7518 sections 6.2.2 and 6.3.2, RFC 8037 section 2).
const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

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
    /// JSON, but neither a JWK Set nor a JWK.
    NoKeySet,
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
            Self::NoKeySet => "is neither a JWK Set (a list `keys`, RFC 7517 section 5) nor a JWK (`kty`)",
        })
    }
}

/// A file of public keys, read but not yet fitted to an issuer's algorithms.
pub struct KeyFile {
    entries: Vec<Value>,
}

impl KeyFile {
    /// Reads a file's text.
    ///
    /// # Errors
    /// What is wrong and how to mend it, for an operator.
    pub fn parse(text: &str) -> Result<Self, KeyFault> {
        let entries = if pem::is_pem(text) { pem::entries(text)? } else { json_entries(text)? };
        if entries.iter().any(is_private) { Err(KeyFault::Private) } else { Ok(Self { entries }) }
    }

    /// The keys that serve an issuer with these algorithms, and why each other entry was left out.
    #[must_use]
    pub fn keys(&self, algorithms: &[Algorithm], blocked: &[String]) -> (KeySet, Vec<(usize, Unusable)>) {
        KeySet::from_entries(&self.entries, algorithms, blocked)
    }
}

fn json_entries(text: &str) -> Result<Vec<Value>, KeyFault> {
    let mut json: Value = serde_json::from_str(text).map_err(|_| KeyFault::UnknownFormat)?;
    match json.get_mut("keys").map(Value::take) {
        Some(Value::Array(entries)) => Ok(entries),
        None if json.get("kty").is_some() => Ok(vec![json]),
        _ => Err(KeyFault::NoKeySet),
    }
}

fn is_private(entry: &Value) -> bool {
    PRIVATE_MEMBERS.iter().any(|member| entry.get(member).is_some())
}
