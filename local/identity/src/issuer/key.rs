//! Key pairs of the development issuer.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    RsaKeyPair,
};
use iot_local_base::files;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey};
use pem::Pem;
use serde_json::Value;
use thiserror::Error;

/// A kind of key. It may be used with several algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KeyKind {
    /// RSA with 2,048 bits, for RS* and PS*.
    Rsa,
    P256,
    P384,
    Ed25519,
}

/// A key pair. Debug output does not contain the private key.
#[derive(Clone)]
pub(super) struct DevelopmentKey {
    pub(super) kind: KeyKind,
    pub(super) kid: String,
    pub(super) encoding: EncodingKey,
    public: Jwk,
}

/// An error while a key pair is read or created.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The cryptographic library failed.
    #[error("cannot create a development key: the cryptographic library failed")]
    Generate,
    /// The file cannot be read or written.
    #[error("{}: {error}\n  help: check the folder's permissions", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The file does not contain a key of the expected kind.
    #[error(
        "{}: not a private key of the kind in the file's name\n  help: delete the file; a new key will be created",
        .0.display()
    )]
    Invalid(PathBuf),
}

impl KeyKind {
    /// The kind of key that an algorithm needs. Only asymmetric algorithms have one.
    pub(super) const fn for_algorithm(algorithm: Algorithm) -> Option<Self> {
        match algorithm {
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512 => Some(Self::Rsa),
            Algorithm::ES256 => Some(Self::P256),
            Algorithm::ES384 => Some(Self::P384),
            Algorithm::EdDSA => Some(Self::Ed25519),
            _ => None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::Ed25519 => "ed25519",
        }
    }

    /// An algorithm for this kind of key. The library needs one to extract the public key, which is the same for all.
    const fn any_algorithm(self) -> Algorithm {
        match self {
            Self::Rsa => Algorithm::RS256,
            Self::P256 => Algorithm::ES256,
            Self::P384 => Algorithm::ES384,
            Self::Ed25519 => Algorithm::EdDSA,
        }
    }
}

impl DevelopmentKey {
    /// Reads a key pair from a file, or creates both. Processes that do so at the same time get the same key pair.
    pub(super) fn open(path: &Path, kind: KeyKind) -> Result<Self, KeyError> {
        let failed = |error| KeyError::File { path: path.to_owned(), error };
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let der = generate(kind).ok_or(KeyError::Generate)?;
                let pem = pem::encode(&Pem::new("PRIVATE KEY", der));
                files::create_once(path, pem.as_bytes()).map_err(failed)?;
                std::fs::read_to_string(path).map_err(failed)?
            }
            result => result.map_err(failed)?,
        };
        Self::read(&text, kind).ok_or_else(|| KeyError::Invalid(path.to_owned()))
    }

    /// Creates a key pair that is not stored.
    pub(super) fn generate(kind: KeyKind) -> Result<Self, KeyError> {
        let der = generate(kind).ok_or(KeyError::Generate)?;
        Self::read(&pem::encode(&Pem::new("PRIVATE KEY", der)), kind).ok_or(KeyError::Generate)
    }

    /// Creates another key pair of the same kind with the same `kid`.
    pub(super) fn forged(&self) -> Result<Self, KeyError> {
        Ok(Self { kid: self.kid.clone(), ..Self::generate(self.kind)? })
    }

    /// Parses PKCS#8 in PEM (RFC 7468 section 10).
    fn read(text: &str, kind: KeyKind) -> Option<Self> {
        let encoding = match kind {
            KeyKind::Rsa => EncodingKey::from_rsa_pem(text.as_bytes()),
            KeyKind::P256 | KeyKind::P384 => EncodingKey::from_ec_pem(text.as_bytes()),
            KeyKind::Ed25519 => EncodingKey::from_ed_pem(text.as_bytes()),
        };
        let encoding = encoding.ok()?;
        let public = Jwk::from_encoding_key(&encoding, kind.any_algorithm()).ok()?;
        let kid = public.thumbprint(ThumbprintHash::SHA256).ok()?;
        Some(Self { kind, kid, encoding, public })
    }

    /// The public key, as the library reads it.
    pub(super) const fn public(&self) -> &Jwk {
        &self.public
    }

    /// The public key as a JWK (RFC 7517 section 4), with `alg` if an algorithm is given.
    pub(super) fn public_jwk(&self, algorithm: Option<Algorithm>) -> Value {
        let mut jwk = self.public.clone();
        jwk.common.key_id = Some(self.kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        jwk.common.key_algorithm = algorithm.map(Into::into);
        serde_json::to_value(jwk).unwrap_or_default()
    }
}

impl fmt::Debug for DevelopmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevelopmentKey")
            .field("kind", &self.kind)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// Generates a key pair as PKCS#8 (RFC 5208).
fn generate(kind: KeyKind) -> Option<Vec<u8>> {
    let der = match kind {
        KeyKind::Rsa => RsaKeyPair::generate(KeySize::Rsa2048).ok()?.as_der().ok()?.as_ref().to_vec(),
        KeyKind::P256 => ecdsa(&EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?)?,
        KeyKind::P384 => ecdsa(&EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).ok()?)?,
        KeyKind::Ed25519 => Ed25519KeyPair::generate().ok()?.to_pkcs8v1().ok()?.as_ref().to_vec(),
    };
    Some(der)
}

fn ecdsa(pair: &EcdsaKeyPair) -> Option<Vec<u8>> {
    Some(pair.to_pkcs8v1().ok()?.as_ref().to_vec())
}
