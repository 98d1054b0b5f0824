//! Why an entry of a key set is skipped: the member, and its value where that is short and public.

use std::fmt;

use serde_json::Value;

use crate::algorithm::{Algorithm, KeyType};

/// Longest value of a member that is shown. The private part of any key is longer.
const MAX_SHOWN_CHARACTERS: usize = 20;

/// Why an entry of a key set is skipped. It does not affect other entries.
///
/// It holds nothing of a private key: a value is shown only if it is shorter than any, and only of the members that
/// are public by definition (RFC 7517 section 4, RFC 7518 section 6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnusableKey {
    /// An entry that is not a JSON object.
    NotAnObject(&'static str),
    /// A required member is absent.
    Missing {
        /// The member.
        member: &'static str,
        /// Whether the entry has a certificate (`x5c`).
        has_certificate: bool,
    },
    /// A member has the wrong JSON type.
    WrongType {
        /// The member.
        member: &'static str,
        /// What it is: `a number (7)`.
        found: String,
        /// What is expected: `a string`.
        expected: &'static str,
    },
    /// A member has an unsupported value.
    Unsupported {
        /// The member.
        member: &'static str,
        /// The value, for display.
        value: String,
        /// What is expected.
        expected: String,
    },
    /// A number that is not base64url.
    NotBase64url(&'static str),
    /// A symmetric key. Anyone who verifies with it could also sign.
    Symmetric,
    /// A private key.
    Private,
    /// `key_ops` without `verify`.
    NotForVerifying,
    /// RSA of fewer than 2,048 or more than 8,192 bits.
    RsaSize(usize),
    /// An RSA exponent that is even, below 3, or longer than 32 bits.
    RsaExponent,
    /// An RSA key that AWS-LC rejects.
    RsaKey,
    /// Coordinates that are longer than the curve's.
    PointSize(KeyType),
    /// A point that is not on the curve, or of small order.
    BadPoint(KeyType),
    /// A thumbprint of `blocked_keys`.
    Blocked,
}

impl UnusableKey {
    /// `alg` names another algorithm than those of the key's type.
    pub(super) fn algorithm(value: &Value, key_type: KeyType) -> Self {
        let names: Vec<&str> = key_type.algorithms().map(Algorithm::name).collect();
        let expected = format!("{} for a key of type {}", alternatives(&names), key_type.name());
        Self::Unsupported { member: "alg", value: shown(value), expected }
    }

    /// A member has a value that is not supported.
    pub(super) fn unsupported(member: &'static str, value: &Value, expected: &str) -> Self {
        Self::Unsupported { member, value: shown(value), expected: expected.to_owned() }
    }

    /// A member has the wrong JSON type.
    pub(super) fn wrong_type(member: &'static str, value: &Value, expected: &'static str) -> Self {
        let found = match value {
            Value::Number(_) | Value::Bool(_) => format!("{} ({})", type_of(value), shown(value)),
            _ => type_of(value).to_owned(),
        };
        Self::WrongType { member, found, expected }
    }
}

impl fmt::Display for UnusableKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject(found) => write!(out, "the entry is {found}; expected a JSON object"),
            Self::Missing { member, has_certificate: false } => write!(out, "`{member}` is missing"),
            Self::Missing { member, has_certificate: true } => {
                write!(
                    out,
                    "`{member}` is missing; the entry has only a certificate (`x5c`), which is not read"
                )
            }
            Self::WrongType { member, found, expected } => {
                write!(out, "`{member}` is {found}; expected {expected}")
            }
            Self::Unsupported { member, value, expected } => {
                write!(out, "unsupported `{member}` {value}; expected {expected}")
            }
            Self::NotBase64url(member) => write!(out, "`{member}` is not base64url without padding"),
            Self::Symmetric => out.write_str("a symmetric key (`kty` \"oct\"); expected a public key"),
            Self::Private => out.write_str("a private key"),
            Self::NotForVerifying => out.write_str("`key_ops` lacks \"verify\""),
            Self::RsaSize(bits) => {
                write!(out, "an RSA key (`n`) of {bits} bits; expected 2,048 to 8,192 bits")
            }
            Self::RsaExponent => {
                out.write_str("invalid RSA exponent (`e`); expected an odd number from 3, at most 32 bits")
            }
            Self::RsaKey => out.write_str("invalid RSA key (`n` and `e`)"),
            Self::PointSize(key_type) => {
                write!(out, "a coordinate (`x`, `y`) is longer than those of {}", key_type.name())
            }
            Self::BadPoint(KeyType::Ed25519) => {
                out.write_str("invalid Ed25519 key (`x`): not 32 bytes, not on the curve, or of small order")
            }
            Self::BadPoint(key_type) => {
                write!(out, "the point (`x`, `y`) is not on the curve {}", key_type.name())
            }
            Self::Blocked => out.write_str("the thumbprint is in `blocked_keys`"),
        }
    }
}

/// The JSON type of a value, with its article.
pub(super) const fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A value as JSON if it is short; otherwise its length.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if text.chars().count() > MAX_SHOWN_CHARACTERS => {
            format!("(a string of {} characters)", text.chars().count())
        }
        // Debug output escapes control characters.
        Value::String(text) => format!("{text:?}"),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        value => format!("({})", type_of(value)),
    }
}

/// `A`, `A or B`, `A, B or C`.
fn alternatives(names: &[&str]) -> String {
    match names {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}
