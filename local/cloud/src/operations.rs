//! The operations: each is a function from an input to an output. The route table of the API names them.

pub(crate) mod attachments;
pub(crate) mod authorization;
pub(crate) mod authorizers;
pub(crate) mod bulk;
pub(crate) mod ca_certificates;
pub(crate) mod certificates;
pub(crate) mod cognito_identity;
pub(crate) mod domains;
pub(crate) mod endpoint;
pub(crate) mod events;
pub(crate) mod lambda;
pub(crate) mod policies;
pub(crate) mod principals;
pub(crate) mod provision;
pub(crate) mod register_thing;
pub(crate) mod rules;
pub(crate) mod sts;
pub(crate) mod tags;
pub(crate) mod templates;
pub(crate) mod thing_groups;
pub(crate) mod thing_types;
pub(crate) mod things;

mod document;
mod input;
mod versions;
pub(crate) mod names;
pub(crate) mod paging;

use serde_json::{Map, Value, json};

pub(crate) use self::input::{Input, expected, missing};

use crate::cloud::Cloud;
use crate::effect::Effect;
use crate::error::ApiError;
use crate::registry::Principal;

/// An operation. Its output is the body of the response.
pub(crate) type Operation = fn(&Cloud, &Input) -> Result<Value, ApiError>;

/// An operation that the gateway completes.
pub(crate) type EffectOperation = fn(&Cloud, &Input) -> Result<Effect, ApiError>;

/// Returns a time of the registry as the API writes it: seconds since 1970, with a fraction.
pub(crate) fn timestamp(milliseconds: i64) -> Value {
    let (seconds, rest) = (milliseconds.div_euclid(1000), milliseconds.rem_euclid(1000));
    if rest == 0 {
        return json!(seconds);
    }
    format!("{seconds}.{rest:03}").parse::<f64>().map_or_else(|_| json!(seconds), |number| json!(number))
}

/// Returns the output of an operation without output.
pub(crate) fn empty() -> Value {
    Value::Object(Map::new())
}

/// Returns a page with the token of the next one, if there is one.
pub(crate) fn with_token(mut output: Value, member: &str, token: Option<String>) -> Value {
    if let (Some(members), Some(token)) = (output.as_object_mut(), token) {
        members.insert(member.to_owned(), Value::String(token));
    }
    output
}

/// Reads the header that names a principal.
fn principal_header(cloud: &Cloud, input: &Input, name: &str) -> Result<Principal, ApiError> {
    names::principal(cloud.account(), name, input.required_header(name)?)
}
