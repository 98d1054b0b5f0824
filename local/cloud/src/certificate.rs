//! Certificates of devices: what is read from them, whatever their version.

use aws_lc_rs::digest;
use iot_local_base::hex;
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer, X509Certificate};

/// What the registry keeps of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// The certificate id of AWS IoT: the SHA-256 of the DER encoding, 64 hexadecimal digits.
    pub id: String,
    /// Start of the validity, seconds since 1970.
    pub not_before: i64,
    /// End of the validity, seconds since 1970.
    pub not_after: i64,
}

/// The bytes are not an X.509 certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an X.509 certificate: {0}")]
pub struct UnreadableCertificate(String);

impl CertificateFacts {
    /// Reads a certificate of version 1 or 3.
    ///
    /// # Errors
    /// See [`UnreadableCertificate`].
    pub fn read(der: &[u8]) -> Result<Self, UnreadableCertificate> {
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|error| UnreadableCertificate(error.to_string()))?;
        if !rest.is_empty() {
            return Err(UnreadableCertificate(format!("{} bytes follow it", rest.len())));
        }
        let validity = certificate.validity();
        Ok(Self {
            id: hex::encode(digest::digest(&digest::SHA256, der).as_ref()),
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
        })
    }
}
