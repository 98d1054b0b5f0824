//! Templates filled with the longest values that the slots allow.

use iot_jwt_authorizer::authorizer::Issuer;
use iot_jwt_authorizer::client_id::MAX_CLIENT_ID_BYTES;
use iot_jwt_authorizer::policy::{Effect, Resource, Statement};
use iot_jwt_authorizer::slots::Slot;
use iot_jwt_authorizer::template_text::{Segment, TemplateText};

use super::cases::SizeCase;

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
const LONGEST_PARTITION: &str = "aws-us-gov";

/// No Region has a longer name today; this is one of the isolated ones.
const LONGEST_REGION: &str = "us-isof-south-1";

/// Accounts have twelve digits.
const ACCOUNT: &str = "123456789012";

/// A statement, and the lengths of what it is filled with.
#[derive(Clone, Debug)]
pub(super) struct LongestStatement<'a> {
    pub(super) effect: Effect,
    pub(super) actions: Vec<&'a str>,
    pub(super) resources: Vec<ResourceGroup<'a>>,
    pub(super) statement: &'a Statement,
    /// The length of the condition as JSON; zero without a condition.
    pub(super) condition: usize,
}

/// A resource, once for each value of its list slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResourceGroup<'a> {
    pub(super) resource: &'a Resource,
    pub(super) count: usize,
    /// The length of each as JSON.
    pub(super) length: usize,
}

impl PartialEq for ResourceGroup<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.resource.is_relative == other.resource.is_relative && self.resource.text == other.resource.text
    }
}

/// The statements of a case, in the order in which the function fills them.
pub(super) fn statements<'a>(issuer: &Issuer, case: &SizeCase<'a>) -> Vec<LongestStatement<'a>> {
    let filler = Filler { issuer, case };
    case.templates
        .iter()
        .flat_map(|template| &template.statements)
        .filter_map(|statement| filler.statement(statement))
        .collect()
}

struct Filler<'i, 'c, 'a> {
    issuer: &'i Issuer,
    case: &'c SizeCase<'a>,
}

impl Filler<'_, '_, '_> {
    fn statement<'a>(&self, statement: &'a Statement) -> Option<LongestStatement<'a>> {
        let prefix =
            sum(["arn:", LONGEST_PARTITION, ":iot:", LONGEST_REGION, ":", ACCOUNT, ":"].map(str::len));
        let mut resources: Vec<ResourceGroup<'a>> = Vec::new();
        for resource in &statement.resources {
            let Some((count, length)) = self.text(&resource.text) else { continue };
            let length = sum([length, 2, if resource.is_relative { prefix } else { 0 }]);
            let group = ResourceGroup { resource, count, length };
            if !resources.contains(&group) {
                resources.push(group);
            }
        }
        let condition = self.condition(statement)?;
        let actions = statement.actions.names().iter().map(|action| &**action).collect();
        let effect = statement.effect;
        (!resources.is_empty()).then_some(LongestStatement {
            effect,
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
                length = sum([length, 6, escaped_length(&entry.operator)]);
            }
            // `"":[],`
            length = sum([length, 6, escaped_length(&entry.key)]);
            for value in &entry.values {
                let (count, each) = self.text(value)?;
                // `"",`
                length = sum([length, count.saturating_mul(each.saturating_add(3))]);
            }
        }
        // Each item was counted with a comma. The last item of each list has none.
        let surplus = sum([1, operators.len(), statement.condition.len()]);
        Some(length.saturating_sub(surplus))
    }

    /// The number of texts, and the length of each within its quotes; `None` if a value is absent.
    fn text(&self, text: &TemplateText) -> Option<(usize, usize)> {
        let (mut count, mut length) = (1_usize, 0_usize);
        for segment in &text.segments {
            let added = match segment {
                Segment::Literal(text) => escaped_length(text),
                Segment::Slot(index) => {
                    let has_value = self.case.has_value.get(*index) == Some(&true);
                    let slot = self.issuer.slots.get(*index).filter(|_| has_value)?;
                    count = count.saturating_mul(if slot.list { slot.max_items } else { 1 });
                    longest_value(slot)
                }
                Segment::ClientId => self.case.has_client_id.then(|| longest_client_id(self.issuer))?,
                Segment::Issuer => self.issuer.id.len(),
                Segment::Partition => LONGEST_PARTITION.len(),
                Segment::Region => LONGEST_REGION.len(),
                Segment::Account => ACCOUNT.len(),
            };
            length = length.saturating_add(added);
        }
        Some((count, length))
    }
}

/// The length of a slot's longest value. No value needs an escape.
fn longest_value(slot: &Slot) -> usize {
    slot.slot_type.fixed_length().unwrap_or(slot.max_length)
}

fn longest_client_id(issuer: &Issuer) -> usize {
    let lengths = issuer.client_ids.iter().map(|pattern| {
        if pattern.tail {
            return MAX_CLIENT_ID_BYTES;
        }
        pattern.text.segments.iter().fold(0, |length: usize, segment| {
            length.saturating_add(match segment {
                Segment::Literal(text) => text.len(),
                Segment::Slot(index) => issuer.slots.get(*index).map_or(0, longest_value),
                Segment::Issuer => issuer.id.len(),
                Segment::ClientId | Segment::Partition | Segment::Region | Segment::Account => {
                    MAX_CLIENT_ID_BYTES
                }
            })
        })
    });
    lengths.max().unwrap_or(0).min(MAX_CLIENT_ID_BYTES)
}

/// The length of a text within JSON's quotes, in bytes.
pub(super) fn escaped_length(text: &str) -> usize {
    serde_json::Value::from(text).to_string().len().saturating_sub(2)
}

/// The sum, which cannot overflow.
pub(super) fn sum<const N: usize>(numbers: [usize; N]) -> usize {
    numbers.into_iter().fold(0, usize::saturating_add)
}
