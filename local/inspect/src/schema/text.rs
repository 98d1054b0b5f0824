//! The schema of a string, by what the reader compares it with.
//!
//! A schema sees a string as it is written; the reader fills variables of the environment first. So each string with
//! such a variable is valid, and what it becomes is left to the reader.

use iot_jwt_authorizer::config_schema::{Alphabet, Letters, TextType};
use serde_json::{Map, Value, json};

use super::properties::of;

/// A variable of the environment.
const ENVIRONMENT: &str = r"\$\{env:[^}]*\}";

/// Text in which each `${` begins a variable of the environment.
const FILLED: &str = r"^(?:[^$]|\$+[^${]|\$+\{env:[^}]*\})*\$*$";

/// Text without `${`.
const PLAIN: &str = r"^(?:[^$]|\$+[^${])*\$*$";

/// A non-empty text that stands for a word such as `NAME` in a form. `.` would exclude line ends.
const PLACEHOLDER: &str = r"[\s\S]+";

/// The schema of a value.
pub(super) fn schema(text: &TextType) -> Map<String, Value> {
    match text {
        TextType::Any => of(json!({ "type": "string", "minLength": 1, "pattern": FILLED })),
        TextType::Raw | TextType::Plain => of(json!({ "type": "string", "minLength": 1 })),
        TextType::Words(words) => of(json!({
            "type": "string",
            "anyOf": [{ "enum": words() }, { "pattern": ENVIRONMENT }],
        })),
        TextType::Forms(forms) => self::forms(forms),
        TextType::Alphabet(alphabet) => of(json!({
            "type": "string",
            "pattern": format!("{}|{ENVIRONMENT}", exactly(alphabet)),
        })),
        TextType::Template { punctuation, has_tail } => {
            let text = class(Letters::Alphanumeric, punctuation);
            let tail = if *has_tail { r"\*?" } else { "" };
            of(json!({
                "type": "string",
                "minLength": 1,
                "pattern": format!(r"^(?:{text}|\$\{{[^}}]*\}})*{tail}$"),
            }))
        }
    }
}

/// The pattern of the keys of a table with the user's own names. `None` if every key is valid.
pub(super) fn key_pattern(keys: &TextType) -> Option<String> {
    match keys {
        TextType::Alphabet(alphabet) => Some(exactly(alphabet)),
        TextType::Plain => Some(PLAIN.to_owned()),
        _ => None,
    }
}

/// Whole words of forms are an enumeration, which editors complete.
fn forms(forms: &[&str]) -> Map<String, Value> {
    let (words, others): (Vec<&str>, Vec<&str>) = forms.iter().partition(|form| prefix(form) == **form);
    let prefixes: Vec<String> = others.iter().map(|form| escaped(prefix(form))).collect();
    let pattern = format!("^(?:{}){PLACEHOLDER}$|{ENVIRONMENT}", prefixes.join("|"));
    let mut choices = vec![json!({ "pattern": pattern })];
    if !words.is_empty() {
        choices.insert(0, json!({ "enum": words }));
    }
    of(json!({ "type": "string", "anyOf": choices }))
}

/// A form up to its first word of capital letters.
fn prefix(form: &str) -> &str {
    form.find(|character: char| character.is_ascii_uppercase())
        .and_then(|index| form.get(..index))
        .unwrap_or(form)
}

fn exactly(alphabet: &Alphabet) -> String {
    let (min, max) = (alphabet.lengths.start(), alphabet.lengths.end());
    let count = match (*min, *max) {
        (1, usize::MAX) => "+".to_owned(),
        (min, max) if min == max => format!("{{{min}}}"),
        (min, usize::MAX) => format!("{{{min},}}"),
        (min, max) => format!("{{{min},{max}}}"),
    };
    format!("^{}{count}$", class(alphabet.letters, alphabet.punctuation))
}

/// A class of characters.
fn class(letters: Letters, punctuation: &str) -> String {
    let letters = match letters {
        Letters::Alphanumeric => "A-Za-z0-9",
        Letters::LowerHex => "0-9a-f",
    };
    format!("[{letters}{}]", escaped(punctuation))
}

/// A text of which no character is syntax in a regular expression.
fn escaped(text: &str) -> String {
    let mut pattern = String::new();
    for character in text.chars() {
        // Others must not be escaped: ECMA-262 rejects `\:` with the flag `u`.
        if r"\^$.*+?()[]{}|-".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}
