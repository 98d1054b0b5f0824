//! `[[issuer]]`: whose tokens are accepted, and by which rules.

use std::time::Duration;

use super::conditions::conditions;
use super::disjoint;
use super::document::{Located, Reader, Table};
use super::folder::Folder;
use super::key_sources;
use super::slots::with_own_paths;
use crate::algorithm::Algorithm;
use crate::authorizer::Issuer;
use crate::claims::ClaimRules;
use crate::client_id::ClientIdPattern;
use crate::keys::sources::Sources;
use crate::slots::{Slot, is_id};
use crate::source::schedule::Lifetimes;
use crate::template_text::{Scope, Segment, TemplateText, UsedSlots};
use crate::token::{DEFAULT_TYPES, canonical_type};

/// What the file says for all issuers.
pub(super) struct Shared<'s> {
    pub(super) slots: &'s [Slot],
    pub(super) blocked_keys: Vec<String>,
    pub(super) min_remaining_seconds: u64,
}

/// Reads every `[[issuer]]`, each with its key sources.
pub(super) fn issuers<'d>(
    reader: &mut Reader<'d>,
    root: &mut Table<'d>,
    shared: &Shared<'_>,
    folder: &mut Folder,
) -> (Vec<Issuer>, Vec<Sources>) {
    let tables = root.take("issuer");
    if tables.is_none() {
        reader.error_with_hint(&(0..0), "the file has no `[[issuer]]`", "add one, or every token is denied");
    }
    let (mut issuers, mut all_sources, mut spans) = (Vec::<Issuer>::new(), Vec::new(), Vec::new());
    for mut table in reader.tables("[[issuer]]", tables) {
        let (issuer, sources) = issuer(reader, &mut table, shared, folder);
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
    table: &mut Table<'d>,
    shared: &Shared<'_>,
    folder: &mut Folder,
) -> (Issuer, Sources) {
    let id = required(reader, table, "id", "give the issuer a short name").unwrap_or_default();
    if !id.is_empty() && !super::is_short_name(&id) {
        let what = format!("invalid issuer id `{id}`; expected letters, digits, `-` and `_`");
        reader.error(&table.span, what);
    }
    let rules = rules(reader, table, shared);
    let types = reader.strings(table, "types").map_or_else(
        || DEFAULT_TYPES.to_vec(),
        |types| types.iter().map(|token_type| canonical_type(&token_type.value)).collect(),
    );
    let algorithms = algorithms(reader, table);
    let slots = with_own_paths(reader, table.take("claims"), shared.slots);
    let client_ids = client_ids(reader, table, &slots);
    let client_id_slots = UsedSlots::of(client_ids.iter().map(|pattern| &pattern.text));
    let mut sources = Sources::new(&id, algorithms.clone(), shared.blocked_keys.clone());
    key_sources::read(reader, table, &rules.issuer, &mut sources, folder);
    let hint = "keys would be dropped before they are fetched again";
    sources.lifetimes = lifetimes(reader, table, sources.lifetimes, hint);
    reader.finish(table);
    let keys = sources.keys();
    let issuer = Issuer { id: id.into(), types, algorithms, keys, rules, slots, client_ids, client_id_slots };
    (issuer, sources)
}

/// Reads `refresh_seconds` and `max_stale_seconds`. `hint` says why the second is not the smaller one.
pub(super) fn lifetimes<'d>(
    reader: &mut Reader<'d>,
    table: &mut Table<'d>,
    default: Lifetimes,
    hint: &str,
) -> Lifetimes {
    let mut seconds = |key| reader.integer(table, key, 1..=31_536_000).map(Duration::from_secs);
    let refresh = seconds("refresh_seconds").unwrap_or(default.refresh);
    let max_stale = seconds("max_stale_seconds").unwrap_or(default.max_stale);
    if max_stale < refresh {
        let what = "`max_stale_seconds` is less than `refresh_seconds`";
        reader.error_with_hint(&table.span, what, hint);
    }
    Lifetimes { refresh, max_stale }
}

fn rules<'d>(reader: &mut Reader<'d>, table: &mut Table<'d>, shared: &Shared<'_>) -> ClaimRules {
    let issuer = required(reader, table, "issuer", "write the exact `iss` of its tokens").unwrap_or_default();
    if table.take("audience").is_none() {
        reader.missing(table, "audience", "write the audience of its tokens, as [\"iot.example.com\"]");
    }
    let audience = reader.strings(table, "audience");
    ClaimRules {
        issuer: issuer.into(),
        audience: audience.unwrap_or_default().into_iter().map(|name| name.value.into()).collect(),
        audience_claims: audience_claims(reader, table),
        leeway_seconds: reader.integer(table, "leeway_seconds", 0..=60).unwrap_or(30),
        max_lifetime_seconds: reader.integer(table, "max_lifetime_seconds", 1..=31_536_000),
        min_remaining_seconds: shared.min_remaining_seconds,
        require: table.take("require").map(|item| conditions(reader, "require", item)).unwrap_or_default(),
        certificate_bound: reader.boolean(table, "certificate_bound").unwrap_or(false),
        refuse: Vec::new(),
    }
}

/// Reads `audience_claim`: the claims that may hold the audience, one or a list.
fn audience_claims<'d>(reader: &mut Reader<'d>, table: &mut Table<'d>) -> Vec<Box<str>> {
    let mut claims: Vec<Box<str>> = Vec::new();
    let names = table.take("audience_claim").map(|item| reader.string_or_strings("audience_claim", item));
    for claim in names.unwrap_or_default() {
        let what = match claim.value.as_str() {
            name if claims.iter().any(|known| **known == *name) => {
                format!("duplicate audience claim `{name}`")
            }
            name @ ("aud" | "client_id" | "azp" | "cid") => {
                claims.push(name.into());
                continue;
            }
            name => format!("unknown audience claim `{name}`; expected `aud`, `client_id`, `azp` or `cid`"),
        };
        reader.error(&claim.span, what);
    }
    if claims.is_empty() { vec!["aud".into()] } else { claims }
}

fn algorithms<'d>(reader: &mut Reader<'d>, table: &mut Table<'d>) -> Vec<Algorithm> {
    if table.take("algorithms").is_none() {
        reader.missing(table, "algorithms", "write those that the issuer signs with, as [\"RS256\"]");
    }
    let mut algorithms = Vec::new();
    for name in reader.strings(table, "algorithms").unwrap_or_default() {
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

fn client_ids<'d>(reader: &mut Reader<'d>, table: &mut Table<'d>, slots: &[Slot]) -> Vec<ClientIdPattern> {
    if table.take("client_ids").is_none() {
        reader.missing(table, "client_ids", "write the allowed client ids, as [\"${sub}\", \"${sub}/*\"]");
    }
    let patterns = reader.raw_strings(table, "client_ids").unwrap_or_default();
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

/// Reads a string that must be present.
pub(super) fn required<'d>(
    reader: &mut Reader<'d>,
    table: &mut Table<'d>,
    key: &'static str,
    hint: &str,
) -> Option<String> {
    if table.take(key).is_none() {
        reader.missing(table, key, hint);
    }
    reader.string(table, key).map(|text| text.value)
}
