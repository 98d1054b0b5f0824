//! The development issuer: mints tokens like those of a configured issuer, with keys made on this machine.

mod id_token;
mod key;

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand;
use iot_local_base::hex;
use jsonwebtoken::{Algorithm, Header};
use serde_json::{Map, Value, json};
use thiserror::Error;

pub use id_token::{InvalidIdToken, VerifiedIdToken, is_id_token_algorithm};
pub use key::KeyError;
use key::{DevelopmentKey, KeyKind};

/// The lifetime of a token, unless the configuration accepts only less.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(3600);

/// The number of random bytes in a `jti`.
const JTI_BYTES: usize = 16;

/// The claims of a user that an ID token does not repeat: they describe the access token.
const NOT_IN_ID_TOKENS: [&str; 13] = [
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "nbf",
    "iat",
    "jti",
    "nonce",
    "token_use",
    "client_id",
    "scope",
    "cnf",
];

/// The settings of a configured issuer that minting depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerSettings {
    /// The `id` in the configuration.
    pub id: String,
    /// The `iss` of tokens.
    pub issuer: String,
    /// The accepted audiences, not empty. Tokens get the first.
    pub audience: Vec<String>,
    /// The claim that holds the audience, usually `aud`.
    pub audience_claim: String,
    /// The accepted algorithms, not empty. Tokens are signed with the first.
    pub algorithms: Vec<Algorithm>,
    /// The `typ` header of tokens.
    pub typ: String,
    /// The longest lifetime of a token that the configuration accepts.
    pub max_lifetime: Option<Duration>,
}

/// A configured issuer with development keys in place of its real ones.
#[derive(Debug, Clone)]
pub struct DevelopmentIssuer {
    settings: IssuerSettings,
    keys: Vec<DevelopmentKey>,
}

/// The content of an access token.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// The subject.
    pub sub: String,
    /// Additional claims. They replace registered claims of the same name.
    pub claims: Map<String, Value>,
    /// The lifetime of the token.
    pub ttl: Duration,
    /// When the token is issued.
    pub at: SystemTime,
}

/// The content of an ID token (OpenID Connect Core, section 2). Its audience is the client, so the authorizer denies
/// it.
#[derive(Debug, Clone, Copy)]
pub struct IdToken<'a> {
    /// The subject.
    pub sub: &'a str,
    /// The client id, which is the audience.
    pub client_id: &'a str,
    /// The user's claims. Those that describe the token itself or an access token are left out.
    pub claims: &'a Map<String, Value>,
    /// The `nonce` of the client's request.
    pub nonce: Option<&'a str>,
    /// When the subject logged in.
    pub auth_time: SystemTime,
    /// The lifetime of the token.
    pub ttl: Duration,
    /// When the token is issued.
    pub at: SystemTime,
}

/// An error while a token is minted.
#[derive(Debug, Error)]
pub enum MintError {
    /// The time of issue or expiry cannot be represented.
    #[error("the token's `iat` or `exp` is out of range\n  help: choose a shorter lifetime")]
    Time,
    /// The system's random number generator failed.
    #[error("the system's random number generator failed")]
    Random,
    /// The issuer has no key for the algorithm.
    #[error("the issuer has no development key for {0:?}; expected one of its algorithms")]
    NoKey(Algorithm),
    /// The token cannot be signed.
    #[error("cannot sign the token: {0}")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

impl DevelopmentIssuer {
    /// Opens the issuer's development keys in a folder, one for each kind of key that its algorithms need. Missing keys
    /// are created.
    ///
    /// # Errors
    /// A key cannot be read or created.
    pub fn open(settings: IssuerSettings, private: &Path) -> Result<Self, KeyError> {
        let open = |kind: &KeyKind| {
            DevelopmentKey::open(&private.join(format!("{}-{}.pem", settings.id, kind.name())), *kind)
        };
        let keys = kinds(&settings.algorithms).iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { settings, keys })
    }

    /// Creates an issuer with new keys that are not stored.
    ///
    /// # Errors
    /// A key cannot be created.
    pub fn ephemeral(settings: IssuerSettings) -> Result<Self, KeyError> {
        let keys = kinds(&settings.algorithms)
            .iter()
            .map(|kind| DevelopmentKey::generate(*kind))
            .collect::<Result<_, _>>()?;
        Ok(Self { settings, keys })
    }

    /// Creates an issuer with the same name and key ids but other keys, to mint forged tokens.
    ///
    /// # Errors
    /// A key cannot be created.
    pub fn forger(&self) -> Result<Self, KeyError> {
        let keys = self.keys.iter().map(DevelopmentKey::forged).collect::<Result<_, _>>()?;
        Ok(Self { settings: self.settings.clone(), keys })
    }

    /// Returns the issuer's settings.
    #[must_use]
    pub fn settings(&self) -> &IssuerSettings {
        &self.settings
    }

    /// Returns the public keys as a JWK Set (RFC 7517 section 5). Key ids are RFC 7638 thumbprints. A key for several
    /// of the issuer's algorithms has no `alg`, which would restrict it to one.
    #[must_use]
    pub fn key_set(&self) -> Value {
        let keys: Vec<_> =
            self.keys.iter().map(|key| key.public_jwk(self.only_algorithm(key.kind))).collect();
        json!({ "keys": keys })
    }

    /// Returns the lifetime of a token for which none is given: an hour, or less if the configuration requires less.
    #[must_use]
    pub fn default_lifetime(&self) -> Duration {
        self.settings.max_lifetime.map_or(DEFAULT_LIFETIME, |max| max.min(DEFAULT_LIFETIME))
    }

    /// Returns the request for a token that expires a number of seconds after `now`. If the number is negative, the
    /// token is expired: it was issued [`DevelopmentIssuer::default_lifetime`] before it expired.
    ///
    /// # Errors
    /// [`MintError::Time`].
    pub fn request(
        &self,
        sub: String,
        claims: Map<String, Value>,
        expires_in: i64,
        now: SystemTime,
    ) -> Result<TokenRequest, MintError> {
        let seconds = Duration::from_secs(expires_in.unsigned_abs());
        if expires_in >= 0 {
            return Ok(TokenRequest { sub, claims, ttl: seconds, at: now });
        }
        let ttl = self.default_lifetime();
        let issued = now.checked_sub(seconds).and_then(|expired| expired.checked_sub(ttl));
        Ok(TokenRequest { sub, claims, ttl, at: issued.ok_or(MintError::Time)? })
    }

    /// Mints a token, signed with the issuer's first algorithm.
    ///
    /// # Errors
    /// See [`MintError`].
    pub fn mint(&self, request: &TokenRequest) -> Result<String, MintError> {
        let algorithm = self.settings.algorithms.first().copied().unwrap_or_default();
        self.mint_with(algorithm, request)
    }

    /// Mints an ID token. It is signed with RSA if the issuer has such an algorithm, as an identity pool requires it,
    /// else with the issuer's first algorithm.
    ///
    /// # Errors
    /// See [`MintError`].
    pub fn mint_id_token(&self, token: &IdToken<'_>) -> Result<String, MintError> {
        let algorithms = || self.settings.algorithms.iter().copied();
        let algorithm = algorithms().find(|algorithm| is_id_token_algorithm(*algorithm));
        let algorithm = algorithm.or_else(|| algorithms().next()).unwrap_or_default();
        let issued = seconds(token.at)?;
        let expires = issued.checked_add(token.ttl.as_secs()).ok_or(MintError::Time)?;
        let mut claims: Map<String, Value> = token
            .claims
            .iter()
            .filter(|(name, _)| !NOT_IN_ID_TOKENS.contains(&name.as_str()))
            .map(owned)
            .collect();
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        set("iss", json!(self.settings.issuer));
        set("sub", json!(token.sub));
        set("aud", json!(token.client_id));
        set("iat", json!(issued));
        set("exp", json!(expires));
        set("auth_time", json!(seconds(token.auth_time)?));
        if let Some(nonce) = token.nonce {
            set("nonce", json!(nonce));
        }
        // Amazon Cognito's user pools tell their two kinds of tokens apart by this claim.
        if token.claims.contains_key("token_use") {
            set("token_use", json!("id"));
        }
        self.sign(algorithm, "JWT", &Value::Object(claims))
    }

    /// Mints a token, signed with the given algorithm, which must be one of the issuer's.
    ///
    /// # Errors
    /// See [`MintError`].
    pub fn mint_with(&self, algorithm: Algorithm, request: &TokenRequest) -> Result<String, MintError> {
        self.sign(algorithm, &self.settings.typ, &Value::Object(self.claims(request)?))
    }

    /// Signs claims as a token, without adding any.
    ///
    /// # Errors
    /// See [`MintError`].
    pub fn sign(&self, algorithm: Algorithm, typ: &str, claims: &Value) -> Result<String, MintError> {
        let kind = KeyKind::for_algorithm(algorithm);
        let key = self.keys.iter().find(|key| Some(key.kind) == kind).ok_or(MintError::NoKey(algorithm))?;
        let mut header = Header::new(algorithm);
        header.typ = Some(typ.to_owned());
        header.kid = Some(key.kid.clone());
        Ok(jsonwebtoken::encode(&header, claims, &key.encoding)?)
    }

    fn claims(&self, request: &TokenRequest) -> Result<Map<String, Value>, MintError> {
        let issued = seconds(request.at)?;
        let expires = issued.checked_add(request.ttl.as_secs()).ok_or(MintError::Time)?;
        let mut jti = [0; JTI_BYTES];
        rand::fill(&mut jti).map_err(|_| MintError::Random)?;
        let mut claims = Map::new();
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        set("iss", json!(self.settings.issuer));
        set("sub", json!(request.sub));
        set(&self.settings.audience_claim, json!(self.settings.audience.first()));
        set("iat", json!(issued));
        set("exp", json!(expires));
        set("jti", json!(hex::encode(&jti)));
        claims.extend(request.claims.clone());
        Ok(claims)
    }

    /// The algorithm of the issuer that uses this kind of key, if there is only one.
    fn only_algorithm(&self, kind: KeyKind) -> Option<Algorithm> {
        let algorithms = self.settings.algorithms.iter().copied();
        let mut matching = algorithms.filter(|algorithm| KeyKind::for_algorithm(*algorithm) == Some(kind));
        let first = matching.next();
        first.filter(|_| matching.next().is_none())
    }
}

/// Parses the name of an algorithm (RFC 7518 section 3.1, RFC 9864). Returns `None` if tokens cannot be signed with it.
#[must_use]
pub fn algorithm(name: &str) -> Option<Algorithm> {
    // RFC 9864 renames `EdDSA` with Ed25519 keys to `Ed25519`; the library only knows the old name.
    let name = if name == "Ed25519" { "EdDSA" } else { name };
    name.parse().ok().filter(|algorithm| KeyKind::for_algorithm(*algorithm).is_some())
}

fn owned((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

fn seconds(time: SystemTime) -> Result<u64, MintError> {
    Ok(time.duration_since(UNIX_EPOCH).map_err(|_| MintError::Time)?.as_secs())
}

fn kinds(algorithms: &[Algorithm]) -> Vec<KeyKind> {
    let mut kinds: Vec<_> =
        algorithms.iter().filter_map(|algorithm| KeyKind::for_algorithm(*algorithm)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

#[cfg(test)]
mod tests;
