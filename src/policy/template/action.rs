//! What clients do with AWS IoT, and what each action acts on.
//!
//! <https://docs.aws.amazon.com/iot/latest/developerguide/iot-policy-actions.html> and
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsiot.html>. Actions that manage connections or
//! certificates are no client's business and cannot be granted.

/// What a resource names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Client,
    Topic,
    TopicFilter,
    Thing,
    /// `*`: the action takes nothing narrower.
    Any,
}

const ACTIONS: [(&str, Kind); 15] = [
    ("iot:Connect", Kind::Client),
    ("iot:Publish", Kind::Topic),
    ("iot:Receive", Kind::Topic),
    ("iot:RetainPublish", Kind::Topic),
    ("iot:GetRetainedMessage", Kind::Topic),
    ("iot:Subscribe", Kind::TopicFilter),
    ("iot:GetThingShadow", Kind::Thing),
    ("iot:UpdateThingShadow", Kind::Thing),
    ("iot:DeleteThingShadow", Kind::Thing),
    ("iot:DescribeJobExecution", Kind::Thing),
    ("iot:GetPendingJobExecutions", Kind::Thing),
    ("iot:StartNextPendingJobExecution", Kind::Thing),
    ("iot:UpdateJobExecution", Kind::Thing),
    ("iot:ListRetainedMessages", Kind::Any),
    ("iot:ListNamedShadowsForThing", Kind::Any),
];

impl Kind {
    /// What the action acts on, if clients may have it.
    pub(super) fn of_action(action: &str) -> Option<Self> {
        ACTIONS.iter().find(|(name, _)| *name == action).map(|(_, kind)| *kind)
    }

    /// What a resource without its ARN names.
    pub(super) fn of_resource(resource: &str) -> Option<Self> {
        let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
        match (kind, name) {
            ("*", "") => Some(Self::Any),
            (_, "") => None,
            ("client", _) => Some(Self::Client),
            ("topic", _) => Some(Self::Topic),
            ("topicfilter", _) => Some(Self::TopicFilter),
            ("thing", _) => Some(Self::Thing),
            _ => None,
        }
    }

    /// How a resource of the kind begins.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Client => "client/",
            Self::Topic => "topic/",
            Self::TopicFilter => "topicfilter/",
            Self::Thing => "thing/",
            Self::Any => "*",
        }
    }
}
