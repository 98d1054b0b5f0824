//! Sections of a shadow's document: what an update makes of them, and how the desired one differs from the reported
//! one.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-document.html>

use serde_json::{Map, Value, json};

use super::request::SectionUpdate;

/// Applies an update to a section and the times of its values. `seconds` is now, in seconds since 1970.
pub(super) fn apply(
    section: &mut Map<String, Value>,
    metadata: &mut Map<String, Value>,
    update: &SectionUpdate,
    seconds: i64,
) {
    match update {
        SectionUpdate::Keep => {}
        SectionUpdate::Clear => {
            section.clear();
            metadata.clear();
        }
        SectionUpdate::Merge(members) => merge(section, metadata, members, seconds),
    }
}

/// Objects are merged, `null` removes a member, and any other value, arrays included, replaces the earlier one.
fn merge(
    section: &mut Map<String, Value>,
    metadata: &mut Map<String, Value>,
    members: &Map<String, Value>,
    seconds: i64,
) {
    for (name, value) in members {
        match value {
            Value::Null => {
                section.remove(name);
                metadata.remove(name);
            }
            Value::Object(members) => {
                if !section.get(name).is_some_and(Value::is_object) {
                    section.insert(name.clone(), json!({}));
                    metadata.insert(name.clone(), json!({}));
                }
                if let (Some(Value::Object(section)), Some(Value::Object(metadata))) =
                    (section.get_mut(name), metadata.get_mut(name))
                {
                    merge(section, metadata, members, seconds);
                }
            }
            value => {
                section.insert(name.clone(), value.clone());
                metadata.insert(name.clone(), stamp(value, seconds));
            }
        }
    }
}

/// Returns the metadata of the values of an object. `null`, which removes a value, has none.
pub(super) fn stamps(members: &Map<String, Value>, seconds: i64) -> Map<String, Value> {
    let present = members.iter().filter(|(_, value)| !value.is_null());
    present.map(|(name, value)| (name.clone(), stamp(value, seconds))).collect()
}

/// Returns the metadata of a value: one time for each value that is neither an object nor an array.
fn stamp(value: &Value, seconds: i64) -> Value {
    match value {
        Value::Object(members) => Value::Object(stamps(members, seconds)),
        Value::Array(items) => items.iter().map(|item| stamp(item, seconds)).collect(),
        _ => json!({ "timestamp": seconds }),
    }
}

/// Returns what is desired and not reported so. Of objects on both sides, only the members that differ; arrays count as
/// a whole.
pub(super) fn delta(desired: &Map<String, Value>, reported: &Map<String, Value>) -> Map<String, Value> {
    let differing = desired.iter().filter_map(|(name, desired)| {
        let difference = match (desired, reported.get(name)) {
            (desired, Some(reported)) if desired == reported => return None,
            (Value::Object(desired), Some(Value::Object(reported))) => {
                let members = delta(desired, reported);
                if members.is_empty() {
                    return None;
                }
                Value::Object(members)
            }
            (desired, _) => desired.clone(),
        };
        Some((name.clone(), difference))
    });
    differing.collect()
}

/// Returns the part of the desired state's metadata that belongs to a delta.
pub(super) fn delta_metadata(
    metadata: &Map<String, Value>,
    delta: &Map<String, Value>,
) -> Map<String, Value> {
    let parts = delta.iter().filter_map(|(name, value)| {
        let part = match (metadata.get(name)?, value) {
            (Value::Object(metadata), Value::Object(delta)) => Value::Object(delta_metadata(metadata, delta)),
            (metadata, _) => metadata.clone(),
        };
        Some((name.clone(), part))
    });
    parts.collect()
}
