//! A policy file: an AWS IoT policy with slots, checked at start, filled for each token.
//!
//! It is parsed as JSON first, and slots are filled inside its strings only. So a token never changes a policy's
//! structure.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/iot-policies.html>

mod parse;
mod resource_kind;

use serde_json::{Map, Value};

use super::Actions;
use super::substitution::Substitution;
use crate::bindings::Bindings;
use crate::client_id;
use crate::denial::Denial;
use crate::template_text::{TemplateText, UsedSlots};

/// The effect of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Allows the actions.
    Allow,
    /// Denies the actions, whatever else allows them.
    Deny,
}

/// A policy file whose variables are all resolved.
#[derive(Clone, Debug)]
pub struct Template {
    /// The name of the file without `.json`.
    pub name: Box<str>,
    /// In the order of the file.
    pub statements: Vec<Statement>,
    /// The slots that the policy uses.
    pub used: UsedSlots,
}

/// One statement. Its `Sid` is dropped.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Allow or Deny.
    pub effect: Effect,
    /// The actions, such as `iot:Publish`.
    pub actions: Actions,
    /// At least one.
    pub resources: Vec<Resource>,
    /// In the order of the file.
    pub condition: Vec<ConditionEntry>,
}

/// One resource of a statement.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The text.
    pub text: TemplateText,
    /// Whether the text has no `arn:`. Then it gets partition, Region and account of the function's ARN.
    pub is_relative: bool,
}

/// One operator and key of a condition.
#[derive(Clone, Debug)]
pub struct ConditionEntry {
    /// The operator, such as `StringEquals`.
    pub operator: Box<str>,
    /// The condition key, such as `iot:LastWillTopic`.
    pub key: Box<str>,
    /// At least one.
    pub values: Vec<TemplateText>,
}

impl ConditionEntry {
    /// The key for comparisons: IAM does not distinguish case in condition keys.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html>
    #[must_use]
    pub fn folded_key(&self) -> String {
        self.key.to_ascii_lowercase()
    }
}

impl Template {
    /// Fills the template. A resource whose slot is absent is skipped, and so is an Allow without resources or with a
    /// condition that cannot be filled.
    ///
    /// # Errors
    /// [`client_id::missing`] if a Deny needs the client id and the request has no client id. Skipping the Deny
    /// would widen the policy.
    pub(super) fn fill<'t>(
        &'t self,
        bindings: &Bindings<'_>,
        substitution: &mut Substitution<'t>,
    ) -> Result<(), Denial> {
        for statement in &self.statements {
            if substitution.add(statement, bindings).is_none() && statement.effect == Effect::Deny {
                return Err(client_id::missing());
            }
        }
        Ok(())
    }
}

impl Statement {
    /// The texts of the statement: its resources and the values of its condition.
    pub fn texts(&self) -> impl Iterator<Item = &TemplateText> {
        let resources = self.resources.iter().map(|resource| &resource.text);
        resources.chain(self.condition.iter().flat_map(|entry| &entry.values))
    }

    /// Whether the statement uses a variable or condition key of a thing or certificate. Plain custom authentication
    /// has neither.
    #[must_use]
    pub fn has_thing_variable(&self) -> bool {
        let is_thing = |key: &str| {
            ["iot:connection.thing.", "iot:certificate."].iter().any(|prefix| key.starts_with(prefix))
        };
        self.condition.iter().any(|entry| is_thing(&entry.folded_key()))
            || self.texts().any(TemplateText::has_thing_variable)
    }

    /// Whether the statement uses AWS IoT's own variable or condition key of the client id. An HTTPS publish has none.
    #[must_use]
    pub fn has_client_id_variable(&self) -> bool {
        self.condition.iter().any(|entry| entry.folded_key() == "iot:clientid")
            || self.texts().any(TemplateText::has_client_id_variable)
    }

    /// The condition as JSON; empty without a condition, `None` if a value of it cannot be filled.
    pub(super) fn fill_condition(&self, bindings: &Bindings<'_>) -> Option<String> {
        if self.condition.is_empty() {
            return Some(String::new());
        }
        let mut operators = Map::new();
        for entry in &self.condition {
            let mut values = Vec::new();
            for text in &entry.values {
                let count = bindings.count(text);
                if count == 0 {
                    return None;
                }
                values.extend((0..count).map(|index| {
                    let mut value = String::new();
                    bindings.write(text, index, &mut value);
                    value
                }));
            }
            let keys = operators.entry(&*entry.operator).or_insert_with(|| Map::new().into());
            keys.as_object_mut()?.insert(entry.key.to_string(), values.into());
        }
        Some(Value::from(operators).to_string())
    }
}
