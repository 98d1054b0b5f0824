//! The HTTPS client of key servers, other sources and AWS: HTTP/1.1, with TLS by AWS-LC.
//!
//! The SDK's own client also speaks HTTP/2, which no server here needs. It would make the program a tenth larger, and
//! every cold start reads the program.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::{ACCEPT, USER_AGENT};
use http::{Request, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::address::Address;
use super::failure::FetchFailure;

/// The CA certificates that a server's certificate must lead to.
#[derive(Clone)]
pub(crate) struct Roots(Arc<RootCertStore>);

impl Roots {
    /// The system's CA certificates, or none for an address without TLS.
    pub(crate) fn for_address(address: &Address) -> Self {
        if address.is_https() { Self::of_system() } else { Self(Arc::new(RootCertStore::empty())) }
    }

    /// The system's CA certificates, which `SSL_CERT_FILE` may replace. Read once, since there are many.
    pub(crate) fn of_system() -> Self {
        static SYSTEM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
        Self(SYSTEM.get_or_init(|| store(rustls_native_certs::load_native_certs().certs)).clone())
    }

    /// The CA certificates of a PEM text. Unreadable blocks are skipped, so they cannot make a server trusted.
    pub(crate) fn of_pem(pem: &str) -> Self {
        Self(store(CertificateDer::pem_slice_iter(pem.as_bytes()).flatten()))
    }
}

fn store(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Arc<RootCertStore> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates);
    Arc::new(store)
}

/// A client. It keeps its connection until it is dropped.
#[derive(Clone, Debug)]
pub(crate) struct HttpsClient(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl HttpsClient {
    /// A client that trusts these CA certificates.
    ///
    /// # Errors
    /// Never in practice: AWS-LC supports TLS 1.2 and 1.3.
    pub(crate) fn new(roots: Roots) -> Result<Self, rustls::Error> {
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots.0)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }

    /// A client for this address.
    ///
    /// # Errors
    /// As [`HttpsClient::new`].
    pub(crate) fn for_address(address: &Address) -> Result<Self, FetchFailure> {
        Self::new(Roots::for_address(address)).map_err(|error| FetchFailure::unreachable(&error))
    }

    /// Sends one GET request. Returns the status, and the body if that is 200.
    ///
    /// # Errors
    /// As [`read`].
    pub(crate) async fn get(
        &self,
        address: &Address,
        max_bytes: usize,
    ) -> Result<(u16, Bytes), FetchFailure> {
        let request = Request::get(address.uri())
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, concat!("iot-jwt-authorizer/", env!("CARGO_PKG_VERSION")))
            .body(Full::default())
            .map_err(|error| FetchFailure::unreachable(&error))?;
        let response = self.send(request).await?;
        match response.status().as_u16() {
            200 => Ok((200, read(response.into_body(), max_bytes).await?)),
            status => Ok((status, Bytes::new())),
        }
    }

    /// Sends a request and returns the head of the response. Redirects are not followed.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, FetchFailure> {
        self.0.request(request).await.map_err(|error| FetchFailure::unreachable(&error))
    }
}

/// Reads the body of a response, of which a server decides the length.
///
/// # Errors
/// [`FetchFailure::TooLarge`] as soon as it has more than `max_bytes` bytes; a broken connection.
pub(crate) async fn read(body: Incoming, max_bytes: usize) -> Result<Bytes, FetchFailure> {
    let body = Limited::new(body, max_bytes).collect().await;
    body.map(|body| body.to_bytes()).map_err(|error| {
        if error.is::<LengthLimitError>() {
            FetchFailure::TooLarge(max_bytes)
        } else {
            FetchFailure::unreachable(&*error)
        }
    })
}
