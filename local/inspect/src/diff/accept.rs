//! Accepted gains, one a line: `FILE ACTION RESOURCE`. `*` instead of the file is every file; `#` begins a comment.

use std::path::Path;

use super::DiffError;
use crate::inquiry;

/// Reads a file of accepted gains.
pub(super) fn read(path: &Path) -> Result<Vec<String>, DiffError> {
    let text = inquiry::text(path)?;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        // A line may be copied from the output.
        let line = line.trim().trim_start_matches("+ ").trim_end_matches("(accepted)").trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.split(' ').count() < 3 {
            return Err(DiffError::Accept { path: path.to_owned(), line: number });
        }
        lines.push(line.to_owned());
    }
    Ok(lines)
}

/// Whether a gain, as `FILE ACTION RESOURCE`, is accepted.
pub(super) fn covers(accepted: &[String], gain: &str) -> bool {
    let for_every_file = gain.split_once(' ').map(|(_, permission)| format!("* {permission}"));
    accepted.iter().any(|line| line == gain || Some(line) == for_every_file.as_ref())
}
