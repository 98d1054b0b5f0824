//! Any bytes as the files of a registry: the snapshot, a zero byte, the log. An empty snapshot is no file.
//!
//! Asserted: the files are a registry by a second reader, too, or an error that names the file and a line that it has,
//! and then they stay as they were; the registry that is written, as a log and as a snapshot, and read is the same; a
//! log that is cut at any byte has lost its unfinished line and nothing else.

#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::UNIX_EPOCH;

use iot_local_cloud::registry::{Change, Registry};
use iot_local_cloud::{Account, Cloud, CloudOptions, OpenError};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use tempfile::TempDir;

const SNAPSHOT: &str = "snapshot.jsonl";
const LOG: &str = "log.jsonl";

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (snapshot, log) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    let folder = FOLDER.path().join("read");
    let registry = read(&folder, snapshot, log);
    let Ok(registry) = registry else {
        assert!(read_again(snapshot, log).is_none(), "an error in one reader only");
        return;
    };
    check_written(&registry);
    // Two places that depend on all bytes.
    let sum = log.iter().fold(log.len(), |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    for cut in [sum % (log.len() + 1), sum / 7 % (log.len() + 1)] {
        let cut = &log[..cut];
        let whole = cut.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let cut_registry = read(&folder, snapshot, cut).expect("a log that is cut is an error");
        assert!(
            cut_registry == read(&folder, snapshot, &cut[..whole]).unwrap(),
            "the cut line has an effect"
        );
    }
});

/// Reads a registry from the files, and compares it with that of the second reader.
fn read(folder: &Path, snapshot: &[u8], log: &[u8]) -> Result<Registry, ()> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    if !snapshot.is_empty() {
        fs::write(folder.join(SNAPSHOT), snapshot).unwrap();
    }
    fs::write(folder.join(LOG), log).unwrap();
    match open(folder, u64::MAX) {
        Err(OpenError::File { path, what }) => {
            let bytes = if path == folder.join(SNAPSHOT) { snapshot } else { log };
            assert!(path == folder.join(SNAPSHOT) || path == folder.join(LOG), "{}: {what}", path.display());
            let place = what.strip_prefix("line ").and_then(|what| what.split_once(": "));
            let (line, reason) = place.unwrap_or_else(|| panic!("no line: {what}"));
            let lines = bytes.split(|byte| *byte == b'\n').count();
            assert!((1..=lines).contains(&line.parse().unwrap()) && !reason.is_empty(), "{what}");
            assert!(what.len() < 500 + 10 * bytes.len(), "an error without a limit");
            assert_eq!(fs::read(folder.join(LOG)).unwrap(), log, "the log is changed");
            Err(())
        }
        Ok(cloud) => {
            let registry = cloud.read(Registry::clone);
            drop(cloud);
            let expected = read_again(snapshot, log).expect("a registry in one reader only");
            let stored = fs::read(folder.join(LOG)).unwrap();
            // What has expired was removed at the start.
            if log.starts_with(&stored) {
                assert!(registry == expected, "another registry than in the files");
            }
            assert!(
                Some(&registry) == read_again(snapshot, &stored).as_ref(),
                "the log on disk is of another registry"
            );
            assert!(stored.is_empty() || stored.ends_with(b"\n"));
            Ok(registry)
        }
    }
}

fn open(folder: &Path, min_log_bytes: u64) -> Result<Cloud, OpenError> {
    let options = CloudOptions {
        account: Account::new("us-east-1", "123456789012").unwrap(),
        folder: Some(PathBuf::from(folder)),
        private: None,
        endpoint: "localhost".to_owned(),
        clock: || UNIX_EPOCH,
    };
    Cloud::open_with_log(options, min_log_bytes)
}

/// Writes a registry and reads it: from a log, then from the snapshot of the log.
fn check_written(registry: &Registry) {
    let mut dumped = Registry::default();
    registry.changes().for_each(|change| dumped.apply(&change));
    assert!(dumped == *registry, "its changes make another registry");
    for min_log_bytes in [u64::MAX, 0] {
        let folder = FOLDER.path().join("written");
        let _ = fs::remove_dir_all(&folder);
        let cloud = open(&folder, min_log_bytes).expect("an empty folder");
        assert!(cloud.write(|_| Ok((registry.changes().collect(), ()))).is_ok());
        drop(cloud);
        // A thread may still write the snapshot.
        let cloud = loop {
            match open(&folder, u64::MAX) {
                Ok(cloud) => break cloud,
                Err(error) => assert!(error.to_string().contains("another process"), "{error}"),
            }
            std::thread::yield_now();
        };
        assert!(cloud.read(Registry::clone) == *registry, "another registry than was written");
        drop(cloud);
        let has_changes = registry.changes().next().is_some();
        assert_eq!(folder.join(SNAPSHOT).exists(), has_changes && min_log_bytes == 0);
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u32,
    sequence: u64,
    changes: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    sequence: u64,
    changes: Vec<Change>,
}

/// Reads the files by their description in `local/cloud/src/store.rs`.
fn read_again(snapshot: &[u8], log: &[u8]) -> Option<Registry> {
    let mut registry = Registry::default();
    let mut sequence = 0;
    if !snapshot.is_empty() {
        let lines: Vec<_> = snapshot.strip_suffix(b"\n")?.split(|byte| *byte == b'\n').collect();
        let (header, changes) = lines.split_first()?;
        let header: Header = serde_json::from_slice(header).ok()?;
        if header.format != 1 || header.changes != changes.len() {
            return None;
        }
        for change in changes {
            registry.apply(&serde_json::from_slice(change).ok()?);
        }
        sequence = header.sequence;
    }
    let end = log.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let Some(lines) = log[..end].strip_suffix(b"\n") else { return Some(registry) };
    let lines: Option<Vec<Line>> =
        lines.split(|byte| *byte == b'\n').map(|line| serde_json::from_slice(line).ok()).collect();
    let lines = lines?;
    let is_gapless = lines.windows(2).all(|pair| pair[0].sequence.checked_add(1) == Some(pair[1].sequence));
    let first = lines.first()?.sequence;
    if first == 0 || first > sequence.saturating_add(1) || !is_gapless {
        return None;
    }
    for line in lines.iter().filter(|line| line.sequence > sequence) {
        line.changes.iter().for_each(|change| registry.apply(change));
    }
    Some(registry)
}
