//! The one change to a configuration: other keys.

use std::time::Duration;

use toml_edit::{Array, DocumentMut, Item, TableLike, Value};

use super::Environment;
use crate::issuer::{Settings, algorithm};

/// Where the development keys of an issuer are, relative to the configuration.
pub(super) fn key_file(id: &str) -> String {
    format!("keys/dev-{id}.jwks.json")
}

/// Replaces the keys of every issuer that is complete enough to be minted for. Everything else stays as it is,
/// line for line, and a file that is no TOML stays whole.
pub(super) fn adapt(content: Vec<u8>, environment: Environment<'_>) -> (Vec<u8>, Vec<Settings>) {
    let document = std::str::from_utf8(&content).ok().and_then(|text| text.parse::<DocumentMut>().ok());
    let Some(mut document) = document else { return (content, Vec::new()) };
    let mut issuers = Vec::new();
    for table in document.get_mut("issuer").map(tables).unwrap_or_default() {
        let Some(settings) = settings(table, environment) else { continue };
        if table.get_mut("keys").is_some_and(|keys| replace_keys(keys, &settings.id)) {
            issuers.push(settings);
        }
    }
    (document.to_string().into_bytes(), issuers)
}

/// `[[issuer]]`, or a list of inline tables, which means the same.
fn tables(item: &mut Item) -> Vec<&mut dyn TableLike> {
    fn like<T: TableLike>(table: &mut T) -> &mut dyn TableLike {
        table
    }
    match item {
        Item::ArrayOfTables(tables) => tables.iter_mut().map(like).collect(),
        Item::Value(Value::Array(list)) => {
            list.iter_mut().filter_map(|value| value.as_inline_table_mut().map(like)).collect()
        }
        _ => Vec::new(),
    }
}

/// Puts the development keys in the place of others. Where there are none, or no list of strings, that is a
/// fault which has to stay. The list takes as many lines as before, so that faults below keep their numbers.
fn replace_keys(keys: &mut Item, id: &str) -> bool {
    let Item::Value(value) = keys else { return false };
    let Some(list) = value.as_array().filter(|list| !list.is_empty() && list.iter().all(Value::is_str))
    else {
        return false;
    };
    let lines = list.to_string().matches('\n').count();
    let decor = value.decor().clone();
    let mut array = Array::from_iter([format!("file:{}", key_file(id))]);
    array.set_trailing("\n".repeat(lines));
    *value = Value::Array(array);
    *value.decor_mut() = decor;
    true
}

fn settings(table: &dyn TableLike, environment: Environment<'_>) -> Option<Settings> {
    let text = |name: &str| table.get(name).and_then(Item::as_str).and_then(|text| filled(text, environment));
    let list = |name: &str| -> Option<Vec<String>> {
        let list = table.get(name)?.as_array()?.iter();
        list.map(|value| value.as_str().and_then(|text| filled(text, environment))).collect()
    };
    let id = text("id").filter(|id| is_short_name(id))?;
    let audience = list("audience").filter(|audience| !audience.is_empty())?;
    let algorithms = list("algorithms")?.iter().map(|name| algorithm(name)).collect::<Option<Vec<_>>>()?;
    if algorithms.is_empty() {
        return None;
    }
    let types = list("types").unwrap_or_default();
    let lifetime = table.get("max_lifetime_seconds").and_then(Item::as_integer);
    Some(Settings {
        id,
        issuer: text("issuer")?,
        audience,
        audience_claim: text("audience_claim").unwrap_or_else(|| "aud".to_owned()),
        algorithms,
        typ: types.into_iter().next().unwrap_or_else(|| "JWT".to_owned()),
        max_lifetime: lifetime.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs),
    })
}

/// The id becomes part of a file's name.
fn is_short_name(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Fills in `${env:NAME}`; nothing, if a variable is not set.
pub(crate) fn filled(text: &str, environment: Environment<'_>) -> Option<String> {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${env:") {
        let (name, after) = after.split_once('}')?;
        whole.push_str(before);
        whole.push_str(&environment(name)?);
        rest = after;
    }
    whole.push_str(rest);
    Some(whole)
}
