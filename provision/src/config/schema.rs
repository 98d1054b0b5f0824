//! The tables of `provision.toml` as data. The reader and the JSON Schema (`cargo local schema`) have no other list of
//! keys.

use iot_jwt_authorizer::config_schema::{DefaultValue, Property, TableSchema, TextType, ValueType};

use super::topic::{FILTER_PUNCTUATION, TOPIC_PUNCTUATION};
use crate::expected::Source;
use crate::names::{ATTRIBUTE_NAME, ATTRIBUTE_VALUE, CERTIFICATE_ID, POLICY_NAME, TEMPLATE_NAME, THING_NAME};

/// The attributes that a thing without a type has at most, without [`OWNER`](crate::registered::OWNER).
/// <https://docs.aws.amazon.com/iot/latest/developerguide/iot-thing-management.html>
pub(super) const MAX_ATTRIBUTES: usize = 2;

/// `provision.toml`.
pub static FILE: TableSchema =
    TableSchema { name: "the file", properties: &[&AUTHORITY, &BOOTSTRAP, &TEMPLATE, &COGNITO] };

pub(super) static AUTHORITY: Property = Property::optional(
    "authority",
    ValueType::Tables { table: &AUTHORITY_TABLE, min: 0 },
    "CA certificates whose devices are registered at their first connect.",
);

static AUTHORITY_TABLE: TableSchema = TableSchema {
    name: "[[authority]]",
    properties: &[&CA_CERTIFICATE_ID, &AUTHORITY_THING, &POLICY, &ATTRIBUTES, &EXPECTED, &REPLACE],
};

pub(super) static CA_CERTIFICATE_ID: Property = Property::required(
    "ca_certificate_id",
    ValueType::Text(TextType::Alphabet(&CERTIFICATE_ID)),
    "write the id that AWS IoT gave the CA certificate",
    "The id of the CA certificate: 64 hexadecimal digits in lower case.",
);

pub(super) static AUTHORITY_THING: Property = Property::required(
    "thing",
    thing(),
    "write the name of the thing, as \"${CommonName}\"",
    "The name of the thing, with a part of the certificate's subject or its `Id`.",
);

pub(super) static POLICY: Property = Property::required(
    "policy",
    ValueType::Text(TextType::Alphabet(&POLICY_NAME)),
    "name a policy that AWS IoT has",
    "The name of an AWS IoT policy that exists.",
);

pub(super) static ATTRIBUTES: Property = Property::optional(
    "attributes",
    ValueType::Map {
        name: "`attributes`",
        keys: TextType::Alphabet(&ATTRIBUTE_NAME),
        values: &ValueType::Text(TextType::Template {
            punctuation: ATTRIBUTE_VALUE.punctuation,
            has_tail: false,
        }),
        sizes: 0..=MAX_ATTRIBUTES,
    },
    "Attributes of the thing, from the certificate's subject.",
);

pub(super) static EXPECTED: Property = Property::required(
    "expected",
    ValueType::Text(TextType::Forms(&Source::SYNTAX)),
    "write `anyone`, `list:FILE` or `dynamodb:TABLE`",
    "Which devices may come: everyone, those of a CSV file next to this one, or those of a DynamoDB table.",
);

pub(super) static REPLACE: Property = Property::with_default(
    "replace",
    ValueType::Boolean,
    DefaultValue::Boolean(false),
    "Whether a device may come again with another certificate or key.",
);

pub(super) static BOOTSTRAP: Property = Property::optional(
    "bootstrap",
    ValueType::Tables { table: &BOOTSTRAP_TABLE, min: 0 },
    "Topics on which devices ask for certificates.",
);

static BOOTSTRAP_TABLE: TableSchema = TableSchema {
    name: "[[bootstrap]]",
    properties: &[&REQUEST, &RESPONSE, &BOOTSTRAP_THING, &POLICY, &BOOTSTRAP_EXPECTED, &REPLACE],
};

pub(super) static REQUEST: Property = Property::required(
    "request",
    ValueType::Text(TextType::Template { punctuation: FILTER_PUNCTUATION, has_tail: false }),
    "write the topics of requests, as \"bootstrap/+/request\"",
    "The topics of requests: a filter with one level `+`, which is the device's id.",
);

pub(super) static RESPONSE: Property = Property::required(
    "response",
    ValueType::Text(TextType::Template { punctuation: TOPIC_PUNCTUATION, has_tail: false }),
    "write the topic of responses, as \"bootstrap/${id}/response\"",
    "The topic of responses, with the device's `${id}`.",
);

pub(super) static BOOTSTRAP_THING: Property = Property::required(
    "thing",
    thing(),
    "write the name of the thing, as \"${id}\"",
    "The name of the thing, with the device's `${id}`.",
);

/// The credential of devices is shared, so anyone is not accepted.
pub(super) static BOOTSTRAP_EXPECTED: Property = Property::required(
    "expected",
    ValueType::Text(TextType::Forms(&Source::LISTED)),
    "list the devices: `list:FILE` or `dynamodb:TABLE`",
    "Which devices may come: those of a CSV file next to this one, or those of a DynamoDB table.",
);

pub(super) static TEMPLATE: Property = Property::optional(
    "template",
    ValueType::Tables { table: &TEMPLATE_TABLE, min: 0 },
    "Templates of fleet provisioning that have the hook.",
);

static TEMPLATE_TABLE: TableSchema =
    TableSchema { name: "[[template]]", properties: &[&NAME, &EXPECTED, &REPLACE] };

pub(super) static NAME: Property = Property::required(
    "name",
    ValueType::Text(TextType::Alphabet(&TEMPLATE_NAME)),
    "write the name of the provisioning template",
    "The name of the provisioning template.",
);

pub(super) static COGNITO: Property = Property::optional(
    "cognito",
    ValueType::Table(&COGNITO_TABLE),
    "The policy of Cognito identities that ask for one.",
);

static COGNITO_TABLE: TableSchema = TableSchema { name: "[cognito]", properties: &[&POLICY] };

const fn thing() -> ValueType {
    ValueType::Text(TextType::Template { punctuation: THING_NAME.punctuation, has_tail: false })
}
