//! The reader of `provision.toml`: tables whose members are taken one by one, and errors that know their line.

use std::ops::Range;
use std::path::Path;

use iot_jwt_authorizer::config_error::{ConfigError, ErrorPlace, UnknownName};
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

/// A table. A member that is never taken is an unknown key.
pub(super) struct Table<'d> {
    /// The name for messages, as `[[authority]]`.
    name: &'static str,
    pub(super) span: Range<usize>,
    entries: &'d DeTable<'d>,
    known: Vec<&'static str>,
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

    /// Reads a table.
    pub(super) fn table(&mut self, name: &'static str, item: Item<'d>) -> Option<Table<'d>> {
        match item.get_ref() {
            DeValue::Table(entries) => Some(Table { name, span: item.span(), entries, known: Vec::new() }),
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
    pub(super) fn tables(&mut self, name: &'static str, item: Option<Item<'d>>) -> Vec<Table<'d>> {
        match item.map(|item| (item, item.get_ref())) {
            None => Vec::new(),
            Some((_, DeValue::Array(items))) => {
                items.iter().filter_map(|item| self.table(name, item)).collect()
            }
            Some((item, _)) => {
                self.error(&item.span(), format!("expected {name} with double brackets"));
                Vec::new()
            }
        }
    }

    /// Reads a string that must be there.
    pub(super) fn required(&mut self, table: &mut Table<'d>, key: &'static str) -> Option<Located> {
        match table.take(key) {
            Some(item) => self.string(key, item),
            None => {
                self.error(&table.span, format!("{} has no `{key}`", table.name));
                None
            }
        }
    }

    /// Reads a string that must be there, and makes a value of it. `expected` describes the valid ones.
    pub(super) fn parsed<T>(
        &mut self,
        table: &mut Table<'d>,
        key: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.required(table, key)?;
        let value = parse(&text.value);
        if value.is_none() {
            self.error(&text.span, format!("`{key}`: invalid value \"{}\"; expected {expected}", text.value));
        }
        value
    }

    /// Reads a boolean; `false` if it is absent.
    pub(super) fn flag(&mut self, table: &mut Table<'d>, key: &'static str) -> bool {
        let Some(item) = table.take(key) else { return false };
        item.get_ref().as_bool().unwrap_or_else(|| {
            self.error(&item.span(), format!("`{key}`: expected true or false"));
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
                self.error(&span, format!("`{key}`: the string is empty"));
                None
            }
            Ok(value) => Some(Located { value, span }),
            Err(what) => {
                self.error(&span, format!("`{key}`: {what}"));
                None
            }
        }
    }

    /// Reports the members that were not taken.
    pub(super) fn finish(&mut self, table: &Table<'d>) {
        for key in table.entries.keys().filter(|key| !table.known.contains(&&**key.get_ref())) {
            let known = table.known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            let what = format!("unknown key `{}` in {}; expected one of {known}", key.get_ref(), table.name);
            let unknown = UnknownName::new(&**key.get_ref(), table.known.iter().copied());
            self.error(&key.span(), what).unknown = Some(Box::new(unknown));
        }
    }
}

impl<'d> Table<'d> {
    /// The file's outermost table.
    pub(super) fn root(entries: &'d DeTable<'d>) -> Self {
        Self { name: "the file", span: 0..0, entries, known: Vec::new() }
    }

    /// Takes the member `key`.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Item<'d>> {
        self.known.push(key);
        self.entries.get(key)
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
