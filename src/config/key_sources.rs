//! `keys` of an issuer, and the top-level `blocked_keys`.

use super::document::Reader;
use super::folder::{Folder, key_file_error};
use super::schema;
use super::table::{Located, Table};
use crate::config_error::{ConfigError, ErrorPlace};
use crate::keys::origin::Origin;
use crate::keys::sources::Sources;
use crate::keys::{KeyFile, KeySet, MAX_CANDIDATES};

/// Reads `blocked_keys`.
pub(super) fn blocked_keys<'d>(reader: &mut Reader<'d>, root: &Table<'d>) -> Vec<String> {
    let keys = reader.strings(root, &schema::BLOCKED_KEYS).unwrap_or_default();
    for key in &keys {
        if !schema::THUMBPRINT.has(&key.value) {
            let what = format!("invalid thumbprint `{}`", key.value);
            let hint = "write the RFC 7638 thumbprint: SHA-256 in base64url, 43 characters";
            reader.error_with_hint(&key.span, what, hint);
        }
    }
    keys.into_iter().map(|key| key.value).collect()
}

/// Reads `keys` into the issuer's sources.
pub(super) fn read<'d>(
    reader: &mut Reader<'d>,
    table: &Table<'d>,
    issuer: &str,
    sources: &mut Sources,
    folder: &mut Folder,
) {
    for source in reader.strings(table, &schema::issuer::KEYS).unwrap_or_default() {
        if let Some(file) = source.value.strip_prefix("file:") {
            let keys = key_file(reader, &source, file, sources, folder);
            sources.bundle(keys);
            continue;
        }
        match Origin::parse(&source.value, issuer) {
            Ok(origin) => sources.add(origin),
            Err(expected) => {
                reader.error(&source.span, format!("invalid key source `{}`; {expected}", source.value));
            }
        }
    }
}

fn key_file(
    reader: &mut Reader<'_>,
    source: &Located<String>,
    file: &str,
    sources: &Sources,
    folder: &mut Folder,
) -> KeySet {
    let text = match folder.read_key_file(file) {
        Ok(text) => text,
        Err(error) => {
            let what = format!("cannot read `{file}`: {error}");
            reader.error_with_hint(&source.span, what, "put the issuer's public keys there");
            return KeySet::default();
        }
    };
    let keys = match KeyFile::parse(&text) {
        Ok(keys) => keys,
        Err(error) => {
            folder.errors.push(key_file_error(file, &error));
            return KeySet::default();
        }
    };
    if let Some(name) = keys.field_name() {
        let what = format!("the only key has the name `{name}`, which is not taken as its `kid`");
        let hint = "the names of the members are `kid`s; use the `kid` of the issuer's tokens, or a PEM file";
        folder.warnings.push(ConfigError::of_file(file, what).hint(hint));
    }
    let (set, skipped) = keys.keys(&sources.algorithms, &sources.blocked);
    for kid in set.crowded_kids() {
        let what = format!(
            "more than {MAX_CANDIDATES} keys of one algorithm have the `kid` {kid:?}; its tokens are denied"
        );
        folder.warnings.push(ConfigError::of_file(file, what).hint("give the keys `kid`s of their own"));
    }
    let skipped: Vec<ConfigError> = skipped
        .iter()
        .map(|(index, why)| {
            ConfigError::at(file, ErrorPlace::Entry("key", *index), format!("skipped: {why}"))
        })
        .collect();
    folder.warnings.extend(skipped.clone());
    for key in set.keys().iter().filter(|key| key.is_published()) {
        let what = format!("the private half of key {} is public", key.thumbprint());
        folder.errors.push(ConfigError::of_file(file, what).hint("make a key of your own"));
    }
    if !set.is_usable() && !sources.algorithms.is_empty() {
        folder.errors.push(ConfigError::of_file(file, "no key serves any of the issuer's `algorithms`"));
        folder.errors.extend(skipped);
    }
    set
}
