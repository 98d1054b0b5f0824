//! The accepted client certificates.
//!
//! AWS IoT accepts registered certificates, whatever CA signed them, and certificates of registered CAs. The gateway
//! accepts the certificates in `--client-certificate`, and those of its own CA and of the CAs in `--client-ca`.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::{TlsError, TlsOptions, setup_error};

/// The accepted CAs and certificates.
pub(super) struct AcceptedCertificates {
    roots: Arc<RootCertStore>,
    registered: Arc<[CertificateDer<'static>]>,
}

impl AcceptedCertificates {
    pub(super) fn read(options: &TlsOptions) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        roots.add(options.authority.certificate().clone()).map_err(setup_error)?;
        if let Some(path) = &options.client_ca {
            for certificate in read_certificates(path)? {
                roots.add(certificate).map_err(|error| file_error(path, error))?;
            }
        }
        let registered = match &options.client_certificate {
            Some(path) => read_certificates(path)?.into(),
            None => Arc::default(),
        };
        Ok(Self { roots: Arc::new(roots), registered })
    }

    /// Returns a verifier of client certificates.
    pub(super) fn verifier(
        &self,
        is_required: bool,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let by_authority =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.roots), Arc::clone(provider));
        let by_authority = if is_required { by_authority } else { by_authority.allow_unauthenticated() };
        let by_authority = by_authority.build().map_err(setup_error)?;
        Ok(Arc::new(Verifier { by_authority, registered: Arc::clone(&self.registered) }))
    }
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| file_error(path, error))?;
    let certificates: Vec<_> =
        certificates.collect::<Result<_, _>>().map_err(|error| file_error(path, error))?;
    if certificates.is_empty() { Err(file_error(path, "no CERTIFICATE block")) } else { Ok(certificates) }
}

fn file_error(path: &Path, error: impl std::fmt::Display) -> TlsError {
    TlsError::ClientCertificates { path: path.to_owned(), error: error.to_string() }
}

#[derive(Debug)]
struct Verifier {
    by_authority: Arc<dyn ClientCertVerifier>,
    registered: Arc<[CertificateDer<'static>]>,
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.by_authority.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // A client may withhold a registered certificate if the hints do not name its CA.
        if self.registered.is_empty() { self.by_authority.root_hint_subjects() } else { &[] }
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.registered.contains(end_entity) {
            return Ok(ClientCertVerified::assertion());
        }
        self.by_authority.verify_client_cert(end_entity, intermediates, now)
    }

    // A registered certificate needs the proof of its key too.

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authority.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authority.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_authority.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::Authority;

    #[test]
    fn a_file_without_certificates_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("private")).unwrap();
        let authority = Arc::new(Authority::open(folder.path()).unwrap());
        let read = |client_ca: Option<&Path>, client_certificate: Option<&Path>| {
            AcceptedCertificates::read(&TlsOptions {
                port: 0,
                authority: Arc::clone(&authority),
                client_ca: client_ca.map(Path::to_owned),
                client_certificate: client_certificate.map(Path::to_owned),
            })
        };
        for (content, expected) in [
            (None, "No such file"),
            (Some(String::new()), "no CERTIFICATE block"),
            (Some(authority.client("c").unwrap().pem().1), "no CERTIFICATE block"),
            (Some("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_owned()), "base64"),
        ] {
            let path = folder.path().join("given.pem");
            let _ = std::fs::remove_file(&path);
            if let Some(content) = &content {
                std::fs::write(&path, content).unwrap();
            }
            for result in [read(Some(&path), None), read(None, Some(&path))] {
                let error = result.err().unwrap().to_string();
                assert!(error.contains("given.pem: ") && error.contains(expected), "{content:?}: {error}");
            }
        }
        let accepted = read(Some(authority.path()), Some(authority.path())).unwrap();
        assert_eq!((accepted.roots.len(), accepted.registered.len()), (2, 1));
    }
}
