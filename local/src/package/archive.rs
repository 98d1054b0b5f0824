//! The zip: the same bytes for the same files, whoever packs them, when, and in what order.

#[cfg(unix)]
use std::fs;
use std::io::{self, Cursor, Write};
use std::path::Path;

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The name under which Lambda starts a function of `provided.al2023`.
pub const FUNCTION: &str = "bootstrap";

/// A file of the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Relative to the package, with slashes.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl File {
    /// Whether it is the function itself.
    #[must_use]
    pub fn is_function(&self) -> bool {
        self.name == FUNCTION
    }

    /// Lambda runs the function as a user of its own, who has to read all and run one.
    const fn mode(is_function: bool) -> u32 {
        if is_function { 0o755 } else { 0o644 }
    }
}

/// Packs files that are sorted by name. Times are those of 1980-01-01, where a zip's calendar begins.
///
/// # Errors
/// A name stands twice, or a file is too large for the format.
pub fn zip<'f>(files: impl IntoIterator<Item = &'f File>) -> Result<Vec<u8>, ZipError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for file in files {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(DateTime::default())
            .unix_permissions(File::mode(file.is_function()));
        zip.start_file(&file.name, options)?;
        zip.write_all(&file.bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// Gives a file on disk the mode that it has in the zip, where the system has modes.
///
/// # Errors
/// What the system says.
pub fn permit(path: &Path, file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(File::mode(file.is_function())))?;
    }
    #[cfg(not(unix))]
    let _ = (path, file);
    Ok(())
}
