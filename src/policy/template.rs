//! A policy file: an AWS IoT policy with slots, checked at start, filled for each token.
//!
//! It is parsed as JSON first and slots are filled inside its strings only, so the shape of a policy is the file's alone.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/iot-policies.html>

mod action;
mod parse;

use serde_json::{Map, Value};

use super::filling::Filling;
use super::{Actions, Bindings, Text, Used};
use crate::denial::Code;

/// Allow or Deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Grants.
    Allow,
    /// Takes away, whatever else grants.
    Deny,
}

/// A policy file, with all it may refer to resolved.
#[derive(Clone, Debug)]
pub struct Template {
    /// `policies/NAME.json`
    pub name: Box<str>,
    /// In the order of the file.
    pub statements: Vec<Statement>,
    /// The slots that it uses.
    pub used: Used,
}

/// One statement; its `Sid` is dropped.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Allow or Deny.
    pub effect: Effect,
    /// `iot:Publish` and so on.
    pub actions: Actions,
    /// One or more.
    pub resources: Vec<Resource>,
    /// In the order of the file.
    pub condition: Vec<ConditionEntry>,
}

/// One resource of a statement.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its text.
    pub text: Text,
    /// Whether it comes without `arn:`, to be put under the function's own account and Region.
    pub is_relative: bool,
}

/// One operator and key of a condition.
#[derive(Clone, Debug)]
pub struct ConditionEntry {
    /// `StringEquals` and so on.
    pub operator: Box<str>,
    /// `iot:LastWillTopic` and so on.
    pub key: Box<str>,
    /// One or more.
    pub values: Vec<Text>,
}

impl Template {
    /// Adds what the template says for these bindings. A resource whose slot is absent is left out, and so is an Allow
    /// without resources or whose condition cannot be filled.
    ///
    /// # Errors
    /// [`Code::ClientIdNotAllowed`] when a Deny hangs on the client id and there is none: leaving it out would widen.
    pub(super) fn fill<'t>(&'t self, bindings: &Bindings<'_>, filling: &mut Filling<'t>) -> Result<(), Code> {
        for statement in &self.statements {
            if filling.add(statement, bindings).is_none() && statement.effect == Effect::Deny {
                return Err(Code::ClientIdNotAllowed);
            }
        }
        Ok(())
    }
}

impl Statement {
    /// The condition as JSON, empty when there is none, `None` when a value of it cannot be filled.
    pub(super) fn fill_condition(&self, bindings: &Bindings<'_>) -> Option<String> {
        if self.condition.is_empty() {
            return Some(String::new());
        }
        let mut operators = Map::new();
        for entry in &self.condition {
            let mut values = Vec::new();
            for text in &entry.values {
                let count = text.count(bindings);
                if count == 0 {
                    return None;
                }
                values.extend((0..count).map(|at| {
                    let mut value = String::new();
                    text.write(at, bindings, &mut value);
                    value
                }));
            }
            let keys = operators.entry(&*entry.operator).or_insert_with(|| Map::new().into());
            keys.as_object_mut()?.insert(entry.key.to_string(), values.into());
        }
        Some(Value::from(operators).to_string())
    }
}
