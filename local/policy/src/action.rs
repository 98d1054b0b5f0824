//! The actions of AWS IoT's data plane.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// An action that AWS IoT checks against the policy of a connection.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/iot-policy-actions.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Connects with a client id.
    Connect,
    /// Publishes to a topic.
    Publish,
    /// Publishes with the retain flag. `Publish` must be allowed as well.
    RetainPublish,
    /// Subscribes to a topic filter.
    Subscribe,
    /// Receives a message from a topic. Checked at every delivery.
    Receive,
    /// Reads the retained message of a topic over HTTPS.
    GetRetainedMessage,
    /// Lists the topics with retained messages over HTTPS.
    ListRetainedMessages,
    /// Reads a device shadow over HTTPS. Over MQTT, shadows are topics.
    GetThingShadow,
    /// Updates a device shadow over HTTPS.
    UpdateThingShadow,
    /// Deletes a device shadow over HTTPS.
    DeleteThingShadow,
    /// Lists the named shadows of a thing over HTTPS.
    ListNamedShadowsForThing,
    /// Describes the connection of an MQTT client over HTTPS.
    GetConnection,
    /// Disconnects an MQTT client over HTTPS.
    DeleteConnection,
    /// Lists the subscriptions of an MQTT client over HTTPS.
    ListSubscriptions,
}

/// A name that is not an action of AWS IoT's data plane.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown action {0:?}; expected one of {names}", names = names().join(", "))]
pub struct UnknownAction(String);

impl Action {
    /// All actions.
    pub const ALL: [Self; 14] = [
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
        Self::GetConnection,
        Self::DeleteConnection,
        Self::ListSubscriptions,
    ];

    /// Returns the name in a policy, such as `iot:Connect`.
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
            Self::GetConnection => "iot:GetConnection",
            Self::DeleteConnection => "iot:DeleteConnection",
            Self::ListSubscriptions => "iot:ListSubscriptions",
        }
    }

    /// Returns the form of the action's resource, such as `topic/TOPIC`.
    #[must_use]
    pub const fn resource_form(self) -> &'static str {
        match self {
            Self::Connect | Self::GetConnection | Self::DeleteConnection | Self::ListSubscriptions => {
                "client/ID"
            }
            Self::Publish | Self::RetainPublish | Self::Receive | Self::GetRetainedMessage => "topic/TOPIC",
            Self::Subscribe => "topicfilter/FILTER",
            Self::ListRetainedMessages => "*",
            Self::GetThingShadow
            | Self::UpdateThingShadow
            | Self::DeleteThingShadow
            | Self::ListNamedShadowsForThing => "thing/NAME",
        }
    }

    /// Whether the action applies to this kind of resource. `iot:Publish` does not apply to a topic filter, for
    /// example.
    pub(crate) fn applies_to(self, resource: &str) -> bool {
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

    /// Parses a name without regard to case, as IAM does. The prefix `iot:` is optional.
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
    fn parses_every_name_that_it_prints() {
        for action in Action::ALL {
            assert_eq!(action.to_string().parse(), Ok(action));
            assert_eq!(action.name().to_uppercase().parse(), Ok(action));
        }
        assert_eq!("publish".parse(), Ok(Action::Publish));
    }

    #[test]
    fn the_error_for_an_unknown_name_lists_the_known_names() {
        let error = "iot:Publsh".parse::<Action>().unwrap_err().to_string();
        assert!(error.contains("\"iot:Publsh\"") && error.contains("iot:Publish"), "{error}");
    }

    #[test]
    fn an_action_applies_only_to_its_kind_of_resource() {
        assert!(Action::Subscribe.applies_to("topicfilter/a/#"));
        assert!(!Action::Subscribe.applies_to("topic/a"));
        assert!(!Action::Publish.applies_to("topicfilter/a"));
        assert!(!Action::Publish.applies_to("topic/"));
        assert!(!Action::Connect.applies_to("client"));
        assert!(Action::ListRetainedMessages.applies_to("*"));
    }
}
