//! The topic of a republish action, with substitution templates.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/iot-substitution-templates.html>

use std::fmt::Write;

use iot_local_policy::limits;
use serde_json::Value;

use super::sql::{Expression, Message, SqlError};

/// How a topic that is reserved for AWS begins. The template says so itself: no value of a message makes a topic
/// reserved.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/republish-rule-action.html>
const RESERVED: &str = "$$aws/";

/// A topic with `${EXPRESSION}` in it.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicTemplate {
    text: String,
    is_reserved: bool,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq)]
enum Segment {
    Text(String),
    Value(Expression),
}

/// Why a template is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTopic {
    /// An expression is invalid.
    #[error("${{{expression}}}: {error}")]
    Expression {
        /// The text between the braces.
        expression: String,
        /// What is wrong with it.
        error: SqlError,
    },
    /// A brace is missing.
    #[error("missing }} after ${{")]
    Open,
    /// The topic begins with `$`.
    #[error("a topic that begins with $ is reserved; expected $$aws/… for a topic of AWS IoT")]
    Reserved,
}

impl TopicTemplate {
    /// Parses a template.
    ///
    /// # Errors
    /// See [`InvalidTopic`].
    pub fn parse(text: &str) -> Result<Self, InvalidTopic> {
        let is_reserved = text.starts_with(RESERVED);
        let mut rest = if is_reserved { text.get(1..).unwrap_or_default() } else { text };
        let mut segments = Vec::new();
        while let Some((before, after)) = rest.split_once("${") {
            let (expression, after) = split_expression(after).ok_or(InvalidTopic::Open)?;
            let value = Expression::parse(expression)
                .map_err(|error| InvalidTopic::Expression { expression: expression.to_owned(), error })?;
            segments.extend((!before.is_empty()).then(|| Segment::Text(before.to_owned())));
            segments.push(Segment::Value(value));
            rest = after;
        }
        segments.extend((!rest.is_empty()).then(|| Segment::Text(rest.to_owned())));
        let begins_with_dollar =
            matches!(segments.first(), Some(Segment::Text(first)) if first.starts_with('$'));
        if begins_with_dollar && !is_reserved {
            return Err(InvalidTopic::Reserved);
        }
        Ok(Self { text: text.to_owned(), is_reserved, segments })
    }

    /// Returns the template as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Fills the template for a message.
    ///
    /// # Errors
    /// A value is undefined, or neither a text nor a number nor a boolean; or the topic is invalid.
    pub fn fill(&self, message: &Message<'_>) -> Result<String, String> {
        let mut topic = String::new();
        for segment in &self.segments {
            match segment {
                Segment::Text(text) => topic.push_str(text),
                Segment::Value(expression) => match expression.evaluate(message) {
                    Some(Value::String(text)) => topic.push_str(&text),
                    Some(value @ (Value::Number(_) | Value::Bool(_))) => {
                        let _ = write!(topic, "{value}");
                    }
                    Some(_) => {
                        return Err(format!("${{{expression}}} is no text, number or boolean"));
                    }
                    None => return Err(format!("${{{expression}}} is undefined")),
                },
            }
        }
        if topic.starts_with('$') && !self.is_reserved {
            return Err(InvalidTopic::Reserved.to_string());
        }
        limits::topic(&topic, false).map_err(str::to_owned)?;
        if is_job_topic(&topic) {
            return Err("the topic is of AWS IoT Jobs, to which no rule republishes".to_owned());
        }
        Ok(topic)
    }
}

/// Splits at the brace that closes an expression. A brace within a text does not.
fn split_expression(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (None, '}') => return Some((text.get(..i)?, text.get(i.saturating_add(1)..)?)),
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    None
}

/// `$aws/things/NAME/jobs/…`
fn is_job_topic(topic: &str) -> bool {
    let mut levels = topic.strip_prefix("$aws/things/").into_iter().flat_map(|rest| rest.split('/'));
    levels.nth(1) == Some("jobs")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(template: &str, payload: &Value) -> Result<String, String> {
        let template = TopicTemplate::parse(template).map_err(|error| error.to_string())?;
        template.fill(&Message {
            topic: "dt/dev-1/up",
            payload,
            client_id: Some("dev-1"),
            principal: Some("p"),
            timestamp_ms: 5,
        })
    }

    #[test]
    fn a_topic_is_filled_from_the_message() {
        let payload = json!({ "a": "x", "n": 7, "b": true, "o": { "c": "d" }, "list": [1], "null": null,
            "dollar": "$aws/things/t/shadow/update", "plus": "a/+", "slash": "a/b" });
        for (template, expected) in [
            ("plain/topic", Ok("plain/topic")),
            ("${topic()}/republish", Ok("dt/dev-1/up/republish")),
            ("cmd/${topic(2)}/down", Ok("cmd/dev-1/down")),
            ("${clientid()}/${principal()}/${timestamp()}", Ok("dev-1/p/5")),
            ("${a}/${n}/${b}/${o.c}", Ok("x/7/true/d")),
            ("${'}'}x", Ok("}x")),
            ("${slash}", Ok("a/b")),
            ("$$aws/things/${a}/shadow/update", Ok("$aws/things/x/shadow/update")),
            ("$$aws/rules/r/x", Ok("$aws/rules/r/x")),
            ("${dollar}", Err("a topic that begins with $ is reserved")),
            ("$aws/things/x", Err("a topic that begins with $ is reserved")),
            ("$${a}", Err("a topic that begins with $ is reserved")),
            ("$$SYS/x", Err("a topic that begins with $ is reserved")),
            ("$$aws/events/x", Err("only AWS IoT publishes to $aws/events/")),
            ("$$aws/things/t/jobs/start-next", Err("AWS IoT Jobs")),
            ("${missing}/x", Err("${missing} is undefined")),
            ("${topic(9)}", Err("${topic(9)} is undefined")),
            ("${list}", Err("${list} is no text")),
            ("${o}", Err("${o} is no text")),
            ("${null}", Err("${null} is no text")),
            ("${plus}", Err("contains '+', '#'")),
            ("a/#", Err("contains '+', '#'")),
            ("${a", Err("missing }")),
            ("${'a}", Err("missing }")),
            ("${}", Err("ends too early")),
            ("${upper(a)}", Err("unsupported or misplaced \"upper\"")),
            ("${a b}", Err("unsupported or misplaced \"b\"")),
            ("${a}/1/2/3/4/5/6/7/8", Err("more than 7 slashes")),
        ] {
            match (filled(template, &payload), expected) {
                (Ok(topic), Ok(expected)) => assert_eq!(topic, expected, "{template}"),
                (Err(error), Err(part)) => assert!(error.contains(part), "{template}: {error}"),
                (found, _) => panic!("{template}: {found:?}"),
            }
        }
    }
}
