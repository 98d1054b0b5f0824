//! The TLS configurations of the gateway: its certificate, its ports, and when a client certificate is required.
//!
//! AWS IoT selects the protocol by port and ALPN. Here 8443 stands for its port 443: `mqtt` and `x-amzn-mqtt-ca` select
//! MQTT, `http/1.1` and `x-amzn-http-ca` select HTTP. Without ALPN, the first byte selects. Port 8883 is MQTT only.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/protocols.html>

mod verifier;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::ClientHello;

use self::verifier::AnyCertificate;
use crate::alpn::{ALPN_NAMES, TlsPort};
use crate::auth::endpoint::{CertificateUse, EndpointSettings};
use crate::certificate::{Authority, AuthorityError, Identity};

/// The configuration of the TLS ports.
#[derive(Clone)]
pub struct TlsOptions {
    /// The port that stands for AWS IoT's port 443; 0 selects a free one.
    pub port: u16,
    /// The port of MQTT with client certificates, 8883 on AWS IoT; 0 selects a free one.
    pub mqtts_port: u16,
    /// The CA that signs the gateway's certificate.
    pub authority: Arc<Authority>,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The gateway's certificate cannot be created.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// rustls rejects the configuration.
    #[error("cannot set up TLS: {0}")]
    Setup(String),
}

/// The TLS configurations of domains, each with a certificate for its name. They are made at the first handshake.
pub(crate) struct DomainTls {
    authority: Arc<Authority>,
    made: Mutex<HashMap<DomainKey, Arc<Tls>>>,
}

/// The domain name, the port, and when the clients present certificates.
type DomainKey = (String, TlsPort, EndpointSettings);

/// Domains that were deleted are forgotten with all others when there are so many.
const MAX_DOMAINS: usize = 64;

impl DomainTls {
    pub(crate) fn new(authority: Arc<Authority>) -> Self {
        Self { authority, made: Mutex::default() }
    }

    /// Returns the configurations of a domain.
    ///
    /// # Errors
    /// The certificate cannot be created.
    pub(crate) fn of(
        &self,
        name: &str,
        port: TlsPort,
        endpoint: EndpointSettings,
    ) -> Result<Arc<Tls>, TlsError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name.to_owned(), port, endpoint);
        if let Some(found) = made.get(&key) {
            return Ok(Arc::clone(found));
        }
        if made.len() >= MAX_DOMAINS {
            made.clear();
        }
        let tls = Arc::new(Tls::new(port, &self.authority.server_for(name)?, endpoint)?);
        made.insert(key, Arc::clone(&tls));
        Ok(tls)
    }
}

/// The TLS configurations for clients of one port.
pub struct Tls {
    /// The port.
    pub port: TlsPort,
    /// When the clients present certificates.
    endpoint: EndpointSettings,
    /// A client certificate is optional.
    optional: Arc<ServerConfig>,
    /// A client certificate is required.
    required: Arc<ServerConfig>,
    /// No client certificate is requested.
    without: Arc<ServerConfig>,
}

impl Tls {
    /// Creates the configurations of a port with the gateway's certificate.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn new(port: TlsPort, identity: &Identity, endpoint: EndpointSettings) -> Result<Self, TlsError> {
        let config = |certificates| config(port, identity, certificates).map(Arc::new);
        Ok(Self {
            port,
            endpoint,
            optional: config(CertificateUse::Optional)?,
            required: config(CertificateUse::Required)?,
            without: config(CertificateUse::Ignored)?,
        })
    }

    /// Returns the configuration for a client's handshake.
    #[must_use]
    pub fn config_for(&self, hello: &ClientHello<'_>) -> Arc<ServerConfig> {
        let offered: Vec<&[u8]> = hello.alpn().into_iter().flatten().collect();
        Arc::clone(match self.endpoint.certificate_use(self.port, &offered) {
            CertificateUse::Optional => &self.optional,
            CertificateUse::Required => &self.required,
            CertificateUse::Ignored => &self.without,
        })
    }
}

fn config(
    port: TlsPort,
    identity: &Identity,
    certificates: CertificateUse,
) -> Result<ServerConfig, TlsError> {
    let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let key = PrivateKeyDer::from(identity.key.clone_key());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(setup_error)?;
    let is_required = certificates == CertificateUse::Required;
    let builder = match certificates {
        CertificateUse::Ignored => builder.with_no_client_auth(),
        _ => builder.with_client_cert_verifier(Arc::new(AnyCertificate { is_required, algorithms })),
    };
    let mut config =
        builder.with_single_cert(vec![identity.certificate.clone()], key).map_err(setup_error)?;
    // A client that offers only other names gets the alert no_application_protocol (RFC 7301, section 3.2). On 8883
    // AWS IoT needs no ALPN, and so no name is selected there.
    if port == TlsPort::Https {
        config.alpn_protocols = ALPN_NAMES.map(<[u8]>::to_vec).into();
    }
    Ok(config)
}

fn setup_error(error: impl std::fmt::Display) -> TlsError {
    TlsError::Setup(error.to_string())
}
