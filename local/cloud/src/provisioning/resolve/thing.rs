//! The steps for the thing of a plan.

use std::collections::{BTreeMap, BTreeSet};

use super::super::plan::PlannedThing;
use super::super::resources::Override;
use super::{Conflict, Inventory, Step, ThingState};

/// The most attributes of a thing without a type, and with one.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/thing-types.html>
const MAX_ATTRIBUTES: (usize, usize) = (3, 50);

/// The most groups that a thing is a direct member of.
const MAX_GROUPS: usize = 10;

pub(super) fn resolve(
    thing: &PlannedThing,
    inventory: &impl Inventory,
    steps: &mut Vec<Step>,
) -> Result<(), Conflict> {
    let conflict = |what: String| Conflict::new(&thing.logical_name, what);
    let existing = inventory.thing(&thing.name);
    let after = match &existing {
        Some(existing) => changed(thing, existing)?,
        None => ThingState {
            attributes: thing.attributes.clone().unwrap_or_default(),
            thing_type: thing.thing_type.clone(),
            groups: thing.groups.iter().flatten().cloned().collect(),
            billing_group: thing.billing_group.clone(),
            exclusive_principal: None,
        },
    };
    check_limits(&after).map_err(conflict)?;
    let before = existing.clone().unwrap_or_default();
    if after.thing_type != before.thing_type
        && let Some(name) = after.thing_type.iter().find(|name| !inventory.has_thing_type(name))
    {
        return Err(conflict(format!("thing type {name} does not exist or is deprecated")));
    }
    check_groups(&before, &after, inventory).map_err(conflict)?;
    if let Some(group) = thing.billing_group.iter().find(|name| !inventory.has_billing_group(name)) {
        return Err(conflict(format!("billing group {group} does not exist")));
    }
    push_steps(thing, existing.is_some(), &before, after, steps);
    Ok(())
}

/// New groups must exist, and no two groups may be in one hierarchy.
fn check_groups(before: &ThingState, after: &ThingState, inventory: &impl Inventory) -> Result<(), String> {
    let mut roots: BTreeMap<String, &String> = BTreeMap::new();
    for group in &after.groups {
        let Some(root) = inventory.root_group(group) else {
            return Err(format!("thing group {group} does not exist"));
        };
        if let Some(other) = roots.insert(root, group)
            && !(before.groups.contains(group) && before.groups.contains(other))
        {
            return Err(format!("thing groups {other} and {group} are in one hierarchy"));
        }
    }
    Ok(())
}

fn push_steps(
    thing: &PlannedThing,
    exists: bool,
    before: &ThingState,
    after: ThingState,
    steps: &mut Vec<Step>,
) {
    let name = || thing.name.clone();
    let removed = before.groups.difference(&after.groups).cloned();
    let removed: Vec<_> = removed.map(|group| Step::RemoveFromGroup { thing: name(), group }).collect();
    let added = after.groups.difference(&before.groups).cloned();
    let added: Vec<_> = added.map(|group| Step::AddToGroup { thing: name(), group }).collect();
    let ThingState { attributes, thing_type, billing_group, .. } = after;
    if !exists {
        steps.push(Step::CreateThing { name: name(), attributes, thing_type, billing_group });
    } else if attributes != before.attributes || thing_type != before.thing_type {
        steps.push(Step::UpdateThing { name: name(), attributes, thing_type });
    }
    steps.extend(removed);
    steps.extend(added);
}

/// Returns an existing thing as the plan wants it. Without a setting, an equal value is no conflict, as in
/// `CreateThing`; AWS does not document it.
fn changed(thing: &PlannedThing, existing: &ThingState) -> Result<ThingState, Conflict> {
    let mut after = existing.clone();
    let name = &thing.name;
    let decide = |property: &str, is_equal: bool, setting: Option<Override>| match setting {
        Some(Override::Fail) => Err(Conflict::new(
            &thing.logical_name,
            format!("ResourceConflictsException: thing {name} exists; OverrideSettings.{property} is FAIL"),
        )),
        None if !is_equal => Err(Conflict::new(
            &thing.logical_name,
            format!("thing {name} exists with another {property}; help: set OverrideSettings.{property}"),
        )),
        None | Some(Override::DoNothing) => Ok(None),
        Some(kind @ (Override::Replace | Override::Merge)) => Ok(Some(kind)),
    };
    if let Some(attributes) = &thing.attributes {
        let is_equal = *attributes == existing.attributes;
        match decide("AttributePayload", is_equal, thing.on_attributes)? {
            Some(Override::Merge) => after.attributes.extend(attributes.clone()),
            Some(_) => after.attributes.clone_from(attributes),
            None => {}
        }
    }
    if let Some(thing_type) = &thing.thing_type {
        let is_equal = existing.thing_type.as_ref() == Some(thing_type);
        if decide("ThingTypeName", is_equal, thing.on_thing_type)?.is_some() {
            after.thing_type = Some(thing_type.clone());
        }
    }
    if let Some(groups) = &thing.groups {
        let groups: BTreeSet<_> = groups.iter().cloned().collect();
        match decide("ThingGroups", groups == existing.groups, thing.on_groups)? {
            Some(Override::Merge) => after.groups.extend(groups),
            Some(_) => after.groups = groups,
            None => {}
        }
    }
    if thing.billing_group.is_some() && thing.billing_group != existing.billing_group {
        return Err(Conflict::new(
            &thing.logical_name,
            format!("thing {name} exists with another BillingGroup"),
        ));
    }
    Ok(after)
}

fn check_limits(thing: &ThingState) -> Result<(), String> {
    let (without_type, with_type) = MAX_ATTRIBUTES;
    let limit = if thing.thing_type.is_some() { with_type } else { without_type };
    let count = |attributes: &BTreeMap<String, String>| attributes.len();
    if count(&thing.attributes) > limit {
        let with = if thing.thing_type.is_some() { "with" } else { "without" };
        return Err(format!(
            "{} attributes; expected at most {limit} {with} a thing type",
            count(&thing.attributes)
        ));
    }
    if thing.groups.len() > MAX_GROUPS {
        return Err(format!("{} thing groups; expected at most {MAX_GROUPS}", thing.groups.len()));
    }
    Ok(())
}
