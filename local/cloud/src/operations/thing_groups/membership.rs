//! Which things are in which groups.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{descendants, find, listed, name};
use crate::cloud::Cloud;
use crate::error::ApiError;
use crate::operations::names::{self, THING_NAME};
use crate::operations::paging::Page;
use crate::operations::{Input, empty, expected, missing, things, with_token};
use crate::registry::{Change, Registry};

/// How many groups a thing can be in.
const MAX_GROUPS: usize = 10;

/// AddThingToThingGroup. A thing that is in the group already is no error.
///
/// # Errors
/// 404; 400 for an eleventh group, or a second one of a hierarchy.
pub(crate) fn add_thing_to_thing_group(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let (group, thing) = group_and_thing(cloud, input)?;
    input.flag("overrideDynamicGroups")?;
    change(cloud, &thing, &[group], &[])
}

/// RemoveThingFromThingGroup. A thing that is not in the group is no error.
///
/// # Errors
/// 404.
pub(crate) fn remove_thing_from_thing_group(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let (group, thing) = group_and_thing(cloud, input)?;
    change(cloud, &thing, &[], &[group])
}

/// UpdateThingGroupsForThing. The groups to remove are left first.
///
/// # Errors
/// 404, and 400 as for AddThingToThingGroup.
pub(crate) fn update_thing_groups_for_thing(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let thing = THING_NAME.check("thingName", input.required_text("thingName")?)?;
    input.flag("overrideDynamicGroups")?;
    let (added, removed) = (groups(input, "thingGroupsToAdd")?, groups(input, "thingGroupsToRemove")?);
    change(cloud, thing, &added, &removed)
}

/// ListThingsInThingGroup, with `recursive` also those in its groups.
///
/// # Errors
/// 404.
pub(crate) fn list_things_in_thing_group(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_token("things-in-group", input)?;
    let name = name(input)?;
    let is_recursive = input.query_flag("recursive")?.unwrap_or(false);
    cloud.read(|registry| {
        find(registry, name)?;
        let mut groups = vec![name];
        if is_recursive {
            groups.extend(descendants(registry, name).into_iter().map(|group| group.name.as_str()));
        }
        let things: BTreeSet<&str> = groups
            .iter()
            .flat_map(|group| registry.things_in_group(group).map(|thing| thing.name.as_str()))
            .collect();
        let (things, token) = page.cut(things.into_iter().map(|thing| (thing.to_owned(), thing)));
        Ok(with_token(json!({ "things": things }), "nextToken", token))
    })
}

/// ListThingGroupsForThing.
///
/// # Errors
/// 404.
pub(crate) fn list_thing_groups_for_thing(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_token("groups-of-thing", input)?;
    let thing = things::thing_name(input)?;
    cloud.read(|registry| {
        things::find(registry, thing)?;
        let groups = registry.groups_of(thing).map(|group| (group.name.clone(), listed(cloud, group)));
        let (groups, token) = page.cut(groups);
        Ok(with_token(json!({ "thingGroups": groups }), "nextToken", token))
    })
}

fn change(cloud: &Cloud, thing: &str, added: &[String], removed: &[String]) -> Result<Value, ApiError> {
    cloud.write(|registry| {
        things::find(registry, thing)?;
        added.iter().chain(removed).try_for_each(|group| find(registry, group).map(|_| ()))?;
        let mut changes = Vec::new();
        let mut groups: BTreeSet<&str> = registry.groups_of(thing).map(|group| group.name.as_str()).collect();
        for group in removed {
            if groups.remove(group.as_str()) {
                changes.push(Change::RemoveFromThingGroup { group: group.clone(), thing: thing.to_owned() });
            }
        }
        for group in added.iter().filter(|group| !removed.contains(group)) {
            if groups.contains(group.as_str()) {
                continue;
            }
            check_place(registry, thing, &groups, group)?;
            groups.insert(group);
            changes.push(Change::AddToThingGroup { group: group.clone(), thing: thing.to_owned() });
        }
        Ok((changes, empty()))
    })
}

/// Checks that a thing of these groups may be in another one.
fn check_place(
    registry: &Registry,
    thing: &str,
    groups: &BTreeSet<&str>,
    group: &str,
) -> Result<(), ApiError> {
    if groups.len() >= MAX_GROUPS {
        return Err(ApiError::invalid(format!(
            "thing {thing} is in {MAX_GROUPS} groups, which are the most"
        )));
    }
    let root = |name: &str| registry.group_and_parents(name).last().map(|root| root.name.clone());
    let new = root(group);
    match groups.iter().find(|present| root(present) == new) {
        None => Ok(()),
        Some(present) => Err(ApiError::invalid(format!(
            "thing {thing} is in group {present}, which is in the same hierarchy as group {group}"
        ))),
    }
}

fn group_and_thing(cloud: &Cloud, input: &Input) -> Result<(String, String), ApiError> {
    let group = name_or_arn(cloud, input, ("thingGroupName", "thingGroupArn"), "thinggroup/")?;
    Ok((group, name_or_arn(cloud, input, ("thingName", "thingArn"), "thing/")?))
}

/// Reads two members, of which one names a resource and the other has its ARN. One of them suffices.
fn name_or_arn(
    cloud: &Cloud,
    input: &Input,
    (name_member, arn_member): (&str, &str),
    kind: &str,
) -> Result<String, ApiError> {
    let name = input.text(name_member)?.map(|name| THING_NAME.check(name_member, name)).transpose()?;
    let from_arn = input.text(arn_member)?.map(|arn| {
        let resource = names::resource(cloud.account(), arn);
        let name = resource.and_then(|resource| resource.strip_prefix(kind));
        let name = name.ok_or_else(|| expected(arn_member, "an ARN of this account and Region"))?;
        THING_NAME.check(arn_member, name)
    });
    match (name, from_arn.transpose()?) {
        (None, None) => Err(missing(name_member)),
        (Some(name), Some(other)) if name != other => {
            Err(ApiError::invalid(format!("{name_member} and {arn_member} name different resources")))
        }
        (Some(name), _) | (None, Some(name)) => Ok(name.to_owned()),
    }
}

fn groups(input: &Input, member: &str) -> Result<Vec<String>, ApiError> {
    let names = input.list(member)?.into_iter().flatten();
    let read = |name: &Value| {
        let name = name.as_str().ok_or_else(|| expected(member, "a list of strings"))?;
        THING_NAME.check(member, name).map(str::to_owned)
    };
    names.map(read).collect()
}
