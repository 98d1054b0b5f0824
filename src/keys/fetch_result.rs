//! What a key source returns: keys, or why there are none.

use std::error::Error;
use std::fmt;

use serde_json::Value;

use super::KeyFileError;

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

/// Longest text of another party in an error, in characters.
const MAX_FOREIGN_CHARACTERS: usize = 512;

/// Why a fetch returned no keys. Of a response it holds only AWS's own error messages and the name of an issuer, both
/// limited in length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchFailure {
    /// No response in time.
    Timeout,
    /// No connection, or a broken one.
    Unreachable(String),
    /// An HTTP status other than 200.
    Status {
        /// The status.
        status: u16,
        /// The address that was asked, without its query.
        address: String,
    },
    /// No discovery document at the issuer's address: an HTTP status other than 200.
    NoDiscovery {
        /// The status.
        status: u16,
        /// The address that was asked.
        address: String,
    },
    /// A body over [`MAX_BODY_BYTES`].
    TooLarge,
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
    /// The environment lacks something.
    Environment(&'static str),
    /// An error of AWS: its code and message.
    Aws(String),
}

impl FetchFailure {
    /// A connection failure. The innermost cause says most: `Connection refused` rather than `dispatch failure`.
    pub(super) fn unreachable(error: &(dyn Error + 'static)) -> Self {
        let mut cause = error;
        while let Some(source) = cause.source() {
            if let Some(failure) = cause.downcast_ref::<Self>() {
                return failure.clone();
            }
            cause = source;
        }
        cause
            .downcast_ref::<Self>()
            .cloned()
            .unwrap_or_else(|| Self::Unreachable(shortened(&cause.to_string())))
    }

    /// An error that AWS responded with.
    pub(super) fn aws(code: &str, message: &str) -> Self {
        Self::Aws(shortened(&format!("{code} {message}")))
    }
}

/// A text of another party, cut.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_FOREIGN_CHARACTERS) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

impl Error for FetchFailure {}

impl fmt::Display for FetchFailure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => out.write_str("no response in time; check the network and the server"),
            Self::Unreachable(cause) => {
                write!(out, "not reachable ({cause}); check the address and the network")
            }
            Self::Status { status, address } => {
                write!(out, "status {status} from {address}; expected 200, and redirects are not followed")
            }
            Self::NoDiscovery { status, address } => write!(
                out,
                "status {status} from {address}; if the issuer's discovery document is elsewhere, name its key set \
                 with `jwks:URL`"
            ),
            Self::TooLarge => write!(out, "the response is longer than {MAX_BODY_BYTES} bytes"),
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
            Self::Environment(what) => out.write_str(what),
            Self::Aws(message) => write!(out, "AWS returned an error: {message}"),
        }
    }
}
