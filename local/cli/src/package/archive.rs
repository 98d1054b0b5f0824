//! The zip. The same files result in the same bytes: it contains neither times nor users.

#[cfg(unix)]
use std::fs;
use std::io::{self, Cursor, Write};
use std::path::Path;

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The file that Lambda starts as a function of `provided.al2023`.
pub const FUNCTION: &str = "bootstrap";

/// A file of the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageFile {
    /// The path relative to the package, with slashes.
    pub name: String,
    /// The content.
    pub bytes: Vec<u8>,
}

impl PackageFile {
    /// Returns whether the file is the function.
    #[must_use]
    pub fn is_function(&self) -> bool {
        self.name == FUNCTION
    }

    /// Lambda runs the function as another user, who must be able to read all files and to run the function.
    const fn mode(is_function: bool) -> u32 {
        if is_function { 0o755 } else { 0o644 }
    }
}

/// Packs files, which must be sorted by name. All have the time 1980-01-01, the first that the format can represent.
///
/// # Errors
/// A name occurs twice, or a file is too large for the format.
pub fn zip<'f>(files: impl IntoIterator<Item = &'f PackageFile>) -> Result<Vec<u8>, ZipError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for file in files {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(DateTime::default())
            .unix_permissions(PackageFile::mode(file.is_function()));
        zip.start_file(&file.name, options)?;
        zip.write_all(&file.bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// Gives a file on disk the mode that it has in the zip, if the system supports modes.
///
/// # Errors
/// The error of the system.
pub fn set_mode(path: &Path, file: &PackageFile) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(PackageFile::mode(file.is_function())))?;
    }
    #[cfg(not(unix))]
    let _ = (path, file);
    Ok(())
}
