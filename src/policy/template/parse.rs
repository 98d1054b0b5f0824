//! Reading a policy file, with every fault named by its place.

use std::fmt::Display;

use serde_json::Value;

use super::action::Kind;
use super::{ConditionEntry, Effect, Resource, Statement, Template};
use crate::json::{Json, Object};
use crate::policy::{Actions, Text, Used, Vocabulary};
use crate::slots::Slot;

/// The condition operators of IAM, without their prefixes and suffix.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>
const OPERATORS: [&str; 26] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "ArnEquals",
    "ArnNotEquals",
    "ArnLike",
    "ArnNotLike",
    "Bool",
    "IpAddress",
    "NotIpAddress",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Null",
];

impl Template {
    /// Reads a policy file. Each fault names its place in the document and how to fix it.
    ///
    /// # Errors
    /// All faults of the file.
    pub fn parse(name: &str, json: &str, vocabulary: Vocabulary<'_>) -> Result<Self, Vec<String>> {
        let document = Object::read(json).ok_or_else(|| vec![unread(json)])?;
        let mut reader = Reader { vocabulary, faults: Vec::new() };
        let statements = reader.document(&document);
        if reader.faults.is_empty() {
            let mut used = Used::default();
            for statement in &statements {
                statement.resources.iter().for_each(|resource| used.add(&resource.text));
                statement.condition.iter().flat_map(|entry| &entry.values).for_each(|text| used.add(text));
            }
            Ok(Self { name: name.into(), statements, used })
        } else {
            Err(reader.faults)
        }
    }
}

struct Reader<'a> {
    vocabulary: Vocabulary<'a>,
    faults: Vec<String>,
}

impl Reader<'_> {
    /// The place is written only if there is something to say of it.
    fn fault(&mut self, place: &dyn Display, what: impl AsRef<str>) {
        self.faults.push(format!("{place} {}", what.as_ref()));
    }

    fn document(&mut self, document: &Object<'_>) -> Vec<Statement> {
        let names = document.members().map(|(name, _)| name);
        for member in names.filter(|name| !matches!(*name, "Version" | "Statement" | "Id")) {
            self.fault(&format_args!("`{member}`"), "is no member of a policy: take it out");
        }
        if document.get("Version").and_then(Json::as_str) != Some("2012-10-17") {
            self.fault(&"`Version`", "has to be \"2012-10-17\": AWS fills no variables in any other");
        }
        let statements = match document.get("Statement") {
            Some(Json::Array(statements)) => statements.as_slice(),
            Some(one @ Json::Object(_)) => std::slice::from_ref(one),
            _ => &[],
        };
        if statements.is_empty() {
            self.fault(&"`Statement`", "has to hold at least one statement");
        }
        statements
            .iter()
            .enumerate()
            .filter_map(|(at, one)| self.statement(&format_args!("Statement[{at}]"), one))
            .collect()
    }

    fn statement(&mut self, place: &dyn Display, statement: &Json<'_>) -> Option<Statement> {
        let Some(members) = statement.as_object() else {
            self.fault(place, "is no JSON object");
            return None;
        };
        for (member, _) in members.members() {
            if !matches!(member, "Effect" | "Action" | "Resource" | "Condition" | "Sid") {
                self.fault(
                    &format_args!("{place}.{member}"),
                    "is not supported: write what is allowed with Effect, Action, Resource and Condition",
                );
            }
        }
        let effect = match members.get("Effect").and_then(Json::as_str) {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => {
                self.fault(&format_args!("{place}.Effect"), "has to be \"Allow\" or \"Deny\"");
                return None;
            }
        };
        let actions = self.strings(&format_args!("{place}.Action"), members.get("Action"));
        let resources = self.strings(&format_args!("{place}.Resource"), members.get("Resource"));
        self.check_kinds(place, &actions, &resources);
        let resources: Vec<Resource> = resources
            .iter()
            .enumerate()
            .filter_map(|(at, resource)| self.resource(&format_args!("{place}.Resource[{at}]"), resource))
            .collect();
        let condition = self.condition(&format_args!("{place}.Condition"), members.get("Condition"));
        let actions = Actions::of(actions);
        let statement = Statement { effect, actions, resources, condition };
        if effect == Effect::Deny {
            self.check_deny(place, &statement);
        }
        Some(statement)
    }

    /// A string or a list of strings, none of them empty.
    fn strings<'j>(&mut self, place: &dyn Display, value: Option<&'j Json<'_>>) -> Vec<&'j str> {
        let values: Option<Vec<&str>> = match value {
            Some(Json::String(one)) => Some(vec![one]),
            Some(Json::Array(several)) => several.iter().map(Json::as_str).collect(),
            _ => None,
        };
        match values {
            Some(values) if !values.is_empty() && values.iter().all(|value| !value.is_empty()) => values,
            _ => {
                self.fault(place, "has to be a string or a list of strings");
                Vec::new()
            }
        }
    }

    /// An action on a resource of another kind matches nothing, which is never what was meant.
    fn check_kinds(&mut self, place: &dyn Display, actions: &[&str], resources: &[&str]) {
        let kinds: Vec<Option<Kind>> =
            resources.iter().map(|resource| Kind::of_resource(relative(resource).0)).collect();
        let mut takes = Vec::new();
        for (at, action) in actions.iter().enumerate() {
            match Kind::of_action(action) {
                Some(kind) => {
                    if !resources.is_empty() && !kinds.contains(&Some(kind)) {
                        let what = format!("has no resource: `{action}` acts on `{}`", kind.prefix());
                        self.fault(&format_args!("{place}.Action[{at}]"), what);
                    }
                    takes.push(kind);
                }
                None => self.fault(
                    &format_args!("{place}.Action[{at}]"),
                    format!(
                        "`{action}` is no action of a client: name each action in full, as in `iot:Publish`"
                    ),
                ),
            }
        }
        for (at, (kind, resource)) in kinds.iter().zip(resources).enumerate() {
            let what = match kind {
                Some(kind) if takes.len() < actions.len() || takes.contains(kind) => continue,
                Some(_) => format!("`{resource}` is of a kind that no action of the statement acts on"),
                None => {
                    format!("`{resource}` begins with none of `client/`, `topic/`, `topicfilter/`, `thing/`")
                }
            };
            self.fault(&format_args!("{place}.Resource[{at}]"), what);
        }
    }

    fn resource(&mut self, place: &dyn Display, resource: &str) -> Option<Resource> {
        let is_relative = relative(resource).1;
        self.text(place, resource).map(|text| Resource { text, is_relative })
    }

    fn text(&mut self, place: &dyn Display, text: &str) -> Option<Text> {
        match Text::parse(text, self.vocabulary) {
            Ok(text) => Some(text),
            Err(faults) => {
                faults.iter().for_each(|fault| self.fault(place, fault));
                None
            }
        }
    }

    fn condition(&mut self, place: &dyn Display, condition: Option<&Json<'_>>) -> Vec<ConditionEntry> {
        let mut entries = Vec::new();
        let Some(condition) = condition else { return entries };
        let operators = condition.as_object().map(Object::members).into_iter().flatten();
        let mut is_empty = true;
        for (operator, keys) in operators {
            is_empty = false;
            let place = format_args!("{place}.{operator}");
            if !is_operator(operator) {
                self.fault(&place, "is no condition operator of IAM");
            }
            match keys.as_object() {
                Some(keys) if keys.members().len() > 0 => {
                    for (key, values) in keys.members() {
                        let place = format_args!("{place}.{key}");
                        let values = self.strings(&place, Some(values));
                        let values = values.iter().filter_map(|value| self.text(&place, value)).collect();
                        entries.push(ConditionEntry { operator: operator.into(), key: key.into(), values });
                    }
                }
                _ => self.fault(&place, "has to be an object of condition keys"),
            }
        }
        if is_empty {
            self.fault(place, "has to be an object of operators");
        }
        entries
    }

    /// What a Deny leaves out it does not deny, so it may hang on nothing that can be absent.
    fn check_deny(&mut self, place: &dyn Display, statement: &Statement) {
        let resources = statement.resources.iter().map(|resource| &resource.text);
        let texts: Vec<&Text> =
            resources.chain(statement.condition.iter().flat_map(|entry| &entry.values)).collect();
        let mut used = Used::default();
        texts.iter().for_each(|text| used.add(text));
        let optional: Vec<&Slot> = self
            .vocabulary
            .slots
            .iter()
            .enumerate()
            .filter(|(index, slot)| slot.optional && used.contains(*index))
            .map(|(_, slot)| slot)
            .collect();
        for slot in optional {
            self.fault(
                place,
                format!(
                    "denies by `${{{}}}`, which is optional: a token without it would not be denied",
                    slot.name
                ),
            );
        }
        let by_thing = statement.condition.iter().any(|entry| {
            entry.key.starts_with("iot:Connection.Thing.") || entry.key.starts_with("iot:Certificate.")
        });
        if by_thing || texts.iter().any(|text| text.has_thing_variable()) {
            self.fault(place, "denies by a thing or certificate variable: AWS skips such a statement where the variable is absent");
        }
    }
}

/// Why a document cannot be read.
fn unread(json: &str) -> String {
    match serde_json::from_str::<Value>(json) {
        Err(error) => format!("is not JSON: {error}"),
        Ok(_) if json.trim_start().starts_with('{') => {
            "has a name twice in one object, or more than 32 levels: readers would not agree on what it says"
                .to_owned()
        }
        Ok(_) => "the document is no JSON object".to_owned(),
    }
}

/// A resource without its ARN, and whether one has to be put before it. `*` stands for itself.
fn relative(resource: &str) -> (&str, bool) {
    match resource.strip_prefix("arn:") {
        None if resource == "*" => (resource, false),
        None => (resource, true),
        Some(rest) => (after_account(rest).unwrap_or(""), false),
    }
}

/// What follows `PARTITION:iot:REGION:ACCOUNT:`; a variable's own colon is no separator.
fn after_account(arn: &str) -> Option<&str> {
    let mut rest = arn;
    for field in 0..4 {
        let end = match rest.strip_prefix("${") {
            Some(_) => rest.find('}')?.checked_add(1)?,
            None => rest.find(':')?,
        };
        let (value, after) = rest.split_at_checked(end)?;
        if field == 1 && value != "iot" {
            return None;
        }
        rest = after.strip_prefix(':')?;
    }
    Some(rest)
}

fn is_operator(operator: &str) -> bool {
    let operator = operator
        .strip_prefix("ForAllValues:")
        .or_else(|| operator.strip_prefix("ForAnyValue:"))
        .unwrap_or(operator);
    OPERATORS.contains(&operator.strip_suffix("IfExists").unwrap_or(operator))
}
