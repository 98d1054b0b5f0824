//! What there is to see at each step. Nothing is decided here.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iot_jwt_authorizer::authorizer::{Authorizer, Issuer};
use iot_jwt_authorizer::credentials::{Credentials, Place, TokenRule};
use iot_jwt_authorizer::denial::Code;
use iot_jwt_authorizer::keys::{Algorithm, Candidates, Key, KeySet};
use iot_jwt_authorizer::policy::{GrantRule, Used};
use iot_jwt_authorizer::request::{MAX_EVENT_BYTES, Request};
use iot_jwt_authorizer::slots::{Slot, SlotKind};
use iot_jwt_authorizer::token::{Header, MAX_HEADER_BYTES};
use iot_jwt_authorizer::verify::Claims;
use serde_json::Value;

use super::NamedKeys;
use crate::explain::rules::{claims_of, path, quoted, wanted};
use crate::explain::{Mark, Row};

pub(super) fn size(event: &[u8]) -> Vec<Row> {
    vec![Row::told("size", format!("{} of at most {MAX_EVENT_BYTES} bytes", event.len()))]
}

pub(super) fn protocol(request: &Request<'_>) -> Vec<Row> {
    let protocol = match request.mqtt() {
        Some(mqtt) => {
            let id = mqtt
                .client_id
                .as_ref()
                .map_or_else(|| "no client id".to_owned(), |id| format!("client id {}", quoted(&id.0)));
            format!("MQTT, {id}")
        }
        None => "no MQTT: an HTTPS publish or a test call".to_owned(),
    };
    let mut rows = vec![Row::told("protocol", protocol)];
    if request.tls().is_some_and(|tls| tls.x509_certificate_pem.is_some()) {
        rows.push(Row::told("certificate", "the client presented one"));
    }
    rows
}

/// Each place by itself: what would come of it if it were the only one.
pub(super) fn places(request: &Request<'_>, rule: &TokenRule) -> Vec<Row> {
    let look = |place: &Place| {
        let alone = TokenRule { places: vec![place.clone()], max_bytes: rule.max_bytes };
        let found = match Credentials::find(request, &alone) {
            Ok(_) => "a token",
            Err(Code::NoToken) => "no token",
            Err(Code::MalformedToken) => "something that is no token of three parts of base64url",
            Err(Code::AmbiguousToken) => "two different tokens",
            Err(_) => "a value that is too long",
        };
        Row::told(place_name(place), found)
    };
    rule.places.iter().map(look).collect()
}

fn place_name(place: &Place) -> String {
    match place {
        Place::Token => "token".to_owned(),
        Place::Header(name) => format!("header:{name}"),
        Place::Query(name) => format!("query:{name}"),
        Place::UserNameParameter(name) => format!("username:{name}"),
        Place::UserName => "username".to_owned(),
        Place::Password => "password".to_owned(),
    }
}

pub(super) fn length(credentials: &Credentials<'_>, rule: &TokenRule, unsigned: bool) -> Row {
    if unsigned {
        return super::skipped();
    }
    Row::told("length", format!("{} of at most {} bytes", credentials.token().len(), rule.max_bytes))
}

/// The header as it stands, also one that is refused.
pub(super) fn header(credentials: &Credentials<'_>) -> Vec<Row> {
    let part = credentials.token().split('.').next().unwrap_or_default();
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(part) else {
        return vec![Row::check(false, "header", "something else", "canonical base64url without padding")];
    };
    if bytes.len() > MAX_HEADER_BYTES {
        let expected = format!("at most {MAX_HEADER_BYTES} bytes");
        return vec![Row::check(false, "header", format!("{} bytes", bytes.len()), expected)];
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(&bytes) else {
        return vec![Row::check(false, "header", "something else", "one JSON object without doubled names")];
    };
    let mut rows = Vec::new();
    for name in ["alg", "kid", "typ"] {
        rows.push(match (members.get(name), name) {
            (Some(Value::String(text)), _) => Row::told(name, quoted(text)),
            (Some(other), _) => Row::check(false, name, quoted(&other.to_string()), "a string"),
            (None, "alg") => Row::check(false, name, "absent", "the name of an algorithm"),
            (None, _) => Row::told(name, "absent"),
        });
    }
    for name in ["crit", "b64"].into_iter().filter(|name| members.contains_key(*name)) {
        rows.push(Row::check(false, name, "there", "absent"));
    }
    rows
}

pub(super) fn algorithm(issuer: &Issuer, header: &Header) -> Vec<Row> {
    let ours: Vec<_> = issuer.algorithms.iter().map(|algorithm| name(*algorithm)).collect();
    let actual = header.algorithm.map_or("one that cannot be named", name);
    let fits = header.algorithm.is_some_and(|algorithm| issuer.algorithms.contains(&algorithm));
    vec![Row::check(fits, "alg", actual, ours.join(" or "))]
}

pub(super) fn sources(sources: &[NamedKeys]) -> Vec<Row> {
    let told = |source: &NamedKeys| {
        let keys = match source.keys.keys().len() {
            0 if source.source.starts_with("file:") => "no key".to_owned(),
            0 => "was not asked, or had no key".to_owned(),
            1 => "1 key".to_owned(),
            more => format!("{more} keys"),
        };
        Row::told(source.source.clone(), keys)
    };
    sources.iter().map(told).collect()
}

pub(super) fn selected(header: &Header, keys: &KeySet, selected: &Result<Candidates<'_>, Code>) -> Row {
    let kid = header.kid.as_deref().map_or_else(|| "no kid".to_owned(), |kid| format!("kid {}", quoted(kid)));
    let known: BTreeSet<_> = keys
        .keys()
        .iter()
        .map(|key| key.kid().map_or_else(|| "a key without kid".to_owned(), quoted))
        .collect();
    let known = if known.is_empty() {
        "one, but the issuer has no key here at all".to_owned()
    } else {
        known.into_iter().collect::<Vec<_>>().join(" or ")
    };
    match selected {
        Ok(found) => Row {
            expected: None,
            ..Row::check(true, "fitting keys", format!("{} for {kid}", found.len()), "")
        },
        Err(_) => Row::check(false, "fitting keys", format!("none for {kid}"), known),
    }
}

pub(super) fn signature(tried: &[&Key], made_by: Option<&Key>, sources: &[NamedKeys]) -> Row {
    let Some(key) = made_by else {
        let actual = format!("made by none of the keys that were tried: {}", tried.len());
        return Row::check(false, "signature", actual, "made by the issuer's key over these very bytes");
    };
    let same = |own: &Key| own.thumbprint() == key.thumbprint();
    let source = sources.iter().find(|source| source.keys.keys().iter().any(same));
    let of = source.map(|source| format!(" of {}", source.source)).unwrap_or_default();
    let kid = key.kid().map_or_else(|| "a key without kid".to_owned(), |kid| format!("key {}", quoted(kid)));
    let actual = format!("made by {kid}{of}, thumbprint {}", key.thumbprint());
    Row { expected: None, ..Row::check(true, "signature", actual, "") }
}

/// Every grant of the configuration, and which entry of its `when` keeps it away.
pub(super) fn grants(authorizer: &Authorizer, issuer: usize, claims: &Claims<'_>) -> Vec<Row> {
    authorizer
        .policies
        .grants
        .iter()
        .flat_map(|grant| self::grant(authorizer, grant, issuer, claims))
        .collect()
}

fn grant(authorizer: &Authorizer, grant: &GrantRule, issuer: usize, claims: &Claims<'_>) -> Vec<Row> {
    let policy = authorizer.policies.templates.get(grant.template).map_or("", |template| &*template.name);
    let row = |holds: bool, name: String, actual: String, expected: Option<String>| Row {
        mark: if holds { Mark::Held } else { Mark::Unmet },
        name,
        actual,
        expected,
    };
    if !grant.issuers.contains(&issuer) {
        let of = |index: &usize| authorizer.issuers.get(*index).map(|issuer| issuer.id.to_string());
        let of: Vec<_> = grant.issuers.iter().filter_map(of).collect();
        return vec![row(
            false,
            policy.to_owned(),
            "another issuer's token".to_owned(),
            Some(of.join(" or ")),
        )];
    }
    if grant.when.is_empty() {
        return vec![row(true, policy.to_owned(), "for every token of the issuer".to_owned(), None)];
    }
    let condition = |condition: &iot_jwt_authorizer::condition::Condition| {
        let (actual, expected) = (claims_of(condition, claims.all()), wanted(condition));
        row(condition.holds(claims.all()), format!("{policy}, {}", condition.name), actual, Some(expected))
    };
    grant.when.iter().map(condition).collect()
}

/// What fills the slots that something uses, in the order in which they are read.
pub(super) fn slots(issuer: &Issuer, used: &[&Used], claims: &Claims<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    for used in used {
        for (index, slot) in issuer.slots.iter().enumerate().filter(|(index, _)| used.contains(*index)) {
            if seen.insert(index) {
                let row = filled(slot, claims);
                let failed = row.mark == Mark::Failed;
                rows.push(row);
                if failed {
                    return rows;
                }
            }
        }
    }
    rows
}

fn filled(slot: &Slot, claims: &Claims<'_>) -> Row {
    let name = format!("${{{}}}", slot.name);
    let from = slot.path.find(claims.all()).map_or_else(|| "absent".to_owned(), crate::explain::rules::shown);
    match slot.read(claims) {
        Ok(Some(values)) => {
            let values: Vec<_> = values.iter().map(quoted).collect();
            let actual = format!("{} from claim {}", values.join(", "), path(&slot.path));
            Row { expected: None, ..Row::check(true, name, actual, "") }
        }
        Ok(None) => Row::told(
            name,
            format!("nothing: claim {} is {from}, and the slot is optional", path(&slot.path)),
        ),
        Err(_) => Row::check(false, name, format!("claim {} is {from}", path(&slot.path)), form(slot)),
    }
}

fn form(slot: &Slot) -> String {
    let kind = match slot.kind {
        SlotKind::Id => "letters, digits and . _ : @ | = -",
        SlotKind::Path => "levels of letters, digits and . _ : @ | = -, with / between",
        SlotKind::Uuid => "a UUID in lower case",
        SlotKind::Hash => "any text",
    };
    let items = if slot.list { format!(", at most {} of them", slot.max_items) } else { String::new() };
    format!("{kind}; at most {} characters{items}", slot.max_length)
}

/// The name of an algorithm in a configuration.
pub(in crate::explain) fn name(algorithm: Algorithm) -> &'static str {
    crate::keys::algorithm_name(algorithm)
}
