//! A strict JSON reader, for token headers, claims and policies.
//!
//! Two parsers that read one document differently are a way to bypass checks. So the reader rejects a document with a
//! duplicate member name (RFC 7515 section 4, RFC 7519 section 4), one nested deeper than [`MAX_DEPTH`], and one with
//! trailing characters.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// How deep objects and arrays may nest, counting the outermost.
pub const MAX_DEPTH: usize = 32;

/// Members that the outermost object has room for at first. A claims set has about a dozen.
const MEMBERS_CAPACITY: usize = 16;

/// Any JSON value. Strings without escapes borrow from the text.
#[derive(Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number without sign, fraction or exponent that fits 64 bits.
    Unsigned(u64),
    /// Any other finite number.
    Float(f64),
    /// A string.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object.
    Object(Object<'a>),
}

/// A JSON object whose member names are distinct.
#[derive(Clone, PartialEq)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Object<'a> {
    /// Parses a text that is one object. Returns `None` for anything else.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        Self::parse_str(str::from_utf8(text).ok()?)
    }

    /// As [`Object::parse`], of UTF-8 text.
    #[must_use]
    pub fn parse_str(text: &'a str) -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = Depth(MAX_DEPTH).deserialize(&mut reader).ok()?;
        reader.end().ok()?;
        match value {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The member called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The members, in the order of the text.
    pub fn members(&self) -> impl ExactSizeIterator<Item = (&str, &Json<'a>)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    fn has_duplicates(&self) -> bool {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        names.array_windows().any(|[left, right]| left == right)
    }
}

impl<'a> Json<'a> {
    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The members of an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }
}

/// Deserializes a value that may nest this many levels.
#[derive(Clone, Copy)]
struct Depth(usize);

impl Depth {
    fn inner<E: Error>(self) -> Result<Self, E> {
        self.0.checked_sub(1).map(Self).ok_or_else(|| E::custom("nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Json<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON without duplicate member names")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Unsigned(value))
    }

    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "no rule distinguishes negative integers"
    )]
    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Float(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let depth = self.inner()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(depth)? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json<'de>, A::Error> {
        let depth = self.inner()?;
        // Nested objects are often many and small.
        let mut members = Vec::with_capacity(if self.0 == MAX_DEPTH { MEMBERS_CAPACITY } else { 0 });
        while let Some(JsonStr(name)) = entries.next_key()? {
            members.push((name, entries.next_value_seed(depth)?));
        }
        let object = Object(members);
        if object.has_duplicates() {
            return Err(A::Error::custom("duplicate member name"));
        }
        Ok(Json::Object(object))
    }
}

/// A JSON string that borrows from the text if it has no escapes. serde's own `Cow` always copies inside an `Option` or
/// a map.
#[derive(Clone, PartialEq, Eq)]
pub struct JsonStr<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for JsonStr<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(JsonStrVisitor)
    }
}

struct JsonStrVisitor;

impl<'de> Visitor<'de> for JsonStrVisitor {
    type Value = JsonStr<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<JsonStr<'de>, E> {
        Ok(JsonStr(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<JsonStr<'de>, E> {
        Ok(JsonStr(Cow::Owned(value.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strict_json_is_read() {
        let deep = |levels: usize| format!("{}{}", "{\"a\":".repeat(levels - 1) + "{", "}".repeat(levels));
        let many = |names: usize, last: &str| {
            let names: String = (0..names).map(|name| format!("\"{name}\":0,")).collect();
            format!("{{{names}\"{last}\":0}}")
        };
        for good in [
            &many(40, "x"),
            "{}",
            r#" {"a":1,"b":[{"a":null},{"a":1.5}]} "#,
            r#"{"\u0061b":"\ud83d\ude00"}"#,
            &deep(MAX_DEPTH),
        ] {
            assert!(Object::parse(good.as_bytes()).is_some(), "{good}");
        }
        let bad = [
            "",
            "[]",
            "null",
            "\"a\"",
            "{",
            "{}x",
            "{} {}",
            "{\"a\":1,}",
            "{'a':1}",
            "{\"a\":01}",
            "{\"a\":1e400}",
            "{\"a\":NaN}",
            "{\"a\":1,\"a\":1}",
            "{\"a\":1,\"\\u0061\":2}",
            "{\"x\":{\"b\":1,\"c\":2,\"b\":1}}",
            &many(40, "7"),
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\n\"}",
            "\u{feff}{}",
            &deep(MAX_DEPTH + 1),
            &deep(5000),
        ];
        for text in bad {
            assert!(Object::parse(text.as_bytes()).is_none(), "{text}");
        }
        assert!(Object::parse(b"{\"a\":\"\xff\"}").is_none());
        assert!(
            Object::parse(
                "{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>().as_slice()
            )
            .is_none()
        );
    }
}
