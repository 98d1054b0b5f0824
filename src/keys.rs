//! Public keys: which algorithms each is good for, and which of an issuer's keys a token may be tried with.
//!
//! RFC 8725 section 3.1: the key carries its algorithm, and the token's header may only agree.

pub mod fetch;
mod file;
mod http;
mod jwk;
pub mod origin;
mod pem;
mod published;
pub mod secret;
pub mod sources;

pub use file::{KeyFault, KeyFile};
pub use jwk::Unusable;

use std::fmt;

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use smallvec::SmallVec;

use crate::denial::Code;
use crate::token::Header;

/// How many keys a token that names none is tried with.
const MAX_CANDIDATES: usize = 4;

/// The keys that a token is tried with. Nearly always it is one.
pub type Candidates<'k> = SmallVec<[&'k Key; 1]>;

/// The signature algorithms that can be named. HMAC and `none` cannot.
///
/// RFC 7518 section 3.1, RFC 8037 section 3.1, RFC 9864 section 2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512
    Rs512,
    /// RSASSA-PSS with SHA-256
    Ps256,
    /// RSASSA-PSS with SHA-384
    Ps384,
    /// RSASSA-PSS with SHA-512
    Ps512,
    /// ECDSA on P-256 with SHA-256
    Es256,
    /// ECDSA on P-384 with SHA-384
    Es384,
    /// Ed25519; `EdDSA` is its older name
    Ed25519,
}

/// The families of keys, each with the algorithms that it can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA of 2,048 bits and more
    Rsa,
    /// P-256
    P256,
    /// P-384
    P384,
    /// Ed25519
    Ed25519,
}

impl Algorithm {
    /// Reads an `alg`; case counts (RFC 7515 section 4.1.1).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "EdDSA" | "Ed25519" => Self::Ed25519,
            _ => return None,
        })
    }

    /// The kind of key that it takes.
    #[must_use]
    pub const fn kind(self) -> KeyKind {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => KeyKind::Rsa,
            Self::Es256 => KeyKind::P256,
            Self::Es384 => KeyKind::P384,
            Self::Ed25519 => KeyKind::Ed25519,
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Self::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
            Self::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
            Self::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
            Self::Ed25519 => &signature::ED25519,
        }
    }
}

/// A sound public key, made ready for each of its issuer's algorithms that it may serve.
#[derive(Clone)]
pub struct Key {
    kid: Option<Box<str>>,
    thumbprint: Box<str>,
    verifiers: Vec<(Algorithm, ParsedPublicKey)>,
}

impl Key {
    /// The key's name in its set.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// RFC 7638, SHA-256, base64url.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// What checks signatures of `algorithm`, if the key is good for that.
    #[must_use]
    pub fn verifier(&self, algorithm: Algorithm) -> Option<&ParsedPublicKey> {
        self.verifiers.iter().find(|(own, _)| *own == algorithm).map(|(_, verifier)| verifier)
    }

    /// Whether anybody can read its private half: in a standard, or in public test vectors.
    #[must_use]
    pub fn is_published(&self) -> bool {
        published::is_published(&self.thumbprint)
    }

    /// Whether the key serves any of its issuer's algorithms.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.verifiers.is_empty()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms: Vec<_> = self.verifiers.iter().map(|(algorithm, _)| algorithm).collect();
        out.debug_struct("Key")
            .field("kid", &self.kid)
            .field("algorithms", &algorithms)
            .finish_non_exhaustive()
    }
}

/// One issuer's keys: sound, public, each `kid` once.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

impl KeySet {
    /// Adds what a later source has. A `kid` that is there already stays with its key; a key without one is there once.
    ///
    /// One key may stand under several names: an issuer that signs with RS256 and PS256 publishes it twice.
    pub fn extend(&mut self, later: Self) {
        for key in later.keys {
            let known =
                |own: &Key| own.kid == key.kid && (own.kid.is_some() || own.thumbprint == key.thumbprint);
            if !self.keys.iter().any(known) {
                self.keys.push(key);
            }
        }
    }

    /// Takes out the keys whose private half anybody can read, and names their thumbprints.
    pub fn drop_published(&mut self) -> Vec<Box<str>> {
        let mut dropped = Vec::new();
        self.keys.retain(|key| {
            let published = key.is_published();
            if published {
                dropped.push(key.thumbprint.clone());
            }
            !published
        });
        dropped
    }

    /// How many keys it has that another set lacks.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> usize {
        let lacks = |key: &&Key| other.keys.iter().all(|own| own.thumbprint != key.thumbprint);
        self.keys.iter().filter(lacks).count()
    }

    /// Every key of the set.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The keys that a token with this header is tried with.
    ///
    /// A `kid` selects the key of that name; without one, or where none has it and there are keys without name, it is
    /// each of those that fits.
    ///
    /// # Errors
    /// [`Code::KeysUnavailable`] while the set is empty, [`Code::UnsupportedAlgorithm`] when the named key is of
    /// another algorithm, [`Code::UnknownKey`].
    pub fn select(&self, header: &Header) -> Result<Candidates<'_>, Code> {
        if self.keys.is_empty() {
            return Err(Code::KeysUnavailable);
        }
        let algorithm = header.algorithm.ok_or(Code::UnsupportedAlgorithm)?;
        if let Some(named) =
            self.keys.iter().find(|key| key.kid.is_some() && key.kid() == header.kid.as_deref())
        {
            return match named.verifier(algorithm) {
                Some(_) => Ok(Candidates::from_elem(named, 1)),
                None => Err(Code::UnsupportedAlgorithm),
            };
        }
        let fits =
            |key: &&Key| (header.kid.is_none() || key.kid.is_none()) && key.verifier(algorithm).is_some();
        let candidates: Candidates<'_> =
            self.keys.iter().filter(fits).take(MAX_CANDIDATES.saturating_add(1)).collect();
        if candidates.is_empty() || candidates.len() > MAX_CANDIDATES {
            Err(Code::UnknownKey)
        } else {
            Ok(candidates)
        }
    }
}
