//! What a key source returns: keys, or why its contents have none.

use std::fmt;

use serde_json::Value;

use super::KeyFileError;
use crate::source::failure::FetchFailure;

/// Largest body of a response, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// Most keys of one part of a source.
pub const MAX_KEYS: usize = 100;

/// The keys of a source, not yet checked.
#[derive(Debug, Default)]
pub struct FetchedKeys {
    /// JWKs, in order of precedence: the stages of a secret, or one key set. `None` for a part that did not answer.
    pub parts: Vec<Option<Vec<Value>>>,
    /// Why a part has no keys.
    pub notes: Vec<String>,
}

/// Why the contents of a source have no usable keys. It holds no text of a response but the name of an issuer, limited
/// in length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeysError {
    /// No discovery document at the issuer's address: an HTTP status other than 200.
    NoDiscovery {
        /// The status.
        status: u16,
        /// The address that was asked.
        address: String,
    },
    /// A response without readable keys.
    NoKeySet {
        /// Why.
        error: KeyFileError,
        /// The address that was asked, without its query.
        address: String,
    },
    /// A secret without readable keys.
    Unreadable(KeyFileError),
    /// More than [`MAX_KEYS`] keys.
    TooManyKeys,
    /// A key set without entries.
    NoEntries,
    /// No key that serves any of the issuer's algorithms, and why the first few do not.
    NoUsableKey(String),
    /// Not a discovery document; the address that was asked.
    NoDocument(String),
    /// The discovery document of another issuer.
    WrongIssuer {
        /// The document's `issuer`.
        found: String,
        /// The configuration's.
        expected: String,
        /// The address that was asked.
        address: String,
    },
    /// A discovery document with a key set address that is not allowed.
    UnsafeAddress,
}

impl From<KeysError> for FetchFailure {
    fn from(error: KeysError) -> Self {
        Self::Contents(error.to_string())
    }
}

impl fmt::Display for KeysError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDiscovery { status, address } => write!(
                out,
                "status {status} from {address}; if the issuer's discovery document is elsewhere, name its key set \
                 with `jwks:URL`"
            ),
            Self::NoKeySet { error, address } => {
                write!(out, "the response of {address} {error}")?;
                error.hint().map_or(Ok(()), |hint| write!(out, "; {hint}"))
            }
            Self::Unreadable(error) => {
                write!(out, "the secret {error}")?;
                error.hint().map_or(Ok(()), |hint| write!(out, "; {hint}"))
            }
            Self::TooManyKeys => write!(out, "more than {MAX_KEYS} keys"),
            Self::NoEntries => out.write_str("the key set is empty: `keys` has no entry"),
            Self::NoUsableKey(why) => {
                out.write_str("no key serves any of the issuer's `algorithms`")?;
                if why.is_empty() { Ok(()) } else { write!(out, " ({why})") }
            }
            Self::NoDocument(address) => {
                write!(out, "the response of {address} is not a JSON object with `issuer` and `jwks_uri`")
            }
            Self::WrongIssuer { found, expected, address } => write!(
                out,
                "the discovery document at {address} names the issuer {found:?}, and `issuer` is {expected:?}; \
                 compare them including a slash at the end, or name the key set with `jwks:URL`"
            ),
            Self::UnsafeAddress => {
                out.write_str("the discovery document's `jwks_uri` is not an https address")
            }
        }
    }
}
