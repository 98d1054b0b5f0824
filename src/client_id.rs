//! Which MQTT client ids a token may use.
//!
//! AWS IoT closes the earlier of two connections with one client id. If a token could use any client id, anyone could
//! disconnect anyone. <https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html>

use crate::denial::{Code, Denial};
use crate::slot_values::SlotValues;
use crate::slots::is_id;
use crate::template_text::{Segment, TemplateText};

/// AWS IoT's limit, in bytes.
/// <https://docs.aws.amazon.com/general/latest/gr/iot-core.html>
pub const MAX_CLIENT_ID_BYTES: usize = 128;

/// An entry of `client_ids`: text with slots, and optionally a tail of one or more id characters.
#[derive(Clone, Debug)]
pub struct ClientIdPattern {
    /// The text before the tail.
    pub text: TemplateText,
    /// Whether the pattern ends in `*`.
    pub tail: bool,
    /// The pattern as `authorizer.toml` writes it.
    pub source: Box<str>,
}

/// A client id that the token may use, safe to put into a policy. Only [`admit`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct ClientId<'a>(&'a str);

impl<'a> ClientId<'a> {
    /// The client id.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

/// Admits a client id that matches one of the patterns.
///
/// # Errors
/// [`Code::ClientIdNotAllowed`], also for an empty client id and one that is too long. The detail says why; it has the
/// patterns, but nothing of the client id, which may be any text.
pub fn admit<'a>(
    id: &'a str,
    patterns: &[ClientIdPattern],
    slots: &SlotValues<'_>,
) -> Result<ClientId<'a>, Denial> {
    let has_legal_length = (1..=MAX_CLIENT_ID_BYTES).contains(&id.len());
    if has_legal_length && patterns.iter().any(|pattern| pattern.matches(id, slots)) {
        Ok(ClientId(id))
    } else {
        Err(denial(id, patterns, slots))
    }
}

/// The denial of a request without a client id.
pub fn missing() -> Denial {
    Denial::about(Code::ClientIdNotAllowed, "no client id was sent")
}

fn denial(id: &str, patterns: &[ClientIdPattern], slots: &SlotValues<'_>) -> Denial {
    let about = |detail: &str| Denial::about(Code::ClientIdNotAllowed, detail);
    if id.is_empty() {
        return missing();
    }
    if id.len() > MAX_CLIENT_ID_BYTES {
        return about("the client id has more than 128 bytes");
    }
    if let Some(pattern) = patterns.iter().find(|pattern| pattern.matches_up_to_tail(id, slots)) {
        return about(&format!(
            "the text for `*` of `{}` has a character that an id cannot have, as `/`",
            pattern.source
        ));
    }
    let sources: Vec<&str> = patterns.iter().map(|pattern| &*pattern.source).collect();
    about(&format!("the client id does not match `{}`", sources.join("` or `")))
}

impl ClientIdPattern {
    /// Whether two issuers have the same pattern. They then have the same subjects, as the ID and access tokens of one
    /// login do.
    #[must_use]
    pub fn is_shared(&self, other: &Self) -> bool {
        self.text == other.text && self.tail == other.tail && !self.text.segments.contains(&Segment::Issuer)
    }

    fn matches(&self, id: &str, slots: &SlotValues<'_>) -> bool {
        let is_tail = if self.tail { is_id } else { str::is_empty };
        matches(id, &self.text.segments, is_tail, slots)
    }

    /// Whether a client id matches the pattern except for its tail.
    fn matches_up_to_tail(&self, id: &str, slots: &SlotValues<'_>) -> bool {
        self.tail && matches(id, &self.text.segments, |tail| !tail.is_empty(), slots)
    }
}

/// Matches the segments one by one from the front. Only a list slot has several values to try, and a pattern has at
/// most one list slot, so this does not grow with the length of the pattern.
fn matches(rest: &str, segments: &[Segment], is_tail: fn(&str) -> bool, slots: &SlotValues<'_>) -> bool {
    match segments.split_first() {
        None => is_tail(rest),
        Some((segment, segments)) => (0..slots.count(segment))
            .filter_map(|index| slots.value(segment, index))
            .filter_map(|value| rest.strip_prefix(value))
            .any(|rest| matches(rest, segments, is_tail, slots)),
    }
}
