//! Why a fetch returned nothing usable.

use std::error::Error;
use std::fmt;

/// Longest text of another party in an error, in characters.
const MAX_FOREIGN_CHARACTERS: usize = 512;

/// Why a fetch returned nothing usable. Of a response it holds only AWS's own error messages and names, both limited in
/// length.
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
    /// A body, a secret or a file over this many bytes.
    TooLarge(usize),
    /// Contents of another form than expected, or that no one could use; a sentence without its full stop.
    Contents(String),
    /// A file that cannot be read, and why.
    File(String),
    /// The environment lacks something.
    Environment(&'static str),
    /// An error of AWS: its code and message.
    Aws(String),
}

impl FetchFailure {
    /// A connection failure. The innermost cause says most: `Connection refused` rather than `dispatch failure`.
    pub(crate) fn unreachable(error: &(dyn Error + 'static)) -> Self {
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
    pub(crate) fn aws(code: &str, message: &str) -> Self {
        Self::Aws(shortened(&format!("{code} {message}")))
    }
}

/// A text of another party, cut.
pub(crate) fn shortened(text: &str) -> String {
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
            Self::TooLarge(max_bytes) => write!(out, "the response is longer than {max_bytes} bytes"),
            Self::Contents(what) => out.write_str(what),
            Self::File(why) => write!(out, "cannot read the file: {why}"),
            Self::Environment(what) => out.write_str(what),
            Self::Aws(message) => write!(out, "AWS returned an error: {message}"),
        }
    }
}
