//! The reserved topics of device shadows.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/reserved-topics.html#reserved-topics-shadow>

use std::fmt;

/// The longest name of a thing.
const MAX_THING_NAME_BYTES: usize = 128;

/// The longest name of a shadow.
const MAX_SHADOW_NAME_BYTES: usize = 64;

/// A topic on which a client asks for something: `$aws/things/THING/shadow/get`, `…/update` or `…/delete`, or those of
/// a named shadow below `$aws/things/THING/shadow/name/SHADOW`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShadowTopic<'a> {
    /// The thing's name.
    pub thing: &'a str,
    /// The shadow's name. Absent for the classic shadow.
    pub shadow: Option<&'a str>,
    /// What is asked for.
    pub request: ShadowRequest,
}

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShadowRequest {
    /// Returns the document.
    Get,
    /// Changes the document, or creates it.
    Update,
    /// Deletes the document.
    Delete,
}

impl ShadowRequest {
    /// All requests.
    pub const ALL: [Self; 3] = [Self::Get, Self::Update, Self::Delete];

    /// Returns the last level of the topic.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for ShadowRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl<'a> ShadowTopic<'a> {
    /// Parses a topic. `None` if it is not one of a request, or a name in it is invalid.
    #[must_use]
    pub fn parse(topic: &'a str) -> Option<Self> {
        let (thing, rest) = split(topic)?;
        let rest = rest.strip_prefix('/')?;
        let (shadow, name) = match rest.strip_prefix("name/") {
            Some(named) => named.split_once('/').map(|(shadow, name)| (Some(shadow), name))?,
            None => (None, rest),
        };
        let request = ShadowRequest::ALL.into_iter().find(|request| request.name() == name)?;
        (is_thing_name(thing) && shadow.is_none_or(is_shadow_name)).then_some(Self { thing, shadow, request })
    }
}

/// Returns whether a topic belongs to the shadows of a thing, for a request or not.
#[must_use]
pub fn is_shadow_topic(topic: &str) -> bool {
    split(topic).is_some()
}

/// Returns whether a text is a thing's name.
#[must_use]
pub fn is_thing_name(text: &str) -> bool {
    (1..=MAX_THING_NAME_BYTES).contains(&text.len()) && text.bytes().all(is_thing_name_byte)
}

/// Returns whether a text is the name of a named shadow.
#[must_use]
pub fn is_shadow_name(text: &str) -> bool {
    (1..=MAX_SHADOW_NAME_BYTES).contains(&text.len())
        && text.bytes().all(|byte| is_thing_name_byte(byte) || byte == b'$')
}

fn is_thing_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b":_-".contains(&byte)
}

/// Splits `$aws/things/THING/shadow…` into the thing and what follows `shadow`: nothing, or levels after a slash.
fn split(topic: &str) -> Option<(&str, &str)> {
    let (thing, rest) = topic.strip_prefix("$aws/things/")?.split_once('/')?;
    let rest = rest.strip_prefix("shadow")?;
    (rest.is_empty() || rest.starts_with('/')).then_some((thing, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_topics_of_requests_are_parsed() {
        let long = "a".repeat(128);
        let long_shadow = "$".repeat(64);
        for (topic, expected) in [
            ("$aws/things/lamp/shadow/get".to_owned(), Some(("lamp", None, ShadowRequest::Get))),
            ("$aws/things/l:a_m-P/shadow/update".to_owned(), Some(("l:a_m-P", None, ShadowRequest::Update))),
            (
                "$aws/things/lamp/shadow/name/$cfg/delete".to_owned(),
                Some(("lamp", Some("$cfg"), ShadowRequest::Delete)),
            ),
            (
                "$aws/things/lamp/shadow/name/update/update".to_owned(),
                Some(("lamp", Some("update"), ShadowRequest::Update)),
            ),
            (
                format!("$aws/things/{long}/shadow/name/{long_shadow}/get"),
                Some((&long, Some(&long_shadow), ShadowRequest::Get)),
            ),
            (format!("$aws/things/{long}a/shadow/get"), None),
            (format!("$aws/things/lamp/shadow/name/{long_shadow}a/get"), None),
        ] {
            let parsed = ShadowTopic::parse(&topic);
            let parts = parsed.map(|topic| (topic.thing, topic.shadow, topic.request));
            assert_eq!(parts, expected, "{topic}");
            assert!(is_shadow_topic(&topic), "{topic}");
        }
        for topic in [
            "$aws/things/lamp/shadow",
            "$aws/things/lamp/shadow/",
            "$aws/things/lamp/shadow/get/",
            "$aws/things/lamp/shadow/get/accepted",
            "$aws/things/lamp/shadow/get/rejected",
            "$aws/things/lamp/shadow/update/accepted",
            "$aws/things/lamp/shadow/update/rejected",
            "$aws/things/lamp/shadow/update/delta",
            "$aws/things/lamp/shadow/update/documents",
            "$aws/things/lamp/shadow/delete/accepted",
            "$aws/things/lamp/shadow/delete/rejected",
            "$aws/things/lamp/shadow/Get",
            "$aws/things/lamp/shadow/put",
            "$aws/things/lamp/shadow/name/get",
            "$aws/things/lamp/shadow/name/get/",
            "$aws/things/lamp/shadow/name//get",
            "$aws/things/lamp/shadow/name/a/b/get",
            "$aws/things/lamp/shadow/name/a/update/delta",
            "$aws/things/lamp/shadow/name/a.b/get",
            "$aws/things/lamp/shadow/name/é/get",
            "$aws/things//shadow/get",
            "$aws/things/$lamp/shadow/get",
            "$aws/things/la mp/shadow/get",
            "$aws/things/+/shadow/get",
        ] {
            assert_eq!(ShadowTopic::parse(topic), None, "{topic}");
            assert!(is_shadow_topic(topic), "{topic}");
        }
        for topic in [
            "a/b",
            "aws/things/lamp/shadow/get",
            "$aws/things/lamp",
            "$aws/things/lamp/jobs/get",
            "$aws/things/lamp/shadows/get",
            "$aws/things/lamp/x/shadow/get",
            "$aws/Things/lamp/shadow/get",
            "$aws/events/things/lamp/shadow/get",
        ] {
            assert_eq!(ShadowTopic::parse(topic), None, "{topic}");
            assert!(!is_shadow_topic(topic), "{topic}");
        }
    }
}
