//! Previews the policy of a token without a connect.
//!
//! Only the authorizer knows the policy, so it is called as for the connect of a client.

use bytes::Bytes;
use iot_local_policy::authorizer_response::AuthorizerResponse;
use iot_local_policy::json::allowed_resources;
use iot_local_policy::limits;
use iot_local_policy::{Action, Context, Policy, Question};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use uuid::Uuid;

use crate::auth::custom::CustomAuthorizer;
use crate::facts::{ConnectionFacts, HttpFacts, MqttFacts};
use crate::selection::NAME_KEY;

/// A connect to preview: a client id, also used as the user name, and a token as the password.
#[derive(Clone, Copy)]
pub struct PreviewRequest<'a> {
    /// The token.
    pub token: &'a str,
    /// The client id.
    pub client_id: &'a str,
    /// Whether the client names the authorizer in the query of its WebSocket, as the page does.
    pub names_authorizer: bool,
    /// Whether the call is written to the event log.
    pub is_logged: bool,
}

/// The result of a preview.
pub struct Preview {
    /// The connection's id in the event, which the function's log line has too.
    pub connection: Uuid,
    /// The client id.
    pub client_id: String,
    /// The response, or why the client would be denied, for the operator.
    pub outcome: Result<AuthorizerResponse, String>,
}

impl PreviewRequest<'_> {
    /// Selects and calls the authorizer as for a client.
    pub async fn call(&self, authorizer: &CustomAuthorizer) -> Preview {
        let name = || utf8_percent_encode(authorizer.name(), NON_ALPHANUMERIC);
        let query = self.names_authorizer.then(|| format!("{NAME_KEY}={}", name()));
        let facts = ConnectionFacts {
            connection: Uuid::new_v4(),
            server_name: None,
            certificate: None,
            caller: None,
            http: query.map(|query| HttpFacts { headers: Vec::new(), query: Some(query) }),
        };
        let mqtt = MqttFacts {
            username: Some(self.client_id.to_owned()),
            password: Some(Bytes::from(self.token.to_owned())),
            client_id: Some(self.client_id.to_owned()),
        };
        if !self.is_logged {
            authorizer.unlogged.add(facts.connection);
        }
        let outcome = match authorizer.event(&facts, Some(&mqtt)) {
            Ok(event) if self.is_logged => authorizer.call(event).await,
            Ok(event) => authorizer.call_unlogged(event).await,
            Err(denial) => Err(denial),
        };
        Preview {
            connection: facts.connection,
            client_id: self.client_id.to_owned(),
            outcome: outcome.map_err(|denial| denial.to_string()),
        }
    }
}

/// Topics and filters that a policy allows or denies.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Examples {
    /// A topic for which `iot:Publish` is allowed, and one for which it is denied.
    pub publish: (Option<String>, Option<String>),
    /// A filter for which `iot:Subscribe` is allowed, and one for which it is denied.
    pub subscribe: (Option<String>, Option<String>),
}

impl Examples {
    /// Derives examples from the resources in `documents`, and checks each with `policy`.
    #[must_use]
    pub fn find(documents: &[Value], policy: &Policy, client_id: &str) -> Self {
        let context = Context { client_id: Some(client_id.to_owned()), ..Context::default() };
        let decide = |action, kind: &str, name: &str| {
            let resource = format!("{kind}{name}");
            policy.decide(&Question { action, resource: &resource, context: &context }).allowed
        };
        let find = |action: Action, kind: &str, star: &str| {
            let patterns = allowed_resources(documents, action.name(), kind);
            let names: Vec<_> = patterns.iter().map(|pattern| pattern.replace('*', star)).collect();
            let is_usable = |name: &&String| limits::filter(name).is_ok() && !name.contains("${");
            let allowed = names.iter().filter(is_usable).find(|name| decide(action, kind, name)).cloned();
            let similar = allowed.iter().flat_map(|name| similar_names(name));
            let denied =
                similar.chain(["somewhere/else".to_owned()]).find(|name| !decide(action, kind, name));
            (allowed, denied)
        };
        Self {
            publish: find(Action::Publish, "topic/", "hello"),
            subscribe: find(Action::Subscribe, "topicfilter/", "#"),
        }
    }
}

/// Returns names with one level replaced by `somebody-else`, starting with the level before the last.
fn similar_names(name: &str) -> Vec<String> {
    let levels: Vec<_> = name.split('/').collect();
    let last = levels.len().saturating_sub(1);
    let with_replaced = |index: usize| {
        let replaced =
            levels.iter().enumerate().map(|(i, level)| if i == index { "somebody-else" } else { level });
        replaced.collect::<Vec<_>>().join("/")
    };
    (0..last).rev().map(with_replaced).collect()
}

#[cfg(test)]
mod tests {
    use iot_local_policy::Arn;
    use serde_json::json;

    use super::*;

    fn examples(statements: &Value) -> Examples {
        let documents = [json!({ "Version": "2012-10-17", "Statement": statements })];
        let arn: Arn = "arn:aws:lambda:eu-central-1:123456789012:function:f".parse().unwrap();
        Examples::find(&documents, &Policy::parse(&documents, &arn).unwrap(), "ana")
    }

    fn statement(effect: &str, action: &str, resources: &[&str]) -> Value {
        let arn = |resource: &&str| format!("arn:aws:iot:eu-central-1:123456789012:{resource}");
        json!({ "Effect": effect, "Action": [action], "Resource": resources.iter().map(arn).collect::<Vec<_>>() })
    }

    #[test]
    fn finds_examples_that_the_policy_allows_and_denies() {
        let found = examples(&json!([
            statement("Allow", "iot:Publish", &["topic/acme/users/ana/*"]),
            statement("Allow", "iot:Subscribe", &["topicfilter/acme/users/ana/*"]),
        ]));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(found.publish, (some("acme/users/ana/hello"), some("acme/users/somebody-else/hello")));
        assert_eq!(found.subscribe, (some("acme/users/ana/#"), some("acme/users/somebody-else/#")));
        // A Deny excludes the first resource. Nothing is denied if all filters are allowed.
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
