//! Fetches keys from a source.
//!
//! No connection is kept between two fetches: Lambda freezes a sandbox between events, and a connection would be dead
//! when the sandbox wakes.

use std::time::Duration;

use ::http::Request;
use ::http::header::{ACCEPT, USER_AGENT};
use bytes::Bytes;
use http_body_util::Full;
use serde::Deserialize;

use super::KeyFile;
use super::fetch_result::{FetchFailure, FetchedKeys, MAX_BODY_BYTES, shortened};
use super::file::without_mark;
use super::http::{self, HttpsClient, Roots};
use super::origin::{Address, DiscoveryIssuer, Origin};
use super::secret::{self, AwsEnvironment};

/// Longest fetch of one source: discovery and key set, or all stages of a secret.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(2);

/// Fetches keys. It holds what the environment says about AWS, and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Fetcher {
    aws: AwsEnvironment,
}

impl Fetcher {
    /// A fetcher that reads secrets with these settings.
    #[must_use]
    pub fn new(aws: AwsEnvironment) -> Self {
        Self { aws }
    }

    /// Fetches one source, within `timeout` and [`FETCH_TIMEOUT`].
    ///
    /// # Errors
    /// Why there are no keys.
    pub async fn fetch(&self, origin: &Origin, timeout: Duration) -> Result<FetchedKeys, FetchFailure> {
        let timeout = timeout.min(FETCH_TIMEOUT);
        // Boxed, since the future is large and part of the future of every event.
        let fetch = Box::pin(async {
            match origin {
                Origin::Secret(id) => secret::read(id, &self.aws, timeout).await,
                Origin::KeySet(address) => key_set(&client(address)?, address).await,
                Origin::Discovery(issuer) => discover(issuer).await,
            }
        });
        tokio::time::timeout(timeout, fetch).await.unwrap_or(Err(FetchFailure::Timeout))
    }
}

fn client(address: &Address) -> Result<HttpsClient, FetchFailure> {
    HttpsClient::new(Roots::for_address(address)).map_err(|error| FetchFailure::unreachable(&error))
}

async fn key_set(client: &HttpsClient, address: &Address) -> Result<FetchedKeys, FetchFailure> {
    let body = match get(client, address).await? {
        (200, body) => body,
        (status, _) => return Err(FetchFailure::Status { status, address: address.to_string() }),
    };
    let file = KeyFile::parse_response(&body)
        .map_err(|error| FetchFailure::NoKeySet { error, address: address.to_string() })?;
    Ok(FetchedKeys { parts: vec![Some(file.into_entries())], notes: Vec::new() })
}

/// The members of OpenID Connect Discovery 1.0 section 3 that are used.
#[derive(Deserialize)]
struct DiscoveryDocument {
    issuer: String,
    jwks_uri: String,
}

async fn discover(issuer: &DiscoveryIssuer) -> Result<FetchedKeys, FetchFailure> {
    let discovery_client = client(issuer.document())?;
    let address = issuer.document().to_string();
    let body = match get(&discovery_client, issuer.document()).await? {
        (200, body) => body,
        (status, _) => return Err(FetchFailure::NoDiscovery { status, address }),
    };
    let text = std::str::from_utf8(&body).map(without_mark).unwrap_or_default();
    let Ok(document) = serde_json::from_str::<DiscoveryDocument>(text) else {
        return Err(FetchFailure::NoDocument(address));
    };
    if document.issuer != issuer.name() {
        let (found, expected) = (shortened(&document.issuer), shortened(issuer.name()));
        return Err(FetchFailure::WrongIssuer { found, expected, address });
    }
    let address = issuer.key_set(&document.jwks_uri).ok_or(FetchFailure::UnsafeAddress)?;
    if address.is_https() == issuer.document().is_https() {
        key_set(&discovery_client, &address).await
    } else {
        key_set(&client(&address)?, &address).await
    }
}

/// Sends one GET request. Returns the status, and the body if that is 200.
async fn get(client: &HttpsClient, address: &Address) -> Result<(u16, Bytes), FetchFailure> {
    let request = Request::get(address.uri())
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, concat!("iot-jwt-authorizer/", env!("CARGO_PKG_VERSION")))
        .body(Full::default())
        .map_err(|error| FetchFailure::unreachable(&error))?;
    let response = client.send(request).await?;
    match response.status().as_u16() {
        200 => Ok((200, http::read(response.into_body(), MAX_BODY_BYTES).await?)),
        status => Ok((status, Bytes::new())),
    }
}
