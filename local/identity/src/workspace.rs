//! Prepares a user's configuration to run on this machine.
//!
//! The configuration is copied to a state folder next to it. In the copy, the issuers' keys are replaced by development
//! keys, so that tokens can be minted here. A revocation list that is a file stays the user's. Nothing else changes:
//! errors in the configuration stay, for the authorizer to report.

mod adapt;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use iot_local_base::env::Env;
use iot_local_base::files;
use iot_local_base::names::is_name;
use thiserror::Error;

use crate::deployment::STATE;
use crate::deployment::document::ConfigDocument;
use crate::example_users::ExampleConfig;
use crate::issuer::{DevelopmentIssuer, KeyError};

/// The folders next to the configuration that belong to it.
const FOLDERS: [&str; 2] = ["policies", "keys"];

/// A prepared configuration.
#[derive(Debug)]
pub struct Workspace {
    /// The absolute path of the state folder, which is the function's package.
    pub root: PathBuf,
    /// The copy of the configuration in the state folder.
    pub config: PathBuf,
    /// The absolute path of the user's file. Errors in `keys` are only found there, since the copy has other keys.
    pub original: PathBuf,
    /// The issuers that tokens can be minted for. Issuers with invalid settings are skipped.
    pub issuers: Vec<DevelopmentIssuer>,
}

impl Workspace {
    /// Reads what example users are derived from. Files that cannot be read are taken as empty, since the authorizer
    /// reports them.
    #[must_use]
    pub fn example_config(&self, env: &Env) -> ExampleConfig {
        let config = std::fs::read_to_string(&self.config).unwrap_or_default();
        let document = ConfigDocument::parse(&config).unwrap_or_default();
        let names =
            document.tables("grant").into_iter().filter_map(|grant| grant.expanded_string("policy", env));
        let policies = names.filter(|name| is_name(name, "-_.", 1..=usize::MAX)).map(|name| {
            let file = self.root.join("policies").join(format!("{name}.json"));
            (name, std::fs::read_to_string(file).unwrap_or_default())
        });
        ExampleConfig { policies: policies.collect(), env: env.clone(), config }
    }
}

/// An error while a configuration is prepared.
#[derive(Debug, Error)]
pub enum PrepareError {
    /// The configuration cannot be read.
    #[error(
        "{}: {}{}", .path.display(), files::io_error(.error),
        if .path == Path::new("authorizer.toml") { "\n  help: name the configuration with --config, or run the command in its folder" } else { "" }
    )]
    Config {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// A file of the state folder, or one that is copied to it, cannot be read or written.
    #[error("{}: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// A development key cannot be read or made.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Prepares a configuration. This is safe at any time, even while a function runs on the result of an earlier call:
/// files are replaced as a whole, existing keys are kept, and processes that prepare one folder wait for each other.
///
/// # Errors
/// A file cannot be read or written. Errors in the configuration are not reported.
pub fn prepare(config: &Path, env: &Env) -> Result<Workspace, PrepareError> {
    let missing = |error| PrepareError::Config { path: config.to_owned(), error };
    let original = std::path::absolute(config).map_err(missing)?;
    let content = std::fs::read(&original).map_err(missing)?;
    let folder = original.parent().unwrap_or(Path::new("/"));
    let name = original.file_name().unwrap_or_default();

    let root = folder.join(STATE);
    make_root(&root)?;
    let _lock = lock(&root)?;
    let (content, settings) = adapt::adapt(content, folder, env);
    let issuers =
        settings.into_iter().map(|settings| DevelopmentIssuer::open(settings, &root.join("private")));
    let issuers = issuers.collect::<Result<Vec<_>, _>>()?;
    let mut key_files = Vec::new();
    for issuer in &issuers {
        let path = root.join(adapt::key_file(&issuer.settings().id));
        let set = format!("{:#}\n", issuer.key_set());
        files::replace(&path, set.as_bytes())
            .map_err(|error| PrepareError::File { path: path.clone(), error })?;
        key_files.push(path);
    }
    for name in FOLDERS {
        let (from, to) = (folder.join(name), root.join(name));
        files::mirror(&from, &to, &key_files).map_err(|(path, error)| PrepareError::File { path, error })?;
    }
    let copy = root.join(name);
    files::replace(&copy, &content).map_err(|error| PrepareError::File { path: copy.clone(), error })?;
    Ok(Workspace { root, config: copy, original, issuers })
}

/// Creates the state folder of a configuration that keeps its keys or belongs to another authorizer. It has no issuers.
///
/// # Errors
/// A file cannot be written.
pub fn bare(config: &Path) -> Result<Workspace, PrepareError> {
    let missing = |error| PrepareError::Config { path: config.to_owned(), error };
    let original = std::path::absolute(config).map_err(missing)?;
    let root = original.parent().unwrap_or(Path::new("/")).join(STATE);
    make_root(&root)?;
    let config = root.join(original.file_name().unwrap_or_default());
    Ok(Workspace { root, config, original, issuers: Vec::new() })
}

/// Creates the state folder, private to its owner and ignored by Git.
fn make_root(root: &Path) -> Result<(), PrepareError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| PrepareError::File { path, error }
    };
    for folder in [root.to_owned(), root.join("private"), root.join("keys"), root.join("policies")] {
        files::private_folder(&folder).map_err(failed(&folder))?;
    }
    let ignore = root.join(".gitignore");
    files::replace(&ignore, b"*\n").map_err(failed(&ignore))
}

/// Waits for other processes that prepare the state folder, and keeps them out until the file is dropped.
///
/// # Errors
/// The lock file cannot be created or locked.
pub fn lock(root: &Path) -> Result<File, PrepareError> {
    let path = root.join("lock");
    files::lock(&path).map_err(|error| PrepareError::File { path, error })
}

#[cfg(test)]
mod tests;
