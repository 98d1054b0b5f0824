//! Random policies, compared with a brute-force evaluation: Deny first, then Allow.

#[path = "../../../../tests/support/random.rs"]
pub(super) mod random;

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::{
    Action, CertificateContext, ClientCertificate, Context, Policy, Question, StatementPlace, ThingContext,
};

const PREFIX: &str = "arn:aws:iot:eu-west-1:123456789012:";

/// A random statement. Each resource is a list of pieces.
#[derive(Debug, Clone)]
struct RandomStatement {
    is_deny: bool,
    not_action: bool,
    actions: Vec<&'static str>,
    not_resource: bool,
    resources: Vec<Vec<&'static str>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Token {
    Char(char),
    AnyChar,
    AnyString,
    Nothing,
}

const COMMON_NAME: &str = "${iot:Certificate.Subject.CommonName}";
const THING_NAME: &str = "${iot:Connection.Thing.ThingName}";
const SITE: &str = "${iot:Connection.Thing.Attributes[site]}";
const NO_VALUE: &str = "${iot:Certificate.CertificateId}";

/// The values of the variables.
#[derive(Debug, Clone)]
struct Values {
    client_id: String,
    common_name: Option<String>,
    /// The name and the attribute `site` of the thing.
    thing: Option<(String, Option<String>)>,
}

fn random_statement() -> impl Strategy<Value = RandomStatement> {
    let action =
        select(vec!["iot:Publish", "iot:Receive", "iot:*", "iot:?ublish", "IOT:PUB*", "iot:Connect"]);
    let piece = select(vec![
        "a",
        "b",
        "/",
        "*",
        "?",
        "+",
        "#",
        "${iot:ClientId}",
        COMMON_NAME,
        THING_NAME,
        SITE,
        NO_VALUE,
    ]);
    // Variables without a value are rare, since otherwise hardly any action would be allowed.
    let piece = (piece, 0..4_u8).prop_map(|(piece, dice)| {
        let may_have_no_value = [COMMON_NAME, THING_NAME, SITE, NO_VALUE].contains(&piece);
        if may_have_no_value && dice > 0 { "a" } else { piece }
    });
    let resource = prop::collection::vec(piece, 0..6);
    (
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.1),
        prop::collection::vec(action, 1..3),
        prop::bool::weighted(0.1),
        prop::collection::vec(resource, 1..3),
    )
        .prop_map(|(is_deny, not_action, actions, not_resource, resources)| RandomStatement {
            is_deny,
            not_action,
            actions,
            not_resource,
            resources,
        })
}

impl RandomStatement {
    fn json(&self) -> Value {
        let resources: Vec<_> =
            self.resources.iter().map(|pieces| format!("{PREFIX}topic/{}", pieces.concat())).collect();
        let mut statement = json!({ "Effect": if self.is_deny { "Deny" } else { "Allow" } });
        statement[if self.not_action { "NotAction" } else { "Action" }] = json!(self.actions);
        statement[if self.not_resource { "NotResource" } else { "Resource" }] = json!(resources);
        statement
    }

    /// Whether the statement matches the action on the topic, by definition.
    fn matches(&self, action: Action, topic: &str, values: &Values) -> bool {
        let name: Vec<_> = action.name().to_lowercase().chars().collect();
        let is_action_listed =
            self.actions.iter().any(|pattern| brute_force(&plain_tokens(&pattern.to_lowercase()), &name));
        let resources: Option<Vec<_>> = self.resources.iter().map(|pieces| tokens(pieces, values)).collect();
        // A variable without a value: the statement does not match.
        let Some(resources) = resources else { return false };
        let has_nothing = resources.iter().flatten().any(|token| *token == Token::Nothing);
        if has_nothing && self.not_resource && !self.is_deny {
            return false;
        }
        let topic: Vec<_> = topic.chars().collect();
        let is_topic_covered = resources.iter().any(|tokens| brute_force(tokens, &topic));
        is_action_listed != self.not_action && is_topic_covered != self.not_resource
    }
}

/// Returns the tokens of a resource, `None` if a variable has no value.
fn tokens(pieces: &[&str], values: &Values) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    for piece in pieces {
        let value = match *piece {
            "${iot:ClientId}" => {
                tokens.extend(values.client_id.chars().map(Token::Char));
                continue;
            }
            COMMON_NAME => values.common_name.as_ref(),
            THING_NAME => values.thing.as_ref().map(|(name, _)| name),
            SITE => values.thing.as_ref().and_then(|(_, site)| site.as_ref()),
            NO_VALUE => None,
            piece => {
                tokens.extend(plain_tokens(piece));
                continue;
            }
        };
        match value?.as_str() {
            value if value.is_empty() || value.contains(['*', '?', '+', '#', '$']) => {
                tokens.push(Token::Nothing);
            }
            value => tokens.extend(value.chars().map(Token::Char)),
        }
    }
    Some(tokens)
}

fn plain_tokens(piece: &str) -> Vec<Token> {
    let token = |char| match char {
        '*' => Token::AnyString,
        '?' => Token::AnyChar,
        char => Token::Char(char),
    };
    piece.chars().map(token).collect()
}

fn random_values() -> impl Strategy<Value = Values> {
    let value = || "[ab]{1,2}|[ab*?+#$/]{0,3}";
    let thing = prop::option::weighted(0.8, (value(), prop::option::weighted(0.8, value())));
    ("[ab*?+#/$]{1,3}", prop::option::weighted(0.8, value()), thing)
        .prop_map(|(client_id, common_name, thing)| Values { client_id, common_name, thing })
}

impl Values {
    fn context(&self) -> Context {
        let certificate = self.common_name.iter();
        let certificate =
            certificate.map(|name| ("Subject.CommonName".to_owned(), vec![name.clone()])).collect();
        let thing = self.thing.as_ref().map(|(name, site)| ThingContext {
            name: name.clone(),
            type_name: None,
            attributes: site.iter().map(|site| ("site".to_owned(), site.clone())).collect(),
        });
        Context {
            client_id: Some(self.client_id.clone()),
            certificate: ClientCertificate::Known(Arc::new(CertificateContext { certificate, thing })),
            ..Context::default()
        }
    }
}

fn arn() -> crate::Arn {
    "arn:aws:lambda:eu-west-1:123456789012:function:authorizer".parse().unwrap()
}

fn brute_force(pattern: &[Token], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([Token::AnyString, rest @ ..], _) => (0..=text.len()).any(|taken| brute_force(rest, &text[taken..])),
        ([Token::AnyChar, rest @ ..], [_, after @ ..]) => brute_force(rest, after),
        ([Token::Char(expected), rest @ ..], [first, after @ ..]) => {
            expected == first && brute_force(rest, after)
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(random::config(3000))]

    #[test]
    fn a_value_matches_itself_or_nothing(
        value in "[ab*?+#$/]{0,4}|[ab]{1,3}|a{1023,1025}",
        topic in "[ab*?+#$/]{1,4}",
        before in "[ab/]{0,2}",
    ) {
        let name = "iot:Certificate.Subject.CommonName";
        let resources = json!([format!("{PREFIX}topic/{before}${{{name}}}")]);
        let document = json!({
            "Version": "2012-10-17",
            "Statement": { "Effect": "Allow", "Action": "iot:Publish", "Resource": resources },
        });
        let policy = Policy::parse(&[document], &arn()).unwrap();
        let values = Values { client_id: "c".to_owned(), common_name: Some(value.clone()), thing: None };
        let context = values.context();
        let is_substituted =
            (1..=1024).contains(&value.chars().count()) && !value.contains(['*', '?', '+', '#', '$']);
        for topic in [topic, format!("{before}{value}"), format!("{before}${{{name}}}")] {
            let resource = format!("topic/{topic}");
            let verdict = policy.decide(&Question { action: Action::Publish, resource: &resource, context: &context });
            let expected = is_substituted && topic == format!("{before}{value}");
            prop_assert_eq!(verdict.allowed, expected, "{}", &verdict.reason);
        }
    }

    #[test]
    fn a_deny_overrides_any_policy(
        statements in prop::collection::vec(random_statement(), 0..5),
        place in 0..5_usize,
        topic in "[ab/+#*?]{1,5}",
        values in random_values(),
    ) {
        let mut list: Vec<_> = statements.iter().map(RandomStatement::json).collect();
        let deny = json!({ "Effect": "Deny", "Action": "iot:Publish", "Resource": format!("{PREFIX}topic/{topic}") });
        list.insert(place.min(list.len()), deny);
        let document = json!({ "Version": "2012-10-17", "Statement": list });
        let policy = Policy::parse(&[document], &arn()).unwrap();
        let resource = format!("topic/{topic}");
        let context = values.context();
        let verdict = policy.decide(&Question { action: Action::Publish, resource: &resource, context: &context });
        prop_assert!(!verdict.allowed && verdict.decided_by.is_some(), "{}", &verdict.reason);
    }

    #[test]
    fn a_policy_decides_as_its_definition_does(
        statements in prop::collection::vec(random_statement(), 1..5),
        topic in "[ab/+#*?]{1,5}",
        values in random_values(),
        action in select(vec![Action::Publish, Action::Receive, Action::RetainPublish]),
    ) {
        let list: Vec<_> = statements.iter().map(RandomStatement::json).collect();
        let document = json!({ "Version": "2012-10-17", "Statement": list });
        let policy = Policy::parse(&[document], &arn()).unwrap();
        let context = values.context();
        let resource = format!("topic/{topic}");
        let verdict = policy.decide(&Question { action, resource: &resource, context: &context });

        let first_match = |is_deny: bool| {
            let matches = |statement: &RandomStatement| {
                statement.is_deny == is_deny && statement.matches(action, &topic, &values)
            };
            statements.iter().position(matches)
        };
        let decider = first_match(true).or_else(|| first_match(false));
        prop_assert_eq!(verdict.allowed, decider.is_some_and(|index| !statements[index].is_deny), "{}", &verdict.reason);
        let expected = decider.map(|index| StatementPlace { document: 1, statement: index.saturating_add(1) });
        prop_assert_eq!(verdict.decided_by, expected, "{}", &verdict.reason);
    }
}
