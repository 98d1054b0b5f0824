//! The public keys for token signatures, `tokenSigningPublicKeys` of an authorizer.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth.html>

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::{PublicKey, RSAPublicKey};
use x509_parser::x509::SubjectPublicKeyInfo;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// The labels of public keys: X.509 (RFC 7468 section 13) and PKCS #1 (RFC 8017 appendix A.1.1).
const PUBLIC: [&str; 2] = ["PUBLIC KEY", "RSA PUBLIC KEY"];

/// How the public keys of OpenSSH begin (RFC 4253 section 6.6).
const OPEN_SSH: [&str; 4] = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];

/// A public key for token signatures: RSA with 2048 to 8192 bits.
#[derive(Debug, Clone)]
pub struct SigningKey {
    key: ParsedPublicKey,
    pem: String,
}

/// Why a text is not a signing key. It holds nothing of the text but the label of a PEM block.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NotASigningKey {
    /// The text has no PEM block.
    #[error("not PEM; expected a block \"PUBLIC KEY\"")]
    NotPem,
    /// A private key.
    #[error(
        "a private key; expected the public half\n  help: extract it with `openssl pkey -in FILE -pubout`"
    )]
    Private,
    /// A private key in the format of OpenSSH, which the command `openssl` does not read.
    #[error(
        "a private key of OpenSSH; expected the public half\n  help: extract it with `ssh-keygen -e -m PKCS8 -f FILE`"
    )]
    OpenSshPrivate,
    /// A public key in the format of OpenSSH.
    #[error("an OpenSSH public key; expected PEM\n  help: convert it with `ssh-keygen -e -m PKCS8 -f FILE`")]
    OpenSsh,
    /// A certificate in place of its public key.
    #[error(
        "a certificate; expected its public key\n  help: extract it with `openssl x509 -in FILE -pubkey -noout`"
    )]
    Certificate,
    /// The PEM block has another label.
    #[error("unexpected PEM block {0:?}; expected \"PUBLIC KEY\" or \"RSA PUBLIC KEY\"")]
    Label(String),
    /// The key is damaged, or has another type or size.
    #[error("damaged or unsupported key; expected an RSA key with 2048 to 8192 bits")]
    Key,
}

impl SigningKey {
    /// Parses PEM with a block `PUBLIC KEY` or `RSA PUBLIC KEY`. Line ends may be written out as `\n`, as environment
    /// variables have them, or be doubled: base64 has neither a backslash nor white space.
    ///
    /// # Errors
    /// See [`NotASigningKey`].
    pub fn from_pem(text: &str) -> Result<Self, NotASigningKey> {
        let labels = || blocks(text).map(|(label, _)| label);
        if let Some(private) = labels().find(|label| label.ends_with("PRIVATE KEY")) {
            return Err(match private {
                "OPENSSH PRIVATE KEY" => NotASigningKey::OpenSshPrivate,
                _ => NotASigningKey::Private,
            });
        }
        let Some((_, body)) = blocks(text).find(|(label, _)| PUBLIC.contains(label)) else {
            return Err(match labels().next() {
                Some(label) if label.ends_with("CERTIFICATE") => NotASigningKey::Certificate,
                Some(label) => NotASigningKey::Label(label.to_owned()),
                None if OPEN_SSH.iter().any(|start| text.trim_start().starts_with(start)) => {
                    NotASigningKey::OpenSsh
                }
                None => NotASigningKey::NotPem,
            });
        };
        let base64: String = body.replace("\\r", "").replace("\\n", "").split_whitespace().collect();
        let der = STANDARD.decode(base64).map_err(|_| NotASigningKey::Key)?;
        // The parser of the signature's library reads RSA keys of any size.
        if !rsa_bits(&der).is_some_and(|bits| (2048..=8192).contains(&bits)) {
            return Err(NotASigningKey::Key);
        }
        let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).map_err(|_| NotASigningKey::Key)?;
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

/// Returns the size of an RSA key: a SubjectPublicKeyInfo (RFC 5280, section 4.1), or the key of PKCS #1 itself.
fn rsa_bits(der: &[u8]) -> Option<usize> {
    if let Ok((_, key)) = RSAPublicKey::from_der(der) {
        return Some(key.key_size());
    }
    let (_, info) = SubjectPublicKeyInfo::from_der(der).ok()?;
    match info.parsed().ok()? {
        PublicKey::RSA(key) => Some(key.key_size()),
        _ => None,
    }
}

/// The label and the base64 of each PEM block.
fn blocks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(BEGIN).skip(1).filter_map(|block| {
        let (label, rest) = block.split_once(DASHES)?;
        Some((label, rest.split_once("-----END ")?.0))
    })
}

#[cfg(test)]
mod tests;
