//! JSON Web Keys (RFC 7517): which entries of a set are usable, and why the others are not.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse, RSAKeyParameters, ThumbprintHash,
};
use serde::Deserialize;
use serde_json::Value;

use super::{Key, KeySet};
use crate::algorithm::{Algorithm, KeyType};

/// Why an entry of a key set is skipped. It does not affect other entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnusableKey {
    /// Not a JWK of a supported type.
    Malformed,
    /// A symmetric key. Anyone who verifies with it could also sign.
    Symmetric,
    /// A private key.
    Private,
    /// `use` other than `sig`.
    NotForSignatures,
    /// `key_ops` without `verify`.
    NotForVerifying,
    /// `alg` of another type of key.
    WrongAlgorithm,
    /// RSA of fewer than 2,048 or more than 8,192 bits, or with an invalid exponent.
    WeakRsa,
    /// A point that is not on the curve, or of small order.
    BadPoint,
    /// A `kid` that another key of the set has, too.
    DuplicateKid,
    /// A thumbprint of `blocked_keys`.
    Blocked,
}

impl fmt::Display for UnusableKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Malformed => "not a public JWK of type RSA, EC (P-256, P-384) or OKP (Ed25519)",
            Self::Symmetric => "a symmetric key",
            Self::Private => "a private key",
            Self::NotForSignatures => "`use` is not `sig`",
            Self::NotForVerifying => "`key_ops` lacks `verify`",
            Self::WrongAlgorithm => "`alg` does not fit the type of the key",
            Self::WeakRsa => "an RSA key needs 2,048 to 8,192 bits and an odd exponent of at least 3",
            Self::BadPoint => "the point is not on the curve, or of small order",
            Self::DuplicateKid => "another key has the same `kid`",
            Self::Blocked => "the thumbprint is in `blocked_keys`",
        })
    }
}

impl KeySet {
    /// Reads the usable entries of a set, and returns why each other entry is skipped, by its index.
    ///
    /// A key without `alg` serves those of the issuer's `algorithms` that need its type of key. A key with `alg` serves
    /// only that one.
    #[must_use]
    pub fn from_entries(
        entries: &[Value],
        algorithms: &[Algorithm],
        blocked: &[String],
    ) -> (Self, Vec<(usize, UnusableKey)>) {
        let read: Vec<(usize, Result<Key, UnusableKey>)> =
            entries.iter().map(|entry| Key::from_jwk(entry, algorithms, blocked)).enumerate().collect();
        let named: Vec<(Box<str>, Box<str>)> = read
            .iter()
            .filter_map(|(_, key)| key.as_ref().ok())
            .filter_map(|key| Some((key.kid.clone()?, key.thumbprint.clone())))
            .collect();
        let has_duplicate = |key: &Key| {
            let is_duplicate = |(kid, thumbprint): &(Box<str>, Box<str>)| {
                Some(&**kid) == key.kid() && **thumbprint != *key.thumbprint
            };
            named.iter().any(is_duplicate)
        };
        let mut set = Self::default();
        let mut skipped = Vec::new();
        for (index, key) in read {
            match key {
                Ok(key) if has_duplicate(&key) => skipped.push((index, UnusableKey::DuplicateKid)),
                Ok(key) => set.extend(Self { keys: vec![key] }),
                Err(why) => skipped.push((index, why)),
            }
        }
        (set, skipped)
    }
}

impl Key {
    fn from_jwk(entry: &Value, algorithms: &[Algorithm], blocked: &[String]) -> Result<Self, UnusableKey> {
        if is_private(entry) {
            return Err(UnusableKey::Private);
        }
        let jwk = Jwk::deserialize(entry).map_err(|_| UnusableKey::Malformed)?;
        if matches!(jwk.common.public_key_use, Some(ref usage) if *usage != PublicKeyUse::Signature) {
            return Err(UnusableKey::NotForSignatures);
        }
        if matches!(jwk.common.key_operations, Some(ref operations) if !operations.contains(&KeyOperations::Verify))
        {
            return Err(UnusableKey::NotForVerifying);
        }
        let (key_type, material) = material(&jwk.algorithm)?;
        let declared = match entry.get("alg") {
            None => None,
            Some(name) => Some(name.as_str().and_then(Algorithm::parse).ok_or(UnusableKey::WrongAlgorithm)?),
        };
        if declared.is_some_and(|algorithm| algorithm.key_type() != key_type) {
            return Err(UnusableKey::WrongAlgorithm);
        }
        let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| UnusableKey::Malformed)?;
        if blocked.contains(&thumbprint) {
            return Err(UnusableKey::Blocked);
        }
        let serves = |algorithm: &Algorithm| {
            algorithms.contains(algorithm) && declared.is_none_or(|declared| declared == *algorithm)
        };
        let parse = |algorithm: Algorithm| {
            ParsedPublicKey::new(algorithm.verification(), &material).map_err(|_| invalid_key(key_type))
        };
        let mut verifiers = Vec::new();
        for algorithm in key_type.algorithms().filter(serves) {
            verifiers.push((algorithm, parse(algorithm)?));
        }
        // A key that serves none of the issuer's algorithms must be valid as well.
        if let ([], Some(algorithm)) = (verifiers.as_slice(), key_type.algorithms().next()) {
            parse(algorithm)?;
        }
        Ok(Self { kid: jwk.common.key_id.map(Into::into), thumbprint: thumbprint.into(), verifiers })
    }
}

/// Whether a JWK has a member of a private half (RFC 7518 sections 6.2.2 and 6.3.2, RFC 8037 section 2).
pub(super) fn is_private(entry: &Value) -> bool {
    ["d", "p", "q", "dp", "dq", "qi", "oth"].iter().any(|member| entry.get(member).is_some())
}

/// The reason for which AWS-LC rejects a key of this type.
const fn invalid_key(key_type: KeyType) -> UnusableKey {
    match key_type {
        KeyType::Rsa => UnusableKey::WeakRsa,
        KeyType::P256 | KeyType::P384 | KeyType::Ed25519 => UnusableKey::BadPoint,
    }
}

/// The type of a key, and its bytes as AWS-LC reads them.
fn material(parameters: &AlgorithmParameters) -> Result<(KeyType, Vec<u8>), UnusableKey> {
    match parameters {
        AlgorithmParameters::RSA(rsa) => Ok((KeyType::Rsa, rsa_der(rsa)?)),
        AlgorithmParameters::EllipticCurve(point) => {
            let (key_type, length) = match point.curve {
                EllipticCurve::P256 => (KeyType::P256, 32),
                EllipticCurve::P384 => (KeyType::P384, 48),
                _ => return Err(UnusableKey::Malformed),
            };
            let (x, y) = (decode(&point.x)?, decode(&point.y)?);
            if x.len() != length || y.len() != length {
                return Err(UnusableKey::BadPoint);
            }
            // SEC 1 section 2.3.3: an uncompressed point.
            Ok((key_type, [&[4], x.as_slice(), y.as_slice()].concat()))
        }
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            let point: [u8; 32] = decode(&pair.x)?.try_into().map_err(|_| UnusableKey::BadPoint)?;
            if is_of_small_order(&point) {
                Err(UnusableKey::BadPoint)
            } else {
                Ok((KeyType::Ed25519, point.to_vec()))
            }
        }
        AlgorithmParameters::OctetKey(_) => Err(UnusableKey::Symmetric),
        _ => Err(UnusableKey::Malformed),
    }
}

/// RFC 7518 section 3.3 requires 2,048 bits; AWS-LC accepts up to 8,192.
fn rsa_der(rsa: &RSAKeyParameters) -> Result<Vec<u8>, UnusableKey> {
    let (n, e) = (decode(&rsa.n)?, decode(&rsa.e)?);
    let has_legal_length = matches!((n.len(), n.first()), (256, Some(0x80..)) | (257..=1024, Some(1..)));
    let has_legal_exponent = match e.as_slice() {
        [0, ..] | [] | [1 | 2] => false,
        [.., last] => e.len() <= 4 && last % 2 == 1,
    };
    if !has_legal_length || !has_legal_exponent {
        return Err(UnusableKey::WeakRsa);
    }
    let der: PublicKeyX509Der<'_> =
        RsaPublicKeyComponents { n, e }.as_der().map_err(|_| UnusableKey::WeakRsa)?;
    Ok(der.as_ref().to_vec())
}

/// Whether a point is one of the eight whose order divides eight, in any encoding, also the two that are not reduced.
/// The sign bit is ignored. Under such a key one signature is valid for every message; RFC 8032 section 5.1.7 leaves
/// the check to the application.
fn is_of_small_order(point: &[u8; 32]) -> bool {
    const EIGHTH: [u8; 32] = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ];
    const OTHER_EIGHTH: [u8; 32] = [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ];
    let mut y = *point;
    let [.., last] = &mut y;
    *last &= 0x7f;
    let near_zero = matches!(y, [0 | 1, rest @ ..] if rest == [0; 31]);
    let near_p = matches!(y, [0xec..=0xee, middle @ .., 0x7f] if middle == [0xff; 30]);
    near_zero || near_p || y == EIGHTH || y == OTHER_EIGHTH
}

fn decode(text: &str) -> Result<Vec<u8>, UnusableKey> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| UnusableKey::Malformed)
}
