//! What is on disk survives, and what no longer counts is removed.

use iot_local_cloud::registry::Registry;
use serde_json::json;

use crate::world::{classic, named, open, update, wait};

#[test]
fn shadows_and_their_versions_survive() {
    let folder = tempfile::tempdir().unwrap();
    let path = || Some(folder.path().join("registry"));
    let cloud = open(path());
    for i in 0..3 {
        update(&cloud, &classic("lamp"), &json!({ "state": { "desired": { "i": i } } })).unwrap();
        update(&cloud, &named("config"), &json!({ "state": { "reported": { "i": i } } })).unwrap();
    }
    cloud.delete_shadow(&named("config"), b"").unwrap();
    let before = cloud.get_shadow(&classic("lamp"), b"").unwrap();
    // A process that is killed closes nothing: the log is read as it is.
    let copy = folder.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    std::fs::copy(folder.path().join("registry/log.jsonl"), copy.join("log.jsonl")).unwrap();
    let cloud = open(Some(copy));
    assert_eq!(cloud.get_shadow(&classic("lamp"), b"").unwrap(), before);
    assert_eq!(cloud.get_shadow(&named("config"), b"").unwrap_err().code, 404);
    let again = update(&cloud, &named("config"), &json!({ "state": {} })).unwrap();
    assert_eq!(again.accepted["version"], 4);
}

#[test]
fn a_deleted_shadow_is_forgotten_after_48_hours() {
    let folder = tempfile::tempdir().unwrap();
    let path = || Some(folder.path().join("registry"));
    let records = |registry: &Registry| registry.changes().count();
    let cloud = open(path());
    for name in ["a", "b", "c"] {
        update(&cloud, &named(name), &json!({ "state": {} })).unwrap();
    }
    cloud.delete_shadow(&named("a"), b"").unwrap();
    wait(48 * 3600 - 1);
    cloud.delete_shadow(&named("b"), b"").unwrap();
    assert_eq!(cloud.read(records), 3, "one second too early");
    wait(1);
    cloud.delete_shadow(&named("c"), b"").unwrap();
    assert_eq!(cloud.read(records), 2, "by the next deletion");
    drop(cloud);
    wait(48 * 3600);
    assert_eq!(open(path()).read(records), 0, "at the start");
}

#[test]
fn an_update_does_not_concern_what_clients_may_do() {
    let cloud = open(None);
    let before = *cloud.revision().borrow();
    update(&cloud, &classic("lamp"), &json!({ "state": {} })).unwrap();
    cloud.delete_shadow(&classic("lamp"), b"").unwrap();
    assert_eq!(*cloud.revision().borrow(), before);
}
