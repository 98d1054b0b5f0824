//! Statements packed as the function packs them, by their lengths alone.
//!
//! Written anew, and not the function's own code, so that the property test has two to compare.

use iot_jwt_authorizer::authorizer::Issuer;
use iot_jwt_authorizer::policy::{Effect, MAX_DOCUMENT_CHARACTERS, Part, Resource, Text};

use super::widest::{Group, Widest, escaped, sum};
use crate::check::texts::Pattern;

/// `{"Version":"2012-10-17","Statement":[` and `]}`
const AROUND: usize = 39;

/// Characters for statements in a document.
const ROOM: usize = MAX_DOCUMENT_CHARACTERS - AROUND;

/// What statements come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packed {
    pub(super) documents: usize,
    /// Up to the end of the last document, each before it full.
    pub(super) characters: usize,
    /// A document with one resource alone, where that is too long.
    pub(super) oversized: Option<usize>,
}

/// Merges and packs. `None` where two statements could be joined by some values and not by others.
pub(super) fn packed(statements: Vec<Widest<'_>>, issuer: &Issuer) -> Option<Packed> {
    let once = by_actions(statements);
    let doubtful = |(at, one): (usize, &Widest<'_>)| {
        once.iter().skip(at.saturating_add(1)).any(|other| is_doubtful(one, other, issuer))
    };
    if once.iter().enumerate().any(doubtful) {
        return None;
    }
    Some(write(&by_actions(by_resources(once))))
}

/// A bound for whatever order and merging.
pub(super) fn at_most(statements: &[Widest<'_>]) -> Packed {
    let frame = statements
        .iter()
        .map(|one| frame(one.effect, &joined(one, statements), one.condition))
        .max()
        .unwrap_or(0)
        .saturating_add(1);
    let resource =
        statements.iter().flat_map(|one| &one.resources).map(|group| group.length).max().unwrap_or(0);
    let total = statements.iter().fold(0, |total, one| {
        let items = one.resources.iter().fold(0_usize, |all, group| {
            all.saturating_add(group.count.saturating_mul(group.length.saturating_add(1)))
        });
        sum([total, frame_of(one), items])
    });
    let widest = frame.saturating_add(resource);
    let oversized = (widest > ROOM).then(|| widest.saturating_add(AROUND));
    let documents = if total <= ROOM {
        1
    } else {
        let filled = ROOM.saturating_sub(widest).saturating_sub(frame);
        if filled == 0 { total } else { total.div_ceil(filled) }
    };
    let characters = if documents == 1 {
        total.saturating_add(AROUND)
    } else {
        documents.saturating_mul(MAX_DOCUMENT_CHARACTERS)
    };
    Packed { documents, characters, oversized }
}

/// All actions that merging could give a statement.
fn joined<'a>(one: &Widest<'a>, statements: &[Widest<'a>]) -> Vec<&'a str> {
    let mut actions = Vec::new();
    for other in statements.iter().filter(|other| other.effect == one.effect) {
        add_all(&mut actions, other.actions.clone());
    }
    actions
}

fn is_doubtful(one: &Widest<'_>, other: &Widest<'_>, issuer: &Issuer) -> bool {
    if one.effect != other.effect || (one.condition == 0) != (other.condition == 0) {
        return false;
    }
    if !same_condition(one, other) {
        return has_variables(one) || has_variables(other);
    }
    let may_equal = |one: &Group<'_>, two: &Group<'_>| {
        let (one, two) = (full(one.resource), full(two.resource));
        let pattern = |text| Pattern { text, slots: &issuer.slots, issuer: &issuer.id, wildcards: false };
        pattern(&one).may_equal(&pattern(&two))
    };
    let has_its_own = |one: &Widest<'_>, other: &Widest<'_>| {
        one.resources.iter().any(|group| !other.resources.iter().any(|rival| may_equal(group, rival)))
    };
    one.resources != other.resources && !has_its_own(one, other) && !has_its_own(other, one)
}

/// A resource with its ARN.
fn full(resource: &Resource) -> Text {
    let literal = |text: &str| Part::Literal(text.into());
    let mut parts = Vec::new();
    if resource.is_relative {
        let fields =
            [Part::Partition, literal(":iot:"), Part::Region, literal(":"), Part::Account, literal(":")];
        parts.push(literal("arn:"));
        parts.extend(fields);
    }
    parts.extend(resource.text.parts.iter().cloned());
    Text { parts }
}

fn same_condition(one: &Widest<'_>, other: &Widest<'_>) -> bool {
    let entries = |widest: &Widest<'_>| {
        widest
            .statement
            .condition
            .iter()
            .map(|entry| (entry.operator.clone(), entry.key.clone(), entry.values.clone()))
            .collect::<Vec<_>>()
    };
    entries(one) == entries(other)
}

fn has_variables(one: &Widest<'_>) -> bool {
    let mut parts =
        one.statement.condition.iter().flat_map(|entry| &entry.values).flat_map(|text| &text.parts);
    parts.any(|part| !matches!(part, Part::Literal(_)))
}

fn by_actions(statements: Vec<Widest<'_>>) -> Vec<Widest<'_>> {
    let same = |one: &Widest<'_>, other: &Widest<'_>| {
        one.actions.len() == other.actions.len()
            && one.actions.iter().all(|action| other.actions.contains(action))
    };
    merged(statements, same, |own, more| add_all(&mut own.resources, more.resources))
}

fn by_resources(statements: Vec<Widest<'_>>) -> Vec<Widest<'_>> {
    merged(
        statements,
        |one, other| one.resources == other.resources,
        |own, more| add_all(&mut own.actions, more.actions),
    )
}

fn merged<'a>(
    statements: Vec<Widest<'a>>,
    same: impl Fn(&Widest<'a>, &Widest<'a>) -> bool,
    absorb: impl Fn(&mut Widest<'a>, Widest<'a>),
) -> Vec<Widest<'a>> {
    let mut merged: Vec<Widest<'a>> = Vec::new();
    for statement in statements {
        let fits = |own: &&mut Widest<'a>| {
            own.effect == statement.effect && same_condition(own, &statement) && same(own, &statement)
        };
        match merged.iter_mut().find(fits) {
            Some(own) => absorb(own, statement),
            None => merged.push(statement),
        }
    }
    merged
}

fn add_all<T: PartialEq>(own: &mut Vec<T>, more: Vec<T>) {
    for item in more {
        if !own.contains(&item) {
            own.push(item);
        }
    }
}

/// Resource after resource into the open document, or the next.
fn write(statements: &[Widest<'_>]) -> Packed {
    let (mut documents, mut used) = (1_usize, 0_usize);
    let mut oversized = None;
    for statement in statements {
        let frame = frame_of(statement);
        let mut is_open = false;
        let items =
            statement.resources.iter().flat_map(|group| std::iter::repeat_n(group.length, group.count));
        for length in items {
            let alone = frame.saturating_add(length);
            let more = match (is_open, used) {
                (true, _) => length.saturating_add(1),
                (false, 0) => alone,
                (false, _) => alone.saturating_add(1),
            };
            is_open = true;
            if used.saturating_add(more) <= ROOM || used == 0 {
                used = used.saturating_add(more);
            } else {
                documents = documents.saturating_add(1);
                used = alone;
            }
            if alone > ROOM {
                oversized = oversized.max(Some(alone.saturating_add(AROUND)));
            }
        }
    }
    let full = documents.saturating_sub(1).saturating_mul(MAX_DOCUMENT_CHARACTERS);
    Packed { documents, characters: sum([full, used, AROUND]), oversized }
}

fn frame_of(statement: &Widest<'_>) -> usize {
    frame(statement.effect, &statement.actions, statement.condition)
}

/// What stands around a statement's resources.
fn frame(effect: Effect, actions: &[&str], condition: usize) -> usize {
    let effect = match effect {
        Effect::Allow => r#"{"Effect":"Allow","Action":,"Resource":[]}"#.len(),
        Effect::Deny => r#"{"Effect":"Deny","Action":,"Resource":[]}"#.len(),
    };
    let actions = match actions {
        [one] => escaped(one).saturating_add(2),
        several => several.iter().fold(1, |all, action| sum([all, 3, escaped(action)])),
    };
    let condition = if condition == 0 { 0 } else { r#","Condition":"#.len().saturating_add(condition) };
    sum([effect, actions, condition])
}
