//! A token in compact form: first unverified, then, with a key, a payload that the key signed.
//!
//! RFC 7515 sections 3.1, 4 and 5.2. Of the header only `alg`, `kid`, `typ`, `crit` and `b64` are read. Keys and
//! addresses of keys that a token brings along (`jwk`, `jku`, `x5c`, `x5u`) are ignored.

use std::borrow::Cow;

use base64_simd::URL_SAFE_NO_PAD;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::algorithm::Algorithm;
use crate::credentials::Credentials;
use crate::denial::{Code, Denial};
use crate::json::{Json, JsonStr, Object};
use crate::keys::{Candidates, Key};

/// Largest decoded header, in bytes.
pub const MAX_HEADER_BYTES: usize = 2048;

/// Longest `kid`, in bytes.
pub const MAX_KID_BYTES: usize = 256;

/// A well-formed token whose signature is not verified. Of its payload only the issuer's name can be read: INVARIANT
/// (the payload is not trusted before the signature is verified).
pub struct UnverifiedToken<'a> {
    header: Header,
    /// The signing input: header and payload as they are in the token (RFC 7515 section 5.2).
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// A `typ` in the canonical form of [`canonical_type`].
pub type TokenType = Cow<'static, str>;

/// The members of a JOSE header that are read. They are claims of the token, and prove nothing.
pub struct Header {
    /// `alg`; `None` for an unsupported one, such as `none`.
    pub algorithm: Option<Algorithm>,
    /// `kid`.
    pub kid: Option<String>,
    /// `typ`, canonical; `jwt` when absent.
    pub token_type: TokenType,
}

/// The bytes that a key signed. Their meaning is not judged yet.
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
    /// Parses a token: three parts in canonical base64url, of which the first is a header.
    ///
    /// # Errors
    /// [`Code::MalformedToken`] with the part or the member of the header, [`Code::CriticalHeader`].
    pub fn parse(credentials: &'a Credentials<'_>) -> Result<Self, Denial> {
        let (signed, signature) = credentials.token().rsplit_once('.').ok_or(Code::MalformedToken)?;
        let (header, payload) = signed.split_once('.').ok_or(Code::MalformedToken)?;
        let part = |name, part| decode(part).map_err(|code| Denial::about(code, name));
        let header = part("header", header)?;
        let (payload, signature) = (part("payload", payload)?, part("signature", signature)?);
        Ok(Self { header: Header::parse(&header)?, signed, payload, signature })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The payload's `iss`, which selects the keys to verify with. Duplicate names and the rest of the payload are
    /// checked after the signature.
    #[must_use]
    pub fn claimed_issuer(&self) -> Option<Cow<'_, str>> {
        let mut reader = serde_json::Deserializer::from_slice(&self.payload);
        let mut issuer = None;
        // Fails on purpose: the visitor stops at the first `iss`. Any other error leaves `issuer` empty.
        let _ = reader.deserialize_map(IssuerVisitor(&mut issuer));
        issuer
    }

    /// Why the payload has no usable `iss`; `None` if it has one.
    #[must_use]
    pub fn issuer_problem(&self) -> Option<&'static str> {
        let payload = Object::parse(&self.payload);
        match payload.as_ref().map(|claims| claims.get("iss")) {
            None => Some("the payload is not a JSON object with distinct names"),
            Some(None) => Some("the token has no `iss`"),
            Some(Some(Json::String(iss))) => iss.is_empty().then_some("`iss` is empty"),
            Some(Some(_)) => Some("`iss` is not a string"),
        }
    }

    /// Verifies the signature with each of the candidates until one matches. Consumes the unverified token in any case.
    ///
    /// # Errors
    /// [`Code::UnsupportedAlgorithm`] if a key is for another algorithm, [`Code::BadSignature`].
    pub fn verify<'k>(self, candidates: &Candidates<'k>) -> Result<(SignedPayload, &'k Key), Denial> {
        let algorithm = self.header.algorithm.ok_or(Code::UnsupportedAlgorithm)?;
        for key in &candidates.keys {
            let verifier = key.verifier(algorithm).ok_or(Code::UnsupportedAlgorithm)?;
            if verifier.verify_sig(self.signed.as_bytes(), &self.signature).is_ok() {
                return Ok((SignedPayload { bytes: self.payload }, key));
            }
        }
        if is_der(&self.signature, algorithm) {
            return Err(Denial::about(Code::BadSignature, DER_SIGNATURE));
        }
        Err(Code::BadSignature.into())
    }
}

/// RFC 7518 section 3.4 requires R and S with a fixed length; most libraries outside JOSE return DER.
const DER_SIGNATURE: &str = "the signature is DER; ES256 and ES384 need R and S in fixed length";

/// Whether an ECDSA signature is a DER sequence.
fn is_der(signature: &[u8], algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::Es256 | Algorithm::Es384)
        && matches!(signature, [0x30, length, rest @ ..] if usize::from(*length) == rest.len())
}

impl SignedPayload {
    /// The claims set, read strictly.
    ///
    /// # Errors
    /// [`Code::MalformedToken`] if it is not a JSON object with distinct names.
    pub fn claims(&self) -> Result<Object<'_>, Code> {
        Object::parse(&self.bytes).ok_or(Code::MalformedToken)
    }

    /// `sub`, if it is readable. No claim rule has judged the token, so this is good for the log alone.
    #[must_use]
    pub fn unjudged_subject(&self) -> Option<String> {
        let claims = self.claims().ok()?;
        claims.get("sub").and_then(Json::as_str).filter(|subject| !subject.is_empty()).map(str::to_owned)
    }
}

impl Header {
    fn parse(text: &[u8]) -> Result<Self, Denial> {
        let malformed = |name| Denial::about(Code::MalformedToken, name);
        if text.len() > MAX_HEADER_BYTES {
            return Err(malformed("header"));
        }
        let header = Object::parse(text).ok_or_else(|| malformed("header"))?;
        let text_of = |name| match header.get(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(&**text)),
            Some(_) => Err(malformed(name)),
        };
        let algorithm = Algorithm::parse(text_of("alg")?.ok_or_else(|| malformed("alg"))?);
        let kid = text_of("kid")?.map(str::to_owned);
        let token_type = canonical_type(text_of("typ")?.unwrap_or("JWT"));
        if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return Err(malformed("kid"));
        }
        // RFC 7515 section 4.1.11 and RFC 7797: no extension is supported, so a token that requires one is denied.
        if header.get("crit").is_some() || header.get("b64").is_some() {
            return Err(Code::CriticalHeader.into());
        }
        Ok(Self { algorithm, kid, token_type })
    }
}

/// The types of almost every token (RFC 7519 section 5.1, RFC 9068 section 2.1).
pub const DEFAULT_TYPES: [TokenType; 2] = [Cow::Borrowed("jwt"), Cow::Borrowed("at+jwt")];

/// A `typ` in the form in which types are compared: lower case, without `application/` (RFC 7515 section 4.1.9).
#[must_use]
pub fn canonical_type(typ: &str) -> TokenType {
    if let Some(default) = DEFAULT_TYPES.into_iter().find(|default| default.eq_ignore_ascii_case(typ)) {
        return default;
    }
    let lower = typ.to_ascii_lowercase();
    Cow::Owned(lower.strip_prefix("application/").map(str::to_owned).unwrap_or(lower))
}

/// Decodes canonical base64url without padding, where each byte sequence has exactly one text.
fn decode(part: &str) -> Result<Vec<u8>, Code> {
    URL_SAFE_NO_PAD.decode_to_vec(part).map_err(|_| Code::MalformedToken)
}

/// Stores the first `iss` of an object, if it is a string, and stops there.
struct IssuerVisitor<'s, 'de>(&'s mut Option<Cow<'de, str>>);

impl<'de> Visitor<'de> for IssuerVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(JsonStr(name)) = members.next_key()? {
            if name == "iss" {
                *self.0 = Some(members.next_value::<JsonStr<'de>>()?.0);
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

        /// The vectorised decoder accepts and returns the same as the plain one, whichever character is changed.
        #[test]
        fn base64url_is_canonical(
            bytes in prop::collection::vec(any::<u8>(), 0..150),
            index in any::<Index>(),
            inserted in "[-A-Za-z0-9_+/= \n\u{0}é.]{0,2}",
        ) {
            let plain = general_purpose::URL_SAFE_NO_PAD;
            let mut text = plain.encode(&bytes);
            prop_assert_eq!(decode(&text).ok(), Some(bytes));
            let start = index.index(text.len().max(1));
            text.replace_range(start..text.len().min(start.saturating_add(1)), &inserted);
            prop_assert_eq!(decode(&text).ok(), plain.decode(&text).ok());
        }
    }
}
