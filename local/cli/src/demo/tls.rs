//! The TLS configuration of devices.

use std::sync::Arc;

use iot_local_gateway::certificate::Authority;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::DemoError;

/// Returns the configuration of a client that trusts the gateway's CA, with its certificate and its key.
///
/// # Errors
/// The key does not fit the certificate.
pub(super) fn client_config(
    authority: &Authority,
    identity: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
) -> Result<Arc<ClientConfig>, DemoError> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().clone())?;
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    Ok(Arc::new(match identity {
        Some((certificate, key)) => config.with_client_auth_cert(vec![certificate], key)?,
        None => config.with_no_client_auth(),
    }))
}
