use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::error::{ApiError, ErrorKind};
use crate::registry::{Record, Thing};

const NEVER: u64 = u64::MAX;

fn thing(name: &str) -> Change {
    let (name, id) = (name.to_owned(), "id".to_owned());
    let attributes = std::iter::once(("floor".to_owned(), "2".to_owned())).collect();
    Change::PutThing(Record::from(Thing { name, id, type_name: None, attributes, version: 1, created: 5 }))
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(folder: &Path) -> Result<(Store, Registry), OpenError> {
    Store::open(folder, NEVER)
}

fn error(folder: &Path) -> String {
    open(folder).map(|_| ()).unwrap_err().to_string()
}

fn names(registry: &Registry) -> Vec<&str> {
    registry.things().map(|thing| thing.name.as_str()).collect()
}

/// A folder whose log has one call for each name.
fn with_log(names: &[&str]) -> TempDir {
    let folder = folder();
    let (mut store, _) = open(folder.path()).unwrap();
    for name in names {
        store.append(std::iter::once([thing(name)].as_slice())).unwrap();
    }
    folder
}

/// A folder with a snapshot of `a` and `b`, and a log with `c`.
fn with_snapshot() -> TempDir {
    let folder = with_log(&["a", "b"]);
    let (mut store, mut registry) = Store::open(folder.path(), 0).unwrap();
    let mut fold = store.start_fold().unwrap();
    fold.write(&registry).unwrap();
    registry.apply(&thing("c"));
    store.append(std::iter::once([thing("c")].as_slice())).unwrap();
    store.finish_fold(&fold).unwrap();
    folder
}

fn log(folder: &TempDir) -> String {
    fs::read_to_string(folder.path().join(LOG)).unwrap()
}

fn snapshot(folder: &TempDir) -> String {
    fs::read_to_string(folder.path().join(SNAPSHOT)).unwrap()
}

/// The content of all files but the lock.
fn contents(folder: &Path) -> Vec<(std::ffi::OsString, Vec<u8>)> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = files
        .filter(|file| file.file_name() != "lock")
        .map(|file| (file.file_name(), fs::read(file.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn calls_are_lines_and_survive_a_start() {
    let folder = with_log(&["a", "b"]);
    assert_eq!(
        log(&folder).lines().next().unwrap(),
        r#"{"sequence":1,"changes":[{"putThing":{"name":"a","id":"id","attributes":{"floor":"2"},"version":1,"created":5}}]}"#
    );
    let (store, registry) = open(folder.path()).unwrap();
    assert_eq!((store.sequence, names(&registry)), (2, vec!["a", "b"]));
}

/// A number that is read with less precision than it was written with would change at each start.
#[test]
fn a_decimal_is_the_same_after_each_start() {
    const STATE: &str = r#"{"desired":{"a":7.932183404259827e+46,"b":423.20917087271323}}"#;
    let folder = with_log(&[]);
    let line = format!(
        r#"{{"sequence":1,"changes":[{{"putShadow":{{"thing":"a","version":1,"state":{STATE}}}}}]}}"#
    );
    fs::write(folder.path().join(LOG), line + "\n").unwrap();
    for _ in 0..2 {
        let (mut store, registry) = Store::open(folder.path(), 0).unwrap();
        assert_eq!(serde_json::to_string(&registry.shadow("a", None).unwrap().state).unwrap(), STATE);
        if let Some(mut fold) = store.start_fold() {
            fold.write(&registry).unwrap();
            store.finish_fold(&fold).unwrap();
        }
    }
    assert!(snapshot(&folder).contains(STATE));
}

#[test]
fn a_snapshot_replaces_the_lines_that_it_has() {
    let folder = with_snapshot();
    let snapshot = snapshot(&folder);
    assert_eq!(snapshot.lines().next().unwrap(), r#"{"format":1,"sequence":2,"changes":2}"#);
    assert_eq!(snapshot.lines().count(), 3);
    let log = log(&folder);
    assert!(log.starts_with(r#"{"sequence":3,"#) && log.lines().count() == 1, "{log}");
    let (mut store, registry) = open(folder.path()).unwrap();
    assert_eq!((store.sequence, names(&registry)), (3, vec!["a", "b", "c"]));
    store.append(std::iter::once([thing("d")].as_slice())).unwrap();
    drop(store);
    assert_eq!(names(&open(folder.path()).unwrap().1), ["a", "b", "c", "d"]);
}

#[test]
fn lines_that_the_snapshot_has_are_not_made_again() {
    // Killed between the two renames: the old log is still there. If its lines were made again, `a` would come back.
    let folder = with_log(&["a", "b"]);
    let (mut store, mut registry) = Store::open(folder.path(), 0).unwrap();
    let removal = Change::RemoveThing { name: "a".to_owned() };
    store.append(std::iter::once([removal.clone()].as_slice())).unwrap();
    registry.apply(&removal);
    let mut fold = store.start_fold().unwrap();
    fold.write(&registry).unwrap();
    folder::replace_by_draft(folder.path(), SNAPSHOT).unwrap();
    drop(store);
    // Without the removal, whose number is in the snapshot.
    let lines: Vec<_> = log(&folder).lines().take(2).map(|line| format!("{line}\n")).collect();
    fs::write(folder.path().join(LOG), lines.concat()).unwrap();
    let (store, registry) = open(folder.path()).unwrap();
    assert_eq!((store.sequence, names(&registry)), (3, vec!["b"]));
}

#[test]
fn a_torn_last_line_is_dropped() {
    let whole = log(&with_log(&["a", "b"]));
    let first = whole.find('\n').unwrap() + 1;
    for (cut, expected) in
        [(first + 1, 1), (whole.len() - 1, 1), (whole.len(), 2), (first, 1), (1, 0), (0, 0)]
    {
        let folder = folder();
        fs::write(folder.path().join(LOG), &whole.as_bytes()[..cut]).unwrap();
        let (mut store, registry) = open(folder.path()).unwrap();
        assert_eq!(names(&registry).len(), expected, "{cut}");
        store.append(std::iter::once([thing("new")].as_slice())).unwrap();
        drop(store);
        assert_eq!(names(&open(folder.path()).unwrap().1).len(), expected + 1, "{cut}");
    }
}

#[test]
fn unreadable_files_stop_the_start_and_stay() {
    let snapshot_text = snapshot(&with_snapshot());
    let header = r#"{"format":1,"sequence":2,"changes":2}"#;
    let later = r#"{"sequence":3,"changes":[]}"#;
    for (snapshot, log, expected) in [
        ("".to_owned(), "", "snapshot.jsonl: line 1: the file ends too early"),
        ("{}\n".to_owned(), "", "snapshot.jsonl: line 1: column 2: missing field `format`"),
        (header.to_owned(), "", "snapshot.jsonl: line 1: the file ends too early"),
        (format!("{header}\n"), "", "snapshot.jsonl: line 2: the file ends too early"),
        (
            snapshot_text.replace(r#""format":1"#, r#""format":2"#),
            "",
            "snapshot.jsonl: line 1: unknown format 2; expected 1",
        ),
        (
            snapshot_text.replace("putThing", "putTing"),
            "",
            "snapshot.jsonl: line 2: column 10: unknown variant",
        ),
        (snapshot_text.replace("floor", "\u{1}"), "", "snapshot.jsonl: line 2: column"),
        (snapshot_text.trim_end().to_owned(), "", "snapshot.jsonl: line 3: the file ends too early"),
        (format!("{snapshot_text}{{}}\n"), "", "snapshot.jsonl: line 4: more than 2 changes"),
        (format!("{snapshot_text}{{}}"), "", "snapshot.jsonl: line 4: more than 2 changes"),
        (snapshot_text.replace("\"version\":1", "\"version\":-1"), "", "snapshot.jsonl: line 2: column"),
        (snapshot_text.replace("\"version\":1", "\"size\":1"), "", "snapshot.jsonl: line 2: column"),
        (snapshot_text.clone(), "x\n", "log.jsonl: line 1: column 1: expected value"),
        (snapshot_text.clone(), "\n", "log.jsonl: line 1: "),
        (snapshot_text.clone(), "\0\0\0\n", "log.jsonl: line 1: "),
        (
            snapshot_text.clone(),
            "{\"sequence\":4,\"changes\":[]}\n",
            "log.jsonl: line 1: sequence 4; expected 3",
        ),
        (
            snapshot_text.clone(),
            "{\"sequence\":0,\"changes\":[]}\n",
            "log.jsonl: line 1: sequence 0; expected 3",
        ),
        (
            snapshot_text.clone(),
            "{\"sequence\":3,\"changes\":[]}\n{\"sequence\":3,\"changes\":[]}\n",
            "log.jsonl: line 2: sequence 3; expected 4",
        ),
        (
            snapshot_text.clone(),
            "{\"sequence\":3,\"changes\":[{\"removeThing\":{\"name\":\"a\",\"also\":1}}]}\n",
            "log.jsonl: line 1: column",
        ),
        (
            snapshot_text.clone(),
            "{\"sequence\":3,\"changes\":[{\"attachPolicy\":{\"policy\":\"a\",\"target\":\"b\"}}]}\n",
            "log.jsonl: line 1: column",
        ),
        (snapshot_text.clone(), "{\"sequence\":3,\"changes\":[],\"more\":1}\n", "log.jsonl: line 1: column"),
        (snapshot_text.clone(), &format!("x\n{later}\n"), "log.jsonl: line 1: column 1: expected value"),
    ] {
        let folder = folder();
        fs::write(folder.path().join(SNAPSHOT), &snapshot).unwrap();
        fs::write(folder.path().join(LOG), log).unwrap();
        let before = contents(folder.path());
        let found = error(folder.path());
        assert!(found.contains(expected), "{found}; expected {expected}");
        assert!(found.starts_with(&*folder.path().to_string_lossy()), "{found}");
        assert_eq!(contents(folder.path()), before, "{expected}");
    }
}

#[test]
fn one_process_at_a_time_has_the_registry() {
    let folder = folder();
    let first = open(folder.path()).unwrap();
    assert!(error(folder.path()).contains("lock: another process uses this registry"));
    let error = move_away(folder.path()).unwrap_err().to_string();
    assert!(error.contains("another process"), "{error}");
    drop(first);
    open(folder.path()).unwrap();
}

#[test]
fn only_the_owner_reads_the_files() {
    let parent = folder();
    let registry = parent.path().join("123456789012/us-east-1/registry");
    let (mut store, content) = Store::open(&registry, 0).unwrap();
    store.append(std::iter::once([thing("a")].as_slice())).unwrap();
    let mut fold = store.start_fold().unwrap();
    fold.write(&content).unwrap();
    store.finish_fold(&fold).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for name in ["lock", LOG, SNAPSHOT] {
        assert_eq!(mode(&registry.join(name)), 0o600, "{name}");
    }
    for folder in registry.ancestors().take(3) {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
}

#[test]
fn a_registry_is_moved_away_and_replaces_an_older_one() {
    let parent = folder();
    let registry = parent.path().join("registry");
    let old = parent.path().join("registry.old");
    move_away(&registry).unwrap();
    assert!(!registry.exists() && !old.exists());
    for name in ["first", "second"] {
        let (mut store, content) = open(&registry).unwrap();
        assert_eq!(names(&content), Vec::<&str>::new());
        store.append(std::iter::once([thing(name)].as_slice())).unwrap();
        drop(store);
        move_away(&registry).unwrap();
        assert!(!registry.exists());
        assert_eq!(names(&open(&old).unwrap().1), [name]);
    }
}

/// A store whose writes fail: its log is a device that is always full.
fn fill_disk(store: &mut Store) {
    store.log = File::options().read(true).write(true).open("/dev/full").unwrap();
}

#[test]
fn a_full_disk_changes_nothing() {
    let folder = folder();
    let database = Arc::new(Database::open(Some(folder.path()), NEVER).unwrap());
    let add = |name: &str| database.write(|_| Ok((vec![thing(name)], ())));
    add("a").unwrap();
    database.with_store(fill_disk);
    let revision = *database.revision().borrow();
    let error = add("b").unwrap_err();
    assert_eq!(error.kind, ErrorKind::InternalFailure);
    assert!(error.message.contains("No space left on device"), "{error}");
    // Decisions and readers have the registry as it was.
    database.read(|registry| assert_eq!(names(registry), ["a"]));
    let staged: Result<(), ApiError> = database.write(|registry| {
        assert_eq!(names(registry), ["a"]);
        Ok((Vec::new(), ()))
    });
    staged.unwrap();
    assert_eq!(*database.revision().borrow(), revision);
    drop(database);
    assert_eq!(names(&open(folder.path()).unwrap().1), ["a"]);
}

#[test]
fn a_log_with_an_unknown_end_is_not_continued() {
    let folder = with_log(&["a"]);
    let (mut store, _) = open(folder.path()).unwrap();
    // The device can be neither written nor cut.
    fill_disk(&mut store);
    store.append(std::iter::once([thing("b")].as_slice())).unwrap_err();
    let error = store.append(std::iter::once([thing("c")].as_slice())).unwrap_err();
    assert_eq!(error.to_string(), "an earlier write failed; start again");
}

#[test]
fn concurrent_calls_are_all_stored() {
    const THREADS: usize = 8;
    const CALLS: usize = 50;
    let folder = folder();
    let database = Arc::new(Database::open(Some(folder.path()), 2000).unwrap());
    std::thread::scope(|scope| {
        for number in 0..THREADS {
            let database = Arc::clone(&database);
            scope.spawn(move || {
                for call in 0..CALLS {
                    let name = format!("{number}-{call}");
                    database.write(|_| Ok((vec![thing(&name)], ()))).unwrap();
                    // Acknowledged: everyone sees it.
                    database.read(|registry| assert!(registry.thing(&name).is_some()));
                }
            });
        }
    });
    database.with_store(|store| assert_eq!(store.sequence, u64::try_from(THREADS * CALLS).unwrap()));
    let kept = database.read(Registry::clone);
    // A snapshot may still be written.
    let database = wait_for_last(database);
    drop(database);
    assert_eq!(open(folder.path()).unwrap().1, kept);
    assert!(folder.path().join(SNAPSHOT).exists());
}

/// Waits until no thread writes a snapshot.
fn wait_for_last(database: Arc<Database>) -> Database {
    let mut database = database;
    loop {
        match Arc::try_unwrap(database) {
            Ok(last) => return last,
            Err(shared) => database = shared,
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

#[test]
fn an_error_of_a_decision_changes_nothing() {
    let database = Arc::new(Database::open(None, NEVER).unwrap());
    let result: Result<(), _> = database.write(|_| Err(ApiError::invalid("no")));
    assert_eq!(result.unwrap_err(), ApiError::invalid("no"));
    assert_eq!(*database.revision().borrow(), 0);
    database.write(|_| Ok((Vec::new(), ()))).unwrap();
    assert_eq!(*database.revision().borrow(), 0);
    database.write(|_| Ok((vec![thing("a"), thing("b")], ()))).unwrap();
    assert_eq!(*database.revision().borrow(), 2);
}
