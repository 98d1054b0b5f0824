//! Asks a source for keys, over HTTPS.
//!
//! Nothing is kept between two fetches, a connection least of all: a sandbox is frozen between events, and what it held open has
//! died when it wakes.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde_json::Value;

use super::file::KeyFault;
use super::http::{Http, Roots};
use super::origin::{Address, Issuer, Origin};
use super::secret::{self, Aws};

/// For one source: discovery and key set, or all stages of a secret.
pub const BUDGET: Duration = Duration::from_secs(2);

/// Of one answer.
pub const MAX_BYTES: usize = 64 * 1024;

/// What a source said.
#[derive(Debug, Default)]
pub struct Found {
    /// JWKs in order of precedence, not looked at yet; nothing for a part that did not answer.
    pub parts: Vec<Option<Vec<Value>>>,
    /// Of the parts that brought nothing, why.
    pub notes: Vec<String>,
}

/// Why a fetch brought no keys. It never holds anything of an answer but what AWS says of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No answer in time.
    Timeout,
    /// No connection, or one that broke.
    Unreachable(String),
    /// An HTTP status other than 200.
    Status(u16),
    /// An answer over [`MAX_BYTES`].
    TooLarge,
    /// No JWK Set.
    NoKeySet,
    /// A secret without readable keys.
    Unreadable(KeyFault),
    /// More than [`super::sources::MAX_KEYS`].
    TooManyKeys,
    /// No key that serves any of the issuer's algorithms, and why the first few do not.
    NoUsableKey(String),
    /// No discovery document.
    NoDocument,
    /// A discovery document of somebody else.
    WrongIssuer,
    /// A discovery document that leads to an address that may not be asked.
    UnsafeAddress,
    /// Something is missing in the environment.
    Environment(&'static str),
    /// AWS' own code and message.
    Aws(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => {
                out.write_str("it did not answer in time: look at the network and at the server")
            }
            Self::Unreachable(why) => {
                write!(out, "it cannot be reached ({why}): look at the address and the network")
            }
            Self::Status(status) => write!(
                out,
                "it answered with status {status}, and only 200 counts; redirects are not followed"
            ),
            Self::TooLarge => write!(out, "its answer is longer than {MAX_BYTES} bytes"),
            Self::NoKeySet => out.write_str("its answer is no JWK Set: a JSON object with a list `keys`"),
            Self::Unreadable(fault) => write!(out, "the secret {fault}"),
            Self::TooManyKeys => out.write_str("it has more than 100 keys"),
            Self::NoUsableKey(why) if why.is_empty() => {
                out.write_str("it has no key that serves any of the issuer's `algorithms`")
            }
            Self::NoUsableKey(why) => {
                write!(out, "it has no key that serves any of the issuer's `algorithms` ({why})")
            }
            Self::NoDocument => {
                out.write_str("its discovery document is no JSON object with `issuer` and `jwks_uri`")
            }
            Self::WrongIssuer => out.write_str(
                "its discovery document names another issuer: compare it with `issuer`, to the last slash",
            ),
            Self::UnsafeAddress => {
                out.write_str("its discovery document leads to an address that is not https")
            }
            Self::Environment(what) => out.write_str(what),
            Self::Aws(message) => write!(out, "AWS refused: {message}"),
        }
    }
}

/// Asks sources. It holds what the environment says of AWS, and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Fetcher {
    aws: Aws,
}

impl Fetcher {
    /// One that reads secrets as `aws` says.
    #[must_use]
    pub fn new(aws: Aws) -> Self {
        Self { aws }
    }

    /// Asks one source, for no longer than `budget`, and never longer than [`BUDGET`].
    ///
    /// # Errors
    /// Why there are no keys.
    pub async fn fetch(&self, origin: &Origin, budget: Duration) -> Result<Found, Failure> {
        // In a box, since what waits for a fetch would be as large as all that a fetch may do, and is moved for each event.
        let asked = Box::pin(async {
            match origin {
                Origin::Secret(id) => secret::read(id, &self.aws).await,
                Origin::KeySet(address) => key_set(&client(address)?, address).await,
                Origin::Discovery(issuer) => discover(issuer).await,
            }
        });
        tokio::time::timeout(budget.min(BUDGET), asked).await.unwrap_or(Err(Failure::Timeout))
    }
}

fn client(address: &Address) -> Result<Http, Failure> {
    Http::trusting(Roots::of_system_for(address)).map_err(|error| unreachable(&error))
}

/// A JWK Set (RFC 7517 section 5).
#[derive(Deserialize)]
struct KeySetDocument {
    keys: Vec<Value>,
}

async fn key_set(client: &Http, address: &Address) -> Result<Found, Failure> {
    let document = get(client, address).await?;
    let document: KeySetDocument = serde_json::from_slice(&document).map_err(|_| Failure::NoKeySet)?;
    Ok(Found { parts: vec![Some(document.keys)], notes: Vec::new() })
}

/// What matters of OpenID Connect Discovery 1.0 section 3.
#[derive(Deserialize)]
struct DiscoveryDocument {
    issuer: String,
    jwks_uri: String,
}

async fn discover(issuer: &Issuer) -> Result<Found, Failure> {
    let first = client(issuer.document())?;
    let document = get(&first, issuer.document()).await?;
    let document: DiscoveryDocument = serde_json::from_slice(&document).map_err(|_| Failure::NoDocument)?;
    if document.issuer != issuer.name() {
        return Err(Failure::WrongIssuer);
    }
    let address = issuer.key_set(&document.jwks_uri).ok_or(Failure::UnsafeAddress)?;
    if address.is_https() == issuer.document().is_https() {
        key_set(&first, &address).await
    } else {
        key_set(&client(&address)?, &address).await
    }
}

/// One request; redirects are not followed.
async fn get(client: &Http, address: &Address) -> Result<Vec<u8>, Failure> {
    let mut request = HttpRequest::get(address.uri().to_string()).map_err(|error| unreachable(&error))?;
    request.headers_mut().insert("accept", "application/json");
    request.headers_mut().insert("user-agent", concat!("iot-jwt-authorizer/", env!("CARGO_PKG_VERSION")));
    let response = client.call(request).await.map_err(|error| unreachable(&error))?;
    match response.status().as_u16() {
        200 => {}
        status => return Err(Failure::Status(status)),
    }
    let body = Limited::new(response.into_body(), MAX_BYTES).collect().await;
    body.map(|body| body.to_bytes().to_vec()).map_err(|error| {
        if error.is::<LengthLimitError>() { Failure::TooLarge } else { unreachable(&*error) }
    })
}

/// The innermost cause says most: `Connection refused` rather than `dispatch failure`.
pub(super) fn unreachable(error: &(dyn Error + 'static)) -> Failure {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    Failure::Unreachable(cause.to_string())
}
