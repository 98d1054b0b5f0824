//! The documents that answer requests.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-document.html#device-shadow-example-response-json>

use serde_json::{Map, Value, json};

use super::client_token::ClientToken;
use super::document::{delta as difference, delta_metadata, stamps};
use super::request::{SectionUpdate, Update};
use crate::registry::{Shadow, ShadowSections};

/// Returns milliseconds since 1970 as seconds.
pub(super) fn seconds(milliseconds: i64) -> i64 {
    milliseconds.div_euclid(1000)
}

/// Returns the size of a state, as JSON without white space.
pub(super) fn state_bytes(state: &ShadowSections) -> usize {
    sections(state).to_string().len()
}

/// The answer to `get`: the whole document with the delta.
pub(super) fn document(shadow: &Shadow, now: i64, token: Option<&ClientToken>) -> Value {
    let mut members = parts(shadow);
    let difference = difference(&shadow.state.desired, &shadow.state.reported);
    if !difference.is_empty()
        && let Some(Value::Object(state)) = members.get_mut("state")
    {
        state.insert("delta".to_owned(), Value::Object(difference));
    }
    complete(members, now, token)
}

/// The answer to `update`: what the request had, and the times that it has set.
pub(super) fn accepted(update: &Update, version: u64, now: i64) -> Value {
    let mut metadata = Map::new();
    for (name, section) in [("desired", &update.desired), ("reported", &update.reported)] {
        if let SectionUpdate::Merge(members) = section {
            metadata.insert(name.to_owned(), Value::Object(stamps(members, seconds(now))));
        }
    }
    let members = [
        ("state".to_owned(), update.state.clone()),
        ("metadata".to_owned(), Value::Object(metadata)),
        ("version".to_owned(), version.into()),
    ];
    complete(members.into_iter().collect(), now, update.token.as_ref())
}

/// The message for `update/delta`.
pub(super) fn delta(shadow: &Shadow, now: i64, token: Option<&ClientToken>) -> Option<Value> {
    let state = difference(&shadow.state.desired, &shadow.state.reported);
    if state.is_empty() {
        return None;
    }
    let metadata = delta_metadata(&shadow.metadata.desired, &state);
    let members = [
        ("state".to_owned(), Value::Object(state)),
        ("metadata".to_owned(), Value::Object(metadata)),
        ("version".to_owned(), shadow.version.into()),
    ];
    Some(complete(members.into_iter().collect(), now, token))
}

/// The message for `update/documents`.
pub(super) fn documents(previous: &Shadow, current: &Shadow, now: i64, token: Option<&ClientToken>) -> Value {
    let members = [
        ("previous".to_owned(), Value::Object(parts(previous))),
        ("current".to_owned(), Value::Object(parts(current))),
    ];
    complete(members.into_iter().collect(), now, token)
}

/// The answer to `delete`.
pub(super) fn deleted(version: u64, now: i64, token: Option<&ClientToken>) -> Value {
    complete(Map::from_iter([("version".to_owned(), version.into())]), now, token)
}

fn parts(shadow: &Shadow) -> Map<String, Value> {
    Map::from_iter([
        ("state".to_owned(), sections(&shadow.state)),
        ("metadata".to_owned(), sections(&shadow.metadata)),
        ("version".to_owned(), shadow.version.into()),
    ])
}

/// A section without members is absent.
fn sections(sections: &ShadowSections) -> Value {
    let mut members = Map::new();
    for (name, section) in [("desired", &sections.desired), ("reported", &sections.reported)] {
        if !section.is_empty() {
            members.insert(name.to_owned(), Value::Object(section.clone()));
        }
    }
    Value::Object(members)
}

fn complete(mut members: Map<String, Value>, now: i64, token: Option<&ClientToken>) -> Value {
    members.insert("timestamp".to_owned(), json!(seconds(now)));
    if let Some(token) = token {
        members.insert("clientToken".to_owned(), token.value());
    }
    Value::Object(members)
}
