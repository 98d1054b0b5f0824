//! The folder of a registry, and how its files are created, locked and replaced.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::error::OpenError;

/// Creates the folder if it is missing, and locks it until the file is closed.
///
/// # Errors
/// Another process holds the lock, or the error of the system.
pub(super) fn lock(folder: &Path) -> Result<File, OpenError> {
    create(folder).map_err(|error| OpenError::file(folder.to_owned(), error))?;
    let path = folder.join("lock");
    let file = open_file(&path).map_err(|error| OpenError::file(path.clone(), error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::File {
            path,
            what: "another process uses this registry; end it, or choose another account or Region"
                .to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(OpenError::file(path, error)),
    }
}

/// Moves a folder away, so that the next start has an empty registry. The folder `NAME.old` holds what was there
/// last, and replaces an older one.
///
/// # Errors
/// Another process uses the registry, or the error of the system.
pub(crate) fn move_away(folder: &Path) -> Result<(), OpenError> {
    if !folder.exists() {
        return Ok(());
    }
    let _lock = lock(folder)?;
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".old");
    let old = folder.with_file_name(name);
    let removed = fs::remove_dir_all(&old);
    removed
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
        .and_then(|()| fs::rename(folder, &old))
        .map_err(|error| OpenError::file(old, error))
}

/// Creates a folder and those around it that are missing. Only their owner can enter them.
fn create(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)?;
    iot_local_base::files::private_folder(folder)
}

/// Opens a file to read and write, and creates it if it is missing.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    private(OpenOptions::new().read(true).write(true).create(true).truncate(false)).open(path)
}

/// Creates the draft of a file. A draft that a process left behind is replaced.
pub(super) fn create_draft(folder: &Path, name: &str) -> io::Result<File> {
    private(OpenOptions::new().write(true).create(true).truncate(true)).open(draft(folder, name))
}

/// Puts the draft of a file, which is synced, in the place of the file.
pub(super) fn replace_by_draft(folder: &Path, name: &str) -> io::Result<()> {
    fs::rename(draft(folder, name), folder.join(name))?;
    sync(folder)
}

/// Deletes the draft of a file.
pub(super) fn discard_draft(folder: &Path, name: &str) {
    let _ = fs::remove_file(draft(folder, name));
}

/// Syncs the names of the files in a folder.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn draft(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.draft"))
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}
