//! The client certificates of the handshake.
//!
//! AWS IoT completes the handshake with any certificate whose key the client holds, whatever its version, CA, validity
//! or state, and decides at the CONNECT. rustls' own verifier rejects version 1, as OpenSSL creates by default, even
//! when it checks only the signature. So the key is read here and the signature is checked with the key alone.

use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use tokio_rustls::rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerMisbehaved, SignatureScheme,
};
use webpki::RawPublicKeyEntity;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The longest certificate, DER. RegisterCertificate has the same limit, for PEM.
/// <https://docs.aws.amazon.com/iot/latest/apireference/API_RegisterCertificate.html>
const MAX_CERTIFICATE_BYTES: usize = 65_536;

/// Accepts every certificate whose private key the client holds.
#[derive(Debug)]
pub(super) struct AnyCertificate {
    /// Whether a client without a certificate is rejected, with the alert certificate_required in TLS 1.3.
    pub(super) is_required: bool,
    /// The signature algorithms of the handshake.
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    /// Names no CA: a client would not send the certificate of another one.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        key_of(end_entity).map(|_| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = key_of(certificate)?;
        let key =
            RawPublicKeyEntity::try_from(&key).map_err(|_| Error::from(CertificateError::BadEncoding))?;
        let supported = self.algorithms.mapping.iter().find(|(scheme, _)| *scheme == signature.scheme);
        let Some((_, algorithms)) = supported else {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        };
        // In TLS 1.2 a scheme names no curve, so it has an algorithm for each.
        let verifies = |algorithm| key.verify_signature(algorithm, message, signature.signature()).is_ok();
        match algorithms.iter().any(|algorithm| verifies(*algorithm)) {
            true => Ok(HandshakeSignatureValid::assertion()),
            false => Err(CertificateError::BadSignature.into()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature_with_raw_key(message, &key_of(certificate)?, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Returns the public key of a certificate of any version.
fn key_of(certificate: &[u8]) -> Result<SubjectPublicKeyInfoDer<'static>, Error> {
    if certificate.len() > MAX_CERTIFICATE_BYTES {
        return Err(CertificateError::BadEncoding.into());
    }
    match X509Certificate::from_der(certificate) {
        Ok(([], certificate)) => Ok(certificate.public_key().raw.to_vec().into()),
        Ok(_) | Err(_) => Err(CertificateError::BadEncoding.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_x509_certificate_of_limited_size_has_a_key() {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
        let der = certificate.der().to_vec();
        assert!(key_of(&der).is_ok());
        let with_extension = |bytes: usize| {
            let mut params = rcgen::CertificateParams::default();
            let extension = rcgen::CustomExtension::from_oid_content(&[1, 2, 3], vec![0; bytes]);
            params.custom_extensions = vec![extension];
            params.self_signed(&key).unwrap().der().to_vec()
        };
        assert!(key_of(&with_extension(60_000)).is_ok());
        for (name, bytes) in [
            ("empty", Vec::new()),
            ("cut", der[..der.len() - 1].to_vec()),
            ("followed", [&der[..], &[0]].concat()),
            ("text", b"-----BEGIN CERTIFICATE-----".to_vec()),
            ("a key", key.serialize_der()),
            ("too long", with_extension(MAX_CERTIFICATE_BYTES)),
        ] {
            assert!(key_of(&bytes).is_err(), "{name}");
        }
    }
}
