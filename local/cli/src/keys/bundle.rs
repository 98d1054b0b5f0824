//! A fetched key set as a file of the package.
//!
//! The file is a JWK Set (RFC 7517 section 5) with additional members, which other readers ignore: `origin`, `fetched`
//! (RFC 3339) and `thumbprints` (RFC 7638, in the order of the keys).

use std::time::SystemTime;

use fastrand::Rng;
use iot_jwt_authorizer::keys::KeySet;
use iot_jwt_authorizer::keys::fetch_result::FetchedKeys;
use iot_jwt_authorizer::keys::origin::Origin;
use iot_jwt_authorizer::keys::sources::Sources;
use iot_jwt_authorizer::source::failure::FetchFailure;
use iot_local_base::timestamp;
use iot_local_inspect::keys::entries::IssuerEntry;
use serde_json::{Value, json};

/// A key set to write.
#[derive(Debug)]
pub(super) struct Bundle {
    pub(super) set: Value,
    pub(super) key_count: usize,
    /// Why entries of the fetched set are not in this one.
    pub(super) skipped: Vec<String>,
}

/// Selects the keys that the function would use.
///
/// # Errors
/// The error with which the function would reject the fetched set.
pub(super) fn bundle(
    fetched: FetchedKeys,
    origin: &Origin,
    entry: &IssuerEntry,
    blocked: &[String],
    now: SystemTime,
) -> Result<Bundle, FetchFailure> {
    let parts = fetched.parts.clone();
    let mut sources = Sources::new(&entry.id, entry.algorithms.clone(), blocked.to_vec());
    sources.add(origin.clone());
    if let Some(report) = sources.record(0, Ok(fetched), now.into(), &mut Rng::with_seed(0)) {
        report.outcome?;
    }
    let (mut keys, mut thumbprints, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    for entries in parts.into_iter().flatten() {
        let (_, unusable) = KeySet::from_entries(&entries, &entry.algorithms, blocked);
        for (index, key) in entries.into_iter().enumerate() {
            if let Some((_, reason)) = unusable.iter().find(|(unusable, _)| *unusable == index) {
                skipped.push(format!("key {index}: {reason}"));
                continue;
            }
            match thumbprint(&key, entry, blocked) {
                Ok(thumbprint) if thumbprints.contains(&thumbprint) && keys.contains(&key) => {}
                Ok(thumbprint) => {
                    keys.push(key);
                    thumbprints.push(thumbprint);
                }
                Err(reason) => skipped.push(format!("key {index}: {reason}")),
            }
        }
    }
    let set = json!({
        "origin": origin.to_string(),
        "fetched": timestamp::date(timestamp::seconds(now)),
        "thumbprints": thumbprints,
        "keys": keys,
    });
    Ok(Bundle { set, key_count: thumbprints.len(), skipped })
}

/// The thumbprint of a key, if the function would use the key.
fn thumbprint(key: &Value, entry: &IssuerEntry, blocked: &[String]) -> Result<String, &'static str> {
    let (set, _) = KeySet::from_entries(std::slice::from_ref(key), &entry.algorithms, blocked);
    match set.keys() {
        [key] if key.is_published() => Err("the private half is public"),
        [key] if !key.is_usable() => Err("the key serves none of the issuer's `algorithms`"),
        [key] => Ok(key.thumbprint().to_owned()),
        _ => Err("the key is unusable"),
    }
}
