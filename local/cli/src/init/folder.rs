//! Writes a new folder as a whole: it appears complete, or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file of the new folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewFile {
    /// Relative to the folder.
    pub(super) name: String,
    /// The content.
    pub(super) text: String,
}

/// Why no folder was written.
#[derive(Debug, Error)]
pub(crate) enum FolderError {
    /// Something is there already.
    #[error("{}: not an empty folder; nothing was written\n  help: name a folder that does not exist yet", .0.display())]
    NotEmpty(PathBuf),
    /// The working directory cannot be replaced.
    #[error("{}: the working directory cannot be replaced\n  help: name a folder that does not exist yet", .0.display())]
    WorkingDirectory(PathBuf),
    /// The system's error.
    #[error("{}: {error}; nothing was written", path.display())]
    Write {
        /// The folder or file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

/// Whether a folder can be written here.
///
/// # Errors
/// It exists and is not empty, or is the working directory.
pub(super) fn check(folder: &Path) -> Result<(), FolderError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(FolderError::NotEmpty(folder.to_owned()));
            }
            let real = folder.canonicalize().ok();
            if real.is_some() && real == Path::new(".").canonicalize().ok() {
                return Err(FolderError::WorkingDirectory(folder.to_owned()));
            }
            Ok(())
        }
        // A dangling link is not found either, but cannot be replaced by a folder.
        Err(error) if error.kind() == io::ErrorKind::NotFound && folder.symlink_metadata().is_err() => Ok(()),
        Err(_) => Err(FolderError::NotEmpty(folder.to_owned())),
    }
}

/// Writes the files to a temporary folder next to the new one, and renames it.
///
/// # Errors
/// See [`FolderError`]. The temporary folder is removed; it stays only if the process is killed.
pub(super) fn write(folder: &Path, files: &[NewFile]) -> Result<(), FolderError> {
    check(folder)?;
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| FolderError::Write { path, error }
    };
    let folder = std::path::absolute(folder).map_err(failed(folder))?;
    let parent = folder.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(failed(parent))?;
    let draft =
        tempfile::Builder::new().prefix(".cargo-local-init-").tempdir_in(parent).map_err(failed(parent))?;
    for file in files {
        let path = draft.path().join(&file.name);
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(draft.path()))?;
            fs::write(&path, &file.text)
        };
        write().map_err(failed(&path))?;
    }
    open_to_others(draft.path()).map_err(failed(draft.path()))?;
    // Replaces an empty folder; fails if something was written into it meanwhile.
    fs::rename(draft.path(), &folder).map_err(failed(&folder))?;
    // Nothing is left to remove.
    let _ = draft.keep();
    Ok(())
}

/// A temporary folder is private to its owner; the new one has the usual mode.
fn open_to_others(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    }
    let _ = folder;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> NewFile {
        NewFile { name: name.to_owned(), text: name.to_owned() }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_or_empty_folder_is_written() {
        let parent = tempfile::tempdir().unwrap();
        fs::create_dir(parent.path().join("empty")).unwrap();
        for name in ["new", "empty", "deep/er"] {
            let folder = parent.path().join(name);
            write(&folder, &[file("a"), file("b/c")]).unwrap();
            assert_eq!(names(&folder), ["a", "b"]);
            assert_eq!(fs::read_to_string(folder.join("b/c")).unwrap(), "b/c");
        }
        assert_eq!(names(parent.path()), ["deep", "empty", "new"]);
    }

    #[test]
    fn nothing_is_written_where_something_is() {
        let parent = tempfile::tempdir().unwrap();
        let path = |name: &str| parent.path().join(name);
        fs::create_dir(path("full")).unwrap();
        fs::write(path("full/.hidden"), "kept").unwrap();
        fs::write(path("file"), "kept").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("nowhere", path("link")).unwrap();
        for name in ["full", "file", "link", "file/below"] {
            let error = write(&path(name), &[file("a")]).unwrap_err().to_string();
            assert!(
                error.contains("not an empty folder") || error.contains("nothing was written"),
                "{error}"
            );
        }
        let error = check(Path::new(".")).unwrap_err().to_string();
        assert!(error.contains("not an empty folder"), "{error}");
        assert_eq!(names(&path("full")), [".hidden"]);
        assert_eq!(names(parent.path()), ["file", "full", "link"]);
    }

    #[test]
    fn a_failure_halfway_leaves_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("new");
        // The second file cannot be written: its folder is the first file.
        let error = write(&folder, &[file("a"), file("a/b"), file("c")]).unwrap_err();
        assert!(matches!(error, FolderError::Write { .. }), "{error}");
        assert_eq!(names(parent.path()), Vec::<String>::new());
    }
}
