//! A client id that a token may use, from `client_ids`.

use aws_lc_rs::digest::{SHA256, digest};
use iot_local_base::env::Env;
use iot_local_base::hex;
use serde_json::{Map, Value};

use super::conditions::claim;
use super::slots::ExampleSlots;

/// Hexadecimal digits of a value of the type `hash`.
const HASH_LENGTH: usize = 32;

/// Fills the first pattern, if possible one without a tail. `None` if no pattern can be filled.
pub(super) fn client_id(
    patterns: &[String],
    slots: &ExampleSlots,
    issuer: &str,
    env: &Env,
    claims: &Map<String, Value>,
) -> Option<String> {
    let fill = |pattern: &String| {
        let (text, tail) = pattern.strip_suffix('*').map_or((pattern.as_str(), ""), |text| (text, "1"));
        let mut id = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}')?;
            id.push_str(before);
            id.push_str(&value(name, slots, issuer, env, claims)?);
            rest = after;
        }
        Some(format!("{id}{rest}{tail}"))
    };
    let without_tail = patterns.iter().filter(|pattern| !pattern.ends_with('*'));
    let with_tail = patterns.iter().filter(|pattern| pattern.ends_with('*'));
    without_tail.chain(with_tail).find_map(fill)
}

fn value(
    name: &str,
    slots: &ExampleSlots,
    issuer: &str,
    env: &Env,
    claims: &Map<String, Value>,
) -> Option<String> {
    if name == "issuer:id" {
        return Some(issuer.to_owned());
    }
    if let Some(name) = name.strip_prefix("env:") {
        return env.get(name).map(str::to_owned);
    }
    let slot = slots.get(name)?;
    let value = match claim(claims, &slot.path)? {
        Value::Array(items) => items.first()?,
        value => value,
    };
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(match slot.slot_type == "hash" {
        true => hex::encode(digest(&SHA256, text.as_bytes()).as_ref()).chars().take(HASH_LENGTH).collect(),
        false => text,
    })
}
