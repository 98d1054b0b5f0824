//! The HTTPS client of commands that fetch: HTTP/1.1, and the system's CA certificates, which `SSL_CERT_FILE` may
//! replace.

use std::error::Error;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// A client for requests without a body. It follows no redirects.
pub(crate) type HttpsClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Returns a client. Without `has_tls` it reads no CA certificates.
///
/// # Errors
/// Never in practice: AWS-LC supports TLS 1.2 and 1.3.
pub(crate) fn client(has_tls: bool) -> Result<HttpsClient, String> {
    let mut roots = RootCertStore::empty();
    if has_tls {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = crypto::aws_lc_rs::default_provider();
    let tls = ClientConfig::builder_with_provider(provider.into()).with_safe_default_protocol_versions();
    let tls = tls.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth();
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// Reads the body of a response, of which the server decides the length.
///
/// # Errors
/// It has more than `max_bytes` bytes, or the connection ends before its end.
pub(crate) async fn body(body: Incoming, max_bytes: usize) -> Result<Bytes, String> {
    let body = Limited::new(body, max_bytes).collect().await;
    body.map(|body| body.to_bytes()).map_err(|error| match error.is::<LengthLimitError>() {
        true => format!("longer than {max_bytes} bytes"),
        false => cause(&*error),
    })
}

/// The innermost error, which says what happened.
pub(crate) fn cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
