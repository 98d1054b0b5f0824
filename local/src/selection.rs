//! Which authorizer decides, and AWS IoT's own check of a token before it is asked.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth.html>

use std::path::PathBuf;

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use percent_encoding::percent_decode_str;
use thiserror::Error;

use crate::event::{HttpFacts, MqttFacts};

/// Where a client names the authorizer that it wants.
pub const NAME_KEY: &str = "x-amz-customauthorizer-name";

/// Where a client puts the signature of its token.
pub const SIGNATURE_KEY: &str = "x-amz-customauthorizer-signature";

/// Most characters of a signature (CreateAuthorizer's API model).
const SIGNATURE_MAX: usize = 2560;

/// Most bytes of headers and query of a request, as AWS's guide to enhanced custom authentication once had it.
const HTTP_MAX: usize = 8 * 1024;

/// How much of a name that a client chose is repeated to the operator.
const SHOWN: usize = 128;

/// The authorizer as it would be created in AWS IoT (CreateAuthorizer). There is this one.
#[derive(Debug, Clone)]
pub struct Authorizer {
    /// Its name, by which clients ask for it.
    pub name: String,
    /// Whether it decides about clients that name none (SetDefaultAuthorizer).
    pub is_default: bool,
    /// `tokenKeyName`: the header, query or user-name parameter that fills the event's `token`.
    pub token_key: Option<String>,
    /// `tokenSigningPublicKeys`. Without any, token signing is disabled.
    pub signing_keys: Vec<SigningKey>,
    /// `enableCachingForHttp`: an answer holds for all HTTPS publishes of one connection until its refresh is due.
    pub caching_for_http: bool,
}

impl Default for Authorizer {
    fn default() -> Self {
        Self {
            name: "iot-jwt-authorizer".to_owned(),
            is_default: true,
            token_key: Some("token".to_owned()),
            signing_keys: Vec::new(),
            caching_for_http: false,
        }
    }
}

/// The authorizer's definition, as the command line has it.
#[derive(Debug, Clone, Default, Args)]
pub struct AuthorizerArgs {
    /// Name of the authorizer; a client that asks for another is refused [default: iot-jwt-authorizer]
    #[arg(long = "authorizer", value_name = "NAME", value_parser = name)]
    pub name: Option<String>,
    /// Refuse clients that name no authorizer, as AWS IoT does without a default one
    #[arg(long)]
    pub no_default_authorizer: bool,
    /// Header, query or user-name parameter that fills the event's token [default: token]
    #[arg(long, value_name = "NAME", value_parser = token_key)]
    pub token_key: Option<String>,
    /// Give the authorizer no token key: the event has no token
    #[arg(long, conflicts_with_all = ["token_key", "signing_key"])]
    pub no_token_key: bool,
    /// Turn token signing on: a PEM file with the public RSA key that tokens are checked with; may be repeated
    #[arg(long, value_name = "FILE")]
    pub signing_key: Vec<PathBuf>,
    /// Let an answer hold for all HTTPS publishes of a connection until its refresh is due (enableCachingForHttp)
    #[arg(long)]
    pub cache_http: bool,
}

/// A signing key that cannot be used.
#[derive(Debug, Error)]
#[error("--signing-key {}: {fault}", path.display())]
pub struct SigningKeyError {
    path: PathBuf,
    fault: String,
}

impl AuthorizerArgs {
    /// The authorizer that is meant.
    ///
    /// # Errors
    /// If a signing key cannot be read.
    pub fn authorizer(&self) -> Result<Authorizer, SigningKeyError> {
        let default = Authorizer::default();
        let key = |path: &PathBuf| {
            let failed = |fault: String| SigningKeyError { path: path.clone(), fault };
            let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
            SigningKey::from_pem(&text).map_err(|error| failed(error.to_string()))
        };
        Ok(Authorizer {
            name: self.name.clone().unwrap_or(default.name),
            is_default: !self.no_default_authorizer,
            token_key: self.token_key.clone().or(default.token_key).filter(|_| !self.no_token_key),
            signing_keys: self.signing_key.iter().map(key).collect::<Result<_, _>>()?,
            caching_for_http: self.cache_http,
        })
    }
}

fn name(text: &str) -> Result<String, &'static str> {
    of(text, "=,@-_", "AWS IoT takes 1 to 128 letters, digits and = , @ - _ for an authorizer's name")
}

fn token_key(text: &str) -> Result<String, &'static str> {
    of(text, "-_", "AWS IoT takes 1 to 128 letters, digits, - and _ for a token key")
}

fn of(text: &str, more: &str, rule: &'static str) -> Result<String, &'static str> {
    let is_legal = text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c));
    if is_legal && (1..=128).contains(&text.len()) { Ok(text.to_owned()) } else { Err(rule) }
}

/// A public key that AWS IoT checks signatures of tokens with: RSA of 2048 to 8192 bits.
#[derive(Debug, Clone)]
pub struct SigningKey(ParsedPublicKey);

/// A text that holds no such key.
#[derive(Debug, Error)]
pub enum NotASigningKey {
    /// It is no PEM.
    #[error("it is no PEM: {0}; write the key with `openssl pkey -pubout`")]
    Pem(#[from] pem::PemError),
    /// It is another kind of PEM.
    #[error("it holds a {0}, and AWS IoT is given a PUBLIC KEY; write it with `openssl pkey -pubout`")]
    Kind(String),
    /// It is another kind of key.
    #[error("it is no RSA key of at least 2048 bits, and AWS IoT checks signatures with no other")]
    Key,
}

impl SigningKey {
    /// Reads a `PUBLIC KEY` in PEM.
    ///
    /// # Errors
    /// See [`NotASigningKey`].
    pub fn from_pem(text: &str) -> Result<Self, NotASigningKey> {
        let block = pem::parse(text)?;
        if block.tag() != "PUBLIC KEY" {
            return Err(NotASigningKey::Kind(block.tag().to_owned()));
        }
        let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, block.contents());
        key.map(Self).map_err(|_| NotASigningKey::Key)
    }
}

/// Why a client is refused before the authorizer is asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unselected {
    /// Headers and query are larger than AWS IoT passes on.
    #[error(
        "headers and query of the request have {0} bytes, and AWS IoT takes about {HTTP_MAX}; let the client send its \
         token as MQTT password, or issue a smaller one"
    )]
    TooMuchHttp(usize),
    /// It asks for an authorizer that there is not.
    #[error("there is no authorizer {asked:?}, only {known:?}; name it with --authorizer")]
    Unknown {
        /// The name that it asked for, cut to 128 characters.
        asked: String,
        /// The name that there is.
        known: String,
    },
    /// It asks for none, and there is no default.
    #[error("the client names no authorizer in {NAME_KEY}, and none is the default")]
    Unnamed,
    /// Token signing is on and there is no token.
    #[error("token signing is on, and the client sends no token as {0:?}")]
    NoToken(String),
    /// Token signing is on and there is no signature.
    #[error("token signing is on, and the client sends no {SIGNATURE_KEY}")]
    NoSignature,
    /// The signature is not written as AWS IoT reads it.
    #[error(
        "{SIGNATURE_KEY} is no standard base64 with padding; the signature part of a JWT is base64url: - has to become \
         +, _ to become /, and = to be added"
    )]
    NotBase64,
    /// It is not the signature of this token by any of the keys.
    #[error("{SIGNATURE_KEY} is not an RS256 signature of the token by any signing key of the authorizer")]
    BadSignature,
}

/// What the door has found out by itself. Not `Debug`: it holds the token.
#[derive(Default)]
pub struct Selected {
    /// The event's `token`.
    pub token: Option<String>,
    /// The event's `signatureVerified`.
    pub signature_verified: bool,
}

impl Authorizer {
    /// Whether this authorizer decides about a client, and with which token.
    ///
    /// # Errors
    /// Why the client is refused without asking it.
    pub fn select(&self, http: Option<&HttpFacts>, mqtt: Option<&MqttFacts>) -> Result<Selected, Unselected> {
        let size = http.map_or(0, size);
        if size > HTTP_MAX {
            return Err(Unselected::TooMuchHttp(size));
        }
        match lookup(NAME_KEY, http, mqtt) {
            Some(asked) if asked != self.name => {
                let asked = asked.chars().take(SHOWN).collect();
                return Err(Unselected::Unknown { asked, known: self.name.clone() });
            }
            None if !self.is_default => return Err(Unselected::Unnamed),
            _ => {}
        }
        let token = self.token_key.as_deref().and_then(|key| lookup(key, http, mqtt));
        self.check(token, || lookup(SIGNATURE_KEY, http, mqtt))
    }

    /// Checks the signature of a token, if signing is on.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn check(
        &self,
        token: Option<String>,
        signature: impl FnOnce() -> Option<String>,
    ) -> Result<Selected, Unselected> {
        if self.signing_keys.is_empty() {
            return Ok(Selected { token, signature_verified: false });
        }
        let token = token
            .filter(|token| !token.is_empty())
            .ok_or_else(|| Unselected::NoToken(self.token_key.clone().unwrap_or_default()))?;
        let signature = signature().filter(|text| !text.is_empty()).ok_or(Unselected::NoSignature)?;
        if signature.len() > SIGNATURE_MAX {
            return Err(Unselected::NotBase64);
        }
        let signature = STANDARD.decode(signature).map_err(|_| Unselected::NotBase64)?;
        let is_good = |key: &SigningKey| key.0.verify_sig(token.as_bytes(), &signature).is_ok();
        if !self.signing_keys.iter().any(is_good) {
            return Err(Unselected::BadSignature);
        }
        Ok(Selected { token: Some(token), signature_verified: true })
    }
}

/// Headers as lines, and the query.
fn size(http: &HttpFacts) -> usize {
    let lines =
        http.headers.iter().map(|(name, value)| name.len().saturating_add(value.len()).saturating_add(4));
    lines.fold(http.query.as_ref().map_or(0, String::len), usize::saturating_add)
}

/// The value of a key: header in any case, else query parameter, else user-name parameter.
fn lookup(key: &str, http: Option<&HttpFacts>, mqtt: Option<&MqttFacts>) -> Option<String> {
    let header = || {
        let headers = &http?.headers;
        headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.clone())
    };
    let query = || parameter(http?.query.as_deref()?, key);
    let username = || parameter(mqtt?.username.as_deref()?.split_once('?')?.1, key);
    header().or_else(query).or_else(username)
}

/// A parameter, percent-decoded. `+` stays `+`: clients send base64 unencoded.
fn parameter(parameters: &str, key: &str) -> Option<String> {
    let value = parameters.split(['&', '?']).find_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (percent_decode_str(name).decode_utf8_lossy() == key).then_some(value)
    })?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests;
