//! Grants, client ids and slots: what a token is permitted, and with which values.

use std::collections::BTreeSet;

use iot_jwt_authorizer::authorizer::{Authorizer, Issuer};
use iot_jwt_authorizer::claims::Claims;
use iot_jwt_authorizer::condition::Condition;
use iot_jwt_authorizer::denial::{Code, Denial};
use iot_jwt_authorizer::policy::GrantRule;
use iot_jwt_authorizer::request::Request;
use iot_jwt_authorizer::slots::{Slot, SlotType};
use iot_jwt_authorizer::template_text::{Segment, UsedSlots};

use super::alternatives;
use crate::explain::rules::{claim_of, expected_value};
use crate::explain::{Mark, Row};
use crate::quote::{quoted, shown};

/// Every grant of the configuration, with each condition of its `when`.
pub(in crate::explain) fn grants(authorizer: &Authorizer, issuer: usize, claims: &Claims<'_>) -> Vec<Row> {
    let grants = authorizer.policies.grants.iter();
    grants.flat_map(|grant| self::grant(authorizer, grant, issuer, claims)).collect()
}

fn grant(authorizer: &Authorizer, grant: &GrantRule, issuer: usize, claims: &Claims<'_>) -> Vec<Row> {
    let policy = authorizer.policies.templates.get(grant.template).map_or("", |template| &*template.name);
    if !grant.issuers.contains(&issuer) {
        let issuers = grant.issuers.iter().filter_map(|index| authorizer.issuers.get(*index));
        let expected = alternatives(issuers.map(|issuer| issuer.id.to_string()));
        return vec![Row {
            mark: Mark::Unmet,
            ..Row::check(false, policy, "another issuer's token", expected)
        }];
    }
    if grant.when.is_empty() {
        return vec![Row::held(policy, "for every token of the issuer")];
    }
    let row = |condition: &Condition| {
        let mark = if condition.holds(claims.all()) { Mark::Held } else { Mark::Unmet };
        let (actual, expected) = (claim_of(condition, claims.all()), expected_value(condition));
        Row { mark, ..Row::check(true, format!("{policy}, {}", condition.name), actual, expected) }
    };
    grant.when.iter().map(row).collect()
}

/// `denial` is that of [`Issuer::bindings`], which also fills the slots of the policies.
pub(in crate::explain) fn client_id(
    issuer: &Issuer,
    request: &Request<'_>,
    claims: &Claims<'_>,
    denial: Option<&Denial>,
) -> Vec<Row> {
    let Some(mqtt) = request.mqtt() else {
        return vec![Row::note("client id", "none: an HTTPS publish or a test call")];
    };
    let id = mqtt.client_id.as_ref().map(|id| &*id.0).filter(|id| !id.is_empty());
    let mut rows = slots(issuer, id.map(|_| &issuer.client_id_slots), claims);
    if rows.iter().all(|row| row.mark != Mark::Failed) {
        let is_denied = denial.is_some_and(|denial| denial.code() == Code::ClientIdNotAllowed);
        let actual = id.map_or_else(|| "absent".to_owned(), quoted);
        rows.push(Row::check(!is_denied, "client id", actual, alternatives(client_ids(issuer, claims))));
    }
    rows
}

/// Every client id that a token may use. A pattern with a slot that cannot be filled allows none.
pub(in crate::explain) fn client_ids(issuer: &Issuer, claims: &Claims<'_>) -> Vec<String> {
    let mut all = Vec::new();
    for pattern in &issuer.client_ids {
        let mut texts = vec![String::new()];
        for segment in &pattern.text.segments {
            let values = match segment {
                Segment::Literal(text) => vec![text.to_string()],
                Segment::Issuer => vec![issuer.id.to_string()],
                Segment::Slot(index) => {
                    let values = issuer.slots.get(*index).and_then(|slot| slot.read(claims).ok().flatten());
                    values.map(|values| values.iter().map(str::to_owned).collect()).unwrap_or_default()
                }
                // Patterns of client ids have no other variables.
                Segment::ClientId | Segment::Partition | Segment::Region | Segment::Account => Vec::new(),
            };
            let extended =
                |text: &String| values.iter().map(|value| format!("{text}{value}")).collect::<Vec<_>>();
            texts = texts.iter().flat_map(extended).collect();
        }
        let tail = if pattern.tail { "*" } else { "" };
        all.extend(texts.into_iter().map(|text| format!("{text}{tail}")));
    }
    all
}

/// The values of the slots in `used`, in the order in which they are read, up to the first that cannot be filled.
pub(in crate::explain) fn slots<'u>(
    issuer: &Issuer,
    used: impl IntoIterator<Item = &'u UsedSlots>,
    claims: &Claims<'_>,
) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    for used in used {
        for (index, slot) in issuer.slots.iter().enumerate().filter(|(index, _)| used.contains(*index)) {
            if seen.insert(index) {
                let row = self::slot(slot, claims);
                let has_failed = row.mark == Mark::Failed;
                rows.push(row);
                if has_failed {
                    return rows;
                }
            }
        }
    }
    rows
}

fn slot(slot: &Slot, claims: &Claims<'_>) -> Row {
    let name = format!("${{{}}}", slot.name);
    let (path, claim) = (&slot.path, slot.path.find(claims.all()).map_or_else(|| "absent".to_owned(), shown));
    match slot.read(claims) {
        Ok(Some(values)) => {
            let values: Vec<_> = values.iter().map(quoted).collect();
            Row::held(name, format!("{} from claim {path}", values.join(", ")))
        }
        Ok(None) => Row::note(name, format!("empty: claim {path} is {claim}, and the slot is optional")),
        Err(_) => Row::check(false, name, format!("claim {path} is {claim}"), expected_values(slot)),
    }
}

fn expected_values(slot: &Slot) -> String {
    let characters = match slot.slot_type {
        SlotType::Id => "letters, digits and . _ : @ | = -",
        SlotType::Path => "levels of letters, digits and . _ : @ | = -, separated by /",
        SlotType::Uuid => "a UUID in lower case",
        SlotType::Hash => "any text",
    };
    let items = if slot.list { format!(", at most {} values", slot.max_items) } else { String::new() };
    format!("{characters}; at most {} characters{items}", slot.max_length)
}
