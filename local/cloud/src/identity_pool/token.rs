//! The tokens of GetOpenIdToken, which say who an identity is. Only this gateway takes them.
//! <https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_GetOpenIdToken.html>

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair, RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA512, RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::credentials::CognitoIdentity;

/// How long a token lives, in seconds: as on AWS.
pub(crate) const LIFETIME_SECONDS: i64 = 600;

/// The header of every token.
const HEADER: &str = r#"{"kid":"local","typ":"JWS","alg":"RS512"}"#;

/// The key pair that signs tokens.
pub(crate) struct TokenKey(RsaKeyPair);

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdentityToken {
    /// The identity id.
    pub(crate) sub: String,
    /// The pool's id.
    pub(crate) aud: String,
    pub(crate) amr: Vec<String>,
    pub(crate) iss: String,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
}

/// Why a token is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidIdentityToken {
    /// Not a token that this gateway signed.
    Foreign,
    /// Past its ten minutes.
    Expired,
    /// Of another pool.
    OtherPool,
}

impl IdentityToken {
    /// Creates the token of an identity. `now` is in seconds since 1970.
    pub(crate) fn new(identity: &CognitoIdentity, now: i64) -> Self {
        Self {
            sub: identity.id.clone(),
            aud: identity.pool.clone(),
            amr: identity.amr.clone(),
            iss: format!("https://{}", super::ISSUER),
            iat: now,
            exp: now.saturating_add(LIFETIME_SECONDS),
        }
    }

    /// Returns the identity.
    pub(crate) fn identity(self) -> CognitoIdentity {
        CognitoIdentity {
            is_authenticated: self.amr.iter().any(|method| method == "authenticated"),
            id: self.sub,
            pool: self.aud,
            amr: self.amr,
        }
    }
}

impl TokenKey {
    /// Makes a key pair, which takes a moment. `None` if the cryptographic library fails.
    pub(super) fn generate() -> Option<Self> {
        RsaKeyPair::generate(KeySize::Rsa2048).ok().map(Self)
    }

    /// Signs a token. `None` if the cryptographic library fails.
    pub(crate) fn sign(&self, token: &IdentityToken) -> Option<String> {
        let payload = serde_json::to_vec(token).ok()?;
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(payload));
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA512, &SystemRandom::new(), signed.as_bytes(), &mut signature).ok()?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Verifies a token of a pool.
    ///
    /// # Errors
    /// Why it is denied.
    pub(crate) fn verify(
        &self,
        token: &str,
        pool: &str,
        now: i64,
    ) -> Result<IdentityToken, InvalidIdentityToken> {
        let token = self.read(token).ok_or(InvalidIdentityToken::Foreign)?;
        if token.exp <= now {
            return Err(InvalidIdentityToken::Expired);
        }
        if token.aud != pool {
            return Err(InvalidIdentityToken::OtherPool);
        }
        Ok(token)
    }

    fn read(&self, token: &str) -> Option<IdentityToken> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, self.0.public_key().as_ref());
        key.verify(signed.as_bytes(), &signature).ok()?;
        let (_, payload) = signed.split_once('.')?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: &str = "us-east-1:00000000-0000-4000-8000-000000000001";

    #[test]
    fn only_own_tokens_of_the_pool_are_taken_for_ten_minutes() {
        let identity = CognitoIdentity {
            id: "us-east-1:00000000-0000-4000-8000-00000000000a".to_owned(),
            pool: POOL.to_owned(),
            is_authenticated: true,
            amr: vec!["authenticated".to_owned(), "login.example.com/".to_owned()],
        };
        let (key, other) = (TokenKey::generate().unwrap(), TokenKey::generate().unwrap());
        let content = IdentityToken::new(&identity, 1000);
        let token = key.sign(&content).unwrap();
        let verified = key.verify(&token, POOL, 1599).unwrap();
        assert_eq!(verified.clone().identity(), identity);
        assert_eq!((verified.iss.as_str(), verified.exp), ("https://cognito-identity.amazonaws.com", 1600));
        let parts: Vec<_> = token.split('.').collect();
        let guest = IdentityToken { amr: vec!["unauthenticated".to_owned()], ..content.clone() };
        assert!(!guest.clone().identity().is_authenticated);
        let guest = key.sign(&guest).unwrap();
        let (_, guest_payload) = guest.rsplit_once('.').unwrap().0.split_once('.').unwrap();
        let swapped = format!("{}.{guest_payload}.{}", parts[0], parts[2]);
        let unsigned = format!("{}.{}.", parts[0], parts[1]);
        for (token, pool, now, expected) in [
            (token.clone(), POOL, 1600, InvalidIdentityToken::Expired),
            (token.clone(), POOL, i64::MAX, InvalidIdentityToken::Expired),
            (token.clone(), "us-east-1:other", 1000, InvalidIdentityToken::OtherPool),
            (other.sign(&content).unwrap(), POOL, 1000, InvalidIdentityToken::Foreign),
            (swapped, POOL, 1000, InvalidIdentityToken::Foreign),
            (unsigned, POOL, 1000, InvalidIdentityToken::Foreign),
            (format!("{token}="), POOL, 1000, InvalidIdentityToken::Foreign),
            (format!("x{token}"), POOL, 1000, InvalidIdentityToken::Foreign),
            (String::new(), POOL, 1000, InvalidIdentityToken::Foreign),
            ("..".to_owned(), POOL, 1000, InvalidIdentityToken::Foreign),
        ] {
            assert_eq!(key.verify(&token, pool, now), Err(expected), "{token} {pool} {now}");
        }
    }
}
