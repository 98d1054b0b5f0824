//! TLS at the front door: its certificate, and which client certificates it takes.
//!
//! AWS IoT tells its protocols apart by port and ALPN. One port serves them all here, so ALPN does it alone:
//! `mqtt` and `x-amzn-mqtt-ca` are MQTT, `http/1.1` is HTTP, and without ALPN the first byte tells.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/protocols.html>

mod authority;
mod clients;

use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::digest;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs as provider};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::ClientHello;

pub use self::authority::{Authority, AuthorityError, Identity};
use self::clients::Accepted;

/// The ALPN name of MQTT with custom authentication.
pub const ALPN_MQTT: &[u8] = b"mqtt";

/// The ALPN name of MQTT with a client certificate, which AWS IoT then demands.
pub const ALPN_MQTT_CERTIFICATE: &[u8] = b"x-amzn-mqtt-ca";

/// The ALPN name of what carries WebSocket and HTTPS publish.
pub const ALPN_HTTP: &[u8] = b"http/1.1";

/// A client certificate that was accepted.
#[derive(Clone)]
pub struct ClientCertificate {
    /// The certificate, PEM.
    pub pem: String,
    /// What AWS IoT calls the certificate id: 64 hex digits of the SHA-256 of its DER form.
    pub id: String,
}

impl ClientCertificate {
    /// What the authorizer is told of a certificate.
    #[must_use]
    pub fn new(der: &CertificateDer<'_>) -> Self {
        let hash = digest::digest(&digest::SHA256, der);
        let id = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { pem: pem_text("CERTIFICATE", der), id }
    }
}

/// PEM with plain line ends, as AWS writes it.
fn pem_text(label: &str, der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, der), config)
}

/// How the TLS port is opened.
#[derive(Clone)]
pub struct TlsOptions {
    /// The port; 0 takes any free one.
    pub port: u16,
    /// Who signs the door's certificate. Client certificates of the same authority are accepted.
    pub authority: Arc<Authority>,
    /// A PEM file with further authorities whose client certificates are accepted.
    pub client_ca: Option<PathBuf>,
    /// A PEM file with client certificates that are accepted, whoever signed them.
    pub client_certificate: Option<PathBuf>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The door's own certificate.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A file about client certificates.
    #[error("{}: {fault}; --client-ca and --client-certificate take PEM files of certificates", path.display())]
    ClientCertificates {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// The pieces do not fit together.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// What handshakes are answered with.
pub struct Tls {
    /// A client certificate may be presented; one of a foreign authority ends the handshake.
    optional: Arc<ServerConfig>,
    /// A client certificate must be presented.
    required: Arc<ServerConfig>,
}

impl Tls {
    /// Makes the door's certificate and reads the authorities of clients.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn new(options: &TlsOptions) -> Result<Self, TlsError> {
        let identity = options.authority.server()?;
        let accepted = Accepted::read(options)?;
        let optional = config(&accepted, &identity, false)?;
        let required = config(&accepted, &identity, true)?;
        Ok(Self { optional: Arc::new(optional), required: Arc::new(required) })
    }

    /// The configuration that answers a client.
    #[must_use]
    pub fn answer(&self, hello: &ClientHello<'_>) -> Arc<ServerConfig> {
        let offered: Vec<&[u8]> = hello.alpn().into_iter().flatten().collect();
        let by_certificate = offered.contains(&ALPN_MQTT_CERTIFICATE) && !offered.contains(&ALPN_MQTT);
        Arc::clone(if by_certificate { &self.required } else { &self.optional })
    }
}

fn config(accepted: &Accepted, identity: &Identity, required: bool) -> Result<ServerConfig, TlsError> {
    let provider: Arc<CryptoProvider> = Arc::new(provider::default_provider());
    let verifier = accepted.verifier(required, &provider)?;
    let key = PrivateKeyDer::from(identity.key.clone_key());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(setup)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![identity.certificate.clone()], key)
        .map_err(setup)?;
    // A client that offers others only is sent the alert no_application_protocol.
    config.alpn_protocols = [ALPN_MQTT, ALPN_MQTT_CERTIFICATE, ALPN_HTTP].map(<[u8]>::to_vec).into();
    Ok(config)
}

fn setup(error: impl std::fmt::Display) -> TlsError {
    TlsError::Setup(error.to_string())
}
