//! Reads members of policy documents without evaluating them, to show or compare them.

use serde_json::Value;

/// Returns the resources of the Allow statements for an action, each without the prefix of its ARN and without its
/// kind. `action` is compared exactly; `kind` ends in a slash, such as `topic/`.
#[must_use]
pub fn allowed_resources(documents: &[Value], action: &str, kind: &str) -> Vec<String> {
    let statements = documents.iter().filter_map(|document| document.get("Statement")?.as_array()).flatten();
    let allowed = statements.filter(|statement| {
        statement.get("Effect").is_some_and(|effect| effect == "Allow")
            && strings(statement, "Action").contains(&action)
    });
    let resources = allowed.flat_map(|statement| strings(statement, "Resource"));
    resources.filter_map(|arn| resource_name(arn).strip_prefix(kind)).map(str::to_owned).collect()
}

/// Returns the resource of an ARN, such as `topic/a/b`. Returns any other text as it is.
#[must_use]
pub fn resource_name(arn: &str) -> &str {
    if arn.starts_with("arn:") { arn.splitn(6, ':').last().unwrap_or(arn) } else { arn }
}

/// Returns the strings of a member that is a string or a list of strings. Empty if it is neither.
#[must_use]
pub fn strings<'a>(statement: &'a Value, member: &str) -> Vec<&'a str> {
    match statement.get(member) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) => vec![text],
        _ => Vec::new(),
    }
}
