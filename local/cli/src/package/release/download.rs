//! Downloads of files over https.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{LOCATION, USER_AGENT};
use hyper::{Request, Response, StatusCode, Uri, body::Incoming};
use iot_jwt_authorizer::source::address::Address;

use super::ReleaseError;
use crate::build_info::VERSION;
use crate::https::{self, HttpsClient};

/// The most redirects that one download follows. GitHub sends one, to the host that has the files.
const MAX_REDIRECTS: usize = 5;

/// The longest time for the head of a response.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest time for a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(600);

/// Downloads a file.
///
/// # Errors
/// The server cannot be reached, responds with an error, ends too early, redirects to another scheme or too often; the
/// file has more than `max_bytes` bytes.
pub(super) async fn download(address: &str, max_bytes: usize) -> Result<Bytes, ReleaseError> {
    anstream::eprintln!("downloading {address}");
    let failed = |what| ReleaseError::Download { address: address.to_owned(), what };
    let client = https::client(true).map_err(failed)?;
    let response = response(&client, address).await.map_err(failed)?;
    let body = tokio::time::timeout(BODY_TIMEOUT, https::body(response.into_body(), max_bytes)).await;
    body.unwrap_or_else(|_| Err(format!("not complete after {} seconds", BODY_TIMEOUT.as_secs())))
        .map_err(failed)
}

/// The response that has the file, after redirects.
async fn response(client: &HttpsClient, address: &str) -> Result<Response<Incoming>, String> {
    let mut uri = allowed(address)?;
    for _ in 0..=MAX_REDIRECTS {
        let request = Request::get(&uri)
            .header(USER_AGENT, format!("cargo-local/{VERSION}"))
            .body(Full::default())
            .map_err(|error| error.to_string())?;
        let response = tokio::time::timeout(HEAD_TIMEOUT, client.request(request)).await;
        let response = response.map_err(|_| "no response in time".to_owned())?;
        let response = response.map_err(|error| format!("not reachable: {}", https::cause(&error)))?;
        match response.status() {
            StatusCode::OK => return Ok(response),
            status if status.is_redirection() => uri = target(&uri, &response)?,
            status => return Err(format!("status {}; expected 200", status.as_u16())),
        }
    }
    Err(format!("more than {MAX_REDIRECTS} redirects"))
}

/// Where a redirect leads (RFC 9110 section 10.2.2). A relative path is not resolved: no known server sends one.
fn target(uri: &Uri, response: &Response<Incoming>) -> Result<Uri, String> {
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let location =
        location.ok_or_else(|| format!("status {} without a location", response.status().as_u16()))?;
    match location.strip_prefix('/') {
        Some(rest) if !rest.starts_with('/') => {
            let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
            allowed(&format!("https://{authority}{location}"))
        }
        _ => allowed(location),
    }
}

/// An address that may be fetched. The query of a redirect is a signature, so the error does not show it.
fn allowed(address: &str) -> Result<Uri, String> {
    match Address::parse(address).filter(Address::is_https) {
        Some(address) => Ok(address.uri().clone()),
        None => {
            let shown = address.split(['?', '#']).next().unwrap_or_default();
            Err(format!("redirected to {shown:?}; expected an https address"))
        }
    }
}
