//! The registry on disk: a snapshot and a log of changes, in a folder that one process at a time uses.
//!
//! # Files
//! | file | content |
//! | --- | --- |
//! | `lock` | empty. A lock on it keeps a second process out, and ends with the process |
//! | `snapshot.jsonl` | a header `{"format":1,"sequence":12,"changes":3}`, then so many changes, each a line |
//! | `log.jsonl` | a line `{"sequence":13,"changes":[…]}` for each call since then, numbered without a gap |
//! | `*.draft` | files that were being written. They are never read |
//!
//! [`Change`] describes the changes. A call is acknowledged when its line is synced. A new snapshot replaces the old
//! one by a rename, then a log without the lines that the snapshot has replaces the log. Between the two renames the
//! log starts with lines that the snapshot has already: their numbers say so.
//!
//! A start drops the last line of the log if it has no line end: it was never acknowledged. Anything else that is
//! unreadable is an error, and nothing is written.

mod database;
mod error;
mod folder;
mod read;

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

pub(crate) use self::database::Database;
pub use self::error::OpenError;
pub(crate) use self::folder::move_away;

use crate::registry::{Change, Registry};

const FORMAT: u32 = 1;
const SNAPSHOT: &str = "snapshot.jsonl";
const LOG: &str = "log.jsonl";

/// The files of a registry.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    /// Held until the process ends.
    _lock: File,
    log: File,
    /// The length of the synced lines of the log, in bytes.
    log_bytes: u64,
    /// The length at which the log is folded into a snapshot.
    fold_at_bytes: u64,
    /// Whether a fold has started and not ended. A second one would write to the draft of the first, and would cut the
    /// log at a place that the first has moved.
    is_folding: bool,
    /// The smallest such length.
    min_log_bytes: u64,
    /// The number of the last call.
    sequence: u64,
    /// A failed write could not be undone, so that the end of the log is unknown.
    is_broken: bool,
}

/// A part of the log that a snapshot replaces.
#[derive(Debug)]
pub(crate) struct Fold {
    folder: PathBuf,
    sequence: u64,
    /// Where the lines after the snapshot start in the log.
    tail: u64,
    snapshot_bytes: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    sequence: u64,
    changes: &'a [Change],
}

#[derive(Serialize)]
struct Header {
    format: u32,
    sequence: u64,
    changes: usize,
}

impl Store {
    /// Opens a folder, or creates it, and reads the registry. The log is folded when it is longer than
    /// `min_log_bytes` and than the snapshot.
    ///
    /// # Errors
    /// The file that is locked or unreadable. Nothing but the folder and the lock file was written then.
    pub(crate) fn open(folder: &Path, min_log_bytes: u64) -> Result<(Self, Registry), OpenError> {
        let lock = folder::lock(folder)?;
        let contents = read::read(folder)?;
        let file_error = |path: PathBuf| move |error: io::Error| OpenError::file(path, error);
        let log_path = folder.join(LOG);
        let log = folder::open_file(&log_path).map_err(file_error(log_path.clone()))?;
        let store = Self {
            folder: folder.to_owned(),
            _lock: lock,
            log,
            log_bytes: contents.log_bytes,
            fold_at_bytes: contents.snapshot_bytes.max(min_log_bytes),
            is_folding: false,
            min_log_bytes,
            sequence: contents.sequence,
            is_broken: false,
        };
        // Without the torn line, and with the name of a new log on disk.
        store
            .log
            .set_len(store.log_bytes)
            .and_then(|()| store.log.sync_all())
            .map_err(file_error(log_path))?;
        folder::sync(folder).map_err(file_error(folder.to_owned()))?;
        Ok((store, contents.registry))
    }

    /// Writes a line for each call, and syncs them together.
    ///
    /// # Errors
    /// The error of the system. The log then ends where it ended before.
    pub(crate) fn append<'a>(&mut self, calls: impl Iterator<Item = &'a [Change]>) -> io::Result<()> {
        let (mut lines, mut sequence) = (Vec::new(), self.sequence);
        for changes in calls {
            sequence = sequence.saturating_add(1);
            serde_json::to_writer(&mut lines, &Line { sequence, changes })?;
            lines.push(b'\n');
        }
        if lines.is_empty() {
            return Ok(());
        }
        if self.is_broken {
            return Err(io::Error::other("an earlier write failed; start again"));
        }
        self.write_synced(&lines).inspect_err(|_| self.undo())?;
        self.log_bytes = self.log_bytes.saturating_add(length(&lines));
        self.sequence = sequence;
        Ok(())
    }

    fn write_synced(&mut self, lines: &[u8]) -> io::Result<()> {
        self.log.seek(SeekFrom::Start(self.log_bytes))?;
        self.log.write_all(lines)?;
        self.log.sync_data()
    }

    /// Removes what a failed write left.
    fn undo(&mut self) {
        let undone = self.log.set_len(self.log_bytes).and_then(|()| self.log.sync_data());
        self.is_broken = undone.is_err();
    }
}

/// Folding: the first and the last step need the store, the long one in between does not.
impl Store {
    /// Returns a fold if the log is long enough for one, and none is under way. It ends with [`Store::finish_fold`] or
    /// [`Store::discard_fold`].
    pub(crate) fn start_fold(&mut self) -> Option<Fold> {
        if self.log_bytes <= self.fold_at_bytes || self.is_broken || self.is_folding {
            return None;
        }
        self.is_folding = true;
        // If this one fails, the next one waits for as long a log again.
        self.fold_at_bytes = self.log_bytes.saturating_mul(2);
        let (folder, sequence, tail) = (self.folder.clone(), self.sequence, self.log_bytes);
        Some(Fold { folder, sequence, tail, snapshot_bytes: 0 })
    }

    /// Replaces the snapshot, then the log by the lines that are not in the snapshot.
    ///
    /// # Errors
    /// The error of the system. The files then still hold the whole registry.
    pub(crate) fn finish_fold(&mut self, fold: &Fold) -> io::Result<()> {
        self.is_folding = false;
        folder::replace_by_draft(&self.folder, SNAPSHOT)?;
        let tail = read::tail(&self.folder.join(LOG), fold.tail, self.log_bytes)?;
        let mut log = folder::create_draft(&self.folder, LOG)?;
        log.write_all(&tail)?;
        log.sync_all()?;
        // From the rename on, the old file is not the log. Whether the rename has happened is unknown after an error.
        self.is_broken = true;
        folder::replace_by_draft(&self.folder, LOG)?;
        self.is_broken = false;
        self.log = log;
        self.log_bytes = length(&tail);
        self.fold_at_bytes = fold.snapshot_bytes.max(self.min_log_bytes);
        Ok(())
    }

    /// Ends a fold that has failed, and gives the space of its draft back.
    pub(crate) fn discard_fold(&mut self) {
        self.is_folding = false;
        folder::discard_draft(&self.folder, SNAPSHOT);
    }
}

impl Fold {
    /// Writes the registry as the draft of a snapshot.
    ///
    /// # Errors
    /// The error of the system.
    pub(crate) fn write(&mut self, registry: &Registry) -> io::Result<()> {
        let mut file = folder::create_draft(&self.folder, SNAPSHOT)?;
        let mut writer = io::BufWriter::with_capacity(1 << 16, &mut file);
        let header = Header { format: FORMAT, sequence: self.sequence, changes: registry.changes().count() };
        serde_json::to_writer(&mut writer, &header)?;
        writer.write_all(b"\n")?;
        for change in registry.changes() {
            serde_json::to_writer(&mut writer, &change)?;
            writer.write_all(b"\n")?;
        }
        writer.flush()?;
        drop(writer);
        file.sync_all()?;
        self.snapshot_bytes = file.metadata()?.len();
        Ok(())
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
