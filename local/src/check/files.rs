//! The files of a configuration as texts, and where in them something stands.

mod member;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml_edit::{Document, Item, TableLike};

/// The configuration and the files beside it.
#[derive(Debug)]
pub struct Files {
    config: String,
    texts: BTreeMap<String, String>,
    document: Option<Document<String>>,
}

/// An entry of `[check.allow]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `LINT FILE`
    pub key: String,
    /// Why it is accepted.
    pub reason: String,
    /// Where it stands.
    pub span: Option<Range<usize>>,
}

impl Files {
    /// Reads the configuration, its policies and its keys. What cannot be read is left out: the authorizer says so.
    #[must_use]
    pub fn read(config: &Path) -> Self {
        let folder = config.parent().unwrap_or(Path::new("."));
        let name = config.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut texts = BTreeMap::new();
        if let Ok(text) = std::fs::read_to_string(config) {
            texts.insert(name.clone(), text);
        }
        for part in ["policies", "keys"] {
            for entry in std::fs::read_dir(folder.join(part)).into_iter().flatten().flatten() {
                if let Ok(text) = std::fs::read_to_string(entry.path()) {
                    texts.insert(format!("{part}/{}", entry.file_name().to_string_lossy()), text);
                }
            }
        }
        let document = texts.get(&name).and_then(|text| Document::parse(text.clone()).ok());
        Self { config: name, texts, document }
    }

    /// The configuration's own name.
    #[must_use]
    pub fn config(&self) -> &str {
        &self.config
    }

    /// A file's text.
    #[must_use]
    pub fn text(&self, file: &str) -> Option<&str> {
        self.texts.get(file).map(String::as_str)
    }

    /// The line of a byte, from one.
    #[must_use]
    pub fn line(&self, file: &str, span: &Range<usize>) -> Option<usize> {
        let before = self.text(file)?.bytes().take(span.start);
        Some(before.filter(|byte| *byte == b'\n').count().saturating_add(1))
    }

    /// A line without its indent, counted from one; `None` if there is nothing on it.
    #[must_use]
    pub fn whole_line(&self, file: &str, line: usize) -> Option<Range<usize>> {
        let mut lines = self.text(file)?.split_inclusive('\n');
        let before: usize = lines.by_ref().take(line.checked_sub(1)?).map(str::len).sum();
        let text = lines.next()?;
        let indent = text.len().checked_sub(text.trim_start().len())?;
        let start = before.checked_add(indent)?;
        let end = before.checked_add(text.trim_end().len())?;
        (start < end).then_some(start..end)
    }

    /// The place that a message about a JSON file names: `Statement[0].Effect`, `key 2`, `line 3 column 4`.
    #[must_use]
    pub fn place(&self, file: &str, message: &str) -> Option<Range<usize>> {
        let text = self.text(file).filter(|_| file != self.config)?;
        member::named(text, message)
    }

    /// A member of a policy, as `Statement[0].Resource[1]`.
    #[must_use]
    pub fn member(&self, file: &str, path: &str) -> Option<Range<usize>> {
        member::find(self.text(file)?, path)
    }

    /// The value of `key` in the entry of that place of an array of tables; without the key the entry's head.
    #[must_use]
    pub fn entry(&self, table: &str, at: usize, key: &str) -> Option<Range<usize>> {
        let entry = self.document.as_ref()?.get(table)?.as_array_of_tables()?.get(at)?;
        entry.get(key).and_then(Item::span).or_else(|| entry.span())
    }

    /// A slot of `[claims]`, name and value.
    #[must_use]
    pub fn slot(&self, name: &str) -> Option<Range<usize>> {
        let (key, item) = self.document.as_ref()?.get("claims")?.as_table_like()?.get_key_value(name)?;
        Some(key.span()?.start..item.span()?.end)
    }

    /// What `[check.allow]` accepts.
    #[must_use]
    pub fn allowed(&self) -> Vec<Entry> {
        let allow = self
            .document
            .as_ref()
            .and_then(|document| document.get("check")?.as_table_like()?.get("allow")?.as_table_like());
        let Some(allow) = allow else { return Vec::new() };
        let entry = |(key, item): (&str, &Item)| Entry {
            key: key.to_owned(),
            reason: item.as_str().unwrap_or_default().to_owned(),
            span: TableLike::get_key_value(allow, key).and_then(|(key, _)| key.span()),
        };
        allow.iter().map(entry).collect()
    }
}
