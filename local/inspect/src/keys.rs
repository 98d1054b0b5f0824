//! The key sources of issuers and the keys in them: for `keys`, and for `explain`, which names the source of a key.

pub mod entries;
pub mod show;

use std::path::Path;

use iot_jwt_authorizer::algorithm::Algorithm;
use iot_jwt_authorizer::authorizer::Issuer;
use iot_jwt_authorizer::config::Config;
use iot_jwt_authorizer::keys::{KeyFile, KeySet};
use iot_local_base::env::Env;

/// A key source and its keys.
#[derive(Debug)]
pub struct NamedKeys {
    /// As the configuration writes it: `file:PATH`, `oidc` and so on.
    pub source: String,
    /// Its keys; none if it was not fetched.
    pub keys: KeySet,
}

/// The sources of each issuer, in the order of the configuration. Only files are read.
#[must_use]
pub fn named(config: &Config, path: &Path, env: &Env) -> Vec<Vec<NamedKeys>> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let (entries, blocked) = entries::read(&text, env);
    let folder = path.parent().unwrap_or(Path::new("."));
    let named_keys = |source: &String, algorithms: &[Algorithm]| {
        let file = source.strip_prefix("file:").map(|file| folder.join(file));
        let text = file.and_then(|file| std::fs::read_to_string(file).ok());
        let file = text.and_then(|text| KeyFile::parse(&text).ok());
        let keys = file.map(|file| file.keys(algorithms, &blocked).0).unwrap_or_default();
        NamedKeys { source: source.clone(), keys }
    };
    let sources_of = |issuer: &Issuer| {
        let entry = entries.iter().find(|entry| *entry.id == *issuer.id);
        let sources = entry.map(|entry| entry.keys.as_slice()).unwrap_or_default();
        sources.iter().map(|source| named_keys(source, &issuer.algorithms)).collect()
    };
    config.authorizer.issuers.iter().map(sources_of).collect()
}
