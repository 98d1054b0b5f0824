//! HTTPS as a fetch needs it: HTTP/1.1 over TLS by AWS-LC, for key servers and for the AWS SDK alike.
//!
//! The SDK's own client would bring HTTP/2 along, which nobody asks for: a tenth of the program, read at each cold start.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::origin::Address;

/// Who may vouch for a server.
#[derive(Clone)]
pub(super) struct Roots(Arc<RootCertStore>);

impl Roots {
    /// The system's, which `SSL_CERT_FILE` may replace. They are many, so they are read once, and not at all for an address without TLS.
    pub(super) fn of_system_for(address: &Address) -> Self {
        if address.is_https() { Self::of_system() } else { Self(Arc::new(RootCertStore::empty())) }
    }

    /// The system's, which `SSL_CERT_FILE` may replace.
    pub(super) fn of_system() -> Self {
        static SYSTEM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
        Self(SYSTEM.get_or_init(|| Self::from(rustls_native_certs::load_native_certs().certs)).clone())
    }

    /// Those of a PEM text. What is no certificate is left out: then it vouches for nobody.
    pub(super) fn of_pem(pem: &str) -> Self {
        Self(Self::from(CertificateDer::pem_slice_iter(pem.as_bytes()).flatten()))
    }

    fn from(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Arc<RootCertStore> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(certificates);
        Arc::new(store)
    }
}

/// One client, which keeps a connection for as long as it lives.
#[derive(Clone)]
pub(super) struct Http(Client<HttpsConnector<TcpConnector>, SdkBody>);

impl Http {
    /// One that trusts these roots.
    ///
    /// # Errors
    /// None in practice: AWS-LC has TLS 1.2 and 1.3.
    pub(super) fn trusting(roots: Roots) -> Result<Self, rustls::Error> {
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots.0)
            .with_no_client_auth();
        let mut tcp = TcpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }
}

impl HttpConnector for Http {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let response = client.request(request).await.map_err(|error| ConnectorError::io(error.into()))?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Http")
    }
}
