//! Amazon Resource Names of AWS IoT resources.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

use std::str::FromStr;

use thiserror::Error;

/// The partition, Region and account of an ARN, in which AWS IoT resources are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arn {
    /// `arn:PARTITION:iot:REGION:ACCOUNT:`
    prefix: String,
}

/// A text that is not an ARN with a Region and an account.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("invalid ARN {0:?}; expected one such as arn:aws:lambda:eu-west-1:123456789012:function:authorizer")]
pub struct NotAnArn(String);

impl Arn {
    /// Returns the ARN of an AWS IoT resource such as `topic/a/b`. Returns `*` as it is.
    #[must_use]
    pub fn iot(&self, resource: &str) -> String {
        if resource == "*" { resource.to_owned() } else { format!("{}{resource}", self.prefix) }
    }

    /// Returns the resource of an ARN in this partition, Region and account. Returns any other text as it is.
    pub(crate) fn shorten<'a>(&self, text: &'a str) -> &'a str {
        text.strip_prefix(self.prefix.as_str()).unwrap_or(text)
    }
}

impl FromStr for Arn {
    type Err = NotAnArn;

    /// Parses the ARN of any regional resource, such as the authorizer's function.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().filter(|part| !part.is_empty());
        match (next(), next(), next(), next(), next(), next()) {
            (Some("arn"), Some(partition), Some(_), Some(region), Some(account), Some(_)) => {
                Ok(Self { prefix: format!("arn:{partition}:iot:{region}:{account}:") })
            }
            _ => Err(NotAnArn(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_in_the_region_and_account_of_the_function() {
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
    fn rejects_anything_that_is_not_a_regional_arn() {
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
