//! The store: files that were downloaded, and programs that were unpacked, next to a user's configuration.
//!
//! A file appears in it as a whole and only after its check, whenever the process is killed.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use iot_local_base::{files, hex};

use super::checksums::{self, Checksums};
use super::download::download;
use super::version::Version;
use super::{CHECKSUMS, MAX_CHECKSUMS_BYTES, MAX_ZIP_BYTES, ReleaseError};

/// The file of a release's folder that has the address from which its files are.
const ORIGIN: &str = "ORIGIN";

/// The beginning of the names of files that are not complete yet.
const DRAFT: &str = ".draft-";

/// The number of digits of a program's checksum in its name.
const NAME_DIGITS: usize = 16;

/// The folder of stored releases.
#[derive(Clone, Debug)]
pub(super) struct Store(PathBuf);

impl Store {
    /// Returns the store in a folder, which need not exist.
    pub(super) const fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Returns the folder of a release that has `SHA256SUMS` and a file. What is missing is downloaded.
    ///
    /// # Errors
    /// A file cannot be downloaded or written, has a wrong checksum, or `SHA256SUMS` is invalid or that of another
    /// version.
    pub(super) async fn complete(
        &self,
        address: &str,
        version: &Version,
        name: &str,
    ) -> Result<PathBuf, ReleaseError> {
        let folder = self.0.join(version.to_string());
        // One process downloads; the others wait, and find the files.
        let _lock = self.lock()?;
        prepare(&folder, address).map_err(failed(&folder))?;
        let path = folder.join(CHECKSUMS);
        if !path.exists() {
            let source = format!("{address}/{CHECKSUMS}");
            let bytes = download(&source, MAX_CHECKSUMS_BYTES).await?;
            let checksums = Checksums::parse(&bytes);
            let checked = checksums.and_then(|checksums| checksums.of_version(version, name));
            checked.map_err(|what| ReleaseError::Download { address: source, what })?;
            write(&path, &bytes, 0o600)?;
        }
        let expected = super::checksum(&folder, version, name)?;
        let path = folder.join(name);
        if !path.exists() {
            let source = format!("{address}/{name}");
            let bytes = download(&source, MAX_ZIP_BYTES).await?;
            let checked = checksums::verify(&bytes, &expected);
            checked.map_err(|what| ReleaseError::Download { address: source, what })?;
            write(&path, &bytes, 0o600)?;
        }
        Ok(folder)
    }

    /// Stores a program so that it can be run, under a name that its content decides. Returns its path.
    ///
    /// # Errors
    /// The error of the system.
    pub(super) fn keep_program(&self, zip: &str, program: &[u8]) -> Result<PathBuf, ReleaseError> {
        let _lock = self.lock()?;
        let folder = self.0.join("programs");
        files::private_folder(&folder).map_err(failed(&folder))?;
        let checksum = hex::encode(digest(&SHA256, program).as_ref());
        let name = format!(
            "{}-{}",
            zip.strip_suffix(".zip").unwrap_or(zip),
            checksum.get(..NAME_DIGITS).unwrap_or(&checksum)
        );
        let path = std::path::absolute(folder.join(name)).map_err(failed(&folder))?;
        if !fs::read(&path).is_ok_and(|stored| stored == program) {
            write(&path, program, 0o700)?;
        }
        Ok(path)
    }

    /// Takes the lock of the store, and removes what processes that were killed have left.
    fn lock(&self) -> Result<fs::File, ReleaseError> {
        files::private_folder(&self.0).map_err(failed(&self.0))?;
        let path = self.0.join("lock");
        let lock = files::lock(&path).map_err(failed(&path))?;
        let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
        for folder in entries(&self.0).map(|entry| entry.path()) {
            for entry in entries(&folder) {
                if entry.file_name().to_string_lossy().starts_with(DRAFT) {
                    // A draft that stays is only a waste of space.
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
        Ok(lock)
    }
}

/// Makes the folder of a release from this address. Files from another address are removed.
fn prepare(folder: &Path, address: &str) -> io::Result<()> {
    let origin = folder.join(ORIGIN);
    if fs::read(&origin).is_ok_and(|stored| stored == address.as_bytes()) {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    files::private_folder(folder)?;
    files::replace(&origin, address.as_bytes())
}

/// Writes a file as a whole.
fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), ReleaseError> {
    let write = || -> io::Result<()> {
        let mut draft = tempfile::Builder::new();
        draft.prefix(DRAFT);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            draft.permissions(fs::Permissions::from_mode(mode));
        }
        #[cfg(not(unix))]
        let _ = mode;
        let mut draft = draft.tempfile_in(path.parent().unwrap_or(Path::new(".")))?;
        draft.write_all(bytes)?;
        draft.as_file().sync_all()?;
        draft.persist(path)?;
        Ok(())
    };
    write().map_err(failed(path))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> ReleaseError {
    let path = path.to_owned();
    move |error| ReleaseError::File { path: path.clone(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_stored_as_a_whole() {
        const ZIP: &str = "iot-jwt-authorizer-0.2.0-x86_64.zip";
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("releases"));
        let path = store.keep_program(ZIP, b"program").unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(path.is_absolute() && name.starts_with("iot-jwt-authorizer-0.2.0-x86_64-"), "{name}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        }
        // A file that was changed is replaced, and what a kill left is removed.
        fs::write(&path, b"changed").unwrap();
        fs::write(path.with_file_name(".draft-killed"), b"prog").unwrap();
        assert_eq!(store.keep_program(ZIP, b"program").unwrap(), path);
        assert_eq!(fs::read(&path).unwrap(), b"program");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert_ne!(store.keep_program(ZIP, b"another program").unwrap(), path);
    }

    #[test]
    fn files_of_another_address_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let release = folder.path().join("0.2.0");
        prepare(&release, "https://a").unwrap();
        fs::write(release.join("file"), b"a").unwrap();
        prepare(&release, "https://a").unwrap();
        assert!(release.join("file").exists());
        prepare(&release, "https://b").unwrap();
        assert!(!release.join("file").exists());
    }
}
