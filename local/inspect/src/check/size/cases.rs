//! Which statements a response can have: the grants that match together, the slots with a value, the client id.

use iot_jwt_authorizer::authorizer::{Authorizer, Issuer};
use iot_jwt_authorizer::claim_path::ClaimPath;
use iot_jwt_authorizer::condition::Condition;
use iot_jwt_authorizer::policy::{GrantRule, Template};
use iot_jwt_authorizer::slots::Slot;
use iot_jwt_authorizer::template_text::Segment;

/// Up to this many choices, every combination is a case of its own.
const MAX_CHOICES: usize = 12;

/// The circumstances that determine the statements of a response.
#[derive(Debug)]
pub(super) struct SizeCase<'a> {
    /// In the order of the grants.
    pub(super) templates: Vec<&'a Template>,
    /// Whether each slot has a value, by index in `[claims]`.
    pub(super) has_value: Vec<bool>,
    /// Whether there is a client id.
    pub(super) has_client_id: bool,
    /// Whether these are the circumstances of single tokens. Otherwise they are those of all tokens together.
    pub(super) is_single: bool,
}

/// Every case of an issuer; with too many choices one case that includes all.
pub(super) fn cases(authorizer: &Authorizer, issuer_index: usize) -> Vec<SizeCase<'_>> {
    let Some(issuer) = authorizer.issuers.get(issuer_index) else { return Vec::new() };
    let grants: Vec<&GrantRule> =
        authorizer.policies.grants.iter().filter(|grant| grant.issuers.contains(&issuer_index)).collect();
    let templates_of = |matches: &dyn Fn(usize) -> bool| {
        let mut indices: Vec<usize> = Vec::new();
        for (_, grant) in grants.iter().enumerate().filter(|(index, _)| matches(*index)) {
            if !indices.contains(&grant.template) {
                indices.push(grant.template);
            }
        }
        indices.iter().filter_map(|index| authorizer.policies.templates.get(*index)).collect::<Vec<_>>()
    };
    let all = templates_of(&|_| true);
    let choices = choices(issuer, &grants, &all);
    if choices.len() > MAX_CHOICES {
        let has_value = vec![true; issuer.slots.len()];
        return vec![SizeCase { templates: all, has_value, has_client_id: true, is_single: false }];
    }
    let mut cases = Vec::new();
    for chosen in 0..1_usize << choices.len() {
        // What is not a choice is always there.
        let has = |choice: Choice| {
            choices.iter().position(|known| *known == choice).is_none_or(|bit| (chosen >> bit) & 1 == 1)
        };
        let matches = |index: usize| has(Choice::Grant(index));
        let templates = templates_of(&matches);
        let matching: Vec<&GrantRule> =
            grants.iter().enumerate().filter(|(index, _)| matches(*index)).map(|(_, grant)| *grant).collect();
        let has_conflict = matching
            .iter()
            .any(|left| matching.iter().any(|right| is_excluded(left, right, issuer, &templates)));
        if has_conflict {
            continue;
        }
        let has_value = (0..issuer.slots.len()).map(|index| has(Choice::Slot(index))).collect();
        cases.push(SizeCase { templates, has_value, has_client_id: has(Choice::ClientId), is_single: true });
    }
    cases
}

/// Something that one token has and another has not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Grant(usize),
    Slot(usize),
    ClientId,
}

fn choices(issuer: &Issuer, grants: &[&GrantRule], templates: &[&Template]) -> Vec<Choice> {
    let conditional = grants.iter().enumerate().filter(|(_, grant)| !grant.when.is_empty());
    let is_used = |slot: usize| templates.iter().any(|template| template.used.contains(slot));
    let optional = issuer.slots.iter().enumerate().filter(|(index, slot)| slot.optional && is_used(*index));
    let client_id = templates.iter().any(|template| uses_client_id(template)).then_some(Choice::ClientId);
    let conditional = conditional.map(|(index, _)| Choice::Grant(index));
    conditional.chain(optional.map(|(index, _)| Choice::Slot(index))).chain(client_id).collect()
}

/// Whether no token meets both grants.
fn is_excluded(left: &GrantRule, right: &GrantRule, issuer: &Issuer, templates: &[&Template]) -> bool {
    left.when.iter().any(|condition| {
        is_never_list(&condition.path, issuer, templates)
            && right.when.iter().any(|other| other.path == condition.path && are_exclusive(condition, other))
    })
}

/// Whether no single value meets both conditions. A `scope` has several words in one string.
pub(in crate::check) fn are_exclusive(left: &Condition, right: &Condition) -> bool {
    !matches!(&*left.name, "scope" | "scp") && !left.any_of.iter().any(|value| right.any_of.contains(value))
}

/// Whether the claim cannot be a list: a token in which it is one is denied.
pub(in crate::check) fn is_never_list(claim: &ClaimPath, issuer: &Issuer, templates: &[&Template]) -> bool {
    let is_filled = |(index, slot): (usize, &Slot)| {
        slot.path == *claim && !slot.list && templates.iter().any(|template| template.used.contains(index))
    };
    *claim == ClaimPath::parse("sub") || issuer.slots.iter().enumerate().any(is_filled)
}

fn uses_client_id(template: &Template) -> bool {
    template.statements.iter().any(|statement| {
        let resources = statement.resources.iter().map(|resource| &resource.text);
        let values = statement.condition.iter().flat_map(|entry| &entry.values);
        resources.chain(values).any(|text| text.segments.contains(&Segment::ClientId))
    })
}
