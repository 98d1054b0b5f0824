//! Tables of a configuration and their fields.

use iot_local_base::env::Env;
use serde_json::{Map, Value, json};
use toml_edit::{InlineTable, Item, TableLike};

use super::{Span, expand};

/// A standard or inline table of TOML.
#[derive(Clone)]
pub struct Table<'a> {
    table: &'a dyn TableLike,
    span: Option<Span>,
}

/// The value of a key in a table.
#[derive(Clone, Copy)]
pub struct Field<'a>(&'a Item);

impl<'a> Table<'a> {
    pub(super) fn new(table: &'a toml_edit::Table) -> Self {
        Self { table, span: table.span() }
    }

    pub(super) fn inline(table: &'a InlineTable) -> Self {
        Self { table, span: table.span() }
    }

    /// Returns the field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Field<'a>> {
        self.table.get(name).map(Field::new)
    }

    /// Iterates over names and fields, in order.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, Field<'a>)> {
        self.table.iter().map(|(name, item)| (name, Field::new(item)))
    }

    /// Returns the field of that name, if it is a string.
    #[must_use]
    pub fn string(&self, name: &str) -> Option<&'a str> {
        self.field(name)?.string()
    }

    /// Returns [`Table::string`] with variables of the environment expanded, or `None` if a variable is not set.
    #[must_use]
    pub fn expanded_string(&self, name: &str, env: &Env) -> Option<String> {
        expand(self.string(name)?, env)
    }

    /// Returns the field of that name, if it is a table.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<Table<'a>> {
        self.field(name)?.table()
    }

    /// Returns the position of the table.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.span.clone()
    }

    /// Returns the position of a key.
    #[must_use]
    pub fn key_span(&self, name: &str) -> Option<Span> {
        self.table.get_key_value(name)?.0.span()
    }

    /// Converts the table to JSON.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        self.fields().map(|(name, field)| (name.to_owned(), field.to_json())).collect()
    }
}

impl<'a> Field<'a> {
    pub(super) fn new(item: &'a Item) -> Self {
        Self(item)
    }

    /// Returns the value, if it is a string.
    #[must_use]
    pub fn string(self) -> Option<&'a str> {
        self.0.as_str()
    }

    /// Returns the value, if it is a boolean.
    #[must_use]
    pub fn boolean(self) -> Option<bool> {
        self.0.as_bool()
    }

    /// Returns the value, if it is an integer.
    #[must_use]
    pub fn integer(self) -> Option<i64> {
        self.0.as_integer()
    }

    /// Returns the value, if it is an array of strings.
    #[must_use]
    pub fn strings(self) -> Option<Vec<&'a str>> {
        self.0.as_array()?.iter().map(toml_edit::Value::as_str).collect()
    }

    /// Returns [`Field::strings`] with variables of the environment expanded, or `None` if a variable is not set.
    #[must_use]
    pub fn expanded_strings(self, env: &Env) -> Option<Vec<String>> {
        self.strings()?.into_iter().map(|text| expand(text, env)).collect()
    }

    /// Returns the strings of an array with variables expanded. Other elements are skipped, as are strings with a
    /// variable that is not set.
    #[must_use]
    pub fn usable_strings(self, env: &Env) -> Vec<String> {
        let array = self.0.as_array().into_iter().flatten();
        array.filter_map(|value| expand(value.as_str()?, env)).collect()
    }

    /// Returns the value, if it is a table.
    #[must_use]
    pub fn table(self) -> Option<Table<'a>> {
        match self.0 {
            Item::Table(table) => Some(Table::new(table)),
            Item::Value(toml_edit::Value::InlineTable(table)) => Some(Table::inline(table)),
            _ => None,
        }
    }

    /// Returns the position of the value.
    #[must_use]
    pub fn span(self) -> Option<Span> {
        self.0.span()
    }

    /// Converts the value to JSON. Dates and floats become null.
    #[must_use]
    pub fn to_json(self) -> Value {
        match self.0 {
            Item::ArrayOfTables(tables) => {
                tables.iter().map(|table| Value::Object(Table::new(table).to_json())).collect()
            }
            Item::Table(table) => Value::Object(Table::new(table).to_json()),
            Item::Value(value) => value_to_json(value),
            Item::None => Value::Null,
        }
    }
}

fn value_to_json(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => json!(text.value()),
        toml_edit::Value::Integer(number) => json!(number.value()),
        toml_edit::Value::Boolean(flag) => json!(flag.value()),
        toml_edit::Value::Array(array) => array.iter().map(value_to_json).collect(),
        toml_edit::Value::InlineTable(table) => Value::Object(Table::inline(table).to_json()),
        toml_edit::Value::Float(_) | toml_edit::Value::Datetime(_) => Value::Null,
    }
}
