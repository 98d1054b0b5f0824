//! The evaluator: documented behaviour, traps that users reported, and reasons.

use serde_json::{Value, json};

use super::*;
use crate::{Action, CertificateContext, ClientCertificate, Context, StatementPlace, ThingContext};

const TABLES: [&str; 2] =
    [include_str!("../../tests/data/policy.json"), include_str!("../../tests/data/certificate.json")];
const PREFIX: &str = "arn:aws:iot:eu-west-1:123456789012:";

fn arn() -> Arn {
    "arn:aws:lambda:eu-west-1:123456789012:function:authorizer".parse().unwrap()
}

fn document(statements: &Value) -> Value {
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    serde_json::from_str(&text.replace("ARN:", PREFIX)).unwrap()
}

fn context(case: &Value) -> Context {
    let text = |name: &str| case["context"][name].as_str().map(str::to_owned);
    Context {
        client_id: text("client_id"),
        source_ip: text("source_ip").map(|address| address.parse().unwrap()),
        persistent: case["context"]["persistent"].as_bool().unwrap_or(false),
        last_will: text("last_will"),
        certificate: match &case["context"]["certificate"] {
            Value::Bool(true) => ClientCertificate::Unknown,
            Value::Object(_) => ClientCertificate::Known(Arc::new(certificate(&case["context"]))),
            _ => ClientCertificate::Absent,
        },
        cognito: None,
    }
}

fn certificate(context: &Value) -> CertificateContext {
    let thing = context.get("thing").map(|thing| ThingContext {
        name: thing["name"].as_str().unwrap().to_owned(),
        type_name: thing["type"].as_str().map(str::to_owned),
        attributes: serde_json::from_value(thing["attributes"].clone()).unwrap_or_default(),
    });
    let attributes = context["certificate"].as_object().unwrap().iter();
    let certificate = attributes
        .map(|(name, values)| (name.clone(), serde_json::from_value(values.clone()).unwrap()))
        .collect();
    CertificateContext { certificate, thing }
}

fn decide(policy: &Policy, question: &str, context: &Context) -> Verdict {
    let (action, resource) = question.split_once(' ').unwrap();
    policy.decide(&Question { action: action.parse().unwrap(), resource, context })
}

#[test]
fn documented_behaviour_and_known_traps() {
    let tables = TABLES.iter().map(|table| serde_json::from_str::<Vec<Value>>(table).unwrap());
    let mut wrong = Vec::new();
    let mut questions = 0;
    for case in tables.flatten() {
        let policy = Policy::parse(&[document(&case["statements"])], &arn()).unwrap();
        for (list, expected) in [("allowed", true), ("denied", false)] {
            for question in case[list].as_array().unwrap() {
                let question = question.as_str().unwrap();
                let verdict = decide(&policy, question, &context(&case));
                questions += 1;
                if verdict.allowed != expected {
                    wrong.push(format!(
                        "{}: {question} should be {list}, but {}",
                        case["rule"], verdict.reason
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(questions > 250, "only {questions} questions");
}

#[test]
fn a_verdict_names_the_statement_that_decided() {
    let first =
        document(&json!([{ "Effect": "Allow", "Action": "iot:Connect", "Resource": "ARN:client/c" }]));
    let second = document(&json!([
        { "Effect": "Allow", "Action": "iot:Connect", "Resource": "ARN:client/d" },
        { "Sid": "Owned", "Effect": "Allow", "Action": "iot:Publish", "Resource": ["ARN:topic/x", "ARN:topic/a/*"] },
        { "Effect": "Deny", "Action": "iot:Publish", "NotResource": ["ARN:topic/a/*", "ARN:topic/b/*"] }
    ]));
    let policy = Policy::parse(&[first, second], &arn()).unwrap();
    let verdict = |question| decide(&policy, question, &Context::default());
    assert_eq!(
        verdict("iot:Publish topic/a/b"),
        Verdict {
            allowed: true,
            reason: "document 2, statement 2 (Owned): Allow iot:Publish topic/a/*".to_owned(),
            decided_by: Some(StatementPlace { document: 2, statement: 2 }),
        }
    );
    let denied = verdict("iot:Publish topic/x");
    assert!(!denied.allowed);
    assert_eq!(
        denied.reason,
        format!(
            "document 2, statement 3: Deny iot:Publish anything but {PREFIX}topic/a/*, {PREFIX}topic/b/*"
        )
    );
}

#[test]
fn an_implicit_denial_lists_allowed_patterns_and_skipped_statements() {
    let policy = Policy::parse(
        &[document(&json!([
            { "Effect": "Allow", "Action": "iot:Publish", "Resource": ["ARN:topic/a", "ARN:topic/b", "ARN:topic/c", "ARN:topic/d"] },
            { "Effect": "Allow", "Action": "iot:Receive", "Resource": "ARN:topic/${iot:Connection.Thing.ThingName}" }
        ]))],
        &arn(),
    )
    .unwrap();
    let reason = |question| decide(&policy, question, &Context::default()).reason;
    assert_eq!(
        reason("iot:Publish topic/x"),
        "no statement allows iot:Publish topic/x; it is allowed on topic/a, topic/b, topic/c, ..."
    );
    assert_eq!(
        reason("iot:Receive topic/x"),
        "no statement allows iot:Receive topic/x; it is allowed on topic/${iot:Connection.Thing.ThingName}; \
         document 1, statement 2 is skipped: ${iot:Connection.Thing.ThingName} has no value on this connection"
    );
    assert_eq!(reason("iot:Subscribe topicfilter/x"), "no statement allows iot:Subscribe topicfilter/x");
    assert_eq!(
        reason("iot:Publish client/x"),
        "iot:Publish does not apply to client/x; expected topic/TOPIC"
    );
}

#[test]
fn a_deny_overrides_an_allow_of_another_document() {
    let allow = document(&json!({ "Effect": "Allow", "Action": "iot:Publish", "Resource": "*" }));
    let deny = document(&json!({ "Effect": "Deny", "Action": "iot:Publish", "Resource": "ARN:topic/a" }));
    for documents in [[allow.clone(), deny.clone()], [deny, allow]] {
        let policy = Policy::parse(&documents, &arn()).unwrap();
        assert!(!decide(&policy, "iot:Publish topic/a", &Context::default()).allowed);
        assert!(decide(&policy, "iot:Publish topic/b", &Context::default()).allowed);
    }
}

#[test]
fn an_older_version_has_no_variables() {
    let context = Context { client_id: Some("c".to_owned()), ..Context::default() };
    for version in [json!({ "Version": "2008-10-17" }), json!({})] {
        let mut old = version;
        old["Statement"] = json!({ "Effect": "Allow", "Action": "iot:Publish", "Resource": format!("{PREFIX}topic/${{iot:ClientId}}") });
        let policy = Policy::parse(&[old], &arn()).unwrap();
        assert!(!decide(&policy, "iot:Publish topic/c", &context).allowed);
        assert!(decide(&policy, "iot:Publish topic/${iot:ClientId}", &context).allowed);
    }
}

#[test]
fn reports_every_error_with_its_place() {
    let documents = [
        json!("{}"),
        json!({ "Version": "2024-01-01", "Statement": [] }),
        json!({ "Version": "2012-10-17", "Statement": [], "Extra": 1 }),
        json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "allow", "Action": [], "Resource": 7, "Principal": "*" },
            { "Effect": "Allow", "Action": "iot:Publish", "NotAction": "iot:Connect" },
            { "Effect": "Allow", "Action": "iot:Publish", "Resource": "*", "Condition": { "IpAddress": { "aws:SourceIp": "home" } } },
            { "Effect": "Allow", "Action": "iot:Publish", "Resource": "*", "Condition": { "StringEquals": "x" } },
            "Allow"
        ] }),
    ];
    let errors = Policy::parse(&documents, &arn()).unwrap_err();
    for expected in [
        "document 1: not a JSON object; expected {\"Version\": ..., \"Statement\": [...]}",
        "document 2: Version must be \"2012-10-17\" or \"2008-10-17\"",
        "document 3: unknown member Extra; expected one of Version, Id, Statement",
        "document 3: Statement must be a list",
        "document 4, statement 1: unknown member Principal; expected one of Sid, Effect",
        "document 4, statement 1: Effect must be",
        "document 4, statement 1: Action must be a string",
        "document 4, statement 1: Resource must be a string",
        "document 4, statement 2: Action and NotAction cannot both be present",
        "document 4, statement 2: Resource is missing",
        "document 4, statement 3: invalid IP address or range \"home\"",
        "document 4, statement 4: Condition must have the form",
        "document 4, statement 5: not a JSON object",
    ] {
        assert!(
            errors.iter().any(|error| error.starts_with(expected)),
            "{expected} is not among {errors:#?}"
        );
    }
    assert_eq!(errors.len(), 13, "{errors:#?}");
}

#[test]
fn a_verdict_names_the_policy() {
    let named = |name: &str, statements: &Value| NamedDocument {
        name: name.to_owned(),
        document: document(statements),
    };
    let policy = Policy::parse_named(
        &[
            named("base", &json!({ "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" })),
            named(
                "sensor",
                &json!([
                    { "Effect": "Allow", "Action": "iot:Receive", "Resource": "ARN:topic/a" },
                    { "Sid": "Own", "Effect": "Allow", "Action": "iot:Publish", "Resource": "ARN:topic/${iot:Connection.Thing.ThingName}" }
                ]),
            ),
        ],
        &arn(),
    )
    .unwrap();
    let mut context = Context {
        certificate: ClientCertificate::Known(Arc::new(CertificateContext {
            thing: Some(ThingContext { name: "s1".to_owned(), ..ThingContext::default() }),
            ..CertificateContext::default()
        })),
        ..Context::default()
    };
    assert_eq!(
        decide(&policy, "iot:Publish topic/s1", &context),
        Verdict {
            allowed: true,
            reason:
                "policy sensor, statement 2 (Own): Allow iot:Publish topic/${iot:Connection.Thing.ThingName}"
                    .to_owned(),
            decided_by: Some(StatementPlace { document: 2, statement: 2 }),
        }
    );
    context.certificate = ClientCertificate::Known(Arc::default());
    assert_eq!(
        decide(&policy, "iot:Publish topic/s1", &context).reason,
        "no statement allows iot:Publish topic/s1; it is allowed on topic/${iot:Connection.Thing.ThingName}; policy \
         sensor, statement 2 (Own) is skipped: ${iot:Connection.Thing.ThingName} has no value on this connection"
    );
    let question = Question { action: Action::Publish, resource: "topic/s1", context: &context };
    assert_eq!(policy.missing_variables(&question), ["iot:Connection.Thing.ThingName"]);
    let errors = Policy::parse_named(
        &[
            NamedDocument { name: "text".to_owned(), document: json!("{}") },
            named("sensor", &json!([{ "Effect": "allow", "Action": "*", "Resource": "*" }])),
        ],
        &arn(),
    );
    let errors = errors.unwrap_err();
    assert!(errors[0].starts_with("policy text: not a JSON object"), "{errors:?}");
    assert!(errors[1].starts_with("policy sensor, statement 1: Effect must be"), "{errors:?}");
}

#[test]
fn an_allowed_action_reports_a_deny_that_is_skipped() {
    let statements = json!([
        { "Effect": "Allow", "Action": "iot:Publish", "Resource": "*" },
        { "Effect": "Allow", "Action": "iot:Publish", "Resource": "ARN:topic/${iot:Certificate.Subject.Title}" },
        { "Sid": "No", "Effect": "Deny", "Action": "iot:Publish", "Resource": "ARN:topic/${iot:Connection.Thing.ThingName}" }
    ]);
    let policy = Policy::parse(&[document(&statements)], &arn()).unwrap();
    assert_eq!(
        decide(&policy, "iot:Publish topic/a", &Context::default()).reason,
        "document 1, statement 1: Allow iot:Publish *; document 1, statement 3 (No) is skipped: \
         ${iot:Connection.Thing.ThingName} has no value on this connection"
    );
}

#[test]
fn the_documents_of_two_sources_add_up() {
    let allow = |resource: &str| {
        document(&json!({ "Effect": "Allow", "Action": "iot:Publish", "Resource": resource }))
    };
    let deny =
        document(&json!({ "Effect": "Deny", "Action": "iot:Publish", "Resource": "ARN:topic/*/secret" }));
    let response = Policy::parse(&[allow("ARN:topic/a/*"), allow("ARN:topic/b/*")], &arn()).unwrap();
    let named =
        |name: &str, document: &Value| NamedDocument { name: name.to_owned(), document: document.clone() };
    let certificate =
        Policy::parse_named(&[named("c", &allow("ARN:topic/c/*")), named("deny", &deny)], &arn()).unwrap();
    for (policy, shift) in [(response.clone().and(certificate.clone()), 0), (certificate.and(response), 2)] {
        for (question, allowed, document) in [
            ("iot:Publish topic/a/x", true, Some(1)),
            ("iot:Publish topic/b/x", true, Some(2)),
            ("iot:Publish topic/c/x", true, Some(3)),
            ("iot:Publish topic/a/secret", false, Some(4)),
            ("iot:Publish topic/c/secret", false, Some(4)),
            ("iot:Publish topic/d/x", false, None),
            ("iot:Subscribe topicfilter/a/x", false, None),
        ] {
            let verdict = decide(&policy, question, &Context::default());
            assert_eq!(verdict.allowed, allowed, "{question}: {}", verdict.reason);
            let expected = document
                .map(|document| if shift == 0 || document > 2 { document - shift } else { document + shift });
            assert_eq!(
                verdict.decided_by.map(|place| place.document),
                expected,
                "{question}: {}",
                verdict.reason
            );
        }
    }
}
