//! A release: programs that were built elsewhere, as a flat set of files with their SHA-256 checksums.
//!
//! ```text
//! settings, place -> Release -> store (files of an address are downloaded to it; a folder is used as it is)
//!                            -> checksums -> zip_member -> the program
//! ```
//!
//! Nothing is read from a zip before its checksum is verified. docs/install.md says which files a release has.

mod checksums;
mod download;
mod error;
mod place;
pub(crate) mod settings;
mod store;
mod version;
mod zip_member;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use iot_local_identity::deployment::STATE;

use super::build::Architecture;
use super::elf;
use super::packaged::Packaged;
use checksums::Checksums;
pub use error::ReleaseError;
use place::Place;
use settings::ReleaseSettings;
use store::Store;
pub use version::Version;

/// The file that makes a folder a release.
pub(crate) const CHECKSUMS: &str = "SHA256SUMS";

/// The largest `SHA256SUMS` in bytes.
const MAX_CHECKSUMS_BYTES: usize = 65_536;

/// The largest zip in bytes. Lambda takes no larger one without S3.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const MAX_ZIP_BYTES: usize = 50 * 1024 * 1024;

/// A release whose programs can be used.
#[derive(Clone, Debug)]
pub struct Release {
    version: Version,
    place: Place,
    store: Store,
}

impl Release {
    /// Returns the release in a folder. Its version is that of the functions' zips that `SHA256SUMS` lists.
    ///
    /// # Errors
    /// `SHA256SUMS` cannot be read, is invalid, or lists no version or several.
    pub fn in_folder(folder: &Path, config: &Path) -> Result<Self, ReleaseError> {
        let checksums = read_checksums(folder)?;
        let version =
            checksums.version().map_err(|what| ReleaseError::invalid(&folder.join(CHECKSUMS), what))?;
        let place = Place::Folder(folder.to_owned());
        Ok(Self { version, place, store: store(config) })
    }

    /// Returns the release of `release.toml`.
    ///
    /// # Errors
    /// `from` is invalid.
    pub(crate) fn of_settings(settings: &ReleaseSettings, config: &Path) -> Result<Self, ReleaseError> {
        let folder = config.parent().unwrap_or(Path::new("."));
        let place = Place::parse(&settings.from, &settings.version, folder)
            .map_err(|what| ReleaseError::Address { address: settings.from.clone(), what })?;
        Ok(Self { version: settings.version.clone(), place, store: store(config) })
    }

    /// Returns the version.
    #[must_use]
    pub const fn version(&self) -> &Version {
        &self.version
    }

    /// Returns a program, read from its zip.
    ///
    /// # Errors
    /// The zip cannot be fetched or read, or has another checksum or other contents than expected.
    pub async fn program(
        &self,
        packaged: Packaged,
        architecture: Architecture,
    ) -> Result<Vec<u8>, ReleaseError> {
        let name = self.zip_name(packaged, architecture);
        let (path, zip) = self.zip(&name).await?;
        zip_member::program(&zip).map_err(|what| ReleaseError::invalid(&path, what))
    }

    /// Returns the path of a program that this machine can run.
    ///
    /// # Errors
    /// As [`Release::program`]; this machine does not run programs for Lambda; the program cannot be stored.
    pub(crate) async fn executable(&self, packaged: Packaged) -> Result<PathBuf, ReleaseError> {
        if cfg!(not(target_os = "linux")) {
            return Err(ReleaseError::NotLinux);
        }
        let architecture = Architecture::host();
        let name = self.zip_name(packaged, architecture);
        let program = self.program(packaged, architecture).await?;
        let error = |error| ReleaseError::Elf { zip: name.clone(), error };
        elf::check(&program, architecture).map_err(error)?;
        self.store.keep_program(&name, &program)
    }

    /// The name of the zip of a program.
    #[must_use]
    pub(crate) fn zip_name(&self, packaged: Packaged, architecture: Architecture) -> String {
        format!("{}-{}-{architecture}.zip", packaged.package(), self.version)
    }

    /// Path and bytes of a zip whose checksum is right.
    async fn zip(&self, name: &str) -> Result<(PathBuf, Vec<u8>), ReleaseError> {
        let folder = match &self.place {
            Place::Folder(folder) => folder.clone(),
            Place::Address(address) => self.store.complete(address, &self.version, name).await?,
        };
        let expected = checksum(&folder, &self.version, name)?;
        let path = folder.join(name);
        let zip = read(&path, MAX_ZIP_BYTES)?;
        checksums::verify(&zip, &expected).map_err(|what| ReleaseError::invalid(&path, what))?;
        Ok((path, zip))
    }
}

/// The folder or address, for output.
impl std::fmt::Display for Release {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} of {}", self.version, self.place)
    }
}

/// Releases are stored next to the configuration: two folders of users with one version may name different addresses,
/// and the state folder is ignored by Git already.
fn store(config: &Path) -> Store {
    Store::new(config.with_file_name(STATE).join("releases"))
}

/// The checksum of a file, as `SHA256SUMS` of a folder states it.
fn checksum(folder: &Path, version: &Version, name: &str) -> Result<String, ReleaseError> {
    let checksums = read_checksums(folder)?;
    checksums.of_version(version, name).map_err(|what| ReleaseError::invalid(&folder.join(CHECKSUMS), what))
}

fn read_checksums(folder: &Path) -> Result<Checksums, ReleaseError> {
    let path = folder.join(CHECKSUMS);
    let bytes = read(&path, MAX_CHECKSUMS_BYTES)?;
    Checksums::parse(&bytes).map_err(|what| ReleaseError::invalid(&path, what))
}

/// Reads a file that is not larger than a limit.
fn read(path: &Path, max_bytes: usize) -> Result<Vec<u8>, ReleaseError> {
    let failed = |error| ReleaseError::File { path: path.to_owned(), error };
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() > max_bytes {
        let error = io::Error::other(format!("longer than {max_bytes} bytes"));
        return Err(failed(error));
    }
    Ok(bytes)
}
