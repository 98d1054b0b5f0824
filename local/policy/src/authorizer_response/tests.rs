//! Valid and invalid responses.

use serde_json::json;

use super::*;
use crate::{Action, Context, Question};

fn arn() -> Arn {
    "arn:aws:lambda:eu-west-1:123456789012:function:authorizer".parse().unwrap()
}

/// A document that allows publishing to a topic.
fn allow(topic: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "iot:Publish",
        "Resource": format!("arn:aws:iot:eu-west-1:123456789012:topic/{topic}")
    }] })
}

fn valid() -> Value {
    json!({
        "isAuthenticated": true,
        "principalId": "a".repeat(128),
        "disconnectAfterInSeconds": 300,
        "refreshAfterInSeconds": 86_400,
        "policyDocuments": [allow("a")],
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut response = valid();
    response[name] = value;
    response
}

fn without(name: &str) -> Value {
    let mut response = valid();
    response.as_object_mut().unwrap().remove(name);
    response
}

fn parse(response: &Value) -> Result<AuthorizerResponse, ResponseError> {
    AuthorizerResponse::parse(response.to_string().as_bytes(), &arn(), None)
}

fn can_publish(response: &AuthorizerResponse, resource: &str) -> bool {
    let context = Context::default();
    response.policy.decide(&Question { action: Action::Publish, resource, context: &context }).allowed
}

#[test]
fn parses_a_valid_response() {
    let response = parse(&valid()).unwrap();
    assert_eq!(response.principal.len(), 128);
    assert_eq!((response.disconnect_after.as_secs(), response.refresh_after.as_secs()), (300, 86_400));
    assert!(can_publish(&response, "topic/a") && !can_publish(&response, "topic/b"));
}

#[test]
fn accepts_a_document_as_a_string_and_ignores_unknown_members() {
    let mut response = with("policyDocuments", json!([allow("a").to_string(), allow("b")]));
    response["context"] = json!({});
    let response = parse(&response).unwrap();
    assert!(can_publish(&response, "topic/a") && can_publish(&response, "topic/b"));
}

#[test]
fn the_default_disconnect_time_is_a_day() {
    assert_eq!(parse(&without("disconnectAfterInSeconds")).unwrap().disconnect_after.as_secs(), 86_400);
}

#[test]
fn without_documents_nothing_is_allowed() {
    assert!(!can_publish(&parse(&with("policyDocuments", json!([]))).unwrap(), "topic/a"));
}

#[test]
fn a_response_that_denies_needs_no_valid_members() {
    for response in [
        json!({ "isAuthenticated": false }),
        json!({ "isAuthenticated": false, "principalId": "not valid", "disconnectAfterInSeconds": 0 }),
    ] {
        assert_eq!(parse(&response).unwrap_err(), ResponseError::NotAuthenticated);
    }
}

#[test]
fn reports_each_error_of_an_invalid_response() {
    let table = [
        (json!("{}"), "not a string; help: return the object, not its JSON text"),
        (json!([valid()]), "the response must be a JSON object, not a list"),
        (json!({ "isauthenticated": true }), "a member with this name in another case is present"),
        (without("isAuthenticated"), "isAuthenticated must be true or false, not absent"),
        (with("isAuthenticated", json!("true")), "isAuthenticated must be true or false, not a string"),
        (with("isAuthenticated", json!(1)), "isAuthenticated must be true or false, not 1"),
        (without("principalId"), "principalId must be 1 to 128 ASCII letters and digits, not absent"),
        (
            with("principalId", json!("")),
            "principalId must be 1 to 128 ASCII letters and digits; it has 0 characters",
        ),
        (with("principalId", json!("a".repeat(129))), "it has 129 characters"),
        (with("principalId", json!("a-b")), "it contains '-'"),
        (with("principalId", json!("é")), "it contains 'é'"),
        (with("principalId", json!(null)), "not null"),
        (without("policyDocuments"), "policyDocuments must be a list of policy documents, not absent"),
        (
            with("policyDocuments", allow("a")),
            "policyDocuments must be a list of policy documents, not an object",
        ),
        (
            with("policyDocuments", json!(vec![allow("a"); 11])),
            "policyDocuments has 11 documents; expected at most 10",
        ),
        (with("policyDocuments", json!([allow("a"), 7])), "document 2: must be a JSON object, not a number"),
        (with("policyDocuments", json!(["{"])), "document 1: the string is not JSON"),
        (with("policyDocuments", json!([allow("a"), {}])), "document 2: Statement must be a list"),
        (
            without("refreshAfterInSeconds"),
            "refreshAfterInSeconds must be an integer from 300 to 86400, not absent",
        ),
        (with("refreshAfterInSeconds", json!(299)), "not 299"),
        (with("refreshAfterInSeconds", json!(300.0)), "not 300.0"),
        (with("refreshAfterInSeconds", json!("300")), "not a string"),
        (with("disconnectAfterInSeconds", json!(86_401)), "not 86401"),
        (with("disconnectAfterInSeconds", json!(0)), "not 0"),
        (with("disconnectAfterInSeconds", json!(-300)), "not -300"),
        (with("disconnectAfterInSeconds", json!(null)), "disconnectAfterInSeconds must be an integer"),
    ];
    for (response, expected) in table {
        let Err(ResponseError::Invalid(errors)) = parse(&response) else {
            panic!("{expected}: it was accepted")
        };
        assert!(errors.iter().any(|error| error.contains(expected)), "{expected} is not in {errors:?}");
    }
    assert!(matches!(
        AuthorizerResponse::parse(b"{\"isAuthenticated\":", &arn(), None),
        Err(ResponseError::Invalid(_))
    ));
}

#[test]
fn a_document_has_at_most_2048_characters_in_compact_form() {
    let of_size = |size: usize| allow(&"é".repeat(size - allow("").to_string().chars().count()));
    for list in [json!([of_size(2048)]), json!([of_size(2048).to_string()])] {
        assert!(parse(&with("policyDocuments", list)).is_ok());
    }
    for list in [json!([of_size(2049)]), json!([of_size(2049).to_string()])] {
        assert!(matches!(parse(&with("policyDocuments", list)), Err(ResponseError::Invalid(_))));
    }
    // The largest response. White space between the members of an object does not count.
    let largest = with("policyDocuments", json!(vec![of_size(2048); 10]));
    assert!(
        AuthorizerResponse::parse(serde_json::to_string_pretty(&largest).unwrap().as_bytes(), &arn(), None)
            .is_ok()
    );
}

#[test]
fn reports_all_errors_together() {
    let response = json!({ "isAuthenticated": true, "principalId": "a b", "policyDocuments": [1], "refreshAfterInSeconds": 1 });
    let Err(ResponseError::Invalid(errors)) = parse(&response) else { panic!("it was accepted") };
    assert_eq!(errors.len(), 3, "{errors:?}");
}

#[test]
fn with_a_certificate_the_principal_is_its_id_and_documents_are_optional() {
    const ID: &str = "5f0c";
    let parse =
        |response: &Value| AuthorizerResponse::parse(response.to_string().as_bytes(), &arn(), Some(ID));
    let mut response = with("principalId", json!(ID));
    assert!(can_publish(&parse(&response).unwrap(), "topic/a"));
    response.as_object_mut().unwrap().remove("policyDocuments");
    let without_documents = parse(&response).unwrap();
    assert_eq!(without_documents.principal, ID);
    assert!(!can_publish(&without_documents, "topic/a"), "without documents nothing is allowed");
    let mut null = response.clone();
    null["policyDocuments"] = Value::Null;
    for (response, expected) in [
        (valid(), "principalId must be the certificate's id"),
        (with("principalId", json!("5F0C")), "principalId must be the certificate's id"),
        (null, "policyDocuments must be a list of policy documents, not null"),
    ] {
        let Err(ResponseError::Invalid(errors)) = parse(&response) else {
            panic!("{expected}: it was accepted")
        };
        assert!(errors.iter().any(|error| error.contains(expected)), "{expected} is not in {errors:?}");
    }
}

#[test]
fn documents_are_optional_only_with_the_id_of_the_presented_certificate() {
    let id = "a".repeat(128);
    let parse = |response: &Value, id: Option<&str>| {
        AuthorizerResponse::parse(response.to_string().as_bytes(), &arn(), id)
    };
    let without_documents = parse(&without("policyDocuments"), Some(&id)).unwrap();
    let question = Question { action: Action::Publish, resource: "topic/a", context: &Context::default() };
    assert!(!without_documents.policy.decide(&question).allowed, "without documents nothing is allowed");
    assert!(parse(&valid(), Some(&id)).unwrap().policy.decide(&question).allowed);
    for (response, id) in [
        (valid(), Some("b")),
        (valid(), Some("")),
        (with("principalId", json!("A".repeat(128))), Some(id.as_str())),
        (without("principalId"), Some(&id)),
        (with("policyDocuments", Value::Null), Some(&id)),
        (without("policyDocuments"), None),
    ] {
        assert!(matches!(parse(&response, id), Err(ResponseError::Invalid(_))), "{response} {id:?}");
    }
    let denied = with("isAuthenticated", json!(false));
    assert_eq!(parse(&denied, Some("b")).unwrap_err(), ResponseError::NotAuthenticated);
}
