//! Why a release, or what is named in place of one, cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::super::elf::ElfError;
use super::version::Version;

/// Why a release cannot be used.
#[derive(Debug, Error)]
pub enum ReleaseError {
    /// All errors of `release.toml`, one in a line.
    #[error("{}", .0.join("\n"))]
    Settings(Vec<String>),
    /// The address of a release is invalid.
    #[error("{address}: {what}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong with it, and what is expected.
        what: &'static str,
    },
    /// A version is given, and nothing says where releases are.
    #[error(
        "unknown address of release {0}\n  \
         help: name it in release.toml, as in `from = \"https://HOST/v{{version}}\"`, or name the release's folder"
    )]
    NoAddress(Version),
    /// A folder is not that of a release.
    #[error("{}: no SHA256SUMS; expected the folder of a release or a built function", .0.display())]
    NotRelease(PathBuf),
    /// The value of `--bootstrap` is neither a file nor a release.
    #[error(
        "cannot read {}: {error}\n  \
         help: name a built function, the folder of a release or its version, or omit --bootstrap",
        path.display()
    )]
    NoFunction {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// A file cannot be downloaded.
    #[error("cannot download {address}: {what}")]
    Download {
        /// The address.
        address: String,
        /// What happened.
        what: String,
    },
    /// A file is invalid.
    #[error("{}: {what}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what is expected.
        what: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The program does not run here.
    #[error("{zip}: {error}")]
    Elf {
        /// The name of its zip.
        zip: String,
        /// What is wrong with it.
        error: ElfError,
    },
    /// The functions of a release are programs for Linux.
    #[error(
        "cannot run the function of a release on this system; it is a Linux program\n  \
         help: build it from a checkout, or run it behind an invoke endpoint and name that with --function"
    )]
    NotLinux,
}

impl ReleaseError {
    /// A file is invalid.
    pub(super) fn invalid(path: &Path, what: String) -> Self {
        Self::Invalid { path: path.to_owned(), what }
    }
}
