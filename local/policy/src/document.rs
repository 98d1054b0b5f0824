//! Parses policy documents.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::condition::Condition;
use crate::pattern::{Pattern, PatternOptions};
use crate::question::StatementPlace;
use crate::statement::{Clause, Statement};
use crate::value::Effect;

/// The version with policy variables.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html>
const WITH_VARIABLES: &str = "2012-10-17";
/// The version without policy variables. The default.
const WITHOUT_VARIABLES: &str = "2008-10-17";

const DOCUMENT_MEMBERS: [&str; 3] = ["Version", "Id", "Statement"];
const STATEMENT_MEMBERS: [&str; 7] =
    ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];

type Members = Map<String, Value>;

/// Where a document comes from, for messages.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Its number in the response, from 1.
    pub(crate) number: usize,
    /// The name of its policy, if it has one.
    pub(crate) policy: Option<Arc<str>>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.policy {
            Some(policy) => write!(f, "policy {policy}"),
            None => write!(f, "document {}", self.number),
        }
    }
}

/// Parses a document. Appends its statements to `statements` and its errors to `errors`.
pub(crate) fn parse(
    source: &Source,
    document: &Value,
    statements: &mut Vec<Statement>,
    errors: &mut Vec<String>,
) {
    let mut error = |text: String| errors.push(format!("{source}: {text}"));
    let Some(members) = document.as_object() else {
        return error(r#"not a JSON object; expected {"Version": ..., "Statement": [...]}"#.to_owned());
    };
    for text in unknown_members(members, &DOCUMENT_MEMBERS) {
        error(text);
    }
    let has_variables = match members.get("Version").map_or(Some(WITHOUT_VARIABLES), Value::as_str) {
        Some(WITH_VARIABLES) => true,
        Some(WITHOUT_VARIABLES) => false,
        _ => {
            return error(format!("Version must be \"{WITH_VARIABLES}\" or \"{WITHOUT_VARIABLES}\""));
        }
    };
    let list = match members.get("Statement") {
        Some(Value::Array(list)) if !list.is_empty() => list.as_slice(),
        Some(single @ Value::Object(_)) => std::slice::from_ref(single),
        _ => return error("Statement must be a list of at least one statement".to_owned()),
    };
    for (number, value) in (1..).zip(list) {
        match statement(source, number, value, has_variables) {
            Ok(statement) => statements.push(statement),
            Err(found) => {
                errors.extend(found.into_iter().map(|text| format!("{source}, statement {number}: {text}")));
            }
        }
    }
}

fn statement(
    source: &Source,
    number: usize,
    value: &Value,
    has_variables: bool,
) -> Result<Statement, Vec<String>> {
    let Some(members) = value.as_object() else {
        return Err(vec!["not a JSON object".to_owned()]);
    };
    let mut errors: Vec<_> = unknown_members(members, &STATEMENT_MEMBERS).collect();
    let effect = ok_or_push(effect(members), &mut errors);
    // IAM compares actions without regard to case, and resources exactly.
    let options = PatternOptions { has_wildcards: true, ignores_case: true, ..PatternOptions::default() };
    let actions = ok_or_push(clause(members, "Action", "NotAction", options), &mut errors);
    let options = PatternOptions { has_wildcards: true, has_variables, ..PatternOptions::default() };
    let resources = ok_or_push(clause(members, "Resource", "NotResource", options), &mut errors);
    let conditions = ok_or_push(conditions(members.get("Condition"), has_variables), &mut errors);
    let sid = members.get("Sid").and_then(Value::as_str).map(str::to_owned);
    match (effect, actions, resources, conditions) {
        (Some(effect), Some(actions), Some(resources), Some(conditions)) if errors.is_empty() => {
            let place = StatementPlace { document: source.number, statement: number };
            let policy = source.policy.clone();
            Ok(Statement { place, policy, sid, effect, actions, resources, conditions })
        }
        _ => Err(errors),
    }
}

/// Returns the value, or appends the error to `errors`.
pub(crate) fn ok_or_push<T>(result: Result<T, String>, errors: &mut Vec<String>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

/// Returns an error for each unknown member.
fn unknown_members(members: &Members, known: &[&str]) -> impl Iterator<Item = String> {
    let unknown = members.keys().filter(move |name| !known.contains(&name.as_str()));
    unknown.map(move |name| format!("unknown member {name}; expected one of {}", known.join(", ")))
}

fn effect(members: &Members) -> Result<Effect, String> {
    match members.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Ok(Effect::Allow),
        Some("Deny") => Ok(Effect::Deny),
        _ => Err("Effect must be \"Allow\" or \"Deny\"".to_owned()),
    }
}

fn clause(members: &Members, name: &str, inverse: &str, options: PatternOptions) -> Result<Clause, String> {
    let (value, is_inverted) = match (members.get(name), members.get(inverse)) {
        (Some(value), None) => (value, false),
        (None, Some(value)) => (value, true),
        (None, None) => return Err(format!("{name} is missing")),
        (Some(_), Some(_)) => return Err(format!("{name} and {inverse} cannot both be present")),
    };
    let texts = texts(value, string).filter(|texts| !texts.is_empty());
    let texts = texts.ok_or_else(|| format!("{name} must be a string or a non-empty list of strings"))?;
    Ok(Clause { is_inverted, patterns: texts.iter().map(|text| Pattern::new(text, options)).collect() })
}

fn conditions(value: Option<&Value>, has_variables: bool) -> Result<Vec<Condition>, String> {
    const FORM: &str = "Condition must have the form {\"OPERATOR\": {\"KEY\": \"value\"}}";
    let Some(value) = value else { return Ok(Vec::new()) };
    let mut conditions = Vec::new();
    for (operator, keys) in value.as_object().ok_or(FORM)? {
        for (key, values) in keys.as_object().ok_or(FORM)? {
            let values = texts(values, scalar).ok_or(FORM)?;
            conditions.push(Condition::parse(operator, key, &values, has_variables)?);
        }
    }
    Ok(conditions)
}

/// Reads a single value or a list.
fn texts(value: &Value, read: fn(&Value) -> Option<String>) -> Option<Vec<String>> {
    match value {
        Value::Array(list) => list.iter().map(read).collect(),
        single => read(single).map(|text| vec![text]),
    }
}

fn string(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Reads a value of a condition. As in IAM, numbers and booleans need no quotes.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
