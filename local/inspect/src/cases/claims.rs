//! The claims of a policy test: what the file and the case state, and what the configuration supplies.

use std::collections::BTreeSet;

use iot_jwt_authorizer::authorizer::{Authorizer, Issuer};
use iot_jwt_authorizer::claim_path::ClaimPath;
use iot_jwt_authorizer::condition::{Condition, Scalar};
use iot_jwt_authorizer::denial::{Code, Denial};
use serde_json::{Map, Value};

use crate::quote::quoted;

/// The claims of one case.
pub(super) struct CaseClaims {
    /// What the token contains, apart from what every test token gets: `iss`, the audience and times.
    pub(super) claims: Map<String, Value>,
    /// Claims that the case removes. Nothing supplies them.
    pub(super) removed: BTreeSet<String>,
}

impl CaseClaims {
    /// The stated claims, in which later parts replace earlier ones and null removes a claim. The name `${NAME}` is the
    /// claim of a slot. Each condition of `supplied` adds the claim that it needs, unless that claim is stated.
    ///
    /// # Errors
    /// The name of an unknown slot.
    pub(super) fn new<'a>(
        stated: &[&Map<String, Value>],
        issuer: &Issuer,
        supplied: impl Iterator<Item = &'a Condition>,
    ) -> Result<Self, String> {
        let (mut claims, mut removed) = (Map::new(), BTreeSet::new());
        for (name, value) in stated.iter().copied().flatten() {
            let path = tokens(&path(name, issuer)?);
            let Some(first) = path.first() else { continue };
            if value.is_null() {
                remove(&mut claims, &path);
                removed.insert(first.clone());
            } else {
                removed.remove(first);
                insert(&mut claims, &path, value.clone());
            }
        }
        let stated: BTreeSet<String> = claims.keys().chain(&removed).cloned().collect();
        for condition in supplied {
            let path = tokens(&condition.path);
            let is_stated = path.first().is_none_or(|first| stated.contains(first));
            if let Some(value) = condition.any_of.first().filter(|_| !is_stated)
                && find(&claims, &path).is_none()
            {
                insert(&mut claims, &path, to_json(value));
            }
        }
        Ok(Self { claims, removed })
    }

    /// What the claims and the configuration disagree about, if that is the reason for a denial.
    pub(super) fn contradiction(
        &self,
        denial: &Denial,
        authorizer: &Authorizer,
        issuer: &Issuer,
    ) -> Option<String> {
        match denial.code() {
            Code::UnknownIssuer => {
                let known = authorizer.issuers.iter().map(|issuer| quoted(&issuer.rules.issuer));
                let stated = self.claims.get("iss")?;
                Some(format!("its claims name issuer {stated}; the configuration has {}", list(known)))
            }
            Code::WrongAudience => {
                let mut names = issuer.rules.audience_claims.iter();
                let name = names.find(|name| self.claims.contains_key(&***name))?;
                let known = issuer.rules.audience.iter().map(|audience| quoted(audience));
                let stated = self.claims.get(&**name)?;
                Some(format!(
                    "its claims name audience {stated} in `{name}`; the configuration has {}",
                    list(known)
                ))
            }
            Code::RequirementNotMet => {
                let unmet = |condition: &&Condition| Some(&*condition.name) == denial.detail();
                let condition = issuer.rules.require.iter().find(unmet)?;
                let stated = find(&self.claims, &tokens(&condition.path));
                let stated = stated.map_or_else(|| "absent".to_owned(), Value::to_string);
                let required = condition.any_of.iter().map(|value| to_json(value).to_string());
                let name = &condition.name;
                Some(format!(
                    "in its claims `{name}` is {stated}; the configuration requires {}",
                    list(required)
                ))
            }
            _ => None,
        }
    }
}

/// The path of a claim as a case names it.
fn path(name: &str, issuer: &Issuer) -> Result<ClaimPath, String> {
    let Some(slot) = name.strip_prefix("${").and_then(|name| name.strip_suffix('}')) else {
        return Ok(ClaimPath::Name(name.into()));
    };
    let slot = issuer.slots.iter().find(|known| *known.name == *slot);
    slot.map(|slot| slot.path.clone()).ok_or_else(|| format!("unknown slot `{name}`"))
}

/// The member names on the way to a claim.
fn tokens(path: &ClaimPath) -> Vec<String> {
    match path {
        ClaimPath::Name(name) => vec![name.to_string()],
        ClaimPath::Pointer(tokens) => tokens.iter().map(ToString::to_string).collect(),
    }
}

fn find<'a>(claims: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(claims.get(first)?, |value, name| value.get(name))
}

/// Sets a claim. What is on the way to it and not an object is replaced by one.
fn insert(claims: &mut Map<String, Value>, path: &[String], value: Value) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        claims.insert(first.clone(), value);
        return;
    }
    let member = claims.entry(first.clone()).or_insert(Value::Null);
    if !member.is_object() {
        *member = Value::Object(Map::new());
    }
    if let Value::Object(member) = member {
        insert(member, rest, value);
    }
}

fn remove(claims: &mut Map<String, Value>, path: &[String]) {
    match path.split_first() {
        Some((name, [])) => drop(claims.remove(name)),
        Some((name, rest)) => {
            if let Some(Value::Object(member)) = claims.get_mut(name) {
                remove(member, rest);
            }
        }
        None => {}
    }
}

fn to_json(value: &Scalar) -> Value {
    match value {
        Scalar::String(text) => Value::from(&**text),
        Scalar::Integer(number) => Value::from(*number),
        Scalar::Bool(is_true) => Value::from(*is_true),
    }
}

fn list(values: impl Iterator<Item = String>) -> String {
    values.collect::<Vec<_>>().join(" or ")
}
