//! Completes the response of AWS Lambda's Invoke, which the control plane cannot.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_ResponseSyntax>

use bytes::Bytes;
use iot_local_cloud::api::{Invocation, InvocationType, Response};
use iot_local_cloud::{ApiError, ErrorKind};
use iot_local_lambda::{InvokeError, InvokerIdentity};
use serde_json::json;

use crate::functions::{FunctionError, Functions};

/// Invokes a function, and completes the response of the API with its result.
pub(super) async fn complete(response: Response, functions: &Functions, invocation: Invocation) -> Response {
    let Invocation { function_arn, kind, event, identity } = invocation;
    let identity = identity.map(|identity| InvokerIdentity { id: identity.id, pool: identity.pool });
    let function = match functions.find(&function_arn) {
        Ok(function) => function,
        Err(error) => {
            let note = Some(format!("Invoke: {error}"));
            let not_found = ApiError::new(
                ErrorKind::ResourceNotFound,
                format!("Function not found: {function_arn}:$LATEST"),
            );
            return Response { note, ..response.complete(Err(not_found)) };
        }
    };
    // Lambda gives a function an empty object if the request has no body.
    let event = if event.is_empty() { Bytes::from_static(b"{}") } else { Bytes::from(event) };
    match kind {
        InvocationType::DryRun => body(response, 204, None, Vec::new()),
        InvocationType::RequestResponse => match function.invoke_as(event, identity).await {
            Ok(bytes) => body(response, 200, None, bytes.to_vec()),
            Err(error) => {
                let note = Some(format!("Invoke of {function_arn}: {}", FunctionError::from(error.clone())));
                let failed = body(response, 200, Some("Unhandled"), error_report(&error));
                Response { note, ..failed }
            }
        },
    }
}

/// Returns what Lambda sends for an error of the function.
/// <https://docs.aws.amazon.com/lambda/latest/dg/rust-handler.html>
fn error_report(error: &InvokeError) -> Vec<u8> {
    let report = match error {
        InvokeError::Failed { kind, message } => json!({ "errorType": kind, "errorMessage": message }),
        other => json!({ "errorMessage": other.to_string() }),
    };
    report.to_string().into_bytes()
}

fn body(response: Response, status: u16, function_error: Option<&str>, body: Vec<u8>) -> Response {
    let mut headers = vec![("Content-Type", "application/json".to_owned())];
    let id = response.headers.iter().filter(|(name, _)| *name == "x-amzn-RequestId");
    headers.extend(id.cloned());
    headers.push(("X-Amz-Executed-Version", "$LATEST".to_owned()));
    headers.extend(function_error.map(|error| ("X-Amz-Function-Error", error.to_owned())));
    Response { status, headers, body, ..response }
}
