//! Fetches keys from a source.
//!
//! No connection is kept between two fetches: Lambda freezes a sandbox between events, and a connection would be dead
//! when the sandbox wakes.

use std::time::Duration;

use serde::Deserialize;

use super::KeyFile;
use super::fetch_result::{FetchedKeys, KeysError, MAX_BODY_BYTES};
use super::file::without_mark;
use super::origin::{DiscoveryIssuer, Origin};
use super::secret;
use crate::source::address::Address;
use crate::source::failure::{FetchFailure, shortened};
use crate::source::http::HttpsClient;
use crate::source::secret::AwsEnvironment;
use crate::source::{self, FETCH_TIMEOUT};

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

    /// Fetches one source, discovery and key set or all stages of a secret, within `timeout` and [`FETCH_TIMEOUT`].
    ///
    /// # Errors
    /// Why there are no keys.
    pub async fn fetch(&self, origin: &Origin, timeout: Duration) -> Result<FetchedKeys, FetchFailure> {
        let timeout = timeout.min(FETCH_TIMEOUT);
        let fetch = Box::pin(async {
            match origin {
                Origin::Secret(id) => secret::read(id, &self.aws, timeout).await,
                Origin::KeySet(address) => key_set(&HttpsClient::for_address(address)?, address).await,
                Origin::Discovery(issuer) => discover(issuer).await,
            }
        });
        source::in_time(timeout, fetch).await
    }
}

async fn key_set(client: &HttpsClient, address: &Address) -> Result<FetchedKeys, FetchFailure> {
    let body = match client.get(address, MAX_BODY_BYTES).await? {
        (200, body) => body,
        (status, _) => return Err(FetchFailure::Status { status, address: address.to_string() }),
    };
    let file = KeyFile::parse_response(&body)
        .map_err(|error| KeysError::NoKeySet { error, address: address.to_string() })?;
    Ok(FetchedKeys { parts: vec![Some(file.into_entries())], notes: Vec::new() })
}

/// The members of OpenID Connect Discovery 1.0 section 3 that are used.
#[derive(Deserialize)]
struct DiscoveryDocument {
    issuer: String,
    jwks_uri: String,
}

async fn discover(issuer: &DiscoveryIssuer) -> Result<FetchedKeys, FetchFailure> {
    let discovery_client = HttpsClient::for_address(issuer.document())?;
    let address = issuer.document().to_string();
    let body = match discovery_client.get(issuer.document(), MAX_BODY_BYTES).await? {
        (200, body) => body,
        (status, _) => return Err(KeysError::NoDiscovery { status, address }.into()),
    };
    let text = std::str::from_utf8(&body).map(without_mark).unwrap_or_default();
    let Ok(document) = serde_json::from_str::<DiscoveryDocument>(text) else {
        return Err(KeysError::NoDocument(address).into());
    };
    if document.issuer != issuer.name() {
        let (found, expected) = (shortened(&document.issuer), shortened(issuer.name()));
        return Err(KeysError::WrongIssuer { found, expected, address }.into());
    }
    let address = issuer.key_set(&document.jwks_uri).ok_or(KeysError::UnsafeAddress)?;
    if address.is_https() == issuer.document().is_https() {
        key_set(&discovery_client, &address).await
    } else {
        key_set(&HttpsClient::for_address(&address)?, &address).await
    }
}
