//! The issuers of a configuration as far as their keys go. Faults elsewhere do not matter here: a key file that is not there yet is
//! what `keys fetch` is for.

use iot_jwt_authorizer::config::Environment;
use iot_jwt_authorizer::keys::Algorithm;
use toml_edit::{DocumentMut, Item, TableLike, Value};

use crate::workspace::adapt::filled;

/// An issuer, as the configuration has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its short name.
    pub id: String,
    /// Its `iss`.
    pub issuer: String,
    /// What its keys have to be good for.
    pub algorithms: Vec<Algorithm>,
    /// Its sources of keys.
    pub keys: Vec<String>,
}

/// The issuers that have an id, and the thumbprints that are never accepted.
pub(super) fn read(config: &str, environment: Environment<'_>) -> (Vec<Entry>, Vec<String>) {
    fn like<T: TableLike>(table: &T) -> &dyn TableLike {
        table
    }
    let config: DocumentMut = config.parse().unwrap_or_default();
    let blocked = config.get("blocked_keys").map(|item| strings(item, environment)).unwrap_or_default();
    let tables: Vec<&dyn TableLike> = match config.get("issuer") {
        Some(Item::ArrayOfTables(tables)) => tables.iter().map(like).collect(),
        Some(Item::Value(Value::Array(list))) => {
            list.iter().filter_map(|value| value.as_inline_table().map(like)).collect()
        }
        _ => Vec::new(),
    };
    (tables.into_iter().filter_map(|table| entry(table, environment)).collect(), blocked)
}

fn entry(table: &dyn TableLike, environment: Environment<'_>) -> Option<Entry> {
    let text = |name: &str| table.get(name).and_then(Item::as_str).and_then(|text| filled(text, environment));
    let list = |name: &str| table.get(name).map(|item| strings(item, environment)).unwrap_or_default();
    Some(Entry {
        id: text("id")?,
        issuer: text("issuer").unwrap_or_default(),
        algorithms: list("algorithms").iter().filter_map(|name| Algorithm::named(name)).collect(),
        keys: list("keys"),
    })
}

fn strings(item: &Item, environment: Environment<'_>) -> Vec<String> {
    let list = item.as_array().into_iter().flatten();
    list.filter_map(|value| filled(value.as_str()?, environment)).collect()
}
