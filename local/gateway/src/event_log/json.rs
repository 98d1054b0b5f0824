//! The JSON form of entries, for the page.

use std::time::UNIX_EPOCH;

use iot_local_lambda::LineSource;
use iot_local_policy::StatementPlace;
use serde_json::{Value, json};

use super::{AuthorizerCall, EntryKind, LogEntry, mask, reload_failed, reloaded};

impl LogEntry {
    /// Returns the entry as a JSON object with the members `kind`, `number`, `at` (milliseconds since the epoch),
    /// `connection` and `client`. The other members depend on `kind`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let at = self.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let mut entry = self.kind.to_json();
        if let Value::Object(members) = &mut entry {
            members.insert("number".to_owned(), json!(self.number));
            members.insert("at".to_owned(), json!(u64::try_from(at).unwrap_or(u64::MAX)));
            members.insert("connection".to_owned(), json!(self.connection.map(|id| id.to_string())));
            members.insert("client".to_owned(), json!(self.client));
        }
        entry
    }
}

impl EntryKind {
    fn to_json(&self) -> Value {
        match self {
            Self::Connected { principal, statement, decided_by } => json!({
                "kind": "connected", "principal": principal, "reason": statement, "place": place(*decided_by),
            }),
            Self::ConnectDenied { reason, decided_by } => {
                json!({ "kind": "connect-refused", "reason": mask::text(reason), "place": place(*decided_by) })
            }
            Self::Allowed { action, resource, statement, decided_by } => json!({
                "kind": "allowed", "action": action.to_string(), "resource": resource, "reason": statement,
                "place": place(*decided_by),
            }),
            Self::Denied { action, resource, reason, decided_by } => json!({
                "kind": "refused", "action": action.to_string(), "resource": resource, "reason": reason,
                "place": place(*decided_by),
            }),
            Self::Refreshed => json!({ "kind": "refreshed" }),
            Self::Closed { reason } => json!({ "kind": "closed", "reason": reason.to_string() }),
            Self::Authorizer(call) => authorizer(call),
            Self::Keys(event) => json!({
                "kind": event.subject(), "event": event.event, "issuer": event.issuer, "source": event.source, "reason": event.text,
            }),
            Self::ProtocolError { reason } => {
                json!({ "kind": "protocol-error", "reason": mask::text(reason) })
            }
            Self::Notice { text } => json!({ "kind": "notice", "reason": mask::text(text) }),
            Self::Rule { rule, action, outcome } => json!({
                "kind": "rule", "rule": rule, "action": action, "is_done": outcome.is_ok(),
                "reason": outcome.as_ref().err().map(|reason| mask::text(reason)),
            }),
            Self::Reloaded { files } => {
                json!({ "kind": "reloaded", "files": files, "reason": reloaded(files) })
            }
            Self::ReloadFailed { files, reason } => {
                json!({ "kind": "reload_failed", "files": files, "reason": reload_failed(files, reason) })
            }
            Self::Function(line) => json!({
                "kind": "function", "sandbox": line.sandbox, "text": mask::text(&line.text),
                "stream": match line.source {
                    LineSource::Stdout => "out",
                    LineSource::Stderr => "err",
                    LineSource::Host => "host",
                },
            }),
        }
    }
}

fn authorizer(call: &AuthorizerCall) -> Value {
    let millis = call.duration.as_secs_f64() * 1000.0;
    let (response, error) = match &call.response {
        Ok(response) => (Some(response), None),
        Err(error) => (None, Some(error)),
    };
    json!({
        "kind": "authorizer", "event": call.event, "answer": response, "error": error, "lets_in": call.is_authenticated(),
        "millis": millis,
    })
}

/// Returns the numbers of document and statement, both from 1.
fn place(decided_by: Option<StatementPlace>) -> Option<[usize; 2]> {
    decided_by.map(|place| [place.document, place.statement])
}

#[cfg(test)]
mod tests {
    use super::*;
    use iot_local_policy::{Action, Arn, Context, Policy, Question};

    /// The page finds the row of the statement in its table by `place`.
    #[test]
    fn an_entry_has_the_place_of_the_deciding_statement() {
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
            let entry = EntryKind::decided(Action::Publish, &resource, policy.decide(&question)).to_json();
            assert_eq!((&entry["kind"], &entry["place"]), (&json!(kind), &expected), "{entry}");
        }
    }
}
