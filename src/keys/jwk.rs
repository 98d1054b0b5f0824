//! JSON Web Keys (RFC 7517): which entries of a set can be used, and why the others cannot.

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

use super::{Algorithm, Key, KeyKind, KeySet};

/// Why an entry of a key set is left out. It spoils no other entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Its members are not those of a JWK of a type that we know.
    Malformed,
    /// A symmetric key: nobody who verifies should hold one.
    Symmetric,
    /// It holds a private half.
    Private,
    /// `use` is there and not `sig`.
    NotForSignatures,
    /// `key_ops` is there without `verify`.
    NotForVerifying,
    /// `alg` does not belong to the key's type.
    WrongAlgorithm,
    /// RSA of fewer than 2,048 or more than 8,192 bits, or with an unfit exponent.
    WeakRsa,
    /// Not a point of the curve, or one of small order.
    BadPoint,
    /// Another key of the set has the same `kid`.
    DoubledKid,
    /// The thumbprint is among `blocked_keys`.
    Blocked,
}

impl fmt::Display for Unusable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Malformed => "it is not a public JWK of type RSA, EC (P-256, P-384) or OKP (Ed25519)",
            Self::Symmetric => "it is symmetric",
            Self::Private => "it holds a private key",
            Self::NotForSignatures => "its `use` is not `sig`",
            Self::NotForVerifying => "its `key_ops` lack `verify`",
            Self::WrongAlgorithm => "its `alg` is not one of its type",
            Self::WeakRsa => "RSA keys have 2,048 to 8,192 bits and an odd exponent of 3 or more",
            Self::BadPoint => "its point is not on the curve, or of small order",
            Self::DoubledKid => "another key has the same `kid`",
            Self::Blocked => "its thumbprint is among `blocked_keys`",
        })
    }
}

impl KeySet {
    /// Takes the usable entries of a set, and says of each other entry why it was left out.
    ///
    /// `algorithms` are the issuer's: a key without `alg` serves those of its type, a key with one that alone.
    #[must_use]
    pub fn from_entries(
        entries: &[Value],
        algorithms: &[Algorithm],
        blocked: &[String],
    ) -> (Self, Vec<(usize, Unusable)>) {
        let mut read: Vec<(usize, Result<Key, Unusable>)> =
            entries.iter().map(|entry| Key::from_jwk(entry, algorithms, blocked)).enumerate().collect();
        let named: Vec<(usize, Box<str>, Box<str>)> = read
            .iter()
            .filter_map(|(at, key)| key.as_ref().ok().map(|key| (*at, key)))
            .filter_map(|(at, key)| Some((at, key.kid.clone()?, key.thumbprint.clone())))
            .collect();
        for (at, key) in &mut read {
            let twin = |own: &Key| {
                named.iter().any(|(other, kid, print)| {
                    other != at && Some(&**kid) == own.kid() && **print != *own.thumbprint
                })
            };
            if key.as_ref().is_ok_and(twin) {
                *key = Err(Unusable::DoubledKid);
            }
        }
        let mut set = Self::default();
        let mut left_out = Vec::new();
        for (at, key) in read {
            match key {
                Ok(key) => set.extend(Self { keys: vec![key] }),
                Err(why) => left_out.push((at, why)),
            }
        }
        (set, left_out)
    }

    /// Whether any key serves any of the issuer's algorithms.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.keys.iter().any(Key::is_usable)
    }
}

impl Key {
    fn from_jwk(entry: &Value, algorithms: &[Algorithm], blocked: &[String]) -> Result<Self, Unusable> {
        if is_private(entry) {
            return Err(Unusable::Private);
        }
        let jwk = Jwk::deserialize(entry).map_err(|_| Unusable::Malformed)?;
        if matches!(jwk.common.public_key_use, Some(ref usage) if *usage != PublicKeyUse::Signature) {
            return Err(Unusable::NotForSignatures);
        }
        if matches!(jwk.common.key_operations, Some(ref operations) if !operations.contains(&KeyOperations::Verify))
        {
            return Err(Unusable::NotForVerifying);
        }
        let (kind, material) = material(&jwk.algorithm)?;
        let own = match entry.get("alg") {
            None => None,
            Some(name) => Some(name.as_str().and_then(Algorithm::named).ok_or(Unusable::WrongAlgorithm)?),
        };
        if own.is_some_and(|algorithm| algorithm.kind() != kind) {
            return Err(Unusable::WrongAlgorithm);
        }
        let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| Unusable::Malformed)?;
        if blocked.contains(&thumbprint) {
            return Err(Unusable::Blocked);
        }
        let serves = |algorithm: &&Algorithm| {
            algorithms.contains(algorithm) && own.is_none_or(|own| own == **algorithm)
        };
        let parse = |algorithm: Algorithm| {
            ParsedPublicKey::new(algorithm.verification(), &material).map_err(|_| kind.unsound())
        };
        let mut verifiers = Vec::new();
        for algorithm in kind.algorithms().iter().filter(serves) {
            verifiers.push((*algorithm, parse(*algorithm)?));
        }
        // A key that no algorithm of the issuer's takes has to be sound as well.
        if let ([], Some(any)) = (verifiers.as_slice(), kind.algorithms().first()) {
            parse(*any)?;
        }
        Ok(Self { kid: jwk.common.key_id.map(Into::into), thumbprint: thumbprint.into(), verifiers })
    }
}

/// Whether a JWK has a member of a private half (RFC 7518 sections 6.2.2 and 6.3.2, RFC 8037 section 2).
pub(super) fn is_private(entry: &Value) -> bool {
    ["d", "p", "q", "dp", "dq", "qi", "oth"].iter().any(|member| entry.get(member).is_some())
}

impl KeyKind {
    const fn algorithms(self) -> &'static [Algorithm] {
        match self {
            Self::Rsa => &[
                Algorithm::Rs256,
                Algorithm::Rs384,
                Algorithm::Rs512,
                Algorithm::Ps256,
                Algorithm::Ps384,
                Algorithm::Ps512,
            ],
            Self::P256 => &[Algorithm::Es256],
            Self::P384 => &[Algorithm::Es384],
            Self::Ed25519 => &[Algorithm::Ed25519],
        }
    }

    const fn unsound(self) -> Unusable {
        match self {
            Self::Rsa => Unusable::WeakRsa,
            Self::P256 | Self::P384 | Self::Ed25519 => Unusable::BadPoint,
        }
    }
}

/// A key's kind, and its bytes as AWS-LC reads them.
fn material(parameters: &AlgorithmParameters) -> Result<(KeyKind, Vec<u8>), Unusable> {
    match parameters {
        AlgorithmParameters::RSA(rsa) => Ok((KeyKind::Rsa, rsa_der(rsa)?)),
        AlgorithmParameters::EllipticCurve(point) => {
            let (kind, length) = match point.curve {
                EllipticCurve::P256 => (KeyKind::P256, 32),
                EllipticCurve::P384 => (KeyKind::P384, 48),
                _ => return Err(Unusable::Malformed),
            };
            let (x, y) = (decode(&point.x)?, decode(&point.y)?);
            if x.len() != length || y.len() != length {
                return Err(Unusable::BadPoint);
            }
            // SEC 1 section 2.3.3: an uncompressed point.
            Ok((kind, [&[4], x.as_slice(), y.as_slice()].concat()))
        }
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            let point: [u8; 32] = decode(&pair.x)?.try_into().map_err(|_| Unusable::BadPoint)?;
            if is_of_small_order(&point) {
                Err(Unusable::BadPoint)
            } else {
                Ok((KeyKind::Ed25519, point.to_vec()))
            }
        }
        AlgorithmParameters::OctetKey(_) => Err(Unusable::Symmetric),
        _ => Err(Unusable::Malformed),
    }
}

/// RFC 7518 section 3.3 asks for 2,048 bits; AWS-LC takes up to 8,192.
fn rsa_der(rsa: &RSAKeyParameters) -> Result<Vec<u8>, Unusable> {
    let (n, e) = (decode(&rsa.n)?, decode(&rsa.e)?);
    let long = matches!((n.len(), n.first()), (256, Some(0x80..)) | (257..=1024, Some(1..)));
    let exponent = match e.as_slice() {
        [0, ..] | [] | [1 | 2] => false,
        [.., last] => e.len() <= 4 && last % 2 == 1,
    };
    if !long || !exponent {
        return Err(Unusable::WeakRsa);
    }
    let der: PublicKeyX509Der<'_> =
        RsaPublicKeyComponents { n, e }.as_der().map_err(|_| Unusable::WeakRsa)?;
    Ok(der.as_ref().to_vec())
}

/// The encodings of the eight points whose order divides eight, sign bit aside, and the two that are not reduced.
/// For such a key one signature fits every message (RFC 8032 section 5.1.7 leaves the check to us).
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

fn decode(text: &str) -> Result<Vec<u8>, Unusable> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Unusable::Malformed)
}
