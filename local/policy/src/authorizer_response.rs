//! Parses the authorizer's response as AWS IoT does.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-lambda.html>
//!
//! AWS IoT denies the client after an invalid response and gives no reason. Here every error is reported. Where AWS
//! does not document how it treats a value, the value is an error.

use std::time::Duration;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::document::ok_or_push;
use crate::{Arn, Policy};

const MAX_PRINCIPAL_CHARS: usize = 128;
const MAX_DOCUMENTS: usize = 10;
/// The largest policy document, in compact form.
const MAX_DOCUMENT_CHARS: usize = 2048;
/// The range of `disconnectAfterInSeconds` and `refreshAfterInSeconds`.
const SECONDS: std::ops::RangeInclusive<u64> = 300..=86_400;
const DEFAULT_DISCONNECT_SECONDS: u64 = 86_400;

/// A response that authenticates the client.
#[derive(Debug, Clone)]
pub struct AuthorizerResponse {
    /// The principal, 1 to 128 ASCII letters and digits.
    pub principal: String,
    /// What the client may do.
    pub policy: Policy,
    /// The policy's documents, to be shown.
    pub documents: Vec<Value>,
    /// The longest duration of the connection, 300 s to 86,400 s.
    pub disconnect_after: Duration,
    /// The time until the authorizer is called again, 300 s to 86,400 s.
    pub refresh_after: Duration,
}

/// Why a response does not authenticate the client.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResponseError {
    /// `isAuthenticated` is false.
    #[error("the authorizer denied the client")]
    NotAuthenticated,
    /// AWS IoT would deny the client without a reason. Holds all errors of the response.
    #[error("invalid authorizer response: {}", .0.join("; "))]
    Invalid(Vec<String>),
}

impl AuthorizerResponse {
    /// Parses a response. `arn` is the function's: the resources of the policy are in its Region and account.
    ///
    /// `certificate_id` is the id of the client's certificate under X.509 custom authentication
    /// (`protocolData.tls.principalId` of the event): the principal must be that id, and the documents are optional.
    /// <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-509cert.html>
    ///
    /// # Errors
    /// [`ResponseError::NotAuthenticated`] if `isAuthenticated` is false, whatever the other members are; otherwise all
    /// errors of the response.
    pub fn parse(body: &[u8], arn: &Arn, certificate_id: Option<&str>) -> Result<Self, ResponseError> {
        let members = members(body)?;
        let mut errors = Vec::new();
        let principal = ok_or_push(principal(&members, certificate_id), &mut errors);
        let policy = policy(&members, arn, certificate_id, &mut errors);
        let disconnect_after =
            seconds(&members, "disconnectAfterInSeconds", Some(DEFAULT_DISCONNECT_SECONDS));
        let disconnect_after = ok_or_push(disconnect_after, &mut errors);
        let refresh_after = ok_or_push(seconds(&members, "refreshAfterInSeconds", None), &mut errors);
        match (principal, policy, disconnect_after, refresh_after) {
            (Some(principal), Some((policy, documents)), Some(disconnect_after), Some(refresh_after)) => {
                Ok(Self { principal, policy, documents, disconnect_after, refresh_after })
            }
            _ => Err(ResponseError::Invalid(errors)),
        }
    }
}

/// Returns the members of a response that authenticates the client.
fn members(body: &[u8]) -> Result<Map<String, Value>, ResponseError> {
    let invalid = |error: String| ResponseError::Invalid(vec![error]);
    let value: Value = serde_json::from_slice(body).map_err(|error| invalid(format!("not JSON: {error}")))?;
    let members = match value {
        Value::Object(members) => members,
        Value::String(_) => {
            let error = "the response must be a JSON object, not a string; help: return the object, not its JSON text";
            return Err(invalid(error.to_owned()));
        }
        value => {
            return Err(invalid(format!("the response must be a JSON object, not {}", type_name(&value))));
        }
    };
    match members.get("isAuthenticated") {
        Some(Value::Bool(true)) => Ok(members),
        Some(Value::Bool(false)) => Err(ResponseError::NotAuthenticated),
        _ => {
            let found = describe(&members, "isAuthenticated");
            Err(invalid(format!("isAuthenticated must be true or false, not {found}")))
        }
    }
}

fn principal(members: &Map<String, Value>, certificate_id: Option<&str>) -> Result<String, String> {
    let rule = format!("principalId must be 1 to {MAX_PRINCIPAL_CHARS} ASCII letters and digits");
    let Some(Value::String(text)) = members.get("principalId") else {
        return Err(format!("{rule}, not {}", describe(members, "principalId")));
    };
    if certificate_id.is_some_and(|id| id != text) {
        let error = "principalId must be the certificate's id (protocolData.tls.principalId of the event), since the \
                     client presented a certificate";
        return Err(error.to_owned());
    }
    if let Some(invalid) = text.chars().find(|char| !char.is_ascii_alphanumeric()) {
        let hint = "a hexadecimal hash of the subject is always valid";
        return Err(format!("{rule}; it contains {invalid:?}; help: {hint}"));
    }
    if text.is_empty() || text.len() > MAX_PRINCIPAL_CHARS {
        return Err(format!("{rule}; it has {} characters", text.len()));
    }
    Ok(text.clone())
}

/// With a certificate the documents are optional, since AWS IoT adds the policies of the certificate, see
/// [`Policy::and`].
fn policy(
    members: &Map<String, Value>,
    arn: &Arn,
    certificate_id: Option<&str>,
    errors: &mut Vec<String>,
) -> Option<(Policy, Vec<Value>)> {
    let list = match members.get("policyDocuments") {
        Some(Value::Array(list)) => list.as_slice(),
        None if certificate_id.is_some() => &[],
        _ => {
            let found = describe(members, "policyDocuments");
            errors.push(format!("policyDocuments must be a list of policy documents, not {found}"));
            return None;
        }
    };
    if list.len() > MAX_DOCUMENTS {
        errors
            .push(format!("policyDocuments has {} documents; expected at most {MAX_DOCUMENTS}", list.len()));
    }
    let earlier_errors = errors.len();
    let documents: Vec<Value> =
        (1..).zip(list).filter_map(|(number, value)| ok_or_push(document(number, value), errors)).collect();
    if errors.len() > earlier_errors {
        // Without the invalid documents, the numbers of the others would be wrong.
        return None;
    }
    match Policy::parse(&documents, arn) {
        Ok(policy) => Some((policy, documents)),
        Err(found) => {
            errors.extend(found);
            None
        }
    }
    .filter(|_| errors.is_empty())
}

/// Parses a document: an object, or a string that contains one. The size of an object is that of its compact form. AWS
/// does not document whether white space in a string counts; here it does.
fn document(number: usize, value: &Value) -> Result<Value, String> {
    let (parsed, size) = match value {
        Value::Object(_) => (value.clone(), value.to_string().chars().count()),
        Value::String(text) => {
            let parsed = serde_json::from_str(text)
                .map_err(|error| format!("document {number}: the string is not JSON: {error}"))?;
            (parsed, text.chars().count())
        }
        value => return Err(format!("document {number}: must be a JSON object, not {}", type_name(value))),
    };
    if size > MAX_DOCUMENT_CHARS {
        return Err(format!(
            "document {number}: has {size} characters; expected at most {MAX_DOCUMENT_CHARS}; help: use fewer or \
             shorter resources, or spread the statements over up to {MAX_DOCUMENTS} documents"
        ));
    }
    Ok(parsed)
}

/// Reads a number of seconds. An absent member without a `default` is an error.
fn seconds(members: &Map<String, Value>, name: &str, default: Option<u64>) -> Result<Duration, String> {
    let value = members.get(name);
    let seconds = match (value, default) {
        (None, Some(default)) => Some(default),
        (None, None) => None,
        (Some(value), _) => value.as_u64().filter(|seconds| SECONDS.contains(seconds)),
    };
    seconds.map(Duration::from_secs).ok_or_else(|| {
        let (min, max) = (SECONDS.start(), SECONDS.end());
        format!("{name} must be an integer from {min} to {max}, not {}", describe(members, name))
    })
}

/// Describes an invalid member. Strings are not quoted, since they may be secret.
fn describe(members: &Map<String, Value>, name: &str) -> String {
    match members.get(name) {
        None if members.keys().any(|present| present.eq_ignore_ascii_case(name)) => {
            "absent (a member with this name in another case is present; case matters)".to_owned()
        }
        None => "absent".to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        Some(value) => type_name(value).to_owned(),
    }
}

const fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
