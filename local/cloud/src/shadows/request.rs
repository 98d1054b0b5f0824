//! The payloads of requests.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-document.html#device-shadow-example-request-json>

use serde_json::{Map, Value};

use super::client_token::ClientToken;
use super::rejection::ShadowRejection;
use super::{MAX_LEVELS, MAX_STATE_BYTES};

/// The longest client token.
const MAX_CLIENT_TOKEN_BYTES: usize = 64;

/// The largest payload of an update that is read. It has a state, a version, a token, and possibly white space.
const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

/// Reads the client token of a `get`: nothing, or a JSON object.
///
/// # Errors
/// 400, 415.
pub(super) fn token_of_get(payload: &[u8]) -> Result<Option<ClientToken>, ShadowRejection> {
    if payload.is_empty() { Ok(None) } else { token(&object(payload)?) }
}

/// Reads the client token of a `delete`, whose content is otherwise ignored.
///
/// # Errors
/// 400: the token is not one.
pub(super) fn token_of_delete(payload: &[u8]) -> Result<Option<ClientToken>, ShadowRejection> {
    object(payload).map_or(Ok(None), |members| token(&members))
}

fn token(members: &Map<String, Value>) -> Result<Option<ClientToken>, ShadowRejection> {
    match members.get("clientToken") {
        None => Ok(None),
        Some(Value::String(token)) if token.len() <= MAX_CLIENT_TOKEN_BYTES => {
            Ok(Some(ClientToken(token.clone())))
        }
        Some(_) => Err(ShadowRejection::invalid("Invalid clientToken", None)),
    }
}

/// What an update does with a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SectionUpdate {
    /// The request does not name it.
    Keep,
    /// `null`: removes it.
    Clear,
    /// Changes some of its members.
    Merge(Map<String, Value>),
}

/// A valid update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) desired: SectionUpdate,
    pub(super) reported: SectionUpdate,
    /// The version that the shadow must have.
    pub(super) version: Option<u64>,
    pub(super) token: Option<ClientToken>,
    /// `state` as it was sent.
    pub(super) state: Value,
}

impl Update {
    /// Parses a payload. Members besides `state`, `version` and `clientToken` are ignored.
    ///
    /// # Errors
    /// 400, 413, 415.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, ShadowRejection> {
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(ShadowRejection::too_large(None));
        }
        let members = object(payload)?;
        let token = token(&members)?;
        let invalid = |message: &str| ShadowRejection::invalid(message, token.clone());
        let state = members.get("state").ok_or_else(|| invalid("Missing required node: state"))?;
        let (desired, reported) = match state {
            Value::Null => (SectionUpdate::Clear, SectionUpdate::Clear),
            Value::Object(sections) => {
                if sections.keys().any(|name| name != "desired" && name != "reported") {
                    return Err(invalid("State contains an invalid node"));
                }
                let section = |name, message| section(sections.get(name)).ok_or_else(|| invalid(message));
                (
                    section("desired", "Desired node must be an object")?,
                    section("reported", "Reported node must be an object")?,
                )
            }
            _ => return Err(invalid("State node must be an object")),
        };
        let version = members.get("version").map(|version| version.as_u64().ok_or(()));
        let version = version.transpose().map_err(|()| invalid("Invalid version"))?;
        for section in [&desired, &reported] {
            let SectionUpdate::Merge(members) = section else { continue };
            if levels(members) > MAX_LEVELS {
                return Err(ShadowRejection::too_deep(token));
            }
            if members.values().any(has_null_in_array) {
                return Err(invalid("State contains an invalid node"));
            }
        }
        if state.to_string().len() > MAX_STATE_BYTES {
            return Err(ShadowRejection::too_large(token));
        }
        Ok(Self { desired, reported, version, token, state: state.clone() })
    }
}

fn section(value: Option<&Value>) -> Option<SectionUpdate> {
    match value {
        None => Some(SectionUpdate::Keep),
        Some(Value::Null) => Some(SectionUpdate::Clear),
        Some(Value::Object(members)) => Some(SectionUpdate::Merge(members.clone())),
        Some(_) => None,
    }
}

/// Reads a JSON object.
fn object(payload: &[u8]) -> Result<Map<String, Value>, ShadowRejection> {
    let text = std::str::from_utf8(payload).map_err(|_| ShadowRejection::encoding())?;
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(ShadowRejection::invalid("Invalid JSON", None)),
    }
}

/// Returns the number of levels of a section: 1 for values that are neither objects nor arrays.
fn levels(members: &Map<String, Value>) -> usize {
    members.values().map(|value| level(value).saturating_add(1)).max().unwrap_or_default()
}

fn level(value: &Value) -> usize {
    match value {
        Value::Object(members) => levels(members),
        Value::Array(items) => {
            let nested = items.iter().filter(|item| item.is_object() || item.is_array());
            nested.map(|item| level(item).saturating_add(1)).max().unwrap_or_default()
        }
        _ => 0,
    }
}

/// Whether an array has an item that is `null`.
fn has_null_in_array(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| item.is_null() || has_null_in_array(item)),
        Value::Object(members) => members.values().any(has_null_in_array),
        _ => false,
    }
}
