//! Amazon Resource Names, as far as AWS IoT's resources need them.

use std::str::FromStr;

use thiserror::Error;

/// Whose AWS IoT it is: the partition, the Region and the account of an ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arn {
    head: String,
}

/// A text that is no ARN with a Region and an account.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no ARN; write one as arn:aws:lambda:eu-west-1:123456789012:function:authorizer")]
pub struct NotAnArn(String);

impl Arn {
    /// The full ARN of an AWS IoT resource, such as `topic/a/b`; `*` stays what it is.
    #[must_use]
    pub fn iot(&self, resource: &str) -> String {
        if resource == "*" { resource.to_owned() } else { format!("{}{resource}", self.head) }
    }

    /// The reverse of [`Arn::iot`] for a text that begins as this ARN does; any other text stays whole.
    pub(super) fn shorten<'a>(&self, text: &'a str) -> &'a str {
        text.strip_prefix(self.head.as_str()).unwrap_or(text)
    }
}

impl FromStr for Arn {
    type Err = NotAnArn;

    /// Reads the ARN of any regional resource, such as the authorizer's function.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().filter(|part| !part.is_empty());
        match (next(), next(), next(), next(), next(), next()) {
            (Some("arn"), Some(partition), Some(_), Some(region), Some(account), Some(_)) => {
                Ok(Self { head: format!("arn:{partition}:iot:{region}:{account}:") })
            }
            _ => Err(NotAnArn(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_s_arn_places_the_resources() {
        let arn: Arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:authorizer".parse().unwrap();
        assert_eq!(arn.iot("topic/a"), "arn:aws-cn:iot:cn-north-1:123456789012:topic/a");
        assert_eq!(arn.iot("*"), "*");
        assert_eq!(arn.shorten("arn:aws-cn:iot:cn-north-1:123456789012:topic/a"), "topic/a");
        assert_eq!(
            arn.shorten("arn:aws:iot:cn-north-1:123456789012:topic/a"),
            "arn:aws:iot:cn-north-1:123456789012:topic/a"
        );
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "*",
            "arn:aws:s3:::bucket",
            "arn:aws:lambda:eu-west-1:1",
            "aws:lambda:eu-west-1:1:function:f",
        ] {
            assert_eq!(text.parse::<Arn>(), Err(NotAnArn(text.to_owned())), "{text}");
        }
    }
}
