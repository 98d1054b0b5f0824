//! Whole policies against the rules in their shortest form: try everything, Deny first.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{Action, Context, Place, Policy, Question};

const HEAD: &str = "arn:aws:iot:eu-west-1:123456789012:";

/// A statement as it is made up here. Resources are lists of pieces.
#[derive(Debug, Clone)]
struct Made {
    deny: bool,
    not_action: bool,
    actions: Vec<&'static str>,
    not_resource: bool,
    resources: Vec<Vec<&'static str>>,
}

/// What one piece of a pattern stands for.
#[derive(Clone, Copy, PartialEq)]
enum Token {
    Exactly(char),
    One,
    Run,
}

fn made() -> impl Strategy<Value = Made> {
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
    // Variables without a value are rare, or nothing would ever be allowed.
    let piece = (piece, 0..4_u8)
        .prop_map(|(piece, keep)| if piece.starts_with("${iot:Cert") && keep > 0 { "a" } else { piece });
    let resource = prop::collection::vec(piece, 0..6);
    (
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.1),
        prop::collection::vec(action, 1..3),
        prop::bool::weighted(0.1),
        prop::collection::vec(resource, 1..3),
    )
        .prop_map(|(deny, not_action, actions, not_resource, resources)| Made {
            deny,
            not_action,
            actions,
            not_resource,
            resources,
        })
}

impl Made {
    fn json(&self) -> Value {
        let resources: Vec<_> =
            self.resources.iter().map(|pieces| format!("{HEAD}topic/{}", pieces.concat())).collect();
        let mut statement = json!({ "Effect": if self.deny { "Deny" } else { "Allow" } });
        statement[if self.not_action { "NotAction" } else { "Action" }] = json!(self.actions);
        statement[if self.not_resource { "NotResource" } else { "Resource" }] = json!(resources);
        statement
    }

    /// Whether it is about the action on the topic, by the definition.
    fn applies(&self, action: Action, topic: &str, client_id: &str) -> bool {
        let name: Vec<_> = action.name().to_lowercase().chars().collect();
        let named =
            self.actions.iter().any(|pattern| brute_force(&tokens(&[&pattern.to_lowercase()], ""), &name));
        if self.resources.iter().flatten().any(|piece| piece.starts_with("${iot:Cert")) {
            return false;
        }
        let topic: Vec<_> = topic.chars().collect();
        let covered = self.resources.iter().any(|pieces| brute_force(&tokens(pieces, client_id), &topic));
        named != self.not_action && covered != self.not_resource
    }
}

fn tokens(pieces: &[&str], client_id: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for piece in pieces {
        match *piece {
            "${iot:ClientId}" => tokens.extend(client_id.chars().map(Token::Exactly)),
            other => tokens.extend(other.chars().map(|character| match character {
                '*' => Token::Run,
                '?' => Token::One,
                exactly => Token::Exactly(exactly),
            })),
        }
    }
    tokens
}

fn brute_force(pattern: &[Token], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([Token::Run, rest @ ..], _) => (0..=text.len()).any(|taken| brute_force(rest, &text[taken..])),
        ([Token::One, rest @ ..], [_, after @ ..]) => brute_force(rest, after),
        ([Token::Exactly(wanted), rest @ ..], [first, after @ ..]) => {
            wanted == first && brute_force(rest, after)
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_policy_decides_as_its_definition_does(
        statements in prop::collection::vec(made(), 1..5),
        topic in "[ab/+#*?]{1,5}",
        client_id in "[ab*?+#/$]{1,3}",
        action in select(vec![Action::Publish, Action::Receive, Action::RetainPublish]),
    ) {
        let list: Vec<_> = statements.iter().map(Made::json).collect();
        let document = json!({ "Version": "2012-10-17", "Statement": list });
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:authorizer".parse().unwrap();
        let policy = Policy::parse(&[document], &arn).unwrap();
        let context = Context { client_id: Some(client_id.clone()), ..Context::default() };
        let resource = format!("topic/{topic}");
        let verdict = policy.decide(&Question { action, resource: &resource, context: &context });

        let first = |deny: bool| {
            let applies = |made: &Made| made.deny == deny && made.applies(action, &topic, &client_id);
            statements.iter().position(applies)
        };
        let decider = first(true).or_else(|| first(false));
        prop_assert_eq!(verdict.allowed, decider.is_some_and(|index| !statements[index].deny), "{}", &verdict.reason);
        let expected = decider.map(|index| Place { document: 1, statement: index.saturating_add(1) });
        prop_assert_eq!(verdict.decided_by, expected, "{}", &verdict.reason);
    }
}
