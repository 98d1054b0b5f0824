//! Entries as the page reads them.

use std::time::UNIX_EPOCH;

use serde_json::{Value, json};

use super::{Call, Happening, What, mask};
use crate::lambda::Stream;

impl Happening {
    /// The entry as one JSON object. `kind` says which members there are beside `number`, `at` (milliseconds since the
    /// epoch), `connection` and `client`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let at = self.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let mut entry = self.what.to_json();
        if let Value::Object(members) = &mut entry {
            members.insert("number".to_owned(), json!(self.number));
            members.insert("at".to_owned(), json!(u64::try_from(at).unwrap_or(u64::MAX)));
            members.insert("connection".to_owned(), json!(self.connection.map(|id| id.to_string())));
            members.insert("client".to_owned(), json!(self.client));
        }
        entry
    }
}

impl What {
    fn to_json(&self) -> Value {
        match self {
            Self::Connected { principal, statement } => {
                json!({ "kind": "connected", "principal": principal, "reason": statement, "place": place(statement) })
            }
            Self::ConnectRefused { reason } => {
                json!({ "kind": "connect-refused", "reason": mask::text(reason), "place": place(reason) })
            }
            Self::Allowed { action, resource, statement } => json!({
                "kind": "allowed", "action": action.to_string(), "resource": resource, "reason": statement,
                "place": place(statement),
            }),
            Self::Refused { action, resource, reason } => json!({
                "kind": "refused", "action": action.to_string(), "resource": resource, "reason": reason,
                "place": place(reason),
            }),
            Self::Refreshed => json!({ "kind": "refreshed" }),
            Self::Closed { reason } => json!({ "kind": "closed", "reason": reason.to_string() }),
            Self::Authorizer(call) => authorizer(call),
            Self::Function(line) => json!({
                "kind": "function", "sandbox": line.sandbox, "text": mask::text(&line.text),
                "stream": match line.stream {
                    Stream::Stdout => "out",
                    Stream::Stderr => "err",
                    Stream::Host => "host",
                },
            }),
        }
    }
}

fn authorizer(call: &Call) -> Value {
    let millis = call.took.as_secs_f64() * 1000.0;
    let (answer, error) = match &call.answer {
        Ok(answer) => (Some(answer), None),
        Err(error) => (None, Some(error)),
    };
    json!({
        "kind": "authorizer", "event": call.event, "answer": answer, "error": error, "lets_in": call.lets_in(),
        "millis": millis,
    })
}

/// The statement that a reason names: document and statement, both from one. A reason without one is none of them.
fn place(reason: &str) -> Option<[usize; 2]> {
    let (document, rest) = reason.strip_prefix("document ")?.split_once(", statement ")?;
    let statement = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some([document.parse().ok()?, statement.parse().ok()?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Action, Arn, Context, Policy, Question};

    /// Ties [`place`] to what the evaluator writes.
    #[test]
    fn the_statement_that_decided_is_found_in_its_reason() {
        let arn: Arn = "arn:aws:lambda:eu-central-1:123456789012:function:f".parse().unwrap();
        let resource = |topic: &str| format!("arn:aws:iot:eu-central-1:123456789012:topic/{topic}");
        let statement = |effect: &str, topic: &str| json!({ "Effect": effect, "Action": "iot:Publish", "Resource": resource(topic), "Sid": "S" });
        let document = |statements: Value| json!({ "Version": "2012-10-17", "Statement": statements });
        let first = document(json!([statement("Allow", "a")]));
        let second = document(json!([statement("Allow", "b/*"), statement("Deny", "b/no")]));
        let policy = Policy::parse(&[first, second], &arn).unwrap();
        let context = Context::default();
        for (topic, expected) in
            [("a", Some([1, 1])), ("b/yes", Some([2, 1])), ("b/no", Some([2, 2])), ("c", None)]
        {
            let resource = format!("topic/{topic}");
            let verdict =
                policy.decide(&Question { action: Action::Publish, resource: &resource, context: &context });
            assert_eq!(place(&verdict.reason), expected, "{}", verdict.reason);
            assert_eq!(verdict.decided_by.map(|place| [place.document, place.statement]), expected);
        }
    }
}
