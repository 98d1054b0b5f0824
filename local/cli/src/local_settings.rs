//! `local.toml`: optional settings of `cargo local` alone, next to `authorizer.toml`.

mod pool;

use std::path::Path;

use iot_local_base::files;
use toml_edit::{Document, Item};

use crate::lines::line_number;

pub(crate) use self::pool::PoolSettings;

/// The name of the file.
pub(crate) const FILE_NAME: &str = "local.toml";

/// The UUID of the identity pool without `id`. Its Region is the registry's.
pub(crate) const DEFAULT_POOL_UUID: &str = "00000000-0000-4000-8000-000000000001";

/// The settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LocalSettings {
    /// The Region of the registry.
    pub(crate) region: Option<String>,
    /// The account of the registry.
    pub(crate) account: Option<String>,
    /// The identity pool.
    pub(crate) identity_pool: PoolSettings,
}

/// All errors of the file and of the roles that it names, one in a line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub(crate) struct LocalSettingsError(pub(crate) Vec<String>);

impl LocalSettings {
    /// Reads the file next to a configuration. Without the file, no setting is set.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or has an unknown or invalid member.
    pub(crate) fn beside(config: &Path) -> Result<Self, LocalSettingsError> {
        let path = config.with_file_name(FILE_NAME);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map_err(|errors| {
                let located = errors.into_iter().map(|error| format!("{}{error}", path.display()));
                LocalSettingsError(located.collect())
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => {
                Err(LocalSettingsError(vec![format!("{}: {}", path.display(), files::io_error(&error))]))
            }
        }
    }

    fn parse(text: &str) -> Result<Self, Vec<String>> {
        let line = |span: Option<std::ops::Range<usize>>| line_number(text, span);
        let document = Document::parse(text)
            .map_err(|error| vec![format!(":{}: {}", line(error.span()), error.message())])?;
        let mut settings = Self::default();
        let mut errors = Vec::new();
        for (key, item) in document.iter() {
            let span = document.key(key).and_then(toml_edit::Key::span);
            let slot = match key {
                "region" => &mut settings.region,
                "account" => &mut settings.account,
                "identity_pool" => {
                    settings.identity_pool = PoolSettings::parse(item, &line, &mut errors);
                    continue;
                }
                _ => {
                    errors.push(format!(
                        ":{}: unknown member \"{key}\"; expected region, account or identity_pool",
                        line(span)
                    ));
                    continue;
                }
            };
            *slot = item.as_str().map(str::to_owned);
            if slot.is_none() {
                let found = Item::type_name(item);
                errors.push(format!(":{}: {key} is of type {found}; expected a string", line(span)));
            }
        }
        if errors.is_empty() { Ok(settings) } else { Err(errors) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_errors_are_reported_with_their_lines() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("authorizer.toml");
        assert_eq!(LocalSettings::beside(&config), Ok(LocalSettings::default()));
        for (text, expected) in [
            ("", Ok((None, None))),
            ("# nothing\n", Ok((None, None))),
            ("region = \"eu-west-1\"\n", Ok((Some("eu-west-1"), None))),
            (
                "account = \"111122223333\"\nregion = 'eu-west-1'",
                Ok((Some("eu-west-1"), Some("111122223333"))),
            ),
            ("region = 1", Err(vec!["local.toml:1: region is of type integer; expected a string"])),
            (
                "\naccount = 123456789012\n[region]\n",
                Err(vec![
                    "local.toml:2: account is of type integer; expected a string",
                    "local.toml:3: region is of type table; expected a string",
                ]),
            ),
            (
                "Region = \"a\"\n\nprofile = \"b\"",
                Err(vec![
                    "local.toml:1: unknown member \"Region\"; expected region, account or identity_pool",
                    "local.toml:3: unknown member \"profile\"; expected region, account or identity_pool",
                ]),
            ),
            ("[identity_pool]\nid = \"x\"", Err(vec!["local.toml:2: invalid id"])),
            ("region = \"a\"\nregion = \"b\"", Err(vec!["local.toml:2: duplicate key"])),
            ("region", Err(vec!["local.toml:1: "])),
        ] {
            std::fs::write(folder.path().join(FILE_NAME), text).unwrap();
            match (LocalSettings::beside(&config), expected) {
                (Ok(settings), Ok((region, account))) => {
                    let found = (settings.region.as_deref(), settings.account.as_deref());
                    assert_eq!(found, (region, account), "{text}");
                }
                (Err(LocalSettingsError(errors)), Err(expected)) => {
                    assert_eq!(errors.len(), expected.len(), "{errors:?}");
                    for (error, part) in errors.iter().zip(expected) {
                        assert!(error.contains(part), "{text}: {error}");
                    }
                }
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }
}
