//! Which MQTT client ids a token may use.
//!
//! AWS IoT closes the earlier connection when a client id connects again, so a client id that a token does not tie down
//! lets anyone throw anyone off the broker.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html>

use crate::denial::Code;
use crate::policy::{Bindings, Part, Text};
use crate::slots::is_id;

/// AWS IoT's own limit, in bytes.
/// <https://docs.aws.amazon.com/general/latest/gr/iot-core.html>
pub const MAX_CLIENT_ID_BYTES: usize = 128;

/// What a client id may be: text and slots, and perhaps a tail of one or more characters of an id.
#[derive(Clone, Debug)]
pub struct ClientIdPattern {
    /// What comes before the tail.
    pub text: Text,
    /// Whether the pattern ends in `*`.
    pub tail: bool,
    /// As the configuration writes it.
    pub source: Box<str>,
}

/// A client id that the token may use; safe to put into a policy. [`admit`] alone makes one.
#[derive(Clone, Copy, Debug)]
pub struct ClientId<'a>(&'a str);

impl<'a> ClientId<'a> {
    /// The client id.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

/// Takes a client id that one of the patterns allows.
///
/// # Errors
/// [`Code::ClientIdNotAllowed`], also for an empty one.
pub fn admit<'a>(
    id: &'a str,
    patterns: &[ClientIdPattern],
    bindings: &Bindings<'_>,
) -> Result<ClientId<'a>, Code> {
    let fits = !id.is_empty() && id.len() <= MAX_CLIENT_ID_BYTES;
    if fits && patterns.iter().any(|pattern| pattern.matches(id, bindings)) {
        Ok(ClientId(id))
    } else {
        Err(Code::ClientIdNotAllowed)
    }
}

impl ClientIdPattern {
    fn matches(&self, id: &str, bindings: &Bindings<'_>) -> bool {
        matches(id, &self.text.parts, self.tail, bindings)
    }
}

/// Takes the parts off the front one by one. Only a list slot has more than one way to go on, and a pattern has
/// at most one of those.
fn matches(rest: &str, parts: &[Part], tail: bool, bindings: &Bindings<'_>) -> bool {
    match parts.split_first() {
        None => {
            if tail {
                is_id(rest)
            } else {
                rest.is_empty()
            }
        }
        Some((part, parts)) => (0..bindings.count(part))
            .filter_map(|at| bindings.text(part, at))
            .any(|text| rest.strip_prefix(text).is_some_and(|rest| matches(rest, parts, tail, bindings))),
    }
}
