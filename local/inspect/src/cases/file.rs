//! The format of a file of cases. One list of members is both what serde reads and the JSON Schema.

use iot_jwt_authorizer::denial::Code;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::schema::properties::{object, of};

/// Declares a struct that is read from a JSON object without further members. The doc comment of a member is its
/// description in the JSON Schema; the expression after `=` is the schema of its value. A member with `serde(default)`
/// may be absent.
macro_rules! json_object {
    (
        $(#[doc = $title:literal])+
        struct $name:ident {
            $(
                $(#[doc = $about:literal])+
                $(#[serde($default:ident)])?
                $member:literal $field:ident: $type:ty = $schema:expr,
            )+
        }
    ) => {
        $(#[doc = $title])+
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $($(#[doc = $about])+ #[serde(rename = $member $(, $default)?)] pub(super) $field: $type,)+
        }

        impl $name {
            /// The JSON Schema of the object.
            pub(super) fn schema() -> Map<String, Value> {
                let properties = [$(($member, described($schema, concat!($($about),+)))),+];
                let required = [$(($member, true $(&& stringify!($default).is_empty())?)),+];
                object(properties, required.into_iter().filter(|(_, required)| *required).map(|(name, _)| name))
            }
        }
    };
}

json_object! {
    /// A file of cases.
    struct CaseFile {
        /// The JSON Schema of the file, for editors.
        #[serde(default)]
        "$schema" _schema: Option<String> = text(),
        /// The id of the issuer of claims without `iss`; by default the first that is granted the policy.
        #[serde(default)]
        "issuer" issuer: Option<String> = text(),
        /// The claims of every case. The configuration supplies the issuer, the audience and what it requires.
        "claims" claims: Map<String, Value> = json!({ "type": "object" }),
        /// What the policy must and must not allow.
        "cases" cases: Vec<PolicyCase> = json!({ "type": "array", "items": case(), "minItems": 1 }),
    }
}

json_object! {
    /// One case, with one of `allow`, `deny` and `refused`.
    struct PolicyCase {
        /// An action and a resource that the policy must allow, as `iot:Publish topic/acme/settings`.
        #[serde(default)]
        "allow" allow: Option<String> = permission(),
        /// An action and a resource that the policy must not allow, as `iot:Publish topic/acme/settings`.
        #[serde(default)]
        "deny" deny: Option<String> = permission(),
        /// The code with which the token is denied.
        #[serde(default)]
        "refused" refused: Option<String> = code(),
        /// These replace claims of the file; null removes one. The name `${NAME}` is the claim of a slot.
        #[serde(default)]
        "claims" claims: Map<String, Value> = json!({ "type": "object" }),
        /// The MQTT client id; by default the first that `client_ids` allows.
        #[serde(default)]
        "client_id" client_id: Option<String> = text(),
        /// The id of the issuer, instead of the file's.
        #[serde(default)]
        "issuer" issuer: Option<String> = text(),
        /// The reason for the case, for the reader.
        "why" why: String = json!({ "type": "string" }),
    }
}

/// A case has exactly one of these. Null counts as absent.
const EXPECTATIONS: [&str; 3] = ["allow", "deny", "refused"];

fn case() -> Map<String, Value> {
    let has = |name: &str| json!({ "required": [name], "properties": { name: { "type": "string" } } });
    let mut schema = PolicyCase::schema();
    schema.insert("oneOf".to_owned(), json!(EXPECTATIONS.map(has)));
    schema
}

/// `ACTION RESOURCE`. Case does not matter in actions and their prefix is optional, so they are left to the reader.
fn permission() -> Value {
    json!({ "type": ["string", "null"], "pattern": r"^[^ ]+ [\s\S]+$" })
}

fn code() -> Value {
    let names = Code::ALL.iter().map(|code| json!(code.name()));
    let names: Vec<Value> = names.chain([Value::Null]).collect();
    json!({ "enum": names })
}

fn text() -> Value {
    json!({ "type": ["string", "null"] })
}

fn described(schema: Value, about: &str) -> Value {
    let mut schema = of(schema);
    schema.insert("description".to_owned(), json!(about.trim()));
    Value::Object(schema)
}
