//! A Lambda that someone else runs, behind the Invoke API: the Runtime Interface Emulator, SAM, `cargo lambda watch`.
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

use super::InvokeError;

/// Lambda's own limit for a synchronous answer.
const BODY_LIMIT: usize = 6 * 1024 * 1024;

/// A text that is no invoke endpoint.
#[derive(Debug, thiserror::Error)]
pub enum NotAnEndpoint {
    /// It has another form.
    #[error("write the function's URL as http(s)://HOST[:PORT]/2015-03-31/functions/NAME/invocations")]
    Form,
    /// There is no way to trust the other side.
    #[error("TLS to the function's endpoint cannot be set up: {0}")]
    Tls(String),
}

/// Where a Lambda is invoked. Requests are not signed: AWS itself would refuse them.
#[derive(Clone)]
pub struct Endpoint {
    uri: Uri,
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    function_arn: String,
}

impl Endpoint {
    /// `function_arn` is the ARN that the function believes to be invoked by.
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

    /// See [`Self::new`].
    #[must_use]
    pub fn function_arn(&self) -> &str {
        &self.function_arn
    }

    /// Invokes the function once, on a connection of its own. The caller limits the time.
    pub(super) async fn invoke(&self, event: Bytes) -> Result<Bytes, InvokeError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = stream
            .map_err(|error| fault(format!("cannot connect to {}:{}: {error}", self.host, self.port)))?;
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else { return self.exchange(stream, event).await };
        let name = ServerName::try_from(self.host.clone()).map_err(fault)?;
        self.exchange(tls.connect(name, stream).await.map_err(fault)?, event).await
    }

    async fn exchange<S>(&self, stream: S, event: Bytes) -> Result<Bytes, InvokeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(fault)?;
        let request = self.request(event)?;
        let asked = async {
            let response = sender.send_request(request).await.map_err(fault)?;
            read(response).await
        };
        tokio::pin!(asked, connection);
        tokio::select! {
            answer = &mut asked => answer,
            // It is over when the whole answer has come, which may then still have to be read.
            _ = &mut connection => asked.await,
        }
    }

    fn request(&self, event: Bytes) -> Result<Request<Full<Bytes>>, InvokeError> {
        let target = self.uri.path_and_query().map_or("/", |target| target.as_str());
        let host = self.uri.authority().map_or("", |authority| authority.as_str());
        let request = Request::post(target).header(HOST, host).header(CONTENT_TYPE, "application/json");
        request.body(Full::new(event)).map_err(fault)
    }
}

/// Tells an answer from a fault of the function: AWS and its emulators answer 200 and name it in a header or, older ones, in
/// the body alone; `cargo lambda` answers 500.
async fn read(response: Response<Incoming>) -> Result<Bytes, InvokeError> {
    let status = response.status();
    let flagged = response.headers().contains_key("x-amz-function-error");
    let body = Limited::new(response.into_body(), BODY_LIMIT).collect().await.map_err(fault)?.to_bytes();
    if let Some(failure) = failure(&body, flagged || status == StatusCode::INTERNAL_SERVER_ERROR) {
        return Err(failure);
    }
    if !status.is_success() {
        let hint = match status {
            StatusCode::FORBIDDEN => "; requests are not signed, so that AWS itself refuses them",
            StatusCode::NOT_FOUND => "; is that the function's name?",
            _ => "",
        };
        return Err(InvokeError::Endpoint(format!("it answered {status}{hint}")));
    }
    Ok(body)
}

fn failure(body: &[u8], is_one: bool) -> Option<InvokeError> {
    let report: Value = serde_json::from_slice(body).unwrap_or_default();
    let member = |name: &str| report.get(name).and_then(Value::as_str);
    let looks_so = member("errorMessage").is_some() && report.get("isAuthenticated").is_none();
    (looks_so || (is_one && report.get("errorType").is_some())).then(|| InvokeError::Failed {
        kind: member("errorType").unwrap_or("error").to_owned(),
        message: member("errorMessage").unwrap_or_default().chars().take(1000).collect(),
    })
}

fn connector() -> Result<TlsConnector, NotAnEndpoint> {
    let wrong = |error: tokio_rustls::rustls::Error| NotAnEndpoint::Tls(error.to_string());
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(wrong)?
        .with_platform_verifier()
        .map_err(wrong)?
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn fault(error: impl Display) -> InvokeError {
    InvokeError::Endpoint(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_invoke_endpoint_is_one() {
        for good in [
            "http://127.0.0.1:9000/2015-03-31/functions/function/invocations",
            "https://localhost/2015-03-31/functions/f/invocations?Qualifier=1",
            "http://[::1]:9000/2015-03-31/functions/f/invocations",
        ] {
            assert!(Endpoint::new(good, String::new()).is_ok(), "{good}");
        }
        for bad in [
            "http://127.0.0.1:9000/",
            "http://127.0.0.1:9000/2015-03-31/functions//invocations",
            "http://127.0.0.1:9000/2015-03-31/functions/f/invocations/",
            "http://127.0.0.1:9000/2015-03-31/functions/f/invoke-async",
            "http://user:secret@127.0.0.1/2015-03-31/functions/f/invocations",
            "/2015-03-31/functions/f/invocations",
            "http://",
        ] {
            assert!(matches!(Endpoint::new(bad, String::new()), Err(NotAnEndpoint::Form)), "{bad}");
        }
    }

    #[test]
    fn a_fault_of_the_function_is_told_from_an_answer() {
        let fault = r#"{"errorType":"T","errorMessage":"m"}"#;
        let kind = |body: &str, flagged| failure(body.as_bytes(), flagged).map(|failure| failure.to_string());
        assert_eq!(kind(fault, false).as_deref(), Some("the function failed: T: m"));
        assert_eq!(kind(r#"{"errorType":"T"}"#, true).as_deref(), Some("the function failed: T: "));
        for (body, flagged) in [
            (r#"{"isAuthenticated":true,"errorMessage":"mine"}"#, false),
            (r#"{"isAuthenticated":false}"#, false),
            (r#"{"errorType":"T"}"#, false),
            ("not JSON", true),
        ] {
            assert_eq!(kind(body, flagged), None, "{body}");
        }
    }
}
