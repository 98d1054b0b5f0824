//! Why public keys cannot be read from a text.

use std::fmt;

/// Why public keys cannot be read from a text. It holds nothing of the text but a short name of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyFileError {
    /// It contains a private key.
    Private,
    /// PEM without a public key.
    NoPublicKey,
    /// A certificate in place of a public key.
    Certificate,
    /// A damaged or unsupported public key in PEM.
    Unreadable,
    /// A public key in the format of OpenSSH, or in that of RFC 4716.
    OpenSsh,
    /// Nothing.
    Empty,
    /// An HTML page, or other XML.
    Html,
    /// Compressed bytes.
    Compressed,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// Neither JSON nor PEM.
    UnknownFormat,
    /// A JSON syntax error.
    Json {
        /// What is wrong, as the JSON reader says it.
        what: String,
        /// Counted from one.
        line: usize,
        /// Counted from one.
        column: usize,
    },
    /// JSON of another form; what it is, with an article.
    NoKeySet(&'static str),
    /// The keys are under another member than `keys`.
    Member(String),
    /// One `kid` with several PEM blocks.
    SeveralKeys,
}

impl KeyFileError {
    pub(super) fn json(error: &serde_json::Error) -> Self {
        // The message ends with the place.
        let message = error.to_string();
        let what = message.rsplit_once(" at line ").map_or(&*message, |(what, _)| what).to_owned();
        Self::Json { what, line: error.line(), column: error.column() }
    }

    /// What to do, where that is not plain.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Private => "ship the public half only, and replace the key, since copies of it exist now",
            Self::NoPublicKey => "make one with `openssl pkey -in FILE -pubout`",
            Self::Certificate => {
                "extract the public key with `openssl x509 -in FILE -pubkey -noout`, or use a JWK Set"
            }
            Self::OpenSsh => "convert it with `ssh-keygen -e -m PKCS8 -f FILE`",
            Self::SeveralKeys => "give each key a `kid` of its own",
            Self::Member(_) => "store the JWK Set itself",
            Self::Html => "look for a login page or an error page at the address",
            Self::Compressed => "store or serve it uncompressed",
            Self::Unreadable
            | Self::Empty
            | Self::NotUtf8
            | Self::UnknownFormat
            | Self::Json { .. }
            | Self::NoKeySet(_) => return None,
        })
    }
}

impl fmt::Display for KeyFileError {
    /// Completes a sentence that begins with the file: `… contains a private key`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const EXPECTED: &str =
            "expected a JWK Set (a list `keys`), a JWK (`kty`) or an object of `kid` to PEM";
        match self {
            Self::Private => out.write_str("contains a private key"),
            Self::NoPublicKey => out.write_str("has no `PUBLIC KEY` block"),
            Self::Certificate => out.write_str("contains certificates; expected public keys"),
            Self::Unreadable => {
                out.write_str("has a `PUBLIC KEY` block that is damaged, or not RSA, P-256, P-384 or Ed25519")
            }
            Self::OpenSsh => out.write_str("is an OpenSSH public key; expected PEM or JSON"),
            Self::Empty => out.write_str("is empty"),
            Self::Html => write!(out, "is an HTML or XML page; {EXPECTED}"),
            Self::Compressed => write!(out, "is compressed; {EXPECTED}"),
            Self::NotUtf8 => out.write_str("is not UTF-8"),
            Self::UnknownFormat => out.write_str("is neither JSON nor PEM"),
            Self::Json { what, line, column } => {
                write!(out, "has invalid JSON at line {line}, column {column}: {what}")
            }
            Self::NoKeySet(found) => write!(out, "is {found}; {EXPECTED}"),
            Self::Member(name) => {
                write!(out, "has its keys in the member `{name}`; expected the JWK Set itself")
            }
            Self::SeveralKeys => out.write_str("has a `kid` with several `PUBLIC KEY` blocks"),
        }
    }
}
