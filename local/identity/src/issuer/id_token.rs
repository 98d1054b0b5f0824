//! Verifies ID tokens as a Cognito identity pool does.
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/open-id.html>

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, dangerous};
use serde_json::{Map, Value};
use thiserror::Error;

use super::DevelopmentIssuer;
use super::key::{DevelopmentKey, KeyKind};

/// The claims of a token that is verified: signed by the issuer, for one of the client ids, valid now. Not `Debug`:
/// claims are personal.
#[derive(Clone)]
pub struct VerifiedIdToken {
    /// The subject. Never empty.
    pub sub: String,
    /// All claims.
    pub claims: Map<String, Value>,
}

/// Why a token is not an ID token that an identity pool accepts. Of the token it holds the algorithm's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidIdToken {
    /// Not a token in compact form, or without a readable header or payload.
    #[error("not a compact JWS with a JSON header and payload")]
    Malformed,
    /// Signed with another kind of key.
    #[error("the algorithm is {0:?}; expected RS256, RS384 or RS512: an identity pool takes RSA keys only")]
    Algorithm(Algorithm),
    /// An access token, or another token of the issuer.
    #[error("not an ID token: an access token; help: send the id_token of the login")]
    NotAnIdToken,
    /// `iss` is another one.
    #[error("iss is not that of the provider")]
    Issuer,
    /// The issuer has no key with this `kid`.
    #[error("the issuer has no RSA key with this kid")]
    Key,
    /// The signature is wrong.
    #[error("the signature is wrong")]
    Signature,
    /// `exp` is past or missing. Both times in seconds since 1970.
    #[error("the token is expired: exp {expires}, now {now}")]
    Expired {
        /// `exp`; 0 if it is missing.
        expires: u64,
        /// The present time.
        now: u64,
    },
    /// `nbf` is in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The token is for another client.
    #[error("azp, else aud, is no client id of the provider")]
    Audience,
    /// `sub` is missing or empty.
    #[error("the token has no sub")]
    Subject,
}

/// Whether an identity pool accepts ID tokens with this algorithm.
#[must_use]
pub fn is_id_token_algorithm(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512)
}

impl DevelopmentIssuer {
    /// Verifies an ID token of this issuer for one of the client ids.
    ///
    /// # Errors
    /// See [`InvalidIdToken`].
    pub fn verify_id_token(
        &self,
        token: &str,
        client_ids: &[String],
        now: SystemTime,
    ) -> Result<VerifiedIdToken, InvalidIdToken> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| InvalidIdToken::Malformed)?;
        // RFC 7515 section 4.1.11: no extension is supported.
        if header.crit.is_some() {
            return Err(InvalidIdToken::Malformed);
        }
        if header.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
            return Err(InvalidIdToken::NotAnIdToken);
        }
        if !is_id_token_algorithm(header.alg) {
            return Err(InvalidIdToken::Algorithm(header.alg));
        }
        // Nothing is trusted yet. A token of another issuer gets the better reason.
        let unverified = dangerous::insecure_decode::<Map<String, Value>>(token);
        let unverified = unverified.map_err(|_| InvalidIdToken::Malformed)?;
        if text(&unverified.claims, "iss") != Some(&self.settings.issuer) {
            return Err(InvalidIdToken::Issuer);
        }
        let key = self.rsa_key(header.kid.as_deref()).ok_or(InvalidIdToken::Key)?;
        let key = DecodingKey::from_jwk(key.public()).map_err(|_| InvalidIdToken::Key)?;
        let mut rules = Validation::new(header.alg);
        // The claims are judged below, by the caller's clock.
        (rules.validate_exp, rules.validate_aud) = (false, false);
        rules.required_spec_claims.clear();
        let verified = jsonwebtoken::decode::<Map<String, Value>>(token, &key, &rules);
        let claims = verified.map_err(|_| InvalidIdToken::Signature)?.claims;
        judge(&claims, client_ids, now)?;
        let sub = text(&claims, "sub").filter(|sub| !sub.is_empty()).ok_or(InvalidIdToken::Subject)?;
        Ok(VerifiedIdToken { sub: sub.to_owned(), claims })
    }

    /// Whether the issuer signs ID tokens that an identity pool accepts.
    #[must_use]
    pub fn has_id_tokens_for_pools(&self) -> bool {
        self.settings.algorithms.iter().copied().any(is_id_token_algorithm)
    }

    fn rsa_key(&self, kid: Option<&str>) -> Option<&DevelopmentKey> {
        let mut keys = self.keys.iter().filter(|key| key.kind == KeyKind::Rsa);
        keys.find(|key| kid.is_none_or(|kid| key.kid == kid))
    }
}

/// Judges the claims of a token whose signature is verified.
fn judge(claims: &Map<String, Value>, client_ids: &[String], now: SystemTime) -> Result<(), InvalidIdToken> {
    if claims.get("token_use").is_some_and(|kind| kind != "id") {
        return Err(InvalidIdToken::NotAnIdToken);
    }
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let expires = claims.get("exp").and_then(Value::as_u64).unwrap_or_default();
    if expires <= now {
        return Err(InvalidIdToken::Expired { expires, now });
    }
    if claims.get("nbf").is_some_and(|start| start.as_u64().is_none_or(|start| start > now)) {
        return Err(InvalidIdToken::NotYetValid);
    }
    // Without `azp`, a list of several audiences does not say which client has got the token (OpenID Connect Core,
    // section 3.1.3.7).
    let audience = match (claims.get("azp"), claims.get("aud")) {
        (Some(azp), _) => azp.as_str(),
        (None, Some(Value::Array(list))) => match list.as_slice() {
            [single] => single.as_str(),
            _ => None,
        },
        (None, aud) => aud.and_then(Value::as_str),
    };
    match audience.is_some_and(|audience| client_ids.iter().any(|id| id == audience)) {
        true => Ok(()),
        false => Err(InvalidIdToken::Audience),
    }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

#[cfg(test)]
mod tests;
