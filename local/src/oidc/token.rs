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
use super::{Asked, Provider, Realm, Reply, json as reply, set};
use crate::issuer::{IdToken, MintError, TokenRequest};

/// How long a machine's token lives, unless the configuration accepts less.
const MACHINE_LIFE: Duration = Duration::from_secs(3600);

/// The same for a person: long enough that a session is refreshed before it ends.
const PERSON_LIFE: Duration = Duration::from_secs(4 * 3600);

/// An error code of RFC 6749, section 5.2, and what to fix.
type Fault = (&'static str, &'static str);

const WRONG_CODE: Fault =
    ("invalid_grant", "the code is unknown, used, older than a minute, or another client's; log in again");

impl Provider {
    /// Answers with a token, or with what is wrong. A code that is presented is used up, whatever comes of it; tokens
    /// that were minted for it before live on, since a JWT cannot be called back.
    pub(super) fn token(&self, index: usize, realm: &Realm, asked: &Asked<'_>) -> Reply {
        match self.grant_token(index, realm, asked) {
            Ok(body) => reply(StatusCode::OK, &body),
            Err((error, description)) => {
                let status = if error == "invalid_client" {
                    StatusCode::UNAUTHORIZED
                } else {
                    StatusCode::BAD_REQUEST
                };
                let mut reply = reply(status, &json!({ "error": error, "error_description": description }));
                if status == StatusCode::UNAUTHORIZED {
                    set(&mut reply, WWW_AUTHENTICATE, "Basic realm=\"iot-local\"");
                }
                reply
            }
        }
    }

    fn grant_token(&self, index: usize, realm: &Realm, asked: &Asked<'_>) -> Result<Value, Fault> {
        let media_type = asked.content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(("invalid_request", "send a form: application/x-www-form-urlencoded"));
        }
        let form = Form::read(asked.body).ok_or(("invalid_request", "a parameter stands there twice"))?;
        let failed = |_| ("server_error", "the token cannot be signed");
        match form.get("grant_type") {
            Some("authorization_code") => {
                let grant = self.redeem(index, &form, asked)?;
                person(realm, &grant, asked.now).map_err(failed)
            }
            Some("client_credentials") => {
                self.authenticate(realm, &form, asked.authorization)?;
                machine(realm, asked.now).map_err(failed)
            }
            Some(_) => Err(("unsupported_grant_type", "there are authorization_code and client_credentials")),
            None => Err(("invalid_request", "grant_type is missing")),
        }
    }

    /// What a code stands for, if it comes from whom it was given to.
    fn redeem(&self, realm: usize, form: &Form, asked: &Asked<'_>) -> Result<Grant, Fault> {
        let missing = |description| ("invalid_request", description);
        let code = form.get("code").ok_or(missing("code is missing"))?;
        let verifier = form.get("code_verifier").ok_or(missing("code_verifier is missing"))?;
        let client = form.get("client_id").ok_or(missing("client_id is missing"))?;
        let redirect_uri = form.get("redirect_uri").ok_or(missing("redirect_uri is missing"))?;
        let found = self.codes.lock().unwrap_or_else(PoisonError::into_inner).redeem(code, asked.now);
        if !self.clients.knows(client) || asked.authorization.is_some() || form.get("client_secret").is_some()
        {
            return Err(("invalid_client", "no such client; one that people log in for has no secret here"));
        }
        let grant = found.filter(|grant| grant.realm == realm && grant.client == client).ok_or(WRONG_CODE)?;
        if grant.redirect_uri != redirect_uri {
            return Err(("invalid_grant", "redirect_uri is not the one that the code was asked for with"));
        }
        if !verifies(verifier, &grant.challenge) {
            return Err(("invalid_grant", "code_verifier does not belong to the code_challenge"));
        }
        Ok(grant)
    }

    /// The machine names itself in the header or in the form (RFC 6749, section 2.3.1), not in both.
    fn authenticate(&self, realm: &Realm, form: &Form, authorization: Option<&str>) -> Result<(), Fault> {
        let wrong = (
            "invalid_client",
            "client id and secret are not the machine's; `cargo local` says what they are",
        );
        let (client, secret) = match (authorization, form.get("client_secret")) {
            (Some(_), Some(_)) => {
                return Err(("invalid_request", "send the secret once, in the header or in the form"));
            }
            (Some(header), None) => basic(header).ok_or(wrong)?,
            (None, secret) => {
                (form.get("client_id").unwrap_or_default().to_owned(), secret.unwrap_or_default().to_owned())
            }
        };
        let known = client == realm.machine.sub;
        // The secret is looked at in any case: how long the answer takes says nothing of the name.
        if self.clients.is_secret(&secret) && known { Ok(()) } else { Err(wrong) }
    }
}

/// RFC 7617; both parts are encoded as in a form (RFC 6749, section 2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (client, secret) = decoded.split_once(':')?;
    let decode = |part: &str| percent_decode_str(part).decode_utf8().ok().map(|part| part.into_owned());
    Some((decode(client)?, decode(secret)?))
}

/// RFC 7636, sections 4.1 and 4.6.
fn verifies(verifier: &str, challenge: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let hash = || URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
    (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved) && hash() == challenge
}

fn person(realm: &Realm, grant: &Grant, now: SystemTime) -> Result<Value, MintError> {
    let ttl = life(realm, PERSON_LIFE);
    let mut answer = access(realm, &grant.sub, &grant.claims, ttl, now)?;
    if grant.openid {
        let token = realm.issuer.mint_id_token(&IdToken {
            sub: &grant.sub,
            client: &grant.client,
            nonce: grant.nonce.as_deref(),
            authenticated: grant.at,
            ttl,
            at: now,
        })?;
        answer.insert("id_token".to_owned(), json!(token));
        answer.insert("scope".to_owned(), json!("openid"));
    }
    Ok(Value::Object(answer))
}

fn machine(realm: &Realm, now: SystemTime) -> Result<Value, MintError> {
    let ttl = life(realm, MACHINE_LIFE);
    access(realm, &realm.machine.sub, &realm.machine.claims, ttl, now).map(Value::Object)
}

fn access(
    realm: &Realm,
    sub: &str,
    claims: &Map<String, Value>,
    ttl: Duration,
    now: SystemTime,
) -> Result<Map<String, Value>, MintError> {
    let request = TokenRequest { sub: sub.to_owned(), claims: claims.clone(), ttl, at: now };
    let mut answer = Map::new();
    answer.insert("access_token".to_owned(), json!(realm.issuer.mint(&request)?));
    answer.insert("token_type".to_owned(), json!("Bearer"));
    answer.insert("expires_in".to_owned(), json!(ttl.as_secs()));
    Ok(answer)
}

fn life(realm: &Realm, usual: Duration) -> Duration {
    realm.issuer.settings().max_lifetime.map_or(usual, |longest| longest.min(usual))
}
