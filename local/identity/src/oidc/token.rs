//! The token endpoint (RFC 6749, section 3.2).

use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::StatusCode;
use hyper::header::WWW_AUTHENTICATE;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::codes::Grant;
use super::form::Form;
use super::{Provider, ProviderRequest, Realm, Reply, json_reply, set};
use crate::issuer::{IdToken, MintError, TokenRequest};

/// The lifetime of a machine's token, unless the configuration accepts only less.
const MACHINE_TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

/// The lifetime of a user's token: long enough for a session to be refreshed before the token expires.
const USER_TOKEN_LIFETIME: Duration = Duration::from_secs(4 * 3600);

/// An error code of RFC 6749, section 5.2, and its description.
type OAuthError = (&'static str, &'static str);

const INVALID_CODE: OAuthError =
    ("invalid_grant", "the code is unknown, used, expired or issued to another client; log in again");

impl Provider {
    /// Responds with a token or an error. Presenting a code uses it up, whatever the result. Tokens that were issued
    /// for it before stay valid, since a JWT cannot be revoked.
    pub(super) fn token(&self, realm_index: usize, realm: &Realm, request: &ProviderRequest<'_>) -> Reply {
        match self.grant_token(realm_index, realm, request) {
            Ok(body) => json_reply(StatusCode::OK, &body),
            Err((error, description)) => {
                let status = if error == "invalid_client" {
                    StatusCode::UNAUTHORIZED
                } else {
                    StatusCode::BAD_REQUEST
                };
                let mut reply =
                    json_reply(status, &json!({ "error": error, "error_description": description }));
                if status == StatusCode::UNAUTHORIZED {
                    set(&mut reply, WWW_AUTHENTICATE, "Basic realm=\"iot-local\"");
                }
                reply
            }
        }
    }

    fn grant_token(
        &self,
        realm_index: usize,
        realm: &Realm,
        request: &ProviderRequest<'_>,
    ) -> Result<Value, OAuthError> {
        let media_type = request.content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(("invalid_request", "the content type must be application/x-www-form-urlencoded"));
        }
        let form = Form::parse(request.body).ok_or(("invalid_request", "duplicate parameter"))?;
        let failed = |_| ("server_error", "cannot mint the token");
        match form.get("grant_type") {
            Some("authorization_code") => {
                let grant = self.redeem(realm_index, &form, request)?;
                user_response(realm, &grant, request.now).map_err(failed)
            }
            Some("client_credentials") => {
                self.authenticate_machine(realm, &form, request.authorization)?;
                machine_response(realm, request.now).map_err(failed)
            }
            Some(_) => {
                Err(("unsupported_grant_type", "grant_type must be authorization_code or client_credentials"))
            }
            None => Err(("invalid_request", "grant_type is missing")),
        }
    }

    /// Redeems a code, if all parameters are those of its authorization request.
    fn redeem(
        &self,
        realm_index: usize,
        form: &Form,
        request: &ProviderRequest<'_>,
    ) -> Result<Grant, OAuthError> {
        let missing = |description| ("invalid_request", description);
        let code = form.get("code").ok_or(missing("code is missing"))?;
        let verifier = form.get("code_verifier").ok_or(missing("code_verifier is missing"))?;
        let client_id = form.get("client_id").ok_or(missing("client_id is missing"))?;
        let redirect_uri = form.get("redirect_uri").ok_or(missing("redirect_uri is missing"))?;
        let grant = self.codes.lock().unwrap_or_else(PoisonError::into_inner).redeem(code, request.now);
        if !self.clients.is_public(client_id) {
            return Err(("invalid_client", "unknown client_id"));
        }
        if request.authorization.is_some() || form.get("client_secret").is_some() {
            return Err(("invalid_client", "a public client has no secret; send client_id without one"));
        }
        let grant = grant.filter(|grant| grant.realm_index == realm_index && grant.client_id == client_id);
        let grant = grant.ok_or(INVALID_CODE)?;
        if grant.redirect_uri != redirect_uri {
            return Err(("invalid_grant", "redirect_uri differs from that of the authorization request"));
        }
        if !is_verifier(verifier, &grant.code_challenge) {
            return Err(("invalid_grant", "code_verifier does not match the code_challenge"));
        }
        Ok(grant)
    }

    /// Authenticates the machine by credentials in the header or in the form, but not in both (RFC 6749, section
    /// 2.3.1).
    fn authenticate_machine(
        &self,
        realm: &Realm,
        form: &Form,
        authorization: Option<&str>,
    ) -> Result<(), OAuthError> {
        let invalid = ("invalid_client", "wrong client id or secret; the banner of `cargo local` shows both");
        let (client_id, secret) = match (authorization, form.get("client_secret")) {
            (Some(_), Some(_)) => {
                return Err(("invalid_request", "the secret is in both header and form; send it once"));
            }
            (Some(header), None) => basic_credentials(header).ok_or(invalid)?,
            (None, secret) => {
                (form.get("client_id").unwrap_or_default().to_owned(), secret.unwrap_or_default().to_owned())
            }
        };
        let is_machine = client_id == realm.machine.sub;
        // The secret is compared for an unknown id, too, so that the duration does not depend on the id.
        if self.clients.is_machine_secret(&secret) && is_machine { Ok(()) } else { Err(invalid) }
    }
}

/// The credentials of a Basic header (RFC 7617). Both are percent-encoded (RFC 6749, section 2.3.1).
fn basic_credentials(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (client_id, secret) = decoded.split_once(':')?;
    let decode = |part: &str| percent_decode_str(part).decode_utf8().ok().map(|part| part.into_owned());
    Some((decode(client_id)?, decode(secret)?))
}

/// Whether a code verifier is valid and belongs to the challenge (RFC 7636, sections 4.1 and 4.6).
fn is_verifier(verifier: &str, challenge: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let hash = || URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
    (43..=128).contains(&verifier.len()) && verifier.bytes().all(is_unreserved) && hash() == challenge
}

fn user_response(realm: &Realm, grant: &Grant, now: SystemTime) -> Result<Value, MintError> {
    let ttl = lifetime(realm, USER_TOKEN_LIFETIME);
    let mut response = response(realm, &grant.sub, &grant.claims, ttl, now)?;
    if grant.is_openid {
        let token = realm.issuer.mint_id_token(&IdToken {
            sub: &grant.sub,
            client_id: &grant.client_id,
            claims: &grant.claims,
            nonce: grant.nonce.as_deref(),
            auth_time: grant.auth_time,
            ttl,
            at: now,
        })?;
        response.insert("id_token".to_owned(), json!(token));
        response.insert("scope".to_owned(), json!("openid"));
    }
    Ok(Value::Object(response))
}

fn machine_response(realm: &Realm, now: SystemTime) -> Result<Value, MintError> {
    let ttl = lifetime(realm, MACHINE_TOKEN_LIFETIME);
    response(realm, &realm.machine.sub, &realm.machine.claims, ttl, now).map(Value::Object)
}

/// The members of a successful response (RFC 6749, section 5.1).
fn response(
    realm: &Realm,
    sub: &str,
    claims: &Map<String, Value>,
    ttl: Duration,
    now: SystemTime,
) -> Result<Map<String, Value>, MintError> {
    let request = TokenRequest { sub: sub.to_owned(), claims: claims.clone(), ttl, at: now };
    let mut response = Map::new();
    response.insert("access_token".to_owned(), json!(realm.issuer.mint(&request)?));
    response.insert("token_type".to_owned(), json!("Bearer"));
    response.insert("expires_in".to_owned(), json!(ttl.as_secs()));
    Ok(response)
}

fn lifetime(realm: &Realm, default: Duration) -> Duration {
    realm.issuer.settings().max_lifetime.map_or(default, |max| max.min(default))
}
