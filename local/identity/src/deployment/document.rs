//! The text of `authorizer.toml`, valid or not. All of `cargo local` reads the file with this module.
//!
//! The authorizer's reader accepts only a valid configuration. This one also reads an incomplete file: `check` shows
//! where an error is, and `keys fetch` creates a key file that does not exist yet.

mod table;

use std::ops::Range;

use iot_local_base::env::Env;
use serde_json::{Map, Value};
use toml_edit::{Array, Document, Item, TableLike};

pub use table::{Field, Table};

/// The text of a configuration, parsed as TOML. The default is empty.
#[derive(Clone, Debug, Default)]
pub struct ConfigDocument(Option<Document<String>>);

/// A range of bytes in the text.
pub type Span = Range<usize>;

impl ConfigDocument {
    /// Parses a text. Returns `None` if it is not TOML.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(Some(Document::parse(text.to_owned()).ok()?)))
    }

    /// Returns the tables of `[[issuer]]`, in order.
    #[must_use]
    pub fn issuers(&self) -> Vec<Table<'_>> {
        self.tables("issuer")
    }

    /// Returns the tables of `[[NAME]]`, or of the equivalent array of inline tables.
    #[must_use]
    pub fn tables(&self, name: &str) -> Vec<Table<'_>> {
        match self.0.as_ref().and_then(|document| document.get(name)) {
            Some(Item::ArrayOfTables(tables)) => tables.iter().map(Table::new).collect(),
            Some(Item::Value(toml_edit::Value::Array(array))) => {
                array.iter().filter_map(toml_edit::Value::as_inline_table).map(Table::inline).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Returns a field at the top level.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Field<'_>> {
        self.0.as_ref()?.get(name).map(Field::new)
    }

    /// Converts the configuration to JSON. Dates and floats become null.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        self.0.as_ref().map(|document| Table::new(document.as_table()).to_json()).unwrap_or_default()
    }

    /// Returns the text with `keys` replaced by one source, for issuers given by their index in
    /// [`ConfigDocument::issuers`], and the source of the revocation list by `list`. All lines keep their numbers, so
    /// that errors point to the right line of the original.
    #[must_use]
    pub fn with_sources(self, sources: &[(usize, String)], list: Option<String>) -> String {
        let mut document = self.0.map(Document::into_mut).unwrap_or_default();
        let mut issuers = document.get_mut("issuer").map(tables_mut).unwrap_or_default();
        for (index, source) in sources {
            if let Some(Item::Value(keys)) = issuers.get_mut(*index).and_then(|table| table.get_mut("keys")) {
                replace_keys(keys, source);
            }
        }
        let table = document.get_mut("revocation").and_then(Item::as_table_like_mut);
        if let (Some(list), Some(Item::Value(source))) =
            (list, table.and_then(|table| table.get_mut("source")))
        {
            let decor = source.decor().clone();
            *source = list.into();
            *source.decor_mut() = decor;
        }
        document.to_string()
    }
}

fn tables_mut(item: &mut Item) -> Vec<&mut dyn TableLike> {
    fn as_table_like<T: TableLike>(table: &mut T) -> &mut dyn TableLike {
        table
    }
    match item {
        Item::ArrayOfTables(tables) => tables.iter_mut().map(as_table_like).collect(),
        Item::Value(toml_edit::Value::Array(array)) => {
            array.iter_mut().filter_map(|value| value.as_inline_table_mut().map(as_table_like)).collect()
        }
        _ => Vec::new(),
    }
}

/// Replaces an array by an array of one source with the same number of line breaks.
fn replace_keys(keys: &mut toml_edit::Value, source: &str) {
    let line_breaks = keys.as_array().map_or(0, |array| array.to_string().matches('\n').count());
    let decor = keys.decor().clone();
    let mut array = Array::from_iter([source]);
    array.set_trailing("\n".repeat(line_breaks));
    *keys = toml_edit::Value::Array(array);
    *keys.decor_mut() = decor;
}

/// Expands `${env:NAME}` in a text. Returns `None` if a variable is not set.
#[must_use]
pub fn expand(text: &str, env: &Env) -> Option<String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${env:") {
        let (name, after) = after.split_once('}')?;
        expanded.push_str(before);
        expanded.push_str(env.get(name)?);
        rest = after;
    }
    expanded.push_str(rest);
    Some(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str =
        "issuer = [\n  { id = \"a\", keys = [\n    \"oidc\",\n  ] }, # first\n  { id = \"b\" },\n]\n";

    fn ids(config: &str) -> Vec<String> {
        let document = ConfigDocument::parse(config).unwrap_or_default();
        document
            .issuers()
            .iter()
            .filter_map(|issuer| issuer.expanded_string("id", &Env::from([("E", "x")])))
            .collect()
    }

    #[test]
    fn issuers_are_found_in_both_forms_and_in_an_invalid_configuration() {
        assert_eq!(ids(CONFIG), ["a", "b"]);
        assert_eq!(ids("typo = 1\n[[issuer]]\nid = \"${env:E}y\"\n[[issuer]]\nid = \"${env:F}\"\n"), ["xy"]);
        for config in ["", "issuer = 1", "not TOML at all", "[issuer]\nid = \"a\"\n"] {
            assert_eq!(ids(config), [""; 0], "{config}");
        }
    }

    #[test]
    fn replaced_keys_move_no_line() {
        let document = ConfigDocument::parse(CONFIG).unwrap();
        let keys = [(0, "file:k".to_owned()), (1, "file:none".to_owned())];
        let changed = document.with_sources(&keys, Some("file:none".to_owned()));
        assert_eq!(
            changed,
            "issuer = [\n  { id = \"a\", keys = [\"file:k\"\n\n] }, # first\n  { id = \"b\" },\n]\n"
        );
    }

    #[test]
    fn a_replaced_list_moves_no_line() {
        for (text, expected) in [
            ("[revocation]\nsource = \"file:a\" # who\n", "[revocation]\nsource = \"file:/b\" # who\n"),
            ("revocation = { source = \"file:a\" }\n", "revocation = { source = \"file:/b\" }\n"),
            ("[revocation]\nrefresh_seconds = 5\n", "[revocation]\nrefresh_seconds = 5\n"),
            ("revocation = 1\n", "revocation = 1\n"),
        ] {
            let document = ConfigDocument::parse(text).unwrap();
            assert_eq!(document.with_sources(&[], Some("file:/b".to_owned())), expected);
        }
    }

    #[test]
    fn variables_are_expanded_or_nothing_is_returned() {
        let env = Env::from([("A", "1"), ("B", "")]);
        for (text, expected) in [
            ("plain", Some("plain")),
            ("${env:A}-${env:B}-${env:A}", Some("1--1")),
            ("${A}", Some("${A}")),
            ("${env:C}", None),
            ("${env:A", None),
        ] {
            assert_eq!(expand(text, &env).as_deref(), expected, "{text}");
        }
    }
}
