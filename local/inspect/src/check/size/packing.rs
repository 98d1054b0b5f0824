//! Statements packed as the function packs them, by their lengths alone.
//!
//! This does not use the function's own code, so that the property test compares two implementations.

use iot_jwt_authorizer::authorizer::Issuer;
use iot_jwt_authorizer::levels::{Levels, Piece};
use iot_jwt_authorizer::policy::{Effect, MAX_DOCUMENT_CHARACTERS, Resource};
use iot_jwt_authorizer::template_text::Segment;

use super::longest::{LongestStatement, ResourceGroup, escaped_length, sum};

/// `{"Version":"2012-10-17","Statement":[` and `]}`
const FRAME_CHARACTERS: usize = 39;

/// Characters for statements in a document.
const STATEMENT_CHARACTERS: usize = MAX_DOCUMENT_CHARACTERS - FRAME_CHARACTERS;

/// The size of packed statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PackedSize {
    pub(super) documents: usize,
    /// Up to the end of the last document. Each document before it counts as full.
    pub(super) characters: usize,
    /// The length of the longest document with a single resource, if it is too long.
    pub(super) oversized: Option<usize>,
}

/// Merges and packs. `None` if two statements could be merged for some values and not for others.
pub(super) fn exact(statements: Vec<LongestStatement<'_>>, issuer: &Issuer) -> Option<PackedSize> {
    let merged = merge_same_actions(statements);
    let is_uncertain = |(index, left): (usize, &LongestStatement<'_>)| {
        merged.iter().skip(index.saturating_add(1)).any(|right| may_merge(left, right, issuer))
    };
    if merged.iter().enumerate().any(is_uncertain) {
        return None;
    }
    Some(pack(&merge_same_actions(merge_same_resources(merged))))
}

/// A bound for any order and merging.
pub(super) fn upper_bound(statements: &[LongestStatement<'_>]) -> PackedSize {
    let frames = statements
        .iter()
        .map(|statement| frame(statement.effect, &all_actions(statement, statements), statement.condition));
    let frame = frames.max().unwrap_or(0).saturating_add(1);
    let groups = statements.iter().flat_map(|statement| &statement.resources);
    let resource = groups.map(|group| group.length).max().unwrap_or(0);
    let total = statements.iter().fold(0, |total, statement| {
        let resources = statement.resources.iter().fold(0_usize, |total, group| {
            total.saturating_add(group.count.saturating_mul(group.length.saturating_add(1)))
        });
        sum([total, frame_of(statement), resources])
    });
    let longest = frame.saturating_add(resource);
    let oversized = (longest > STATEMENT_CHARACTERS).then(|| longest.saturating_add(FRAME_CHARACTERS));
    let documents = if total <= STATEMENT_CHARACTERS {
        1
    } else {
        let filled = STATEMENT_CHARACTERS.saturating_sub(longest).saturating_sub(frame);
        if filled == 0 { total } else { total.div_ceil(filled) }
    };
    let characters = if documents == 1 {
        total.saturating_add(FRAME_CHARACTERS)
    } else {
        documents.saturating_mul(MAX_DOCUMENT_CHARACTERS)
    };
    PackedSize { documents, characters, oversized }
}

/// All actions that a statement could have after merging.
fn all_actions<'a>(statement: &LongestStatement<'a>, statements: &[LongestStatement<'a>]) -> Vec<&'a str> {
    let mut actions = Vec::new();
    for other in statements.iter().filter(|other| other.effect == statement.effect) {
        add_missing(&mut actions, other.actions.clone());
    }
    actions
}

/// Whether two statements are merged for some values and not for others.
fn may_merge(left: &LongestStatement<'_>, right: &LongestStatement<'_>, issuer: &Issuer) -> bool {
    if left.effect != right.effect || (left.condition == 0) != (right.condition == 0) {
        return false;
    }
    if !has_same_condition(left, right) {
        return has_variable_condition(left) || has_variable_condition(right);
    }
    let may_equal = |left: &ResourceGroup<'_>, right: &ResourceGroup<'_>| {
        !levels_of(left.resource, issuer).is_disjoint(&levels_of(right.resource, issuer))
    };
    let has_other_resource = |left: &LongestStatement<'_>, right: &LongestStatement<'_>| {
        left.resources.iter().any(|group| !right.resources.iter().any(|other| may_equal(group, other)))
    };
    left.resources != right.resources && !has_other_resource(left, right) && !has_other_resource(right, left)
}

/// The levels of a resource with its ARN. Wildcards are plain characters to the packer.
fn levels_of<'a>(resource: &'a Resource, issuer: &'a Issuer) -> Levels<'a> {
    const VALUE: Piece<'static> = Piece::Value { length: None, identity: None };
    let (text, colon) = (Piece::Text, Piece::Text(":"));
    let arn = [text("arn:"), VALUE, text(":iot:"), VALUE, colon.clone(), VALUE, colon];
    let arn = resource.is_relative.then_some(arn).into_iter().flatten();
    let segments = resource.text.segments.iter();
    Levels::new(arn.chain(segments.map(|segment| Piece::of_segment(segment, &issuer.slots, &issuer.id))))
}

fn has_same_condition(left: &LongestStatement<'_>, right: &LongestStatement<'_>) -> bool {
    let (left, right) = (&left.statement.condition, &right.statement.condition);
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| {
            left.operator == right.operator && left.key == right.key && left.values == right.values
        })
}

fn has_variable_condition(statement: &LongestStatement<'_>) -> bool {
    let values = statement.statement.condition.iter().flat_map(|entry| &entry.values);
    values.flat_map(|text| &text.segments).any(|segment| !matches!(segment, Segment::Literal(_)))
}

fn merge_same_actions(statements: Vec<LongestStatement<'_>>) -> Vec<LongestStatement<'_>> {
    merge_if(
        statements,
        |left, right| {
            left.actions.len() == right.actions.len()
                && left.actions.iter().all(|action| right.actions.contains(action))
        },
        |statement, merged| add_missing(&mut statement.resources, merged.resources),
    )
}

fn merge_same_resources(statements: Vec<LongestStatement<'_>>) -> Vec<LongestStatement<'_>> {
    merge_if(
        statements,
        |left, right| left.resources == right.resources,
        |statement, merged| add_missing(&mut statement.actions, merged.actions),
    )
}

/// Merges each statement into the first earlier one with the same effect and condition that is the same by `is_same`.
fn merge_if<'a>(
    statements: Vec<LongestStatement<'a>>,
    is_same: fn(&LongestStatement<'a>, &LongestStatement<'a>) -> bool,
    absorb: fn(&mut LongestStatement<'a>, LongestStatement<'a>),
) -> Vec<LongestStatement<'a>> {
    let mut result: Vec<LongestStatement<'a>> = Vec::new();
    for statement in statements {
        let fits = |earlier: &&mut LongestStatement<'a>| {
            earlier.effect == statement.effect
                && has_same_condition(earlier, &statement)
                && is_same(earlier, &statement)
        };
        match result.iter_mut().find(fits) {
            Some(earlier) => absorb(earlier, statement),
            None => result.push(statement),
        }
    }
    result
}

fn add_missing<T: PartialEq>(items: &mut Vec<T>, added: Vec<T>) {
    for item in added {
        if !items.contains(&item) {
            items.push(item);
        }
    }
}

/// Writes each resource into the open document, or into a new one.
fn pack(statements: &[LongestStatement<'_>]) -> PackedSize {
    let (mut documents, mut used) = (1_usize, 0_usize);
    let mut oversized = None;
    for statement in statements {
        let frame = frame_of(statement);
        let mut is_open = false;
        let groups = statement.resources.iter();
        for length in groups.flat_map(|group| std::iter::repeat_n(group.length, group.count)) {
            let alone = frame.saturating_add(length);
            let added = match (is_open, used) {
                (true, _) => length.saturating_add(1),
                (false, 0) => alone,
                (false, _) => alone.saturating_add(1),
            };
            is_open = true;
            if used.saturating_add(added) <= STATEMENT_CHARACTERS || used == 0 {
                used = used.saturating_add(added);
            } else {
                documents = documents.saturating_add(1);
                used = alone;
            }
            if alone > STATEMENT_CHARACTERS {
                oversized = oversized.max(Some(alone.saturating_add(FRAME_CHARACTERS)));
            }
        }
    }
    let full = documents.saturating_sub(1).saturating_mul(MAX_DOCUMENT_CHARACTERS);
    PackedSize { documents, characters: sum([full, used, FRAME_CHARACTERS]), oversized }
}

fn frame_of(statement: &LongestStatement<'_>) -> usize {
    frame(statement.effect, &statement.actions, statement.condition)
}

/// The characters of a statement without its resources.
fn frame(effect: Effect, actions: &[&str], condition: usize) -> usize {
    let effect = match effect {
        Effect::Allow => r#"{"Effect":"Allow","Action":,"Resource":[]}"#.len(),
        Effect::Deny => r#"{"Effect":"Deny","Action":,"Resource":[]}"#.len(),
    };
    let actions = match actions {
        [action] => escaped_length(action).saturating_add(2),
        several => several.iter().fold(1, |total, action| sum([total, 3, escaped_length(action)])),
    };
    let condition = if condition == 0 { 0 } else { r#","Condition":"#.len().saturating_add(condition) };
    sum([effect, actions, condition])
}
