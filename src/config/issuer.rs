//! `[[issuer]]`: whom we trust, by which keys, for what.

use std::time::Duration;

use super::claims::own_paths;
use super::client_ids;
use super::document::{Located, Reader, Table};
use super::fault::Fault;
use super::grants::conditions;
use super::package::Package;
use crate::authorizer::Issuer;
use crate::client_id::ClientIdPattern;
use crate::keys::origin::Origin;
use crate::keys::sources::Sources;
use crate::keys::{Algorithm, KeyFile, KeySet};
use crate::policy::{Part, Text, Used, Vocabulary};
use crate::slots::{Slot, is_id};
use crate::token::{USUAL_TYPES, canonical_type};
use crate::verify::ClaimRules;

/// What the file says for all issuers.
pub(super) struct Shared<'s> {
    pub(super) slots: &'s [Slot],
    pub(super) blocked: Vec<String>,
    pub(super) min_remaining_seconds: u64,
}

/// Reads every `[[issuer]]`.
pub(super) fn issuers<'d>(
    reader: &mut Reader<'d>,
    root: &mut Table<'d>,
    shared: &Shared<'_>,
    package: &mut Package,
) -> Vec<Issuer> {
    let tables = root.take("issuer");
    if tables.is_none() {
        reader.fault(&(0..0), "there is no `[[issuer]]`: nobody's tokens would be taken");
    }
    let mut issuers: Vec<Issuer> = Vec::new();
    let mut spans = Vec::new();
    for mut table in reader.tables("[[issuer]]", tables) {
        let issuer = issuer(reader, &mut table, shared, package);
        for known in &issuers {
            if !issuer.id.is_empty() && known.id == issuer.id {
                reader.fault(&table.span, format!("there are two issuers with the id `{}`", issuer.id));
            }
            if !issuer.rules.issuer.is_empty() && known.rules.issuer == issuer.rules.issuer {
                reader.fault(
                    &table.span,
                    format!("`{}` stands in two `[[issuer]]`: make one of them", issuer.rules.issuer),
                );
            }
        }
        issuers.push(issuer);
        spans.push(table.span.clone());
    }
    for (index, collision) in client_ids::collisions(&issuers) {
        reader.fault(spans.get(index).unwrap_or(&(0..0)), collision);
    }
    issuers
}

/// Reads `blocked_keys`.
pub(super) fn blocked_keys<'d>(reader: &mut Reader<'d>, root: &mut Table<'d>) -> Vec<String> {
    let keys = reader.strings(root, "blocked_keys").unwrap_or_default();
    for key in &keys {
        if key.value.len() != 43
            || !key.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        {
            reader.fault(
                &key.span,
                "a blocked key is named by its RFC 7638 thumbprint: SHA-256, 43 characters of base64url",
            );
        }
    }
    keys.into_iter().map(|key| key.value).collect()
}

fn issuer<'d>(
    reader: &mut Reader<'d>,
    table: &mut Table<'d>,
    shared: &Shared<'_>,
    package: &mut Package,
) -> Issuer {
    let id = required(reader, table, "id", "give it a short name").unwrap_or_default();
    if !id.is_empty() && !is_short_name(&id) {
        reader.fault(&table.span, format!("an issuer's id is of letters, digits, `-` and `_`, not `{id}`"));
    }
    let rules = rules(reader, table, shared);
    let types = reader.strings(table, "types").map_or_else(
        || USUAL_TYPES.to_vec(),
        |types| types.iter().map(|typ| canonical_type(&typ.value)).collect(),
    );
    let algorithms = algorithms(reader, table);
    let slots = own_paths(reader, table.take("claims"), shared.slots);
    let client_ids = patterns(reader, table, &slots);
    let mut client_id_slots = Used::default();
    client_ids.iter().for_each(|pattern| client_id_slots.add(&pattern.text));
    let mut sources = Sources::new(&id, algorithms.clone(), shared.blocked.clone());
    keys(reader, table, &rules.issuer, &mut sources, package);
    schedule(reader, table, &mut sources);
    reader.finish(table);
    let keys = sources.keys();
    package.sources.push(sources);
    Issuer { id: id.into(), types, algorithms, keys, rules, slots, client_ids, client_id_slots }
}

/// How often fetched keys are fetched again, and how long they last while that fails.
fn schedule<'d>(reader: &mut Reader<'d>, table: &mut Table<'d>, sources: &mut Sources) {
    let mut seconds = |key| reader.integer(table, key, 1..=31_536_000).map(Duration::from_secs);
    sources.refresh = seconds("refresh_seconds").unwrap_or(sources.refresh);
    sources.max_stale = seconds("max_stale_seconds").unwrap_or(sources.max_stale);
    if sources.max_stale < sources.refresh {
        let hint = "keys would be gone before they are fetched again";
        reader.fault(&table.span, format!("`max_stale_seconds` is less than `refresh_seconds`: {hint}"));
    }
}

fn rules<'d>(reader: &mut Reader<'d>, table: &mut Table<'d>, shared: &Shared<'_>) -> ClaimRules {
    let issuer = required(reader, table, "issuer", "write the exact `iss` of its tokens").unwrap_or_default();
    let audience = reader.strings(table, "audience");
    if audience.is_none() {
        reader.missing(table, "audience", "a token has to be meant for somebody");
    }
    ClaimRules {
        issuer: issuer.into(),
        audience: audience.unwrap_or_default().into_iter().map(|name| name.value.into()).collect(),
        audience_claim: audience_claim(reader, table).into(),
        leeway_seconds: reader.integer(table, "leeway_seconds", 0..=60).unwrap_or(30),
        max_lifetime_seconds: reader.integer(table, "max_lifetime_seconds", 1..=31_536_000),
        min_remaining_seconds: shared.min_remaining_seconds,
        require: table.take("require").map(|item| conditions(reader, "require", item)).unwrap_or_default(),
        certificate_bound: reader.boolean(table, "certificate_bound").unwrap_or(false),
        refuse: Vec::new(),
    }
}

fn audience_claim<'d>(reader: &mut Reader<'d>, table: &mut Table<'d>) -> String {
    let Some(claim) = reader.string(table, "audience_claim") else { return "aud".to_owned() };
    if !matches!(claim.value.as_str(), "aud" | "client_id" | "azp" | "cid") {
        reader.fault(&claim.span, "`audience_claim` is `aud`, `client_id`, `azp` or `cid`");
    }
    claim.value
}

fn required<'d>(
    reader: &mut Reader<'d>,
    table: &mut Table<'d>,
    key: &'static str,
    hint: &str,
) -> Option<String> {
    let is_there = table.take(key).is_some();
    if !is_there {
        reader.missing(table, key, hint);
    }
    reader.string(table, key).map(|text| text.value)
}

fn algorithms<'d>(reader: &mut Reader<'d>, table: &mut Table<'d>) -> Vec<Algorithm> {
    if table.take("algorithms").is_none() {
        reader.missing(table, "algorithms", "name those that it signs with, as in [\"RS256\"]");
    }
    let mut algorithms = Vec::new();
    for name in reader.strings(table, "algorithms").unwrap_or_default() {
        match Algorithm::named(&name.value) {
            Some(algorithm) => algorithms.push(algorithm),
            None => {
                let known = "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA";
                reader.fault(&name.span, format!("`{}` is no algorithm that is taken: {known}", name.value));
            }
        }
    }
    algorithms
}

fn keys<'d>(
    reader: &mut Reader<'d>,
    table: &mut Table<'d>,
    issuer: &str,
    sources: &mut Sources,
    package: &mut Package,
) {
    if table.take("keys").is_none() {
        reader.missing(table, "keys", "say where its public keys are, as in [\"file:keys/users.jwks.json\"]");
    }
    for source in reader.strings(table, "keys").unwrap_or_default() {
        if let Some(file) = source.value.strip_prefix("file:") {
            let keys = key_file(reader, &source, file, sources, package);
            sources.bundle(keys);
        } else {
            match Origin::parse(&source.value, issuer) {
                Ok(origin) => sources.add(origin),
                Err(hint) => {
                    reader.fault(&source.span, format!("`{}` is no source of keys: {hint}", source.value));
                }
            }
        }
    }
}

fn key_file(
    reader: &mut Reader<'_>,
    source: &Located<String>,
    file: &str,
    sources: &Sources,
    package: &mut Package,
) -> KeySet {
    let text = match package.text(file) {
        Ok(text) => text,
        Err(why) => {
            reader.fault(&source.span, format!("`{file}` {why}: put the issuer's public keys there"));
            return KeySet::default();
        }
    };
    let keys = match KeyFile::parse(&text) {
        Ok(keys) => keys,
        Err(fault) => {
            package.faults.push(Fault::of_file(file, fault.to_string()));
            return KeySet::default();
        }
    };
    let (set, left_out) = keys.keys(&sources.algorithms, &sources.blocked);
    let left_out =
        left_out.iter().map(|(at, why)| Fault::of_file(file, format!("key {at} is left out: {why}")));
    package.warnings.extend(left_out.clone());
    for key in set.keys().iter().filter(|key| key.is_published()) {
        let what = format!(
            "trusts the key {}, whose private half is published as an example: make one of your own",
            key.thumbprint()
        );
        package.faults.push(Fault::of_file(file, what));
    }
    if !set.is_usable() && !sources.algorithms.is_empty() {
        package.faults.push(Fault::of_file(file, "has no key that serves any of the issuer's `algorithms`"));
        package.faults.extend(left_out);
    }
    set
}

fn patterns<'d>(reader: &mut Reader<'d>, table: &mut Table<'d>, slots: &[Slot]) -> Vec<ClientIdPattern> {
    if table.take("client_ids").is_none() {
        reader.missing(
            table,
            "client_ids",
            "say what the MQTT client id may be, as in [\"${sub}\", \"${sub}/*\"]",
        );
    }
    let patterns = reader.raw_strings(table, "client_ids").unwrap_or_default();
    patterns.iter().filter_map(|pattern| self::pattern(reader, pattern, slots)).collect()
}

fn pattern(reader: &mut Reader<'_>, pattern: &Located<String>, slots: &[Slot]) -> Option<ClientIdPattern> {
    let (text, tail) = match pattern.value.strip_suffix('*') {
        Some(text) => (text, true),
        None => (pattern.value.as_str(), false),
    };
    let environment = reader.environment();
    let text = match Text::parse(text, Vocabulary { slots, environment, in_policy: false }) {
        Ok(text) => text,
        Err(faults) => {
            faults
                .iter()
                .for_each(|fault| reader.fault(&pattern.span, format!("`{}` {fault}", pattern.value)));
            return None;
        }
    };
    let legal = |part: &Part| !matches!(part, Part::Literal(text) if !text.split('/').all(|level| level.is_empty() || is_id(level)));
    if !text.parts.iter().all(legal) {
        let hint = "letters, digits and `. _ : @ | = - /`, and `*` at the end alone";
        reader.fault(
            &pattern.span,
            format!("`{}` has a character that no client id may have: {hint}", pattern.value),
        );
        return None;
    }
    let is_open = |index: &usize| slots.get(*index).is_some_and(|slot| !slot.kind.is_fixed_length());
    if tail && matches!(text.parts.last(), Some(Part::Slot(index)) if is_open(index)) {
        let hint = "put a `/` before the `*`, or give the slot the type `uuid` or `hash`";
        reader.fault(&pattern.span, format!("`{}` lets one value run into another: {hint}", pattern.value));
        return None;
    }
    Some(ClientIdPattern { text, tail, source: pattern.value.as_str().into() })
}

fn is_short_name(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
