//! Slots: what policies and client ids may take from a token, and the alphabets that keep data from becoming syntax.
//!
//! In an AWS IoT policy `*` crosses levels, `${` begins a variable, and a broker widens `+` and `#`. No alphabet has any of
//! these, so a value can only ever be itself (invariant: *data is never syntax*).

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};

use crate::claims::ClaimPath;
use crate::denial::{Code, Denial};
use crate::json::Json;
use crate::verify::Claims;

/// Integers beyond this are not exact in every JSON reader (RFC 8259 section 6).
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// A slot as an issuer fills it.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Its name in `[claims]`.
    pub name: Box<str>,
    /// The issuer's claim.
    pub path: ClaimPath,
    /// What a value looks like.
    pub kind: SlotKind,
    /// Whether a list of values may stand there.
    pub list: bool,
    /// Of a list; more is a refusal, never cut.
    pub max_items: usize,
    /// Of one value, in characters.
    pub max_length: usize,
    /// Whether it may be absent.
    pub optional: bool,
}

/// What a value looks like, and with that, where it may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// One level: [`is_id`] characters.
    Id,
    /// Levels of ids.
    Path,
    /// The 36-character form of RFC 9562 section 4, lower case.
    Uuid,
    /// Any string; 32 hex digits of its SHA-256 are filled in.
    Hash,
}

impl SlotKind {
    /// Whether every value has the same length, so that what follows it in a level cannot be mistaken for it.
    #[must_use]
    pub const fn is_fixed_length(self) -> bool {
        matches!(self, Self::Uuid | Self::Hash)
    }
}

/// Whether a text is made of the characters of an `id`, and of at least one.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let fits = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'@' | b'|' | b'=' | b'-')
    };
    !text.is_empty() && text.bytes().all(fits)
}

/// The values of one slot: safe to put into a policy as they are, distinct, in the token's order. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values<'c>(Vec<Cow<'c, str>>);

impl Values<'_> {
    /// The values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|value| &**value)
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// One of them.
    pub(crate) fn get(&self, at: usize) -> Option<&str> {
        self.0.get(at).map(|value| &**value)
    }
}

impl Slot {
    /// Reads the slot's values from a token. `None` if it is optional and absent, or an empty list.
    ///
    /// # Errors
    /// [`Code::MissingClaim`], [`Code::MalformedClaim`] for another JSON type, [`Code::UnsafeClaimValue`] for characters,
    /// length or number of items beyond what the slot takes.
    pub fn read<'c>(&self, claims: &'c Claims<'_>) -> Result<Option<Values<'c>>, Denial> {
        let denial = |code| Denial::over(code, &self.name);
        let items = match self.path.find(claims.all()) {
            None => &[][..],
            Some(Json::Array(items)) if self.list => items,
            Some(one) => std::slice::from_ref(one),
        };
        if items.len() > self.max_items && self.list {
            return Err(denial(Code::UnsafeClaimValue));
        }
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            let value = self.value(text(item).ok_or_else(|| denial(Code::MalformedClaim))?);
            let value = value.ok_or_else(|| denial(Code::UnsafeClaimValue))?;
            if !values.contains(&value) {
                values.push(value);
            }
        }
        match values.is_empty() {
            false => Ok(Some(Values(values))),
            true if self.optional => Ok(None),
            true => Err(denial(Code::MissingClaim)),
        }
    }

    fn value<'c>(&self, text: Cow<'c, str>) -> Option<Cow<'c, str>> {
        if text.is_empty() || text.chars().count() > self.max_length {
            return None;
        }
        let fits = match self.kind {
            SlotKind::Id => is_id(&text),
            SlotKind::Path => text.split('/').all(is_id),
            SlotKind::Uuid => is_uuid(&text),
            SlotKind::Hash => return Some(Cow::Owned(hash(&text))),
        };
        fits.then_some(text)
    }
}

/// A string, or an integer in plain digits.
fn text<'c>(claim: &'c Json<'_>) -> Option<Cow<'c, str>> {
    match claim {
        Json::String(text) => Some(Cow::Borrowed(text)),
        Json::Unsigned(integer) if *integer <= MAX_INTEGER => Some(Cow::Owned(integer.to_string())),
        _ => None,
    }
}

fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

fn hash(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    hex(hash.as_ref()).chars().take(32).collect()
}

/// Lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    hex_digits(bytes).map(char::from).collect()
}

/// The same, ASCII.
pub(crate) fn hex_digits(bytes: &[u8]) -> impl Iterator<Item = u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    bytes.iter().flat_map(move |byte| [digit(byte >> 4), digit(byte & 15)])
}
