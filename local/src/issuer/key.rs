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
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey};
use pem::Pem;
use serde_json::Value;
use thiserror::Error;

use crate::workspace::files;

/// A kind of key, which may serve several algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KeyKind {
    /// 2,048 bits, for RS* and PS*.
    Rsa,
    P256,
    P384,
    Ed25519,
}

/// A key pair. Its private half shows in no output.
#[derive(Clone)]
pub(super) struct SigningKey {
    pub(super) kind: KeyKind,
    pub(super) kid: String,
    pub(super) encoding: EncodingKey,
    public: Jwk,
}

/// Why there is no key pair.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The cryptographic library makes none.
    #[error("a development key cannot be made: the cryptographic library refuses")]
    Generate,
    /// The file is not there for us.
    #[error("{}: {error}; check the folder's permissions", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file holds something else.
    #[error("{}: it is no private key of the kind that its name says; delete it and a new one is made", .0.display())]
    Damaged(PathBuf),
}

impl KeyKind {
    /// The kind that an algorithm signs with; HMAC algorithms have none here.
    pub(super) const fn of(algorithm: Algorithm) -> Option<Self> {
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

    /// Any algorithm of the kind: the library wants one to take a key apart, and the parts are the same.
    const fn some_algorithm(self) -> Algorithm {
        match self {
            Self::Rsa => Algorithm::RS256,
            Self::P256 => Algorithm::ES256,
            Self::P384 => Algorithm::ES384,
            Self::Ed25519 => Algorithm::EdDSA,
        }
    }
}

impl SigningKey {
    /// Reads a key pair, or makes and keeps one where there is none. Two processes that start at once end up
    /// with the same.
    pub(super) fn open(path: &Path, kind: KeyKind) -> Result<Self, KeyError> {
        let file = |error| KeyError::File { path: path.to_owned(), error };
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = pem::encode(&Pem::new("PRIVATE KEY", generate(kind).ok_or(KeyError::Generate)?));
                files::create_once(path, made.as_bytes()).map_err(file)?;
                std::fs::read_to_string(path).map_err(file)?
            }
            read => read.map_err(file)?,
        };
        Self::read(&text, kind).ok_or_else(|| KeyError::Damaged(path.to_owned()))
    }

    /// Makes a key pair that is kept nowhere.
    pub(super) fn generate(kind: KeyKind) -> Result<Self, KeyError> {
        let der = generate(kind).ok_or(KeyError::Generate)?;
        Self::read(&pem::encode(&Pem::new("PRIVATE KEY", der)), kind).ok_or(KeyError::Generate)
    }

    /// Another key pair of the same kind under the same name.
    pub(super) fn impostor(&self) -> Result<Self, KeyError> {
        Ok(Self { kid: self.kid.clone(), ..Self::generate(self.kind)? })
    }

    /// Reads PKCS#8 in PEM (RFC 7468 section 10).
    fn read(text: &str, kind: KeyKind) -> Option<Self> {
        let encoding = match kind {
            KeyKind::Rsa => EncodingKey::from_rsa_pem(text.as_bytes()),
            KeyKind::P256 | KeyKind::P384 => EncodingKey::from_ec_pem(text.as_bytes()),
            KeyKind::Ed25519 => EncodingKey::from_ed_pem(text.as_bytes()),
        };
        let encoding = encoding.ok()?;
        let public = Jwk::from_encoding_key(&encoding, kind.some_algorithm()).ok()?;
        let kid = public.thumbprint(ThumbprintHash::SHA256).ok()?;
        Some(Self { kind, kid, encoding, public })
    }

    /// The public half (RFC 7517 section 4).
    pub(super) fn public_jwk(&self, algorithm: Option<Algorithm>) -> Value {
        let mut jwk = self.public.clone();
        jwk.common.key_id = Some(self.kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        jwk.common.key_algorithm = algorithm.map(Into::into);
        serde_json::to_value(jwk).unwrap_or_default()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kind", &self.kind).field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// A new key pair as PKCS#8 (RFC 5208).
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
