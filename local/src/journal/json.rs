//! Entries as the page reads them.

use std::time::UNIX_EPOCH;

use serde_json::{Value, json};

use super::{Call, Happening, What, mask};
use crate::lambda::Stream;
use crate::policy::Place;

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
            Self::Connected { principal, statement, decided_by } => json!({
                "kind": "connected", "principal": principal, "reason": statement, "place": place(*decided_by),
            }),
            Self::ConnectRefused { reason, decided_by } => {
                json!({ "kind": "connect-refused", "reason": mask::text(reason), "place": place(*decided_by) })
            }
            Self::Allowed { action, resource, statement, decided_by } => json!({
                "kind": "allowed", "action": action.to_string(), "resource": resource, "reason": statement,
                "place": place(*decided_by),
            }),
            Self::Refused { action, resource, reason, decided_by } => json!({
                "kind": "refused", "action": action.to_string(), "resource": resource, "reason": reason,
                "place": place(*decided_by),
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

/// Document and statement, both from one.
fn place(decided_by: Option<Place>) -> Option<[usize; 2]> {
    decided_by.map(|place| [place.document, place.statement])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Action, Arn, Context, Policy, Question};

    /// The page finds the row of its table by this.
    #[test]
    fn an_entry_says_which_statement_decided() {
        let arn: Arn = "arn:aws:lambda:eu-central-1:123456789012:function:f".parse().unwrap();
        let resource = |topic: &str| format!("arn:aws:iot:eu-central-1:123456789012:topic/{topic}");
        let statement = |effect: &str, topic: &str| json!({ "Effect": effect, "Action": "iot:Publish", "Resource": resource(topic) });
        let document = |statements: Value| json!({ "Version": "2012-10-17", "Statement": statements });
        let first = document(json!([statement("Allow", "a")]));
        let second = document(json!([statement("Allow", "b/*"), statement("Deny", "b/no")]));
        let policy = Policy::parse(&[first, second], &arn).unwrap();
        let context = Context::default();
        for (topic, kind, expected) in [
            ("a", "allowed", json!([1, 1])),
            ("b/yes", "allowed", json!([2, 1])),
            ("b/no", "refused", json!([2, 2])),
            ("c", "refused", Value::Null),
        ] {
            let resource = format!("topic/{topic}");
            let question = Question { action: Action::Publish, resource: &resource, context: &context };
            let entry = What::decided(Action::Publish, &resource, policy.decide(&question)).to_json();
            assert_eq!((&entry["kind"], &entry["place"]), (&json!(kind), &expected), "{entry}");
        }
    }
}
