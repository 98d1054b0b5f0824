//! Things. <https://docs.aws.amazon.com/iot/latest/developerguide/iot-thing-management.html>

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::names::{ATTRIBUTE_NAME, ATTRIBUTE_VALUE, THING_NAME};
use super::paging::Page;
use super::{Input, empty, expected};
use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::registry::{Change, Record, Registry, Thing};

/// How many attributes a thing without a type has at most.
const MAX_ATTRIBUTES: usize = 3;
/// How many attributes a thing with a type has at most.
const MAX_ATTRIBUTES_WITH_TYPE: usize = 50;

/// CreateThing. The same thing again is no error.
pub(crate) fn create_thing(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = thing_name(input)?.to_owned();
    let type_name = type_name(input)?.map(str::to_owned);
    let mut attributes = attribute_payload(input)?.map(|payload| payload.attributes).unwrap_or_default();
    attributes.retain(|_, value| !value.is_empty());
    let now = cloud.now();
    cloud.write(|registry| {
        check_billing_group(input)?;
        check_type(registry, type_name.as_deref(), None)?;
        check_count(&attributes, type_name.as_deref())?;
        if let Some(existing) = registry.thing(&name) {
            if existing.type_name == type_name && existing.attributes == attributes {
                return Ok((Vec::new(), created(cloud, existing)));
            }
            let mut error = ApiError::new(
                ErrorKind::ResourceAlreadyExists,
                format!("thing {name} exists with another type or other attributes; help: update it"),
            );
            error.existing = Some((name.clone(), arn(cloud, &name)));
            return Err(error);
        }
        let id = Uuid::new_v4().to_string();
        let thing = Thing { name, id, type_name, attributes, version: 1, created: now };
        let response = created(cloud, &thing);
        Ok((vec![Change::PutThing(thing.into())], response))
    })
}

/// DescribeThing.
pub(crate) fn describe_thing(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = thing_name(input)?;
    cloud.read(|registry| {
        let thing = find(registry, name)?;
        let mut output = json!({
            "defaultClientId": name,
            "thingName": name,
            "thingId": thing.id,
            "thingArn": arn(cloud, name),
            "attributes": thing.attributes,
            "version": thing.version,
        });
        add_type(&mut output, thing);
        Ok(output)
    })
}

/// UpdateThing. Without `merge`, the attributes are replaced. An empty value removes an attribute.
pub(crate) fn update_thing(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = thing_name(input)?;
    let (new_type, removes_type) = (type_name(input)?, input.flag("removeThingType")?.unwrap_or(false));
    if removes_type && new_type.is_some() {
        return Err(ApiError::invalid("thingTypeName and removeThingType exclude each other"));
    }
    let (payload, expected_version) = (attribute_payload(input)?, input.integer("expectedVersion")?);
    cloud.write(|registry| {
        let old = find(registry, name)?;
        check_version(old, expected_version)?;
        check_type(registry, new_type, old.type_name.as_deref())?;
        let mut thing = Thing { version: old.version.saturating_add(1), ..Thing::clone(old) };
        if removes_type {
            thing.type_name = None;
        } else if let Some(new_type) = new_type {
            thing.type_name = Some(new_type.to_owned());
        }
        if let Some(AttributePayload { attributes, merges }) = payload {
            if !merges {
                thing.attributes.clear();
            }
            thing.attributes.extend(attributes);
            thing.attributes.retain(|_, value| !value.is_empty());
        }
        check_count(&thing.attributes, thing.type_name.as_deref())?;
        Ok((vec![Change::PutThing(thing.into())], empty()))
    })
}

/// DeleteThing: without principals. A missing thing is no error.
pub(crate) fn delete_thing(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = thing_name(input)?;
    let expected_version = input.query_integer("expectedVersion")?;
    cloud.write(|registry| {
        let Some(thing) = registry.thing(name) else { return Ok((Vec::new(), empty())) };
        check_version(thing, expected_version)?;
        if let Some((principal, _)) = registry.principals_of(name).next() {
            let principal = principal.api_name(cloud.account());
            return Err(ApiError::invalid(format!(
                "thing {name} has the principal {principal}; help: detach it first"
            )));
        }
        Ok((vec![Change::RemoveThing { name: name.to_owned() }], empty()))
    })
}

/// ListThings, with filters by type and by attribute.
pub(crate) fn list_things(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_token("things", input)?;
    let type_name = input.query("thingTypeName");
    let type_name = type_name.map(|name| THING_NAME.check("thingTypeName", name)).transpose()?;
    let filter = AttributeFilter::read(input)?;
    Ok(cloud.read(|registry| {
        let things = registry.things().filter(|thing| {
            type_name.is_none_or(|name| thing.type_name.as_deref() == Some(name)) && filter.accepts(thing)
        });
        let (things, token) = page.cut_sorted(things.map(|thing| (thing.name.as_str(), thing)));
        let things: Vec<_> = things.iter().map(|thing| listed(cloud, thing)).collect();
        super::with_token(json!({ "things": things }), "nextToken", token)
    }))
}

/// Returns a thing.
///
/// # Errors
/// ResourceNotFound.
pub(super) fn find<'a>(registry: &'a Registry, name: &str) -> Result<&'a Record<Thing>, ApiError> {
    registry.thing(name).ok_or_else(|| ApiError::not_found(format_args!("thing {name}")))
}

/// Returns the label `thingName`.
pub(super) fn thing_name(input: &Input) -> Result<&str, ApiError> {
    THING_NAME.check("thingName", input.label("thingName")?)
}

/// Which things ListThings returns by their attributes.
struct AttributeFilter<'a> {
    name: Option<&'a str>,
    value: Option<&'a str>,
    is_prefix: bool,
}

impl<'a> AttributeFilter<'a> {
    fn read(input: &'a Input) -> Result<Self, ApiError> {
        let name = input.query("attributeName");
        let value = input.query("attributeValue");
        if let Some(name) = name {
            ATTRIBUTE_NAME.check("attributeName", name)?;
        }
        if let Some(value) = value {
            ATTRIBUTE_VALUE.check("attributeValue", value)?;
        }
        if value.is_some() && name.is_none() {
            return Err(ApiError::invalid("attributeName is missing; attributeValue needs it"));
        }
        Ok(Self { name, value, is_prefix: input.query_flag("usePrefixAttributeValue")?.unwrap_or(false) })
    }

    fn accepts(&self, thing: &Thing) -> bool {
        let Some(name) = self.name else { return true };
        thing.attributes.get(name).is_some_and(|present| match self.value {
            None => true,
            Some(value) if self.is_prefix => present.starts_with(value),
            Some(value) => present == value,
        })
    }
}

fn created(cloud: &Cloud, thing: &Thing) -> Value {
    json!({ "thingName": thing.name, "thingArn": arn(cloud, &thing.name), "thingId": thing.id })
}

fn listed(cloud: &Cloud, thing: &Thing) -> Value {
    let mut output = json!({
        "thingName": thing.name,
        "thingArn": arn(cloud, &thing.name),
        "attributes": thing.attributes,
        "version": thing.version,
    });
    add_type(&mut output, thing);
    output
}

fn add_type(output: &mut Value, thing: &Thing) {
    if let (Some(members), Some(name)) = (output.as_object_mut(), &thing.type_name) {
        members.insert("thingTypeName".to_owned(), Value::String(name.clone()));
    }
}

fn arn(cloud: &Cloud, name: &str) -> String {
    cloud.account().arn(format_args!("thing/{name}"))
}

fn type_name(input: &Input) -> Result<Option<&str>, ApiError> {
    input.text("thingTypeName")?.map(|name| THING_NAME.check("thingTypeName", name)).transpose()
}

/// There are no billing groups here, so none is found.
fn check_billing_group(input: &Input) -> Result<(), ApiError> {
    match input.text("billingGroupName")? {
        None => Ok(()),
        Some(name) => {
            let name = THING_NAME.check("billingGroupName", name)?;
            Err(ApiError::not_found(format_args!("billing group {name}")))
        }
    }
}

/// A new type must exist, and not be deprecated.
fn check_type(registry: &Registry, name: Option<&str>, current: Option<&str>) -> Result<(), ApiError> {
    let Some(name) = name.filter(|name| current != Some(name)) else { return Ok(()) };
    let found = registry.thing_type(name);
    let found = found.ok_or_else(|| ApiError::not_found(format_args!("thing type {name}")))?;
    if found.deprecated.is_some() {
        return Err(ApiError::invalid(format!("thing type {name} is deprecated")));
    }
    Ok(())
}

fn check_version(thing: &Thing, expected: Option<i64>) -> Result<(), ApiError> {
    match expected {
        Some(expected) if u64::try_from(expected) != Ok(thing.version) => Err(ApiError::new(
            ErrorKind::VersionConflict,
            format!("thing {} has version {}; expectedVersion is {expected}", thing.name, thing.version),
        )),
        _ => Ok(()),
    }
}

fn check_count(attributes: &BTreeMap<String, String>, type_name: Option<&str>) -> Result<(), ApiError> {
    let max = if type_name.is_some() { MAX_ATTRIBUTES_WITH_TYPE } else { MAX_ATTRIBUTES };
    if attributes.len() > max {
        let with = if type_name.is_some() { "with" } else { "without" };
        return Err(expected("attributes", &format!("up to {max} attributes of a thing {with} a type")));
    }
    Ok(())
}

/// The member `attributePayload`.
struct AttributePayload {
    attributes: BTreeMap<String, String>,
    /// Whether the thing keeps its other attributes.
    merges: bool,
}

fn attribute_payload(input: &Input) -> Result<Option<AttributePayload>, ApiError> {
    let Some(payload) = input.object("attributePayload")? else { return Ok(None) };
    let merges = match payload.get("merge").filter(|value| !value.is_null()) {
        None => false,
        Some(value) => value.as_bool().ok_or_else(|| expected("attributePayload.merge", "a boolean"))?,
    };
    let attributes = match payload.get("attributes").filter(|value| !value.is_null()) {
        None => BTreeMap::new(),
        Some(Value::Object(members)) => read_attributes(members)?,
        Some(_) => return Err(expected("attributePayload.attributes", "an object")),
    };
    Ok(Some(AttributePayload { attributes, merges }))
}

/// Reads attributes, as things and groups have them.
///
/// # Errors
/// InvalidRequest that names the attribute.
pub(super) fn read_attributes(members: &Map<String, Value>) -> Result<BTreeMap<String, String>, ApiError> {
    let read = |(name, value): (&String, &Value)| {
        ATTRIBUTE_NAME.check("the name of an attribute", name)?;
        let value = value.as_str().ok_or_else(|| expected(&format!("attribute {name}"), "a string"))?;
        ATTRIBUTE_VALUE.check(&format!("attribute {name}"), value)?;
        Ok((name.clone(), value.to_owned()))
    };
    members.iter().map(read).collect()
}
