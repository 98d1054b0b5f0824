//! Claims without a token: signed by a key that is made for the moment and forgotten, so that everything behind the signature is judged
//! by the function's own code.

use std::time::{Duration, SystemTime};

use iot_jwt_authorizer::authorizer::{Authorizer, Issuer as Trusted};
use iot_jwt_authorizer::json::Object;
use iot_jwt_authorizer::keys::{Algorithm, KeySet};
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::explain::Row;
use crate::issuer::{Issuer, KeyError, MintError, Settings};
use crate::moment;

/// How long claims without `exp` live, in seconds, where the issuer accepts it.
const LIFE: u64 = 3600;

/// Why claims cannot be judged.
#[derive(Debug, Error)]
pub enum ClaimsError {
    /// They are no claims set.
    #[error("claims are one JSON object without doubled names; this is something else")]
    NotClaims,
    /// The issuer is not known.
    #[error("there is no issuer {asked:?}; there is {}", .known.join(", "))]
    UnknownIssuer {
        /// The one that was asked for.
        asked: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// There are several issuers, and neither the claims nor the command names one.
    #[error("the claims have no `iss`, and there are several issuers; choose one with --issuer: {}", .0.join(", "))]
    Several(Vec<String>),
    /// A key for the moment.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A signature for the moment.
    #[error(transparent)]
    Mint(#[from] MintError),
}

/// Claims in a token, and an authorizer that takes it.
pub(super) struct Signed {
    pub(super) authorizer: Authorizer,
    pub(super) token: String,
    pub(super) notes: Vec<Row>,
}

/// Signs claims for a copy of the authorizer that trusts one key more: none but that of the moment.
pub(super) fn sign(
    authorizer: &Authorizer,
    text: &str,
    issuer: Option<&str>,
    at: SystemTime,
) -> Result<Signed, ClaimsError> {
    if Object::parse(text.as_bytes()).is_none() {
        return Err(ClaimsError::NotClaims);
    }
    let mut claims: Map<String, Value> = serde_json::from_str(text).map_err(|_| ClaimsError::NotClaims)?;
    let mut authorizer = authorizer.clone();
    let index = issuer_of(&authorizer, &claims, issuer)?;
    let key = Issuer::ephemeral(settings())?;
    let mut typ = "JWT".to_owned();
    let mut filled = Vec::new();
    if let Some((index, trusted)) = index.and_then(|at| Some((at, authorizer.issuers.get_mut(at)?))) {
        filled = fill(&mut claims, trusted, at);
        typ = trusted.types.first().map_or(typ, ToString::to_string);
        trusted.algorithms = vec![Algorithm::Es256];
        let entries = key.key_set().get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
        let (keys, _) = KeySet::from_entries(&entries, &[Algorithm::Es256], &[]);
        authorizer.set_keys(index, keys);
    } else if let Some(first) = authorizer.issuers.first().and_then(|issuer| issuer.types.first()) {
        typ = first.to_string();
    }
    // What stands in front of the claims here is ours, and is never what they are refused for.
    authorizer.token.max_bytes = usize::MAX;
    let token = key.sign(jsonwebtoken::Algorithm::ES256, &typ, &Value::Object(claims))?;
    let notes = if filled.is_empty() { Vec::new() } else { vec![Row::told("filled in", filled.join(", "))] };
    Ok(Signed { authorizer, token, notes })
}

/// The issuer's place; nothing where the claims name one that nobody knows.
fn issuer_of(
    authorizer: &Authorizer,
    claims: &Map<String, Value>,
    asked: Option<&str>,
) -> Result<Option<usize>, ClaimsError> {
    let ids = || authorizer.issuers.iter().map(|issuer| issuer.id.to_string()).collect::<Vec<_>>();
    if let Some(asked) = asked {
        let found = authorizer.issuers.iter().position(|issuer| *issuer.id == *asked);
        return match found {
            Some(index) => Ok(Some(index)),
            None => Err(ClaimsError::UnknownIssuer { asked: asked.to_owned(), known: ids() }),
        };
    }
    match claims.get("iss") {
        Some(iss) => {
            Ok(authorizer.issuers.iter().position(|issuer| iss.as_str() == Some(&*issuer.rules.issuer)))
        }
        None if authorizer.issuers.len() == 1 => Ok(Some(0)),
        None => Err(ClaimsError::Several(ids())),
    }
}

/// Fills in what is absent, and names it.
fn fill(claims: &mut Map<String, Value>, trusted: &Trusted, at: SystemTime) -> Vec<String> {
    let now = moment::seconds(at);
    let life = LIFE.max(trusted.rules.min_remaining_seconds);
    let life = trusted.rules.max_lifetime_seconds.map_or(life, |most| most.min(life));
    let usual = [
        ("iss", json!(trusted.rules.issuer)),
        (&*trusted.rules.audience_claim, json!(trusted.rules.audience.first())),
        ("iat", json!(now)),
        ("exp", json!(now.saturating_add(life))),
    ];
    let mut filled = Vec::new();
    for (name, value) in usual {
        if !claims.contains_key(name) {
            claims.insert(name.to_owned(), value);
            filled.push(name.to_owned());
        }
    }
    filled
}

/// Of an issuer that signs what it is given.
fn settings() -> Settings {
    Settings {
        id: "moment".to_owned(),
        issuer: String::new(),
        audience: Vec::new(),
        audience_claim: "aud".to_owned(),
        algorithms: vec![jsonwebtoken::Algorithm::ES256],
        typ: "JWT".to_owned(),
        max_lifetime: Some(Duration::from_secs(LIFE)),
    }
}
