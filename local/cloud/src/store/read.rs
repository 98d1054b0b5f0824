//! Reads the files of a registry.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::OpenError;
use super::{FORMAT, LOG, SNAPSHOT, length};
use crate::registry::{Change, Registry};

/// What the files hold.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) registry: Registry,
    /// The number of the last call.
    pub(super) sequence: u64,
    pub(super) snapshot_bytes: u64,
    /// The length of the log without a torn last line.
    pub(super) log_bytes: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u32,
    sequence: u64,
    changes: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    sequence: u64,
    changes: Vec<Change>,
}

/// Reads the snapshot and the log of a folder. Missing files are empty ones.
///
/// # Errors
/// The file and the line that is unreadable.
pub(super) fn read(folder: &Path) -> Result<Contents, OpenError> {
    let mut contents = Contents::default();
    read_file(folder, SNAPSHOT, &mut contents, read_snapshot)?;
    read_file(folder, LOG, &mut contents, read_log)?;
    Ok(contents)
}

fn read_file(
    folder: &Path,
    name: &str,
    contents: &mut Contents,
    read: fn(&mut Lines<File>, &mut Contents) -> Result<(), String>,
) -> Result<(), OpenError> {
    let path = folder.join(name);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(OpenError::file(path, error)),
    };
    let mut lines = Lines::new(file);
    read(&mut lines, contents)
        .map_err(|what| OpenError::File { path, what: format!("line {}: {what}", lines.number) })
}

/// Returns the bytes of a file from `start` to `end`.
pub(super) fn tail(path: &Path, start: u64, end: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(end.saturating_sub(start)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_snapshot(lines: &mut Lines<File>, contents: &mut Contents) -> Result<(), String> {
    const TRUNCATED: &str = "the file ends too early";
    let header: Header = lines.next()?.ok_or(TRUNCATED)?;
    if header.format != FORMAT {
        return Err(format!("unknown format {}; expected {FORMAT}", header.format));
    }
    for _ in 0..header.changes {
        contents.registry.apply(&lines.next()?.ok_or(TRUNCATED)?);
    }
    // Counts the line that should not be there.
    if lines.next::<serde::de::IgnoredAny>()?.is_some() || lines.has_torn_line {
        return Err(format!("more than {} changes", header.changes));
    }
    contents.sequence = header.sequence;
    contents.snapshot_bytes = lines.bytes;
    Ok(())
}

fn read_log(lines: &mut Lines<File>, contents: &mut Contents) -> Result<(), String> {
    let in_snapshot = contents.sequence;
    let mut previous = None;
    while let Some(line) = lines.next::<Line>()? {
        // The first line continues the snapshot, or is one that the snapshot has already.
        let is_next = match previous {
            None => line.sequence <= in_snapshot.saturating_add(1) && line.sequence > 0,
            Some(previous) => line.sequence == u64::saturating_add(previous, 1),
        };
        if !is_next {
            let expected = previous.unwrap_or(in_snapshot).saturating_add(1);
            return Err(format!("sequence {}; expected {expected}", line.sequence));
        }
        previous = Some(line.sequence);
        if line.sequence > in_snapshot {
            line.changes.iter().for_each(|change| contents.registry.apply(change));
            contents.sequence = line.sequence;
        }
    }
    contents.log_bytes = lines.bytes;
    Ok(())
}

/// Lines of JSON.
struct Lines<R> {
    reader: BufReader<R>,
    buffer: Vec<u8>,
    /// The number of the last line that was read.
    number: u64,
    /// The length of the complete lines so far.
    bytes: u64,
    /// The last line has no line end.
    has_torn_line: bool,
}

impl<R: Read> Lines<R> {
    fn new(reader: R) -> Self {
        let reader = BufReader::with_capacity(1 << 16, reader);
        Self { reader, buffer: Vec::new(), number: 0, bytes: 0, has_torn_line: false }
    }

    /// Returns the next complete line.
    fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, String> {
        self.buffer.clear();
        self.number = self.number.saturating_add(1);
        self.reader.read_until(b'\n', &mut self.buffer).map_err(|error| error.to_string())?;
        if self.buffer.last() != Some(&b'\n') {
            self.has_torn_line = !self.buffer.is_empty();
            return Ok(None);
        }
        self.bytes = self.bytes.saturating_add(length(&self.buffer));
        serde_json::from_slice(&self.buffer).map(Some).map_err(|error| without_line(&error))
    }
}

/// The parser's error without its own line number, which is always 1.
fn without_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((what, _)) => format!("column {}: {what}", error.column()),
        None => text,
    }
}
