//! Responses of AWS IoT's data plane over HTTP.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_iotdata_Publish.html>

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::WholeResponse;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// Creates a response with a message. An error has the header by which AWS's SDKs tell errors apart.
pub(super) fn message(status: StatusCode, text: &str) -> WholeResponse {
    let id = Uuid::new_v4().to_string();
    let body = json!({ "message": text, "traceId": id }).to_string();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(error_type) = error_type(status) {
        headers.insert(ERROR_TYPE, HeaderValue::from_static(error_type));
    }
    response
}

/// Creates the response to a request that is denied.
pub(super) fn forbidden(text: &str) -> WholeResponse {
    message(StatusCode::FORBIDDEN, text)
}

fn error_type(status: StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::BAD_REQUEST => Some("InvalidRequestException:"),
        StatusCode::FORBIDDEN => Some("ForbiddenException:"),
        StatusCode::PAYLOAD_TOO_LARGE => Some("RequestEntityTooLargeException:"),
        _ => None,
    }
}
