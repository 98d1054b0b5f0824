//! Replaces the keys of a configuration by development keys. Its only other change: a revocation list that is a file is
//! named by its whole path, so that the function follows the user's own file.

use std::path::Path;
use std::time::Duration;

use iot_local_base::env::Env;
use iot_local_base::names::is_name;

use crate::deployment::document::{ConfigDocument, Field, Table};
use crate::issuer::{IssuerSettings, algorithm};

/// The file of an issuer's development keys, relative to the configuration.
pub(super) fn key_file(id: &str) -> String {
    format!("keys/dev-{id}.jwks.json")
}

/// Replaces the keys of each issuer for which tokens can be minted, and returns the settings of these issuers. `folder`
/// is the configuration's. All lines keep their numbers, and a file that is not TOML is unchanged.
pub(super) fn adapt(content: Vec<u8>, folder: &Path, env: &Env) -> (Vec<u8>, Vec<IssuerSettings>) {
    let document = std::str::from_utf8(&content).ok().and_then(ConfigDocument::parse);
    let Some(document) = document else { return (content, Vec::new()) };
    let (mut issuers, mut sources) = (Vec::new(), Vec::new());
    for (index, table) in document.issuers().iter().enumerate() {
        if let Some(settings) = settings(table, env).filter(|_| has_keys(table)) {
            sources.push((index, format!("file:{}", key_file(&settings.id))));
            issuers.push(settings);
        }
    }
    let list = list_source(&document, folder, env);
    (document.with_sources(&sources, list).into_bytes(), issuers)
}

/// The source of a revocation list that is a file, with its whole path.
fn list_source(document: &ConfigDocument, folder: &Path, env: &Env) -> Option<String> {
    let source = document.field("revocation")?.table()?.expanded_string("source", env)?;
    let path = folder.join(source.strip_prefix("file:").filter(|name| !name.is_empty())?);
    Some(format!("file:{}", path.to_str()?))
}

/// Whether `keys` is a non-empty array of strings. Anything else is an error that the authorizer must see.
fn has_keys(table: &Table<'_>) -> bool {
    table.field("keys").and_then(Field::strings).is_some_and(|keys| !keys.is_empty())
}

fn settings(table: &Table<'_>, env: &Env) -> Option<IssuerSettings> {
    let string = |name: &str| table.expanded_string(name, env);
    let strings = |name: &str| table.field(name)?.expanded_strings(env);
    // The id becomes part of a file name.
    let id = string("id").filter(|id| is_name(id, "-_", 1..=usize::MAX))?;
    let audience = strings("audience").filter(|audience| !audience.is_empty())?;
    let algorithms = strings("algorithms")?.iter().map(|name| algorithm(name)).collect::<Option<Vec<_>>>()?;
    if algorithms.is_empty() {
        return None;
    }
    let types = strings("types").unwrap_or_default();
    let lifetime = table.field("max_lifetime_seconds").and_then(Field::integer);
    Some(IssuerSettings {
        id,
        issuer: string("issuer")?,
        audience,
        // Of several, tokens get the first.
        audience_claim: string("audience_claim")
            .or_else(|| strings("audience_claim")?.into_iter().next())
            .unwrap_or_else(|| "aud".to_owned()),
        algorithms,
        typ: types.into_iter().next().unwrap_or_else(|| "JWT".to_owned()),
        max_lifetime: lifetime.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs),
    })
}
