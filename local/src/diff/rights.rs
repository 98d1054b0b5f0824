//! What one side grants, and what of it another side does not.
//!
//! A right is an action on a pattern of resources. It is covered where the evaluator allows every text that the pattern stands for; to
//! find out, characters that no policy has stand for its wildcards, none of them, a few and more than any pattern is long. Where that is
//! not exact, as with conditions, the answer is that something is gained.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::explain::Granted;
use crate::policy::{Action, Arn, Context, Policy, Question};
use crate::rights::{bare, texts};

/// How many characters stand for a `*`.
const LENGTHS: [usize; 5] = [0, 1, 2, 3, 3000];

/// Private characters (Unicode section 23.5), which are in no policy: for `*`, for `?`, for the client id.
const ANY_RUN: &str = "\u{e000}";
const ANY_ONE: &str = "\u{e001}";
const CLIENT_ID: &str = "\u{e002}";

/// What the client ids are called among the rights.
const CLIENT_IDS: &str = "client-id";

/// What a token is granted by one configuration.
pub(super) struct Side<'a> {
    allows: Vec<Right>,
    denies: Vec<Right>,
    arn: &'a Arn,
}

/// One action on one pattern, under a condition or none.
#[derive(Clone, PartialEq, Eq)]
struct Right {
    action: String,
    resource: String,
    condition: Option<Value>,
}

impl<'a> Side<'a> {
    /// A refused token's.
    pub(super) fn nothing(arn: &'a Arn) -> Self {
        Self { allows: Vec::new(), denies: Vec::new(), arn }
    }

    /// The rights in an answer's documents, and the client ids.
    pub(super) fn of(granted: &Granted, arn: &'a Arn) -> Self {
        let mut side = Self::nothing(arn);
        for id in &granted.client_ids {
            side.allows.push(Right { action: CLIENT_IDS.to_owned(), resource: id.clone(), condition: None });
        }
        let statements =
            granted.documents.iter().filter_map(|document| document.get("Statement")?.as_array());
        for statement in statements.flatten() {
            let denies = statement.get("Effect").is_some_and(|effect| effect == "Deny");
            for action in texts(statement, "Action") {
                for resource in texts(statement, "Resource") {
                    let right = Right {
                        action: action.to_owned(),
                        resource: bare(resource).to_owned(),
                        condition: statement.get("Condition").cloned(),
                    };
                    if denies { side.denies.push(right) } else { side.allows.push(right) }
                }
            }
        }
        side
    }

    /// The rights that the other side does not have; `undenied` says of a right that the other side alone denies it.
    pub(super) fn beyond(&self, other: &Self, undenied: &str) -> Vec<String> {
        let gained = self.allows.iter().filter(|right| self.has_any(right) && !other.has_all(right));
        let gained = gained.map(Right::told);
        // A Deny that is gone matters where something is allowed now that it took away.
        let denies = other.denies.iter().filter(|deny| {
            let here = |own: &Right| own.action == deny.action && overlap(&own.resource, &deny.resource);
            !covers(&self.denies, &[], deny, self.arn).all() && self.allows.iter().any(here)
        });
        let freed = denies.map(|deny| format!("{} ({undenied})", deny.told()));
        gained.chain(freed).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn has_all(&self, right: &Right) -> bool {
        covers(&self.allows, &self.denies, right, self.arn).all()
    }

    fn has_any(&self, right: &Right) -> bool {
        covers(&self.allows, &self.denies, right, self.arn).any()
    }
}

impl Right {
    fn told(&self) -> String {
        let condition =
            self.condition.as_ref().map(|condition| format!(" if {condition}")).unwrap_or_default();
        format!("{} {}{condition}", self.action, self.resource)
    }
}

/// How many of the texts that were tried are allowed.
struct Covered {
    tried: usize,
    allowed: usize,
}

impl Covered {
    fn all(&self) -> bool {
        self.tried > 0 && self.allowed == self.tried
    }

    fn any(&self) -> bool {
        self.allowed > 0
    }
}

/// Asks the evaluator. Of the other rights those count that hold under no condition or the same one; a Deny under a condition may not
/// hold and takes nothing away.
fn covers(allows: &[Right], denies: &[Right], right: &Right, arn: &Arn) -> Covered {
    let counts = |own: &&Right| {
        own.action == right.action && (own.condition.is_none() || own.condition == right.condition)
    };
    let same = allows.iter().any(|own| own == right);
    let denies: Vec<&Right> =
        denies.iter().filter(|own| own.action == right.action && own.condition.is_none()).collect();
    let certain = |yes: bool| Covered { tried: 1, allowed: usize::from(yes) };
    if right.action == CLIENT_IDS {
        return certain(
            same || allows
                .iter()
                .any(|own| own.action == CLIENT_IDS && holds_id(&own.resource, &right.resource)),
        );
    }
    let Some(action) = stand_in(&right.resource) else { return certain(same && denies.is_empty()) };
    if same && denies.is_empty() {
        return certain(true);
    }
    let statement = |effect: &str, own: &Right| json!({ "Effect": effect, "Action": action.name(), "Resource": arn.iot(&own.resource) });
    let allows = allows.iter().filter(counts).map(|own| statement("Allow", own));
    let statements: Vec<Value> = allows.chain(denies.into_iter().map(|own| statement("Deny", own))).collect();
    let document = json!({ "Version": "2012-10-17", "Statement": statements });
    let Ok(policy) = Policy::parse(&[document], arn) else { return certain(false) };
    let context = Context { client_id: Some(CLIENT_ID.to_owned()), ..Context::default() };
    let mut covered = Covered { tried: 0, allowed: 0 };
    for text in probes(&right.resource) {
        let verdict = policy.decide(&Question { action, resource: &text, context: &context });
        covered.tried = covered.tried.saturating_add(1);
        covered.allowed = covered.allowed.saturating_add(usize::from(verdict.allowed));
    }
    covered
}

/// Texts that stand for all that a pattern matches.
fn probes(pattern: &str) -> BTreeSet<String> {
    let pattern = pattern.replace("${iot:ClientId}", CLIENT_ID).replace('?', ANY_ONE);
    let texts = LENGTHS.iter().map(|length| pattern.replace('*', &ANY_RUN.repeat(*length)));
    // No name is empty, so nobody asks for one.
    texts.filter(|text| text.split_once('/').is_some_and(|(_, name)| !name.is_empty())).collect()
}

/// An action of the evaluator that takes such resources: only rights of one action are compared, so which does not matter.
fn stand_in(resource: &str) -> Option<Action> {
    match resource.split_once('/')?.0 {
        "client" => Some(Action::Connect),
        "topic" => Some(Action::Publish),
        "topicfilter" => Some(Action::Subscribe),
        "thing" => Some(Action::GetThingShadow),
        _ => None,
    }
}

/// Whether a client id, or all that one with a `*` stands for, fits another: `*` is one or more characters of an id, without slashes.
fn holds_id(wide: &str, id: &str) -> bool {
    let Some(start) = wide.strip_suffix('*') else { return false };
    id.strip_prefix(start).is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
}

/// Whether any text fits both patterns.
fn overlap(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut seen = BTreeSet::new();
    let mut left = vec![(0_usize, 0_usize)];
    while let Some((at, place)) = left.pop() {
        if !seen.insert((at, place)) {
            continue;
        }
        let (next, following) = (at.saturating_add(1), place.saturating_add(1));
        match (one.get(at), other.get(place)) {
            (None, None) => return true,
            (Some('*'), there) => {
                left.push((next, place));
                left.extend(there.map(|_| (at, following)));
            }
            (here, Some('*')) => {
                left.push((at, following));
                left.extend(here.map(|_| (next, place)));
            }
            (Some(here), Some(there)) if here == there || *here == '?' || *there == '?' => {
                left.push((next, following));
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests;
