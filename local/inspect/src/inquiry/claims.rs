//! Claims without a token. They are signed with a key made for this one judgement, so that the function's own code
//! judges them after the signature.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use iot_jwt_authorizer::algorithm::Algorithm;
use iot_jwt_authorizer::authorizer::{Authorizer, Issuer};
use iot_jwt_authorizer::json::Object;
use iot_jwt_authorizer::keys::KeySet;
use iot_local_base::timestamp;
use iot_local_identity::issuer::{DevelopmentIssuer, IssuerSettings, KeyError, MintError};
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::explain::Row;
use crate::suggest::did_you_mean;

/// The lifetime of claims without `exp`, if the issuer accepts it.
const LIFETIME_SECONDS: u64 = 3600;

/// Why claims cannot be judged.
#[derive(Debug, Error)]
pub enum ClaimsError {
    /// Not a claims set.
    #[error("invalid claims; expected a JSON object with distinct member names")]
    Invalid,
    /// The issuer is unknown.
    #[error("unknown issuer {id:?}; expected one of {}{}", .known.join(", "), did_you_mean(.id, .known))]
    UnknownIssuer {
        /// The id.
        id: String,
        /// The ids of the configuration.
        known: Vec<String>,
    },
    /// There are several issuers, and neither the claims nor the command names one.
    #[error("the claims have no `iss`, and there are several issuers; select one with --issuer: {}", .0.join(", "))]
    AmbiguousIssuer(Vec<String>),
    /// The key cannot be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The claims cannot be signed.
    #[error(transparent)]
    Mint(#[from] MintError),
}

/// Claims in a token, and an authorizer that accepts its signature.
pub(super) struct SignedClaims {
    pub(super) authorizer: Authorizer,
    pub(super) token: String,
    pub(super) notes: Vec<Row>,
}

/// Parses a claims set.
pub(super) fn parse(text: &str) -> Result<Map<String, Value>, ClaimsError> {
    if Object::parse(text.as_bytes()).is_none() {
        return Err(ClaimsError::Invalid);
    }
    serde_json::from_str(text).map_err(|_| ClaimsError::Invalid)
}

/// Signs claims. The returned authorizer has the new key instead of the issuer's keys. The usual claims are filled in,
/// except those in `removed`.
pub(super) fn sign(
    authorizer: &Authorizer,
    mut claims: Map<String, Value>,
    removed: &BTreeSet<String>,
    issuer_id: Option<&str>,
    now: SystemTime,
) -> Result<SignedClaims, ClaimsError> {
    let mut authorizer = authorizer.clone();
    let index = issuer_index(&authorizer, &claims, issuer_id)?;
    let key = DevelopmentIssuer::ephemeral(settings())?;
    let mut typ = "JWT".to_owned();
    let mut filled = Vec::new();
    if let Some((index, issuer)) = index.and_then(|index| Some((index, authorizer.issuers.get_mut(index)?))) {
        filled = fill(&mut claims, removed, issuer, now);
        typ = issuer.types.first().map_or(typ, ToString::to_string);
        issuer.algorithms = vec![Algorithm::Es256];
        let entries = key.key_set().get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
        let (keys, _) = KeySet::from_entries(&entries, &[Algorithm::Es256], &[]);
        authorizer.set_keys(index, keys);
    } else if let Some(first) = authorizer.issuers.first().and_then(|issuer| issuer.types.first()) {
        typ = first.to_string();
    }
    // Header and signature are added here, so the claims are never denied for the token's length.
    authorizer.token.max_bytes = usize::MAX;
    let token = key.sign(jsonwebtoken::Algorithm::ES256, &typ, &Value::Object(claims))?;
    let notes = if filled.is_empty() { Vec::new() } else { vec![Row::note("filled in", filled.join(", "))] };
    Ok(SignedClaims { authorizer, token, notes })
}

/// The index of the issuer; `None` if the claims name an unknown one.
fn issuer_index(
    authorizer: &Authorizer,
    claims: &Map<String, Value>,
    id: Option<&str>,
) -> Result<Option<usize>, ClaimsError> {
    let known = || authorizer.issuers.iter().map(|issuer| issuer.id.to_string()).collect::<Vec<_>>();
    if let Some(id) = id {
        let index = authorizer.issuers.iter().position(|issuer| *issuer.id == *id);
        let unknown = || ClaimsError::UnknownIssuer { id: id.to_owned(), known: known() };
        return index.map(Some).ok_or_else(unknown);
    }
    match claims.get("iss") {
        Some(iss) => {
            Ok(authorizer.issuers.iter().position(|issuer| iss.as_str() == Some(&*issuer.rules.issuer)))
        }
        None if authorizer.issuers.len() == 1 => Ok(Some(0)),
        None => Err(ClaimsError::AmbiguousIssuer(known())),
    }
}

/// Fills in the usual claims that are absent, and returns their names.
fn fill(
    claims: &mut Map<String, Value>,
    removed: &BTreeSet<String>,
    issuer: &Issuer,
    now: SystemTime,
) -> Vec<String> {
    let now = timestamp::seconds(now);
    let lifetime = LIFETIME_SECONDS.max(issuer.rules.min_remaining_seconds);
    let lifetime = issuer.rules.max_lifetime_seconds.map_or(lifetime, |max| max.min(lifetime));
    let audience = match Object::parse(json!(claims).to_string().as_bytes()) {
        Some(object) => issuer.rules.audience_claim(&object).to_owned(),
        None => return Vec::new(),
    };
    let usual = [
        ("iss", json!(issuer.rules.issuer)),
        (&*audience, json!(issuer.rules.audience.first())),
        ("iat", json!(now)),
        ("exp", json!(now.saturating_add(lifetime))),
    ];
    let mut filled = Vec::new();
    for (name, value) in usual {
        if !claims.contains_key(name) && !removed.contains(name) {
            claims.insert(name.to_owned(), value);
            filled.push(name.to_owned());
        }
    }
    filled
}

/// The settings of an issuer that signs any claims.
fn settings() -> IssuerSettings {
    IssuerSettings {
        id: "ephemeral".to_owned(),
        issuer: String::new(),
        audience: Vec::new(),
        audience_claim: "aud".to_owned(),
        algorithms: vec![jsonwebtoken::Algorithm::ES256],
        typ: "JWT".to_owned(),
        max_lifetime: Some(Duration::from_secs(LIFETIME_SECONDS)),
    }
}
