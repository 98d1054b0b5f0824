//! Finds private keys in a file, whatever its format: it must not be part of a deployment.
//!
//! Read are PEM labels (RFC 7468), also with escaped characters; JWKs (RFC 7517) at any depth of JSON, in its strings
//! and in other text, such as a comment; DER (PKCS #1, PKCS #8, PKCS #12, SEC 1), also in base64; OpenSSH's and PuTTY's
//! own formats; UTF-8 and UTF-16.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::jwk::is_private;

/// How often strings are looked into: JSON in a string of JSON, and so on.
const MAX_NESTING: usize = 4;

/// Most places of a text that is not JSON where an object is looked for.
const MAX_OBJECTS: usize = 1000;

/// The shortest base64 text that can be a private key. P-256's DER has 44 characters and more.
const MIN_BASE64_CHARACTERS: usize = 40;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Whether a file contains a private key.
#[must_use]
pub fn is_in_bytes(bytes: &[u8]) -> bool {
    is_der(bytes) || bytes.starts_with(b"openssh-key-v1") || is_in(&text_of(bytes))
}

/// Whether a text contains a private key.
#[must_use]
pub fn is_in(text: &str) -> bool {
    is_nested_in(text, MAX_NESTING)
}

fn is_nested_in(text: &str, nesting: usize) -> bool {
    has_private_label(text)
        || (text.contains("PuTTY-User-Key-File") && text.contains("Private-Lines"))
        || is_base64_of_der(text)
        || has_private_jwk(text, nesting)
}

fn has_private_value(value: &Value, nesting: usize) -> bool {
    match value {
        Value::Object(members) => {
            (members.contains_key("kty") && is_private(members))
                || members.values().any(|member| has_private_value(member, nesting))
        }
        Value::Array(items) => items.iter().any(|item| has_private_value(item, nesting)),
        Value::String(text) => nesting > 0 && is_nested_in(text, nesting.saturating_sub(1)),
        _ => false,
    }
}

/// UTF-16 is recognised by its mark, or by the zero bytes of ASCII characters.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    let decode = |unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(unit);
        Cow::Owned(
            char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect(),
        )
    };
    match bytes {
        [0xff, 0xfe, ..] => decode(u16::from_le_bytes),
        [0xfe, 0xff, ..] => decode(u16::from_be_bytes),
        [first, 0, third, 0, ..] if *first > 0 && *third > 0 => decode(u16::from_le_bytes),
        [0, second, 0, fourth, ..] if *second > 0 && *fourth > 0 => decode(u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes),
    }
}

/// Whether a text has the first line of a private key. Its blanks may be escaped, as in JSON, TOML or a URL.
fn has_private_label(text: &str) -> bool {
    const ESCAPES: [&str; 8] = ["\\u0020", "\\x20", "%20", "\\t", "\\", "+", "_", "&#32;"];
    let mut parts = text.split("BEGIN");
    let mut before = parts.next().unwrap_or_default();
    for part in parts {
        // A dash or a blank before it may be escaped, too: `\u002d`, `%2D`, `&#45;`.
        let is_label = before.trim_end().ends_with(['-', 'd', 'D', ';']);
        before = part;
        if !is_label || !part.contains("PRIVATE") {
            continue;
        }
        let mut label: String = part.chars().take(80).collect();
        for escape in ESCAPES {
            label = label.replace(escape, " ");
        }
        let words: Vec<&str> = label.split_whitespace().collect();
        let is_private = |[first, second]: &[&str; 2]| *first == "PRIVATE" && second.starts_with("KEY");
        if words.array_windows().take(8).any(is_private) {
            return true;
        }
    }
    false
}

fn has_private_jwk(text: &str, nesting: usize) -> bool {
    // Every JWK has a `kty` (RFC 7517 section 4.1), here also with an escaped letter. DER in base64 begins with `M`.
    if !["kty", "\\u00", "\"M"].iter().any(|part| text.contains(part)) {
        return false;
    }
    match serde_json::from_str::<Value>(text) {
        Ok(json) => has_private_value(&json, nesting),
        Err(_) => has_private_object(text, nesting),
    }
}

/// Looks for objects in a text that is not JSON: as it is, without comment signs, and without one level of escapes.
fn has_private_object(text: &str, nesting: usize) -> bool {
    let without_comments: String =
        text.lines().map(|line| line.trim_start().trim_start_matches(['#', '/', ';'])).collect();
    let unescaped = without_comments.replace("\\\"", "\"").replace("\\\\", "\\");
    let mut texts = vec![text, &without_comments];
    if unescaped != without_comments {
        texts.push(&unescaped);
    }
    texts.into_iter().any(|text| objects(text).any(|object| has_private_value(&object, nesting)))
}

/// The outermost JSON objects of a text.
fn objects(text: &str) -> impl Iterator<Item = Value> {
    let mut rest = text;
    let next = move || {
        rest = rest.get(rest.find('{')?..)?;
        let mut reader = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let object = reader.next()?.ok();
        let length = if object.is_some() { reader.byte_offset() } else { 1 };
        rest = rest.get(length..)?;
        Some(object)
    };
    std::iter::from_fn(next).take(MAX_OBJECTS).flatten()
}

fn is_base64_of_der(text: &str) -> bool {
    // A DER sequence begins with 0x30, and base64 of that with `M`.
    if !text.trim_start().starts_with('M') || text.len() < MIN_BASE64_CHARACTERS {
        return false;
    }
    let compact: String = text.split_whitespace().collect();
    STANDARD.decode(&compact).or_else(|_| URL_SAFE.decode(&compact)).is_ok_and(|der| is_der(&der))
}

/// Whether bytes are a private key in DER, also an encrypted one.
fn is_der(bytes: &[u8]) -> bool {
    const INTEGER: u8 = 0x02;
    const OCTET_STRING: u8 = 0x04;
    const OBJECT_ID: u8 = 0x06;
    const SEQUENCE: u8 = 0x30;
    /// The fewest integers of a private key: DSA's version, p, q, g, y and x. A public RSA key has two.
    const MIN_INTEGERS: usize = 6;
    let Some((SEQUENCE, content, _)) = element(bytes) else { return false };
    let elements: Vec<(u8, &[u8])> = std::iter::successors(element(content), |(_, _, rest)| element(rest))
        .map(|(tag, content, _)| (tag, content))
        .collect();
    let has_object_id = |content: &[u8]| element(content).is_some_and(|(tag, _, _)| tag == OBJECT_ID);
    match elements.as_slice() {
        // RFC 5208 section 5 (PKCS #8), RFC 7292 section 4 (PKCS #12).
        [(INTEGER, _), (SEQUENCE, algorithm), ..] => has_object_id(algorithm),
        // RFC 5915 section 3 (SEC 1).
        [(INTEGER, [1]), (OCTET_STRING, _), ..] => true,
        // RFC 5208 section 6: encrypted PKCS #8.
        [(SEQUENCE, algorithm), (OCTET_STRING, _)] => has_object_id(algorithm),
        // RFC 8017 appendix A.1.2 (PKCS #1).
        elements => {
            elements.len() >= MIN_INTEGERS
                && elements.iter().take(MIN_INTEGERS).all(|(tag, _)| *tag == INTEGER)
        }
    }
}

/// The first DER element: its tag, its content, and the bytes after it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x0f))?;
            (length.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}
