//! The deployment's folder: the policies and keys next to `authorizer.toml`.

use std::path::{Path, PathBuf};

use super::hash::FilesHasher;
use crate::config_error::ConfigError;
use crate::keys::{KeyFileError, private_key, without_mark};
use crate::revocation::ListOrigin;

/// Largest file that is searched for private keys, in bytes. A start must not read a large file for nothing.
const MAX_BYTES: u64 = 1024 * 1024;

/// How deep subfolders are searched for private keys.
const MAX_DEPTH: usize = 4;

/// The deployment's folder, with the errors and warnings of the files in it.
pub(super) struct Folder {
    root: PathBuf,
    /// The files that were read, and the revocation list, by the names that the configuration uses.
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

    /// The folder.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Names a revocation list that is a file of the folder, so that it is packaged. It is not part of the hash, since
    /// it may change while the function runs.
    pub(super) fn name_list(&mut self, origin: &ListOrigin) {
        if let ListOrigin::File { name, .. } = origin
            && Path::new(&**name).is_relative()
        {
            self.read.push(name.to_string());
        }
    }

    /// Reads a file. A private key in it is an error.
    ///
    /// # Errors
    /// Why it cannot be read, as `no such file`.
    pub(super) fn read(&mut self, name: &str) -> Result<String, String> {
        let text = self.read_key_file(name)?;
        self.deny_private_key(name, &text);
        Ok(text)
    }

    /// Reads a key file, whose parser finds private keys.
    ///
    /// # Errors
    /// As [`Folder::read`].
    pub(super) fn read_key_file(&mut self, name: &str) -> Result<String, String> {
        self.read.push(name.to_owned());
        let mut text = std::fs::read_to_string(self.root.join(name)).map_err(|error| io_error(&error))?;
        self.hasher.add(name, &text);
        text.drain(..text.len().saturating_sub(without_mark(&text).len()));
        Ok(text)
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

    /// Reports a private key in a file that was read.
    pub(super) fn deny_private_key(&mut self, name: &str, text: &str) {
        if private_key::is_in(text) {
            self.errors.push(key_file_error(name, &KeyFileError::Private));
        }
    }

    /// Reports private keys in the files of `keys/` and `policies/` that were not read: whole folders may be shipped.
    pub(super) fn deny_unread_private_keys(&mut self) {
        let mut names = Vec::new();
        for folder in ["keys", "policies"] {
            self.list(folder, MAX_DEPTH, &mut names);
        }
        names.retain(|name| !self.read.contains(name));
        names.sort();
        for name in names {
            let path = self.root.join(&name);
            if std::fs::metadata(&path).is_ok_and(|file| file.len() > MAX_BYTES) {
                continue;
            }
            let Ok(bytes) = std::fs::read(path) else { continue };
            if private_key::is_in_bytes(&bytes) {
                self.errors.push(key_file_error(&name, &KeyFileError::Private));
            }
        }
    }

    /// Adds the files of a folder and its subfolders.
    fn list(&self, folder: &str, depth: usize, names: &mut Vec<String>) {
        let Ok(entries) = std::fs::read_dir(self.root.join(folder)) else { return };
        for entry in entries.flatten() {
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth > 0 => self.list(&name, depth.saturating_sub(1), names),
                _ => names.push(name),
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
pub(super) fn key_file_error(file: &str, error: &KeyFileError) -> ConfigError {
    ConfigError { hint: error.hint().map(str::to_owned), ..ConfigError::of_file(file, error.to_string()) }
}
