//! The reader of `provision.toml`: tables whose members are taken one by one, and errors that know their line.

use std::ops::Range;
use std::path::Path;

use iot_jwt_authorizer::config_error::{ConfigError, ErrorPlace, UnknownName};
use iot_jwt_authorizer::config_schema::{Property, TableSchema, ValueType};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Environment;

/// A value of the file.
pub(super) type Item<'d> = &'d Spanned<DeValue<'d>>;

/// A text of the file with its variables of the environment filled, and where it is.
#[derive(Clone)]
pub(super) struct Located {
    pub(super) value: String,
    pub(super) span: Range<usize>,
}

/// Reads values and collects the errors of the file.
pub(super) struct Reader<'d> {
    file: &'d str,
    text: &'d str,
    /// The folder of the file.
    pub(super) folder: &'d Path,
    environment: Environment<'d>,
    pub(super) errors: Vec<ConfigError>,
}

/// A table whose members are read by its schema.
pub(super) struct Table<'d> {
    /// The name for messages, as `[[authority]]`.
    name: &'static str,
    pub(super) span: Range<usize>,
    entries: &'d DeTable<'d>,
    /// The known keys; empty for a table whose keys are the user's own names.
    properties: &'static [&'static Property],
}

impl<'d> Reader<'d> {
    pub(super) fn new(file: &'d str, text: &'d str, folder: &'d Path, environment: Environment<'d>) -> Self {
        Self { file, text, folder, environment, errors: Vec::new() }
    }

    /// Adds an error. The caller may set its hint.
    pub(super) fn error(&mut self, span: &Range<usize>, what: impl Into<String>) -> &mut ConfigError {
        let lines_before = self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count();
        let span = (!span.is_empty()).then(|| span.clone());
        let place = ErrorPlace::Line { line: lines_before.saturating_add(1), span };
        self.errors.push_mut(ConfigError::at(self.file, place, what))
    }

    /// Reads a table, if it is present.
    pub(super) fn table(&mut self, parent: &Table<'d>, property: &Property) -> Option<Table<'d>> {
        let item = parent.get(property)?;
        match &property.value {
            ValueType::Table(schema) => self.open(schema.name, schema.properties, item),
            ValueType::Map { name, .. } => self.open(name, &[], item),
            _ => None,
        }
    }

    fn open(
        &mut self,
        name: &'static str,
        properties: &'static [&'static Property],
        item: Item<'d>,
    ) -> Option<Table<'d>> {
        match item.get_ref() {
            DeValue::Table(entries) => Some(Table { name, span: item.span(), entries, properties }),
            other => {
                self.error(
                    &item.span(),
                    format!("expected {name} to be a table, found {}", other.type_str()),
                );
                None
            }
        }
    }

    /// Reads an array of tables, if it is present.
    pub(super) fn tables(&mut self, parent: &Table<'d>, property: &Property) -> Vec<Table<'d>> {
        let (Some(item), ValueType::Tables { table: schema, .. }) = (parent.get(property), &property.value)
        else {
            return Vec::new();
        };
        match item.get_ref() {
            DeValue::Array(items) => {
                items.iter().filter_map(|item| self.open(schema.name, schema.properties, item)).collect()
            }
            _ => {
                self.error(&item.span(), format!("expected {} with double brackets", schema.name));
                Vec::new()
            }
        }
    }

    /// Reads a string that must be there.
    pub(super) fn required(&mut self, table: &Table<'d>, property: &Property) -> Option<Located> {
        match table.get(property) {
            Some(item) => self.string(property.name, item),
            None => {
                let what = format!("{} has no `{}`", table.name, property.name);
                self.error(&table.span, what).hint = property.required.map(str::to_owned);
                None
            }
        }
    }

    /// Reads a string that must be there, and makes a value of it. `expected` describes the valid ones.
    pub(super) fn parsed<T>(
        &mut self,
        table: &Table<'d>,
        property: &Property,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.required(table, property)?;
        let value = parse(&text.value);
        if value.is_none() {
            let (name, given) = (property.name, &text.value);
            self.error(&text.span, format!("`{name}`: invalid value \"{given}\"; expected {expected}"));
        }
        value
    }

    /// Reads a boolean; `false` if it is absent.
    pub(super) fn flag(&mut self, table: &Table<'d>, property: &Property) -> bool {
        let Some(item) = table.get(property) else { return false };
        item.get_ref().as_bool().unwrap_or_else(|| {
            self.error(&item.span(), format!("`{}`: expected true or false", property.name));
            false
        })
    }

    /// Reads an item as a non-empty string, and fills each `${env:NAME}`.
    pub(super) fn string(&mut self, key: &str, item: Item<'d>) -> Option<Located> {
        let span = item.span();
        let DeValue::String(text) = item.get_ref() else {
            let found = item.get_ref().type_str();
            self.error(&span, format!("`{key}`: expected a string, found {found}"));
            return None;
        };
        match fill_environment(text, self.environment) {
            Ok(value) if value.is_empty() => {
                let hint = (!text.is_empty()).then(|| format!("`{text}` is empty in the environment"));
                self.error(&span, format!("`{key}`: the string is empty")).hint = hint;
                None
            }
            Ok(value) => Some(Located { value, span }),
            Err(what) => {
                self.error(&span, format!("`{key}`: {what}"));
                None
            }
        }
    }

    /// Reports unknown keys.
    pub(super) fn finish(&mut self, table: &Table<'d>) {
        let names = || table.properties.iter().map(|property| property.name);
        for key in table.entries.keys().filter(|key| !names().any(|name| *name == **key.get_ref())) {
            let known = names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let what = format!("unknown key `{}` in {}; expected one of {known}", key.get_ref(), table.name);
            let unknown = UnknownName::new(&**key.get_ref(), names());
            self.error(&key.span(), what).unknown = Some(Box::new(unknown));
        }
    }
}

impl<'d> Table<'d> {
    /// The file's outermost table.
    pub(super) fn root(schema: &TableSchema, entries: &'d DeTable<'d>) -> Self {
        Self { name: schema.name, span: 0..0, entries, properties: schema.properties }
    }

    /// The value of a key.
    fn get(&self, property: &Property) -> Option<Item<'d>> {
        self.entries.get(property.name)
    }

    /// Every member, for tables whose keys are the user's own names.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'d str, Item<'d>)> {
        self.entries.iter().map(|(key, item)| (&**key.get_ref(), item))
    }
}

/// Fills each `${env:NAME}`. Other variables stay for the patterns.
fn fill_environment(text: &str, environment: Environment<'_>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${env:") {
        let (name, after) = after.split_once('}').ok_or("`${` without `}`")?;
        filled.push_str(before);
        filled
            .push_str(&environment(name).ok_or_else(|| format!("environment variable `{name}` is not set"))?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}
