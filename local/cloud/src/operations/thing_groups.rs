//! Thing groups.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/thing-groups.html>

mod membership;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

pub(crate) use self::membership::{
    add_thing_to_thing_group, list_thing_groups_for_thing, list_things_in_thing_group,
    remove_thing_from_thing_group, update_thing_groups_for_thing,
};

use super::names::{THING_NAME, description};
use super::paging::Page;
use super::things::read_attributes;
use super::{Input, empty, expected, missing, tags, timestamp, with_token};
use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::registry::{Change, Record, Registry, ThingGroup};

/// How many groups can be inside each other.
const MAX_DEPTH: usize = 7;
const MAX_ATTRIBUTES: usize = 50;

/// CreateThingGroup. The same group again is no error.
///
/// # Errors
/// 409 if a group of this name has another parent or other properties; 400 for an unknown parent or too many levels.
pub(crate) fn create_thing_group(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?.to_owned();
    let parent = input.text("parentGroupName")?;
    let parent = parent.map(|name| THING_NAME.check("parentGroupName", name)).transpose()?;
    let mut properties = Properties::read(input)?.unwrap_or_default();
    properties.attributes.retain(|_, value| !value.is_empty());
    let tags = tags::read(input)?;
    let now = cloud.now();
    cloud.write(|registry| {
        if let Some(parent) = parent {
            check_parent(registry, parent)?;
        }
        let group = ThingGroup {
            name: name.clone(),
            id: Uuid::new_v4().to_string(),
            parent: parent.map(str::to_owned),
            description: properties.description,
            attributes: properties.attributes,
            version: 1,
            created: now,
        };
        if let Some(present) = registry.thing_group(&name) {
            return check_same(cloud, present, &group).map(|()| (Vec::new(), created(cloud, present)));
        }
        let answer = created(cloud, &group);
        let mut changes = vec![Change::PutThingGroup(group.into())];
        changes.extend(tags::change(format!("thinggroup/{name}"), tags));
        Ok((changes, answer))
    })
}

/// DescribeThingGroup.
///
/// # Errors
/// 404.
pub(crate) fn describe_thing_group(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    cloud.read(|registry| {
        let group = find(registry, name)?;
        let mut answer = created(cloud, group);
        if let Some(members) = answer.as_object_mut() {
            members.insert("version".to_owned(), group.version.into());
            members.insert("thingGroupProperties".to_owned(), properties(group));
            members.insert("thingGroupMetadata".to_owned(), metadata(cloud, registry, group));
        }
        Ok(answer)
    })
}

/// UpdateThingGroup. Without `merge`, the attributes are replaced. An empty value removes an attribute.
///
/// # Errors
/// 404, 409 for another version.
pub(crate) fn update_thing_group(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    let new = Properties::read(input)?.ok_or_else(|| missing("thingGroupProperties"))?;
    let version = input.integer("expectedVersion")?;
    cloud.write(|registry| {
        let old = find(registry, name)?;
        check_version(old, version)?;
        let mut group = ThingGroup { version: old.version.saturating_add(1), ..ThingGroup::clone(old) };
        group.description = new.description.or(group.description);
        if new.has_attributes {
            if !new.merges {
                group.attributes.clear();
            }
            group.attributes.extend(new.attributes);
            group.attributes.retain(|_, value| !value.is_empty());
            check_count(&group.attributes)?;
        }
        let answer = json!({ "version": group.version });
        Ok((vec![Change::PutThingGroup(group.into())], answer))
    })
}

/// DeleteThingGroup. Its things stay. A missing group is no error.
///
/// # Errors
/// 409 for another version, 400 if groups are in it.
pub(crate) fn delete_thing_group(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    let version = input.query_integer("expectedVersion")?;
    cloud.write(|registry| {
        let Some(group) = registry.thing_group(name) else { return Ok((Vec::new(), empty())) };
        check_version(group, version)?;
        if let Some(child) = registry.child_groups(name).next() {
            return Err(ApiError::invalid(format!(
                "group {} is in group {name}; help: delete it first",
                child.name
            )));
        }
        Ok((vec![Change::RemoveThingGroup { name: name.to_owned() }], empty()))
    })
}

/// ListThingGroups: all, or those in a group, with `recursive` also those in these.
///
/// # Errors
/// 404 for an unknown parent.
pub(crate) fn list_thing_groups(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_token("thing-groups", input)?;
    let name = |member| input.query(member).map(|name| THING_NAME.check(member, name)).transpose();
    let (parent, prefix) = (name("parentGroup")?, name("namePrefixFilter")?.unwrap_or_default());
    let is_recursive = input.query_flag("recursive")?.unwrap_or(false);
    cloud.read(|registry| {
        let groups: Vec<&Record<ThingGroup>> = match parent {
            None => registry.thing_groups().collect(),
            Some(parent) => {
                find(registry, parent)?;
                if is_recursive {
                    descendants(registry, parent)
                } else {
                    registry.child_groups(parent).collect()
                }
            }
        };
        let groups = groups.into_iter().filter(|group| group.name.starts_with(prefix));
        let (groups, token) = page.cut(groups.map(|group| (group.name.clone(), listed(cloud, group))));
        Ok(with_token(json!({ "thingGroups": groups }), "nextToken", token))
    })
}

/// Returns the groups in a group, and those in these. The depth is limited, so the recursion ends.
fn descendants<'a>(registry: &'a Registry, name: &str) -> Vec<&'a Record<ThingGroup>> {
    let mut found = Vec::new();
    for child in registry.child_groups(name) {
        found.push(child);
        found.extend(descendants(registry, &child.name));
    }
    found
}

fn find<'a>(registry: &'a Registry, name: &str) -> Result<&'a Record<ThingGroup>, ApiError> {
    registry.thing_group(name).ok_or_else(|| ApiError::not_found(format_args!("thing group {name}")))
}

fn name(input: &Input) -> Result<&str, ApiError> {
    THING_NAME.check("thingGroupName", input.label("thingGroupName")?)
}

fn arn(cloud: &Cloud, name: &str) -> String {
    cloud.account().arn(format_args!("thinggroup/{name}"))
}

fn listed(cloud: &Cloud, group: &ThingGroup) -> Value {
    json!({ "groupName": group.name, "groupArn": arn(cloud, &group.name) })
}

fn created(cloud: &Cloud, group: &ThingGroup) -> Value {
    json!({
        "thingGroupName": group.name, "thingGroupArn": arn(cloud, &group.name), "thingGroupId": group.id,
    })
}

/// Without members that the group does not have: Terraform compares them with a configuration that does not name them.
fn properties(group: &ThingGroup) -> Value {
    let mut members = Map::new();
    if !group.attributes.is_empty() {
        members.insert("attributePayload".to_owned(), json!({ "attributes": group.attributes }));
    }
    if let Some(text) = &group.description {
        members.insert("thingGroupDescription".to_owned(), text.as_str().into());
    }
    members.into()
}

fn metadata(cloud: &Cloud, registry: &Registry, group: &ThingGroup) -> Value {
    let mut metadata = json!({ "creationDate": timestamp(group.created) });
    if let (Some(parent), Some(members)) = (&group.parent, metadata.as_object_mut()) {
        let mut parents: Vec<Value> =
            registry.group_and_parents(parent).map(|group| listed(cloud, group)).collect();
        parents.reverse();
        members.insert("parentGroupName".to_owned(), parent.as_str().into());
        members.insert("rootToParentThingGroups".to_owned(), parents.into());
    }
    metadata
}

/// AWS's model of CreateThingGroup names neither 404 nor 410.
fn check_parent(registry: &Registry, parent: &str) -> Result<(), ApiError> {
    match registry.group_and_parents(parent).count() {
        0 => Err(ApiError::invalid(format!("parentGroupName: thing group {parent} does not exist"))),
        depth if depth >= MAX_DEPTH => {
            Err(ApiError::invalid(format!("parentGroupName: {MAX_DEPTH} levels of groups are the most")))
        }
        _ => Ok(()),
    }
}

fn check_same(cloud: &Cloud, present: &ThingGroup, wanted: &ThingGroup) -> Result<(), ApiError> {
    let is_same = present.parent == wanted.parent
        && present.description == wanted.description
        && present.attributes == wanted.attributes;
    if is_same {
        return Ok(());
    }
    let name = &present.name;
    let message =
        format!("thing group {name} exists with another parent or other properties; help: update it");
    let existing = Some((name.clone(), arn(cloud, name)));
    Err(ApiError { existing, ..ApiError::new(ErrorKind::ResourceAlreadyExists, message) })
}

fn check_version(group: &ThingGroup, expected: Option<i64>) -> Result<(), ApiError> {
    match expected {
        Some(expected) if u64::try_from(expected) != Ok(group.version) => Err(ApiError::new(
            ErrorKind::VersionConflict,
            format!(
                "thing group {} has version {}; expectedVersion is {expected}",
                group.name, group.version
            ),
        )),
        _ => Ok(()),
    }
}

fn check_count(attributes: &BTreeMap<String, String>) -> Result<(), ApiError> {
    if attributes.len() > MAX_ATTRIBUTES {
        return Err(expected("attributes", "up to 50 attributes of a group"));
    }
    Ok(())
}

/// The member `thingGroupProperties`.
#[derive(Default)]
struct Properties {
    description: Option<String>,
    attributes: BTreeMap<String, String>,
    has_attributes: bool,
    merges: bool,
}

impl Properties {
    fn read(input: &Input) -> Result<Option<Self>, ApiError> {
        let Some(members) = input.object("thingGroupProperties")? else { return Ok(None) };
        let text = present(members, "thingGroupDescription");
        let text = text.map(|text| description("thingGroupDescription", text)).transpose()?;
        let mut properties = Self { description: text.map(str::to_owned), ..Self::default() };
        let Some(payload) = present(members, "attributePayload") else { return Ok(Some(properties)) };
        let payload = payload.as_object().ok_or_else(|| expected("attributePayload", "an object"))?;
        if let Some(merge) = present(payload, "merge") {
            let merge = merge.as_bool();
            properties.merges = merge.ok_or_else(|| expected("attributePayload.merge", "a boolean"))?;
        }
        if let Some(attributes) = present(payload, "attributes") {
            let attributes = attributes.as_object();
            let attributes =
                attributes.ok_or_else(|| expected("attributePayload.attributes", "an object"))?;
            properties.attributes = read_attributes(attributes)?;
            properties.has_attributes = true;
        }
        check_count(&properties.attributes)?;
        Ok(Some(properties))
    }
}

fn present<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !value.is_null())
}
