//! Policy documents, from JSON to statements.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use serde_json::{Map, Value};

use super::Place;
use super::condition::Condition;
use super::pattern::{Pattern, Reading};
use super::statement::{Clause, Effect, Statement};

/// The version from which on policy variables are filled in.
const WITH_VARIABLES: &str = "2012-10-17";
/// The other version there is, and the one that holds where none is given.
const WITHOUT_VARIABLES: &str = "2008-10-17";

type Members = Map<String, Value>;

/// Adds a document's statements and its faults to those found before.
pub(super) fn read(
    number: usize,
    document: &Value,
    statements: &mut Vec<Statement>,
    faults: &mut Vec<String>,
) {
    let Some(members) = document.as_object() else {
        return faults.push(format!(
            "document {number}: it is no JSON object; a policy begins with {{\"Version\": ..."
        ));
    };
    let mut fault = |text: String| faults.push(format!("document {number}: {text}"));
    for name in unknown(members, &["Version", "Id", "Statement"]) {
        fault(format!("{name} is no member of a policy document; remove it"));
    }
    let variables = match members.get("Version").map_or(Some(WITHOUT_VARIABLES), Value::as_str) {
        Some(WITH_VARIABLES) => true,
        Some(WITHOUT_VARIABLES) => false,
        _ => return fault(format!("Version must be \"{WITH_VARIABLES}\"")),
    };
    let list = match members.get("Statement") {
        Some(Value::Array(list)) if !list.is_empty() => list.as_slice(),
        Some(single @ Value::Object(_)) => std::slice::from_ref(single),
        _ => return fault("Statement must be a list with at least one statement".to_owned()),
    };
    for (place, value) in (1..).map(|statement| Place { document: number, statement }).zip(list) {
        match statement(place, value, variables) {
            Ok(statement) => statements.push(statement),
            Err(found) => faults.extend(found.into_iter().map(|text| format!("{place}: {text}"))),
        }
    }
}

fn statement(place: Place, value: &Value, variables: bool) -> Result<Statement, Vec<String>> {
    let Some(members) = value.as_object() else {
        return Err(vec!["it is no JSON object".to_owned()]);
    };
    let mut faults: Vec<_> =
        unknown(members, &["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"])
            .map(|name| format!("{name} is no member of a statement here; remove it"))
            .collect();
    let effect = keep(effect(members), &mut faults);
    let actions = Reading { wildcards: true, any_case: true, ..Reading::default() };
    let actions = keep(clause(members, "Action", "NotAction", actions), &mut faults);
    let resources = Reading { wildcards: true, variables, ..Reading::default() };
    let resources = keep(clause(members, "Resource", "NotResource", resources), &mut faults);
    let conditions = keep(conditions(members.get("Condition"), variables), &mut faults);
    let sid = members.get("Sid").and_then(Value::as_str).map(str::to_owned);
    match (effect, actions, resources, conditions) {
        (Some(effect), Some(actions), Some(resources), Some(conditions)) if faults.is_empty() => {
            Ok(Statement { place, sid, effect, actions, resources, conditions })
        }
        _ => Err(faults),
    }
}

fn keep<T>(read: Result<T, String>, faults: &mut Vec<String>) -> Option<T> {
    read.map_err(|fault| faults.push(fault)).ok()
}

fn unknown<'a>(members: &'a Members, known: &[&str]) -> impl Iterator<Item = &'a str> {
    members.keys().map(String::as_str).filter(move |name| !known.contains(name))
}

fn effect(members: &Members) -> Result<Effect, String> {
    match members.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Ok(Effect::Allow),
        Some("Deny") => Ok(Effect::Deny),
        _ => Err("Effect must be \"Allow\" or \"Deny\"".to_owned()),
    }
}

fn clause(members: &Members, name: &str, inverse: &str, reading: Reading) -> Result<Clause, String> {
    let (value, inverted) = match (members.get(name), members.get(inverse)) {
        (Some(value), None) => (value, false),
        (None, Some(value)) => (value, true),
        (None, None) => return Err(format!("{name} is missing")),
        (Some(_), Some(_)) => return Err(format!("{name} and {inverse} exclude each other")),
    };
    let texts = texts(value, string).filter(|texts| !texts.is_empty());
    let texts =
        texts.ok_or_else(|| format!("{name} must be a string or a list of strings, and not empty"))?;
    Ok(Clause { inverted, patterns: texts.iter().map(|text| Pattern::new(text, reading)).collect() })
}

fn conditions(value: Option<&Value>, variables: bool) -> Result<Vec<Condition>, String> {
    const SHAPE: &str = "Condition must be of the form {\"OPERATOR\": {\"KEY\": \"value\"}}";
    let Some(value) = value else { return Ok(Vec::new()) };
    let mut conditions = Vec::new();
    for (operator, keys) in value.as_object().ok_or(SHAPE)? {
        for (key, values) in keys.as_object().ok_or(SHAPE)? {
            let values = texts(values, scalar).ok_or(SHAPE)?;
            conditions.push(Condition::read(operator, key, &values, variables)?);
        }
    }
    Ok(conditions)
}

/// One text or a list of them.
fn texts(value: &Value, read: fn(&Value) -> Option<String>) -> Option<Vec<String>> {
    match value {
        Value::Array(list) => list.iter().map(read).collect(),
        single => read(single).map(|text| vec![text]),
    }
}

fn string(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Numbers and booleans may stand unquoted in a condition, as in IAM.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
