//! JSON Web Keys (RFC 7517): which entries of a set are usable, and why the others are not.
//!
//! A member that is null counts as absent: some serializers write every member of their class.

use aws_lc_rs::signature::ParsedPublicKey;
use serde_json::{Map, Value};

use super::material::{self, Material};
use super::unusable::{UnusableKey, type_of};
use super::{Key, KeySet};
use crate::algorithm::{Algorithm, KeyType};

impl KeySet {
    /// Reads the usable entries of a set, and returns why each other entry is skipped, by its index.
    ///
    /// A key without `alg` serves those of the issuer's `algorithms` that need its type of key. A key with `alg` serves
    /// only that one. A key that is listed several times, once for each `alg`, serves all of them. The order of the
    /// entries does not matter.
    #[must_use]
    pub fn from_entries(
        entries: &[Value],
        algorithms: &[Algorithm],
        blocked: &[String],
    ) -> (Self, Vec<(usize, UnusableKey)>) {
        let mut set = Self { keys: Vec::with_capacity(entries.len()) };
        let mut skipped = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            match Key::from_jwk(entry, algorithms, blocked) {
                Ok(key) => set.add(key),
                Err(why) => skipped.push((index, why)),
            }
        }
        (set, skipped)
    }
}

impl Key {
    fn from_jwk(entry: &Value, algorithms: &[Algorithm], blocked: &[String]) -> Result<Self, UnusableKey> {
        let Value::Object(members) = entry else { return Err(UnusableKey::NotAnObject(type_of(entry))) };
        if is_private(members) {
            return Err(UnusableKey::Private);
        }
        check_use(members)?;
        let Material { key_type, bytes, thumbprint } = material::read(members)?;
        let declared = declared_algorithm(members, key_type)?;
        let kid = match present(members, "kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.as_str().into()),
            Some(other) => return Err(UnusableKey::wrong_type("kid", other, "a string")),
        };
        if blocked.contains(&thumbprint) {
            return Err(UnusableKey::Blocked);
        }
        let serves = |algorithm: &Algorithm| {
            algorithms.contains(algorithm) && declared.is_none_or(|declared| declared == *algorithm)
        };
        let parse = |algorithm: Algorithm| {
            ParsedPublicKey::new(algorithm.verification(), &bytes).map_err(|_| invalid_key(key_type))
        };
        let mut verifiers = Vec::new();
        for algorithm in key_type.algorithms().filter(serves) {
            verifiers.push((algorithm, parse(algorithm)?));
        }
        // A key that serves none of the issuer's algorithms must be valid as well.
        if let ([], Some(algorithm)) = (verifiers.as_slice(), key_type.algorithms().next()) {
            parse(algorithm)?;
        }
        Ok(Self { kid, thumbprint: thumbprint.into(), verifiers })
    }
}

/// Whether a JWK has a member of a private half (RFC 7518 sections 6.2.2 and 6.3.2, RFC 8037 section 2) with a value.
pub(super) fn is_private(members: &Map<String, Value>) -> bool {
    let has_value = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        _ => true,
    };
    ["d", "p", "q", "dp", "dq", "qi", "oth"].iter().any(|name| members.get(*name).is_some_and(has_value))
}

/// A member that is not null.
fn present<'m>(members: &'m Map<String, Value>, name: &str) -> Option<&'m Value> {
    members.get(name).filter(|value| !value.is_null())
}

/// `use` and `key_ops` (RFC 7517 sections 4.2 and 4.3).
fn check_use(members: &Map<String, Value>) -> Result<(), UnusableKey> {
    match present(members, "use") {
        None => {}
        Some(Value::String(usage)) if usage == "sig" => {}
        Some(usage @ Value::String(_)) => return Err(UnusableKey::unsupported("use", usage, "\"sig\"")),
        Some(other) => return Err(UnusableKey::wrong_type("use", other, "a string")),
    }
    match present(members, "key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|operation| operation == "verify") => Ok(()),
        Some(Value::Array(_)) => Err(UnusableKey::NotForVerifying),
        Some(other) => Err(UnusableKey::wrong_type("key_ops", other, "a list with \"verify\"")),
    }
}

/// `alg` (RFC 7517 section 4.4), which must be an algorithm of the key's type.
fn declared_algorithm(
    members: &Map<String, Value>,
    key_type: KeyType,
) -> Result<Option<Algorithm>, UnusableKey> {
    let Some(value) = present(members, "alg") else { return Ok(None) };
    let Value::String(name) = value else {
        return Err(UnusableKey::wrong_type("alg", value, "a string"));
    };
    let fitting = Algorithm::parse(name).filter(|algorithm| algorithm.key_type() == key_type);
    fitting.map(Some).ok_or_else(|| UnusableKey::algorithm(value, key_type))
}

/// The reason for which AWS-LC rejects a key of this type.
const fn invalid_key(key_type: KeyType) -> UnusableKey {
    match key_type {
        KeyType::Rsa => UnusableKey::RsaKey,
        KeyType::P256 | KeyType::P384 | KeyType::Ed25519 => UnusableKey::BadPoint(key_type),
    }
}
