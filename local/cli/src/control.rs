//! A client of the control plane of the running gateway: plain HTTP, and one request for each call.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use thiserror::Error;

use crate::local_settings::{LocalSettings, LocalSettingsError};

/// The longest time for a response.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The address of a gateway without options.
pub(crate) const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:8080";
/// The Region of a gateway without options.
pub(crate) const DEFAULT_REGION: &str = "us-east-1";
/// The longest response.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The type of the error for a request that is signed for another Region.
const OTHER_REGION: &str = "InvalidSignatureException";
/// The characters that stay as they are (RFC 3986, section 2.3).
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Where the gateway is. Several commands have these arguments.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Gateway")]
pub(crate) struct ControlArgs {
    /// Address of the running gateway
    #[arg(long, value_name = "URL", default_value = DEFAULT_ENDPOINT, value_parser = endpoint)]
    pub(crate) endpoint: String,
    /// Region of the gateway [default: that of local.toml, else us-east-1]
    #[arg(long, value_name = "REGION", value_parser = region)]
    region: Option<String>,
}

impl ControlArgs {
    /// Returns the Region: that of the option, else of `local.toml` next to a configuration, else the default.
    ///
    /// # Errors
    /// The file is invalid.
    pub(crate) fn region(&self, config: &Path) -> Result<String, LocalSettingsError> {
        let of_file =
            || Ok(LocalSettings::beside(config)?.region.unwrap_or_else(|| DEFAULT_REGION.to_owned()));
        self.region.clone().map_or_else(of_file, Ok)
    }
}

/// Why a call has no result.
#[derive(Debug, Error)]
pub(crate) enum ControlError {
    /// Nothing answers at the address.
    #[error(
        "no gateway at {endpoint}: {error}\n  help: start one with `cargo local`, or name its address with --endpoint"
    )]
    NoGateway {
        /// The address.
        endpoint: String,
        /// What failed.
        error: String,
    },
    /// The API answered with an error.
    #[error("{operation}: {kind}: {message}")]
    Api {
        /// The operation.
        operation: &'static str,
        /// The type of the error, such as `ResourceNotFoundException`.
        kind: String,
        /// Its text.
        message: String,
    },
    /// Something else than the API answers at the address.
    #[error("{operation}: the response of {endpoint} is not one of AWS IoT: {what}")]
    Response {
        /// The operation.
        operation: &'static str,
        /// The address.
        endpoint: String,
        /// What is wrong with the response.
        what: String,
    },
}

/// A call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    /// The name of the operation, for errors.
    pub(crate) operation: &'static str,
    /// The method.
    pub(crate) method: &'static str,
    /// The path and the query, encoded; see [`percent_encoded`].
    pub(crate) target: &'a str,
    /// A header besides the usual ones.
    pub(crate) header: Option<(&'static str, &'a str)>,
    /// The body.
    pub(crate) body: Option<&'a Value>,
}

/// The control plane of a gateway.
pub(crate) struct Control {
    client: Client<HttpConnector, Full<Bytes>>,
    endpoint: String,
    region: String,
}

impl Control {
    /// Returns the control plane at an address. Does not connect.
    pub(crate) fn new(endpoint: &str, region: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, endpoint: endpoint.trim_end_matches('/').to_owned(), region: region.to_owned() }
    }

    /// Calls an operation. Returns the body of its response; `null` if that is empty.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Value, ControlError> {
        let response = tokio::time::timeout(TIMEOUT, self.send(call)).await;
        let (status, kind, body) =
            response.unwrap_or_else(|_| Err(self.no_gateway("no response in time")))?;
        let json: Option<Value> =
            if body.is_empty() { Some(Value::Null) } else { serde_json::from_slice(&body).ok() };
        let unexpected = |what: &str| ControlError::Response {
            operation: call.operation,
            endpoint: self.endpoint.clone(),
            what: what.to_owned(),
        };
        match (status, kind, json) {
            (200..=299, _, Some(json)) => Ok(json),
            (200..=299, _, None) => Err(unexpected("its body is not JSON")),
            (status, None, _) => Err(unexpected(&format!("status {status} without an error type"))),
            (_, Some(kind), json) => {
                let message =
                    json.as_ref().and_then(|json| json.get("message")?.as_str()).unwrap_or_default();
                let help = if kind == OTHER_REGION {
                    "\n  help: name the gateway's Region with --region"
                } else {
                    ""
                };
                let message = format!("{}{help}", message.trim());
                Err(ControlError::Api { operation: call.operation, kind, message })
            }
        }
    }

    /// Returns status, error type and body of a response.
    async fn send(&self, call: Call<'_>) -> Result<(u16, Option<String>, Bytes), ControlError> {
        let mut request = Request::builder()
            .method(call.method)
            .uri(format!("{}{}", self.endpoint, call.target))
            .header("authorization", self.authorization())
            .header("content-type", "application/json");
        if let Some((name, value)) = call.header {
            request = request.header(name, value);
        }
        let body = call.body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let request =
            request.body(Full::new(body.into())).map_err(|error| self.no_gateway(&error.to_string()))?;
        let response =
            self.client.request(request).await.map_err(|error| self.no_gateway(&root_cause(&error)))?;
        let status = response.status().as_u16();
        let kind = response.headers().get("x-amzn-errortype").and_then(|kind| kind.to_str().ok());
        // Some services add a colon and an address.
        let kind = kind.and_then(|kind| kind.split(':').next()).map(str::to_owned);
        let body = Limited::new(response.into_body(), MAX_BODY_BYTES).collect().await;
        let body = body.map_err(|error| self.no_gateway(&error.to_string()))?.to_bytes();
        Ok((status, kind, body))
    }

    /// A header in the form of Signature Version 4. The gateway accepts any key that it does not know, as AWS IoT's
    /// users have keys for tests; it then does not verify the signature.
    fn authorization(&self) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential=cargo-local/20000101/{}/iot/aws4_request, SignedHeaders=host, Signature={}",
            self.region,
            "0".repeat(64)
        )
    }

    fn no_gateway(&self, error: &str) -> ControlError {
        ControlError::NoGateway { endpoint: self.endpoint.clone(), error: error.to_owned() }
    }
}

impl<'a> Call<'a> {
    /// Returns a call without header and body.
    pub(crate) const fn new(operation: &'static str, method: &'static str, target: &'a str) -> Self {
        Self { operation, method, target, header: None, body: None }
    }
}

impl ControlError {
    /// Whether the API answered with an error of this type.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Api { kind, .. } if kind == wanted)
    }
}

/// Encodes a text as one segment of a path, or as a value of a query or a form.
pub(crate) fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, &UNRESERVED).to_string()
}

fn root_cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), root_cause)
}

/// Parses the address of a gateway.
///
/// # Errors
/// What is expected.
pub(crate) fn endpoint(text: &str) -> Result<String, &'static str> {
    const EXPECTED: &str = "expected http://HOST:PORT";
    let uri: Uri = text.parse().map_err(|_| EXPECTED)?;
    let is_plain = uri.scheme_str() == Some("http") && uri.path() == "/" && uri.query().is_none();
    let has_host = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    if is_plain && has_host { Ok(text.to_owned()) } else { Err(EXPECTED) }
}

fn region(text: &str) -> Result<String, &'static str> {
    let is_region = (1..=32).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if is_region { Ok(text.to_owned()) } else { Err("expected a Region such as us-east-1") }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one request with these bytes. Returns what the caller got, and the request.
    async fn call(response: &'static str) -> (Result<Value, ControlError>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            stream.write_all(response.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let control = Control::new(&endpoint, "eu-west-1");
        let target = format!("/things/{}", percent_encoded("a/b"));
        (control.call(Call::new("DescribeThing", "GET", &target)).await, server.await.unwrap())
    }

    #[tokio::test]
    async fn a_call_is_signed_in_form_and_encoded() {
        let (result, request) = call("HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"version\": 1}").await;
        assert_eq!(result.unwrap()["version"], 1);
        assert!(request.starts_with("GET /things/a%2Fb HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("Credential=cargo-local/20000101/eu-west-1/iot/aws4_request,"), "{request}");
    }

    #[tokio::test]
    async fn errors_name_the_operation_and_what_failed() {
        for (response, expected) in [
            (
                "HTTP/1.1 404 Not Found\r\nx-amzn-ErrorType: ResourceNotFoundException:http://x/\r\n\
                 content-length: 22\r\n\r\n{\"message\":\"no thing\"}",
                "DescribeThing: ResourceNotFoundException: no thing",
            ),
            ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "not one of AWS IoT: status 404 without"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\npage", "not one of AWS IoT: its body is not JSON"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", "no gateway at http://127.0.0.1:"),
            ("SSH-2.0-x\r\n", "no gateway at http://127.0.0.1:"),
        ] {
            let error = call(response).await.0.unwrap_err();
            assert!(error.to_string().contains(expected), "{response}: {error}");
            assert_eq!(error.is("ResourceNotFoundException"), expected.contains("no thing"));
        }
        let closed = Control::new("http://127.0.0.1:1", "us-east-1");
        let error = closed.call(Call::new("ListThings", "GET", "/things")).await.unwrap_err();
        let error = error.to_string();
        assert!(error.contains("http://127.0.0.1:1: ") && error.contains("help: start one"), "{error}");
    }

    #[test]
    fn the_region_is_that_of_the_option_or_of_local_toml() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("authorizer.toml");
        let args = |region: Option<&str>| ControlArgs {
            endpoint: "http://127.0.0.1:8080".to_owned(),
            region: region.map(str::to_owned),
        };
        assert_eq!(args(None).region(&config).unwrap(), DEFAULT_REGION);
        std::fs::write(folder.path().join("local.toml"), "region = 'eu-west-1'").unwrap();
        assert_eq!(args(None).region(&config).unwrap(), "eu-west-1");
        assert_eq!(args(Some("us-west-2")).region(&config).unwrap(), "us-west-2");
        std::fs::write(folder.path().join("local.toml"), "region = 1").unwrap();
        assert!(args(None).region(&config).is_err());
    }

    #[test]
    fn an_address_is_plain_http_without_a_path() {
        for text in ["http://127.0.0.1:8080", "http://localhost:1/", "http://eu.localhost:8080"] {
            assert!(endpoint(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "127.0.0.1:8080",
            "https://127.0.0.1",
            "http://",
            "http://a/b",
            "http://a?b",
            "http://u@a",
            "ftp://a",
        ] {
            assert!(endpoint(text).is_err(), "{text}");
        }
        for text in ["", "US-EAST-1", "us east", "us/east", "ü"] {
            assert!(region(text).is_err(), "{text}");
        }
    }
}
