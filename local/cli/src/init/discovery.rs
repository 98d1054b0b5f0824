//! Reads an issuer's discovery document and key set: https, or http on loopback; no redirects; 64 KiB and two seconds.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use iot_jwt_authorizer::algorithm::Algorithm;
use iot_jwt_authorizer::keys::fetch::Fetcher;
use iot_jwt_authorizer::keys::origin::Origin;
use iot_jwt_authorizer::source::address::Address;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::https;

/// The longest time for the document, and again for the key set.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The longest document.
const MAX_BODY_BYTES: usize = 65_536;

/// What an issuer says about itself.
#[derive(Debug)]
pub(super) struct Discovered {
    /// The exact `iss`.
    pub(super) issuer: String,
    /// The `alg` of its keys.
    pub(super) algorithms: Vec<&'static str>,
}

/// Why discovery failed.
#[derive(Debug, Error)]
#[error("{address}: {what}; nothing was written")]
pub(crate) struct DiscoveryError {
    address: String,
    what: String,
}

/// The members of OpenID Connect Discovery 1.0 section 3 that are used.
#[derive(Deserialize)]
struct DiscoveryDocument {
    issuer: String,
    jwks_uri: String,
}

/// Reads the document of an authority, and the keys that it names.
///
/// # Errors
/// What cannot be fetched or read.
pub(super) async fn discover(authority: &str) -> Result<Discovered, DiscoveryError> {
    let text = format!("{authority}/.well-known/openid-configuration");
    let failed = |what: String| DiscoveryError { address: text.clone(), what };
    let address =
        address(&text).ok_or_else(|| failed("expected https; http is for loopback only".to_owned()))?;
    let body = tokio::time::timeout(TIMEOUT, get(&address)).await;
    let body = body.unwrap_or_else(|_| Err("no response in time".to_owned())).map_err(failed)?;
    let document: DiscoveryDocument = serde_json::from_slice(&body).map_err(|_| {
        failed("the response is not a discovery document with `issuer` and `jwks_uri`".to_owned())
    })?;
    let keys = format!("jwks:{}", document.jwks_uri);
    let failed = |what: String| DiscoveryError { address: document.jwks_uri.clone(), what };
    let origin =
        Origin::parse(&keys, "").map_err(|expected| failed(format!("unsafe `jwks_uri`; {expected}")))?;
    let fetched = Fetcher::default().fetch(&origin, TIMEOUT).await;
    let fetched = fetched.map_err(|failure| failed(failure.to_string()))?;
    let algorithms = algorithms(fetched.parts.iter().flatten().flatten());
    if algorithms.is_empty() {
        return Err(failed("no key for a supported algorithm".to_owned()));
    }
    Ok(Discovered { issuer: document.issuer, algorithms })
}

/// An address that may be fetched.
fn address(text: &str) -> Option<Address> {
    match Origin::parse(&format!("jwks:{text}"), "") {
        Ok(Origin::KeySet(address)) => Some(address),
        _ => None,
    }
}

/// The body of a GET request. Redirects are not followed.
async fn get(address: &Address) -> Result<Bytes, String> {
    let client = https::client(address.is_https())?;
    let request = Request::get(address.uri()).header("accept", "application/json").body(Full::default());
    let response = client.request(request.map_err(|error| error.to_string())?).await;
    let response = response.map_err(|error| format!("not reachable: {}", https::cause(&error)))?;
    match response.status().as_u16() {
        200 => https::body(response.into_body(), MAX_BODY_BYTES).await,
        status @ 300..=399 => Err(format!("status {status}; redirects are not followed")),
        status => Err(format!("status {status}; expected 200")),
    }
}

/// The supported algorithms of a key set, in the order of [`Algorithm::ALL`].
fn algorithms<'a>(entries: impl Iterator<Item = &'a Value> + Clone) -> Vec<&'static str> {
    let names = entries.filter_map(algorithm);
    let names: Vec<&str> = names.collect();
    Algorithm::ALL.into_iter().map(Algorithm::name).filter(|name| names.contains(name)).collect()
}

/// The `alg` of a key, or the usual one for its type.
fn algorithm(entry: &Value) -> Option<&str> {
    let member = |name: &str| entry.get(name).and_then(Value::as_str);
    if member("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    member("alg").or(match (member("kty")?, member("crv")) {
        ("RSA", _) => Some("RS256"),
        ("EC", Some("P-256")) => Some("ES256"),
        ("EC", Some("P-384")) => Some("ES384"),
        ("OKP", Some("Ed25519")) => Some("EdDSA"),
        _ => None,
    })
}
