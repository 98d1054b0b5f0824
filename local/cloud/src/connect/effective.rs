//! Which policies count for a principal.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/thing-groups.html>

use std::collections::BTreeSet;

use crate::registry::{Policy, PolicyTarget, Principal, Record, Registry};

/// Returns the policies of a principal, and of the groups of a thing with their parents. Each once.
pub(super) fn policies(
    registry: &Registry,
    principal: Option<&Principal>,
    thing: Option<&str>,
) -> Vec<Record<Policy>> {
    let groups: BTreeSet<&str> = thing
        .into_iter()
        .flat_map(|thing| registry.groups_of(thing))
        .flat_map(|group| registry.group_and_parents(&group.name))
        .map(|group| group.name.as_str())
        .collect();
    let targets = principal
        .map(|principal| PolicyTarget::Principal(principal.clone()))
        .into_iter()
        .chain(groups.into_iter().map(|name| PolicyTarget::ThingGroup(name.to_owned())));
    let mut found: Vec<Record<Policy>> = Vec::new();
    for target in targets {
        for policy in registry.policies_of(&target) {
            // A principal has few policies.
            if found.iter().all(|known| known.name != policy.name) {
                found.push(policy.clone());
            }
        }
    }
    found
}
