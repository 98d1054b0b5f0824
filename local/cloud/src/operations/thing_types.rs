//! Thing types.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/thing-types.html>

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::names::{ATTRIBUTE_NAME, THING_NAME, description};
use super::paging::Page;
use super::{Input, empty, expected, tags, timestamp, with_token};
use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::registry::{Change, Record, Registry, ThingType};

const MAX_SEARCHABLE: usize = 3;
const MAX_PROPAGATING: usize = 20;

/// CreateThingType. The same type again is no error.
///
/// # Errors
/// 409 if a type of this name has other properties.
pub(crate) fn create_thing_type(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?.to_owned();
    let properties = properties(input)?.unwrap_or_default();
    let tags = tags::read(input)?;
    let now = cloud.now();
    cloud.write(|registry| {
        let answer =
            |id: &str| json!({ "thingTypeName": name, "thingTypeArn": arn(cloud, &name), "thingTypeId": id });
        if let Some(present) = registry.thing_type(&name) {
            if present.properties == properties {
                return Ok((Vec::new(), answer(&present.id)));
            }
            let message = format!("thing type {name} exists with other properties; help: update it");
            let existing = Some((name.clone(), arn(cloud, &name)));
            return Err(ApiError { existing, ..ApiError::new(ErrorKind::ResourceAlreadyExists, message) });
        }
        let id = Uuid::new_v4().to_string();
        let answer = answer(&id);
        let created = ThingType { name: name.clone(), id, properties, created: now, deprecated: None };
        let mut changes = vec![Change::PutThingType(created.into())];
        changes.extend(tags::change(format!("thingtype/{name}"), tags));
        Ok((changes, answer))
    })
}

/// DescribeThingType.
///
/// # Errors
/// 404.
pub(crate) fn describe_thing_type(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    cloud.read(|registry| {
        let found = find(registry, name)?;
        let mut answer = value(cloud, found);
        if let Some(members) = answer.as_object_mut() {
            members.insert("thingTypeId".to_owned(), found.id.as_str().into());
        }
        Ok(answer)
    })
}

/// UpdateThingType. Properties that the request does not have stay.
///
/// # Errors
/// 404.
pub(crate) fn update_thing_type(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    let new = properties(input)?.unwrap_or_default();
    cloud.write(|registry| {
        let old = find(registry, name)?;
        let mut changed = ThingType::clone(old);
        changed.properties.extend(new);
        Ok((changes(old, changed), empty()))
    })
}

/// DeprecateThingType: no more things can have it. `undoDeprecate` takes that back.
///
/// # Errors
/// 404.
pub(crate) fn deprecate_thing_type(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    let is_undone = input.flag("undoDeprecate")?.unwrap_or(false);
    let now = cloud.now();
    cloud.write(|registry| {
        let old = find(registry, name)?;
        let deprecated = if is_undone { None } else { old.deprecated.or(Some(now)) };
        let changed = ThingType { deprecated, ..ThingType::clone(old) };
        Ok((changes(old, changed), empty()))
    })
}

/// DeleteThingType. AWS asks to wait five minutes after the deprecation; here it can be deleted at once.
///
/// # Errors
/// 404, 400 if it is not deprecated or a thing has it.
pub(crate) fn delete_thing_type(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    cloud.write(|registry| {
        if find(registry, name)?.deprecated.is_none() {
            return Err(ApiError::invalid(format!(
                "thing type {name} is not deprecated; help: deprecate it first"
            )));
        }
        if let Some(thing) = registry.things_of_type(name).next() {
            return Err(ApiError::invalid(format!(
                "thing {} has the type {name}; help: remove the type of the thing first",
                thing.name
            )));
        }
        Ok((vec![Change::RemoveThingType { name: name.to_owned() }], empty()))
    })
}

/// ListThingTypes, all or the one of a name.
pub(crate) fn list_thing_types(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_token("thing-types", input)?;
    let wanted = input.query("thingTypeName");
    let wanted = wanted.map(|name| THING_NAME.check("thingTypeName", name)).transpose()?;
    Ok(cloud.read(|registry| {
        let types = registry.thing_types().filter(|found| wanted.is_none_or(|name| found.name == name));
        let (types, token) = page.cut(types.map(|found| (found.name.clone(), value(cloud, found))));
        with_token(json!({ "thingTypes": types }), "nextToken", token)
    }))
}

fn value(cloud: &Cloud, found: &ThingType) -> Value {
    let mut metadata =
        json!({ "deprecated": found.deprecated.is_some(), "creationDate": timestamp(found.created) });
    if let (Some(time), Some(members)) = (found.deprecated, metadata.as_object_mut()) {
        members.insert("deprecationDate".to_owned(), timestamp(time));
    }
    json!({
        "thingTypeName": found.name,
        "thingTypeArn": arn(cloud, &found.name),
        "thingTypeProperties": found.properties,
        "thingTypeMetadata": metadata,
    })
}

fn changes(old: &ThingType, new: ThingType) -> Vec<Change> {
    if *old == new { Vec::new() } else { vec![Change::PutThingType(new.into())] }
}

fn find<'a>(registry: &'a Registry, name: &str) -> Result<&'a Record<ThingType>, ApiError> {
    registry.thing_type(name).ok_or_else(|| ApiError::not_found(format_args!("thing type {name}")))
}

fn name(input: &Input) -> Result<&str, ApiError> {
    THING_NAME.check("thingTypeName", input.label("thingTypeName")?)
}

fn arn(cloud: &Cloud, name: &str) -> String {
    cloud.account().arn(format_args!("thingtype/{name}"))
}

/// Reads `thingTypeProperties`. Unknown members are dropped, as by AWS.
fn properties(input: &Input) -> Result<Option<Map<String, Value>>, ApiError> {
    let Some(members) = input.object("thingTypeProperties")? else { return Ok(None) };
    let mut properties = Map::new();
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        match name.as_str() {
            "thingTypeDescription" => drop(description("thingTypeDescription", value)?),
            "searchableAttributes" => check_searchable(value)?,
            "mqtt5Configuration" => check_mqtt5(value)?,
            _ => continue,
        }
        properties.insert(name.clone(), value.clone());
    }
    Ok(Some(properties))
}

fn check_searchable(value: &Value) -> Result<(), ApiError> {
    let invalid = || expected("searchableAttributes", "a list of up to 3 names of attributes");
    let names = value.as_array().filter(|names| names.len() <= MAX_SEARCHABLE).ok_or_else(invalid)?;
    names.iter().try_for_each(|name| {
        let name = name.as_str().ok_or_else(invalid)?;
        ATTRIBUTE_NAME.check("searchableAttributes", name).map(|_| ())
    })
}

/// The attributes of a thing that AWS adds to its MQTT 5 messages. They are stored, and not added here.
fn check_mqtt5(value: &Value) -> Result<(), ApiError> {
    let invalid = || expected("mqtt5Configuration", "an object with the list propagatingAttributes");
    let attributes = match value.as_object().ok_or_else(invalid)?.get("propagatingAttributes") {
        None | Some(Value::Null) => return Ok(()),
        Some(attributes) => attributes.as_array().ok_or_else(invalid)?,
    };
    if attributes.len() > MAX_PROPAGATING {
        return Err(expected("propagatingAttributes", "20 at most"));
    }
    let is_text = |value: &Value| value.as_str().is_some_and(|text| text.len() <= 128) || value.is_null();
    let is_attribute = |value: &Value| value.as_object().is_some_and(|members| members.values().all(is_text));
    if attributes.iter().all(is_attribute) {
        Ok(())
    } else {
        Err(expected("propagatingAttributes", "objects with texts of up to 128 characters"))
    }
}
