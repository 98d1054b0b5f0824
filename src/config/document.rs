//! The reader of `authorizer.toml`: it reads values by the schema of their keys, and collects errors.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use super::Environment;
use super::table::{Item, Located, Table};
use crate::config_error::{ConfigError, ErrorPlace, UnknownName};
use crate::config_schema::{DefaultValue, Property, TableSchema, ValueType};

/// Reads values and collects the errors of the file.
pub(super) struct Reader<'d> {
    file: &'d str,
    text: &'d str,
    environment: Environment<'d>,
    pub(super) errors: Vec<ConfigError>,
}

impl<'d> Reader<'d> {
    pub(super) fn new(file: &'d str, text: &'d str, environment: Environment<'d>) -> Self {
        Self { file, text, environment, errors: Vec::new() }
    }

    /// Adds an error. The caller may set its hint.
    pub(super) fn error(&mut self, span: &Range<usize>, what: impl Into<String>) -> &mut ConfigError {
        let lines_before = self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count();
        let span = (!span.is_empty()).then(|| span.clone());
        let place = ErrorPlace::Line { line: lines_before.saturating_add(1), span };
        self.errors.push_mut(ConfigError::at(self.file, place, what))
    }

    /// Adds an error with a hint.
    pub(super) fn error_with_hint(&mut self, span: &Range<usize>, what: impl Into<String>, hint: &str) {
        self.error(span, what).hint = Some(hint.to_owned());
    }

    /// The value of a key. Reports a required key that is missing.
    pub(super) fn item(&mut self, table: &Table<'d>, property: &Property) -> Option<Item<'d>> {
        let item = table.get(property);
        if let (None, Some(hint)) = (item, property.required) {
            self.missing(table, property, hint);
        }
        item
    }

    /// Adds the error of a missing key.
    pub(super) fn missing(&mut self, table: &Table<'_>, property: &Property, hint: &str) {
        let key = match &property.value {
            ValueType::Tables { table, .. } => table.name,
            _ => property.name,
        };
        self.error_with_hint(&table.span, format!("{} has no `{key}`", table.name), hint);
    }

    /// The environment, for texts that fill their variables themselves.
    pub(super) fn environment(&self) -> Environment<'d> {
        self.environment
    }

    /// Reads a table, if it is present.
    pub(super) fn table(&mut self, parent: &Table<'d>, property: &Property) -> Option<Table<'d>> {
        let item = self.item(parent, property)?;
        match &property.value {
            ValueType::Table(schema) => self.table_of(schema, item),
            ValueType::Map { name, .. } => self.open(name, &[], item),
            _ => None,
        }
    }

    /// Reads a table whose keys all have defaults. If it is absent, a table without keys.
    pub(super) fn table_or_empty(&mut self, parent: &Table<'d>, property: &Property) -> Table<'d> {
        self.table(parent, property).unwrap_or_else(Table::empty)
    }

    /// Reads an item as a table.
    pub(super) fn table_of(&mut self, schema: &TableSchema, item: Item<'d>) -> Option<Table<'d>> {
        self.open(schema.name, schema.properties, item)
    }

    fn open(
        &mut self,
        name: &'static str,
        properties: &'static [&'static Property],
        item: Item<'d>,
    ) -> Option<Table<'d>> {
        let span = item.span();
        match item.get_ref() {
            DeValue::Table(entries) => Some(Table { name, span, entries: Some(entries), properties }),
            other => {
                self.error(&span, format!("expected {name} to be a table, found {}", other.type_str()));
                None
            }
        }
    }

    /// Reads an array of tables, if it is present.
    pub(super) fn tables(&mut self, parent: &Table<'d>, property: &Property) -> Vec<Table<'d>> {
        let (Some(item), ValueType::Tables { table: schema, min }) =
            (self.item(parent, property), &property.value)
        else {
            return Vec::new();
        };
        match item.get_ref() {
            DeValue::Array(items) if items.len() < *min => {
                let what = format!("expected at least one {}", schema.name);
                self.error_with_hint(&item.span(), what, "add one, or remove the key");
                Vec::new()
            }
            DeValue::Array(items) => items.iter().filter_map(|item| self.table_of(schema, item)).collect(),
            _ => {
                self.error(&item.span(), format!("expected {} with double brackets", schema.name));
                Vec::new()
            }
        }
    }

    /// Reads a string and fills variables of the environment. If the key is absent, its default.
    pub(super) fn string(&mut self, table: &Table<'d>, property: &Property) -> Option<Located<String>> {
        match self.item(table, property) {
            Some(item) => self.string_of(property.name, item),
            None => table.defaults(property)?.pop(),
        }
    }

    /// Reads a non-empty list of strings and fills variables of the environment. If the key is absent, its default.
    pub(super) fn strings(&mut self, table: &Table<'d>, property: &Property) -> Option<Vec<Located<String>>> {
        match self.item(table, property) {
            Some(item) => {
                let items = self.list_of(property.name, item)?;
                Some(items.iter().filter_map(|item| self.string_of(property.name, item)).collect())
            }
            None => table.defaults(property),
        }
    }

    /// Reads a string or a non-empty list of strings and fills variables of the environment. If the key is absent, its
    /// default.
    pub(super) fn string_or_strings(
        &mut self,
        table: &Table<'d>,
        property: &Property,
    ) -> Option<Vec<Located<String>>> {
        match self.item(table, property) {
            Some(item) if matches!(item.get_ref(), DeValue::Array(_)) => {
                let items = self.list_of(property.name, item).unwrap_or_default();
                Some(items.iter().filter_map(|item| self.string_of(property.name, item)).collect())
            }
            Some(item) => Some(Vec::from_iter(self.string_of(property.name, item))),
            None => table.defaults(property),
        }
    }

    /// Reads a non-empty list of strings as they are written.
    pub(super) fn raw_strings(
        &mut self,
        table: &Table<'d>,
        property: &Property,
    ) -> Option<Vec<Located<String>>> {
        let item = self.item(table, property)?;
        let items = self.list_of(property.name, item)?;
        Some(items.iter().filter_map(|item| self.raw_string_of(property.name, item)).collect())
    }

    /// Reads an integer in the key's range. If the key is absent, or its value invalid, its default.
    pub(super) fn integer(&mut self, table: &Table<'d>, property: &Property) -> Option<u64> {
        let default = match property.default {
            DefaultValue::Integer(default) => Some(default),
            _ => None,
        };
        let (Some(item), ValueType::Integer(range)) = (self.item(table, property), &property.value) else {
            return default;
        };
        let integer = item.get_ref().as_integer();
        let value = integer.and_then(|text| u64::from_str_radix(text.as_str(), text.radix()).ok());
        let value = value.filter(|value| range.contains(value));
        if value.is_none() {
            let (name, min, max) = (property.name, range.start(), range.end());
            self.error(&item.span(), format!("`{name}`: expected an integer from {min} to {max}"));
        }
        value.or(default)
    }

    /// Reads a boolean. If the key is absent, or its value invalid, its default.
    pub(super) fn boolean(&mut self, table: &Table<'d>, property: &Property) -> Option<bool> {
        let default = match property.default {
            DefaultValue::Boolean(default) => Some(default),
            _ => None,
        };
        let Some(item) = self.item(table, property) else { return default };
        let value = item.get_ref().as_bool();
        if value.is_none() {
            self.error(&item.span(), format!("`{}`: expected true or false", property.name));
        }
        value.or(default)
    }

    /// Reads an item as a string and fills variables of the environment.
    pub(super) fn string_of(&mut self, key: &str, item: Item<'d>) -> Option<Located<String>> {
        let text = self.raw_string_of(key, item)?;
        self.fill(key, text)
    }

    /// Reads an item as a non-empty list.
    pub(super) fn list_of(&mut self, key: &str, item: Item<'d>) -> Option<&'d [Spanned<DeValue<'d>>]> {
        match item.get_ref() {
            DeValue::Array(items) if !items.is_empty() => Some(items.as_ref()),
            DeValue::Array(_) => {
                self.error(&item.span(), format!("`{key}`: expected at least one entry"));
                None
            }
            other => {
                self.error(&item.span(), format!("`{key}`: expected a list, found {}", other.type_str()));
                None
            }
        }
    }

    /// Reports unknown keys.
    pub(super) fn finish(&mut self, table: &Table<'d>) {
        let names = || table.properties.iter().map(|property| property.name);
        for key in table
            .entries
            .iter()
            .flat_map(|entries| entries.keys())
            .filter(|key| !names().any(|name| *name == **key.get_ref()))
        {
            let known = names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let what = format!("unknown key `{}` in {}; expected one of {known}", key.get_ref(), table.name);
            let unknown = UnknownName::new(&**key.get_ref(), names());
            self.error(&key.span(), what).unknown = Some(Box::new(unknown));
        }
    }

    /// Reads an item as a non-empty string as it is written.
    pub(super) fn raw_string_of(&mut self, key: &str, item: Item<'d>) -> Option<Located<String>> {
        let span = item.span();
        match item.get_ref() {
            DeValue::String(text) if !text.is_empty() => Some(Located { value: text.to_string(), span }),
            DeValue::String(_) => {
                self.error(&span, format!("`{key}`: the string is empty"));
                None
            }
            other => {
                self.error(&span, format!("`{key}`: expected a string, found {}", other.type_str()));
                None
            }
        }
    }

    /// Fills the variables of a string, which must not become empty by that.
    fn fill(&mut self, key: &str, text: Located<String>) -> Option<Located<String>> {
        match fill_environment(&text.value, self.environment) {
            Ok(value) if value.is_empty() => {
                let hint = format!("`{}` is empty in the environment", text.value);
                self.error_with_hint(&text.span, format!("`{key}`: the string is empty"), &hint);
                None
            }
            Ok(value) => Some(Located { value, span: text.span }),
            Err(errors) => {
                for error in errors {
                    self.error(&text.span, format!("`{key}`: {}", error.what)).hint = error.hint;
                }
                None
            }
        }
    }
}

/// Why a text's variables cannot be filled.
struct VariableError {
    what: String,
    hint: Option<String>,
}

/// Fills each `${env:NAME}`.
///
/// # Errors
/// All errors of the text: a variable that is not set, another kind of variable, `${` without `}`.
fn fill_environment(text: &str, environment: Environment<'_>) -> Result<String, Vec<VariableError>> {
    let (mut filled, mut errors) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let Some((variable, after)) = after.split_once('}') else {
            errors.push(VariableError { what: "`${` without `}`".to_owned(), hint: None });
            break;
        };
        match variable.strip_prefix("env:").map(|name| environment(name).ok_or(name)) {
            Some(Ok(value)) => filled.push_str(&value),
            Some(Err(name)) => {
                errors.push(VariableError {
                    what: format!("environment variable `{name}` is not set"),
                    hint: None,
                });
            }
            None => errors.push(VariableError {
                what: format!("unknown variable `${{{variable}}}`"),
                hint: Some("write `${env:NAME}` for a variable of the environment".to_owned()),
            }),
        }
        rest = after;
    }
    filled.push_str(rest);
    if errors.is_empty() { Ok(filled) } else { Err(errors) }
}
