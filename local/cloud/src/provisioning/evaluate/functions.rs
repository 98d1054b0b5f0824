//! The functions of a template, evaluated.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::expression::Expression;
use super::super::names::is_safe_in_policy;
use super::super::plan::EvaluationError;
use super::super::substitution::Segment;
use super::super::template::Template;
use super::checks::Check;
use super::document_text;

/// The most bytes that one evaluation may produce. Nested functions could multiply a body of 10 KiB without limit.
const MAX_PRODUCED_BYTES: usize = 1024 * 1024;

/// The longest list of `Fn::Split`.
const MAX_LIST_LENGTH: usize = 1024;

/// An evaluation under way.
pub(super) struct Evaluator<'a> {
    template: &'a Template,
    values: BTreeMap<String, String>,
    remaining_bytes: usize,
    /// Whether the value becomes part of a policy document.
    is_in_policy: bool,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(template: &'a Template, values: BTreeMap<String, String>) -> Self {
        Self { template, values, remaining_bytes: MAX_PRODUCED_BYTES, is_in_policy: false }
    }

    /// Evaluates a value and checks it.
    pub(super) fn checked(
        &mut self,
        expression: &Expression,
        place: &str,
        check: &Check,
    ) -> Result<String, EvaluationError> {
        let text = if *check == Check::Document {
            self.is_in_policy = self.template.kind.is_for_own_certificate();
            let value = self.value(expression, place);
            self.is_in_policy = false;
            document_text(&value?)
        } else {
            self.text(expression, place)?
        };
        check.check(&text).map_err(|what| match expression {
            Expression::Reference(name) => EvaluationError::parameter(place, name, what),
            _ => EvaluationError::new(place, what),
        })?;
        Ok(text)
    }

    /// Evaluates a value.
    pub(super) fn value(&mut self, expression: &Expression, place: &str) -> Result<Value, EvaluationError> {
        match expression {
            Expression::Literal(value) => Ok(value.clone()),
            Expression::List(list) => {
                list.iter().map(|value| self.value(value, place)).collect::<Result<_, _>>().map(Value::Array)
            }
            Expression::Object(members) => {
                let mut object = Map::new();
                for (name, value) in members {
                    object.insert(name.clone(), self.value(value, place)?);
                }
                Ok(Value::Object(object))
            }
            Expression::Reference(name) => self.reference(name, place).map(Value::String),
            Expression::Join { delimiter, values } => {
                let texts = self.texts(values, place)?;
                self.produce(texts.join(delimiter), place)
            }
            Expression::Select { index, values } => self.select(index, values, place),
            Expression::FindInMap { map, key, name } => {
                let [map, key, name] = [map, key, name].map(|part| self.outside_policy(part, place));
                let found = self.template.mappings.find(&map?, &key?, &name?);
                found.cloned().map_err(|what| EvaluationError::new(place, what))
            }
            Expression::Split { delimiter, text } => {
                let text = self.text(text, place)?;
                let parts: Vec<_> = text.split(delimiter.as_str()).map(Value::from).collect();
                if parts.len() > MAX_LIST_LENGTH {
                    return Err(EvaluationError::new(
                        place,
                        format!("Fn::Split gives {} parts; expected at most {MAX_LIST_LENGTH}", parts.len()),
                    ));
                }
                Ok(Value::Array(parts))
            }
            Expression::Substitution { segments, variables } => self.substitute(segments, variables, place),
        }
    }

    /// Evaluates each variable once: a nested one that is used twice on each level would double the work each time.
    fn substitute(
        &mut self,
        segments: &[Segment],
        variables: &BTreeMap<String, Expression>,
        place: &str,
    ) -> Result<Value, EvaluationError> {
        let mut values = BTreeMap::new();
        for (name, value) in variables {
            values.insert(name, self.text(value, place)?);
        }
        let mut result = String::new();
        for segment in segments {
            match segment {
                Segment::Text(text) => result.push_str(text),
                Segment::Variable(name) => match values.get(name) {
                    Some(value) => {
                        self.count(value.len(), place)?;
                        result.push_str(value);
                    }
                    None => result.push_str(&self.reference(name, place)?),
                },
            }
        }
        Ok(Value::String(result))
    }

    fn text(&mut self, expression: &Expression, place: &str) -> Result<String, EvaluationError> {
        match self.value(expression, place)? {
            Value::String(text) => Ok(text),
            _ => Err(EvaluationError::new(place, "expected a text")),
        }
    }

    fn texts(&mut self, expression: &Expression, place: &str) -> Result<Vec<String>, EvaluationError> {
        let Value::Array(list) = self.value(expression, place)? else {
            return Err(EvaluationError::new(place, "expected a list"));
        };
        let texts = list.into_iter().map(|value| match value {
            Value::String(text) => Ok(text),
            _ => Err(EvaluationError::new(place, "expected a list of texts")),
        });
        texts.collect()
    }

    /// Names of maps and indices choose what the template holds already; they do not become part of the document.
    fn outside_policy(&mut self, expression: &Expression, place: &str) -> Result<String, EvaluationError> {
        let was_in_policy = std::mem::replace(&mut self.is_in_policy, false);
        let text = self.text(expression, place);
        self.is_in_policy = was_in_policy;
        text
    }

    fn select(
        &mut self,
        index: &Expression,
        values: &Expression,
        place: &str,
    ) -> Result<Value, EvaluationError> {
        let index = match index {
            Expression::Literal(Value::Number(number)) => number.to_string(),
            other => self.outside_policy(other, place)?,
        };
        let Value::Array(list) = self.value(values, place)? else {
            return Err(EvaluationError::new(place, "Fn::Select: expected a list"));
        };
        let parsed = index.bytes().all(|byte| byte.is_ascii_digit()).then(|| index.parse::<usize>().ok());
        match parsed.flatten().map(|i| list.get(i)) {
            None => Err(EvaluationError::new(place, "Fn::Select: invalid index; expected 0 or more")),
            Some(None) => Err(EvaluationError::new(
                place,
                format!("Fn::Select: index {index} of a list of {}", list.len()),
            )),
            Some(Some(Value::Null)) => {
                Err(EvaluationError::new(place, format!("Fn::Select: element {index} is null")))
            }
            Some(Some(value)) => Ok(value.clone()),
        }
    }

    fn reference(&mut self, name: &str, place: &str) -> Result<String, EvaluationError> {
        let Some(value) = self.values.get(name).cloned() else {
            return Err(EvaluationError::parameter(place, name, "no value"));
        };
        if self.is_in_policy && !is_safe_in_policy(&value) {
            return Err(EvaluationError::parameter(
                place,
                name,
                "its value cannot be part of a policy document; expected [a-zA-Z0-9_:.,@=-]{1,128}",
            ));
        }
        self.count(value.len(), place)?;
        Ok(value)
    }

    fn produce(&mut self, text: String, place: &str) -> Result<Value, EvaluationError> {
        self.count(text.len(), place)?;
        Ok(Value::String(text))
    }

    fn count(&mut self, bytes: usize, place: &str) -> Result<(), EvaluationError> {
        match self.remaining_bytes.checked_sub(bytes) {
            Some(remaining) => {
                self.remaining_bytes = remaining;
                Ok(())
            }
            None => Err(EvaluationError::new(
                place,
                format!("the functions produce more than {MAX_PRODUCED_BYTES} bytes"),
            )),
        }
    }
}
