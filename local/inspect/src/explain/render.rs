//! What each step of a decision saw. Nothing is decided here.

mod permissions;

pub(super) use permissions::{client_id, client_ids, grants, slots};

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iot_jwt_authorizer::authorizer::{Authorizer, Issuer};
use iot_jwt_authorizer::claims::{ClaimRules, Claims, Facts};
use iot_jwt_authorizer::credentials::{Credentials, NotAToken, TokenPlace, TokenRule};
use iot_jwt_authorizer::denial::Code;
use iot_jwt_authorizer::keys::{Candidates, Key};
use iot_jwt_authorizer::request::{MAX_EVENT_BYTES, Request};
use iot_jwt_authorizer::response::PrincipalId;
use iot_jwt_authorizer::revocation::{Revocation, WhenStale};
use iot_jwt_authorizer::token::{Header, MAX_HEADER_BYTES, SignedPayload, UnverifiedToken};
use iot_local_base::timestamp;
use serde_json::Value;

use super::Row;
use super::rules;
use crate::keys::NamedKeys;
use crate::quote::{quoted, shown_value};

pub(super) fn size(event: &[u8]) -> Vec<Row> {
    vec![Row::note("size", format!("{} of at most {MAX_EVENT_BYTES} bytes", event.len()))]
}

pub(super) fn protocol(request: &Request<'_>) -> Vec<Row> {
    let protocol = match request.mqtt().map(|mqtt| &mqtt.client_id) {
        Some(Some(id)) => format!("MQTT, client id {}", quoted(&id.0)),
        Some(None) => "MQTT, no client id".to_owned(),
        None => "not MQTT: an HTTPS publish or a test call".to_owned(),
    };
    let certificate = request.certificate().map(|_| Row::note("certificate", "presented by the client"));
    [Row::note("protocol", protocol)].into_iter().chain(certificate).collect()
}

/// Each place of the configuration, as if it were the only one.
pub(super) fn places(request: &Request<'_>, rule: &TokenRule) -> Vec<Row> {
    let row = |place: &TokenPlace| {
        let rule = TokenRule { places: vec![place.clone()], max_bytes: rule.max_bytes };
        let found = match Credentials::find(request, &rule) {
            Ok(_) => "a token".to_owned(),
            Err(denial) => match denial.code() {
                Code::NoToken | Code::MalformedToken => NotAToken::in_place(request, place)
                    .map_or_else(|| "no token".to_owned(), |value| value.to_string()),
                Code::AmbiguousToken => "two different tokens".to_owned(),
                _ => "a value that is too long".to_owned(),
            },
        };
        Row::note(place.to_string(), found)
    };
    rule.places.iter().map(row).collect()
}

pub(super) fn length(credentials: &Credentials<'_>, rule: &TokenRule) -> Vec<Row> {
    vec![Row::note("length", format!("{} of at most {} bytes", credentials.token().len(), rule.max_bytes))]
}

/// The header as it is, also one that is rejected.
pub(super) fn header(credentials: &Credentials<'_>) -> Vec<Row> {
    let part = credentials.token().split('.').next().unwrap_or_default();
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(part) else {
        return vec![Row::check(false, "header", "invalid base64url", "canonical base64url without padding")];
    };
    if bytes.len() > MAX_HEADER_BYTES {
        let expected = format!("at most {MAX_HEADER_BYTES} bytes");
        return vec![Row::check(false, "header", format!("{} bytes", bytes.len()), expected)];
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(&bytes) else {
        return vec![Row::check(false, "header", "not a JSON object", DISTINCT_MEMBERS)];
    };
    let mut rows = Vec::new();
    for name in ["alg", "kid", "typ"] {
        rows.push(match members.get(name) {
            Some(Value::String(text)) => Row::note(name, quoted(text)),
            Some(other) => Row::check(false, name, shown_value(other), "a string"),
            None if name == "alg" => Row::check(false, name, "absent", "a string"),
            None => Row::note(name, "absent"),
        });
    }
    for name in ["crit", "b64"].into_iter().filter(|name| members.contains_key(*name)) {
        rows.push(Row::check(false, name, "present", "absent"));
    }
    rows
}

const DISTINCT_MEMBERS: &str = "a JSON object with distinct member names";

/// `code` is the error of [`Authorizer::issuer_of`].
pub(super) fn issuer(
    authorizer: &Authorizer,
    token: &UnverifiedToken<'_>,
    code: Option<Code>,
    is_unsigned: bool,
) -> Vec<Row> {
    let iss = token.claimed_issuer();
    // A token of the wrong type may still name its issuer.
    let issuer = authorizer.issuers.iter().find(|issuer| iss.as_deref() == Some(&*issuer.rules.issuer));
    let has_wrong_type = code == Some(Code::WrongType);
    let mut rows = Vec::new();
    if issuer.is_some() || !has_wrong_type {
        let problem = || token.issuer_problem().unwrap_or("`iss` is unreadable").to_owned();
        let actual = iss.as_deref().map_or_else(problem, quoted);
        let issuers = authorizer.issuers.iter().map(|issuer| quoted(&issuer.rules.issuer));
        rows.push(Row::check(issuer.is_some(), "iss", actual, alternatives(issuers)));
    }
    if has_wrong_type || (issuer.is_some() && !is_unsigned) {
        let issuers = issuer.map_or(authorizer.issuers.as_slice(), std::slice::from_ref);
        let types = issuers.iter().flat_map(|issuer| &issuer.types).map(|token_type| quoted(token_type));
        let actual = quoted(&token.header().token_type);
        rows.push(Row::check(!has_wrong_type, "typ", actual, alternatives(types)));
    }
    rows.extend(issuer.map(|issuer| Row::note("id", &*issuer.id)));
    rows
}

/// `candidates` is the result of [`Issuer::candidates`].
pub(super) fn keys(
    issuer: &Issuer,
    header: &Header,
    candidates: &Result<Candidates<'_>, Code>,
    sources: &[NamedKeys],
) -> Vec<Row> {
    let is_accepted = header.algorithm.is_some_and(|algorithm| issuer.algorithms.contains(&algorithm));
    let actual = header.algorithm.map_or("unsupported", |algorithm| algorithm.name());
    let accepted = issuer.algorithms.iter().map(ToString::to_string);
    let mut rows = vec![Row::check(is_accepted, "alg", actual, alternatives(accepted))];
    rows.extend(sources.iter().map(source));
    if is_accepted {
        rows.push(matching_keys(issuer, header, candidates));
    }
    rows
}

/// What a source shows that was not fetched.
const NOT_FETCHED: &str = "not fetched, or no key";

fn source(source: &NamedKeys) -> Row {
    let keys = match source.keys.keys().len() {
        0 if source.source.starts_with("file:") => "no key".to_owned(),
        0 => NOT_FETCHED.to_owned(),
        1 => "1 key".to_owned(),
        count => format!("{count} keys"),
    };
    Row::note(source.source.clone(), keys)
}

fn matching_keys(issuer: &Issuer, header: &Header, candidates: &Result<Candidates<'_>, Code>) -> Row {
    let kid = header.kid.as_deref().map_or_else(|| "no kid".to_owned(), |kid| format!("kid {}", quoted(kid)));
    if let Ok(candidates) = candidates {
        return Row::held("matching keys", format!("{} for {kid}", candidates.keys.len()));
    }
    let kid_of = |key: &Key| key.kid().map_or_else(|| "a key without kid".to_owned(), quoted);
    let expected = match issuer.keys.keys() {
        [] => "a key; the issuer has none".to_owned(),
        keys => alternatives(keys.iter().map(kid_of)),
    };
    Row::check(false, "matching keys", format!("none for {kid}"), expected)
}

/// `signer` is the key that verified the signature.
pub(super) fn signature(candidates: &[&Key], signer: Option<&Key>, sources: &[NamedKeys]) -> Vec<Row> {
    let Some(key) = signer else {
        let actual = format!("not made by any of the matching keys ({})", candidates.len());
        return vec![Row::check(
            false,
            "signature",
            actual,
            "made by the issuer's key for exactly this token",
        )];
    };
    let is_signer = |known: &Key| known.thumbprint() == key.thumbprint();
    let source = sources.iter().find(|source| source.keys.keys().iter().any(is_signer));
    let source = source.map(|source| format!(" of {}", source.source)).unwrap_or_default();
    let kid = key.kid().map_or_else(|| "a key without kid".to_owned(), |kid| format!("key {}", quoted(kid)));
    vec![Row::held("signature", format!("made by {kid}{source}, thumbprint {}", key.thumbprint()))]
}

pub(super) fn claims(
    rules: &ClaimRules,
    payload: &SignedPayload,
    certificate: Option<&str>,
    now: SystemTime,
) -> Vec<Row> {
    match payload.claims() {
        Ok(claims) => {
            let facts = Facts { claims: &claims, certificate, now: now.into() };
            rules::rows(rules, facts, timestamp::seconds(now))
        }
        Err(_) => vec![Row::check(false, "payload", "not such an object", DISTINCT_MEMBERS)],
    }
}

/// `principal` is the result of [`Issuer::principal_of`].
pub(super) fn principal(request: &Request<'_>, principal: &Result<PrincipalId, Code>) -> Vec<Row> {
    let certificate = request.tls().and_then(|tls| tls.principal_id.as_ref());
    vec![match (certificate, principal) {
        (Some(id), _) => {
            let expected = "the certificate's id: 1 to 128 ASCII letters and digits";
            Row::check(principal.is_ok(), "principal", quoted(&id.0), expected)
        }
        (None, Ok(principal)) => Row::note("hash of iss and sub", principal.as_str()),
        (None, Err(code)) => Row::check(false, "principal", code.name(), "a hash of iss and sub"),
    }]
}

/// What the revocation list says about a token.
pub(super) fn revocation(
    revocation: &Revocation,
    issuer: &str,
    kid: Option<&str>,
    claims: &Claims<'_>,
) -> Vec<Row> {
    let list = match revocation {
        Revocation::Off => return Vec::new(),
        Revocation::Stale(when_stale) => {
            let actual = "no list in use";
            let is_allowed = *when_stale == WhenStale::Allow;
            let expected = if is_allowed { "a list, but `when_stale` is \"allow\"" } else { "a list" };
            return vec![Row::check(is_allowed, "list", actual, expected)];
        }
        Revocation::List(list) => list,
    };
    let version = Row::note("list", format!("version {} with {} entries", list.version(), list.entries()));
    let found = list.revokes(issuer, kid, claims);
    let actual = match found {
        Some("issued_before") => "revoked: issued before the time for its `sub`, or without `iat`".to_owned(),
        Some(kind) => format!("revoked by its `{kind}`"),
        None => "no entry for it".to_owned(),
    };
    vec![version, Row::check(found.is_none(), "token", actual, "no entry for its sub, jti, kid or iat")]
}

/// The distinct texts, in their order.
fn alternatives(texts: impl IntoIterator<Item = String>) -> String {
    let mut distinct: Vec<String> = Vec::new();
    for text in texts {
        if !distinct.contains(&text) {
            distinct.push(text);
        }
    }
    distinct.join(" or ")
}
