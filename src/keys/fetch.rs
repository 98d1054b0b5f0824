//! Fetches keys from a source.
//!
//! No connection is kept between two fetches: Lambda freezes a sandbox between events, and a connection would be dead
//! when the sandbox wakes.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, USER_AGENT};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use serde::Deserialize;
use serde_json::Value;

use super::fetch_result::{FetchFailure, FetchedKeys, MAX_BODY_BYTES};
use super::http::{HttpsClient, Roots};
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
        // Boxed, since the future is large and part of the future of every event.
        let fetch = Box::pin(async {
            match origin {
                Origin::Secret(id) => secret::read(id, &self.aws).await,
                Origin::KeySet(address) => key_set(&client(address)?, address).await,
                Origin::Discovery(issuer) => discover(issuer).await,
            }
        });
        tokio::time::timeout(timeout.min(FETCH_TIMEOUT), fetch).await.unwrap_or(Err(FetchFailure::Timeout))
    }
}

fn client(address: &Address) -> Result<HttpsClient, FetchFailure> {
    HttpsClient::new(Roots::for_address(address)).map_err(|error| FetchFailure::unreachable(&error))
}

/// A JWK Set (RFC 7517 section 5).
#[derive(Deserialize)]
struct KeySetDocument {
    keys: Vec<Value>,
}

async fn key_set(client: &HttpsClient, address: &Address) -> Result<FetchedKeys, FetchFailure> {
    let body = get(client, address).await?;
    let document: KeySetDocument = serde_json::from_slice(&body).map_err(|_| FetchFailure::NoKeySet)?;
    Ok(FetchedKeys { parts: vec![Some(document.keys)], notes: Vec::new() })
}

/// The members of OpenID Connect Discovery 1.0 section 3 that are used.
#[derive(Deserialize)]
struct DiscoveryDocument {
    issuer: String,
    jwks_uri: String,
}

async fn discover(issuer: &DiscoveryIssuer) -> Result<FetchedKeys, FetchFailure> {
    let discovery_client = client(issuer.document())?;
    let body = get(&discovery_client, issuer.document()).await?;
    let document: DiscoveryDocument = serde_json::from_slice(&body).map_err(|_| FetchFailure::NoDocument)?;
    if document.issuer != issuer.name() {
        return Err(FetchFailure::WrongIssuer);
    }
    let address = issuer.key_set(&document.jwks_uri).ok_or(FetchFailure::UnsafeAddress)?;
    if address.is_https() == issuer.document().is_https() {
        key_set(&discovery_client, &address).await
    } else {
        key_set(&client(&address)?, &address).await
    }
}

/// Sends one GET request. Redirects are not followed.
async fn get(client: &HttpsClient, address: &Address) -> Result<Bytes, FetchFailure> {
    let request = Request::get(address.uri())
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, concat!("iot-jwt-authorizer/", env!("CARGO_PKG_VERSION")))
        .body(Full::default())
        .map_err(|error| FetchFailure::unreachable(&error))?;
    let response = client.send(request).await.map_err(|error| FetchFailure::unreachable(&error))?;
    match response.status().as_u16() {
        200 => {}
        status => return Err(FetchFailure::Status(status)),
    }
    let body = Limited::new(response.into_body(), MAX_BODY_BYTES).collect().await;
    body.map(|body| body.to_bytes()).map_err(|error| {
        if error.is::<LengthLimitError>() {
            FetchFailure::TooLarge
        } else {
            FetchFailure::unreachable(&*error)
        }
    })
}
