//! The tables of a configuration file as data: the keys of each table, with their types, limits and defaults.
//!
//! The readers of `authorizer.toml` and `provision.toml` read by these tables and report unknown keys by them.
//! `cargo local schema` writes them as JSON Schema, so an editor knows the keys that the reader knows.

use std::ops::RangeInclusive;

/// A table of a configuration file.
#[derive(Debug)]
pub struct TableSchema {
    /// The name in messages, as `[[issuer]]`.
    pub name: &'static str,
    /// Every key, in the order of messages.
    pub properties: &'static [&'static Property],
}

/// A key of a table.
#[derive(Debug)]
pub struct Property {
    /// The key.
    pub name: &'static str,
    /// What its value may be.
    pub value: ValueType,
    /// The hint of the error if the key is missing; `None` if the key is optional.
    pub required: Option<&'static str>,
    /// What the reader takes if an optional key is absent.
    pub default: DefaultValue,
    /// What the key means, as editors show it.
    pub about: &'static str,
}

/// The type of a value, with its limits.
#[derive(Debug)]
pub enum ValueType {
    /// A non-empty string.
    Text(TextType),
    /// A non-empty list of such strings.
    Texts(TextType),
    /// Such a string, or a non-empty list of them.
    TextOrTexts(TextType),
    /// Such a string, or a table.
    TextOrTable(TextType, &'static TableSchema),
    /// An integer in a range.
    Integer(RangeInclusive<u64>),
    /// A boolean.
    Boolean,
    /// A non-empty string, a non-negative integer, a boolean, or a non-empty list of them.
    Scalars,
    /// A table.
    Table(&'static TableSchema),
    /// An array of tables.
    Tables {
        /// The schema of each.
        table: &'static TableSchema,
        /// The least number of tables if the key is present.
        min: usize,
    },
    /// A table whose keys are the user's own names.
    Map {
        /// The name in messages, as `[claims]`.
        name: &'static str,
        /// What a key may be.
        keys: TextType,
        /// The values.
        values: &'static ValueType,
        /// The number of keys.
        sizes: RangeInclusive<usize>,
    },
}

/// Which strings a value may be. Variables of the environment (`${env:NAME}`) are filled before the string is compared,
/// unless the type says otherwise.
#[derive(Debug)]
pub enum TextType {
    /// Any string in which each `${` begins a variable of the environment.
    Any,
    /// Any string. Variables are not filled.
    Raw,
    /// Any string without `${`, also an empty one. Variables are not filled.
    Plain,
    /// One of these words.
    Words(fn() -> Vec<&'static str>),
    /// One of these forms, in which each word of capital letters and hyphens stands for a non-empty text, as
    /// `header:NAME`.
    Forms(&'static [&'static str]),
    /// Characters of an alphabet.
    Alphabet(&'static Alphabet),
    /// Variables of any kind, and text of ASCII letters, ASCII digits and these characters around them.
    Template {
        /// The further characters of the text.
        punctuation: &'static str,
        /// Whether a `*` may follow at the end.
        has_tail: bool,
    },
}

/// What a name may consist of.
#[derive(Debug)]
pub struct Alphabet {
    /// Letters and digits.
    pub letters: Letters,
    /// Further characters of ASCII.
    pub punctuation: &'static str,
    /// The number of characters.
    pub lengths: RangeInclusive<usize>,
}

/// The letters and digits of an alphabet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letters {
    /// `A-Z a-z 0-9`
    Alphanumeric,
    /// `0-9 a-f`
    LowerHex,
}

/// The value that the reader takes for a key that is absent.
#[derive(Clone, Copy, Debug)]
pub enum DefaultValue {
    /// No value: the key has an effect only if it is present.
    None,
    /// An integer.
    Integer(u64),
    /// A boolean.
    Boolean(bool),
    /// One string, also where a list is accepted.
    Text(&'static str),
    /// A list of strings.
    Texts(&'static [&'static str]),
}

impl Property {
    /// A key that may be absent.
    #[must_use]
    pub const fn optional(name: &'static str, value: ValueType, about: &'static str) -> Self {
        Self { name, value, required: None, default: DefaultValue::None, about }
    }

    /// A key that must be present. `hint` says what to write.
    #[must_use]
    pub const fn required(
        name: &'static str,
        value: ValueType,
        hint: &'static str,
        about: &'static str,
    ) -> Self {
        Self { name, value, required: Some(hint), default: DefaultValue::None, about }
    }

    /// A key with a default.
    #[must_use]
    pub const fn with_default(
        name: &'static str,
        value: ValueType,
        default: DefaultValue,
        about: &'static str,
    ) -> Self {
        Self { name, value, required: None, default, about }
    }
}

impl DefaultValue {
    /// The strings of the default; empty if it has none.
    #[must_use]
    pub const fn texts(&self) -> &[&'static str] {
        match self {
            Self::Text(text) => std::slice::from_ref(text),
            Self::Texts(texts) => texts,
            _ => &[],
        }
    }
}

impl Alphabet {
    /// Whether a text consists of this alphabet and has a permitted length.
    #[must_use]
    pub fn has(&self, text: &str) -> bool {
        let is_letter = |byte: &u8| match self.letters {
            Letters::Alphanumeric => byte.is_ascii_alphanumeric(),
            Letters::LowerHex => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        };
        self.lengths.contains(&text.len())
            && text.bytes().all(|byte| is_letter(&byte) || self.punctuation.as_bytes().contains(&byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alphabets_have_their_characters_and_lengths() {
        let name = Alphabet { letters: Letters::Alphanumeric, punctuation: "-_", lengths: 1..=4 };
        let digits = Alphabet { letters: Letters::LowerHex, punctuation: "", lengths: 2..=2 };
        for (text, is_name, is_digits) in [
            ("", false, false),
            ("a", true, false),
            ("a9", true, true),
            ("g-", true, false),
            ("A_", true, false),
            ("abcd", true, false),
            ("abcde", false, false),
            ("a.", false, false),
            ("a ", false, false),
            ("é", false, false),
        ] {
            assert_eq!((name.has(text), digits.has(text)), (is_name, is_digits), "{text}");
        }
    }
}
