//! The actions of AWS IoT's data plane.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// An action that AWS IoT asks a connection's policy about.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/iot-policy-actions.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// To connect under a client id.
    Connect,
    /// To publish to a topic.
    Publish,
    /// To publish with the retain flag; `Publish` is needed as well.
    RetainPublish,
    /// To subscribe to a topic filter.
    Subscribe,
    /// To be sent a message of a topic; asked at every delivery.
    Receive,
    /// To read the retained message of a topic over HTTPS.
    GetRetainedMessage,
    /// To list the topics with retained messages over HTTPS.
    ListRetainedMessages,
    /// To read a device shadow over HTTPS; over MQTT shadows are topics.
    GetThingShadow,
    /// To change a device shadow over HTTPS.
    UpdateThingShadow,
    /// To delete a device shadow over HTTPS.
    DeleteThingShadow,
    /// To list the named shadows of a thing over HTTPS.
    ListNamedShadowsForThing,
}

/// A name that is no action of AWS IoT's data plane.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no action of AWS IoT's data plane; there are {names}", names = names().join(", "))]
pub struct UnknownAction(String);

impl Action {
    /// Every action.
    pub const ALL: [Self; 11] = [
        Self::Connect,
        Self::Publish,
        Self::RetainPublish,
        Self::Subscribe,
        Self::Receive,
        Self::GetRetainedMessage,
        Self::ListRetainedMessages,
        Self::GetThingShadow,
        Self::UpdateThingShadow,
        Self::DeleteThingShadow,
        Self::ListNamedShadowsForThing,
    ];

    /// The name in a policy, such as `iot:Connect`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "iot:Connect",
            Self::Publish => "iot:Publish",
            Self::RetainPublish => "iot:RetainPublish",
            Self::Subscribe => "iot:Subscribe",
            Self::Receive => "iot:Receive",
            Self::GetRetainedMessage => "iot:GetRetainedMessage",
            Self::ListRetainedMessages => "iot:ListRetainedMessages",
            Self::GetThingShadow => "iot:GetThingShadow",
            Self::UpdateThingShadow => "iot:UpdateThingShadow",
            Self::DeleteThingShadow => "iot:DeleteThingShadow",
            Self::ListNamedShadowsForThing => "iot:ListNamedShadowsForThing",
        }
    }

    /// The resource that the action takes, as one writes it down.
    #[must_use]
    pub const fn resource_form(self) -> &'static str {
        match self {
            Self::Connect => "client/ID",
            Self::Publish | Self::RetainPublish | Self::Receive | Self::GetRetainedMessage => "topic/TOPIC",
            Self::Subscribe => "topicfilter/FILTER",
            Self::ListRetainedMessages => "*",
            Self::GetThingShadow
            | Self::UpdateThingShadow
            | Self::DeleteThingShadow
            | Self::ListNamedShadowsForThing => "thing/NAME",
        }
    }

    /// Whether AWS IoT asks this action of such a resource: never of a topic filter for a publish, say.
    pub(super) fn takes(self, resource: &str) -> bool {
        match self.resource_form().split_once('/') {
            Some((kind, _)) => {
                resource.split_once('/').is_some_and(|(given, name)| given == kind && !name.is_empty())
            }
            None => resource == self.resource_form(),
        }
    }
}

fn names() -> Vec<&'static str> {
    Action::ALL.iter().map(|action| action.name()).collect()
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Action {
    type Err = UnknownAction;

    /// Case does not count, as in IAM, and `iot:` may be left out.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = |name: &str| name.to_ascii_lowercase().trim_start_matches("iot:").to_owned();
        let wanted = bare(text);
        let found = Self::ALL.into_iter().find(|action| bare(action.name()) == wanted);
        found.ok_or_else(|| UnknownAction(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for action in Action::ALL {
            assert_eq!(action.to_string().parse(), Ok(action));
            assert_eq!(action.name().to_uppercase().parse(), Ok(action));
        }
        assert_eq!("publish".parse(), Ok(Action::Publish));
    }

    #[test]
    fn an_unknown_name_is_told_what_there_is() {
        let error = "iot:Publsh".parse::<Action>().unwrap_err().to_string();
        assert!(error.contains("\"iot:Publsh\"") && error.contains("iot:Publish"), "{error}");
    }

    #[test]
    fn an_action_takes_its_own_kind_of_resource_only() {
        assert!(Action::Subscribe.takes("topicfilter/a/#"));
        assert!(!Action::Subscribe.takes("topic/a"));
        assert!(!Action::Publish.takes("topicfilter/a"));
        assert!(!Action::Publish.takes("topic/"));
        assert!(!Action::Connect.takes("client"));
        assert!(Action::ListRetainedMessages.takes("*"));
    }
}
