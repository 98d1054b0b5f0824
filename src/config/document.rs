//! The reader of `authorizer.toml`: a tree of values that know their position, read member by member.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Environment;
use crate::config_error::{ConfigError, ErrorPlace, UnknownName};

/// A value of the file.
pub(super) type Item<'d> = &'d Spanned<DeValue<'d>>;

/// A value, and its bytes in the file.
#[derive(Clone)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// Reads values and collects the errors of the file.
pub(super) struct Reader<'d> {
    file: &'d str,
    text: &'d str,
    environment: Environment<'d>,
    pub(super) errors: Vec<ConfigError>,
}

/// A table whose members are taken one by one. A member that is never taken is an unknown key.
pub(super) struct Table<'d> {
    /// The name for messages, as `[[issuer]]`.
    name: &'static str,
    pub(super) span: Range<usize>,
    entries: &'d DeTable<'d>,
    known: Vec<&'static str>,
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

    /// Adds the error of a missing key.
    pub(super) fn missing(&mut self, table: &Table<'_>, key: &str, hint: &str) {
        self.error_with_hint(&table.span, format!("{} has no `{key}`", table.name), hint);
    }

    /// The environment, for texts that fill their variables themselves.
    pub(super) fn environment(&self) -> Environment<'d> {
        self.environment
    }

    /// Reads a table.
    pub(super) fn table(&mut self, name: &'static str, item: Item<'d>) -> Option<Table<'d>> {
        let span = item.span();
        match item.get_ref() {
            DeValue::Table(entries) => Some(Table { name, span, entries, known: Vec::new() }),
            other => {
                self.error(&span, format!("expected {name} to be a table, found {}", other.type_str()));
                None
            }
        }
    }

    /// Reads an array of tables, if it is present.
    pub(super) fn tables(&mut self, name: &'static str, item: Option<Item<'d>>) -> Vec<Table<'d>> {
        let Some(item) = item else { return Vec::new() };
        match item.get_ref() {
            DeValue::Array(items) if items.is_empty() => {
                let what = format!("expected at least one {name}");
                self.error_with_hint(&item.span(), what, "add one, or remove the key");
                Vec::new()
            }
            DeValue::Array(items) => items.iter().filter_map(|item| self.table(name, item)).collect(),
            _ => {
                self.error(&item.span(), format!("expected {name} with double brackets"));
                Vec::new()
            }
        }
    }

    /// Reads a string and fills variables of the environment.
    pub(super) fn string(&mut self, table: &mut Table<'d>, key: &'static str) -> Option<Located<String>> {
        let item = table.take(key)?;
        self.string_of(key, item)
    }

    /// Reads a non-empty list of strings and fills variables of the environment.
    pub(super) fn strings(
        &mut self,
        table: &mut Table<'d>,
        key: &'static str,
    ) -> Option<Vec<Located<String>>> {
        let texts = self.raw_strings(table, key)?;
        Some(texts.into_iter().filter_map(|text| self.fill(key, text)).collect())
    }

    /// Reads a non-empty list of strings as they are written.
    pub(super) fn raw_strings(
        &mut self,
        table: &mut Table<'d>,
        key: &'static str,
    ) -> Option<Vec<Located<String>>> {
        let item = table.take(key)?;
        let items = self.list_of(key, item)?;
        Some(items.iter().filter_map(|item| self.raw_string_of(key, item)).collect())
    }

    /// Reads an integer in a range.
    pub(super) fn integer(
        &mut self,
        table: &mut Table<'d>,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let item = table.take(key)?;
        let integer = item.get_ref().as_integer();
        let value = integer.and_then(|text| u64::from_str_radix(text.as_str(), text.radix()).ok());
        let value = value.filter(|value| range.contains(value));
        if value.is_none() {
            let (min, max) = (range.start(), range.end());
            self.error(&item.span(), format!("`{key}`: expected an integer from {min} to {max}"));
        }
        value
    }

    /// Reads a boolean.
    pub(super) fn boolean(&mut self, table: &mut Table<'d>, key: &'static str) -> Option<bool> {
        let item = table.take(key)?;
        let value = item.get_ref().as_bool();
        if value.is_none() {
            self.error(&item.span(), format!("`{key}`: expected true or false"));
        }
        value
    }

    /// Reads an item as a string and fills variables of the environment.
    pub(super) fn string_of(&mut self, key: &str, item: Item<'d>) -> Option<Located<String>> {
        let text = self.raw_string_of(key, item)?;
        self.fill(key, text)
    }

    /// Reads an item as a string or a non-empty list of strings and fills variables of the environment.
    pub(super) fn string_or_strings(&mut self, key: &str, item: Item<'d>) -> Vec<Located<String>> {
        match item.get_ref() {
            DeValue::Array(_) => {
                let items = self.list_of(key, item).unwrap_or_default();
                items.iter().filter_map(|item| self.string_of(key, item)).collect()
            }
            _ => Vec::from_iter(self.string_of(key, item)),
        }
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

    /// Reports the members that were not taken.
    pub(super) fn finish(&mut self, table: &Table<'d>) {
        for key in table.entries.keys().filter(|key| !table.known.contains(&&**key.get_ref())) {
            let known = table.known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            let what = format!("unknown key `{}` in {}; expected one of {known}", key.get_ref(), table.name);
            let unknown = UnknownName::new(&**key.get_ref(), table.known.iter().copied());
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

impl<'d> Table<'d> {
    /// The file's outermost table.
    pub(super) fn root(entries: &'d DeTable<'d>) -> Self {
        Self { name: "the file", span: 0..0, entries, known: Vec::new() }
    }

    /// Takes the member `key`.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Item<'d>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.entries.get(key)
    }

    /// Every member, for tables whose keys are the user's own names.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Located<&'d str>, Item<'d>)> {
        self.entries.iter().map(|(key, item)| (Located { value: &**key.get_ref(), span: key.span() }, item))
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
