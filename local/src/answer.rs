//! The authorizer's answer, read as AWS IoT reads it.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-lambda.html>
//!
//! AWS tells nobody what it dislikes in an answer: the client is refused and that is all. Here every fault is
//! spelled out. Where AWS does not say how it takes an odd value, the value is a fault.

use std::time::Duration;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::policy::{Arn, Policy};

/// Most characters of a principal.
const PRINCIPAL_MAX: usize = 128;
/// Most policy documents of an answer.
const DOCUMENTS_MAX: usize = 10;
/// Most characters of one of them, in compact form.
const DOCUMENT_CHARS_MAX: usize = 2048;
/// Least and most of both times, in seconds.
const SECONDS: std::ops::RangeInclusive<u64> = 300..=86_400;

/// An answer that lets a client in, as far as its policy allows.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Who it is, 1 to 128 letters and digits.
    pub principal: String,
    /// What it may do.
    pub policy: Policy,
    /// How long the connection may live, 300 s to 86,400 s.
    pub disconnect_after: Duration,
    /// How long the answer holds before the authorizer is asked again, 300 s to 86,400 s.
    pub refresh_after: Duration,
}

/// Why a client is not let in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The authorizer says so.
    #[error("the authorizer refused the client")]
    NotAuthenticated,
    /// AWS IoT would refuse the client and say nothing; what it would dislike, one entry a fault.
    #[error("AWS IoT would not accept the authorizer's answer: {}", .0.join("; "))]
    Illegal(Vec<String>),
}

impl Answer {
    /// Reads an answer. Resources of its policy are those of the account and Region of `arn`, the function's.
    /// `certificate` is the id of the client's certificate under X.509 custom authentication
    /// (`protocolData.tls.principalId` of the event): the principal has to be that id, and the documents may be left
    /// out. <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-509cert.html>
    ///
    /// # Errors
    /// [`Refusal::NotAuthenticated`] where the authorizer refused, whatever else it wrote; else all that is
    /// not as it must be.
    pub fn read(body: &[u8], arn: &Arn, certificate: Option<&str>) -> Result<Self, Refusal> {
        let members = members(body)?;
        let mut faults = Vec::new();
        let principal = keep(principal(&members, certificate), &mut faults);
        let policy = policy(&members, arn, certificate, &mut faults);
        let disconnect_after = keep(seconds(&members, "disconnectAfterInSeconds", Some(86_400)), &mut faults);
        let refresh_after = keep(seconds(&members, "refreshAfterInSeconds", None), &mut faults);
        match (principal, policy, disconnect_after, refresh_after) {
            (Some(principal), Some(policy), Some(disconnect_after), Some(refresh_after)) => {
                Ok(Self { principal, policy, disconnect_after, refresh_after })
            }
            _ => Err(Refusal::Illegal(faults)),
        }
    }
}

/// The members of an answer that lets a client in.
fn members(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let one = |fault: String| Refusal::Illegal(vec![fault]);
    let value: Value =
        serde_json::from_slice(body).map_err(|error| one(format!("it is no JSON: {error}")))?;
    let members = match value {
        Value::Object(members) => members,
        Value::String(_) => {
            let fault = "it must be a JSON object, not a string; return the object itself, not its JSON text";
            return Err(one(fault.to_owned()));
        }
        other => return Err(one(format!("it must be a JSON object, not {}", kind(&other)))),
    };
    match members.get("isAuthenticated") {
        Some(Value::Bool(true)) => Ok(members),
        Some(Value::Bool(false)) => Err(Refusal::NotAuthenticated),
        _ => {
            let found = found(&members, "isAuthenticated");
            Err(one(format!("isAuthenticated must be true or false, not {found}")))
        }
    }
}

fn keep<T>(read: Result<T, String>, faults: &mut Vec<String>) -> Option<T> {
    read.map_err(|fault| faults.push(fault)).ok()
}

fn principal(members: &Map<String, Value>, certificate: Option<&str>) -> Result<String, String> {
    let rule = format!("principalId must be 1 to {PRINCIPAL_MAX} letters and digits");
    let Some(Value::String(text)) = members.get("principalId") else {
        return Err(format!("{rule}, not {}", found(members, "principalId")));
    };
    if certificate.is_some_and(|id| id != text) {
        return Err(
            "principalId must be the certificate's id, protocolData.tls.principalId of the event: the \
                    client presented a certificate"
                .to_owned(),
        );
    }
    if let Some(wrong) = text.chars().find(|character| !character.is_ascii_alphanumeric()) {
        return Err(format!("{rule}; it has a {wrong:?}. A hash of the subject in hex always fits"));
    }
    if text.is_empty() || text.len() > PRINCIPAL_MAX {
        return Err(format!("{rule}; it has {}", text.len()));
    }
    Ok(text.clone())
}

/// With a certificate the documents may be absent: AWS IoT adds the policies of the certificate itself. The door has
/// none of these, so what the answer does not allow stays refused here.
fn policy(
    members: &Map<String, Value>,
    arn: &Arn,
    certificate: Option<&str>,
    faults: &mut Vec<String>,
) -> Option<Policy> {
    let list = match members.get("policyDocuments") {
        Some(Value::Array(list)) => list.as_slice(),
        None if certificate.is_some() => &[],
        _ => {
            let found = found(members, "policyDocuments");
            faults.push(format!("policyDocuments must be a list of policy documents, not {found}"));
            return None;
        }
    };
    if list.len() > DOCUMENTS_MAX {
        faults.push(format!("policyDocuments has {} documents; AWS IoT takes {DOCUMENTS_MAX}", list.len()));
    }
    let before = faults.len();
    let documents: Vec<Value> =
        (1..).zip(list).filter_map(|(number, value)| keep(document(number, value), faults)).collect();
    if faults.len() > before {
        // Numbers of later faults would be wrong, and the ones that are known come first anyway.
        return None;
    }
    match Policy::parse(&documents, arn) {
        Ok(policy) => Some(policy),
        Err(found) => {
            faults.extend(found);
            None
        }
    }
    .filter(|_| faults.is_empty())
}

/// One document: an object, or a string with one in it. The size of an object is that of its compact form;
/// whether AWS forgives white space in a string is not known, so there it counts.
fn document(number: usize, value: &Value) -> Result<Value, String> {
    let (parsed, size) = match value {
        Value::Object(_) => (value.clone(), value.to_string().chars().count()),
        Value::String(text) => {
            let parsed = serde_json::from_str(text)
                .map_err(|error| format!("document {number}: the string is no JSON: {error}"))?;
            (parsed, text.chars().count())
        }
        other => return Err(format!("document {number}: it must be a JSON object, not {}", kind(other))),
    };
    if size > DOCUMENT_CHARS_MAX {
        return Err(format!(
            "document {number}: it has {size} characters; AWS IoT takes {DOCUMENT_CHARS_MAX}. Use fewer or \
             shorter resources, or spread the statements over up to {DOCUMENTS_MAX} documents"
        ));
    }
    Ok(parsed)
}

/// `default` is what AWS documents for an absent member; for one without a documented default it is a fault.
fn seconds(members: &Map<String, Value>, name: &str, default: Option<u64>) -> Result<Duration, String> {
    let value = members.get(name);
    let seconds = match (value, default) {
        (None, Some(default)) => Some(default),
        (None, None) => None,
        (Some(value), _) => value.as_u64().filter(|seconds| SECONDS.contains(seconds)),
    };
    seconds.map(Duration::from_secs).ok_or_else(|| {
        let (least, most) = (SECONDS.start(), SECONDS.end());
        format!("{name} must be a whole number of {least} to {most}, not {}", found(members, name))
    })
}

/// What stands where something else should. Strings are not quoted: an answer may hold what is no one's business.
fn found(members: &Map<String, Value>, name: &str) -> String {
    match members.get(name) {
        None if members.keys().any(|known| known.eq_ignore_ascii_case(name)) => {
            "absent (there is one in other letters; upper and lower case count)".to_owned()
        }
        None => "absent".to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        Some(other) => kind(other).to_owned(),
    }
}

const fn kind(value: &Value) -> &'static str {
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
