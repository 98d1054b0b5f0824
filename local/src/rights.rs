//! What a token buys, asked of the authorizer before anybody connects with it.
//!
//! Which topics a token is good for only the authorizer knows. So it is asked, as it would be for a client.

use bytes::Bytes;
use serde_json::Value;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::event::{self, Door, MqttFacts};
use crate::journal::Journal;
use crate::lambda::Lambda;
use crate::policy::{Action, Arn, Context, Policy, Question};
use crate::selection::Selected;

/// What answers.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The function.
    pub lambda: &'a Lambda,
    /// The function's ARN.
    pub arn: &'a Arn,
}

/// An answer to a connect that nobody has made.
pub struct Preview {
    /// The connection's id in the event, to find the function's log line by.
    pub connection: uuid::Uuid,
    /// The client id.
    pub client_id: String,
    /// The documents as they came, and what they allow; or why there are none, for the operator.
    pub outcome: Result<(Value, Answer), String>,
}

impl Asked<'_> {
    /// Asks for a connect with that token as its password. With a journal, the call is written down.
    pub async fn connect(&self, token: &str, client_id: &str, journal: Option<&Journal>) -> Preview {
        let door =
            Door { connection: uuid::Uuid::new_v4(), server_name: None, certificate: None, http: None };
        let mqtt = MqttFacts {
            username: Some(client_id.to_owned()),
            password: Some(Bytes::from(token.to_owned())),
            client_id: Some(client_id.to_owned()),
        };
        let event = event::event(Selected::default(), &door, Some(&mqtt)).json;
        let start = Instant::now();
        let body = self.lambda.invoke(event.clone()).await.map_err(|error| error.to_string());
        if let Some(journal) = journal {
            journal.asked(&event, body.as_deref().map_err(Clone::clone), start.elapsed());
        }
        let outcome = body.and_then(|body| {
            let answer = Answer::read(&body, self.arn, None).map_err(|refusal| refusal.to_string())?;
            Ok((serde_json::from_slice(&body).unwrap_or_default(), answer))
        });
        Preview { connection: door.connection, client_id: client_id.to_owned(), outcome }
    }
}

/// Topics and filters to try, of which the policy allows some and refuses others.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Examples {
    /// A topic that may be published to, and one that may not.
    pub publish: (Option<String>, Option<String>),
    /// A filter that may be subscribed to, and one that may not.
    pub subscribe: (Option<String>, Option<String>),
}

impl Examples {
    /// Finds them in an answer's documents, and makes sure of each by its policy.
    #[must_use]
    pub fn of(answer: &Value, policy: &Policy, client_id: &str) -> Self {
        let context = Context { client_id: Some(client_id.to_owned()), ..Context::default() };
        let decide = |action, kind: &str, name: &str| {
            let resource = format!("{kind}{name}");
            policy.decide(&Question { action, resource: &resource, context: &context }).allowed
        };
        let pick = |action: Action, kind: &str, any: &str| {
            let patterns = resources(answer, action.name(), kind);
            let tries: Vec<_> = patterns.iter().map(|pattern| pattern.replace('*', any)).collect();
            let plain = |name: &&String| crate::limits::filter(name).is_ok() && !name.contains("${");
            let allowed = tries.iter().filter(plain).find(|name| decide(action, kind, name)).cloned();
            let near = allowed.iter().flat_map(|name| elsewhere(name));
            let refused = near.chain(["somewhere/else".to_owned()]).find(|name| !decide(action, kind, name));
            (allowed, refused)
        };
        Self {
            publish: pick(Action::Publish, "topic/", "hello"),
            subscribe: pick(Action::Subscribe, "topicfilter/", "#"),
        }
    }
}

/// Names like this one but with one level that is somebody else's, the last ones first.
fn elsewhere(name: &str) -> Vec<String> {
    let levels: Vec<_> = name.split('/').collect();
    let ends = levels.len().saturating_sub(1);
    let other = |at: usize| {
        let changed =
            levels.iter().enumerate().map(|(n, level)| if n == at { "somebody-else" } else { level });
        changed.collect::<Vec<_>>().join("/")
    };
    (0..ends).rev().map(other).collect()
}

/// What the Allow statements of an answer name for the action, without kind and ARN's head.
#[must_use]
pub fn resources(answer: &Value, action: &str, kind: &str) -> Vec<String> {
    let documents = answer.get("policyDocuments").and_then(Value::as_array).into_iter().flatten();
    let statements = documents.filter_map(|document| document.get("Statement")?.as_array()).flatten();
    let allowed = statements.filter(|statement| {
        statement.get("Effect").is_some_and(|effect| effect == "Allow")
            && texts(statement, "Action").contains(&action)
    });
    let resources = allowed.flat_map(|statement| texts(statement, "Resource"));
    resources.filter_map(|arn| bare(arn).strip_prefix(kind)).map(str::to_owned).collect()
}

/// A resource without its ARN's head.
#[must_use]
pub fn bare(arn: &str) -> &str {
    if arn.starts_with("arn:") { arn.splitn(6, ':').last().unwrap_or(arn) } else { arn }
}

/// A member that is one string or a list of them.
#[must_use]
pub fn texts<'a>(statement: &'a Value, member: &str) -> Vec<&'a str> {
    match statement.get(member) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) => vec![text],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn examples(statements: &Value) -> Examples {
        let answer = json!({ "policyDocuments": [{ "Version": "2012-10-17", "Statement": statements }] });
        let arn: Arn = "arn:aws:lambda:eu-central-1:123456789012:function:f".parse().unwrap();
        let documents = answer["policyDocuments"].as_array().unwrap();
        Examples::of(&answer, &Policy::parse(documents, &arn).unwrap(), "ana")
    }

    fn statement(effect: &str, action: &str, resources: &[&str]) -> Value {
        let arn = |resource: &&str| format!("arn:aws:iot:eu-central-1:123456789012:{resource}");
        json!({ "Effect": effect, "Action": [action], "Resource": resources.iter().map(arn).collect::<Vec<_>>() })
    }

    #[test]
    fn examples_are_what_the_policy_says_of_them() {
        let found = examples(&json!([
            statement("Allow", "iot:Publish", &["topic/acme/users/ana/*"]),
            statement("Allow", "iot:Subscribe", &["topicfilter/acme/users/ana/*"]),
        ]));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(found.publish, (some("acme/users/ana/hello"), some("acme/users/somebody-else/hello")));
        assert_eq!(found.subscribe, (some("acme/users/ana/#"), some("acme/users/somebody-else/#")));
        // A Deny takes the first away; who may do everything is refused nothing.
        let found = examples(&json!([
            statement("Allow", "iot:Publish", &["topic/a/b", "topic/c/*"]),
            statement("Deny", "iot:Publish", &["topic/a/*"]),
            statement("Allow", "iot:Subscribe", &["topicfilter/*"]),
        ]));
        assert_eq!(found.publish, (some("c/hello"), some("somebody-else/hello")));
        assert_eq!(found.subscribe, (some("#"), None));
        let none = examples(&json!([statement("Allow", "iot:Connect", &["client/ana"])]));
        assert_eq!((none.publish.0, none.subscribe.1), (None, some("somewhere/else")));
    }
}
