//! A function behind an Invoke API endpoint: the Runtime Interface Emulator, SAM, `cargo lambda watch`.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::http::uri::Scheme;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls_platform_verifier::BuilderVerifierExt;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::error::InvokeError;
use crate::limits::{MAX_ERROR_MESSAGE_CHARS, MAX_RESPONSE_BYTES};

/// Why a URL cannot be used as an invoke endpoint.
#[derive(Debug, thiserror::Error)]
pub enum NotAnEndpoint {
    /// The URL has another form. It is not quoted, since it may hold a password.
    #[error("invalid URL; expected http(s)://HOST[:PORT]/2015-03-31/functions/NAME/invocations")]
    Form,
    /// The system's CA certificates cannot be used.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
}

/// An Invoke API endpoint. Requests are not signed, so AWS itself rejects them.
#[derive(Clone)]
pub struct Endpoint {
    uri: Uri,
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    function_arn: String,
}

impl Endpoint {
    /// Parses the URL of an endpoint. `function_arn` is the ARN that the function expects to be invoked by.
    ///
    /// # Errors
    /// See [`NotAnEndpoint`].
    pub fn new(url: &str, function_arn: String) -> Result<Self, NotAnEndpoint> {
        let uri: Uri = url.parse().map_err(|_| NotAnEndpoint::Form)?;
        let parts: Vec<&str> = uri.path().split('/').collect();
        let authority = uri.authority().ok_or(NotAnEndpoint::Form)?;
        let is_invoke = matches!(parts.as_slice(), ["", "2015-03-31", "functions", name, "invocations"] if !name.is_empty());
        if !is_invoke || authority.as_str().contains('@') {
            return Err(NotAnEndpoint::Form);
        }
        let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
        let port = authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = if is_tls { Some(connector()?) } else { None };
        Ok(Self { uri, host, port, tls, function_arn })
    }

    /// Returns the ARN that the function expects to be invoked by.
    #[must_use]
    pub fn function_arn(&self) -> &str {
        &self.function_arn
    }

    /// Invokes the function once, on a new connection. The caller sets the time limit.
    pub(crate) async fn invoke(&self, event: Bytes) -> Result<Bytes, InvokeError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = stream.map_err(|error| {
            endpoint_error(format!("cannot connect to {}:{}: {error}", self.host, self.port))
        })?;
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else { return self.exchange(stream, event).await };
        let name = ServerName::try_from(self.host.clone()).map_err(endpoint_error)?;
        self.exchange(tls.connect(name, stream).await.map_err(endpoint_error)?, event).await
    }

    async fn exchange<S>(&self, stream: S, event: Bytes) -> Result<Bytes, InvokeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(endpoint_error)?;
        let request = self.request(event)?;
        let response = async {
            let response = sender.send_request(request).await.map_err(endpoint_error)?;
            read(response).await
        };
        tokio::pin!(response, connection);
        tokio::select! {
            response = &mut response => response,
            // The connection ends once it has received the whole response, which may still be unread.
            _ = &mut connection => response.await,
        }
    }

    fn request(&self, event: Bytes) -> Result<Request<Full<Bytes>>, InvokeError> {
        let target = self.uri.path_and_query().map_or("/", |target| target.as_str());
        let host = self.uri.authority().map_or("", |authority| authority.as_str());
        let request = Request::post(target).header(HOST, host).header(CONTENT_TYPE, "application/json");
        request.body(Full::new(event)).map_err(endpoint_error)
    }
}

/// Returns the body of a response, or the error of the function or the endpoint.
///
/// AWS and its emulators send an error of the function with status 200, and mark it in a header; older emulators mark
/// it only in the body. `cargo lambda` sends it with status 500.
async fn read(response: Response<Incoming>) -> Result<Bytes, InvokeError> {
    let status = response.status();
    let has_error_header = response.headers().contains_key("x-amz-function-error");
    let body = Limited::new(response.into_body(), MAX_RESPONSE_BYTES)
        .collect()
        .await
        .map_err(endpoint_error)?
        .to_bytes();
    if let Some(error) =
        function_error(&body, has_error_header || status == StatusCode::INTERNAL_SERVER_ERROR)
    {
        return Err(error);
    }
    if !status.is_success() {
        let hint = match status {
            StatusCode::FORBIDDEN => "; help: requests are not signed, so the endpoint cannot be AWS itself",
            StatusCode::NOT_FOUND => "; help: check the function's name in the URL",
            _ => "",
        };
        return Err(InvokeError::Endpoint(format!("unexpected status {status}{hint}")));
    }
    Ok(body)
}

/// Reads an error report. `is_marked` says whether status or header mark the body as one.
fn function_error(body: &[u8], is_marked: bool) -> Option<InvokeError> {
    let report: Value = serde_json::from_slice(body).unwrap_or_default();
    let member = |name: &str| report.get(name).and_then(Value::as_str);
    let is_report = member("errorMessage").is_some() && report.get("isAuthenticated").is_none();
    (is_report || (is_marked && report.get("errorType").is_some())).then(|| InvokeError::Failed {
        kind: member("errorType").unwrap_or("error").to_owned(),
        message: member("errorMessage").unwrap_or_default().chars().take(MAX_ERROR_MESSAGE_CHARS).collect(),
    })
}

fn connector() -> Result<TlsConnector, NotAnEndpoint> {
    let tls_error = |error: tokio_rustls::rustls::Error| NotAnEndpoint::Tls(error.to_string());
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(tls_error)?
        .with_platform_verifier()
        .map_err(tls_error)?
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn endpoint_error(error: impl Display) -> InvokeError {
    InvokeError::Endpoint(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_urls_of_invoke_endpoints() {
        for valid in [
            "http://127.0.0.1:9000/2015-03-31/functions/function/invocations",
            "https://localhost/2015-03-31/functions/f/invocations?Qualifier=1",
            "http://[::1]:9000/2015-03-31/functions/f/invocations",
        ] {
            assert!(Endpoint::new(valid, String::new()).is_ok(), "{valid}");
        }
        for invalid in [
            "http://127.0.0.1:9000/",
            "http://127.0.0.1:9000/2015-03-31/functions//invocations",
            "http://127.0.0.1:9000/2015-03-31/functions/f/invocations/",
            "http://127.0.0.1:9000/2015-03-31/functions/f/invoke-async",
            "http://user:secret@127.0.0.1/2015-03-31/functions/f/invocations",
            "/2015-03-31/functions/f/invocations",
            "http://",
        ] {
            assert!(matches!(Endpoint::new(invalid, String::new()), Err(NotAnEndpoint::Form)), "{invalid}");
        }
    }

    #[test]
    fn distinguishes_an_error_report_from_a_response() {
        let report = r#"{"errorType":"T","errorMessage":"m"}"#;
        let error =
            |body: &str, is_marked| function_error(body.as_bytes(), is_marked).map(|error| error.to_string());
        assert_eq!(error(report, false).as_deref(), Some("the function failed: T: m"));
        assert_eq!(error(r#"{"errorType":"T"}"#, true).as_deref(), Some("the function failed: T: "));
        for (body, is_marked) in [
            (r#"{"isAuthenticated":true,"errorMessage":"mine"}"#, false),
            (r#"{"isAuthenticated":false}"#, false),
            (r#"{"errorType":"T"}"#, false),
            ("not JSON", true),
        ] {
            assert_eq!(error(body, is_marked), None, "{body}");
        }
    }
}
