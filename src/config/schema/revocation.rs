//! `[revocation]`.

use crate::config_schema::{DefaultValue, Property, TableSchema, TextType, ValueType};
use crate::revocation::{ListOrigin, WhenStale};

/// `[revocation]`.
pub(super) static TABLE: TableSchema = TableSchema {
    name: "[revocation]",
    properties: &[&SOURCE, &REFRESH_SECONDS, &MAX_STALE_SECONDS, &WHEN_STALE],
};

pub(in crate::config) static SOURCE: Property = Property::required(
    "source",
    ValueType::Text(TextType::Forms(&ListOrigin::SYNTAX)),
    "say where the list is, as \"file:revoked.json\"",
    "Where the list is. `http` is for loopback only.",
);

pub(in crate::config) static REFRESH_SECONDS: Property = Property::with_default(
    "refresh_seconds",
    ValueType::Integer(super::issuer::LIFETIME_SECONDS),
    DefaultValue::Integer(60),
    "The age at which the list is fetched again.",
);

pub(in crate::config) static MAX_STALE_SECONDS: Property = Property::with_default(
    "max_stale_seconds",
    ValueType::Integer(super::issuer::LIFETIME_SECONDS),
    DefaultValue::Integer(3600),
    "The age up to which the last good list counts while fetches fail. Not less than `refresh_seconds`.",
);

pub(in crate::config) static WHEN_STALE: Property = Property::with_default(
    "when_stale",
    ValueType::Text(TextType::Words(|| WhenStale::ALL.map(WhenStale::name).to_vec())),
    DefaultValue::Text(WhenStale::Deny.name()),
    "What happens to tokens while there is no such list: `deny` denies them with `revocation_stale`, `allow` allows them, \
     each with an ERROR line.",
);
