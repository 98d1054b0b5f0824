//! The resource of a question, as a user writes it: `topic/a/b` or a whole ARN.

use thiserror::Error;

use crate::action::Action;

/// A resource that an action takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedResource<'a> {
    /// Without the prefix of its ARN: `client/ID`, `topic/TOPIC`, `topicfilter/FILTER`, `thing/NAME` or `*`.
    pub name: &'a str,
    /// Partition, Region and account, if it was written as an ARN.
    location: Option<(&'a str, &'a str, &'a str)>,
}

/// A text that is not a resource of the action. The action is never checked on it, so a policy neither allows nor denies
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("invalid resource {resource}; expected {} for {action}", action.resource_form())]
pub struct InvalidResource {
    /// The text.
    pub resource: String,
    /// The action.
    pub action: Action,
}

impl<'a> NamedResource<'a> {
    /// Parses the name or the ARN of a resource.
    ///
    /// # Errors
    /// The action does not take this kind of resource, or the ARN is not one of AWS IoT.
    pub fn parse(action: Action, text: &'a str) -> Result<Self, InvalidResource> {
        let invalid = || InvalidResource { resource: text.to_owned(), action };
        let named = match text.strip_prefix("arn:") {
            Some(rest) => Self::of_arn(rest).ok_or_else(invalid)?,
            None => Self { name: text, location: None },
        };
        if action.applies_to(named.name) { Ok(named) } else { Err(invalid()) }
    }

    /// Parses an ARN after `arn:`.
    fn of_arn(rest: &'a str) -> Option<Self> {
        let mut parts = rest.splitn(5, ':');
        let mut next = || parts.next().filter(|part| !part.is_empty());
        match (next(), next(), next(), next(), next()) {
            (Some(partition), Some("iot"), Some(region), Some(account), Some(name)) => {
                Some(Self { name, location: Some((partition, region, account)) })
            }
            _ => None,
        }
    }

    /// The ARN of a function in the resource's partition, Region and account, which an authorizer's policy gets from the
    /// function. `None` if the resource was written without an ARN.
    #[must_use]
    pub fn function_arn(&self) -> Option<String> {
        let (partition, region, account) = self.location?;
        Some(format!("arn:{partition}:lambda:{region}:{account}:function:authorizer"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_a_name_or_an_arn() {
        for (action, text, name, function) in [
            (Action::Publish, "topic/a/b", "topic/a/b", None),
            (Action::Connect, "client/ana", "client/ana", None),
            (Action::ListRetainedMessages, "*", "*", None),
            (Action::Subscribe, "topicfilter/a:b/#", "topicfilter/a:b/#", None),
            (
                Action::Receive,
                "arn:aws-cn:iot:cn-north-1:123456789012:topic/a:b",
                "topic/a:b",
                Some("arn:aws-cn:lambda:cn-north-1:123456789012:function:authorizer"),
            ),
        ] {
            let named = NamedResource::parse(action, text).unwrap();
            assert_eq!((named.name, named.function_arn().as_deref()), (name, function), "{text}");
        }
    }

    #[test]
    fn another_kind_of_resource_is_an_error() {
        for (action, text) in [
            (Action::Publish, "topics/a"),
            (Action::Publish, "a/b"),
            (Action::Publish, "topic"),
            (Action::Publish, "topic/"),
            (Action::Publish, ""),
            (Action::Publish, "*"),
            (Action::Publish, "topicfilter/a"),
            (Action::Subscribe, "topic/a"),
            (Action::Connect, "topic/a"),
            (Action::GetThingShadow, "topic/$aws/things/a/shadow"),
            (Action::Publish, "arn:aws:iot:eu-west-1:123456789012:client/a"),
            (Action::Publish, "arn:aws:sns:eu-west-1:123456789012:topic/a"),
            (Action::Publish, "arn:aws:iot:eu-west-1::topic/a"),
            (Action::Publish, "arn:aws:iot:topic/a"),
        ] {
            let error = NamedResource::parse(action, text).unwrap_err().to_string();
            let expected =
                format!("invalid resource {text}; expected {} for {action}", action.resource_form());
            assert_eq!(error, expected);
        }
    }
}
