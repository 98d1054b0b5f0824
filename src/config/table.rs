//! A tree of values that know their position, and tables whose keys have a schema.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config_schema::{Property, TableSchema};

/// A value of the file.
pub(super) type Item<'d> = &'d Spanned<DeValue<'d>>;

/// A value, and its bytes in the file.
#[derive(Clone)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// A table whose members are read by its schema.
pub(super) struct Table<'d> {
    /// The name for messages, as `[[issuer]]`.
    pub(super) name: &'static str,
    pub(super) span: Range<usize>,
    /// `None` for a table that is absent, whose keys have their defaults.
    pub(super) entries: Option<&'d DeTable<'d>>,
    /// The known keys; empty for a table whose keys are the user's own names.
    pub(super) properties: &'static [&'static Property],
}

impl<'d> Table<'d> {
    /// The file's outermost table.
    pub(super) fn root(schema: &TableSchema, entries: &'d DeTable<'d>) -> Self {
        Self { name: schema.name, span: 0..0, entries: Some(entries), properties: schema.properties }
    }

    /// A table without keys, whose keys have their defaults.
    pub(super) fn empty() -> Self {
        Self { name: "", span: 0..0, entries: None, properties: &[] }
    }

    /// The value of a key.
    pub(super) fn get(&self, property: &Property) -> Option<Item<'d>> {
        self.entries?.get(property.name)
    }

    /// The default of a key that is absent, as if the table had it.
    pub(super) fn defaults(&self, property: &Property) -> Option<Vec<Located<String>>> {
        let texts = property.default.texts();
        let located = |text: &&str| Located { value: (*text).to_owned(), span: self.span.clone() };
        (!texts.is_empty()).then(|| texts.iter().map(located).collect())
    }

    /// Every member, for tables whose keys are the user's own names.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Located<&'d str>, Item<'d>)> {
        let entries = self.entries.iter().flat_map(|entries| entries.iter());
        entries.map(|(key, item)| (Located { value: &**key.get_ref(), span: key.span() }, item))
    }
}
