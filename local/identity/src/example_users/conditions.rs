//! The conditions of grants and issuers, and claims that meet them.

use iot_local_base::env::Env;
use serde_json::{Map, Value, json};

use super::ExampleConfig;
use crate::deployment::document::{ConfigDocument, Table, expand};

/// Claims by their path, and for each the accepted values. All must hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Conditions(Vec<(String, Vec<Value>)>);

/// Values that a `[[refuse]]` rule names, by the path of their claim.
pub(super) type ScalarSets = Vec<(String, Vec<Value>)>;

/// A `[[grant]]` with what its policy needs.
pub(super) struct GrantRule {
    /// The name of the policy.
    pub(super) policy: String,
    pub(super) when: Conditions,
    /// The slots that the policy uses.
    pub(super) slots: Vec<String>,
    /// Whether the policy has an Allow for `iot:Connect`.
    pub(super) allows_connect: bool,
}

impl Conditions {
    pub(super) fn read(table: &Table<'_>, env: &Env) -> Self {
        let conditions = table.fields().map(|(path, field)| (path.to_owned(), scalars(field.to_json(), env)));
        Self(conditions.filter(|(_, values)| !values.is_empty()).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the claim of a condition is absent, which no value meets.
    pub(super) fn lack_a_claim(&self, claims: &Map<String, Value>) -> bool {
        self.0.iter().any(|(path, _)| claim(claims, path).is_none())
    }

    pub(super) fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// Whether both can hold with one value for each claim.
    pub(super) fn is_compatible(&self, other: &Self) -> bool {
        self.0.iter().all(|(path, values)| {
            let same = other.0.iter().filter(|(other, _)| other == path);
            same.into_iter().all(|(_, others)| values.iter().any(|value| others.contains(value)))
        })
    }

    /// Sets claims so that all conditions hold: one value that meets all conditions on a claim, or else an array with
    /// one for each. Values of `[[refuse]]` rules are avoided. Claims at `list_paths` become arrays.
    pub(super) fn satisfy(&self, claims: &mut Map<String, Value>, refused: &ScalarSets, list_paths: &[&str]) {
        for (index, (path, _)) in self.0.iter().enumerate() {
            if self.0.iter().take(index).any(|(earlier, _)| earlier == path) {
                continue;
            }
            let sets: Vec<_> = self.0.iter().filter(|(other, _)| other == path).map(|(_, set)| set).collect();
            let is_refused =
                |value: &Value| refused.iter().any(|(at, set)| at == path && set.contains(value));
            let usable = |set: &[Value]| set.iter().find(|value| !is_refused(value)).or(set.first()).cloned();
            let common: Vec<Value> = sets.first().into_iter().flat_map(|set| set.iter()).cloned().collect();
            let common: Vec<Value> =
                common.into_iter().filter(|value| sets.iter().all(|set| set.contains(value))).collect();
            let value = match usable(&common) {
                Some(value) if list_paths.contains(&path.as_str()) => json!([value]),
                Some(value) => value,
                None => sets.iter().filter_map(|set| usable(set)).collect(),
            };
            set_claim(claims, path, value);
        }
    }
}

/// The grants that apply to an issuer.
pub(super) fn grants(document: &ConfigDocument, config: &ExampleConfig, issuer: &str) -> Vec<GrantRule> {
    let grants = document.tables("grant").into_iter().filter(|grant| applies(grant, issuer, &config.env));
    grants
        .filter_map(|grant| {
            let policy = grant.expanded_string("policy", &config.env)?;
            let text = config.policies.get(&policy).map(String::as_str).unwrap_or_default();
            Some(GrantRule {
                when: grant
                    .table("when")
                    .map(|when| Conditions::read(&when, &config.env))
                    .unwrap_or_default(),
                slots: used_slots(text),
                // An unreadable policy is taken for one that needs no other.
                allows_connect: serde_json::from_str(text).map_or(true, |policy| allows_connect(&policy)),
                policy,
            })
        })
        .collect()
}

/// The values of all `[[refuse]]` rules that apply to an issuer.
pub(super) fn refused(document: &ConfigDocument, env: &Env, issuer: &str) -> ScalarSets {
    let rules = document.tables("refuse").into_iter().filter(|rule| applies(rule, issuer, env));
    rules.filter_map(|rule| rule.table("when")).flat_map(|when| Conditions::read(&when, env).0).collect()
}

/// Whether a rule names the issuer, or no issuer.
fn applies(rule: &Table<'_>, issuer: &str, env: &Env) -> bool {
    rule.field("issuer").is_none_or(|field| scalars(field.to_json(), env).iter().any(|id| id == issuer))
}

/// The slots in a policy, `${NAME}`.
fn used_slots(text: &str) -> Vec<String> {
    let variables = text.split("${").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned()));
    variables.collect()
}

fn allows_connect(policy: &Value) -> bool {
    let list = |value: Option<&Value>| match value {
        Some(Value::Array(list)) => list.clone(),
        Some(single) => vec![single.clone()],
        None => Vec::new(),
    };
    list(policy.get("Statement")).iter().any(|statement| {
        let is_connect = |action: &Value| {
            let action = action.as_str().unwrap_or_default();
            ["*", "iot:*", "iot:connect"].iter().any(|name| action.eq_ignore_ascii_case(name))
        };
        statement.get("Effect") == Some(&json!("Allow"))
            && list(statement.get("Action")).iter().any(is_connect)
    })
}

/// The scalar itself, or the scalars of an array, with variables of the environment expanded.
fn scalars(value: Value, env: &Env) -> Vec<Value> {
    match value {
        Value::Array(array) => array.into_iter().flat_map(|value| scalars(value, env)).collect(),
        Value::String(text) => expand(&text, env).map(Value::String).into_iter().collect(),
        Value::Number(_) | Value::Bool(_) => vec![value],
        Value::Object(_) | Value::Null => Vec::new(),
    }
}

/// Sets a claim given by name or by JSON pointer (RFC 6901). Missing objects on the way are created.
pub(super) fn set_claim(claims: &mut Map<String, Value>, path: &str, value: Value) {
    let Some(pointer) = path.strip_prefix('/') else {
        claims.insert(path.to_owned(), value);
        return;
    };
    let (name, rest) = pointer.split_once('/').map_or((pointer, None), |(name, rest)| (name, Some(rest)));
    let name = name.replace("~1", "/").replace("~0", "~");
    let Some(rest) = rest else {
        claims.insert(name, value);
        return;
    };
    let inner = claims.entry(name).or_insert_with(|| json!({}));
    if let Value::Object(inner) = inner {
        set_claim(inner, &format!("/{rest}"), value);
    }
}

/// Returns the claim at a name or a JSON pointer (RFC 6901).
pub(super) fn claim<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let Some(pointer) = path.strip_prefix('/') else { return claims.get(path) };
    let mut names = pointer.split('/').map(|name| name.replace("~1", "/").replace("~0", "~"));
    let first = claims.get(&names.next()?)?;
    names.try_fold(first, |value, name| value.get(name))
}
