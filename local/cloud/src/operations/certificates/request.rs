//! Certification requests of devices (CSRs, RFC 2986).

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use crate::error::ApiError;
use crate::operations::expected;
use crate::signature;

/// The longest CSR, in characters.
/// <https://docs.aws.amazon.com/iot/latest/apireference/API_CreateCertificateFromCsr.html>
const MAX_CHARACTERS: usize = 4096;

/// What a certificate takes over from a CSR. The extensions that it asks for are not taken over.
pub(super) struct CertificationRequest {
    /// The subject, DER.
    pub(super) subject: Vec<u8>,
    /// The public key as a `SubjectPublicKeyInfo`, DER.
    pub(super) public_key: Vec<u8>,
}

impl CertificationRequest {
    /// Reads a CSR and checks that its sender has the private key.
    ///
    /// # Errors
    /// 400 for a text that is not one CSR in PEM, a key that AWS IoT does not accept, or an invalid signature.
    pub(super) fn read(text: &str) -> Result<Self, ApiError> {
        let invalid = |form| expected("certificateSigningRequest", form);
        if text.chars().count() > MAX_CHARACTERS {
            return Err(invalid("4096 characters at most"));
        }
        let blocks = pem::parse_many(text).unwrap_or_default();
        let [block] = blocks.as_slice() else { return Err(invalid("one certificate request in PEM")) };
        if !matches!(block.tag(), "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST") {
            return Err(invalid("one certificate request in PEM"));
        }
        let parsed = X509CertificationRequest::from_der(block.contents());
        let Ok((&[], request)) = parsed else { return Err(invalid("a certificate request (PKCS #10)")) };
        let info = &request.certification_request_info;
        if !signature::is_supported_key(&info.subject_pki) {
            return Err(invalid("a key of RSA with at least 2048 bits, P-256, P-384 or P-521"));
        }
        let (algorithm, value) = (&request.signature_algorithm, &request.signature_value);
        if !signature::verify(&info.subject_pki, algorithm, value, info.raw) {
            return Err(invalid(
                "a signature by the key that the request is for, with SHA-256, SHA-384 or SHA-512",
            ));
        }
        Ok(Self { subject: info.subject.as_raw().to_vec(), public_key: info.subject_pki.raw.to_vec() })
    }
}
