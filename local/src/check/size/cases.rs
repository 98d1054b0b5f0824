//! Which statements there can be: the grants that match together, the slots that are there, the client id.

use iot_jwt_authorizer::authorizer::{Authorizer, Issuer};
use iot_jwt_authorizer::claims::ClaimPath;
use iot_jwt_authorizer::condition::{Condition, Scalar};
use iot_jwt_authorizer::policy::{GrantRule, Part, Template};
use iot_jwt_authorizer::slots::Slot;

/// So many choices are tried out in full; with more, nothing is assumed of the order of statements.
const MOST_CHOICES: usize = 12;

/// One set of circumstances.
#[derive(Debug)]
pub(super) struct Case<'a> {
    /// In the order of the grants.
    pub(super) templates: Vec<&'a Template>,
    /// By index in `[claims]`: whether the slot has a value.
    pub(super) slots: Vec<bool>,
    /// Whether there is a client id.
    pub(super) client_id: bool,
    /// Whether these are just the circumstances, or all of them together.
    pub(super) is_fixed: bool,
}

/// Every case of an issuer; with too many, the one that holds them all.
pub(super) fn cases(authorizer: &Authorizer, index: usize) -> Vec<Case<'_>> {
    let Some(issuer) = authorizer.issuers.get(index) else { return Vec::new() };
    let grants: Vec<&GrantRule> =
        authorizer.policies.grants.iter().filter(|grant| grant.issuers.contains(&index)).collect();
    let templates = |of: &dyn Fn(usize) -> bool| {
        let mut indices: Vec<usize> = Vec::new();
        for (_, grant) in grants.iter().enumerate().filter(|(at, _)| of(*at)) {
            if !indices.contains(&grant.template) {
                indices.push(grant.template);
            }
        }
        indices.iter().filter_map(|at| authorizer.policies.templates.get(*at)).collect::<Vec<_>>()
    };
    let all = templates(&|_| true);
    let is_used = |slot: usize| all.iter().any(|template| template.used.contains(slot));
    let mut choices: Vec<Choice> = Vec::new();
    choices.extend(
        (0..grants.len())
            .filter(|at| grants.get(*at).is_some_and(|grant| !grant.when.is_empty()))
            .map(Choice::Grant),
    );
    let optional = issuer.slots.iter().enumerate().filter(|(at, slot)| slot.optional && is_used(*at));
    choices.extend(optional.map(|(at, _)| Choice::Slot(at)));
    choices.extend(all.iter().any(|template| names_client_id(template)).then_some(Choice::ClientId));
    if choices.len() > MOST_CHOICES {
        return vec![Case {
            templates: all,
            slots: vec![true; issuer.slots.len()],
            client_id: true,
            is_fixed: false,
        }];
    }
    let mut cases = Vec::new();
    for chosen in 0..1_usize << choices.len() {
        let is_out = |choice: &Choice| {
            choices.iter().position(|known| known == choice).is_some_and(|bit| (chosen >> bit) & 1 == 0)
        };
        let is_in = |at: usize| !is_out(&Choice::Grant(at));
        let of_case = templates(&is_in);
        let pairs = grants.iter().enumerate().filter(|(at, _)| is_in(*at));
        let matching: Vec<&GrantRule> = pairs.map(|(_, grant)| *grant).collect();
        if matching.iter().any(|one| matching.iter().any(|other| exclude(one, other, issuer, &of_case))) {
            continue;
        }
        cases.push(Case {
            templates: of_case,
            slots: (0..issuer.slots.len()).map(|at| !is_out(&Choice::Slot(at))).collect(),
            client_id: !is_out(&Choice::ClientId),
            is_fixed: true,
        });
    }
    cases
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Grant(usize),
    Slot(usize),
    ClientId,
}

/// Whether no token meets both.
fn exclude(one: &GrantRule, other: &GrantRule, issuer: &Issuer, templates: &[&Template]) -> bool {
    one.when.iter().any(|condition| {
        is_single(&condition.path, issuer, templates)
            && other.when.iter().any(|rival| rival.path == condition.path && are_apart(condition, rival))
    })
}

/// Whether one value cannot meet both conditions. A `scope` is several words in one string.
pub(in crate::check) fn are_apart(one: &Condition, other: &Condition) -> bool {
    !matches!(&*one.name, "scope" | "scp")
        && !one.any_of.iter().any(|value: &Scalar| other.any_of.contains(value))
}

/// Whether the claim cannot be a list: a token that has one there is refused.
pub(in crate::check) fn is_single(claim: &ClaimPath, issuer: &Issuer, templates: &[&Template]) -> bool {
    let fills = |(at, slot): (usize, &Slot)| {
        slot.path == *claim && !slot.list && templates.iter().any(|template| template.used.contains(at))
    };
    *claim == ClaimPath::parse("sub") || issuer.slots.iter().enumerate().any(fills)
}

fn names_client_id(template: &Template) -> bool {
    template.statements.iter().any(|statement| {
        let resources = statement.resources.iter().map(|resource| &resource.text);
        let values = statement.condition.iter().flat_map(|entry| &entry.values);
        resources.chain(values).any(|text| text.parts.contains(&Part::ClientId))
    })
}
