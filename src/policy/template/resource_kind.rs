//! The actions that clients perform on AWS IoT, and the kind of resource that each acts on.
//!
//! <https://docs.aws.amazon.com/iot/latest/developerguide/iot-policy-actions.html> and
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsiot.html>. Actions that
//! manage connections or certificates are not for clients and cannot be granted.

/// The kind of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResourceKind {
    Client,
    Topic,
    TopicFilter,
    Thing,
    /// `*`. The action has no narrower resource.
    Any,
}

const ACTIONS: [(&str, ResourceKind); 15] = [
    ("iot:Connect", ResourceKind::Client),
    ("iot:Publish", ResourceKind::Topic),
    ("iot:Receive", ResourceKind::Topic),
    ("iot:RetainPublish", ResourceKind::Topic),
    ("iot:GetRetainedMessage", ResourceKind::Topic),
    ("iot:Subscribe", ResourceKind::TopicFilter),
    ("iot:GetThingShadow", ResourceKind::Thing),
    ("iot:UpdateThingShadow", ResourceKind::Thing),
    ("iot:DeleteThingShadow", ResourceKind::Thing),
    ("iot:DescribeJobExecution", ResourceKind::Thing),
    ("iot:GetPendingJobExecutions", ResourceKind::Thing),
    ("iot:StartNextPendingJobExecution", ResourceKind::Thing),
    ("iot:UpdateJobExecution", ResourceKind::Thing),
    ("iot:ListRetainedMessages", ResourceKind::Any),
    ("iot:ListNamedShadowsForThing", ResourceKind::Any),
];

impl ResourceKind {
    /// The kind that an action acts on. `None` if the action is not one of a client.
    pub(super) fn of_action(action: &str) -> Option<Self> {
        ACTIONS.iter().find(|(name, _)| *name == action).map(|(_, kind)| *kind)
    }

    /// The kind of a resource without its ARN. `None` for an unknown one.
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

    /// The first characters of a resource of this kind.
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
