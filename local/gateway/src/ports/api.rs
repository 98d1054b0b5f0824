//! Passes requests of the AWS APIs to the control plane, and serves the gateway's CA certificate under AWS's path.

mod authorizer_test;
mod cors;
mod invoke;

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use hyper::{Method, Request, Response, StatusCode};
use iot_local_cloud::api::{self, Effect, guard};

pub(super) use self::cors::preflight;
use super::client_connection::ClientConnection;
use super::{Gateway, WholeResponse, text};
use crate::event_log::EntryKind;
use crate::timeouts::READ_TIMEOUT;

/// The path of AWS's CA certificate, which setup instructions fetch from `www.amazontrust.com`.
/// <https://www.amazontrust.com/repository/>
pub(super) const AUTHORITY_PATH: &str = "/repository/AmazonRootCA1.pem";

/// Whether an unsigned request that no page serves is for an AWS API: it names an operation.
pub(super) fn is_api<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let path = request.uri().path();
    let is_query_protocol = request.method() == Method::POST && path == "/";
    is_query_protocol
        || headers.contains_key("x-amz-target")
        || headers.contains_key("x-amz-date")
        || api::is_operation(request.method().as_str(), path)
}

/// Whether a request is signed, and so never for a page: a request for another service, such as the list of buckets of
/// Amazon S3 at `/`, is denied by the control plane with the reason.
pub(super) fn is_signed<B>(request: &Request<B>) -> bool {
    let signature = request.headers().get("authorization");
    signature.is_some_and(|value| value.as_bytes().trim_ascii_start().starts_with(b"AWS4-HMAC-SHA256"))
}

/// Passes a request to the control plane. Sets `is_body_read` once the request's body is read.
pub(super) async fn respond(
    request: Request<Incoming>,
    client: &ClientConnection,
    gateway: &Gateway,
    is_body_read: &mut bool,
) -> WholeResponse {
    let page = cors::caller(&request, gateway);
    let (mut parts, body) = request.into_parts();
    if page.is_some() {
        // The control plane takes only requests of this machine's own pages.
        parts.headers.remove(ORIGIN);
        parts.headers.remove("sec-fetch-site");
    }
    let body = match tokio::time::timeout(READ_TIMEOUT, read(body)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return text(StatusCode::BAD_REQUEST, "the body cannot be read\n"),
        Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "timed out while reading the body\n"),
    };
    *is_body_read = body.len() <= guard::MAX_BODY_BYTES;
    let request = api::Request {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: headers(&parts.headers),
        body,
        port: client.local_port,
    };
    let Some(cloud) = gateway.auth.x509.cloud() else {
        return text(StatusCode::SERVICE_UNAVAILABLE, "the gateway ends\n");
    };
    let (auth, rules) = (Arc::clone(&gateway.auth), Arc::clone(&gateway.rules));
    // The control plane waits for the disk. What a change says of authorizers and rules is in force before the answer.
    let respond = move || {
        let revision = *cloud.revision().borrow();
        let response = cloud.respond(&request);
        if *cloud.revision().borrow() != revision {
            auth.custom.refresh(&cloud);
            rules.refresh(&cloud);
        }
        response
    };
    match tokio::task::spawn_blocking(respond).await {
        Ok(mut response) => {
            match response.effect.take() {
                Some(Effect::TestAuthorizer(test)) => {
                    response = authorizer_test::complete(response, &gateway.auth.custom, &test).await;
                }
                Some(Effect::Invoke(invocation)) => {
                    let functions = gateway.auth.custom.functions();
                    response = invoke::complete(response, functions, *invocation).await;
                }
                None => {}
            }
            if let Some(text) = &response.note {
                gateway.event_log().record(None, None, EntryKind::Notice { text: text.clone() });
            }
            let mut response = whole(response);
            if let Some(page) = page {
                cors::allow(response.headers_mut(), page);
            }
            response
        }
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the control plane failed\n"),
    }
}

/// Reads a body, but at most one byte more than is allowed, which the control plane rejects.
async fn read(mut body: Incoming) -> hyper::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > guard::MAX_BODY_BYTES {
            bytes.truncate(guard::MAX_BODY_BYTES.saturating_add(1));
            break;
        }
    }
    Ok(bytes)
}

fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

fn whole(response: api::Response) -> WholeResponse {
    let mut whole = Response::new(Full::new(Bytes::from(response.body)));
    *whole.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    whole.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in response.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            whole.headers_mut().insert(name, value);
        }
    }
    whole
}

/// Serves the gateway's CA certificate. It is public, but only for names of this machine.
pub(super) fn authority(
    request: &Request<Incoming>,
    client: &ClientConnection,
    gateway: &Gateway,
) -> WholeResponse {
    let headers = request.headers();
    let one = |name: HeaderName| {
        let mut values = headers.get_all(name).iter();
        let value = values.next().and_then(|value| value.to_str().ok());
        value.filter(|_| values.next().is_none())
    };
    let Some(host) = one(HOST).filter(|host| guard::is_local_host(host, client.local_port)) else {
        return text(StatusCode::MISDIRECTED_REQUEST, "unexpected Host; expected 127.0.0.1 or localhost\n");
    };
    let origin = headers.contains_key(ORIGIN).then(|| one(ORIGIN).unwrap_or("null"));
    let fetch_site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if guard::is_foreign(host, origin, fetch_site) {
        return text(StatusCode::FORBIDDEN, "cross-origin request rejected\n");
    }
    let Some(pem) = &gateway.authority_pem else {
        return text(StatusCode::NOT_FOUND, "this gateway has no TLS port, and so no CA certificate\n");
    };
    let mut response = Response::new(Full::new(Bytes::from(pem.clone())));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-pem-file"));
    response
}
