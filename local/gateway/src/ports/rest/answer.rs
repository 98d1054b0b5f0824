//! Answers, as AWS's SDKs read them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use iot_local_cloud::ApiError;
use iot_local_cloud::shadows::ShadowRejection;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ports::WholeResponse;

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// An answer.
pub(super) struct Answer {
    status: StatusCode,
    /// AWS's name of an error.
    error: Option<&'static str>,
    /// The body. That of an error gets the id of the request.
    body: Value,
}

impl Answer {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, error: None, body }
    }

    pub(super) fn error(status: StatusCode, name: &'static str, message: &str) -> Self {
        Self { status, error: Some(name), body: json!({ "message": message }) }
    }

    pub(super) fn forbidden() -> Self {
        Self::denied("Forbidden")
    }

    /// 403 with AWS's reason, such as a signature that is wrong.
    pub(super) fn denied(message: &str) -> Self {
        Self::error(StatusCode::FORBIDDEN, "ForbiddenException", message)
    }

    pub(super) fn invalid(message: &str) -> Self {
        Self::error(StatusCode::BAD_REQUEST, "InvalidRequestException", message)
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
        if let (Some(_), Value::Object(members)) = (self.error, &mut self.body) {
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
        // AWS ends the name with a colon. Its SDKs read the part before it.
        if let Some(error) = self.error.and_then(|name| HeaderValue::from_str(&format!("{name}:")).ok()) {
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
        Self { status, error: Some(rejection.name()), body: rejection.answer() }
    }
}
