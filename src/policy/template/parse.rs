//! The reader of policy files. It reports every error with its place.

use std::fmt::Display;

use serde_json::Value;

use super::resource_kind::ResourceKind;
use super::{ConditionEntry, Effect, Resource, Statement, Template};
use crate::config_error::{ConfigError, ErrorPlace};
use crate::json::{Json, MAX_DEPTH, Object};
use crate::policy::Actions;
use crate::slots::Slot;
use crate::template_text::{Scope, TemplateText, UsedSlots};

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
    /// Parses `policies/NAME.json`.
    ///
    /// # Errors
    /// All errors of the file.
    pub fn parse(name: &str, json: &str, scope: Scope<'_>) -> Result<Self, Vec<ConfigError>> {
        let file = format!("policies/{name}.json");
        let document = Object::parse_str(json).ok_or_else(|| vec![syntax_error(&file, json)])?;
        let mut reader = Reader { file: &file, scope, errors: Vec::new() };
        let statements = reader.document(&document);
        if !reader.errors.is_empty() {
            return Err(reader.errors);
        }
        let used = UsedSlots::of(statements.iter().flat_map(Statement::texts));
        Ok(Self { name: name.into(), statements, used })
    }
}

struct Reader<'a> {
    file: &'a str,
    scope: Scope<'a>,
    errors: Vec<ConfigError>,
}

impl Reader<'_> {
    /// Adds an error. `member` is written only here, since most members have none.
    fn error(&mut self, member: &dyn Display, what: impl Into<String>) -> &mut ConfigError {
        let place = ErrorPlace::Member(member.to_string());
        self.errors.push_mut(ConfigError::at(self.file, place, what))
    }

    fn document(&mut self, document: &Object<'_>) -> Vec<Statement> {
        let names = document.members().map(|(name, _)| name);
        for member in names.filter(|name| !matches!(*name, "Version" | "Statement" | "Id")) {
            self.error(&member, "unknown member of a policy; expected `Version`, `Statement` or `Id`");
        }
        if document.get("Version").and_then(Json::as_str) != Some("2012-10-17") {
            self.error(&"Version", "expected \"2012-10-17\", the only version in which AWS fills variables");
        }
        let statements = match document.get("Statement") {
            Some(Json::Array(statements)) => statements.as_slice(),
            Some(statement @ Json::Object(_)) => std::slice::from_ref(statement),
            _ => &[],
        };
        if statements.is_empty() {
            self.error(&"Statement", "expected at least one statement");
        }
        statements
            .iter()
            .enumerate()
            .filter_map(|(index, statement)| self.statement(&format_args!("Statement[{index}]"), statement))
            .collect()
    }

    fn statement(&mut self, place: &dyn Display, statement: &Json<'_>) -> Option<Statement> {
        let Some(members) = statement.as_object() else {
            self.error(place, "expected a JSON object");
            return None;
        };
        for (member, _) in members.members() {
            if !matches!(member, "Effect" | "Action" | "Resource" | "Condition" | "Sid") {
                self.error(
                    &format_args!("{place}.{member}"),
                    "unsupported member; expected `Effect`, `Action`, `Resource`, `Condition` or `Sid`",
                );
            }
        }
        let effect = match members.get("Effect").and_then(Json::as_str) {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => {
                self.error(&format_args!("{place}.Effect"), "expected \"Allow\" or \"Deny\"");
                return None;
            }
        };
        let actions = self.strings(&format_args!("{place}.Action"), members.get("Action"));
        let resources = self.strings(&format_args!("{place}.Resource"), members.get("Resource"));
        self.check_kinds(place, &actions, &resources);
        let resources: Vec<Resource> = resources
            .iter()
            .enumerate()
            .filter_map(|(index, resource)| {
                self.resource(&format_args!("{place}.Resource[{index}]"), resource)
            })
            .collect();
        let condition = self.condition(&format_args!("{place}.Condition"), members.get("Condition"));
        let statement = Statement { effect, actions: Actions::of(actions), resources, condition };
        if effect == Effect::Deny {
            self.check_deny(place, &statement);
        }
        Some(statement)
    }

    /// Reads a string or a list of strings, none of them empty.
    fn strings<'j>(&mut self, place: &dyn Display, value: Option<&'j Json<'_>>) -> Vec<&'j str> {
        let values: Option<Vec<&str>> = match value {
            Some(Json::String(text)) => Some(vec![text]),
            Some(Json::Array(items)) => items.iter().map(Json::as_str).collect(),
            _ => None,
        };
        match values {
            Some(values) if !values.is_empty() && values.iter().all(|value| !value.is_empty()) => values,
            _ => {
                self.error(place, "expected a non-empty string or a list of them");
                Vec::new()
            }
        }
    }

    /// Checks that each action has a resource of its kind, and each resource an action. AWS ignores the others
    /// silently.
    fn check_kinds(&mut self, place: &dyn Display, actions: &[&str], resources: &[&str]) {
        let resource_kinds: Vec<Option<ResourceKind>> =
            resources.iter().map(|resource| ResourceKind::of_resource(relative(resource).0)).collect();
        let mut action_kinds = Vec::new();
        for (index, action) in actions.iter().enumerate() {
            let place = format_args!("{place}.Action[{index}]");
            match ResourceKind::of_action(action) {
                Some(kind) => {
                    if !resources.is_empty() && !resource_kinds.contains(&Some(kind)) {
                        let prefix = kind.prefix();
                        self.error(
                            &place,
                            format!("`{action}` acts on `{prefix}`, and no resource begins with it"),
                        );
                    }
                    action_kinds.push(kind);
                }
                None => {
                    let what =
                        format!("unknown action `{action}`; expected the full name of a client's action");
                    self.error(&place, what).hint =
                        Some("name each action in full, as `iot:Publish`".to_owned());
                }
            }
        }
        let has_unknown_action = action_kinds.len() < actions.len();
        for (index, (kind, resource)) in resource_kinds.iter().zip(resources).enumerate() {
            let what = match kind {
                Some(kind) if has_unknown_action || action_kinds.contains(kind) => continue,
                Some(_) => format!("no action of the statement acts on `{resource}`"),
                None => format!(
                    "unknown kind of resource `{resource}`; expected `client/`, `topic/`, `topicfilter/` or `thing/`"
                ),
            };
            self.error(&format_args!("{place}.Resource[{index}]"), what);
        }
    }

    fn resource(&mut self, place: &dyn Display, resource: &str) -> Option<Resource> {
        let is_relative = relative(resource).1;
        self.text(place, resource).map(|text| Resource { text, is_relative })
    }

    fn text(&mut self, place: &dyn Display, text: &str) -> Option<TemplateText> {
        let errors = match TemplateText::parse(text, self.scope) {
            Ok(text) => return Some(text),
            Err(errors) => errors,
        };
        for error in errors {
            let reported = self.error(place, error.what);
            reported.hint = error.hint.map(str::to_owned);
            reported.unknown = error.unknown;
        }
        None
    }

    fn condition(&mut self, place: &dyn Display, condition: Option<&Json<'_>>) -> Vec<ConditionEntry> {
        let mut entries = Vec::new();
        let Some(condition) = condition else { return entries };
        let operators = match condition.as_object() {
            Some(operators) if operators.members().len() > 0 => operators,
            _ => {
                self.error(place, "expected an object of condition operators");
                return entries;
            }
        };
        for (operator, keys) in operators.members() {
            let place = format_args!("{place}.{operator}");
            if !is_operator(operator) {
                self.error(&place, "unknown condition operator; expected one of IAM's, as `StringEquals`");
            }
            match keys.as_object() {
                Some(keys) if keys.members().len() > 0 => {
                    self.check_keys(&place, keys);
                    for (key, values) in keys.members() {
                        let place = format_args!("{place}.{key}");
                        let values = self.strings(&place, Some(values));
                        let values = values.iter().filter_map(|value| self.text(&place, value)).collect();
                        entries.push(ConditionEntry { operator: operator.into(), key: key.into(), values });
                    }
                }
                _ => {
                    self.error(&place, "expected an object of condition keys");
                }
            }
        }
        entries
    }

    /// Checks the condition keys of one operator. AWS IoT fills variables in values only. IAM does not distinguish case
    /// in keys, and what it does with one key in two spellings is not documented.
    fn check_keys(&mut self, place: &dyn Display, keys: &Object<'_>) {
        let mut known: Vec<String> = Vec::new();
        for (key, _) in keys.members() {
            let place = format_args!("{place}.{key}");
            if key.contains("${") {
                self.error(&place, "a condition key has a variable").hint =
                    Some("write the key itself; variables are filled in values only".to_owned());
            }
            let folded = key.to_ascii_lowercase();
            if known.contains(&folded) {
                self.error(&place, "duplicate condition key; case does not distinguish keys");
            }
            known.push(folded);
        }
    }

    /// Checks that a Deny depends on nothing that may be absent. A skipped resource would not be denied.
    fn check_deny(&mut self, place: &dyn Display, statement: &Statement) {
        let used = UsedSlots::of(statement.texts());
        let is_used = |index: usize, slot: &Slot| slot.optional && used.contains(index);
        for (index, slot) in self.scope.slots.iter().enumerate() {
            if is_used(index, slot) {
                let what = format!("a Deny uses the optional slot `${{{}}}`", slot.name);
                self.error(place, what).hint =
                    Some("a token without the claim would not be denied".to_owned());
            }
        }
        if statement.has_thing_variable() {
            let hint = "AWS skips the statement where the variable is absent";
            self.error(place, "a Deny uses a thing or certificate variable").hint = Some(hint.to_owned());
        }
        if statement.has_client_id_variable() {
            let hint = "an HTTPS publish has no client id, and AWS may skip the statement; write `${mqtt:client_id}`";
            self.error(place, "a Deny uses AWS IoT's variable or condition key of the client id").hint =
                Some(hint.to_owned());
        }
    }
}

/// Why a document cannot be read.
fn syntax_error(file: &str, json: &str) -> ConfigError {
    match serde_json::from_str::<Value>(json) {
        Err(error) => {
            let place = ErrorPlace::Line { line: error.line(), span: None };
            // The place says the line already.
            let error = error.to_string();
            let what = error.split_once(" at line ").map_or(&*error, |(what, _)| what);
            ConfigError::at(file, place, format!("invalid JSON: {what}"))
        }
        Ok(Value::Object(_)) => {
            let what =
                format!("an object has a duplicate member name, or more than {MAX_DEPTH} levels are nested");
            ConfigError::of_file(file, what)
        }
        Ok(_) => ConfigError::of_file(file, "expected a JSON object"),
    }
}

/// A resource without its ARN, and whether it is relative: written without one. `*` has none and is not relative.
fn relative(resource: &str) -> (&str, bool) {
    match resource.strip_prefix("arn:") {
        None if resource == "*" => (resource, false),
        None => (resource, true),
        Some(rest) => (after_account(rest).unwrap_or(""), false),
    }
}

/// The text after `PARTITION:iot:REGION:ACCOUNT:`. A colon inside a variable is not a separator.
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
