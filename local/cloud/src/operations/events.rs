//! Event configurations. They are stored, and have no effect: just-in-time registration publishes its events on AWS,
//! too, while all of them are disabled.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/iot-events.html>

use serde_json::{Map, Value, json};

use super::{Input, empty, expected, timestamp};
use crate::cloud::Cloud;
use crate::error::ApiError;
use crate::registry::{Change, EventConfigurations, EventType};

/// DescribeEventConfigurations: all types, enabled or not.
pub(crate) fn describe_event_configurations(cloud: &Cloud, _: &Input) -> Result<Value, ApiError> {
    Ok(cloud.read(|registry| {
        let found = registry.event_configurations();
        let configurations = EventType::ALL.iter().map(|kind| {
            let is_enabled = found.is_some_and(|found| found.enabled.contains(kind));
            (kind.name().to_owned(), json!({ "Enabled": is_enabled }))
        });
        let configurations: Map<String, Value> = configurations.collect();
        match found {
            None => json!({ "eventConfigurations": configurations }),
            Some(found) => json!({
                "eventConfigurations": configurations,
                "creationDate": timestamp(found.created),
                "lastModifiedDate": timestamp(found.modified),
            }),
        }
    }))
}

/// UpdateEventConfigurations. Types that the request does not have stay.
///
/// # Errors
/// 400 for an unknown type.
pub(crate) fn update_event_configurations(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let now = cloud.now();
    let mut new = Vec::new();
    for (name, value) in input.object("eventConfigurations")?.into_iter().flatten() {
        let kind = EventType::from_name(name)
            .ok_or_else(|| expected("eventConfigurations", "the names of AWS's types of events"))?;
        let members = value.as_object().ok_or_else(|| expected("eventConfigurations", "objects"))?;
        let is_enabled = match members.get("Enabled") {
            None | Some(Value::Null) => false,
            Some(value) => value.as_bool().ok_or_else(|| expected("Enabled", "a boolean"))?,
        };
        new.push((kind, is_enabled));
    }
    cloud.write(|registry| {
        let (created, mut enabled) = registry
            .event_configurations()
            .map_or_else(|| (now, Default::default()), |found| (found.created, found.enabled.clone()));
        for (kind, is_enabled) in new {
            if is_enabled {
                enabled.insert(kind)
            } else {
                enabled.remove(&kind)
            };
        }
        let changed = EventConfigurations { enabled, created, modified: now };
        Ok((vec![Change::SetEventConfigurations(changed.into())], empty()))
    })
}
