//! Why the registry cannot be opened.

use std::path::PathBuf;

/// Why the registry cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file is unusable.
    #[error("{}: {what}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

impl OpenError {
    pub(crate) fn file(path: PathBuf, error: impl std::fmt::Display) -> Self {
        Self::File { path, what: error.to_string() }
    }
}
