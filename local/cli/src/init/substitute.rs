//! Replaces the example values of a recipe. A new value is written as a string of the file's language, so that no
//! character of it can become syntax.

use toml_edit::{Key, Value};

/// An example value and what replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replacement {
    /// The example value, which stands between double quotes.
    pub(super) old: String,
    /// The new value.
    pub(super) new: String,
    /// Whether it is the name of a member rather than a value, in TOML.
    pub(super) is_name: bool,
}

impl Replacement {
    pub(super) fn value(old: &str, new: &str) -> Self {
        Self { old: old.to_owned(), new: new.to_owned(), is_name: false }
    }

    pub(super) fn name(old: &str, new: &str) -> Self {
        Self { is_name: true, ..Self::value(old, new) }
    }
}

/// Replaces strings of a TOML text.
pub(super) fn in_toml(text: &str, replacements: &[Replacement]) -> String {
    replace(text, replacements, |replacement| match replacement.is_name {
        true => Key::new(&replacement.new).to_string(),
        false => Value::from(replacement.new.as_str()).to_string(),
    })
}

/// Replaces strings of a JSON text.
pub(super) fn in_json(text: &str, replacements: &[Replacement]) -> String {
    replace(text, replacements, |replacement| serde_json::Value::from(replacement.new.as_str()).to_string())
}

/// Replaces whole strings in one pass: what was written is never searched again.
fn replace(text: &str, replacements: &[Replacement], write: impl Fn(&Replacement) -> String) -> String {
    let quoted: Vec<String> =
        replacements.iter().map(|replacement| format!("\"{}\"", replacement.old)).collect();
    let (mut out, mut rest) = (String::new(), text);
    loop {
        let found = quoted.iter().zip(replacements);
        let found =
            found.filter_map(|(quoted, replacement)| Some((rest.split_once(quoted.as_str())?, replacement)));
        let Some(((before, after), replacement)) = found.min_by_key(|((before, _), _)| before.len()) else {
            out.push_str(rest);
            return out;
        };
        out.push_str(before);
        out.push_str(&write(replacement));
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: [&str; 8] = [
        "a\"]\n[[grant]]\npolicy = \"x",
        "\"iot-core\"",
        "it's \"both\"",
        "'''",
        "\"\"\"",
        "back\\slash",
        "# no comment",
        "\u{1f}\u{202e}",
    ];

    #[test]
    fn a_new_value_is_never_syntax_and_never_replaced_again() {
        let toml = "a = [\"old\"] # old\nb = { \"/x/old\" = \"iot-core\" }\n";
        let json = r#"{"a": ["old"], "b": {"/x/old": "iot-core"}}"#;
        for hostile in HOSTILE {
            let replacements = [
                Replacement::value("old", hostile),
                Replacement::value("iot-core", "second"),
                Replacement::name("/x/old", hostile),
            ];
            let written = in_toml(toml, &replacements);
            let document: toml_edit::DocumentMut = written.parse().unwrap();
            assert_eq!(document["a"][0].as_str(), Some(hostile), "{written}");
            assert_eq!(document["b"][hostile].as_str(), Some("second"), "{written}");
            assert_eq!(document.iter().count(), 2, "{written}");
            let written: serde_json::Value = serde_json::from_str(&in_json(json, &replacements)).unwrap();
            assert_eq!(written, serde_json::json!({ "a": [hostile], "b": { hostile: "second" } }));
        }
    }

    #[test]
    fn only_whole_strings_are_replaced() {
        let replacements = [Replacement::value("iot", "x")];
        assert_eq!(in_toml("a = \"iot-core\" # \"iot", &replacements), "a = \"iot-core\" # \"iot");
        assert_eq!(in_json("[\"iot\", \"iot/iot\"]", &replacements), "[\"x\", \"iot/iot\"]");
    }
}
