//! Completes the response of TestInvokeAuthorizer, which the control plane cannot.

use iot_local_cloud::api::Response;
use iot_local_cloud::{ApiError, AuthorizerTest, ErrorKind};

use crate::auth::custom::{CustomAuthorizer, Denial};
use crate::selection::SelectionError;

/// Calls an authorizer, and completes the response of the API with the result.
pub(super) async fn complete(
    response: Response,
    authorizer: &CustomAuthorizer,
    test: &AuthorizerTest,
) -> Response {
    let outcome = authorizer.test(test).await;
    let note = match &outcome {
        Err(denial @ Denial::NoFunction(_)) => {
            Some(format!("TestInvokeAuthorizer of {}: {denial}", test.authorizer))
        }
        _ => None,
    };
    let outcome = outcome.map(|result| serde_json::to_value(result).unwrap_or_default());
    let complete = response.complete(outcome.map_err(|denial| api_error(&denial)));
    Response { note: complete.note.or(note), ..complete }
}

/// AWS documents which errors there are, and InvalidResponseException for an unusable response. The rest is assumed.
fn api_error(denial: &Denial) -> ApiError {
    let kind = match denial {
        Denial::Selection(SelectionError::Unknown { .. }) => ErrorKind::ResourceNotFound,
        Denial::Selection(_) | Denial::NoFunction(_) => ErrorKind::InvalidRequest,
        Denial::Response(_) | Denial::Function(_) => ErrorKind::InvalidResponse,
    };
    ApiError::new(kind, denial.to_string())
}
