//! A token in compact form: first untrusted, then, given a key, a payload that the key signed.
//!
//! RFC 7515 sections 3.1, 4 and 5.2. Of the header only `alg`, `kid`, `typ`, `crit` and `b64` are looked at: keys
//! and addresses of keys that a token brings along (`jwk`, `jku`, `x5c`, `x5u`) are as if they were not there.

use std::borrow::Cow;

use base64_simd::URL_SAFE_NO_PAD;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::credentials::Credentials;
use crate::denial::Code;
use crate::json::{Json, Object, Text};
use crate::keys::{Algorithm, Key};

/// Of the decoded header, in bytes.
pub const MAX_HEADER_BYTES: usize = 2048;

/// Of `kid`, in bytes.
pub const MAX_KID_BYTES: usize = 256;

/// A well-formed token that nobody vouches for. Its payload cannot be read, but for the issuer's name.
pub struct UnverifiedToken<'a> {
    header: Header,
    /// Header and payload as they stand in the token: what is signed.
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// What a token is, in the form in which types are compared.
pub type TokenType = Cow<'static, str>;

/// The members of a JOSE header that matter here. They say what the token claims, and prove nothing.
pub struct Header {
    /// `alg`; `None` for one that cannot be named here, `none` among them.
    pub algorithm: Option<Algorithm>,
    /// `kid`.
    pub kid: Option<String>,
    /// `typ` in lower case, without `application/`; `jwt` when absent.
    pub token_type: TokenType,
}

/// The bytes that a key signed. What they mean is another question.
///
/// Only [`UnverifiedToken::verify`] makes one:
///
/// ```compile_fail
/// let forged = iot_jwt_authorizer::token::SignedPayload { bytes: b"{}".to_vec() };
/// ```
pub struct SignedPayload {
    bytes: Vec<u8>,
}

impl<'a> UnverifiedToken<'a> {
    /// Takes a token apart: three parts in canonical base64url, and a header.
    ///
    /// # Errors
    /// [`Code::MalformedToken`], [`Code::CriticalHeader`].
    pub fn parse(credentials: &'a Credentials<'_>) -> Result<Self, Code> {
        let (signed, signature) = credentials.token().rsplit_once('.').ok_or(Code::MalformedToken)?;
        let (header, payload) = signed.split_once('.').ok_or(Code::MalformedToken)?;
        let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
        Ok(Self { header: Header::parse(&header)?, signed, payload, signature })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What the payload says of its issuer, to find whose keys to try. Doubled names and the rest of the payload
    /// are for later, when the signature has held.
    #[must_use]
    pub fn claimed_issuer(&self) -> Option<Cow<'_, str>> {
        let mut reader = serde_json::Deserializer::from_slice(&self.payload);
        let mut issuer = None;
        // What comes after a first `iss` is not read: it is judged once the signature has held.
        let _ = reader.deserialize_map(IssuerVisitor(&mut issuer));
        issuer
    }

    /// Checks the signature with the first of `keys` that made it. The unverified token is gone either way.
    ///
    /// # Errors
    /// [`Code::UnsupportedAlgorithm`] when a key is of another algorithm, [`Code::BadSignature`].
    pub fn verify<'k>(self, keys: &[&'k Key]) -> Result<(SignedPayload, &'k Key), Code> {
        let algorithm = self.header.algorithm.ok_or(Code::UnsupportedAlgorithm)?;
        for key in keys {
            let verifier = key.verifier(algorithm).ok_or(Code::UnsupportedAlgorithm)?;
            if verifier.verify_sig(self.signed.as_bytes(), &self.signature).is_ok() {
                return Ok((SignedPayload { bytes: self.payload }, key));
            }
        }
        Err(Code::BadSignature)
    }
}

impl SignedPayload {
    /// The claims set, read strictly.
    ///
    /// # Errors
    /// [`Code::MalformedToken`] when it is not a JSON object without doubled names.
    pub fn claims(&self) -> Result<Object<'_>, Code> {
        Object::parse(&self.bytes).ok_or(Code::MalformedToken)
    }
}

impl SignedPayload {
    /// `sub`, where there is one to be read; what else the claims say has not been judged.
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        let claims = self.claims().ok()?;
        claims.get("sub").and_then(Json::as_str).filter(|subject| !subject.is_empty()).map(str::to_owned)
    }
}

impl Header {
    fn parse(text: &[u8]) -> Result<Self, Code> {
        if text.len() > MAX_HEADER_BYTES {
            return Err(Code::MalformedToken);
        }
        let header = Object::parse(text).ok_or(Code::MalformedToken)?;
        let text_of = |name| match header.get(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(&**text)),
            Some(_) => Err(Code::MalformedToken),
        };
        let algorithm = Algorithm::named(text_of("alg")?.ok_or(Code::MalformedToken)?);
        let kid = text_of("kid")?.map(str::to_owned);
        let token_type = canonical_type(text_of("typ")?.unwrap_or("JWT"));
        if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return Err(Code::MalformedToken);
        }
        // RFC 7515 section 4.1.11 and RFC 7797: we understand no extension, so each is one too many.
        if header.get("crit").is_some() || header.get("b64").is_some() {
            return Err(Code::CriticalHeader);
        }
        Ok(Self { algorithm, kid, token_type })
    }
}

/// The types of nearly every token (RFC 7519 section 5.1, RFC 9068 section 2.1).
pub const USUAL_TYPES: [TokenType; 2] = [Cow::Borrowed("jwt"), Cow::Borrowed("at+jwt")];

/// A `typ` in the one form in which types are compared (RFC 7515 section 4.1.9).
#[must_use]
pub fn canonical_type(typ: &str) -> TokenType {
    if let Some(usual) = USUAL_TYPES.into_iter().find(|usual| usual.eq_ignore_ascii_case(typ)) {
        return usual;
    }
    let lower = typ.to_ascii_lowercase();
    Cow::Owned(lower.strip_prefix("application/").map(str::to_owned).unwrap_or(lower))
}

/// Canonical base64url without padding: one text for one sequence of bytes.
fn decode(part: &str) -> Result<Vec<u8>, Code> {
    URL_SAFE_NO_PAD.decode_to_vec(part).map_err(|_| Code::MalformedToken)
}

/// Leaves the first `iss` of an object in the place it was given, if that is a string.
struct IssuerVisitor<'s, 'de>(&'s mut Option<Cow<'de, str>>);

impl<'de> Visitor<'de> for IssuerVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(Text(name)) = members.next_key()? {
            if name == "iss" {
                *self.0 = Some(members.next_value::<Text<'de>>()?.0);
                return Ok(());
            }
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose;
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

        /// Two crates' readers, one of them vectorised, take the same texts for the same bytes, whatever stands where.
        #[test]
        fn base64url_is_canonical(
            bytes in prop::collection::vec(any::<u8>(), 0..150),
            at in any::<Index>(),
            put in "[-A-Za-z0-9_+/= \n\u{0}é.]{0,2}",
        ) {
            let plain = general_purpose::URL_SAFE_NO_PAD;
            let mut text = plain.encode(&bytes);
            prop_assert_eq!(decode(&text).ok(), Some(bytes));
            let at = at.index(text.len().max(1));
            text.replace_range(at..text.len().min(at.saturating_add(1)), &put);
            prop_assert_eq!(decode(&text).ok(), plain.decode(&text).ok());
        }
    }
}
