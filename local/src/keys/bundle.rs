//! A remote key set as a file of the package.
//!
//! It is a JWK Set (RFC 7517 section 5) with members of its own beside `keys`, which readers of such sets leave alone: `origin`,
//! `fetched` (RFC 3339) and `thumbprints` (RFC 7638, in the order of the keys).

use std::time::SystemTime;

use fastrand::Rng;
use iot_jwt_authorizer::keys::KeySet;
use iot_jwt_authorizer::keys::fetch::{Failure, Found};
use iot_jwt_authorizer::keys::origin::Origin;
use iot_jwt_authorizer::keys::sources::Sources;
use serde_json::{Value, json};

use super::entries::Entry;
use crate::moment;

/// A key set, ready to be written, and why entries of the remote one are not in it.
#[derive(Debug)]
pub(super) struct Bundle {
    pub(super) set: Value,
    pub(super) keys: usize,
    pub(super) left_out: Vec<String>,
}

/// Takes what the function would take of an answer.
///
/// # Errors
/// What the function would refuse it for.
pub(super) fn bundle(
    found: Found,
    origin: &Origin,
    entry: &Entry,
    blocked: &[String],
    at: SystemTime,
) -> Result<Bundle, Failure> {
    let parts = found.parts.clone();
    let mut sources = Sources::new(&entry.id, entry.algorithms.clone(), blocked.to_vec());
    sources.add(origin.clone());
    if let Some(report) = sources.settle(0, Ok(found), at.into(), &mut Rng::with_seed(0)) {
        report.outcome?;
    }
    let (mut keys, mut thumbprints, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    for entries in parts.into_iter().flatten() {
        let (_, unusable) = KeySet::from_entries(&entries, &entry.algorithms, blocked);
        for (at, key) in entries.into_iter().enumerate() {
            if let Some((_, why)) = unusable.iter().find(|(place, _)| *place == at) {
                left_out.push(format!("key {at}: {why}"));
                continue;
            }
            match thumbprint(&key, entry, blocked) {
                Ok(thumbprint) if thumbprints.contains(&thumbprint) && keys.contains(&key) => {}
                Ok(thumbprint) => {
                    keys.push(key);
                    thumbprints.push(thumbprint);
                }
                Err(why) => left_out.push(format!("key {at}: {why}")),
            }
        }
    }
    let set = json!({
        "origin": origin.to_string(),
        "fetched": moment::date(moment::seconds(at)),
        "thumbprints": thumbprints,
        "keys": keys,
    });
    Ok(Bundle { set, keys: thumbprints.len(), left_out })
}

/// The thumbprint of a key that the function would use.
fn thumbprint(key: &Value, entry: &Entry, blocked: &[String]) -> Result<String, &'static str> {
    let (set, _) = KeySet::from_entries(std::slice::from_ref(key), &entry.algorithms, blocked);
    match set.keys() {
        [key] if key.is_published() => Err("its private half is published"),
        [key] if !key.is_usable() => Err("it serves none of the issuer's `algorithms`"),
        [key] => Ok(key.thumbprint().to_owned()),
        _ => Err("it cannot be used"),
    }
}
