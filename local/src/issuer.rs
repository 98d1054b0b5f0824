//! The development issuer: it mints tokens as the configured issuer would, with keys made on this machine.

mod key;

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand;
use jsonwebtoken::{Algorithm, Header};
use serde_json::{Map, Value, json};
use thiserror::Error;

pub use key::KeyError;
use key::{KeyKind, SigningKey};

/// Random bytes in a token's `jti`.
const JTI_BYTES: usize = 16;

/// What a configuration says of an issuer, as far as minting needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The short name in the configuration.
    pub id: String,
    /// The exact `iss`.
    pub issuer: String,
    /// The accepted audiences, not empty; tokens are minted for the first.
    pub audience: Vec<String>,
    /// The claim that is compared with the audiences, `aud` as a rule.
    pub audience_claim: String,
    /// The accepted algorithms, not empty; tokens are signed by the first.
    pub algorithms: Vec<Algorithm>,
    /// The `typ` of tokens.
    pub typ: String,
    /// The longest life of a token that the configuration accepts.
    pub max_lifetime: Option<Duration>,
}

/// A configured issuer with development keys in place of its own.
#[derive(Debug, Clone)]
pub struct Issuer {
    settings: Settings,
    keys: Vec<SigningKey>,
}

/// What a token is to say.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// The subject.
    pub sub: String,
    /// Claims beside the registered ones. One that names a registered claim takes its place.
    pub claims: Map<String, Value>,
    /// How long the token lives.
    pub ttl: Duration,
    /// When it is issued.
    pub at: SystemTime,
}

/// What an ID token is to say (OpenID Connect Core, section 2): who has logged in, for a client. The authorizer does
/// not take it for an access token, since it is meant for somebody else.
#[derive(Debug, Clone, Copy)]
pub struct IdToken<'a> {
    /// The subject.
    pub sub: &'a str,
    /// The client id, which is its audience.
    pub client: &'a str,
    /// What the client sent, to find its request again.
    pub nonce: Option<&'a str>,
    /// When the subject logged in.
    pub authenticated: SystemTime,
    /// How long the token lives.
    pub ttl: Duration,
    /// When it is issued.
    pub at: SystemTime,
}

/// Why there is no token.
#[derive(Debug, Error)]
pub enum MintError {
    /// The time of issue or expiry has no number.
    #[error("the token's times are out of range; ask for a shorter life")]
    Time,
    /// The system has no randomness.
    #[error("the system's random numbers cannot be read")]
    Random,
    /// The issuer has no key of that kind.
    #[error("the issuer has no development key for {0:?}; name one of its algorithms first")]
    NoKey(Algorithm),
    /// Signing failed.
    #[error("the token cannot be signed: {0}")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

impl Issuer {
    /// Opens the issuer's development keys, one for each kind of key that its algorithms need. Those that are
    /// not yet in the folder are made there.
    ///
    /// # Errors
    /// Keys that can be neither read nor made.
    pub fn open(settings: Settings, private: &Path) -> Result<Self, KeyError> {
        let open = |kind: &KeyKind| {
            SigningKey::open(&private.join(format!("{}-{}.pem", settings.id, kind.name())), *kind)
        };
        let keys = kinds(&settings.algorithms).iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { settings, keys })
    }

    /// An issuer whose keys are made for the moment and kept nowhere.
    ///
    /// # Errors
    /// Keys that cannot be made.
    pub fn ephemeral(settings: Settings) -> Result<Self, KeyError> {
        let keys = kinds(&settings.algorithms)
            .iter()
            .map(|kind| SigningKey::generate(*kind))
            .collect::<Result<_, _>>()?;
        Ok(Self { settings, keys })
    }

    /// Someone who claims to be this issuer and names its keys, but does not have them. It is what a forger can
    /// do, and serves to show that it gets a forger nowhere.
    ///
    /// # Errors
    /// Keys that cannot be made.
    pub fn forger(&self) -> Result<Self, KeyError> {
        let keys = self.keys.iter().map(SigningKey::impostor).collect::<Result<_, _>>()?;
        Ok(Self { settings: self.settings.clone(), keys })
    }

    /// What the configuration says of the issuer.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The public halves as a JWK Set (RFC 7517 section 5). Key ids are RFC 7638 thumbprints. A key that serves
    /// several of the algorithms has no `alg`, since it would then serve one alone.
    #[must_use]
    pub fn key_set(&self) -> Value {
        let keys: Vec<_> =
            self.keys.iter().map(|key| key.public_jwk(self.only_algorithm(key.kind))).collect();
        json!({ "keys": keys })
    }

    /// Mints a token by the issuer's first algorithm.
    ///
    /// # Errors
    /// Times out of range, or a signature that does not come about.
    pub fn mint(&self, request: &TokenRequest) -> Result<String, MintError> {
        let algorithm = self.settings.algorithms.first().copied().unwrap_or_default();
        self.mint_by(algorithm, request)
    }

    /// Mints an ID token by the issuer's first algorithm.
    ///
    /// # Errors
    /// As [`Issuer::mint`].
    pub fn mint_id_token(&self, token: &IdToken<'_>) -> Result<String, MintError> {
        let algorithm = self.settings.algorithms.first().copied().unwrap_or_default();
        let issued = seconds(token.at)?;
        let expires = issued.checked_add(token.ttl.as_secs()).ok_or(MintError::Time)?;
        let mut claims = json!({
            "iss": self.settings.issuer, "sub": token.sub, "aud": token.client, "iat": issued, "exp": expires,
            "auth_time": seconds(token.authenticated)?,
        });
        if let (Some(nonce), Value::Object(claims)) = (token.nonce, &mut claims) {
            claims.insert("nonce".to_owned(), json!(nonce));
        }
        self.sign(algorithm, "JWT", &claims)
    }

    /// Mints a token by one of the issuer's algorithms.
    ///
    /// # Errors
    /// As [`Issuer::mint`], and for an algorithm without a key.
    pub fn mint_by(&self, algorithm: Algorithm, request: &TokenRequest) -> Result<String, MintError> {
        self.sign(algorithm, &self.settings.typ, &Value::Object(self.claims(request)?))
    }

    /// Signs claims as they are.
    pub(crate) fn sign(&self, algorithm: Algorithm, typ: &str, claims: &Value) -> Result<String, MintError> {
        let kind = KeyKind::of(algorithm);
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
        set("jti", json!(jti.iter().map(|byte| format!("{byte:02x}")).collect::<String>()));
        claims.extend(request.claims.clone());
        Ok(claims)
    }

    /// The one algorithm that a kind of key serves here, if it serves no other.
    fn only_algorithm(&self, kind: KeyKind) -> Option<Algorithm> {
        let mut served =
            self.settings.algorithms.iter().filter(|algorithm| KeyKind::of(**algorithm) == Some(kind));
        let first = served.next().copied();
        first.filter(|_| served.next().is_none())
    }
}

/// An algorithm by its name in a configuration (RFC 7518 section 3.1, RFC 9864), if tokens can be minted by it.
#[must_use]
pub fn algorithm(name: &str) -> Option<Algorithm> {
    // `Ed25519` is the newer name of what the library calls by the older.
    let name = if name == "Ed25519" { "EdDSA" } else { name };
    name.parse().ok().filter(|algorithm| KeyKind::of(*algorithm).is_some())
}

fn seconds(time: SystemTime) -> Result<u64, MintError> {
    Ok(time.duration_since(UNIX_EPOCH).map_err(|_| MintError::Time)?.as_secs())
}

fn kinds(algorithms: &[Algorithm]) -> Vec<KeyKind> {
    let mut kinds: Vec<_> = algorithms.iter().filter_map(|algorithm| KeyKind::of(*algorithm)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

#[cfg(test)]
mod tests;
