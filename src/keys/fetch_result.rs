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

/// Why a fetch returned no keys. It holds nothing of a response but AWS's own error messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchFailure {
    /// No response in time.
    Timeout,
    /// No connection, or a broken one.
    Unreachable(String),
    /// An HTTP status other than 200.
    Status(u16),
    /// A body over [`MAX_BODY_BYTES`].
    TooLarge,
    /// Not a JWK Set.
    NoKeySet,
    /// A secret without readable keys.
    Unreadable(KeyFileError),
    /// More than [`MAX_KEYS`] keys.
    TooManyKeys,
    /// No key that serves any of the issuer's algorithms, and why the first few do not.
    NoUsableKey(String),
    /// Not a discovery document.
    NoDocument,
    /// The discovery document of another issuer.
    WrongIssuer,
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
            cause = source;
        }
        Self::Unreachable(cause.to_string())
    }
}

impl fmt::Display for FetchFailure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => out.write_str("no response in time; check the network and the server"),
            Self::Unreachable(cause) => write!(out, "not reachable ({cause}); check the address and the network"),
            Self::Status(status) => {
                write!(out, "status {status}; expected 200, and redirects are not followed")
            }
            Self::TooLarge => write!(out, "the response is longer than {MAX_BODY_BYTES} bytes"),
            Self::NoKeySet => out.write_str("the response is not a JWK Set, a JSON object with a list `keys`"),
            Self::Unreadable(error) => write!(out, "the secret {error}"),
            Self::TooManyKeys => write!(out, "more than {MAX_KEYS} keys"),
            Self::NoUsableKey(why) => {
                out.write_str("no key serves any of the issuer's `algorithms`")?;
                if why.is_empty() { Ok(()) } else { write!(out, " ({why})") }
            }
            Self::NoDocument => {
                out.write_str("the discovery document is not a JSON object with `issuer` and `jwks_uri`")
            }
            Self::WrongIssuer => out.write_str(
                "the discovery document names another issuer; compare it with `issuer`, including a slash at the end",
            ),
            Self::UnsafeAddress => out.write_str("the discovery document's `jwks_uri` is not an https address"),
            Self::Environment(what) => out.write_str(what),
            Self::Aws(message) => write!(out, "AWS returned an error: {message}"),
        }
    }
}
