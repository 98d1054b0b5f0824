//! Certificates as callers send them.

use crate::certificate::CertificateFacts;
use crate::error::{ApiError, ErrorKind};
use crate::issuer::pem_text;

/// The longest certificate, in characters.
/// <https://docs.aws.amazon.com/iot/latest/apireference/API_RegisterCertificate.html>
const MAX_CHARACTERS: usize = 65_536;

/// A certificate that a caller sent.
pub(crate) struct SentCertificate {
    /// Its DER encoding.
    pub(crate) der: Vec<u8>,
    /// What is read from it.
    pub(crate) facts: CertificateFacts,
    /// The text that is kept: as it was sent, without anything around the certificate.
    pub(crate) pem: String,
}

/// Reads a member with one certificate of version 1 or 3.
///
/// # Errors
/// 400: too long, not one certificate in PEM, or unreadable. The text may hold a private key and is not repeated.
pub(crate) fn read_certificate(member: &str, text: &str) -> Result<SentCertificate, ApiError> {
    let invalid =
        |what: String| ApiError::new(ErrorKind::CertificateValidation, format!("invalid {member}; {what}"));
    if text.chars().count() > MAX_CHARACTERS {
        return Err(ApiError::invalid(format!(
            "invalid {member}; expected {MAX_CHARACTERS} characters at most"
        )));
    }
    let blocks = pem::parse_many(text).unwrap_or_default();
    if blocks.iter().any(|block| block.tag().ends_with("PRIVATE KEY")) {
        return Err(invalid(
            "expected a certificate without its private key, which AWS IoT never needs".to_owned(),
        ));
    }
    let [block] = blocks.as_slice() else {
        return Err(invalid("expected one certificate in PEM".to_owned()));
    };
    if !matches!(block.tag(), "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE") {
        return Err(invalid("expected one certificate in PEM".to_owned()));
    }
    let der = block.contents().to_vec();
    let facts = CertificateFacts::read(&der).map_err(|error| invalid(error.to_string()))?;
    let normal = pem_text("CERTIFICATE", &der);
    let is_certificate_alone = text.split_whitespace().eq(normal.split_whitespace());
    Ok(SentCertificate { der, facts, pem: if is_certificate_alone { text.to_owned() } else { normal } })
}
