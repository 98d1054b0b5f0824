//! The only member of a release's zip: the program.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::super::archive::FUNCTION;

/// The largest program in bytes. Lambda allows 250 MB for a function and its files; the programs have some 10 MB.
const MAX_PROGRAM_BYTES: u64 = 64 * 1024 * 1024;

/// Returns the bytes of the program.
///
/// # Errors
/// The zip has other members than `bootstrap`, or it is not a file or too large, or the zip is damaged.
pub(super) fn program(zip: &[u8]) -> Result<Vec<u8>, String> {
    let invalid = |error: ZipError| format!("not a zip that can be read: {error}");
    let mut zip = ZipArchive::new(Cursor::new(zip)).map_err(invalid)?;
    if zip.has_duplicate_names() {
        return Err(format!("has a name twice; expected a single member, {FUNCTION}"));
    }
    if zip.len() != 1 {
        return Err(format!("has {} members; expected a single one, {FUNCTION}", zip.len()));
    }
    let mut member = zip.by_index(0).map_err(invalid)?;
    let name = member.name().map_err(invalid)?.into_owned();
    if name != FUNCTION {
        return Err(format!("has the member {name:?}; expected {FUNCTION}"));
    }
    if !member.is_file() {
        return Err(format!("{FUNCTION} is a link or a folder; expected a file"));
    }
    let (size, too_large) = (member.size(), format!("{FUNCTION} is larger than {MAX_PROGRAM_BYTES} bytes"));
    if size > MAX_PROGRAM_BYTES {
        return Err(too_large);
    }
    let mut program = Vec::new();
    // A zip may have more data than it states.
    let read = (&mut member).take(MAX_PROGRAM_BYTES.saturating_add(1)).read_to_end(&mut program);
    read.map_err(|error| format!("cannot unpack {FUNCTION}: {error}"))?;
    let read = u64::try_from(program.len()).unwrap_or(u64::MAX);
    if read > MAX_PROGRAM_BYTES {
        return Err(too_large);
    }
    if read != size {
        return Err(format!("{FUNCTION} has {read} bytes; expected {size}"));
    }
    Ok(program)
}
