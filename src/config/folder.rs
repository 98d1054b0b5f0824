//! The deployment's folder: the policies and keys next to `authorizer.toml`.

use std::path::{Path, PathBuf};

use super::hash::FilesHasher;
use crate::config_error::ConfigError;
use crate::keys::{KeyFile, KeyFileError};

/// The deployment's folder, with the errors and warnings of the files in it.
pub(super) struct Folder {
    root: PathBuf,
    /// The files that were read, by the names that the configuration uses.
    pub(super) read: Vec<String>,
    /// The hash of the configuration and of the files that were read.
    pub(super) hasher: FilesHasher,
    pub(super) errors: Vec<ConfigError>,
    pub(super) warnings: Vec<ConfigError>,
}

impl Folder {
    /// `config` is the text of the configuration.
    pub(super) fn new(root: &Path, config: &str) -> Self {
        let mut hasher = FilesHasher::new();
        // Whatever the file is called, it is packaged as `authorizer.toml`.
        hasher.add("authorizer.toml", config);
        Self { root: root.to_owned(), read: Vec::new(), hasher, errors: Vec::new(), warnings: Vec::new() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// The kind of the I/O error, as `entity not found`.
    pub(super) fn read(&mut self, name: &str) -> Result<String, std::io::ErrorKind> {
        self.read.push(name.to_owned());
        let text = std::fs::read_to_string(self.root.join(name)).map_err(|error| error.kind())?;
        self.hasher.add(name, &text);
        Ok(text)
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

/// The configuration error of an unreadable key file.
pub(super) fn key_file_error(file: &str, error: KeyFileError) -> ConfigError {
    ConfigError { hint: error.hint().map(str::to_owned), ..ConfigError::of_file(file, error.to_string()) }
}
