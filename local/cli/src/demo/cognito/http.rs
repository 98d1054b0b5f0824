//! One HTTP request and its answer, of a client that is neither a browser nor an SDK.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::header::LOCATION;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::demo::client::ClientOutcome;

/// How long to wait for an answer: a function may start for it.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The longest answer.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// A client of the gateway.
pub(in crate::demo) struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    port: u16,
}

/// What a request sends. Not `Debug`: it may hold a token or a signature.
pub(in crate::demo) struct Sent<'a> {
    pub(in crate::demo) method: &'a str,
    /// The path and the query, encoded.
    pub(in crate::demo) target: &'a str,
    pub(in crate::demo) headers: &'a [(String, String)],
    pub(in crate::demo) body: &'a [u8],
}

/// An answer. Not `Debug`: it may hold a token or credentials.
pub(in crate::demo) struct Answer {
    status: u16,
    reason: &'static str,
    /// The type of an error, such as `AccessDeniedException`, or an empty text.
    pub(in crate::demo) kind: String,
    /// The address of a redirect.
    pub(in crate::demo) location: Option<String>,
    /// The body, `null` if it is not JSON.
    pub(in crate::demo) json: Value,
}

impl Http {
    pub(in crate::demo) fn new(port: u16) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), port }
    }

    /// The address, as in `Host`.
    pub(in crate::demo) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// The gateway cannot be reached, or answers too late.
    pub(in crate::demo) async fn send(&self, sent: Sent<'_>) -> io::Result<Answer> {
        let address = format!("http://{}{}", self.host(), sent.target);
        let mut request = Request::builder().method(sent.method).uri(address);
        for (name, value) in sent.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::from(sent.body.to_vec())).map_err(io::Error::other)?;
        let exchange = async {
            let response = self.client.request(request).await.map_err(io::Error::other)?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MAX_BODY_BYTES).collect().await.map_err(io::Error::other)?;
            let location = head.headers.get(LOCATION).and_then(|value| value.to_str().ok());
            let json: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
            let kind = head.headers.get("x-amzn-errortype").and_then(|kind| kind.to_str().ok());
            let kind = kind.or_else(|| json.get("__type")?.as_str()).unwrap_or_default();
            Ok(Answer {
                // Some services add a colon and an address.
                kind: kind.split(':').next().unwrap_or_default().to_owned(),
                status: head.status.as_u16(),
                reason: head.status.canonical_reason().unwrap_or_default(),
                location: location.map(str::to_owned),
                json,
            })
        };
        tokio::time::timeout(TIMEOUT, exchange).await?
    }
}

impl Answer {
    /// Whether the status is 200.
    pub(in crate::demo) fn is_ok(&self) -> bool {
        self.status == 200
    }

    /// A text in the body, or an empty one.
    pub(in crate::demo) fn text(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// What AWS writes about an error, or an empty text.
    pub(in crate::demo) fn message(&self) -> &str {
        let first = ["/message", "/Message"].map(|pointer| self.text(pointer));
        first.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// The status as the client sees it.
    pub(in crate::demo) fn outcome(&self) -> ClientOutcome {
        ClientOutcome {
            is_allowed: self.is_ok(),
            is_closed: true,
            response: format!("{} {}", self.status, self.reason),
        }
    }
}
