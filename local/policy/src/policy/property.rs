//! Random policies, compared with a brute-force evaluation: Deny first, then Allow.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::{Action, Context, Policy, Question, StatementPlace};

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
        "${iot:Certificate.CertificateId}",
    ]);
    // Variables without a value are rare, since otherwise hardly any action would be allowed.
    let piece = (piece, 0..4_u8)
        .prop_map(|(piece, dice)| if piece.starts_with("${iot:Cert") && dice > 0 { "a" } else { piece });
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
    fn matches(&self, action: Action, topic: &str, client_id: &str) -> bool {
        let name: Vec<_> = action.name().to_lowercase().chars().collect();
        let is_action_listed =
            self.actions.iter().any(|pattern| brute_force(&tokens(&[&pattern.to_lowercase()], ""), &name));
        if self.resources.iter().flatten().any(|piece| piece.starts_with("${iot:Cert")) {
            return false;
        }
        let topic: Vec<_> = topic.chars().collect();
        let is_topic_covered =
            self.resources.iter().any(|pieces| brute_force(&tokens(pieces, client_id), &topic));
        is_action_listed != self.not_action && is_topic_covered != self.not_resource
    }
}

fn tokens(pieces: &[&str], client_id: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for piece in pieces {
        match *piece {
            "${iot:ClientId}" => tokens.extend(client_id.chars().map(Token::Char)),
            piece => tokens.extend(piece.chars().map(|char| match char {
                '*' => Token::AnyString,
                '?' => Token::AnyChar,
                char => Token::Char(char),
            })),
        }
    }
    tokens
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
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_policy_decides_as_its_definition_does(
        statements in prop::collection::vec(random_statement(), 1..5),
        topic in "[ab/+#*?]{1,5}",
        client_id in "[ab*?+#/$]{1,3}",
        action in select(vec![Action::Publish, Action::Receive, Action::RetainPublish]),
    ) {
        let list: Vec<_> = statements.iter().map(RandomStatement::json).collect();
        let document = json!({ "Version": "2012-10-17", "Statement": list });
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:authorizer".parse().unwrap();
        let policy = Policy::parse(&[document], &arn).unwrap();
        let context = Context { client_id: Some(client_id.clone()), ..Context::default() };
        let resource = format!("topic/{topic}");
        let verdict = policy.decide(&Question { action, resource: &resource, context: &context });

        let first_match = |is_deny: bool| {
            let matches = |statement: &RandomStatement| {
                statement.is_deny == is_deny && statement.matches(action, &topic, &client_id)
            };
            statements.iter().position(matches)
        };
        let decider = first_match(true).or_else(|| first_match(false));
        prop_assert_eq!(verdict.allowed, decider.is_some_and(|index| !statements[index].is_deny), "{}", &verdict.reason);
        let expected = decider.map(|index| StatementPlace { document: 1, statement: index.saturating_add(1) });
        prop_assert_eq!(verdict.decided_by, expected, "{}", &verdict.reason);
    }
}
