//! A slot of `[claims]` as a table, and an issuer's own path of a slot.

use crate::config_schema::{DefaultValue, Property, TableSchema, TextType, ValueType};
use crate::slots::SlotType;

/// A slot.
pub(in crate::config) static TABLE: TableSchema = TableSchema {
    name: "the slot",
    properties: &[&PATH, &TYPE, &LIST, &OPTIONAL, &UNIQUE, &MAX_ITEMS, &MAX_LENGTH],
};

pub(in crate::config) static PATH: Property = Property::required(
    "path",
    ValueType::Text(TextType::Any),
    "name the claim that fills the slot",
    "The claim that fills the slot: its whole name, or a JSON pointer if it begins with `/`.",
);

pub(in crate::config) static TYPE: Property = Property::with_default(
    "type",
    ValueType::Text(TextType::Words(|| SlotType::ALL.map(SlotType::name).to_vec())),
    DefaultValue::Text(SlotType::Id.name()),
    "`id`: letters, digits and `. _ : @ | = -`. `path`: such levels, separated by slashes. `uuid`: 36 characters, lower \
     case. `hash`: any string, of which 32 hexadecimal digits of the SHA-256 are filled in.",
);

pub(in crate::config) static LIST: Property = Property::with_default(
    "list",
    ValueType::Boolean,
    DefaultValue::Boolean(false),
    "Whether the claim may be a list. Each value gives one resource.",
);

pub(in crate::config) static OPTIONAL: Property = Property::with_default(
    "optional",
    ValueType::Boolean,
    DefaultValue::Boolean(false),
    "Whether the claim may be absent.",
);

pub(in crate::config) static UNIQUE: Property = Property::with_default(
    "unique",
    ValueType::Boolean,
    DefaultValue::Boolean(false),
    "States that no two subjects of an issuer ever have the same value.",
);

pub(in crate::config) static MAX_ITEMS: Property = Property::with_default(
    "max_items",
    ValueType::Integer(1..=500),
    DefaultValue::Integer(10),
    "The largest number of items of a list. A longer list is denied, never cut.",
);

pub(in crate::config) static MAX_LENGTH: Property = Property::with_default(
    "max_length",
    ValueType::Integer(1..=1024),
    DefaultValue::Integer(128),
    "The largest number of characters of a value. A longer value is denied, never cut.",
);

/// A slot in an issuer's `claims`.
pub(in crate::config) static OWN_TABLE: TableSchema =
    TableSchema { name: "the issuer's slot", properties: &[&OWN_PATH, &OWN_UNIQUE] };

pub(in crate::config) static OWN_PATH: Property = Property::optional(
    "path",
    ValueType::Text(TextType::Any),
    "The claim of this issuer; without it, that of `[claims]`.",
);

pub(in crate::config) static OWN_UNIQUE: Property = Property::optional(
    "unique",
    ValueType::Boolean,
    "Whether this issuer's values are unique; without it, as `[claims]` says.",
);
