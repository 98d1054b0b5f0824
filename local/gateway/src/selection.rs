//! Selects the authorizer for a client, and checks the token's signature before the authorizer is called.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth.html>

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, alphabet};
pub use iot_local_cloud::SigningKey;
use iot_local_cloud::registry::{Authorizer, AuthorizerStatus};
use percent_encoding::percent_decode_str;
use thiserror::Error;

use crate::facts::{HttpFacts, MqttFacts};

/// The header, query parameter or user-name parameter that names the authorizer.
pub const NAME_KEY: &str = "x-amz-customauthorizer-name";

/// The header, query parameter or user-name parameter with the token's signature.
pub const SIGNATURE_KEY: &str = "x-amz-customauthorizer-signature";

/// The longest signature (API model of TestInvokeAuthorizer).
/// <https://docs.aws.amazon.com/iot/latest/apireference/API_TestInvokeAuthorizer.html>
const MAX_SIGNATURE_CHARS: usize = 2560;

/// The largest headers and query of a request, from AWS's guide to enhanced custom authentication (2020).
const MAX_HTTP_BYTES: usize = 8 * 1024;

/// Values that name no authorizer. Clients of AWS IoT in the field send them, for the default authorizer.
const NO_NAMES: [&str; 3] = ["", "''", "\"\""];

/// Standard base64, with or without padding: AWS's API model has the pattern `[A-Za-z0-9+/]+={0,2}`.
const SIGNATURE_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How much of an unknown name an error quotes.
const MAX_QUOTED_CHARS: usize = 128;

/// The definition of the gateway's built-in authorizer, as of CreateAuthorizer.
/// <https://docs.aws.amazon.com/iot/latest/apireference/API_CreateAuthorizer.html>
#[derive(Debug, Clone)]
pub struct AuthorizerDefinition {
    /// The name.
    pub name: String,
    /// Whether it is used for clients that name no authorizer (SetDefaultAuthorizer).
    pub is_default: bool,
    /// `tokenKeyName`: the header, query parameter or user-name parameter with the signed token.
    pub token_key: Option<String>,
    /// `tokenSigningPublicKeys`. If empty, token signing is off.
    pub signing_keys: Vec<SigningKey>,
    /// `enableCachingForHttp`: a response applies to all HTTPS publishes of a connection until its refresh is due.
    pub caching_for_http: bool,
}

impl Default for AuthorizerDefinition {
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

impl AuthorizerDefinition {
    /// Describes the authorizer to the control plane. The time is in milliseconds since 1970.
    #[must_use]
    pub fn description(&self, function_arn: &str, created: i64) -> Authorizer {
        let keys = self.signing_keys.iter().enumerate();
        let keys =
            keys.map(|(index, key)| (format!("key-{}", index.saturating_add(1)), key.pem().to_owned()));
        Authorizer {
            name: self.name.clone(),
            function_arn: function_arn.to_owned(),
            token_key: self.token_key.clone(),
            signing_keys: keys.collect(),
            status: AuthorizerStatus::Active,
            signing_disabled: self.signing_keys.is_empty(),
            caching_for_http: self.caching_for_http,
            created,
            modified: created,
        }
    }
}

/// Why a client is denied without a call of the authorizer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SelectionError {
    /// Headers and query are too large.
    #[error(
        "headers and query have {0} bytes; expected at most {MAX_HTTP_BYTES}; help: send the token as the MQTT password, \
         or issue a smaller token"
    )]
    HttpTooLarge(usize),
    /// The client names an unknown authorizer.
    #[error("unknown authorizer \"{requested}\"; expected \"{known}\"; help: --authorizer sets its name")]
    Unknown {
        /// The name from the client, at most 128 characters.
        requested: String,
        /// The names of the ACTIVE authorizers.
        known: String,
    },
    /// The authorizer is INACTIVE.
    #[error("authorizer \"{0}\" is INACTIVE; help: update its status to ACTIVE")]
    Inactive(String),
    /// The client names an authorizer that its domain does not allow.
    #[error(
        "the client names an authorizer, and domain configuration {0} does not allow it; help: set \
         allowAuthorizerOverride of its authorizerConfig"
    )]
    NoOverride(String),
    /// The client names no authorizer, and no authorizer is the default.
    #[error("missing {NAME_KEY}; expected the authorizer's name, since there is no default authorizer")]
    Unnamed,
    /// Token signing is on and the token is missing.
    #[error("missing token; expected it in {0:?}, since token signing is on")]
    MissingToken(String),
    /// Token signing is on and the signature is missing.
    #[error("missing {SIGNATURE_KEY}; expected the token's signature, since token signing is on")]
    MissingSignature,
    /// The signature is not standard base64.
    #[error(
        "invalid {SIGNATURE_KEY}; expected standard base64; help: to convert base64url, replace - by + and _ by /"
    )]
    NotBase64,
    /// No signing key verifies the signature of the token.
    #[error(
        "{SIGNATURE_KEY} does not match the token; expected an RS256 signature by a signing key of the authorizer"
    )]
    BadSignature,
}

impl SelectionError {
    pub(crate) fn unknown(requested: &str, known: String) -> Self {
        Self::Unknown { requested: requested.chars().take(MAX_QUOTED_CHARS).collect(), known }
    }
}

/// The members of the event that the gateway fills by itself. Not `Debug`: it holds the token.
#[derive(Default)]
pub struct Selected {
    /// The event's `token`. For a client, only a signed token.
    pub token: Option<String>,
    /// The event's `signatureVerified`.
    pub signature_verified: bool,
}

impl AuthorizerDefinition {
    /// Finds the token of a client, and checks its signature.
    ///
    /// # Errors
    /// Why the client is denied.
    pub fn find_token(
        &self,
        http: Option<&HttpFacts>,
        mqtt: Option<&MqttFacts>,
    ) -> Result<Selected, SelectionError> {
        let token = self.token_key.as_deref().and_then(|key| lookup(key, http, mqtt));
        let selected = self.check_signature(token, || lookup(SIGNATURE_KEY, http, mqtt))?;
        // Sources disagree whether AWS IoT fills `token` without token signing. The stricter reading: it does not.
        let token = selected.token.filter(|_| selected.signature_verified);
        Ok(Selected { token, ..selected })
    }

    /// Returns the header or parameter of a request with a token or the name of an authorizer, if there is one. An
    /// `Authorization` that is not Signature Version 4 counts as a token: the authorizer may read it.
    #[must_use]
    pub fn token_place(&self, http: &HttpFacts) -> Option<&str> {
        let keys = [Some(NAME_KEY), Some(SIGNATURE_KEY), self.token_key.as_deref()];
        let is_other_scheme = |value: &str| !value.trim_start().starts_with("AWS4-HMAC-SHA256");
        let is_token = |(name, value): &(String, String)| {
            name.eq_ignore_ascii_case("authorization") && is_other_scheme(value)
        };
        let found = keys.into_iter().flatten().find(|key| lookup(key, Some(http), None).is_some());
        found.or_else(|| http.headers.iter().any(is_token).then_some("Authorization"))
    }

    /// Checks the signature of a token if token signing is on.
    ///
    /// # Errors
    /// If the token or the signature is missing, or the signature is invalid.
    pub fn check_signature(
        &self,
        token: Option<String>,
        signature: impl FnOnce() -> Option<String>,
    ) -> Result<Selected, SelectionError> {
        if self.signing_keys.is_empty() {
            return Ok(Selected { token, signature_verified: false });
        }
        let token = token
            .filter(|token| !token.is_empty())
            .ok_or_else(|| SelectionError::MissingToken(self.token_key.clone().unwrap_or_default()))?;
        let signature =
            signature().filter(|text| !text.is_empty()).ok_or(SelectionError::MissingSignature)?;
        if signature.len() > MAX_SIGNATURE_CHARS {
            return Err(SelectionError::NotBase64);
        }
        let signature = SIGNATURE_BASE64.decode(signature).map_err(|_| SelectionError::NotBase64)?;
        let verifies = |key: &SigningKey| key.verifies(&token, &signature);
        if !self.signing_keys.iter().any(verifies) {
            return Err(SelectionError::BadSignature);
        }
        Ok(Selected { token: Some(token), signature_verified: true })
    }
}

/// Returns the name of the authorizer that a client asks for.
///
/// # Errors
/// The client's request is too large.
pub(crate) fn requested_name(
    http: Option<&HttpFacts>,
    mqtt: Option<&MqttFacts>,
) -> Result<Option<String>, SelectionError> {
    let size = http.map_or(0, size);
    if size > MAX_HTTP_BYTES {
        return Err(SelectionError::HttpTooLarge(size));
    }
    Ok(lookup(NAME_KEY, http, mqtt).filter(|name| !NO_NAMES.contains(&name.as_str())))
}

/// Returns the signature of a client's token.
pub(crate) fn signature(http: Option<&HttpFacts>, mqtt: Option<&MqttFacts>) -> Option<String> {
    lookup(SIGNATURE_KEY, http, mqtt)
}

/// Returns the size of the header lines and the query, in bytes.
fn size(http: &HttpFacts) -> usize {
    let lines =
        http.headers.iter().map(|(name, value)| name.len().saturating_add(value.len()).saturating_add(4));
    lines.fold(http.query.as_ref().map_or(0, String::len), usize::saturating_add)
}

/// Returns the value of a key: of the header, whatever its case, or the query parameter, or the user-name parameter.
fn lookup(key: &str, http: Option<&HttpFacts>, mqtt: Option<&MqttFacts>) -> Option<String> {
    let header = || {
        let headers = &http?.headers;
        headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.clone())
    };
    let query = || parameter(http?.query.as_deref()?, key);
    let username = || parameter(mqtt?.username.as_deref()?.split_once('?')?.1, key);
    header().or_else(query).or_else(username)
}

/// Returns a parameter, percent-decoded. `+` is not a space: clients send base64 without encoding.
fn parameter(parameters: &str, key: &str) -> Option<String> {
    let value = parameters.split(['&', '?']).find_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (percent_decode_str(name).decode_utf8_lossy() == key).then_some(value)
    })?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests;
