//! The user's own configuration, made ready to run on this machine.
//!
//! It is copied to a state folder beside it, and of the copy only the issuers' keys are changed: to development
//! keys, so that tokens can be minted for it here. Nothing else is touched, and above all no fault is mended or
//! hidden: what is wrong with a configuration is for the authorizer to say.

pub(crate) mod adapt;
pub(crate) mod files;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::issuer::{Issuer, KeyError};

/// The state folder's name.
pub const STATE: &str = ".iot-local";

/// What a user edits beside the configuration file.
const FOLDERS: [&str; 2] = ["policies", "keys"];

/// The variables of the environment, by name.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A configuration that can be run here.
#[derive(Debug)]
pub struct Workspace {
    /// The state folder, absolute: what the function takes for its package.
    pub root: PathBuf,
    /// The copy of the configuration in it.
    pub config: PathBuf,
    /// The user's own file, absolute. The copy cannot show what was wrong with the `keys` that it replaces.
    pub original: PathBuf,
    /// The issuers that tokens can be minted for. One whose entry is faulty is left out.
    pub issuers: Vec<Issuer>,
}

/// Why a configuration cannot be made ready.
#[derive(Debug, Error)]
pub enum PrepareError {
    /// There is no configuration to read.
    #[error("{}: {error}; name the configuration with --config", .path.display())]
    Config {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file of the state folder, or one that belongs into it.
    #[error("{}: {error}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A development key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Makes a configuration ready. It may be called again at any time, while the function runs on what an earlier
/// call made, too: files are replaced whole, and keys stay what they are.
///
/// # Errors
/// Files that cannot be read or written. A configuration with faults is no error.
pub fn prepare(config: &Path, environment: Environment<'_>) -> Result<Workspace, PrepareError> {
    let missing = |error| PrepareError::Config { path: config.to_owned(), error };
    let original = std::path::absolute(config).map_err(missing)?;
    let content = std::fs::read(&original).map_err(missing)?;
    let folder = original.parent().unwrap_or(Path::new("/"));
    let name = original.file_name().unwrap_or_default();

    let root = folder.join(STATE);
    make_root(&root)?;
    let (content, settings) = adapt::adapt(content, environment);
    let issuers = settings.into_iter().map(|settings| Issuer::open(settings, &root.join("private")));
    let issuers = issuers.collect::<Result<Vec<_>, _>>()?;
    let mut kept = Vec::new();
    for issuer in &issuers {
        let path = root.join(adapt::key_file(&issuer.settings().id));
        let set = format!("{:#}\n", issuer.key_set());
        files::replace(&path, set.as_bytes())
            .map_err(|error| PrepareError::File { path: path.clone(), error })?;
        kept.push(path);
    }
    for part in FOLDERS {
        let (from, to) = (folder.join(part), root.join(part));
        files::mirror(&from, &to, &kept).map_err(|(path, error)| PrepareError::File { path, error })?;
    }
    let copy = root.join(name);
    files::replace(&copy, &content).map_err(|error| PrepareError::File { path: copy.clone(), error })?;
    Ok(Workspace { root, config: copy, original, issuers })
}

/// A state folder beside a configuration file that no token can be minted for: it keeps its own keys, or is another authorizer's.
///
/// # Errors
/// Files that cannot be written.
pub fn bare(config: &Path) -> Result<Workspace, PrepareError> {
    let missing = |error| PrepareError::Config { path: config.to_owned(), error };
    let original = std::path::absolute(config).map_err(missing)?;
    let root = original.parent().unwrap_or(Path::new("/")).join(STATE);
    make_root(&root)?;
    let config = root.join(original.file_name().unwrap_or_default());
    Ok(Workspace { root, config, original, issuers: Vec::new() })
}

/// The state folder is nobody else's business, and no repository's.
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

#[cfg(test)]
mod tests;
