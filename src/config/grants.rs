//! `[[grant]]` and `[[refuse]]`: who gets which policy, and who is denied.

use super::conditions::conditions;
use super::document::Reader;
use super::folder::Folder;
use super::schema;
use super::table::{Located, Table};
use crate::authorizer::Issuer;
use crate::config_error::UnknownName;
use crate::policy::{GrantRule, Policies, Template};
use crate::slots::Slot;
use crate::template_text::{Scope, UsedSlots};

/// Reads every `[[grant]]`, and the policies that they name.
pub(super) fn grants<'d>(
    reader: &mut Reader<'d>,
    root: &Table<'d>,
    issuers: &[Issuer],
    slots: &[Slot],
    folder: &mut Folder,
) -> Policies {
    let mut policies = Policies::default();
    let mut names: Vec<String> = Vec::new();
    for table in reader.tables(root, &schema::GRANT) {
        let name = reader.string(&table, &schema::POLICY);
        let named_issuers = issuers_of(reader, &table, issuers);
        if named_issuers.is_none() && issuers.len() > 1 {
            let hint = "with several issuers, each grant names those that it is for";
            reader.missing(&table, &schema::RULE_ISSUER, hint);
        }
        let when = conditions(reader, &table, &schema::GRANT_WHEN).unwrap_or_default();
        reader.finish(&table);
        let Some(name) = name else { continue };
        let template = names.iter().position(|known| *known == name.value).unwrap_or_else(|| {
            names.push(name.value.clone());
            names.len().saturating_sub(1)
        });
        let issuers = named_issuers.unwrap_or_else(|| (0..issuers.len()).collect());
        policies.grants.push(GrantRule { issuers, when, template });
        if template == policies.templates.len() {
            let scope = Scope { slots, environment: reader.environment(), in_policy: true };
            policies.templates.push(template_of(reader, &name, scope, folder));
        }
    }
    policies
}

/// Reads a policy. In place of one with errors it returns an empty one, which is never used.
fn template_of(
    reader: &mut Reader<'_>,
    name: &Located<String>,
    scope: Scope<'_>,
    folder: &mut Folder,
) -> Template {
    let empty =
        || Template { name: name.value.as_str().into(), statements: Vec::new(), used: UsedSlots::default() };
    if !schema::POLICY_NAME.has(&name.value) || name.value.starts_with('.') {
        let what =
            format!("invalid policy name `{}`; expected letters, digits, `-`, `_` and `.`", name.value);
        reader.error(&name.span, what);
        return empty();
    }
    let file = format!("policies/{}.json", name.value);
    let text = match folder.read(&file) {
        Ok(text) => text,
        Err(error) => {
            let error = reader.error(&name.span, format!("cannot read `{file}`: {error}"));
            error.hint = Some("write the policy, or name another one".to_owned());
            error.unknown = Some(Box::new(UnknownName::new(name.value.as_str(), folder.policies())));
            return empty();
        }
    };
    Template::parse(&name.value, &text, scope).unwrap_or_else(|errors| {
        folder.errors.extend(errors);
        empty()
    })
}

/// Reads every `[[refuse]]` into the issuers that it is for; without `issuer` it is for all.
pub(super) fn refuse_rules<'d>(reader: &mut Reader<'d>, root: &Table<'d>, issuers: &mut [Issuer]) {
    for table in reader.tables(root, &schema::REFUSE) {
        let named_issuers = issuers_of(reader, &table, issuers);
        let when = conditions(reader, &table, &schema::REFUSE_WHEN);
        reader.finish(&table);
        let Some(when) = when else { continue };
        for (index, issuer) in issuers.iter_mut().enumerate() {
            if named_issuers.as_ref().is_none_or(|named| named.contains(&index)) {
                issuer.rules.refuse.push(when.clone());
            }
        }
    }
}

/// Reads `issuer`, an id or a list of ids, as indices. Returns `None` if the key is absent.
fn issuers_of<'d>(reader: &mut Reader<'d>, table: &Table<'d>, issuers: &[Issuer]) -> Option<Vec<usize>> {
    let ids = reader.string_or_strings(table, &schema::RULE_ISSUER)?;
    let mut indices = Vec::new();
    for id in ids {
        match issuers.iter().position(|issuer| *issuer.id == *id.value) {
            Some(index) => indices.push(index),
            None => {
                let what = format!("unknown issuer `{}`; expected the `id` of an `[[issuer]]`", id.value);
                let unknown = UnknownName::new(id.value, issuers.iter().map(|issuer| &*issuer.id));
                reader.error(&id.span, what).unknown = Some(Box::new(unknown));
            }
        }
    }
    Some(indices)
}
