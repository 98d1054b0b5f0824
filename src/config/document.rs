//! `authorizer.toml` as a tree whose every value knows its line, read member by member.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Environment;
use super::fault::Fault;

/// No table has more keys of ours.
const MOST_KEYS: usize = 24;

/// A value of the file.
pub(super) type Item<'d> = &'d Spanned<DeValue<'d>>;

/// A value read, and where it stood.
#[derive(Clone)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// Gathers the faults of one file.
pub(super) struct Reader<'d> {
    file: &'d str,
    text: &'d str,
    environment: Environment<'d>,
    pub(super) faults: Vec<Fault>,
}

/// A table whose members are taken one by one; what nobody takes is unknown.
pub(super) struct Table<'d> {
    /// How faults call it, as ``[[issuer]]``.
    name: &'static str,
    pub(super) span: Range<usize>,
    entries: &'d DeTable<'d>,
    known: Vec<&'static str>,
}

impl<'d> Reader<'d> {
    pub(super) fn new(file: &'d str, text: &'d str, environment: Environment<'d>) -> Self {
        Self { file, text, environment, faults: Vec::new() }
    }

    pub(super) fn fault(&mut self, span: &Range<usize>, message: impl Into<String>) {
        let line = self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count().saturating_add(1);
        self.faults.push(Fault {
            file: self.file.to_owned(),
            line: Some(line),
            span: (!span.is_empty()).then(|| span.clone()),
            message: message.into(),
        });
    }

    /// A member of the environment, for the texts that take their variables themselves.
    pub(super) fn environment(&self) -> Environment<'d> {
        self.environment
    }

    pub(super) fn missing(&mut self, table: &Table<'_>, key: &str, hint: &str) {
        self.fault(&table.span, format!("{} lacks `{key}`: {hint}", table.name));
    }

    /// A value as a table.
    pub(super) fn table(&mut self, name: &'static str, item: Item<'d>) -> Option<Table<'d>> {
        let span = item.span();
        match item.get_ref() {
            DeValue::Table(entries) => {
                Some(Table { name, span, entries, known: Vec::with_capacity(MOST_KEYS) })
            }
            _ => {
                self.fault(&span, format!("{name} has to be a table"));
                None
            }
        }
    }

    /// The tables of an array of tables; a fault unless there is at least one or none is asked for.
    pub(super) fn tables(&mut self, name: &'static str, item: Option<Item<'d>>) -> Vec<Table<'d>> {
        let Some(item) = item else { return Vec::new() };
        match item.get_ref() {
            DeValue::Array(items) => items.iter().filter_map(|item| self.table(name, item)).collect(),
            _ => {
                self.fault(&item.span(), format!("write {name} with two pairs of brackets"));
                Vec::new()
            }
        }
    }

    /// A string with the environment's variables put in.
    pub(super) fn string(&mut self, table: &mut Table<'d>, key: &'static str) -> Option<Located<String>> {
        let item = table.take(key)?;
        self.string_of(key, item)
    }

    /// A list of strings with the environment's variables put in, not empty.
    pub(super) fn strings(
        &mut self,
        table: &mut Table<'d>,
        key: &'static str,
    ) -> Option<Vec<Located<String>>> {
        let texts = self.raw_strings(table, key)?;
        Some(texts.into_iter().filter_map(|text| self.filled(key, text)).collect())
    }

    /// A list of strings as they stand, not empty.
    pub(super) fn raw_strings(
        &mut self,
        table: &mut Table<'d>,
        key: &'static str,
    ) -> Option<Vec<Located<String>>> {
        let item = table.take(key)?;
        let items = self.list_of(key, item)?;
        Some(items.iter().filter_map(|item| self.raw_string_of(key, item)).collect())
    }

    /// An integer of that range.
    pub(super) fn integer(
        &mut self,
        table: &mut Table<'d>,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let item = table.take(key)?;
        let value = item
            .get_ref()
            .as_integer()
            .and_then(|text| u64::from_str_radix(text.as_str(), text.radix()).ok());
        let value = value.filter(|value| range.contains(value));
        if value.is_none() {
            let (least, most) = (range.start(), range.end());
            self.fault(&item.span(), format!("`{key}` has to be an integer from {least} to {most}"));
        }
        value
    }

    /// A boolean.
    pub(super) fn boolean(&mut self, table: &mut Table<'d>, key: &'static str) -> Option<bool> {
        let item = table.take(key)?;
        let value = item.get_ref().as_bool();
        if value.is_none() {
            self.fault(&item.span(), format!("`{key}` has to be true or false"));
        }
        value
    }

    pub(super) fn string_of(&mut self, key: &str, item: Item<'d>) -> Option<Located<String>> {
        let text = self.raw_string_of(key, item)?;
        self.filled(key, text)
    }

    fn filled(&mut self, key: &str, text: Located<String>) -> Option<Located<String>> {
        if !text.value.contains('$') {
            return Some(text);
        }
        match substitute(&text.value, self.environment) {
            Ok(value) => Some(Located { value, span: text.span }),
            Err(name) => {
                self.fault(&text.span, format!("`{key}` takes the environment's `{name}`, which is not set"));
                None
            }
        }
    }

    fn raw_string_of(&mut self, key: &str, item: Item<'d>) -> Option<Located<String>> {
        let span = item.span();
        match item.get_ref() {
            DeValue::String(text) if !text.is_empty() => Some(Located { value: text.to_string(), span }),
            DeValue::String(_) => {
                self.fault(&span, format!("`{key}` has an empty string"));
                None
            }
            other => {
                self.fault(&span, format!("`{key}` takes strings, and this is of type {}", other.type_str()));
                None
            }
        }
    }

    pub(super) fn list_of(&mut self, key: &str, item: Item<'d>) -> Option<&'d [Spanned<DeValue<'d>>]> {
        match item.get_ref() {
            DeValue::Array(items) if !items.is_empty() => Some(items.as_ref()),
            DeValue::Array(_) => {
                self.fault(&item.span(), format!("`{key}` is empty: an empty list would admit nobody"));
                None
            }
            _ => {
                self.fault(&item.span(), format!("`{key}` has to be a list"));
                None
            }
        }
    }

    /// Reports the members that nobody took.
    pub(super) fn finish(&mut self, table: &Table<'d>) {
        for key in table.entries.keys().filter(|key| !table.known.contains(&&**key.get_ref())) {
            let known = table.known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            let message = format!("{} has no key `{}`; it has {known}", table.name, key.get_ref());
            self.fault(&key.span(), message);
        }
    }
}

impl<'d> Table<'d> {
    /// The file's outermost table.
    pub(super) fn root(entries: &'d DeTable<'d>) -> Self {
        Self { name: "the file", span: 0..0, entries, known: Vec::with_capacity(MOST_KEYS) }
    }

    /// The member of that name, which is known from here on.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Item<'d>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.entries.get(key)
    }

    /// Every member, for tables whose names are the user's.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Located<&'d str>, Item<'d>)> {
        self.entries.iter().map(|(key, item)| (Located { value: &**key.get_ref(), span: key.span() }, item))
    }
}

/// Puts in each `${env:NAME}`; other variables stay for those who know them. The error is the name that is not set.
fn substitute(text: &str, environment: Environment<'_>) -> Result<String, String> {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${env:") {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        whole.push_str(before);
        whole.push_str(&environment(name).ok_or_else(|| name.to_owned())?);
        rest = after;
    }
    whole.push_str(rest);
    Ok(whole)
}
