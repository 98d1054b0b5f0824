//! `[[grant]]` and `[[refuse]]`: who gets which policy, and who gets none.

use toml::de::DeValue;

use super::document::{Item, Located, Reader, Table};
use super::fault::Fault;
use super::package::Package;
use crate::authorizer::Issuer;
use crate::claims::ClaimPath;
use crate::condition::{Condition, Scalar};
use crate::policy::{GrantRule, Policies, Template, Vocabulary};
use crate::slots::Slot;

/// Reads every `[[grant]]` and the policies that they name.
pub(super) fn grants<'d>(
    reader: &mut Reader<'d>,
    root: &mut Table<'d>,
    issuers: &[Issuer],
    slots: &[Slot],
    package: &mut Package,
) -> Policies {
    let mut policies = Policies::default();
    let mut names: Vec<String> = Vec::new();
    let tables = root.take("grant");
    if tables.is_none() {
        reader.fault(&(0..0), "there is no `[[grant]]`: nobody could do anything");
    }
    for mut table in reader.tables("[[grant]]", tables) {
        let name = reader.string(&mut table, "policy");
        let of = issuers_of(reader, &mut table, issuers);
        if of.is_none() && issuers.len() > 1 {
            reader.missing(&table, "issuer", "with several issuers, say whose tokens it is for");
        }
        let when = table.take("when").map(|item| conditions(reader, "when", item)).unwrap_or_default();
        reader.finish(&table);
        let Some(name) = name else {
            reader.missing(&table, "policy", "name a file of `policies/` without its `.json`");
            continue;
        };
        let template = names.iter().position(|known| *known == name.value).unwrap_or_else(|| {
            names.push(name.value.clone());
            names.len().saturating_sub(1)
        });
        let of = of.unwrap_or_else(|| (0..issuers.len()).collect());
        policies.grants.push(GrantRule { issuers: of, when, template });
        if template == policies.templates.len() {
            let environment = reader.environment();
            let vocabulary = Vocabulary { slots, environment, in_policy: true };
            policies.templates.push(template_of(reader, &name, vocabulary, package));
        }
    }
    policies
}

/// Reads a policy; one with faults is replaced by one that grants nothing, and is never used.
fn template_of(
    reader: &mut Reader<'_>,
    name: &Located<String>,
    vocabulary: Vocabulary<'_>,
    package: &mut Package,
) -> Template {
    let nothing =
        || Template { name: name.value.as_str().into(), statements: Vec::new(), used: Default::default() };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !name.value.bytes().all(plain) || name.value.starts_with('.') {
        reader.fault(
            &name.span,
            format!("`{}` is no policy's name: letters, digits, `-`, `_` and `.`", name.value),
        );
        return nothing();
    }
    let file = format!("policies/{}.json", name.value);
    let text = match package.text(&file) {
        Ok(text) => text,
        Err(why) => {
            reader.fault(&name.span, format!("`{file}` {why}: write it, or name another policy"));
            return nothing();
        }
    };
    Template::parse(&name.value, &text, vocabulary).unwrap_or_else(|faults| {
        package.faults.extend(faults.into_iter().map(|fault| Fault::of_file(&file, fault)));
        nothing()
    })
}

/// Reads every `[[refuse]]` into the issuers that it is for; without `issuer` it is for all.
pub(super) fn refusals<'d>(reader: &mut Reader<'d>, root: &mut Table<'d>, issuers: &mut [Issuer]) {
    let tables = root.take("refuse");
    for mut table in reader.tables("[[refuse]]", tables) {
        let of = issuers_of(reader, &mut table, issuers);
        let when = table.take("when").map(|item| conditions(reader, "when", item));
        reader.finish(&table);
        let Some(when) = when else {
            reader.missing(&table, "when", "say whom it refuses");
            continue;
        };
        for (index, issuer) in issuers.iter_mut().enumerate() {
            if of.as_ref().is_none_or(|of| of.contains(&index)) {
                issuer.rules.refuse.push(when.clone());
            }
        }
    }
}

/// `issuer`: an id or a list of ids. `None` where it is not given.
fn issuers_of<'d>(reader: &mut Reader<'d>, table: &mut Table<'d>, issuers: &[Issuer]) -> Option<Vec<usize>> {
    let item = table.take("issuer")?;
    let ids = match item.get_ref() {
        DeValue::Array(_) => {
            let items = reader.list_of("issuer", item).unwrap_or_default();
            items.iter().filter_map(|item| reader.string_of("issuer", item)).collect()
        }
        _ => Vec::from_iter(reader.string_of("issuer", item)),
    };
    let mut indices = Vec::new();
    for id in ids {
        match issuers.iter().position(|issuer| *issuer.id == *id.value) {
            Some(index) => indices.push(index),
            None => reader.fault(&id.span, format!("there is no `[[issuer]]` with the id `{}`", id.value)),
        }
    }
    Some(indices)
}

/// A table of conditions: claim to scalar or list of scalars.
pub(super) fn conditions<'d>(reader: &mut Reader<'d>, key: &'static str, item: Item<'d>) -> Vec<Condition> {
    let Some(table) = reader.table(key, item) else { return Vec::new() };
    let conditions: Vec<Condition> =
        table.entries().filter_map(|(name, item)| condition(reader, &name, item)).collect();
    if table.entries().next().is_none() {
        reader.fault(&table.span, format!("`{key}` is empty: leave it out, or say what has to hold"));
    }
    conditions
}

fn condition<'d>(reader: &mut Reader<'d>, name: &Located<&str>, item: Item<'d>) -> Option<Condition> {
    let any_of: Vec<Scalar> = match item.get_ref() {
        DeValue::Array(_) => reader
            .list_of(name.value, item)?
            .iter()
            .filter_map(|item| scalar(reader, name.value, item))
            .collect(),
        _ => Vec::from_iter(scalar(reader, name.value, item)),
    };
    Some(Condition { path: ClaimPath::parse(name.value), name: name.value.into(), any_of })
}

fn scalar<'d>(reader: &mut Reader<'d>, key: &str, item: Item<'d>) -> Option<Scalar> {
    match item.get_ref() {
        DeValue::String(_) => reader.string_of(key, item).map(|text| Scalar::String(text.value.into())),
        DeValue::Boolean(value) => Some(Scalar::Bool(*value)),
        DeValue::Integer(text) => {
            let value = u64::from_str_radix(text.as_str(), text.radix()).ok();
            if value.is_none() {
                reader.fault(&item.span(), format!("`{key}` takes integers of 0 and more"));
            }
            value.map(Scalar::Integer)
        }
        _ => {
            reader.fault(
                &item.span(),
                format!("`{key}` takes a string, an integer, a boolean, or a list of them"),
            );
            None
        }
    }
}
