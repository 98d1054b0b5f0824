//! What one configuration grants, and what of it another does not grant.
//!
//! A permission is an action on a pattern of resources. It is covered if the evaluator allows every text that matches
//! the pattern. To find out, characters that no policy contains replace its wildcards: none, a few, and more than any
//! pattern is long. If that is not exact, as with conditions, the permission counts as gained.

use std::collections::BTreeSet;

use iot_local_policy::json::{resource_name, strings};
use iot_local_policy::{Action, Arn, Context, Policy, Question};
use serde_json::{Value, json};

use crate::explain::Granted;

/// How many characters replace a `*`.
const LENGTHS: [usize; 5] = [0, 1, 2, 3, 3000];

/// Private characters (Unicode section 23.5), which no policy contains: for `*`, for `?` and for the client id.
const ANY_TEXT: &str = "\u{e000}";
const ANY_CHARACTER: &str = "\u{e001}";
const CLIENT_ID: &str = "\u{e002}";

/// The action of a permission to use a client id.
const CLIENT_ID_ACTION: &str = "client-id";

/// What a configuration grants to one token.
pub(super) struct GrantedPermissions<'a> {
    allows: Vec<Permission>,
    denies: Vec<Permission>,
    arn: &'a Arn,
}

/// An action on a pattern, with or without a condition.
#[derive(Clone, PartialEq, Eq)]
struct Permission {
    action: String,
    resource: String,
    condition: Option<Value>,
}

impl<'a> GrantedPermissions<'a> {
    /// The permissions of a denied token.
    pub(super) fn none(arn: &'a Arn) -> Self {
        Self { allows: Vec::new(), denies: Vec::new(), arn }
    }

    /// The permissions in a response's documents, and the client ids.
    pub(super) fn of(granted: &Granted, arn: &'a Arn) -> Self {
        let mut permissions = Self::none(arn);
        permissions.allows.extend(granted.client_ids.iter().map(|id| Permission {
            action: CLIENT_ID_ACTION.to_owned(),
            resource: id.clone(),
            condition: None,
        }));
        let statements =
            granted.documents.iter().filter_map(|document| document.get("Statement")?.as_array());
        for statement in statements.flatten() {
            let is_deny = statement.get("Effect").is_some_and(|effect| effect == "Deny");
            let list = if is_deny { &mut permissions.denies } else { &mut permissions.allows };
            for action in strings(statement, "Action") {
                list.extend(strings(statement, "Resource").into_iter().map(|resource| Permission {
                    action: action.to_owned(),
                    resource: resource_name(resource).to_owned(),
                    condition: statement.get("Condition").cloned(),
                }));
            }
        }
        permissions
    }

    /// The permissions that `other` lacks. `note` describes a permission that only `other` denies.
    pub(super) fn missing_in(&self, other: &Self, note: &str) -> Vec<String> {
        let missing = self.allows.iter();
        let missing =
            missing.filter(|permission| self.allows_any(permission) && !other.allows_all(permission));
        let missing = missing.map(Permission::describe);
        // A removed Deny matters if something that it denied is allowed now.
        let removed = other.denies.iter().filter(|deny| {
            let is_affected =
                |allow: &Permission| allow.action == deny.action && overlap(&allow.resource, &deny.resource);
            !coverage(&self.denies, &[], deny, self.arn).is_full() && self.allows.iter().any(is_affected)
        });
        let removed = removed.map(|deny| format!("{} ({note})", deny.describe()));
        missing.chain(removed).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn allows_all(&self, permission: &Permission) -> bool {
        coverage(&self.allows, &self.denies, permission, self.arn).is_full()
    }

    fn allows_any(&self, permission: &Permission) -> bool {
        coverage(&self.allows, &self.denies, permission, self.arn).allowed > 0
    }
}

impl Permission {
    fn describe(&self) -> String {
        let condition =
            self.condition.as_ref().map(|condition| format!(" if {condition}")).unwrap_or_default();
        format!("{} {}{condition}", self.action, self.resource)
    }
}

/// How many of the tried texts are allowed.
struct Coverage {
    tried: usize,
    allowed: usize,
}

impl Coverage {
    fn of_one(is_allowed: bool) -> Self {
        Self { tried: 1, allowed: usize::from(is_allowed) }
    }

    fn is_full(&self) -> bool {
        self.tried > 0 && self.allowed == self.tried
    }
}

/// Evaluates a permission. An Allow counts if it has no condition or the same one. A Deny with a condition may not
/// apply, so it does not count.
fn coverage(allows: &[Permission], denies: &[Permission], permission: &Permission, arn: &Arn) -> Coverage {
    let is_granted = allows.contains(permission);
    let has_action = |other: &&Permission| other.action == permission.action;
    let denies: Vec<&Permission> =
        denies.iter().filter(has_action).filter(|deny| deny.condition.is_none()).collect();
    if permission.action == CLIENT_ID_ACTION {
        let is_wider = |allow: &Permission| matches_id(&allow.resource, &permission.resource);
        return Coverage::of_one(is_granted || allows.iter().filter(has_action).any(is_wider));
    }
    if is_granted && denies.is_empty() {
        return Coverage::of_one(true);
    }
    let Some(action) = action_on(&permission.resource) else { return Coverage::of_one(false) };
    let counts = |allow: &&Permission| allow.condition.is_none() || allow.condition == permission.condition;
    let statement = |effect: &str, permission: &Permission| json!({ "Effect": effect, "Action": action.name(), "Resource": arn.iot(&permission.resource) });
    let allows = allows.iter().filter(has_action).filter(counts).map(|allow| statement("Allow", allow));
    let statements: Vec<Value> =
        allows.chain(denies.into_iter().map(|deny| statement("Deny", deny))).collect();
    let document = json!({ "Version": "2012-10-17", "Statement": statements });
    let Ok(policy) = Policy::parse(&[document], arn) else { return Coverage::of_one(false) };
    let context = Context { client_id: Some(CLIENT_ID.to_owned()), ..Context::default() };
    let mut coverage = Coverage { tried: 0, allowed: 0 };
    for text in probes(&permission.resource) {
        let verdict = policy.decide(&Question { action, resource: &text, context: &context });
        coverage.tried = coverage.tried.saturating_add(1);
        coverage.allowed = coverage.allowed.saturating_add(usize::from(verdict.allowed));
    }
    coverage
}

/// Texts that represent every text that matches a pattern.
fn probes(pattern: &str) -> BTreeSet<String> {
    let pattern = pattern.replace("${iot:ClientId}", CLIENT_ID).replace('?', ANY_CHARACTER);
    let texts = LENGTHS.iter().map(|length| pattern.replace('*', &ANY_TEXT.repeat(*length)));
    // An empty name is never requested.
    texts.filter(|text| text.split_once('/').is_some_and(|(_, name)| !name.is_empty())).collect()
}

/// An action of the evaluator on resources of this kind. Only permissions of one action are compared, so any will do.
fn action_on(resource: &str) -> Option<Action> {
    match resource.split_once('/')?.0 {
        "client" => Some(Action::Connect),
        "topic" => Some(Action::Publish),
        "topicfilter" => Some(Action::Subscribe),
        "thing" => Some(Action::GetThingShadow),
        _ => None,
    }
}

/// Whether a pattern with `*` at its end matches a client id, or all ids of another pattern. `*` is one or more
/// characters without a slash.
fn matches_id(pattern: &str, id: &str) -> bool {
    let Some(start) = pattern.strip_suffix('*') else { return false };
    id.strip_prefix(start).is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
}

/// Whether a text matches both patterns.
fn overlap(left: &str, right: &str) -> bool {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut seen = BTreeSet::new();
    let mut open = vec![(0_usize, 0_usize)];
    while let Some((i, j)) = open.pop() {
        if !seen.insert((i, j)) {
            continue;
        }
        let (next_i, next_j) = (i.saturating_add(1), j.saturating_add(1));
        match (left.get(i), right.get(j)) {
            (None, None) => return true,
            (Some('*'), other) => {
                open.push((next_i, j));
                open.extend(other.map(|_| (i, next_j)));
            }
            (other, Some('*')) => {
                open.push((i, next_j));
                open.extend(other.map(|_| (next_i, j)));
            }
            (Some(first), Some(second)) if first == second || *first == '?' || *second == '?' => {
                open.push((next_i, next_j));
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests;
