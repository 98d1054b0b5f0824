//! Answers that AWS IoT takes and answers that it does not.

use serde_json::json;

use super::*;
use crate::policy::{Action, Context, Question};

fn arn() -> Arn {
    "arn:aws:lambda:eu-west-1:123456789012:function:authorizer".parse().unwrap()
}

fn allow(resource: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "iot:Publish",
        "Resource": format!("arn:aws:iot:eu-west-1:123456789012:topic/{resource}")
    }] })
}

fn good() -> Value {
    json!({
        "isAuthenticated": true,
        "principalId": "a".repeat(128),
        "disconnectAfterInSeconds": 300,
        "refreshAfterInSeconds": 86_400,
        "policyDocuments": [allow("a")],
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut answer = good();
    answer[name] = value;
    answer
}

fn without(name: &str) -> Value {
    let mut answer = good();
    answer.as_object_mut().unwrap().remove(name);
    answer
}

fn read(answer: &Value) -> Result<Answer, Refusal> {
    Answer::read(answer.to_string().as_bytes(), &arn(), None)
}

fn publishes(answer: &Answer, resource: &str) -> bool {
    let context = Context::default();
    answer.policy.decide(&Question { action: Action::Publish, resource, context: &context }).allowed
}

#[test]
fn a_legal_answer_is_taken_as_it_is() {
    let answer = read(&good()).unwrap();
    assert_eq!(answer.principal.len(), 128);
    assert_eq!((answer.disconnect_after.as_secs(), answer.refresh_after.as_secs()), (300, 86_400));
    assert!(publishes(&answer, "topic/a") && !publishes(&answer, "topic/b"));
}

#[test]
fn a_document_may_be_a_string_and_unknown_members_are_tolerated() {
    let mut answer = with("policyDocuments", json!([allow("a").to_string(), allow("b")]));
    answer["context"] = json!({});
    let answer = read(&answer).unwrap();
    assert!(publishes(&answer, "topic/a") && publishes(&answer, "topic/b"));
}

#[test]
fn an_absent_disconnect_time_is_a_day() {
    assert_eq!(read(&without("disconnectAfterInSeconds")).unwrap().disconnect_after.as_secs(), 86_400);
}

#[test]
fn no_document_means_nothing_is_allowed() {
    assert!(!publishes(&read(&with("policyDocuments", json!([]))).unwrap(), "topic/a"));
}

#[test]
fn a_refusal_is_one_whatever_else_it_holds() {
    for answer in [
        json!({ "isAuthenticated": false }),
        json!({ "isAuthenticated": false, "principalId": "not legal", "disconnectAfterInSeconds": 0 }),
    ] {
        assert_eq!(read(&answer).unwrap_err(), Refusal::NotAuthenticated);
    }
}

#[test]
fn what_aws_refuses_is_spelled_out() {
    let table = [
        (json!("{}"), "return the object itself, not its JSON text"),
        (json!([good()]), "it must be a JSON object, not a list"),
        (json!({ "isauthenticated": true }), "there is one in other letters"),
        (without("isAuthenticated"), "isAuthenticated must be true or false, not absent"),
        (with("isAuthenticated", json!("true")), "isAuthenticated must be true or false, not a string"),
        (with("isAuthenticated", json!(1)), "isAuthenticated must be true or false, not 1"),
        (without("principalId"), "principalId must be 1 to 128 letters and digits, not absent"),
        (with("principalId", json!("")), "principalId must be 1 to 128 letters and digits; it has 0"),
        (with("principalId", json!("a".repeat(129))), "it has 129"),
        (with("principalId", json!("a-b")), "it has a '-'"),
        (with("principalId", json!("é")), "it has a 'é'"),
        (with("principalId", json!(null)), "not null"),
        (without("policyDocuments"), "policyDocuments must be a list of policy documents, not absent"),
        (
            with("policyDocuments", allow("a")),
            "policyDocuments must be a list of policy documents, not an object",
        ),
        (with("policyDocuments", json!(vec![allow("a"); 11])), "policyDocuments has 11 documents"),
        (
            with("policyDocuments", json!([allow("a"), 7])),
            "document 2: it must be a JSON object, not a number",
        ),
        (with("policyDocuments", json!(["{"])), "document 1: the string is no JSON"),
        (with("policyDocuments", json!([allow("a"), {}])), "document 2: Statement must be a list"),
        (
            without("refreshAfterInSeconds"),
            "refreshAfterInSeconds must be a whole number of 300 to 86400, not absent",
        ),
        (with("refreshAfterInSeconds", json!(299)), "not 299"),
        (with("refreshAfterInSeconds", json!(300.0)), "not 300.0"),
        (with("refreshAfterInSeconds", json!("300")), "not a string"),
        (with("disconnectAfterInSeconds", json!(86_401)), "not 86401"),
        (with("disconnectAfterInSeconds", json!(0)), "not 0"),
        (with("disconnectAfterInSeconds", json!(-300)), "not -300"),
        (with("disconnectAfterInSeconds", json!(null)), "disconnectAfterInSeconds must be a whole number"),
    ];
    for (answer, expected) in table {
        let Err(Refusal::Illegal(faults)) = read(&answer) else { panic!("{expected}: it was accepted") };
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{expected} is not in {faults:?}");
    }
    assert!(matches!(Answer::read(b"{\"isAuthenticated\":", &arn(), None), Err(Refusal::Illegal(_))));
}

#[test]
fn the_size_limit_is_2048_characters_of_compact_form() {
    let fill = |size: usize| allow(&"é".repeat(size - allow("").to_string().chars().count()));
    for list in [json!([fill(2048)]), json!([fill(2048).to_string()])] {
        assert!(read(&with("policyDocuments", list)).is_ok());
    }
    for list in [json!([fill(2049)]), json!([fill(2049).to_string()])] {
        assert!(matches!(read(&with("policyDocuments", list)), Err(Refusal::Illegal(_))));
    }
    // Ten such documents are the most there can be; white space between members of an object is free.
    let ten = with("policyDocuments", json!(vec![fill(2048); 10]));
    assert!(Answer::read(serde_json::to_string_pretty(&ten).unwrap().as_bytes(), &arn(), None).is_ok());
}

#[test]
fn all_faults_come_together() {
    let answer = json!({ "isAuthenticated": true, "principalId": "a b", "policyDocuments": [1], "refreshAfterInSeconds": 1 });
    let Err(Refusal::Illegal(faults)) = read(&answer) else { panic!("it was accepted") };
    assert_eq!(faults.len(), 3, "{faults:?}");
}

#[test]
fn with_a_certificate_the_principal_is_its_id_and_documents_are_optional() {
    const ID: &str = "5f0c";
    let read = |answer: &Value| Answer::read(answer.to_string().as_bytes(), &arn(), Some(ID));
    let mut answer = with("principalId", json!(ID));
    assert!(publishes(&read(&answer).unwrap(), "topic/a"));
    answer.as_object_mut().unwrap().remove("policyDocuments");
    let bare = read(&answer).unwrap();
    assert_eq!(bare.principal, ID);
    assert!(!publishes(&bare, "topic/a"), "no document allows nothing");
    let mut null = answer.clone();
    null["policyDocuments"] = Value::Null;
    for (answer, expected) in [
        (good(), "principalId must be the certificate's id"),
        (with("principalId", json!("5F0C")), "principalId must be the certificate's id"),
        (null, "policyDocuments must be a list of policy documents, not null"),
    ] {
        let Err(Refusal::Illegal(faults)) = read(&answer) else { panic!("{expected}: it was accepted") };
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{expected} is not in {faults:?}");
    }
}

#[test]
fn under_a_certificate_the_principal_is_its_id_and_documents_may_be_absent() {
    let id = "a".repeat(128);
    let read = |answer: &Value, id: Option<&str>| Answer::read(answer.to_string().as_bytes(), &arn(), id);
    let bare = read(&without("policyDocuments"), Some(&id)).unwrap();
    let question = Question { action: Action::Publish, resource: "topic/a", context: &Context::default() };
    assert!(!bare.policy.decide(&question).allowed, "no document allows nothing");
    assert!(read(&good(), Some(&id)).unwrap().policy.decide(&question).allowed);
    for (answer, id) in [
        (good(), Some("b")),
        (good(), Some("")),
        (with("principalId", json!("A".repeat(128))), Some(id.as_str())),
        (without("principalId"), Some(&id)),
        (with("policyDocuments", Value::Null), Some(&id)),
        (without("policyDocuments"), None),
    ] {
        assert!(matches!(read(&answer, id), Err(Refusal::Illegal(_))), "{answer} {id:?}");
    }
    let refused = with("isAuthenticated", json!(false));
    assert_eq!(read(&refused, Some("b")).unwrap_err(), Refusal::NotAuthenticated);
}
