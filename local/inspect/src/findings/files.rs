//! The texts of a configuration's files, and where in them something is.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use iot_jwt_authorizer::config_error::{ConfigError, ErrorPlace};
use iot_local_identity::deployment::document::{ConfigDocument, Field};

use crate::member;

/// The authorizer's configuration, which shares the folder `policies/`.
const AUTHORIZER: &str = "authorizer.toml";

/// The configuration, and the policies and keys next to it.
pub struct Files {
    /// As the user named it.
    folder: PathBuf,
    config: String,
    texts: BTreeMap<String, String>,
    document: ConfigDocument,
}

/// An entry of `[check.allow]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowEntry {
    /// `LINT FILE`
    pub key: String,
    /// Why it is accepted.
    pub reason: String,
    /// Where the key is.
    pub place: ErrorPlace,
}

impl Files {
    /// Reads the configuration, its policies and its keys. Unreadable files are skipped: the authorizer reports them.
    #[must_use]
    pub fn read(config: &Path) -> Self {
        Self::read_with(config, &[], &["policies", "keys"])
    }

    /// Reads the configuration of the provisioning functions, and the policies, templates and rules next to it. Not the
    /// lists that it names, which may have secrets.
    #[must_use]
    pub fn of_provision(config: &Path) -> Self {
        Self::read_with(config, &["template.yaml", AUTHORIZER], &["policies", "templates", "rules"])
    }

    /// The policies that the grants of an `authorizer.toml` next to the configuration name.
    pub(crate) fn authorizer_policies(&self) -> Vec<String> {
        let document = self.texts.get(AUTHORIZER).and_then(|text| ConfigDocument::parse(text));
        let grants = document.as_ref().map(|document| document.tables("grant")).unwrap_or_default();
        let names = grants.iter().filter_map(|grant| grant.field("policy")?.string().map(str::to_owned));
        names.collect()
    }

    fn read_with(config: &Path, others: &[&str], folders: &[&str]) -> Self {
        let folder = config.parent().unwrap_or(Path::new("."));
        let name = config.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut texts = BTreeMap::new();
        for file in others.iter().copied().chain([&*name]) {
            if let Ok(text) = std::fs::read_to_string(folder.join(file)) {
                texts.insert(file.to_owned(), text);
            }
        }
        for part in folders {
            for entry in std::fs::read_dir(folder.join(part)).into_iter().flatten().flatten() {
                if let Ok(text) = std::fs::read_to_string(entry.path()) {
                    texts.insert(format!("{part}/{}", entry.file_name().to_string_lossy()), text);
                }
            }
        }
        let document = texts.get(&name).and_then(|text| ConfigDocument::parse(text)).unwrap_or_default();
        Self { folder: folder_of(config), config: name, texts, document }
    }

    /// The name of the configuration's file.
    #[must_use]
    pub fn config(&self) -> &str {
        &self.config
    }

    /// A file's name as the user would write it: relative to the working directory if the configuration was named so.
    #[must_use]
    pub fn shown(&self, file: &str) -> String {
        self.folder.join(file).display().to_string()
    }

    /// A file's text.
    #[must_use]
    pub fn text(&self, file: &str) -> Option<&str> {
        self.texts.get(file).map(String::as_str)
    }

    /// The files of a folder, by their names relative to the configuration's folder, with their texts.
    pub(crate) fn in_folder(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        let is_inside = move |file: &str| file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        let texts = self.texts.iter().map(|(file, text)| (file.as_str(), text.as_str()));
        texts.filter(move |(file, _)| is_inside(file))
    }

    /// Whether a file is one of `keys/`.
    pub(crate) fn is_key_file(file: &str) -> bool {
        file.starts_with("keys/")
    }

    /// The line of a byte, counted from one.
    #[must_use]
    pub fn line(&self, file: &str, span: &Range<usize>) -> Option<usize> {
        Some(member::line_of(self.text(file)?, span.start))
    }

    /// The bytes that an error is about; `None` if it is about the file as a whole.
    #[must_use]
    pub fn span(&self, error: &ConfigError) -> Option<Range<usize>> {
        let text = self.text(&error.file)?;
        let span = match &error.place {
            ErrorPlace::File => None,
            ErrorPlace::Line { span: Some(span), .. } => Some(span.clone()),
            // What the configuration lacks is reported for its first line.
            ErrorPlace::Line { line: 1, .. } if error.file == self.config => None,
            ErrorPlace::Line { line, .. } if error.file == self.config => member::whole_line(text, *line),
            ErrorPlace::Line { line, .. } => {
                member::syntax_error(text).or_else(|| member::whole_line(text, *line))
            }
            ErrorPlace::Member(path) => member::find(text, path),
            ErrorPlace::Entry("case", number) => {
                member::find(text, &format!("cases[{}]", number.checked_sub(1)?))
            }
            ErrorPlace::Entry(_, index) => member::find(text, &format!("keys[{index}]")),
        };
        span.filter(|span| text.get(span.clone()).is_some())
    }

    /// The place of `key` in the entry at `index` of an array of tables; without the key the entry's head.
    pub(crate) fn entry(&self, table: &str, index: usize, key: &str) -> ErrorPlace {
        let tables = self.document.tables(table);
        let entry = tables.get(index);
        let span = entry.and_then(|entry| entry.field(key).and_then(Field::span).or_else(|| entry.span()));
        self.place(span)
    }

    /// The place of a slot of `[claims]`, name and value.
    pub(crate) fn slot(&self, name: &str) -> ErrorPlace {
        let claims = self.document.field("claims").and_then(Field::table);
        self.place(
            claims.and_then(|claims| Some(claims.key_span(name)?.start..claims.field(name)?.span()?.end)),
        )
    }

    /// The place of `source` of `[revocation]`.
    pub(crate) fn revocation_source(&self) -> ErrorPlace {
        let table = self.document.field("revocation").and_then(Field::table);
        self.place(table.and_then(|table| table.field("source")?.span()))
    }

    /// The entries of `[check.allow]`.
    #[must_use]
    pub fn allowed(&self) -> Vec<AllowEntry> {
        let check = self.document.field("check").and_then(Field::table);
        let Some(allow) = check.and_then(|check| check.table("allow")) else { return Vec::new() };
        let entry = |(key, reason): (&str, Field<'_>)| AllowEntry {
            key: key.to_owned(),
            reason: reason.string().unwrap_or_default().to_owned(),
            place: self.place(allow.key_span(key)),
        };
        allow.fields().map(entry).collect()
    }

    /// The place of bytes of the configuration.
    fn place(&self, span: Option<Range<usize>>) -> ErrorPlace {
        let line = span.as_ref().and_then(|span| self.line(&self.config, span));
        line.map_or(ErrorPlace::File, |line| ErrorPlace::Line { line, span })
    }
}

/// The folder of the configuration, empty if the user named none.
fn folder_of(config: &Path) -> PathBuf {
    config.parent().map(Path::to_owned).unwrap_or_default()
}

/// Without the texts: a key file may hold a private key that does not belong there.
impl fmt::Debug for Files {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.texts.keys().collect();
        out.debug_struct("Files").field("config", &self.config).field("names", &names).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    const CONFIG: &str = "a = 1\n  b = 2\n";
    const POLICY: &str = r#"{"Version":"x","Statement":[{"Action":["b"]}]}"#;

    fn files() -> Files {
        let texts = [
            ("authorizer.toml", CONFIG),
            ("policies/a.json", POLICY),
            ("policies/broken.json", "{V}"),
            ("policies/short.json", "{"),
            ("policies/a.cases.json", r#"{"cases":[1,2]}"#),
            ("keys/a.json", r#"{"keys":[1,2]}"#),
        ];
        Files {
            folder: PathBuf::from("app"),
            config: "authorizer.toml".to_owned(),
            texts: texts.map(|(name, text)| (name.to_owned(), text.to_owned())).into(),
            document: ConfigDocument::parse(CONFIG).unwrap(),
        }
    }

    #[test]
    fn every_kind_of_place_has_its_bytes() {
        let line = |line, span| ErrorPlace::Line { line, span };
        let member = |path: &str| ErrorPlace::Member(path.to_owned());
        for (file, place, expected) in [
            ("authorizer.toml", line(1, Some(4..5)), Some("1")),
            ("authorizer.toml", line(1, None), None),
            ("authorizer.toml", line(2, None), Some("b = 2")),
            ("authorizer.toml", line(3, None), None),
            ("authorizer.toml", line(1, Some(4..99)), None),
            ("authorizer.toml", ErrorPlace::File, None),
            ("policies/a.json", member("Version"), Some(r#""Version":"x""#)),
            ("policies/a.json", member("Statement[0].Action[0]"), Some(r#""b""#)),
            ("policies/a.json", member("Id"), None),
            ("policies/a.json", line(1, None), Some(POLICY)),
            ("policies/a.json", ErrorPlace::File, None),
            ("policies/broken.json", line(1, None), Some("V")),
            ("policies/short.json", line(1, None), Some("{")),
            ("policies/a.cases.json", ErrorPlace::Entry("case", 2), Some("2")),
            ("policies/a.cases.json", ErrorPlace::Entry("case", 0), None),
            ("keys/a.json", ErrorPlace::Entry("key", 1), Some("2")),
            ("keys/a.json", ErrorPlace::Entry("key", 2), Some(r#""keys":[1,2]"#)),
            ("keys/missing.json", ErrorPlace::Entry("key", 0), None),
        ] {
            let files = files();
            let found = files.span(&ConfigError::at(file, place.clone(), "x"));
            let text = files.text(file).unwrap_or_default();
            assert_eq!(found.map(|span| &text[span]), expected, "{file} {place:?}");
        }
    }

    #[test]
    fn files_are_named_as_the_user_names_the_configuration() {
        for (config, expected) in [
            ("authorizer.toml", "policies/a.json"),
            ("./authorizer.toml", "./policies/a.json"),
            ("app/other.toml", "app/policies/a.json"),
            ("/srv/app/authorizer.toml", "/srv/app/policies/a.json"),
        ] {
            assert_eq!(Files::read(Path::new(config)).shown("policies/a.json"), expected);
        }
    }

    #[test]
    fn debug_output_has_no_texts() {
        let text = format!("{:?}", files());
        assert!(text.contains("keys/a.json") && !text.contains("\"keys\":"), "{text}");
        assert!(!text.contains("Version"), "{text}");
    }
}
