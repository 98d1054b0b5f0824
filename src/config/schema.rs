//! The tables of `authorizer.toml` as data. The reader and the JSON Schema (`cargo local schema`) have no other list of
//! keys.
//!
//! The order of the keys of a table is that in which messages list them.

pub(super) mod issuer;
pub(super) mod revocation;
pub(super) mod slot;

use crate::config_schema::{Alphabet, DefaultValue, Letters, Property, TableSchema, TextType, ValueType};
use crate::credentials::TokenPlace;
use crate::response::SESSION_SECONDS;

/// Length of a SHA-256 in base64url without padding.
const THUMBPRINT_LENGTH: usize = 43;

/// Short names: ids of issuers, names of slots.
pub(super) static SHORT_NAME: Alphabet =
    Alphabet { letters: Letters::Alphanumeric, punctuation: "-_", lengths: 1..=usize::MAX };

/// RFC 7638 thumbprints.
pub(super) static THUMBPRINT: Alphabet = Alphabet {
    letters: Letters::Alphanumeric,
    punctuation: "-_",
    lengths: THUMBPRINT_LENGTH..=THUMBPRINT_LENGTH,
};

/// Names of policies, which are names of files. They do not begin with a dot.
pub(super) static POLICY_NAME: Alphabet =
    Alphabet { letters: Letters::Alphanumeric, punctuation: "-_.", lengths: 1..=usize::MAX };

/// `authorizer.toml`.
pub static FILE: TableSchema = TableSchema {
    name: "the file",
    properties: &[&TOKEN, &SESSION, &CLAIMS, &BLOCKED_KEYS, &ISSUER, &REFUSE, &REVOCATION, &GRANT, &CHECK],
};

pub(super) static TOKEN: Property =
    Property::optional("token", ValueType::Table(&TOKEN_TABLE), "Where a request may hold the token.");

static TOKEN_TABLE: TableSchema = TableSchema { name: "[token]", properties: &[&FROM, &MAX_BYTES] };

pub(super) static FROM: Property = Property::with_default(
    "from",
    ValueType::Texts(TextType::Forms(&TokenPlace::SYNTAX)),
    DefaultValue::Texts(&["token", "header:authorization", "query:token", "username:token", "password"]),
    "The places that may hold a token. `username` is the MQTT user name up to its first `?`.",
);

pub(super) static MAX_BYTES: Property = Property::with_default(
    "max_bytes",
    ValueType::Integer(256..=65536),
    DefaultValue::Integer(8192),
    "The largest token, in bytes.",
);

pub(super) static SESSION: Property = Property::optional(
    "session",
    ValueType::Table(&SESSION_TABLE),
    "How long a connection lasts, and how often it is decided again.",
);

static SESSION_TABLE: TableSchema = TableSchema {
    name: "[session]",
    properties: &[&DISCONNECT_AFTER_SECONDS, &REFRESH_AFTER_SECONDS, &MIN_REMAINING_SECONDS],
};

pub(super) static DISCONNECT_AFTER_SECONDS: Property = Property::with_default(
    "disconnect_after_seconds",
    ValueType::Integer(SESSION_SECONDS),
    DefaultValue::Integer(*SESSION_SECONDS.end()),
    "The longest connection. It never lasts beyond the token's `exp`, except for AWS's minimum of 300 seconds.",
);

pub(super) static REFRESH_AFTER_SECONDS: Property = Property::with_default(
    "refresh_after_seconds",
    ValueType::Integer(SESSION_SECONDS),
    DefaultValue::Integer(3600),
    "The time between two decisions about a connection. AWS IoT then presents the same token again.",
);

pub(super) static MIN_REMAINING_SECONDS: Property = Property::with_default(
    "min_remaining_seconds",
    ValueType::Integer(0..=86400),
    DefaultValue::Integer(0),
    "A token with less remaining lifetime is denied. With 300 no session outlives its token.",
);

pub(super) static CLAIMS: Property = Property::optional(
    "claims",
    ValueType::Map {
        name: "[claims]",
        keys: TextType::Alphabet(&SHORT_NAME),
        values: &ValueType::TextOrTable(TextType::Any, &slot::TABLE),
        sizes: 0..=usize::MAX,
    },
    "Slots: values of a token that policies and client ids may use. The name of the slot is on the left; on the right is \
     the name of a claim, a JSON pointer, or a table.",
);

pub(super) static BLOCKED_KEYS: Property = Property::optional(
    "blocked_keys",
    ValueType::Texts(TextType::Alphabet(&THUMBPRINT)),
    "RFC 7638 thumbprints of keys that are never accepted.",
);

pub(super) static ISSUER: Property = Property::required(
    "issuer",
    ValueType::Tables { table: &issuer::TABLE, min: 1 },
    "add one, or every token is denied",
    "The trusted issuers.",
);

pub(super) static REFUSE: Property = Property::optional(
    "refuse",
    ValueType::Tables { table: &REFUSE_TABLE, min: 1 },
    "Valid tokens that are denied at the next connect or refresh.",
);

static REFUSE_TABLE: TableSchema =
    TableSchema { name: "[[refuse]]", properties: &[&RULE_ISSUER, &REFUSE_WHEN] };

pub(super) static REVOCATION: Property = Property::optional(
    "revocation",
    ValueType::Table(&revocation::TABLE),
    "The list of tokens that are denied before they expire.",
);

pub(super) static GRANT: Property = Property::required(
    "grant",
    ValueType::Tables { table: &GRANT_TABLE, min: 1 },
    "add one, or every token is denied",
    "Which tokens get which policy. Every matching grant adds its policy; a token without a grant is denied.",
);

static GRANT_TABLE: TableSchema =
    TableSchema { name: "[[grant]]", properties: &[&POLICY, &RULE_ISSUER, &GRANT_WHEN] };

pub(super) static POLICY: Property = Property::required(
    "policy",
    ValueType::Text(TextType::Alphabet(&POLICY_NAME)),
    "name a file of `policies/`, without `.json`",
    "The name of a file of `policies/`, without `.json`.",
);

/// `issuer` of `[[grant]]` and `[[refuse]]`.
pub(super) static RULE_ISSUER: Property = Property::optional(
    "issuer",
    ValueType::TextOrTexts(TextType::Alphabet(&SHORT_NAME)),
    "The `id` of an issuer, or a list of ids. A grant needs it as soon as there are two issuers; without it a \
     `[[refuse]]` is for all.",
);

pub(super) static GRANT_WHEN: Property =
    Property::optional("when", conditions("when"), "Conditions on claims that must all hold.");

pub(super) static REFUSE_WHEN: Property = Property::required(
    "when",
    conditions("when"),
    "say which tokens it denies",
    "Conditions on claims. A token for which all hold is denied.",
);

pub(super) static CHECK: Property = Property::optional(
    "check",
    ValueType::Table(&CHECK_TABLE),
    "Settings of `cargo local check`. The function does not use them.",
);

static CHECK_TABLE: TableSchema = TableSchema { name: "[check]", properties: &[&ALLOW] };

pub(super) static ALLOW: Property = Property::optional(
    "allow",
    ValueType::Map {
        name: "[check.allow]",
        keys: TextType::Raw,
        values: &ValueType::Text(TextType::Raw),
        sizes: 0..=usize::MAX,
    },
    "Accepted warnings: `\"LINT FILE\" = \"reason\"`.",
);

/// A table of claims and what each must equal. `name` is its key.
const fn conditions(name: &'static str) -> ValueType {
    ValueType::Map { name, keys: TextType::Plain, values: &ValueType::Scalars, sizes: 1..=usize::MAX }
}
