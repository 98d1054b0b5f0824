//! `release.toml`: the release that a user's folder takes its functions from, next to `authorizer.toml`.

use std::io;
use std::path::Path;

use iot_local_base::files;
use iot_local_inspect::suggest;
use toml_edit::{Document, Item};

use super::ReleaseError;
use super::place::Place;
use super::version::Version;
use crate::lines::line_number;

/// The name of the file.
pub(crate) const FILE_NAME: &str = "release.toml";

/// The members. Both are required.
const MEMBERS: [&str; 2] = ["version", "from"];

/// A release, and where releases are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReleaseSettings {
    /// The version.
    pub(crate) version: Version,
    /// An https address or a folder, in which `{version}` stands for the version.
    pub(crate) from: String,
}

impl ReleaseSettings {
    /// Reads the file next to a configuration. Returns `None` if the file does not exist.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or has a missing, an unknown or an invalid member.
    pub(crate) fn beside(config: &Path) -> Result<Option<Self>, ReleaseError> {
        let path = config.with_file_name(FILE_NAME);
        let located = |error: String| format!("{}{error}", path.display());
        match std::fs::read_to_string(&path) {
            Ok(text) => match Self::parse(&text) {
                Ok(settings) => Ok(Some(settings)),
                Err(errors) => Err(ReleaseError::Settings(errors.into_iter().map(located).collect())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(ReleaseError::Settings(vec![located(format!(": {}", files::io_error(&error)))]))
            }
        }
    }

    /// Returns the text of the file.
    pub(crate) fn to_toml(&self) -> String {
        let string = |text: &str| toml_edit::Value::from(text).to_string();
        format!(
            "# The release of iot-jwt-authorizer whose functions `package`, `serve` and `invoke` take. To upgrade, change\n\
             # the version, and read CHANGELOG.md of iot-jwt-authorizer first.\n\
             version = {}\n\
             from    = {}\n",
            string(&self.version.to_string()),
            string(&self.from)
        )
    }

    fn parse(text: &str) -> Result<Self, Vec<String>> {
        let line = |span| line_number(text, span);
        let document = Document::parse(text)
            .map_err(|error| vec![format!(":{}: {}", line(error.span()), error.message())])?;
        let (mut version, mut from, mut errors) = (None, None, Vec::new());
        for (key, item) in document.iter() {
            let number = line(document.key(key).and_then(toml_edit::Key::span));
            if !MEMBERS.contains(&key) {
                errors.push(format!(":{number}: {}", unknown(key)));
                continue;
            }
            let Some(value) = item.as_str() else {
                let found = Item::type_name(item);
                errors.push(format!(":{number}: {key} is of type {found}; expected a string"));
                continue;
            };
            if key == "from" {
                from = Some((number, value));
                continue;
            }
            version = Version::parse(value);
            if version.is_none() {
                errors.push(format!(":{number}: invalid version {value:?}; expected {}", Version::FORM));
            }
        }
        let is_missing = |name: &&&str| !document.contains_key(name);
        errors.extend(MEMBERS.iter().filter(is_missing).map(|name| format!(": missing {name}")));
        if let (Some(version), Some((number, from))) = (&version, from)
            && let Err(what) = Place::parse(from, version, Path::new(""))
        {
            errors.push(format!(":{number}: from: {what}"));
        }
        match (version, from) {
            (Some(version), Some((_, from))) if errors.is_empty() => {
                Ok(Self { version, from: from.to_owned() })
            }
            _ => Err(errors),
        }
    }
}

fn unknown(key: &str) -> String {
    let similar = suggest::similar(key, MEMBERS).map(|name| format!("\n  help: did you mean {name:?}?"));
    format!("unknown member {key:?}; expected version or from{}", similar.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_errors_are_reported_with_their_lines() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("authorizer.toml");
        assert_eq!(ReleaseSettings::beside(&config).unwrap(), None);
        const FROM: &str = "from = \"https://host/v{version}\"";
        for (text, expected) in [
            (format!("version = \"0.2.0\"\n{FROM}"), &[][..]),
            (format!("# a comment\n{FROM}\nversion = '1.0.0-rc.1'\n"), &[]),
            (String::new(), &["release.toml: missing version", "release.toml: missing from"]),
            ("version = \"0.2.0\"".to_owned(), &["release.toml: missing from"]),
            (
                format!("version = 2\n{FROM}"),
                &["release.toml:1: version is of type integer; expected a string"],
            ),
            (
                format!("version = \"v0.2.0\"\n{FROM}"),
                &["release.toml:1: invalid version \"v0.2.0\"; expected a version such as 0.2.0"],
            ),
            (format!("version = \"../0.2.0\"\n{FROM}"), &["release.toml:1: invalid version"]),
            (
                "version = \"0.2.0\"\nfrom = \"http://host\"".to_owned(),
                &["release.toml:2: from: invalid address; expected https"],
            ),
            ("version = \"0.2.0\"\nfrom = \"\"".to_owned(), &["release.toml:2: from: empty"]),
            (
                "version = \"0.2.0\"\nfrom = \"a/{tag}\"".to_owned(),
                &["release.toml:2: from: unknown placeholder"],
            ),
            (
                format!("versoin = \"0.2.0\"\n{FROM}"),
                &[
                    "release.toml:1: unknown member \"versoin\"; expected version or from\n  help: did you mean \"version\"?",
                    "release.toml: missing version",
                ],
            ),
            (
                format!("version = \"0.2.0\"\n{FROM}\n[mirror]\n"),
                &["release.toml:3: unknown member \"mirror\""],
            ),
            (format!("version = \"0.2.0\"\nversion = \"0.3.0\"\n{FROM}"), &["release.toml:2: duplicate key"]),
            ("version".to_owned(), &["release.toml:1: "]),
        ] {
            std::fs::write(folder.path().join(FILE_NAME), &text).unwrap();
            let errors = match ReleaseSettings::beside(&config) {
                Ok(settings) => {
                    assert_eq!(settings.unwrap().from, "https://host/v{version}");
                    Vec::new()
                }
                Err(ReleaseError::Settings(errors)) => errors,
                Err(error) => panic!("{error}"),
            };
            assert_eq!(errors.len(), expected.len(), "{text}: {errors:?}");
            for (error, expected) in errors.iter().zip(expected) {
                assert!(error.contains(expected), "{text}: {error}");
            }
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for from in ["https://host/v{version}", "a \"quoted\"\\folder", "/mirror/é"] {
            let settings =
                ReleaseSettings { version: Version::parse("0.2.0").unwrap(), from: from.to_owned() };
            assert_eq!(ReleaseSettings::parse(&settings.to_toml()), Ok(settings));
        }
    }
}
