//! Public keys: which algorithms each can serve, and which of an issuer's keys a token is verified with.
//!
//! INVARIANT (the key carries its algorithm): the token's header can only agree (RFC 8725 section 3.1).

pub mod fetch;
pub mod fetch_result;
mod file;
mod file_error;
mod jwk;
mod material;
pub mod origin;
mod pem;
pub mod private_key;
mod published;
mod secret;
pub mod sources;
mod unusable;

pub use file::{KeyFile, without_mark};
pub use file_error::KeyFileError;
pub use unusable::UnusableKey;

use std::fmt;

use aws_lc_rs::signature::ParsedPublicKey;

use crate::algorithm::Algorithm;
use crate::denial::Code;

/// Most distinct keys that are tried for a token.
pub const MAX_CANDIDATES: usize = 4;

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

    /// Whether both entries are the same key under the same `kid`.
    fn is_same_entry(&self, other: &Self) -> bool {
        self.kid == other.kid && self.thumbprint == other.thumbprint
    }

    /// Whether both keys have the same `kid`. Keys without one have none in common.
    fn has_kid_of(&self, other: &Self) -> bool {
        self.kid.is_some() && self.kid == other.kid
    }

    fn add_verifiers(&mut self, verifiers: Vec<(Algorithm, ParsedPublicKey)>) {
        for (algorithm, verifier) in verifiers {
            if self.verifier(algorithm).is_none() {
                self.verifiers.push((algorithm, verifier));
            }
        }
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

/// The valid public keys of one issuer. Keys that have one `kid` are distinct keys: RFC 7517 section 4.5 allows one
/// `kid` on keys of several types.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

/// The keys to verify a token with: at least one, and at most [`MAX_CANDIDATES`].
#[derive(Debug)]
pub struct Candidates<'k> {
    /// Distinct keys, each of which serves the token's algorithm.
    pub keys: Vec<&'k Key>,
    /// Whether the token's `kid` names them. Otherwise they only fit: another key of the issuer may be the right one.
    pub by_name: bool,
}

impl KeySet {
    /// Adds a key. A key that the set has already, under the same `kid`, gains the algorithms.
    fn add(&mut self, key: Key) {
        match self.keys.iter_mut().find(|known| known.is_same_entry(&key)) {
            Some(known) => known.add_verifiers(key.verifiers),
            None => self.keys.push(key),
        }
    }

    /// Adds all keys of another set, with equal precedence.
    pub fn merge(&mut self, other: Self) {
        other.keys.into_iter().for_each(|key| self.add(key));
    }

    /// Adds the keys of a later source. For a `kid` and an algorithm the keys of the earlier source count.
    pub fn extend(&mut self, later: Self) {
        let earlier = self.keys.len();
        for mut key in later.keys {
            let was_usable = key.is_usable();
            for known in self.keys.iter().take(earlier) {
                if known.has_kid_of(&key) && !known.is_same_entry(&key) {
                    key.verifiers.retain(|(algorithm, _)| known.verifier(*algorithm).is_none());
                }
            }
            if key.is_usable() || !was_usable {
                self.add(key);
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

    /// The `kid`s that more than [`MAX_CANDIDATES`] keys of one algorithm have. Tokens with them are denied.
    #[must_use]
    pub fn crowded_kids(&self) -> Vec<&str> {
        let mut crowded: Vec<&str> = Vec::new();
        for key in &self.keys {
            let Some(kid) = key.kid().filter(|kid| !crowded.contains(kid)) else { continue };
            let has_too_many = |algorithm| self.select(Some(kid), algorithm).err() == Some(Code::UnknownKey);
            if key.algorithms().any(has_too_many) {
                crowded.push(kid);
            }
        }
        crowded
    }

    /// Whether any key without `kid` serves any algorithm of the issuer. Such a key fits every token.
    #[must_use]
    pub fn has_usable_key_without_kid(&self) -> bool {
        self.keys.iter().any(|key| key.kid.is_none() && key.is_usable())
    }

    /// The keys to verify a token with, by the `kid` and `alg` of its header.
    ///
    /// A `kid` selects all keys with that `kid` that serve the algorithm. A token without `kid`, or one whose `kid` no
    /// key has, is verified with each key that serves the algorithm; in the second case only with keys without `kid`.
    /// The order of the keys does not matter.
    ///
    /// # Errors
    /// [`Code::KeysUnavailable`] if the set is empty, [`Code::UnsupportedAlgorithm`] if the keys with this `kid` serve
    /// other algorithms, [`Code::UnknownKey`] if no key fits, or more than [`MAX_CANDIDATES`].
    pub fn select(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Candidates<'_>, Code> {
        if self.keys.is_empty() {
            return Err(Code::KeysUnavailable);
        }
        let mut is_known = false;
        if kid.is_some() {
            let named = self.keys.iter().filter(|key| key.kid() == kid).inspect(|_| is_known = true);
            let keys = distinct(named, algorithm);
            if is_known && keys.is_empty() {
                return Err(Code::UnsupportedAlgorithm);
            }
            if is_known {
                return candidates(keys, true);
            }
        }
        let fits = |key: &&Key| kid.is_none() || key.kid.is_none();
        candidates(distinct(self.keys.iter().filter(fits), algorithm), false)
    }
}

/// The distinct keys that serve an algorithm, at most one more than [`MAX_CANDIDATES`].
fn distinct<'k>(keys: impl Iterator<Item = &'k Key>, algorithm: Algorithm) -> Vec<&'k Key> {
    let mut distinct: Vec<&Key> = Vec::new();
    for key in keys.filter(|key| key.verifier(algorithm).is_some()) {
        // One key may have several `kid`s.
        if distinct.iter().all(|known| known.thumbprint != key.thumbprint) {
            distinct.push(key);
        }
        if distinct.len() > MAX_CANDIDATES {
            break;
        }
    }
    distinct
}

fn candidates(keys: Vec<&Key>, by_name: bool) -> Result<Candidates<'_>, Code> {
    if (1..=MAX_CANDIDATES).contains(&keys.len()) {
        Ok(Candidates { keys, by_name })
    } else {
        Err(Code::UnknownKey)
    }
}
