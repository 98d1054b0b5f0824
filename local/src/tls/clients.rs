//! Which client certificates are accepted.
//!
//! AWS IoT knows each certificate by itself, whoever signed it, and certificates of registered authorities. So does the
//! door: its own authority and those of `--client-ca` are believed, and beside them the very certificates of
//! `--client-certificate`.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::{TlsError, TlsOptions, setup};

/// Who is accepted, read once.
pub(super) struct Accepted {
    roots: Arc<RootCertStore>,
    registered: Arc<[CertificateDer<'static>]>,
}

impl Accepted {
    pub(super) fn read(options: &TlsOptions) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        roots.add(options.authority.certificate().clone()).map_err(setup)?;
        if let Some(path) = &options.client_ca {
            for certificate in read(path)? {
                roots.add(certificate).map_err(|error| wrong(path, error))?;
            }
        }
        let registered = match &options.client_certificate {
            Some(path) => read(path)?.into(),
            None => Arc::default(),
        };
        Ok(Self { roots: Arc::new(roots), registered })
    }

    /// What checks a certificate, which the client has to present if it is `required`.
    pub(super) fn verifier(
        &self,
        required: bool,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let signed =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.roots), Arc::clone(provider));
        let signed = if required { signed } else { signed.allow_unauthenticated() };
        let signed = signed.build().map_err(setup)?;
        Ok(Arc::new(Verifier { signed, registered: Arc::clone(&self.registered) }))
    }
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| wrong(path, error))?;
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>().map_err(|error| wrong(path, error))?;
    if certificates.is_empty() { Err(wrong(path, "it holds no CERTIFICATE block")) } else { Ok(certificates) }
}

fn wrong(path: &Path, fault: impl std::fmt::Display) -> TlsError {
    TlsError::ClientCertificates { path: path.to_owned(), fault: fault.to_string() }
}

#[derive(Debug)]
struct Verifier {
    signed: Arc<dyn ClientCertVerifier>,
    registered: Arc<[CertificateDer<'static>]>,
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.signed.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // A client may hold back a certificate that none of these has signed.
        if self.registered.is_empty() { self.signed.root_hint_subjects() } else { &[] }
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
        self.signed.verify_client_cert(end_entity, intermediates, now)
    }

    // That the client holds the certificate's key is checked for all alike.

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Authority;

    #[test]
    fn a_file_without_certificates_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("private")).unwrap();
        let authority = Arc::new(Authority::open(folder.path()).unwrap());
        let accepted = |authorities: Option<&Path>, certificates: Option<&Path>| {
            Accepted::read(&TlsOptions {
                port: 0,
                authority: Arc::clone(&authority),
                client_ca: authorities.map(Path::to_owned),
                client_certificate: certificates.map(Path::to_owned),
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
            for result in [accepted(Some(&path), None), accepted(None, Some(&path))] {
                let error = result.err().unwrap().to_string();
                assert!(error.contains("given.pem: ") && error.contains(expected), "{content:?}: {error}");
            }
        }
        let good = accepted(Some(authority.path()), Some(authority.path())).unwrap();
        assert_eq!((good.roots.len(), good.registered.len()), (2, 1));
    }
}
