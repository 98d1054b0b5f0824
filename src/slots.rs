//! Slots: the values that policies and client ids take from a token, and the alphabets that keep data from becoming
//! syntax.
//!
//! In an AWS IoT policy `*` matches across levels, `${` begins a variable, and brokers treat `+` and `#` as wildcards.
//! No alphabet here contains any of these, so a value always stands for itself: INVARIANT (data is never syntax).

use std::borrow::Cow;
use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};

use crate::claim_path::ClaimPath;
use crate::claims::Claims;
use crate::denial::{Code, Denial};
use crate::hex::hex;
use crate::json::Json;

/// Larger integers are not exact in every JSON reader (RFC 8259 section 6).
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Characters of a `uuid`, hyphens included.
const UUID_LENGTH: usize = 36;

/// Hexadecimal digits of a `hash`.
const HASH_LENGTH: usize = 32;

/// A slot as one issuer fills it.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Its name in `[claims]`.
    pub name: Box<str>,
    /// Where the issuer keeps the claim.
    pub path: ClaimPath,
    /// The type of its values.
    pub slot_type: SlotType,
    /// Whether the claim may be a list of values.
    pub list: bool,
    /// Most items of a list. A longer list is denied, never cut.
    pub max_items: usize,
    /// Most characters of one value.
    pub max_length: usize,
    /// Whether the claim may be absent.
    pub optional: bool,
    /// The operator's word that no two subjects of the issuer ever have the same value, nor, with `list`, a value in
    /// common.
    pub unique: bool,
}

/// The type of a slot's values. It says which characters a value has, and where a slot may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotType {
    /// One level of [`is_id`] characters.
    Id,
    /// One or more levels, each an id.
    Path,
    /// A UUID in its 36-character form (RFC 9562 section 4), in lower case.
    Uuid,
    /// Any string. The first 32 hexadecimal digits of its SHA-256 are filled in.
    Hash,
}

impl SlotType {
    /// Every type.
    pub const ALL: [Self; 4] = [Self::Id, Self::Path, Self::Uuid, Self::Hash];

    /// The name that `authorizer.toml` uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Path => "path",
            Self::Uuid => "uuid",
            Self::Hash => "hash",
        }
    }

    /// Parses a name of `authorizer.toml`. Returns `None` for an unknown one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|slot_type| slot_type.name() == name)
    }

    /// The length of every value, for types of a fixed length. What follows such a value in a level cannot be mistaken
    /// for a part of it.
    #[must_use]
    pub const fn fixed_length(self) -> Option<usize> {
        match self {
            Self::Id | Self::Path => None,
            Self::Uuid => Some(UUID_LENGTH),
            Self::Hash => Some(HASH_LENGTH),
        }
    }

    /// Makes a claim's text a value of this type. Returns `None` if the text does not fit. Limits of length are the
    /// slot's.
    #[must_use]
    pub fn value(self, text: Cow<'_, str>) -> Option<Cow<'_, str>> {
        let fits = match self {
            Self::Id => is_id(&text),
            Self::Path => text.split('/').all(is_id),
            Self::Uuid => is_uuid(&text),
            Self::Hash => return Some(Cow::Owned(hash(&text))),
        };
        fits.then_some(text)
    }
}

impl fmt::Display for SlotType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Whether a text is a non-empty string of `A-Z a-z 0-9 . _ : @ | = -`.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let fits = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'@' | b'|' | b'=' | b'-')
    };
    !text.is_empty() && text.bytes().all(fits)
}

/// The values of one slot: distinct, in the token's order, safe to put into a policy as they are. Never empty.
///
/// Only [`Slot::read`] makes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values<'c>(Vec<Cow<'c, str>>);

impl Values<'_> {
    /// The values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|value| &**value)
    }

    /// The number of values.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The value at `index`.
    pub(crate) fn get(&self, index: usize) -> Option<&str> {
        self.0.get(index).map(|value| &**value)
    }
}

impl Slot {
    /// Reads the slot's values from a token. Returns `None` if the slot is optional and the claim is absent or an empty
    /// list.
    ///
    /// # Errors
    /// [`Code::MissingClaim`]; [`Code::MalformedClaim`] for another JSON type; [`Code::UnsafeClaimValue`] for a value
    /// with other characters or more of them than the slot accepts, and for a list with too many items.
    pub fn read<'c>(&self, claims: &'c Claims<'_>) -> Result<Option<Values<'c>>, Denial> {
        let denial = |code| Denial::about(code, &self.name);
        let items = match self.path.find(claims.all()) {
            None => &[][..],
            Some(Json::Array(items)) if self.list => items,
            Some(item) => std::slice::from_ref(item),
        };
        if self.list && items.len() > self.max_items {
            return Err(denial(Code::UnsafeClaimValue));
        }
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            let text = text(item).ok_or_else(|| denial(Code::MalformedClaim))?;
            let value = self.value(text).ok_or_else(|| denial(Code::UnsafeClaimValue))?;
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

    /// Whether the slot takes the token's `sub`, the only claim that RFC 7519 section 4.1.2 makes unique in an issuer.
    #[must_use]
    pub fn is_subject(&self) -> bool {
        !self.list && self.path.is_same_claim(&ClaimPath::parse("sub"))
    }

    /// Whether a value belongs to one subject of the issuer: `sub`, or a slot that the configuration declares `unique`.
    #[must_use]
    pub fn identifies_subject(&self) -> bool {
        self.unique || self.is_subject()
    }

    fn value<'c>(&self, text: Cow<'c, str>) -> Option<Cow<'c, str>> {
        let fits = !text.is_empty() && text.chars().count() <= self.max_length;
        if fits { self.slot_type.value(text) } else { None }
    }
}

/// The text of a string, or of an integer in plain digits.
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
    hex(hash.as_ref()).chars().take(HASH_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for slot_type in SlotType::ALL {
            assert_eq!(SlotType::parse(&slot_type.to_string()), Some(slot_type));
        }
        for name in ["", "ID", "string", "uuid "] {
            assert_eq!(SlotType::parse(name), None, "{name}");
        }
    }

    #[test]
    fn values_of_a_fixed_length_have_that_length() {
        let uuid = "00000000-0000-4000-8000-000000000001";
        for (slot_type, text) in [(SlotType::Uuid, uuid), (SlotType::Hash, "x"), (SlotType::Hash, uuid)] {
            let value = slot_type.value(Cow::Borrowed(text)).unwrap();
            assert_eq!(Some(value.len()), slot_type.fixed_length(), "{slot_type}");
        }
    }
}
