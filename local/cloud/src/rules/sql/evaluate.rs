//! Evaluates a statement for one message. A value may be undefined, which is neither true nor false.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-operators.html>

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use super::{Comparison, Condition, Item, Operand, Statement};

/// What `clientid()` returns for a message that was not sent by MQTT.
const NO_CLIENT_ID: &str = "n/a";

/// A message, and who sent it.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The payload. Statements that select more than `*` need an object.
    pub payload: &'a Value,
    /// The MQTT client id. Absent for HTTPS.
    pub client_id: Option<&'a str>,
    /// The principal: the id of a certificate, or another name of the sender.
    pub principal: Option<&'a str>,
    /// When the message arrived, milliseconds since 1970.
    pub timestamp_ms: i64,
}

impl Statement {
    /// Evaluates the statement: the result of its SELECT clause, or nothing if the topic does not match the filter or
    /// the condition is not true.
    ///
    /// The name of a value without AS is the last name of its path, or its text as in the statement, such as
    /// `topic(2)`; AWS does not document the latter. An undefined value is absent from the result.
    #[must_use]
    pub fn evaluate(&self, message: &Message<'_>) -> Option<Value> {
        if !self.matches(message.topic) {
            return None;
        }
        let is_met = |condition: &Condition| condition.evaluate(message).and_then(|value| boolean(&value));
        if self.condition.as_ref().is_some_and(|condition| is_met(condition) != Some(true)) {
            return None;
        }
        if self.items == [Item::All] {
            return Some(message.payload.clone());
        }
        let mut result = Map::new();
        for item in &self.items {
            match item {
                Item::All => result.extend(message.payload.as_object().cloned().unwrap_or_default()),
                Item::Value { operand, alias } => {
                    if let Some(value) = operand.evaluate(message) {
                        result.insert(alias.clone().unwrap_or_else(|| operand.name()), value);
                    }
                }
            }
        }
        Some(Value::Object(result))
    }
}

impl Operand {
    pub(super) fn evaluate(&self, message: &Message<'_>) -> Option<Value> {
        match self {
            Self::Attribute(path) => {
                path.iter().try_fold(message.payload, |value, name| value.get(name)).cloned()
            }
            Self::Literal(value) => Some(value.clone()),
            Self::Topic(None) => Some(message.topic.into()),
            Self::Topic(Some(level)) => {
                let i = usize::try_from(level.checked_sub(1)?).ok()?;
                message.topic.split('/').nth(i).map(Value::from)
            }
            Self::ClientId => Some(message.client_id.unwrap_or(NO_CLIENT_ID).into()),
            Self::Principal => message.principal.map(Value::from),
            Self::Timestamp => Some(message.timestamp_ms.into()),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Attribute(path) => path.last().cloned().unwrap_or_default(),
            Self::Literal(Value::String(text)) => text.clone(),
            other => other.to_string(),
        }
    }
}

impl Condition {
    fn evaluate(&self, message: &Message<'_>) -> Option<Value> {
        match self {
            Self::Value(operand) => operand.evaluate(message),
            Self::Comparison { left, comparison, right } => {
                let (left, right) = (left.evaluate(message)?, right.evaluate(message)?);
                comparison.evaluate(&left, &right).map(Value::Bool)
            }
            Self::Not(inner) => boolean(&inner.evaluate(message)?).map(|value| Value::Bool(!value)),
            Self::And(all) => all_booleans(all, message).map(|all| Value::Bool(!all.contains(&false))),
            Self::Or(all) => all_booleans(all, message).map(|all| Value::Bool(all.contains(&true))),
        }
    }
}

/// One undefined operand makes the whole undefined.
fn all_booleans(all: &[Condition], message: &Message<'_>) -> Option<Vec<bool>> {
    all.iter().map(|condition| boolean(&condition.evaluate(message)?)).collect()
}

/// A boolean, or a text that says `true` or `false` in any case.
fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

impl Comparison {
    fn evaluate(self, left: &Value, right: &Value) -> Option<bool> {
        match self {
            Self::Equal => Some(is_equal(left, right)),
            Self::NotEqual => Some(!is_equal(left, right)),
            Self::Less => Some(order(left, right)? == Ordering::Less),
            Self::LessOrEqual => Some(order(left, right)? != Ordering::Greater),
            Self::Greater => Some(order(left, right)? == Ordering::Greater),
            Self::GreaterOrEqual => Some(order(left, right)? != Ordering::Less),
        }
    }
}

/// Values of different types are unequal. Integers and decimals are one type.
fn is_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => order_numbers(left, right) == Some(Ordering::Equal),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(name, value)| right.get(name).is_some_and(|right| is_equal(value, right)))
        }
        _ => left == right,
    }
}

/// Numbers, and texts that are numbers, have an order; nothing else has.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    order_numbers(&number(left)?, &number(right)?)
}

fn order_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}
