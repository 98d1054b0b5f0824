//! AWS Lambda's Invoke: a signed request calls a function, which finds the caller's Cognito identity in its context.

use std::sync::Arc;

use aws_sigv4::http_request::SignatureLocation;
use bytes::Bytes;
use iot_local_lambda::{InvokerIdentity, Lambda};
use serde_json::{Value, json};

use crate::signer::{HttpRequest, Signer};
use crate::support::{exchange, open_with, operator};
use crate::topic_rules::rule_function;

#[tokio::test]
async fn a_function_is_invoked_by_its_name_or_its_arn() {
    let gateway = open_with(1, |options| options.functions = vec![rule_function("collect")]).await;
    let host = format!("127.0.0.1:{}", gateway.port);
    let not_found = "Function not found: arn:aws:lambda:us-east-1:123456789012:function:other:$LATEST";
    for (name, kind, event, status, part) in [
        ("collect", "", "{\"name\":\"a\"}", 200, "{}"),
        ("collect", "RequestResponse", "", 200, "{}"),
        ("collect", "", "[1]", 200, "{}"),
        ("collect:live", "", "{}", 200, "{}"),
        ("123456789012:function:collect", "", "{}", 200, "{}"),
        ("arn:aws:lambda:us-east-1:123456789012:function:collect", "", "{}", 200, "{}"),
        ("collect", "", "{\"name\":\"b\",\"failures\":1}", 200, "\"errorMessage\":\"failing as asked\""),
        ("collect", "", "{\"context\":true}", 200, "{\"identity\": null}"),
        ("collect", "DryRun", "{\"failures\":9}", 204, ""),
        ("collect", "Event", "{}", 501, "asynchronous"),
        ("collect", "Other", "{}", 400, "x-amz-invocation-type"),
        ("other", "", "{}", 404, not_found),
        ("a/b", "", "{}", 404, "does not exist"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:collect", "", "{}", 404, "does not exist"),
        ("arn:aws:iot:us-east-1:123456789012:thing/collect", "", "{}", 404, "does not exist"),
    ] {
        let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
        let target = format!("/2015-03-31/functions/{name}/invocations");
        let mut request = HttpRequest::new("POST", &target, &host);
        request.body = event.to_owned();
        if !kind.is_empty() {
            request.add("x-amz-invocation-type", kind);
        }
        let signed = Signer::new(&operator(), "lambda", SignatureLocation::Headers).sign(&request);
        let response = exchange(gateway.port, &signed.bytes()).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{name} {kind} {event}: {response}");
        assert!(response.contains(part), "{name} {kind} {event}: {response}");
        let is_function_error = response.contains("x-amz-function-error: Unhandled");
        assert_eq!(is_function_error, part.contains("failing"), "{response}");
        assert_eq!(response.contains("x-amz-executed-version: $LATEST"), status < 300, "{response}");
    }
}

#[tokio::test]
async fn a_function_finds_the_identity_of_its_caller() {
    let function = Lambda::start(rule_function("collect"), Arc::new(|_| ())).await.unwrap();
    let identity = InvokerIdentity { id: "us-east-1:id".to_owned(), pool: "us-east-1:pool".to_owned() };
    let expected = json!({ "cognitoIdentityId": "us-east-1:id", "cognitoIdentityPoolId": "us-east-1:pool" });
    for (identity, expected) in [(Some(identity), expected), (None, Value::Null)] {
        let event = Bytes::from_static(b"{\"context\":true}");
        let response = function.invoke_as(event, identity).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(serde_json::from_slice::<Value>(&response).unwrap(), json!({ "identity": expected }));
    }
}
