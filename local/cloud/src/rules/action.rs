//! The actions of a rule.

use serde_json::{Map, Value};

use super::topic::{InvalidTopic, TopicTemplate};

/// An action.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Invokes a function, asynchronously.
    /// <https://docs.aws.amazon.com/iot/latest/developerguide/lambda-rule-action.html>
    Lambda {
        /// The ARN of the function.
        function_arn: String,
    },
    /// Publishes the result to another topic.
    /// <https://docs.aws.amazon.com/iot/latest/developerguide/republish-rule-action.html>
    Republish {
        /// The topic.
        topic: TopicTemplate,
        /// Whether the quality of service is 1. Otherwise it is 0.
        is_qos1: bool,
    },
}

/// Why a stored action cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAction {
    /// It is neither `lambda` nor `republish`, or a member is missing.
    #[error("unknown action; expected lambda with functionArn, or republish with topic")]
    Form,
    /// Its topic is invalid.
    #[error("republish.topic: {0}")]
    Topic(#[from] InvalidTopic),
}

impl Action {
    /// Reads an action: an object with the member `lambda` or `republish`.
    ///
    /// # Errors
    /// See [`InvalidAction`].
    pub fn read(action: &Map<String, Value>) -> Result<Self, InvalidAction> {
        let text = |action: &Value, member: &str| action.get(member)?.as_str().map(str::to_owned);
        if let Some(lambda) = action.get("lambda") {
            let function_arn = text(lambda, "functionArn").ok_or(InvalidAction::Form)?;
            return Ok(Self::Lambda { function_arn });
        }
        let republish = action.get("republish").ok_or(InvalidAction::Form)?;
        let topic = text(republish, "topic").ok_or(InvalidAction::Form)?;
        let is_qos1 = republish.get("qos").and_then(Value::as_i64) == Some(1);
        Ok(Self::Republish { topic: TopicTemplate::parse(&topic)?, is_qos1 })
    }

    /// Returns the name of the action in a rule.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lambda { .. } => "lambda",
            Self::Republish { .. } => "republish",
        }
    }

    /// Returns the name of the action in the message of an error action. That of `republish` is assumed.
    #[must_use]
    pub fn failure_name(&self) -> &'static str {
        match self {
            Self::Lambda { .. } => "LambdaAction",
            Self::Republish { .. } => "RepublishAction",
        }
    }

    /// Returns what the action acts on: the ARN of the function, or the topic as the rule has it.
    #[must_use]
    pub fn resource(&self) -> &str {
        match self {
            Self::Lambda { function_arn } => function_arn,
            Self::Republish { topic, .. } => topic.text(),
        }
    }
}
