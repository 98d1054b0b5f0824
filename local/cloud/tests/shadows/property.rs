//! Random updates: of two writers with versions none loses its change, the delta is what is desired and not reported,
//! and versions grow.

#[path = "../../../../tests/support/random.rs"]
mod random;

use std::sync::Barrier;

use iot_local_cloud::registry::Shadow;
use iot_local_cloud::shadows::delta;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::cases::has_shape;
use crate::world::{classic, open, update, wait};

/// A value of a state, `null` included.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        2 => (0..3_u8).prop_map(Value::from),
        1 => select(&["", "x"][..]).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => proptest::collection::vec(0..3_u8, 0..3).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        proptest::collection::btree_map(select(&["a", "b", "c"][..]), inner, 0..4)
            .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    })
}

fn section() -> impl Strategy<Value = Option<Value>> {
    let members = proptest::collection::btree_map(select(&["a", "b", "c"][..]), value(), 0..4);
    let members = members.prop_map(|members| {
        let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
        Value::Object(members.collect())
    });
    prop_oneof![1 => Just(None), 1 => Just(Some(Value::Null)), 8 => members.prop_map(Some)]
}

#[derive(Debug, Clone)]
enum Step {
    Update { desired: Option<Value>, reported: Option<Value>, version: Option<u64> },
    Delete,
}

fn step() -> impl Strategy<Value = Step> {
    let version = prop_oneof![3 => Just(None), 1 => (0..8_u64).prop_map(Some)];
    prop_oneof![
        8 => (section(), section(), version)
            .prop_map(|(desired, reported, version)| Step::Update { desired, reported, version }),
        1 => Just(Step::Delete),
    ]
}

/// RFC 7396, which is what AWS's rules are.
fn merge_patch(target: Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let Value::Object(mut target) = target else {
        return merge_patch(json!({}), &Value::Object(patch.clone()));
    };
    for (name, value) in patch {
        match value {
            Value::Null => drop(target.remove(name)),
            value => {
                let old = target.remove(name).unwrap_or_default();
                target.insert(name.clone(), merge_patch(old, value));
            }
        }
    }
    Value::Object(target)
}

fn section_after(before: &Map<String, Value>, patch: Option<&Value>) -> Map<String, Value> {
    match patch {
        None => before.clone(),
        Some(patch) => match merge_patch(Value::Object(before.clone()), patch) {
            Value::Object(members) => members,
            _ => Map::new(),
        },
    }
}

/// Each path to a value that is no object, or to an empty object.
fn leaves(value: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(name, value)| leaves(value, &format!("{path}/{name}"), found));
        }
        value => found.push((path.to_owned(), value.clone())),
    }
}

fn check_delta(shadow: &Shadow) {
    let difference = delta(&shadow.state.desired, &shadow.state.reported);
    let (desired, reported) =
        (Value::Object(shadow.state.desired.clone()), Value::Object(shadow.state.reported.clone()));
    let mut paths = Vec::new();
    leaves(&Value::Object(difference.clone()), "", &mut paths);
    for (path, value) in paths.iter().filter(|(path, _)| !path.is_empty()) {
        assert_eq!(desired.pointer(path), Some(value), "{path}: only what is desired");
        assert_ne!(reported.pointer(path), Some(value), "{path}: only what is not reported");
    }
    // A device that reports the delta has all that is desired.
    let after = section_after(&shadow.state.reported, Some(&Value::Object(difference)));
    assert!(delta(&shadow.state.desired, &after).is_empty(), "{shadow:?}");
}

proptest! {
    #![proptest_config(random::config(300))]

    #[test]
    fn updates_follow_the_model(steps in proptest::collection::vec(step(), 1..25)) {
        let cloud = open(None);
        let id = classic("lamp");
        let (mut desired, mut reported, mut version, mut exists) = (Map::new(), Map::new(), 0_u64, false);
        for step in &steps {
            wait(1);
            match step {
                Step::Delete => {
                    let answer = cloud.delete_shadow(&id, b"");
                    prop_assert_eq!(answer.is_ok(), exists);
                    (desired, reported, exists) = (Map::new(), Map::new(), false);
                }
                Step::Update { desired: next_desired, reported: next_reported, version: expected } => {
                    let mut payload = json!({ "state": {} });
                    for (name, section) in [("desired", next_desired), ("reported", next_reported)] {
                        if let Some(section) = section {
                            payload["state"][name] = section.clone();
                        }
                    }
                    if let Some(expected) = expected {
                        payload["version"] = json!(expected);
                    }
                    let outcome = update(&cloud, &id, &payload);
                    prop_assert_eq!(outcome.is_ok(), expected.is_none_or(|expected| expected == version));
                    let Ok(updated) = outcome else { continue };
                    version += 1;
                    exists = true;
                    desired = section_after(&desired, next_desired.as_ref());
                    reported = section_after(&reported, next_reported.as_ref());
                    prop_assert_eq!(&updated.accepted["version"], &json!(version));
                    let difference = updated.delta.map(|delta| delta["state"].clone()).unwrap_or(json!({}));
                    prop_assert_eq!(difference, Value::Object(delta(&desired, &reported)));
                }
            }
            let found = cloud.read(|registry| registry.shadow("lamp", None).cloned());
            prop_assert_eq!(found.is_some(), exists);
            let Some(shadow) = found else { continue };
            prop_assert_eq!(&shadow.state.desired, &desired);
            prop_assert_eq!(&shadow.state.reported, &reported);
            prop_assert_eq!(shadow.version, version);
            let parts = |sections: &iot_local_cloud::registry::ShadowSections| {
                json!({ "desired": sections.desired, "reported": sections.reported })
            };
            prop_assert!(has_shape(&parts(&shadow.metadata), &parts(&shadow.state)));
            check_delta(&shadow);
        }
    }

    /// Payloads that are nearly right never panic, and a rejected one changes nothing.
    #[test]
    fn any_payload_is_answered(payload in proptest::collection::vec(any::<u8>(), 0..64), text in "[{}\\[\\]\":,a-z0-9 ]{0,40}") {
        let cloud = open(None);
        let id = classic("lamp");
        for payload in [payload.as_slice(), text.as_bytes()] {
            if cloud.update_shadow(&id, payload).is_err() {
                prop_assert_eq!(cloud.get_shadow(&id, b"").unwrap_err().code, 404);
            }
            let _ = cloud.get_shadow(&id, payload);
            let _ = cloud.delete_shadow(&id, payload);
        }
    }
}

/// Each of two writers counts up by reading and writing with the version, until its own count is complete.
#[test]
fn two_writers_with_versions_lose_no_update() {
    const COUNT: u64 = 200;
    let cloud = open(None);
    let id = classic("counter");
    update(&cloud, &id, &json!({ "state": { "reported": { "count": 0 } } })).unwrap();
    let start = Barrier::new(2);
    let conflicts: u64 = std::thread::scope(|scope| {
        let writers = [0, 1].map(|_| {
            scope.spawn(|| {
                start.wait();
                let (mut done, mut conflicts) = (0, 0);
                while done < COUNT {
                    let document = cloud.get_shadow(&id, b"").unwrap();
                    let count = document["state"]["reported"]["count"].as_u64().unwrap();
                    let next = json!({ "state": { "reported": { "count": count + 1 } }, "version": document["version"] });
                    match update(&cloud, &id, &next) {
                        Ok(_) => done += 1,
                        Err(rejection) => {
                            assert_eq!(rejection.code, 409);
                            conflicts += 1;
                        }
                    }
                }
                conflicts
            })
        });
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    let document = cloud.get_shadow(&id, b"").unwrap();
    println!("{conflicts} conflicts");
    assert_eq!(
        (&document["state"]["reported"]["count"], &document["version"]),
        (&json!(2 * COUNT), &json!(2 * COUNT + 1))
    );
}
