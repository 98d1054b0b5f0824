//! Values from tokens and events, made safe for a terminal.

use iot_jwt_authorizer::json::Json;

/// Longer claims are cut.
const MAX_SHOWN_CHARACTERS: usize = 120;

/// A claim as JSON. A long one is cut.
pub(crate) fn shown(claim: &Json<'_>) -> String {
    shown_value(&json(claim))
}

/// A value as JSON. A long one is cut.
pub(crate) fn shown_value(value: &serde_json::Value) -> String {
    let text = escaped(&value.to_string());
    if text.chars().count() <= MAX_SHOWN_CHARACTERS {
        return text;
    }
    let start: String = text.chars().take(MAX_SHOWN_CHARACTERS).collect();
    format!("{start}... ({} characters)", text.chars().count())
}

/// JSON escapes only control characters below U+0020. A terminal also obeys others.
fn escaped(text: &str) -> String {
    let is_unsafe = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|character| {
            if is_unsafe(character) { character.escape_unicode().to_string() } else { character.to_string() }
        })
        .collect()
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    shown(&Json::String(text.into()))
}

fn json(claim: &Json<'_>) -> serde_json::Value {
    match claim {
        Json::Null => serde_json::Value::Null,
        Json::Bool(value) => (*value).into(),
        Json::Unsigned(number) => (*number).into(),
        Json::Float(number) => (*number).into(),
        Json::String(text) => text.as_ref().into(),
        Json::Array(items) => items.iter().map(json).collect(),
        Json::Object(object) => {
            object.members().map(|(name, value)| (name.to_owned(), json(value))).collect()
        }
    }
}
