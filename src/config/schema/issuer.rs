//! `[[issuer]]`.

use std::ops::RangeInclusive;

use super::slot;
use crate::algorithm::Algorithm;
use crate::claims::AUDIENCE_CLAIMS;
use crate::config_schema::{DefaultValue, Property, TableSchema, TextType, ValueType};
use crate::keys::origin::Origin;
use crate::keys::sources::DEFAULT_LIFETIMES;

/// Ages of fetched contents, in seconds: at most a year.
pub(super) const LIFETIME_SECONDS: RangeInclusive<u64> = 1..=31_536_000;

/// What client ids may have apart from letters and digits: the characters of an `id`, and slashes.
const CLIENT_ID_PUNCTUATION: &str = "._:@|=-/";

/// `[[issuer]]`.
pub(super) static TABLE: TableSchema = TableSchema {
    name: "[[issuer]]",
    properties: &[
        &ID,
        &ISSUER,
        &AUDIENCE,
        &AUDIENCE_CLAIM,
        &LEEWAY_SECONDS,
        &MAX_LIFETIME_SECONDS,
        &REQUIRE,
        &CERTIFICATE_BOUND,
        &TYPES,
        &ALGORITHMS,
        &CLAIMS,
        &CLIENT_IDS,
        &KEYS,
        &REFRESH_SECONDS,
        &MAX_STALE_SECONDS,
    ],
};

pub(in crate::config) static ID: Property = Property::required(
    "id",
    ValueType::Text(TextType::Alphabet(&super::SHORT_NAME)),
    "give the issuer a short name",
    "A short name for grants and logs: letters, digits, `-` and `_`.",
);

pub(in crate::config) static ISSUER: Property = Property::required(
    "issuer",
    ValueType::Text(TextType::Any),
    "write the exact `iss` of its tokens",
    "The exact `iss` of its tokens.",
);

pub(in crate::config) static AUDIENCE: Property = Property::required(
    "audience",
    ValueType::Texts(TextType::Any),
    "write the audience of its tokens, as [\"iot.example.com\"]",
    "The token must be issued for one of these.",
);

pub(in crate::config) static AUDIENCE_CLAIM: Property = Property::with_default(
    "audience_claim",
    ValueType::TextOrTexts(TextType::Words(|| AUDIENCE_CLAIMS.to_vec())),
    DefaultValue::Text("aud"),
    "The claim that has the audience. Of a list, the first claim that a token has is compared.",
);

pub(in crate::config) static LEEWAY_SECONDS: Property = Property::with_default(
    "leeway_seconds",
    ValueType::Integer(0..=60),
    DefaultValue::Integer(30),
    "The difference of clocks that is accepted for `exp`, `nbf` and `iat`.",
);

pub(in crate::config) static MAX_LIFETIME_SECONDS: Property = Property::optional(
    "max_lifetime_seconds",
    ValueType::Integer(LIFETIME_SECONDS),
    "The largest `exp - iat`. `iat` is then required.",
);

pub(in crate::config) static REQUIRE: Property = Property::optional(
    "require",
    super::conditions("require"),
    "Conditions on claims that must all hold, or the token is denied.",
);

pub(in crate::config) static CERTIFICATE_BOUND: Property = Property::with_default(
    "certificate_bound",
    ValueType::Boolean,
    DefaultValue::Boolean(false),
    "Whether every token must be bound to the client's certificate (RFC 8705).",
);

pub(in crate::config) static TYPES: Property = Property::with_default(
    "types",
    ValueType::Texts(TextType::Any),
    DefaultValue::Texts(&["JWT", "at+jwt"]),
    "The accepted `typ`. Case and the prefix `application/` are ignored; an absent `typ` counts as `JWT`.",
);

pub(in crate::config) static ALGORITHMS: Property = Property::required(
    "algorithms",
    ValueType::Texts(TextType::Words(|| Algorithm::names().collect())),
    "write those that the issuer signs with, as [\"RS256\"]",
    "The algorithms that the issuer signs with.",
);

pub(in crate::config) static CLAIMS: Property = Property::optional(
    "claims",
    ValueType::Map {
        name: "the issuer's `claims`",
        keys: TextType::Alphabet(&super::SHORT_NAME),
        values: &ValueType::TextOrTable(TextType::Any, &slot::OWN_TABLE),
        sizes: 0..=usize::MAX,
    },
    "The claims that this issuer uses for slots of `[claims]`.",
);

pub(in crate::config) static CLIENT_IDS: Property = Property::required(
    "client_ids",
    ValueType::Texts(TextType::Template { punctuation: CLIENT_ID_PUNCTUATION, has_tail: true }),
    "write the allowed client ids, as [\"${sub}\", \"${sub}/*\"]",
    "The allowed MQTT client ids: text, slots, and a final `*` for one or more characters.",
);

pub(in crate::config) static KEYS: Property = Property::required(
    "keys",
    ValueType::Texts(TextType::Forms(&Origin::SYNTAX)),
    "say where its public keys are, as [\"file:keys/users.jwks.json\"]",
    "Where its public keys are, tried from left to right. `oidc` reads the issuer's discovery document.",
);

pub(in crate::config) static REFRESH_SECONDS: Property = Property::with_default(
    "refresh_seconds",
    ValueType::Integer(LIFETIME_SECONDS),
    DefaultValue::Integer(DEFAULT_LIFETIMES.refresh.as_secs()),
    "The time between two fetches of keys.",
);

pub(in crate::config) static MAX_STALE_SECONDS: Property = Property::with_default(
    "max_stale_seconds",
    ValueType::Integer(LIFETIME_SECONDS),
    DefaultValue::Integer(DEFAULT_LIFETIMES.max_stale.as_secs()),
    "The largest age of keys while fetches fail. Not less than `refresh_seconds`.",
);
