//! The numbers of a public JWK (RFC 7518 section 6, RFC 8037 section 2) as AWS-LC reads them, and their thumbprint.
//!
//! Some issuers write integers with leading zero bytes, or an EC coordinate without its own. Their value is beyond
//! doubt, so both are read. The thumbprint is always that of the form which RFC 7518 requires.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::RsaPublicKeyComponents;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::unusable::UnusableKey;
use crate::algorithm::KeyType;

/// A public key as AWS-LC reads it.
pub(super) struct Material {
    pub(super) key_type: KeyType,
    /// RSA: X.509 DER; EC: an uncompressed point (SEC 1 section 2.3.3); Ed25519: the encoded point.
    pub(super) bytes: Vec<u8>,
    /// RFC 7638: SHA-256, base64url.
    pub(super) thumbprint: String,
}

type Members = Map<String, Value>;

/// Reads the numbers of an entry by its `kty` and `crv`.
pub(super) fn read(entry: &Members) -> Result<Material, UnusableKey> {
    const TYPES: &str = "\"RSA\", \"EC\" or \"OKP\"";
    match text(entry, "kty")? {
        "RSA" => rsa(entry),
        "EC" => match text(entry, "crv")? {
            "P-256" => ec(entry, KeyType::P256, 32),
            "P-384" => ec(entry, KeyType::P384, 48),
            _ => Err(unsupported(entry, "crv", "\"P-256\" or \"P-384\"")),
        },
        "OKP" if text(entry, "crv")? == "Ed25519" => ed25519(entry),
        "OKP" => Err(unsupported(entry, "crv", "\"Ed25519\"")),
        "oct" => Err(UnusableKey::Symmetric),
        _ => Err(unsupported(entry, "kty", TYPES)),
    }
}

fn unsupported(entry: &Members, member: &'static str, expected: &str) -> UnusableKey {
    UnusableKey::unsupported(member, entry.get(member).unwrap_or(&Value::Null), expected)
}

/// A required member.
fn text<'e>(entry: &'e Members, member: &'static str) -> Result<&'e str, UnusableKey> {
    match entry.get(member) {
        Some(Value::String(text)) => Ok(text),
        None | Some(Value::Null) => {
            let has_certificate =
                matches!(entry.get("x5c"), Some(Value::Array(certificates)) if !certificates.is_empty());
            Err(UnusableKey::Missing { member, has_certificate })
        }
        Some(other) => Err(UnusableKey::wrong_type(member, other, "a string")),
    }
}

fn bytes(entry: &Members, member: &'static str) -> Result<Vec<u8>, UnusableKey> {
    URL_SAFE_NO_PAD.decode(text(entry, member)?).map_err(|_| UnusableKey::NotBase64url(member))
}

/// The bytes of an integer, without leading zeros.
fn integer(entry: &Members, member: &'static str) -> Result<Vec<u8>, UnusableKey> {
    let mut bytes = bytes(entry, member)?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.drain(..zeros);
    Ok(bytes)
}

/// RFC 7518 section 3.3 requires 2,048 bits; AWS-LC accepts up to 8,192.
fn rsa(entry: &Members) -> Result<Material, UnusableKey> {
    let (n, e) = (integer(entry, "n")?, integer(entry, "e")?);
    let bits = bits(&n);
    if !(2048..=8192).contains(&bits) {
        return Err(UnusableKey::RsaSize(bits));
    }
    let has_legal_exponent = match e.as_slice() {
        [] | [1 | 2] => false,
        [.., last] => e.len() <= 4 && last % 2 == 1,
    };
    if !has_legal_exponent {
        return Err(UnusableKey::RsaExponent);
    }
    let thumbprint = thumbprint(&format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encoded(&e), encoded(&n)));
    let der: PublicKeyX509Der<'_> =
        RsaPublicKeyComponents { n, e }.as_der().map_err(|_| UnusableKey::RsaKey)?;
    Ok(Material { key_type: KeyType::Rsa, bytes: der.as_ref().to_vec(), thumbprint })
}

fn bits(integer: &[u8]) -> usize {
    let zeros = integer.first().map_or(0, |first| first.leading_zeros());
    integer.len().saturating_mul(8).saturating_sub(usize::try_from(zeros).unwrap_or(0))
}

fn ec(entry: &Members, key_type: KeyType, length: usize) -> Result<Material, UnusableKey> {
    // RFC 7518 section 6.2.1.2 requires the full length.
    let padded = |member| {
        let coordinate = integer(entry, member)?;
        let zeros = length.checked_sub(coordinate.len()).ok_or(UnusableKey::PointSize(key_type))?;
        Ok([vec![0; zeros], coordinate].concat())
    };
    let (x, y): (Vec<u8>, Vec<u8>) = (padded("x")?, padded("y")?);
    let (curve, x_text, y_text) = (key_type.name(), encoded(&x), encoded(&y));
    let thumbprint = thumbprint(&format!(r#"{{"crv":"{curve}","kty":"EC","x":"{x_text}","y":"{y_text}"}}"#));
    Ok(Material { key_type, bytes: [&[4], x.as_slice(), y.as_slice()].concat(), thumbprint })
}

fn ed25519(entry: &Members) -> Result<Material, UnusableKey> {
    let bad_point = UnusableKey::BadPoint(KeyType::Ed25519);
    let Ok(point) = <[u8; 32]>::try_from(bytes(entry, "x")?) else { return Err(bad_point) };
    if is_of_small_order(&point) {
        return Err(bad_point);
    }
    let thumbprint = thumbprint(&format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encoded(&point)));
    Ok(Material { key_type: KeyType::Ed25519, bytes: point.to_vec(), thumbprint })
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// RFC 7638 section 3: the hash of the required members in the order of their names, without white space.
fn thumbprint(canonical: &str) -> String {
    encoded(digest(&SHA256, canonical.as_bytes()).as_ref())
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
