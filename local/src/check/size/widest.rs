//! Templates filled with the longest values that the slots take.

use iot_jwt_authorizer::authorizer::Issuer;
use iot_jwt_authorizer::client_id::MAX_CLIENT_ID_BYTES;
use iot_jwt_authorizer::policy::{Effect, Part, Resource, Statement, Text};
use iot_jwt_authorizer::slots::{Slot, SlotKind};

use super::cases::Case;

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
pub(super) const LONGEST_PARTITION: &str = "aws-us-gov";

/// No Region's name is longer today: it is one of the isolated ones.
pub(super) const LONGEST_REGION: &str = "us-isof-south-1";

/// Accounts are twelve digits.
pub(super) const ACCOUNT: &str = "123456789012";

/// A statement with the lengths of what it is filled with.
#[derive(Clone, Debug)]
pub(super) struct Widest<'a> {
    pub(super) effect: Effect,
    pub(super) actions: Vec<&'a str>,
    pub(super) resources: Vec<Group<'a>>,
    pub(super) statement: &'a Statement,
    /// The condition as JSON text; 0 where there is none.
    pub(super) condition: usize,
}

/// A resource, once for each value of its list slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group<'a> {
    pub(super) resource: &'a Resource,
    pub(super) count: usize,
    /// Of each, as JSON text.
    pub(super) length: usize,
}

impl PartialEq for Group<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.resource.is_relative == other.resource.is_relative && self.resource.text == other.resource.text
    }
}

/// The statements of a case, in the order in which the function fills them.
pub(super) fn statements<'a>(issuer: &Issuer, case: &Case<'a>) -> Vec<Widest<'a>> {
    let filler = Filler { issuer, case };
    case.templates
        .iter()
        .flat_map(|template| &template.statements)
        .filter_map(|statement| filler.statement(statement))
        .collect()
}

struct Filler<'i, 'c, 'a> {
    issuer: &'i Issuer,
    case: &'c Case<'a>,
}

impl Filler<'_, '_, '_> {
    fn statement<'a>(&self, statement: &'a Statement) -> Option<Widest<'a>> {
        let prefix =
            sum(["arn:", LONGEST_PARTITION, ":iot:", LONGEST_REGION, ":", ACCOUNT, ":"].map(str::len));
        let mut resources: Vec<Group<'a>> = Vec::new();
        for resource in &statement.resources {
            let Some((count, length)) = self.text(&resource.text) else { continue };
            let length = sum([length, 2, if resource.is_relative { prefix } else { 0 }]);
            let group = Group { resource, count, length };
            if !resources.contains(&group) {
                resources.push(group);
            }
        }
        let condition = self.condition(statement)?;
        let actions = statement.actions.names().iter().map(|action| &**action).collect();
        (!resources.is_empty()).then_some(Widest {
            effect: statement.effect,
            actions,
            resources,
            statement,
            condition,
        })
    }

    fn condition(&self, statement: &Statement) -> Option<usize> {
        if statement.condition.is_empty() {
            return Some(0);
        }
        let mut length = 2_usize;
        let mut operators: Vec<&str> = Vec::new();
        for entry in &statement.condition {
            if !operators.contains(&&*entry.operator) {
                operators.push(&entry.operator);
                // `"":{},`
                length = sum([length, 6, escaped(&entry.operator)]);
            }
            // `"":[],`
            length = sum([length, 6, escaped(&entry.key)]);
            for value in &entry.values {
                let (count, each) = self.text(value)?;
                // `"",`
                length = sum([length, count.saturating_mul(each.saturating_add(3))]);
            }
        }
        // Each comma was counted behind its item; behind the last there is none.
        let commas = sum([1, operators.len(), statement.condition.len()]);
        Some(length.saturating_sub(commas))
    }

    /// How many texts there are, and how long each is within its quotes; `None` where a value is absent.
    fn text(&self, text: &Text) -> Option<(usize, usize)> {
        let (mut count, mut length) = (1_usize, 0_usize);
        for part in &text.parts {
            let more = match part {
                Part::Literal(text) => escaped(text),
                Part::Slot(index) => {
                    let slot = self
                        .issuer
                        .slots
                        .get(*index)
                        .filter(|_| self.case.slots.get(*index) == Some(&true))?;
                    count = count.saturating_mul(if slot.list { slot.max_items } else { 1 });
                    longest(slot)
                }
                Part::ClientId => self.case.client_id.then(|| longest_client_id(self.issuer))?,
                Part::Issuer => self.issuer.id.len(),
                Part::Partition => LONGEST_PARTITION.len(),
                Part::Region => LONGEST_REGION.len(),
                Part::Account => ACCOUNT.len(),
            };
            length = length.saturating_add(more);
        }
        Some((count, length))
    }
}

/// A slot's longest value. None needs an escape.
fn longest(slot: &Slot) -> usize {
    match slot.kind {
        SlotKind::Id | SlotKind::Path => slot.max_length,
        SlotKind::Uuid => 36,
        SlotKind::Hash => 32,
    }
}

fn longest_client_id(issuer: &Issuer) -> usize {
    let lengths = issuer.client_ids.iter().map(|pattern| {
        if pattern.tail {
            return MAX_CLIENT_ID_BYTES;
        }
        pattern.text.parts.iter().fold(0, |length: usize, part| {
            length.saturating_add(match part {
                Part::Literal(text) => text.len(),
                Part::Slot(index) => issuer.slots.get(*index).map_or(0, longest),
                Part::Issuer => issuer.id.len(),
                Part::ClientId | Part::Partition | Part::Region | Part::Account => MAX_CLIENT_ID_BYTES,
            })
        })
    });
    lengths.max().unwrap_or(0).min(MAX_CLIENT_ID_BYTES)
}

/// A text's length within JSON's quotes, in bytes.
pub(super) fn escaped(text: &str) -> usize {
    serde_json::Value::from(text).to_string().len().saturating_sub(2)
}

/// The sum, which nothing overflows.
pub(super) fn sum<const N: usize>(numbers: [usize; N]) -> usize {
    numbers.into_iter().fold(0, usize::saturating_add)
}
