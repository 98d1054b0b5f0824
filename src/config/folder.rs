//! The deployment's folder: the policies and keys next to `authorizer.toml`.

use std::path::{Path, PathBuf};

use crate::config_error::ConfigError;
use crate::keys::{KeyFile, KeyFileError};

/// The deployment's folder, with the errors and warnings of the files in it.
pub(super) struct Folder {
    root: PathBuf,
    /// The files that were read, by the names that the configuration uses.
    pub(super) read: Vec<String>,
    pub(super) errors: Vec<ConfigError>,
    pub(super) warnings: Vec<ConfigError>,
}

impl Folder {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), read: Vec::new(), errors: Vec::new(), warnings: Vec::new() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Why it cannot be read, as `no such file`.
    pub(super) fn read(&mut self, name: &str) -> Result<String, String> {
        self.read.push(name.to_owned());
        std::fs::read_to_string(self.root.join(name)).map_err(|error| io_error(&error))
    }

    /// The names of the policies in the folder, sorted.
    pub(super) fn policies(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.root.join("policies")).into_iter().flatten().flatten();
        let policy = |entry: std::fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            name.strip_suffix(".json").filter(|name| !name.ends_with(".cases")).map(str::to_owned)
        };
        let mut names: Vec<String> = entries.filter_map(policy).collect();
        names.sort();
        names
    }

    /// Reports private keys in `keys/`, also in files that the configuration does not use: the whole folder may be
    /// shipped.
    pub(super) fn deny_private_keys(&mut self) {
        let Ok(entries) = std::fs::read_dir(self.root.join("keys")) else { return };
        let name = |entry: std::fs::DirEntry| format!("keys/{}", entry.file_name().to_string_lossy());
        let mut unread: Vec<String> =
            entries.flatten().map(name).filter(|name| !self.read.contains(name)).collect();
        unread.sort();
        for name in unread {
            let Ok(text) = std::fs::read_to_string(self.root.join(&name)) else { continue };
            if let Err(KeyFileError::Private) = KeyFile::parse(&text) {
                self.errors.push(key_file_error(&name, KeyFileError::Private));
            }
        }
    }
}

/// Why a file cannot be read, without its name.
pub(super) fn io_error(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        kind => kind.to_string(),
    }
}

/// The configuration error of an unreadable key file.
pub(super) fn key_file_error(file: &str, error: KeyFileError) -> ConfigError {
    ConfigError { hint: error.hint().map(str::to_owned), ..ConfigError::of_file(file, error.to_string()) }
}
