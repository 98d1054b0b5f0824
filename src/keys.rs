//! Public keys: which algorithms each can serve, and which of an issuer's keys a token is verified with.
//!
//! INVARIANT (the key carries its algorithm): the token's header can only agree (RFC 8725 section 3.1).

pub mod fetch;
pub mod fetch_result;
mod file;
mod http;
mod jwk;
pub mod origin;
mod pem;
mod published;
pub mod secret;
pub mod sources;

pub use file::{KeyFile, KeyFileError};
pub use jwk::UnusableKey;

use std::fmt;

use aws_lc_rs::signature::ParsedPublicKey;

use crate::algorithm::Algorithm;
use crate::denial::Code;

/// Most keys that are tried for a token whose `kid` selects none.
const MAX_CANDIDATES: usize = 4;

/// A valid public key, parsed for each of its issuer's algorithms that it can serve.
#[derive(Clone)]
pub struct Key {
    kid: Option<Box<str>>,
    thumbprint: Box<str>,
    verifiers: Vec<(Algorithm, ParsedPublicKey)>,
}

impl Key {
    /// The key's `kid` in its set.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The RFC 7638 thumbprint: SHA-256, base64url.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The verifier for signatures of `algorithm`, or `None` if the key does not serve it.
    #[must_use]
    pub fn verifier(&self, algorithm: Algorithm) -> Option<&ParsedPublicKey> {
        self.verifiers.iter().find(|(served, _)| *served == algorithm).map(|(_, verifier)| verifier)
    }

    /// The issuer's algorithms that the key serves.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.verifiers.iter().map(|(algorithm, _)| *algorithm)
    }

    /// Whether the private half is public: printed in a standard or in test vectors.
    #[must_use]
    pub fn is_published(&self) -> bool {
        published::is_published(&self.thumbprint)
    }

    /// Whether the key serves any algorithm of its issuer.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.verifiers.is_empty()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms: Vec<_> = self.algorithms().collect();
        out.debug_struct("Key")
            .field("kid", &self.kid)
            .field("algorithms", &algorithms)
            .finish_non_exhaustive()
    }
}

/// The valid public keys of one issuer. Each `kid` is distinct.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

impl KeySet {
    /// Adds the keys of a later source. Of equal `kid`s the earlier key stays; a key without `kid` is added once.
    ///
    /// One key may have several `kid`s: an issuer that signs with RS256 and PS256 may publish it twice.
    pub fn extend(&mut self, later: Self) {
        for key in later.keys {
            let is_same = |known: &Key| {
                known.kid == key.kid && (known.kid.is_some() || known.thumbprint == key.thumbprint)
            };
            if !self.keys.iter().any(is_same) {
                self.keys.push(key);
            }
        }
    }

    /// Removes the keys whose private half is public, and returns their thumbprints.
    pub fn remove_published(&mut self) -> Vec<Box<str>> {
        let removed = self.keys.extract_if(.., |key| key.is_published());
        removed.map(|key| key.thumbprint).collect()
    }

    /// How many keys of this set `other` does not have.
    #[must_use]
    pub fn count_missing_in(&self, other: &Self) -> usize {
        let is_missing = |key: &&Key| other.keys.iter().all(|known| known.thumbprint != key.thumbprint);
        self.keys.iter().filter(is_missing).count()
    }

    /// Every key of the set.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Whether any key serves any algorithm of the issuer.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.keys.iter().any(Key::is_usable)
    }

    /// The keys to verify a token with, by the `kid` and `alg` of its header.
    ///
    /// A `kid` selects the key with that `kid`. A token without `kid`, or one whose `kid` no key has, is verified with
    /// each key that can serve the algorithm; in the second case only with keys without `kid`.
    ///
    /// # Errors
    /// [`Code::KeysUnavailable`] if the set is empty, [`Code::UnsupportedAlgorithm`] if the selected key serves another
    /// algorithm, [`Code::UnknownKey`] if no key fits, or more than [`MAX_CANDIDATES`].
    pub fn select(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Vec<&Key>, Code> {
        if self.keys.is_empty() {
            return Err(Code::KeysUnavailable);
        }
        if let Some(named) = self.keys.iter().find(|key| key.kid.is_some() && key.kid() == kid) {
            return named.verifier(algorithm).map(|_| vec![named]).ok_or(Code::UnsupportedAlgorithm);
        }
        let fits = |key: &&Key| (kid.is_none() || key.kid.is_none()) && key.verifier(algorithm).is_some();
        let candidates: Vec<&Key> =
            self.keys.iter().filter(fits).take(MAX_CANDIDATES.saturating_add(1)).collect();
        if candidates.is_empty() || candidates.len() > MAX_CANDIDATES {
            return Err(Code::UnknownKey);
        }
        Ok(candidates)
    }
}
