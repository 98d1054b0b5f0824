//! The issuers of a configuration, as far as their keys go. Other parts may have errors: `keys fetch` makes a key file
//! that does not exist yet.

use iot_jwt_authorizer::algorithm::Algorithm;
use iot_local_base::env::Env;
use iot_local_identity::deployment::document::{ConfigDocument, Table};

/// An `[[issuer]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerEntry {
    /// Its short name.
    pub id: String,
    /// Its `iss`.
    pub issuer: String,
    /// The algorithms that its keys must serve.
    pub algorithms: Vec<Algorithm>,
    /// Its key sources.
    pub keys: Vec<String>,
}

/// The issuers that have an id, and the thumbprints of `blocked_keys`.
#[must_use]
pub fn read(config: &str, env: &Env) -> (Vec<IssuerEntry>, Vec<String>) {
    let config = ConfigDocument::parse(config).unwrap_or_default();
    let blocked = config.field("blocked_keys").map(|field| field.usable_strings(env)).unwrap_or_default();
    (config.issuers().iter().filter_map(|table| entry(table, env)).collect(), blocked)
}

fn entry(table: &Table<'_>, env: &Env) -> Option<IssuerEntry> {
    let list = |name: &str| table.field(name).map(|field| field.usable_strings(env)).unwrap_or_default();
    Some(IssuerEntry {
        id: table.expanded_string("id", env)?,
        issuer: table.expanded_string("issuer", env).unwrap_or_default(),
        algorithms: list("algorithms").iter().filter_map(|name| Algorithm::parse(name)).collect(),
        keys: list("keys"),
    })
}
