//! Files of the state folder: private to their owner, and replaced as a whole.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a file cannot be read or written, without its name.
#[must_use]
pub fn io_error(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound { "no such file".to_owned() } else { error.to_string() }
}

/// Creates a folder that only its owner can enter. An existing folder gets the same mode.
///
/// # Errors
/// The error of the system.
pub fn private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Returns whether only its owner can enter a folder. A missing folder is private.
#[must_use]
pub fn is_private(folder: &Path) -> bool {
    #[cfg(unix)]
    let is_open = {
        use std::os::unix::fs::PermissionsExt;
        folder.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    };
    #[cfg(not(unix))]
    let is_open = {
        let _ = folder;
        false
    };
    !is_open
}

/// Replaces the content of a file, unless it is the same already. A reader sees the old content or the new.
///
/// # Errors
/// The error of the system. The file is then unchanged.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|current| current == content) {
        return Ok(());
    }
    let draft = write_draft(path, content)?;
    fs::rename(&draft, path).inspect_err(|_| {
        let _ = fs::remove_file(&draft);
    })
}

/// Creates a file, unless it exists already. If several processes do so at once, the first wins.
///
/// # Errors
/// The error of the system.
pub fn create_once(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = write_draft(path, content)?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Waits until no other process holds the lock of a file, and takes it. Dropping the returned file ends the lock. The
/// file is created if it is missing, and stays.
///
/// # Errors
/// The error of the system.
pub fn lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    set_private(&mut options);
    let file = options.open(path)?;
    file.lock()?;
    Ok(file)
}

/// Copies a folder to another, and deletes everything else in the target but the files of `keep`.
///
/// # Errors
/// The file or folder that cannot be read or written, and the error of the system.
pub fn mirror(from: &Path, to: &Path, keep: &[PathBuf]) -> Result<(), (PathBuf, io::Error)> {
    let wanted = entry_names(from).map_err(|error| (from.to_owned(), error))?;
    private_folder(to).map_err(|error| (to.to_owned(), error))?;
    for name in entry_names(to).map_err(|error| (to.to_owned(), error))? {
        let path = to.join(&name);
        if wanted.contains(&name) || keep.contains(&path) {
            continue;
        }
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.or_else(ignore_missing).map_err(|error| (path, error))?;
    }
    for name in wanted {
        let (source, target) = (from.join(&name), to.join(&name));
        if source.is_dir() {
            mirror(&source, &target, keep)?;
        } else if !keep.contains(&target) {
            let content = fs::read(&source).map_err(|error| (source, error))?;
            replace(&target, &content).map_err(|error| (target, error))?;
        }
    }
    Ok(())
}

/// The names of a folder's entries; none if the folder does not exist.
fn entry_names(folder: &Path) -> io::Result<Vec<OsString>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.file_name())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Another process may have deleted the file first.
fn ignore_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// Writes the content to a file next to `path`, under a name that is unique to this process and thread.
fn write_draft(path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{:?}.draft", std::process::id(), std::thread::current().id()));
    let draft = path.with_file_name(name);
    let _ = fs::remove_file(&draft);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    set_private(&mut options);
    options.open(&draft)?.write_all(content)?;
    Ok(draft)
}

/// Lets only its owner read and write a file that is created.
fn set_private(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = options;
}
