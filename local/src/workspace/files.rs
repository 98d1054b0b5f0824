//! Files of the state folder: the owner's alone, and never seen half written.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Makes a folder that only its owner can enter, or makes it so.
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Writes a file, unless it says the same already.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|now| now == content) {
        return Ok(());
    }
    let draft = draft(path, content)?;
    fs::rename(&draft, path).inspect_err(|_| {
        let _ = fs::remove_file(&draft);
    })
}

/// Writes a file, unless there is one. Of several writers at once the first prevails.
pub(crate) fn create_once(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = draft(path, content)?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Makes one folder hold what another holds, and nothing else but the files of `kept`.
pub(super) fn mirror(from: &Path, to: &Path, kept: &[PathBuf]) -> Result<(), (PathBuf, io::Error)> {
    let wanted = names(from).map_err(|error| (from.to_owned(), error))?;
    private_folder(to).map_err(|error| (to.to_owned(), error))?;
    for name in names(to).map_err(|error| (to.to_owned(), error))? {
        let path = to.join(&name);
        if wanted.contains(&name) || kept.contains(&path) {
            continue;
        }
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.or_else(gone).map_err(|error| (path, error))?;
    }
    for name in wanted {
        let (source, target) = (from.join(&name), to.join(&name));
        if source.is_dir() {
            mirror(&source, &target, kept)?;
        } else if !kept.contains(&target) {
            let content = fs::read(&source).map_err(|error| (source, error))?;
            replace(&target, &content).map_err(|error| (target, error))?;
        }
    }
    Ok(())
}

/// What a folder holds; a folder that is not there holds nothing.
fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.file_name())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Someone else was quicker to remove it.
fn gone(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// The content in a file beside its place, under a name of this process and thread alone.
fn draft(path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{:?}.draft", std::process::id(), std::thread::current().id()));
    let draft = path.with_file_name(name);
    let _ = fs::remove_file(&draft);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(&draft)?.write_all(content)?;
    Ok(draft)
}
