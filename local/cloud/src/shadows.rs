//! Device shadows: what is asked for over MQTT or HTTPS, decided on the registry. The gateway has the topics, the
//! requests and the event log.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/iot-device-shadows.html>
//!
//! ```text
//! payload -> request -> (version, limits) -> document (merge) -> one change of the registry
//!                                                             -> documents: accepted, delta, documents
//! ```
//!
//! A thing need not be registered to have shadows, and its shadows stay when it is deleted, as on AWS.

mod answer;
mod client_token;
mod document;
mod rejection;
mod request;

pub use self::rejection::ShadowRejection;

use serde_json::{Map, Value};

use self::request::Update;
use crate::cloud::Cloud;
use crate::registry::{Change, Record, Registry, Shadow, ShadowSections};

/// The largest `state` of a shadow, as JSON without white space: 8 KiB. Metadata does not count.
/// <https://docs.aws.amazon.com/general/latest/gr/iot-core.html#device-shadow-limits>
pub const MAX_STATE_BYTES: usize = 8 * 1024;

/// The largest number of levels in a section of the state.
/// <https://docs.aws.amazon.com/general/latest/gr/iot-core.html#device-shadow-limits>
pub const MAX_LEVELS: usize = 8;

/// A shadow of a thing. The names have the forms of AWS: see [`iot_local_policy::shadow_topic`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShadowId {
    /// The thing's name.
    pub thing: String,
    /// The shadow's name. Absent for the classic shadow.
    pub name: Option<String>,
}

impl ShadowId {
    /// Returns the beginning of the shadow's topics, such as `$aws/things/lamp/shadow`.
    #[must_use]
    pub fn topic(&self) -> String {
        let thing = &self.thing;
        match &self.name {
            None => format!("$aws/things/{thing}/shadow"),
            Some(name) => format!("$aws/things/{thing}/shadow/name/{name}"),
        }
    }

    /// Returns the resource that a policy allows over HTTPS: `thing/THING` or `thing/THING/SHADOW`.
    /// <https://docs.aws.amazon.com/iot/latest/developerguide/iot-action-resources.html>
    #[must_use]
    pub fn resource(&self) -> String {
        match &self.name {
            None => format!("thing/{}", self.thing),
            Some(name) => format!("thing/{}/{name}", self.thing),
        }
    }

    /// Returns the name that errors have.
    fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.thing)
    }
}

/// An accepted update: the messages for the topics below `…/update`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    /// For `accepted`, and the answer to HTTPS.
    pub accepted: Value,
    /// For `delta`. Absent if the reported state has all of the desired one.
    pub delta: Option<Value>,
    /// For `documents`.
    pub documents: Value,
}

impl ShadowRejection {
    /// 429: more requests than a connection may have at a time for one thing. `payload` is that of the request.
    #[must_use]
    pub fn too_many(id: &ShadowId, payload: &[u8]) -> Self {
        Self::throttled(&id.thing, request::token_of_delete(payload).ok().flatten())
    }
}

impl Cloud {
    /// Returns a shadow's document. Of the payload only the client token counts.
    ///
    /// # Errors
    /// 404, or 400 for a payload that is neither empty nor a JSON object.
    pub fn get_shadow(&self, id: &ShadowId, payload: &[u8]) -> Result<Value, ShadowRejection> {
        let token = request::token_of_get(payload)?;
        let found = self.read(|registry| registry.shadow(&id.thing, id.name.as_deref()).cloned());
        match found {
            Some(shadow) => Ok(answer::document(&shadow, self.now(), token.as_ref())),
            None => Err(ShadowRejection::not_found(id.shown(), token)),
        }
    }

    /// Changes a shadow, or creates it. Waits until the change is stored.
    ///
    /// # Errors
    /// The payload is not an update, it has another version than the shadow, a limit, or the change cannot be stored.
    /// Then nothing has changed.
    pub fn update_shadow(&self, id: &ShadowId, payload: &[u8]) -> Result<Updated, ShadowRejection> {
        let update = Update::parse(payload)?;
        let now = self.now();
        let written = self.write(|registry| {
            Ok(match updated(registry, id, &update, now) {
                Ok((shadow, result)) => (vec![Change::PutShadow(shadow)], Ok(result)),
                Err(rejection) => (Vec::new(), Err(rejection)),
            })
        });
        written.unwrap_or_else(|error| Err(ShadowRejection::internal(error, update.token)))
    }

    /// Deletes a shadow. A new one of its name within 48 hours goes on with its version. Of the payload only the client
    /// token counts. Waits until the change is stored.
    ///
    /// # Errors
    /// 404, or the change cannot be stored.
    pub fn delete_shadow(&self, id: &ShadowId, payload: &[u8]) -> Result<Value, ShadowRejection> {
        let token = request::token_of_delete(payload)?;
        let now = self.now();
        let written = self.write(|registry| {
            let Some(shadow) = registry.shadow(&id.thing, id.name.as_deref()) else {
                return Ok((Vec::new(), Err(ShadowRejection::not_found(id.shown(), token.clone()))));
            };
            let deleted = Shadow {
                state: ShadowSections::default(),
                metadata: ShadowSections::default(),
                deleted: Some(now),
                ..Shadow::clone(shadow)
            };
            let mut changes = registry.forgotten_shadows(now);
            changes.push(Change::PutShadow(deleted.into()));
            Ok((changes, Ok(answer::deleted(shadow.version, now, token.as_ref()))))
        });
        written.unwrap_or_else(|error| Err(ShadowRejection::internal(error, token)))
    }
}

/// Decides an update on the present registry.
fn updated(
    registry: &Registry,
    id: &ShadowId,
    update: &Update,
    now: i64,
) -> Result<(Record<Shadow>, Updated), ShadowRejection> {
    let name = id.name.as_deref();
    let version = registry.shadow_version(&id.thing, name, now);
    if update.version.is_some_and(|expected| expected != version) {
        return Err(ShadowRejection::conflict(update.token.clone()));
    }
    let previous = registry.shadow(&id.thing, name).map(|shadow| Shadow::clone(shadow));
    let previous = previous.unwrap_or_else(|| Shadow {
        thing: id.thing.clone(),
        name: id.name.clone(),
        version,
        state: ShadowSections::default(),
        metadata: ShadowSections::default(),
        deleted: None,
    });
    let mut next = Shadow { version: version.saturating_add(1), ..previous.clone() };
    let seconds = answer::seconds(now);
    let Shadow { state, metadata, .. } = &mut next;
    document::apply(&mut state.desired, &mut metadata.desired, &update.desired, seconds);
    document::apply(&mut state.reported, &mut metadata.reported, &update.reported, seconds);
    if answer::state_bytes(&next.state) > MAX_STATE_BYTES {
        return Err(ShadowRejection::too_large(update.token.clone()));
    }
    let result = Updated {
        accepted: answer::accepted(update, next.version, now),
        delta: answer::delta(&next, now, update.token.as_ref()),
        documents: answer::documents(&previous, &next, now, update.token.as_ref()),
    };
    Ok((next.into(), result))
}

/// Returns the difference between the desired and the reported state: what is desired and not reported so.
#[must_use]
pub fn delta(desired: &Map<String, Value>, reported: &Map<String, Value>) -> Map<String, Value> {
    document::delta(desired, reported)
}
