//! A policy file: an AWS IoT policy with slots, checked at start, filled for each token.
//!
//! It is parsed as JSON first and slots are filled inside its strings only, so the shape of a policy is the file's alone.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/iot-policies.html>

mod action;
mod parse;

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{Bindings, Filled, Text, Used};
use crate::denial::Code;

/// Nearly all resources are shorter, in characters; a longer one grows.
const MOST_RESOURCES: usize = 128;

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
    pub actions: Vec<Box<str>>,
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
    pub(crate) fn fill<'t>(
        &'t self,
        bindings: &Bindings<'_>,
        filled: &mut Vec<Filled<'t>>,
    ) -> Result<(), Code> {
        for statement in &self.statements {
            match statement.fill(bindings) {
                Some(statement) => filled.push(statement),
                None if statement.effect == Effect::Deny => return Err(Code::ClientIdNotAllowed),
                None => {}
            }
        }
        Ok(())
    }
}

impl Statement {
    fn fill<'t>(&'t self, bindings: &Bindings<'_>) -> Option<Filled<'t>> {
        let condition = self.fill_condition(bindings)?;
        let mut resources = Vec::new();
        let mut complete = true;
        for resource in &self.resources {
            let start = if resource.is_relative { bindings.arn_prefix() } else { "" };
            let texts = resource.text.expand(start, bindings);
            complete &= !texts.is_empty();
            resources.extend(texts);
        }
        if resources.is_empty() || (self.effect == Effect::Deny && !complete) {
            return None;
        }
        let actions = self.actions.iter().map(|action| &**action).collect();
        Some(Filled { effect: self.effect, actions, resources, condition })
    }

    /// The condition as JSON, `None` when a value of it cannot be filled.
    fn fill_condition<'t>(&'t self, bindings: &Bindings<'_>) -> Option<Cow<'t, str>> {
        if self.condition.is_empty() {
            return Some(Cow::Borrowed(""));
        }
        let mut operators = Map::new();
        for entry in &self.condition {
            let mut values = Vec::new();
            for text in &entry.values {
                let texts = text.expand("", bindings);
                if texts.is_empty() {
                    return None;
                }
                values.extend(texts);
            }
            let keys = operators.entry(&*entry.operator).or_insert_with(|| Map::new().into());
            keys.as_object_mut()?.insert(entry.key.to_string(), values.into());
        }
        Some(Cow::Owned(Value::from(operators).to_string()))
    }
}

impl Text {
    /// The text with every value put in: one text, or one for each value of a list slot, or none where a value is absent.
    pub(crate) fn expand(&self, start: &str, bindings: &Bindings<'_>) -> Vec<String> {
        let mut text = String::with_capacity(MOST_RESOURCES);
        text.push_str(start);
        let mut texts = vec![text];
        for part in &self.parts {
            let mut values = bindings.texts(part);
            let (Some(first), rest) = (values.next(), values) else { return Vec::new() };
            let rest: Vec<&str> = rest.collect();
            if rest.is_empty() {
                texts.iter_mut().for_each(|text| text.push_str(first));
                continue;
            }
            texts = texts
                .iter()
                .flat_map(|text| {
                    std::iter::once(&first).chain(&rest).map(move |value| format!("{text}{value}"))
                })
                .collect();
        }
        texts
    }
}
