//! The checks, in this order: scope, time, payload, key and session token, signature.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};

use super::canonical::{CanonicalRequest, Form, payload_hash};
use super::parameters::Location;
use super::{MAX_SKEW_SECONDS, Signature, SignatureDenial, SignedRequest};

/// A key pair. Not `Debug`: it holds secrets.
#[derive(Clone)]
pub struct AccessKey {
    /// The secret access key.
    pub secret: String,
    /// The session token, which temporary credentials have.
    pub session_token: Option<String>,
    /// When the credentials end, in seconds since 1970.
    pub expiration: Option<i64>,
}

/// What a request must be signed for.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The Region, such as `us-east-1`.
    pub region: &'a str,
    /// The services that are accepted, such as `iotdata`.
    pub services: &'a [&'a str],
    /// The present time, in seconds since 1970.
    pub now: i64,
}

pub(super) fn verify(
    signature: &Signature,
    request: &SignedRequest<'_>,
    key: Option<&AccessKey>,
    expected: &Expected<'_>,
) -> Result<(), SignatureDenial> {
    check_scope(signature, expected)?;
    check_time(signature, expected.now)?;
    let mut hashes = request.headers("x-amz-content-sha256");
    if hashes.any(|hash| hash.trim() != payload_hash(request.body)) {
        return Err(SignatureDenial::Payload);
    }
    // An unknown key takes as long as a wrong signature.
    let secret = key.map_or("unknown", |key| key.secret.as_str());
    let outcome = check_signature(signature, request, secret);
    let Some(key) = key else { return Err(SignatureDenial::UnknownKey(signature.access_key.clone())) };
    check_session(signature, key, expected.now)?;
    outcome
}

fn check_scope(signature: &Signature, expected: &Expected<'_>) -> Result<(), SignatureDenial> {
    let scope = &signature.scope;
    if scope.region != expected.region {
        let (signed, region) = (scope.region.clone(), expected.region.to_owned());
        return Err(SignatureDenial::Region { signed, region });
    }
    if !expected.services.contains(&scope.service.as_str()) {
        let services = expected.services.iter().map(|service| (*service).to_owned()).collect();
        return Err(SignatureDenial::Service { signed: scope.service.clone(), expected: services });
    }
    if !signature.date.starts_with(&scope.day) {
        return Err(SignatureDenial::Day { day: scope.day.clone(), date: signature.date.clone() });
    }
    Ok(())
}

fn check_time(signature: &Signature, now: i64) -> Result<(), SignatureDenial> {
    let date = || signature.date.clone();
    let age = now.saturating_sub(signature.seconds);
    if age < -MAX_SKEW_SECONDS {
        return Err(SignatureDenial::NotYetCurrent { date: date(), now });
    }
    let limit = signature.expires.map_or(MAX_SKEW_SECONDS, |expires| expires.min(MAX_SKEW_SECONDS));
    if age > limit {
        return Err(SignatureDenial::Expired { date: date(), now, limit });
    }
    Ok(())
}

fn check_session(signature: &Signature, key: &AccessKey, now: i64) -> Result<(), SignatureDenial> {
    let denied = |what| SignatureDenial::SessionToken { key: signature.access_key.clone(), what };
    match (&key.session_token, &signature.session_token) {
        (None, None) => {}
        (Some(_), None) => return Err(denied("X-Amz-Security-Token is missing")),
        (None, Some(_)) => return Err(denied("X-Amz-Security-Token, which this key does not have")),
        (Some(expected), Some(sent)) => {
            verify_slices_are_equal(expected.as_bytes(), sent.as_bytes())
                .map_err(|_| denied("X-Amz-Security-Token is of other credentials"))?;
        }
    }
    if key.expiration.is_some_and(|expiration| expiration <= now) {
        return Err(SignatureDenial::CredentialsExpired(signature.access_key.clone()));
    }
    Ok(())
}

/// Compares the signature in constant time.
fn check_signature(
    signature: &Signature,
    request: &SignedRequest<'_>,
    secret: &str,
) -> Result<(), SignatureDenial> {
    let scope = &signature.scope;
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [&scope.day, &scope.region, &scope.service, "aws4_request"] {
        key = hmac::sign(&Key::new(HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
    }
    let key = Key::new(HMAC_SHA256, &key);
    let is_signed = |canonical: &CanonicalRequest<'_>| {
        let hash = payload_hash(canonical.text().as_bytes());
        let text = ["AWS4-HMAC-SHA256", &signature.date, &scope.text(), &hash].join("\n");
        hmac::verify(&key, text.as_bytes(), &signature.signature).is_ok()
    };
    let canonical = CanonicalRequest::new(request, signature, Form::default())?;
    if is_signed(&canonical) {
        return Ok(());
    }
    // What clients often do wrong gets a reason of its own. It is denied all the same.
    let is_signed_as =
        |form| CanonicalRequest::new(request, signature, form).is_ok_and(|canonical| is_signed(&canonical));
    let has_token = signature.location == Location::Query && signature.session_token.is_some();
    Err(if has_token && is_signed_as(Form { has_token_in_query: true, ..Form::default() }) {
        SignatureDenial::TokenSigned
    } else if is_signed_as(Form { encodes_path_once: true, ..Form::default() }) {
        SignatureDenial::PathEncodedOnce
    } else {
        SignatureDenial::Mismatch { canonical: canonical.masked() }
    })
}
