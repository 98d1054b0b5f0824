//! Answers of AWS IoT's data plane over HTTP, as AWS's SDKs read them.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_Operations_AWS_IoT_Data_Plane.html>

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use iot_local_cloud::ApiError;
use iot_local_cloud::shadows::ShadowRejection;
use serde_json::{Value, json};
use uuid::Uuid;

use super::WholeResponse;

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// An answer.
pub(super) struct Answer {
    status: StatusCode,
    /// AWS's name of an error.
    error: Option<&'static str>,
    /// The body. That of an error, and a message, get the id of the request.
    body: Value,
    has_id: bool,
}

impl Answer {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, error: None, body, has_id: false }
    }

    pub(super) fn error(status: StatusCode, name: &'static str, message: &str) -> Self {
        Self { status, error: Some(name), body: json!({ "message": message }), has_id: true }
    }

    /// The answer to a publish.
    pub(super) fn published() -> Self {
        Self { has_id: true, ..Self::ok(json!({ "message": "OK" })) }
    }

    pub(super) fn forbidden() -> Self {
        Self::denied("Forbidden")
    }

    /// A denial with AWS's message.
    pub(super) fn denied(message: &str) -> Self {
        Self::error(StatusCode::FORBIDDEN, "ForbiddenException", message)
    }

    pub(super) fn too_large(message: &str) -> Self {
        Self::error(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", message)
    }

    pub(super) fn invalid(message: &str) -> Self {
        Self::error(StatusCode::BAD_REQUEST, "InvalidRequestException", message)
    }

    pub(super) fn timed_out(message: &str) -> Self {
        Self::error(StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException", message)
    }

    pub(super) fn not_found(message: &str) -> Self {
        Self::error(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
    }

    pub(super) fn failed() -> Self {
        let message = "Internal service failure";
        Self::error(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailureException", message)
    }

    pub(super) fn not_implemented(operation: &str) -> Self {
        let message = format!("{operation} is not implemented by this gateway; nothing was changed");
        Self::error(StatusCode::NOT_IMPLEMENTED, "NotImplementedException", &message)
    }

    pub(super) fn response(mut self) -> WholeResponse {
        let id = Uuid::new_v4().to_string();
        if let Value::Object(members) = &mut self.body
            && self.has_id
        {
            members.insert("traceId".to_owned(), id.clone().into());
        }
        let body = if self.body.is_null() { Bytes::new() } else { self.body.to_string().into() };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(id) = HeaderValue::from_str(&id) {
            headers.insert(REQUEST_ID, id);
        }
        // The colon is AWS's.
        let error = self.error.map(|error| HeaderValue::from_str(&format!("{error}:")));
        if let Some(Ok(error)) = error {
            headers.insert(ERROR_TYPE, error);
        }
        response
    }
}

impl From<ApiError> for Answer {
    fn from(error: ApiError) -> Self {
        let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::error(status, error.kind.name(), &error.message)
    }
}

impl From<ShadowRejection> for Answer {
    fn from(rejection: ShadowRejection) -> Self {
        let status = StatusCode::from_u16(rejection.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, error: Some(rejection.name()), body: rejection.answer(), has_id: true }
    }
}
