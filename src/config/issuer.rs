//! `[[issuer]]`: whose tokens are accepted, and by which rules.

use std::time::Duration;

use super::conditions::conditions;
use super::disjoint;
use super::document::Reader;
use super::folder::Folder;
use super::key_sources;
use super::schema;
use super::schema::issuer as key;
use super::slots::with_own_paths;
use super::table::{Located, Table};
use crate::algorithm::Algorithm;
use crate::authorizer::Issuer;
use crate::claims::{AUDIENCE_CLAIMS, ClaimRules};
use crate::client_id::ClientIdPattern;
use crate::config_schema::Property;
use crate::keys::sources::Sources;
use crate::slots::{Slot, is_id};
use crate::source::schedule::Lifetimes;
use crate::template_text::{Scope, Segment, TemplateText, UsedSlots};
use crate::token::canonical_type;

/// What the file says for all issuers.
pub(super) struct Shared<'s> {
    pub(super) slots: &'s [Slot],
    pub(super) blocked_keys: Vec<String>,
    pub(super) min_remaining_seconds: u64,
}

/// Reads every `[[issuer]]`, each with its key sources.
pub(super) fn issuers<'d>(
    reader: &mut Reader<'d>,
    root: &Table<'d>,
    shared: &Shared<'_>,
    folder: &mut Folder,
) -> (Vec<Issuer>, Vec<Sources>) {
    let (mut issuers, mut all_sources, mut spans) = (Vec::<Issuer>::new(), Vec::new(), Vec::new());
    for table in reader.tables(root, &schema::ISSUER) {
        let (issuer, sources) = issuer(reader, &table, shared, folder);
        for known in &issuers {
            if !issuer.id.is_empty() && known.id == issuer.id {
                reader.error(&table.span, format!("duplicate issuer id `{}`", issuer.id));
            }
            if !issuer.rules.issuer.is_empty() && known.rules.issuer == issuer.rules.issuer {
                let what = format!("duplicate `issuer` `{}`", issuer.rules.issuer);
                reader.error_with_hint(&table.span, what, "merge the two `[[issuer]]`");
            }
        }
        issuers.push(issuer);
        all_sources.push(sources);
        spans.push(table.span.clone());
    }
    for collision in disjoint::collisions(&issuers) {
        let span = spans.get(collision.issuer).unwrap_or(&(0..0));
        reader.error_with_hint(span, collision.what, collision.hint);
    }
    (issuers, all_sources)
}

fn issuer<'d>(
    reader: &mut Reader<'d>,
    table: &Table<'d>,
    shared: &Shared<'_>,
    folder: &mut Folder,
) -> (Issuer, Sources) {
    let id = reader.string(table, &key::ID).map(|id| id.value).unwrap_or_default();
    if !id.is_empty() && !schema::SHORT_NAME.has(&id) {
        let what = format!("invalid issuer id `{id}`; expected letters, digits, `-` and `_`");
        reader.error(&table.span, what);
    }
    let rules = rules(reader, table, shared);
    let types = reader.strings(table, &key::TYPES).unwrap_or_default();
    let types = types.iter().map(|token_type| canonical_type(&token_type.value)).collect();
    let algorithms = algorithms(reader, table);
    let slots = with_own_paths(reader, table, shared.slots);
    let client_ids = client_ids(reader, table, &slots);
    let client_id_slots = UsedSlots::of(client_ids.iter().map(|pattern| &pattern.text));
    let mut sources = Sources::new(&id, algorithms.clone(), shared.blocked_keys.clone());
    key_sources::read(reader, table, &rules.issuer, &mut sources, folder);
    let hint = "keys would be dropped before they are fetched again";
    sources.lifetimes = lifetimes(reader, table, [&key::REFRESH_SECONDS, &key::MAX_STALE_SECONDS], hint);
    reader.finish(table);
    let keys = sources.keys();
    let issuer = Issuer { id: id.into(), types, algorithms, keys, rules, slots, client_ids, client_id_slots };
    (issuer, sources)
}

/// Reads `refresh_seconds` and `max_stale_seconds`, which have defaults. `hint` says why the second is not the smaller
/// one.
pub(super) fn lifetimes<'d>(
    reader: &mut Reader<'d>,
    table: &Table<'d>,
    properties: [&Property; 2],
    hint: &str,
) -> Lifetimes {
    let mut seconds = |property| Duration::from_secs(reader.integer(table, property).unwrap_or_default());
    let [refresh, max_stale] = properties.map(&mut seconds);
    if max_stale < refresh {
        let what = "`max_stale_seconds` is less than `refresh_seconds`";
        reader.error_with_hint(&table.span, what, hint);
    }
    Lifetimes { refresh, max_stale }
}

fn rules<'d>(reader: &mut Reader<'d>, table: &Table<'d>, shared: &Shared<'_>) -> ClaimRules {
    let issuer = reader.string(table, &key::ISSUER).map(|issuer| issuer.value).unwrap_or_default();
    let audience = reader.strings(table, &key::AUDIENCE);
    ClaimRules {
        issuer: issuer.into(),
        audience: audience.unwrap_or_default().into_iter().map(|name| name.value.into()).collect(),
        audience_claims: audience_claims(reader, table),
        leeway_seconds: reader.integer(table, &key::LEEWAY_SECONDS).unwrap_or_default(),
        max_lifetime_seconds: reader.integer(table, &key::MAX_LIFETIME_SECONDS),
        min_remaining_seconds: shared.min_remaining_seconds,
        require: conditions(reader, table, &key::REQUIRE).unwrap_or_default(),
        certificate_bound: reader.boolean(table, &key::CERTIFICATE_BOUND).unwrap_or_default(),
        refuse: Vec::new(),
    }
}

/// Reads `audience_claim`: the claims that may hold the audience, one or a list.
fn audience_claims<'d>(reader: &mut Reader<'d>, table: &Table<'d>) -> Vec<Box<str>> {
    let mut claims: Vec<Box<str>> = Vec::new();
    for claim in reader.string_or_strings(table, &key::AUDIENCE_CLAIM).unwrap_or_default() {
        let what = match claim.value.as_str() {
            name if claims.iter().any(|known| **known == *name) => {
                format!("duplicate audience claim `{name}`")
            }
            name if AUDIENCE_CLAIMS.contains(&name) => {
                claims.push(name.into());
                continue;
            }
            name => {
                let known = AUDIENCE_CLAIMS.map(|known| format!("`{known}`")).join(", ");
                format!("unknown audience claim `{name}`; expected one of {known}")
            }
        };
        reader.error(&claim.span, what);
    }
    claims
}

fn algorithms<'d>(reader: &mut Reader<'d>, table: &Table<'d>) -> Vec<Algorithm> {
    let mut algorithms = Vec::new();
    for name in reader.strings(table, &key::ALGORITHMS).unwrap_or_default() {
        match Algorithm::parse(&name.value) {
            Some(algorithm) => algorithms.push(algorithm),
            None => {
                let known = Algorithm::ALL.map(Algorithm::name).join(", ");
                let what = format!("unsupported algorithm `{}`; expected one of {known}", name.value);
                reader.error(&name.span, what);
            }
        }
    }
    algorithms
}

fn client_ids<'d>(reader: &mut Reader<'d>, table: &Table<'d>, slots: &[Slot]) -> Vec<ClientIdPattern> {
    let patterns = reader.raw_strings(table, &key::CLIENT_IDS).unwrap_or_default();
    patterns.iter().filter_map(|pattern| client_id(reader, pattern, slots)).collect()
}

fn client_id(reader: &mut Reader<'_>, pattern: &Located<String>, slots: &[Slot]) -> Option<ClientIdPattern> {
    let (text, tail) = match pattern.value.strip_suffix('*') {
        Some(text) => (text, true),
        None => (pattern.value.as_str(), false),
    };
    let environment = reader.environment();
    let text = match TemplateText::parse(text, Scope { slots, environment, in_policy: false }) {
        Ok(text) => text,
        Err(errors) => {
            for error in errors {
                let what = format!("client id pattern `{}`: {}", pattern.value, error.what);
                let reported = reader.error(&pattern.span, what);
                reported.hint = error.hint.map(str::to_owned);
                reported.unknown = error.unknown;
            }
            return None;
        }
    };
    if !text.segments.iter().all(is_legal) {
        let what =
            format!("client id pattern `{}` has a character that client ids cannot have", pattern.value);
        let hint = "use letters, digits and `. _ : @ | = - /`, and `*` only at the end";
        reader.error_with_hint(&pattern.span, what, hint);
        return None;
    }
    let is_open =
        |index: &usize| slots.get(*index).is_some_and(|slot| slot.slot_type.fixed_length().is_none());
    if tail && matches!(text.segments.last(), Some(Segment::Slot(index)) if is_open(index)) {
        let what =
            format!("client id pattern `{}` has `*` right after a value of variable length", pattern.value);
        let hint = "put a `/` before the `*`, or give the slot the type `uuid` or `hash`";
        reader.error_with_hint(&pattern.span, what, hint);
        return None;
    }
    Some(ClientIdPattern { text, tail, source: pattern.value.as_str().into() })
}

/// Whether literal text has only characters of client ids.
fn is_legal(segment: &Segment) -> bool {
    match segment {
        Segment::Literal(text) => text.split('/').all(|level| level.is_empty() || is_id(level)),
        _ => true,
    }
}
