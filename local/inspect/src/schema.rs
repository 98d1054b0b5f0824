//! JSON Schema of the files that a user writes, from the tables by which they are read. Editors use it.
//!
//! The schemas declare draft-07 and use only keywords that have the same meaning in draft-04: taplo, which checks TOML
//! in editors, documents draft-04, and editors for JSON read both.

pub(crate) mod properties;
mod text;

use iot_jwt_authorizer::config;
use iot_provision::config as provision;
use serde_json::{Value, json};

use crate::cases;

/// A kind of file that has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaFile {
    /// `authorizer.toml`
    Authorizer,
    /// `provision.toml`
    Provision,
    /// `policies/NAME.cases.json`
    Cases,
}

impl SchemaFile {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Authorizer, Self::Provision, Self::Cases];

    /// The name, which is also that of the committed file: `docs/schema/NAME.json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorizer => "authorizer",
            Self::Provision => "provision",
            Self::Cases => "cases",
        }
    }

    /// Parses a name. Returns `None` for an unknown one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|file| file.name() == name)
    }

    /// The schema as JSON text, with a line end.
    #[must_use]
    pub fn text(self) -> String {
        format!("{:#}\n", self.schema())
    }

    /// The schema.
    #[must_use]
    pub fn schema(self) -> Value {
        let (title, about, mut schema) = match self {
            Self::Authorizer => (
                "authorizer.toml",
                "Which tokens may connect to AWS IoT, and what they allow. docs/configuration.md of iot-jwt-authorizer \
                 explains every key.",
                properties::table(&config::schema::FILE),
            ),
            Self::Provision => (
                "provision.toml",
                "Which devices may come in, and what each of them gets. provision/provision.toml of iot-jwt-authorizer \
                 explains every key.",
                properties::table(&provision::schema::FILE),
            ),
            Self::Cases => (
                "policies/NAME.cases.json",
                "What a policy must and must not allow. policies/README.md of iot-jwt-authorizer describes the format.",
                cases::schema(),
            ),
        };
        for (key, value) in [
            ("$schema", json!("http://json-schema.org/draft-07/schema#")),
            ("title", json!(title)),
            ("description", json!(about)),
        ] {
            schema.insert(key.to_owned(), value);
        }
        Value::Object(schema)
    }
}
