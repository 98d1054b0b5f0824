//! The public keys that verify the signatures of tokens.

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use thiserror::Error;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// A public key for token signatures: RSA with 2048 to 8192 bits.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth.html>
#[derive(Debug, Clone)]
pub struct SigningKey {
    key: ParsedPublicKey,
    pem: String,
}

/// Why a text is not a signing key.
#[derive(Debug, Error)]
pub enum NotASigningKey {
    /// The text is not PEM.
    #[error("not PEM: {0}\n  help: convert the key with `openssl pkey -pubout`")]
    Pem(#[from] pem::PemError),
    /// The PEM block has another label.
    #[error(
        "unexpected PEM block {0:?}; expected \"PUBLIC KEY\"\n  help: convert the key with `openssl pkey -pubout`"
    )]
    Label(String),
    /// The key has another type or size.
    #[error("unsupported key; expected an RSA key with 2048 to 8192 bits")]
    Key,
}

impl SigningKey {
    /// Parses a PEM block `PUBLIC KEY`.
    ///
    /// # Errors
    /// See [`NotASigningKey`].
    pub fn from_pem(text: &str) -> Result<Self, NotASigningKey> {
        let block = pem::parse(text)?;
        if block.tag() != "PUBLIC KEY" {
            return Err(NotASigningKey::Label(block.tag().to_owned()));
        }
        let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, block.contents());
        let key = key.map_err(|_| NotASigningKey::Key)?;
        // The parser reads RSA keys of any size.
        if !rsa_bits(block.contents()).is_some_and(|bits| (2048..=8192).contains(&bits)) {
            return Err(NotASigningKey::Key);
        }
        Ok(Self { key, pem: text.to_owned() })
    }

    /// Returns whether a signature (RS256) is one of this key over a token.
    #[must_use]
    pub fn verifies(&self, token: &str, signature: &[u8]) -> bool {
        self.key.verify_sig(token.as_bytes(), signature).is_ok()
    }

    /// Returns the PEM as it was read.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }
}

/// Returns the size of the RSA key of a SubjectPublicKeyInfo (RFC 5280, section 4.1).
fn rsa_bits(der: &[u8]) -> Option<usize> {
    let (_, info) = SubjectPublicKeyInfo::from_der(der).ok()?;
    match info.parsed().ok()? {
        PublicKey::RSA(key) => Some(key.key_size()),
        _ => None,
    }
}
