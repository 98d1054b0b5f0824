//! The TLS configuration of the gateway: its certificate, and the client certificates that it accepts.
//!
//! AWS IoT selects the protocol by port and ALPN. Here one port serves all protocols, so only ALPN selects: `mqtt` and
//! `x-amzn-mqtt-ca` select MQTT, `http/1.1` selects HTTP. Without ALPN, the first byte selects.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/protocols.html>

mod clients;

use std::path::PathBuf;
use std::sync::Arc;

use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::ClientHello;

use self::clients::AcceptedCertificates;
use crate::certificate::{Authority, AuthorityError, Identity};

/// The ALPN name of MQTT with custom authentication.
pub const ALPN_MQTT: &[u8] = b"mqtt";

/// The ALPN name of MQTT with a client certificate, which is then required.
pub const ALPN_MQTT_CERTIFICATE: &[u8] = b"x-amzn-mqtt-ca";

/// The ALPN name of HTTPS publishes and WebSocket.
pub const ALPN_HTTP: &[u8] = b"http/1.1";

/// The configuration of the TLS port.
#[derive(Clone)]
pub struct TlsOptions {
    /// The port; 0 selects a free one.
    pub port: u16,
    /// The CA that signs the gateway's certificate. Its client certificates are accepted.
    pub authority: Arc<Authority>,
    /// A PEM file with further CA certificates. Client certificates of these CAs are accepted.
    pub client_ca: Option<PathBuf>,
    /// A PEM file with client certificates that are accepted whatever CA signed them.
    pub client_certificate: Option<PathBuf>,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The gateway's certificate cannot be created.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A file with certificates is unusable.
    #[error(
        "{}: {error}\n  help: --client-ca and --client-certificate expect PEM files with certificates",
        path.display()
    )]
    ClientCertificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: String,
    },
    /// rustls rejects the configuration.
    #[error("cannot set up TLS: {0}")]
    Setup(String),
}

/// The TLS configurations for clients.
pub struct Tls {
    /// A client certificate is optional. A certificate that is not accepted ends the handshake.
    optional: Arc<ServerConfig>,
    /// A client certificate is required.
    required: Arc<ServerConfig>,
}

impl Tls {
    /// Creates the gateway's certificate and reads the accepted client certificates.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn new(options: &TlsOptions) -> Result<Self, TlsError> {
        let identity = options.authority.server()?;
        let accepted = AcceptedCertificates::read(options)?;
        let optional = config(&accepted, &identity, false)?;
        let required = config(&accepted, &identity, true)?;
        Ok(Self { optional: Arc::new(optional), required: Arc::new(required) })
    }

    /// Returns the configuration for a client's handshake.
    #[must_use]
    pub fn config_for(&self, hello: &ClientHello<'_>) -> Arc<ServerConfig> {
        let offered: Vec<&[u8]> = hello.alpn().into_iter().flatten().collect();
        let is_required = offered.contains(&ALPN_MQTT_CERTIFICATE) && !offered.contains(&ALPN_MQTT);
        Arc::clone(if is_required { &self.required } else { &self.optional })
    }
}

fn config(
    accepted: &AcceptedCertificates,
    identity: &Identity,
    is_certificate_required: bool,
) -> Result<ServerConfig, TlsError> {
    let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
    let verifier = accepted.verifier(is_certificate_required, &provider)?;
    let key = PrivateKeyDer::from(identity.key.clone_key());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(setup_error)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![identity.certificate.clone()], key)
        .map_err(setup_error)?;
    // A client that offers only other names gets the alert no_application_protocol (RFC 7301, section 3.2).
    config.alpn_protocols = [ALPN_MQTT, ALPN_MQTT_CERTIFICATE, ALPN_HTTP].map(<[u8]>::to_vec).into();
    Ok(config)
}

fn setup_error(error: impl std::fmt::Display) -> TlsError {
    TlsError::Setup(error.to_string())
}
