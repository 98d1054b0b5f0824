//! Which pages of other origins may call the identity pool: those of the user's own app, which may log in.
//!
//! No other operation can be called from another origin: the control plane rejects its `Origin`, and no preflight for
//! it succeeds.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HOST, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use hyper::{Method, Request, Response, StatusCode};
use iot_local_cloud::api::guard;

use super::super::client_connection::ClientConnection;
use super::super::{Gateway, WholeResponse};

/// The header that names an operation of JSON 1.1.
const TARGET: &str = "x-amz-target";

/// The operations of identity pools.
const IDENTITY_POOLS: &str = "AWSCognitoIdentityService.";

/// The headers that AWS's clients send from a page, besides those that need no preflight.
const ALLOWED_HEADERS: &str =
    "content-type, x-amz-target, x-amz-user-agent, amz-sdk-invocation-id, amz-sdk-request, cache-control";

/// Answers a preflight for the identity pool from a page that may call it. `None` for any other request.
pub(in super::super) fn preflight<B>(
    request: &Request<B>,
    client: &ClientConnection,
    gateway: &Gateway,
) -> Option<WholeResponse> {
    let headers = request.headers();
    let is_preflight = request.method() == Method::OPTIONS && request.uri().path() == "/";
    let host = only(headers, HOST.as_str())?;
    if !is_preflight || !guard::is_local_host(host, client.local_port) {
        return None;
    }
    let method = only(headers, ACCESS_CONTROL_REQUEST_METHOD.as_str());
    let requested = only(headers, ACCESS_CONTROL_REQUEST_HEADERS.as_str()).unwrap_or_default();
    let names_target = requested.split(',').any(|name| name.trim().eq_ignore_ascii_case(TARGET));
    if method != Some("POST") || !names_target {
        return None;
    }
    let origin = trusted_origin(headers, gateway)?;
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED_HEADERS));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    allow(headers, origin);
    Some(response)
}

/// Returns the origin of a page that may call the identity pool, if the request is such a call. Then it is not foreign.
pub(super) fn caller<B>(request: &Request<B>, gateway: &Gateway) -> Option<HeaderValue> {
    let headers = request.headers();
    let is_call = request.method() == Method::POST && request.uri().path() == "/";
    only(headers, TARGET).filter(|target| is_call && target.starts_with(IDENTITY_POOLS))?;
    trusted_origin(headers, gateway)
}

/// Lets the page read the response.
pub(super) fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let exposed = HeaderValue::from_static("x-amzn-errortype, x-amzn-requestid");
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    headers.insert(VARY, HeaderValue::from_static("Origin"));
}

fn trusted_origin(headers: &HeaderMap, gateway: &Gateway) -> Option<HeaderValue> {
    only(headers, ORIGIN.as_str()).filter(|origin| gateway.site.trusts_origin(origin))?;
    headers.get(ORIGIN).cloned()
}

/// Returns the value of a header that occurs once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok();
    value.filter(|_| values.next().is_none())
}
