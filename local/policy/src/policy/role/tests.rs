//! Roles: IAM's grammar, the intersection with the policies of an identity, and variables.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::super::property::random;
use super::*;
use crate::{Action, CertificateContext, CognitoContext, Question, ThingContext};

const PREFIX: &str = "arn:aws:iot:us-east-1:123456789012:";
const ID: &str = "us-east-1:00000000-0000-4000-8000-00000000000a";
const POOL: &str = "us-east-1:00000000-0000-4000-8000-000000000001";

fn arn() -> Arn {
    format!("{PREFIX}x").parse().unwrap()
}

fn document(statements: &Value) -> Value {
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    serde_json::from_str(&text.replace("ARN:", PREFIX)).unwrap()
}

fn role(statements: &Value) -> RolePolicy {
    RolePolicy::parse("app", &document(statements), &arn()).unwrap()
}

fn attached(statements: &Value) -> Policy {
    let named = NamedDocument { name: "app".to_owned(), document: document(statements) };
    Policy::parse_named(&[named], &arn()).unwrap()
}

fn context() -> Context {
    let amr = vec!["authenticated".to_owned(), "login.example.com/".to_owned()];
    Context {
        client_id: Some(ID.to_owned()),
        source_ip: Some("127.0.0.1".parse().unwrap()),
        cognito: Some(CognitoContext { identity_id: ID.to_owned(), pool_id: POOL.to_owned(), amr }),
        ..Context::default()
    }
}

fn allow(action: &str, resource: &str) -> Value {
    json!([{ "Effect": "Allow", "Action": action, "Resource": resource }])
}

/// What a role alone decides: the statements, the action and the resource, and whether it is allowed.
#[test]
fn a_role_decides_any_action_by_its_arn() {
    let with = |condition: Value| json!([{ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition }]);
    let sub = "${cognito-identity.amazonaws.com:sub}";
    let rows: Vec<(Value, &str, String, bool)> = vec![
        (allow("*", "*"), "lambda:InvokeFunction", "arn:aws:lambda:us-east-1:1:function:f".to_owned(), true),
        (allow("iot:*", "*"), "iot:AttachPolicy", "*".to_owned(), true),
        (allow("IOT:attachpolicy", "*"), "iot:AttachPolicy", "*".to_owned(), true),
        (allow("iot:AttachPolicy", "ARN:cert/a"), "iot:AttachPolicy", format!("{PREFIX}cert/a"), true),
        (allow("iot:Publish", "ARN:topic/a"), "iot:Publish", format!("{PREFIX}topic/a"), true),
        (allow("iot:Publish", "arn:aws:iot:*:*:topic/a"), "iot:Publish", format!("{PREFIX}topic/a"), true),
        (
            allow("iot:Connect", &format!("ARN:client/{sub}")),
            "iot:Connect",
            format!("{PREFIX}client/{ID}"),
            true,
        ),
        (
            allow("iot:Connect", &format!("ARN:client/{sub}-*")),
            "iot:Connect",
            format!("{PREFIX}client/{ID}-tab"),
            true,
        ),
        (
            allow("iot:Connect", "ARN:client/${COGNITO-identity.amazonaws.com:AUD}"),
            "iot:Connect",
            format!("{PREFIX}client/{POOL}"),
            true,
        ),
        (
            with(
                json!({ "ForAnyValue:StringLike": { "cognito-identity.amazonaws.com:amr": "authenticated" } }),
            ),
            "iot:Publish",
            format!("{PREFIX}topic/a"),
            true,
        ),
        (
            with(json!({ "StringEquals": { "cognito-identity.amazonaws.com:aud": POOL } })),
            "iot:Publish",
            format!("{PREFIX}topic/a"),
            true,
        ),
        (
            with(json!({ "IpAddress": { "aws:SourceIp": "127.0.0.0/8" } })),
            "s3:GetObject",
            "*".to_owned(),
            true,
        ),
        // Other actions, accounts, Regions and forms of resources.
        (allow("iot:Publish", "*"), "iot:Subscribe", format!("{PREFIX}topicfilter/a"), false),
        (allow("iot:*", "*"), "lambda:InvokeFunction", "*".to_owned(), false),
        (allow("iot:AttachPolicy", "ARN:cert/a"), "iot:AttachPolicy", "*".to_owned(), false),
        (
            allow("iot:Publish", "arn:aws:iot:us-east-1:999999999999:topic/a"),
            "iot:Publish",
            format!("{PREFIX}topic/a"),
            false,
        ),
        (
            allow("iot:Publish", "arn:aws:iot:eu-west-1:123456789012:topic/a"),
            "iot:Publish",
            format!("{PREFIX}topic/a"),
            false,
        ),
        (allow("iot:Publish", "topic/a"), "iot:Publish", format!("{PREFIX}topic/a"), false),
        (allow("iot:Publish", "ARN:topic/a"), "iot:Publish", format!("{PREFIX}topic/a/b"), false),
        (
            allow("iot:Connect", &format!("ARN:client/{sub}")),
            "iot:Connect",
            format!("{PREFIX}client/{ID}0"),
            false,
        ),
        // A Deny wins.
        (
            json!([
                { "Effect": "Allow", "Action": "*", "Resource": "*" },
                { "Effect": "Deny", "Action": "iot:Delete*", "Resource": "*" },
            ]),
            "iot:DeleteThing",
            "*".to_owned(),
            false,
        ),
        // Variables without a value, and keys with several.
        (
            allow("iot:Connect", "ARN:client/${iot:Connection.Thing.ThingName}*"),
            "iot:Connect",
            format!("{PREFIX}client/lamp"),
            false,
        ),
        (
            allow("iot:Connect", "ARN:client/${cognito-identity.amazonaws.com:amr}*"),
            "iot:Connect",
            format!("{PREFIX}client/authenticated"),
            false,
        ),
        (
            allow("iot:Connect", "ARN:client/${cognito-identity.amazonaws.com:other}*"),
            "iot:Connect",
            format!("{PREFIX}client/a"),
            false,
        ),
        (
            allow("iot:Connect", "ARN:client/${aws:userid}*"),
            "iot:Connect",
            format!("{PREFIX}client/a"),
            false,
        ),
        // Unknown keys of IAM: no Allow matches by them, and each Deny might.
        (
            with(json!({ "Bool": { "aws:SecureTransport": "true" } })),
            "iot:Publish",
            format!("{PREFIX}topic/a"),
            false,
        ),
        (
            with(json!({ "StringEquals": { "aws:PrincipalTag/a": "b" } })),
            "iot:Publish",
            "*".to_owned(),
            false,
        ),
        (
            with(json!({ "StringEqualsIfExists": { "aws:PrincipalTag/a": "b" } })),
            "iot:Publish",
            "*".to_owned(),
            false,
        ),
        (
            with(json!({ "DateLessThan": { "aws:CurrentTime": "2099-01-01T00:00:00Z" } })),
            "a:b",
            "*".to_owned(),
            false,
        ),
        (
            json!([
                { "Effect": "Allow", "Action": "*", "Resource": "*" },
                { "Effect": "Deny", "Action": "*", "Resource": "*",
                  "Condition": { "StringEquals": { "aws:RequestedRegion": "eu-west-1" } } },
            ]),
            "iot:Publish",
            format!("{PREFIX}topic/a"),
            false,
        ),
        (
            with(json!({ "ForAnyValue:StringLike": { "cognito-identity.amazonaws.com:amr": "unauth*" } })),
            "iot:Publish",
            format!("{PREFIX}topic/a"),
            false,
        ),
        (
            with(json!({ "StringEquals": { "cognito-identity.amazonaws.com:aud": "us-east-1:other" } })),
            "iot:Publish",
            format!("{PREFIX}topic/a"),
            false,
        ),
    ];
    for (statements, action, resource, expected) in rows {
        let verdict = role(&statements).decide(&Access { action, resource: &resource, context: &context() });
        assert_eq!(verdict.allowed, expected, "{statements} {action} {resource}: {}", verdict.reason);
        assert!(verdict.reason.contains("role app"), "{}", verdict.reason);
    }
}

#[test]
fn without_an_identity_its_keys_have_no_value() {
    let context = Context { client_id: Some("a".to_owned()), ..Context::default() };
    for (statements, expected) in [
        (allow("iot:Connect", "ARN:client/a"), true),
        (allow("iot:Connect", "ARN:client/a${cognito-identity.amazonaws.com:sub}"), false),
        (allow("iot:Connect", "ARN:client/${cognito-identity.amazonaws.com:sub}*"), false),
    ] {
        let question = Question { action: Action::Connect, resource: "client/a", context: &context };
        let verdict = attached(&statements).decide(&question);
        assert_eq!(verdict.allowed, expected, "{statements}: {}", verdict.reason);
    }
}

/// The role, the policy of the identity, the action, and the parts of the reason: `Ok` if it is allowed.
type Row<'a> = (Value, Value, Action, &'a str, Result<&'a [&'a str], &'a [&'a str]>);

#[test]
fn shared_actions_need_both_and_others_the_role() {
    let both = |resource: &str| (allow("iot:*", resource), allow("iot:*", resource));
    let (all, none) = (allow("*", "*"), json!([{ "Effect": "Deny", "Action": "x:y", "Resource": "*" }]));
    let (a, a2) = both("ARN:topic/a");
    let rows: Vec<Row<'_>> = vec![
        (
            a.clone(),
            a2,
            Action::Publish,
            "topic/a",
            Ok(&["policy of role app, statement 1", "policy app, statement 1"]),
        ),
        (all.clone(), all.clone(), Action::Connect, "client/x", Ok(&["policy of role app", "policy app"])),
        // Trap 7: the role allows `a`, and the policy `b`.
        (
            a.clone(),
            allow("iot:*", "ARN:topic/b"),
            Action::Publish,
            "topic/a",
            Err(&["policies of the identity: no statement allows iot:Publish topic/a", "allowed on topic/b"]),
        ),
        (
            a.clone(),
            allow("iot:*", "ARN:topic/b"),
            Action::Publish,
            "topic/b",
            Err(&["role app: no statement allows iot:Publish topic/b", "allowed on topic/a"]),
        ),
        (
            a,
            allow("iot:*", "ARN:topic/b"),
            Action::Publish,
            "topic/c",
            Err(&["role app: no statement", "policies of the identity: no statement"]),
        ),
        (
            json!([
                { "Effect": "Allow", "Action": "*", "Resource": "*" },
                { "Effect": "Deny", "Action": "iot:Connect", "Resource": "*" },
            ]),
            all.clone(),
            Action::Connect,
            "client/x",
            Err(&["policy of role app, statement 2: Deny iot:Connect"]),
        ),
        (
            all.clone(),
            json!([
                { "Effect": "Allow", "Action": "*", "Resource": "*" },
                { "Effect": "Deny", "Action": "iot:Connect", "Resource": "*" },
            ]),
            Action::Connect,
            "client/x",
            Err(&["policy app, statement 2: Deny iot:Connect"]),
        ),
        // Retained messages and lists: the role alone.
        (all.clone(), none.clone(), Action::GetRetainedMessage, "topic/a", Ok(&["policy of role app"])),
        (all.clone(), none.clone(), Action::ListRetainedMessages, "*", Ok(&["policy of role app"])),
        (all.clone(), none.clone(), Action::ListNamedShadowsForThing, "thing/a", Ok(&["policy of role app"])),
        (none.clone(), all.clone(), Action::GetRetainedMessage, "topic/a", Err(&["role app: no statement"])),
        (none.clone(), all.clone(), Action::ListRetainedMessages, "*", Err(&["role app: no statement"])),
        (
            none.clone(),
            all.clone(),
            Action::ListNamedShadowsForThing,
            "thing/a",
            Err(&["role app: no statement"]),
        ),
        // Everything else: both.
        (all.clone(), none.clone(), Action::Publish, "topic/a", Err(&["policies of the identity"])),
        (all.clone(), none.clone(), Action::RetainPublish, "topic/a", Err(&["policies of the identity"])),
        (all.clone(), none.clone(), Action::Subscribe, "topicfilter/a", Err(&["policies of the identity"])),
        (all.clone(), none.clone(), Action::Receive, "topic/a", Err(&["policies of the identity"])),
        (all.clone(), none.clone(), Action::GetThingShadow, "thing/a", Err(&["policies of the identity"])),
        (all.clone(), none.clone(), Action::UpdateThingShadow, "thing/a", Err(&["policies of the identity"])),
        (all.clone(), none.clone(), Action::DeleteThingShadow, "thing/a", Err(&["policies of the identity"])),
        (none.clone(), all.clone(), Action::Publish, "topic/a", Err(&["role app"])),
        (none, all, Action::RetainPublish, "topic/a", Err(&["role app"])),
    ];
    for (by_role, by_policy, action, resource, expected) in rows {
        let policy = attached(&by_policy).limited_by(Arc::new(role(&by_role)));
        let verdict = policy.decide(&Question { action, resource, context: &context() });
        assert_eq!(verdict.allowed, expected.is_ok(), "{action} {resource}: {}", verdict.reason);
        for part in expected.unwrap_or_else(|parts| parts) {
            assert!(verdict.reason.contains(part), "{action} {resource}: {}", verdict.reason);
        }
    }
}

/// Trap 6: the reason has the command that attaches a policy to this identity.
#[test]
fn without_any_policy_shared_actions_are_denied() {
    let none = Policy::parse_named(&[], &arn()).unwrap().limited_by(Arc::new(role(&allow("*", "*"))));
    for (action, resource, expected) in [
        (Action::Connect, "client/a", false),
        (Action::Publish, "topic/a", false),
        (Action::GetThingShadow, "thing/a", false),
        (Action::GetRetainedMessage, "topic/a", true),
    ] {
        let verdict = none.decide(&Question { action, resource, context: &context() });
        assert_eq!(verdict.allowed, expected, "{action}: {}", verdict.reason);
        let command = format!("help: aws iot attach-policy --policy-name NAME --target {ID}");
        assert_eq!(verdict.reason.ends_with(&command), !expected, "{action}: {}", verdict.reason);
    }
}

#[test]
fn a_guest_has_the_rights_of_the_role_alone() {
    let policy = Policy::of_role(Arc::new(role(&allow("iot:Publish", "ARN:topic/a"))));
    for (action, resource, expected) in [
        (Action::Publish, "topic/a", true),
        (Action::Publish, "topic/b", false),
        (Action::Connect, "client/a", false),
    ] {
        let verdict = policy.decide(&Question { action, resource, context: &context() });
        assert_eq!(verdict.allowed, expected, "{action} {resource}: {}", verdict.reason);
    }
}

/// Thing variables have values in the policies of the identity only.
#[test]
fn a_role_knows_no_thing() {
    let thing = ThingContext { name: "lamp".to_owned(), ..ThingContext::default() };
    let certificate = CertificateContext { thing: Some(thing), ..CertificateContext::default() };
    let context = Context { certificate: ClientCertificate::Known(Arc::new(certificate)), ..context() };
    let by_thing = allow("iot:Publish", "ARN:topic/${iot:Connection.Thing.ThingName}");
    let all = allow("iot:*", "*");
    for (by_role, by_policy, resource, expected) in [
        (&all, &by_thing, "topic/lamp", true),
        (&all, &by_thing, "topic/fan", false),
        (&by_thing, &all, "topic/lamp", false),
        (&by_thing, &by_thing, "topic/lamp", false),
    ] {
        let policy = attached(by_policy).limited_by(Arc::new(role(by_role)));
        let verdict = policy.decide(&Question { action: Action::Publish, resource, context: &context });
        assert_eq!(verdict.allowed, expected, "{resource}: {}", verdict.reason);
    }
}

#[test]
fn errors_name_the_role() {
    let invalid = document(&json!([{ "Effect": "allow", "Action": "*", "Resource": "*" }]));
    let errors = RolePolicy::parse("app", &invalid, &arn()).unwrap_err();
    assert_eq!(errors, ["policy of role app, statement 1: Effect must be \"Allow\" or \"Deny\""]);
}

fn random_statements() -> impl Strategy<Value = Value> {
    let actions =
        vec!["iot:Publish", "iot:RetainPublish", "iot:GetRetainedMessage", "iot:*", "*", "iot:*Publish"];
    let resources = vec![
        "*",
        "ARN:*",
        "ARN:topic/*",
        "ARN:topic/a",
        "ARN:topic/${cognito-identity.amazonaws.com:sub}",
        "ARN:topic/?",
    ];
    let statement = (prop::bool::weighted(0.3), subsequence(actions, 1..3), subsequence(resources, 1..3));
    let statement = statement.prop_map(|(is_deny, actions, resources)| {
        json!({ "Effect": if is_deny { "Deny" } else { "Allow" }, "Action": actions, "Resource": resources })
    });
    prop::collection::vec(statement, 1..4).prop_map(Value::Array)
}

proptest! {
    #![proptest_config(random::config(3000))]

    /// What the intersection allows, both allow; and what both allow, it allows. Other actions are the role's.
    #[test]
    fn an_intersection_allows_what_both_allow(
        by_role in random_statements(),
        by_policy in random_statements(),
        action in select(vec![Action::Publish, Action::RetainPublish, Action::GetRetainedMessage]),
        topic in select(vec!["a".to_owned(), "b".to_owned(), "a/b".to_owned(), ID.to_owned()]),
    ) {
        let (role, policy) = (Arc::new(role(&by_role)), attached(&by_policy));
        let (context, resource) = (context(), format!("topic/{topic}"));
        let question = Question { action, resource: &resource, context: &context };
        let full = format!("{PREFIX}{resource}");
        let role_allows = role.decide(&Access { action: action.name(), resource: &full, context: &context }).allowed;
        let policy_allows = policy.decide(&question).allowed;
        let verdict = policy.limited_by(Arc::clone(&role)).decide(&question);
        let expected = role_allows && (policy_allows || action == Action::GetRetainedMessage);
        prop_assert_eq!(verdict.allowed, expected, "{}", &verdict.reason);
        let guest = Policy::of_role(role).decide(&question);
        prop_assert_eq!(guest.allowed, role_allows, "{}", &guest.reason);
    }
}
