//! The function's own ARN, the source of partition, Region and account.

use crate::denial::Code;

/// `arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME`, which Lambda sends with each event.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionArn<'a> {
    partition: &'a str,
    region: &'a str,
    account: &'a str,
}

impl<'a> FunctionArn<'a> {
    /// Parses an ARN.
    ///
    /// # Errors
    /// [`Code::MalformedEvent`]. Lambda always sends a valid ARN, and without one no resource can be named.
    pub fn parse(arn: &'a str) -> Result<Self, Code> {
        let mut fields = arn.split(':');
        let mut next = || fields.next().filter(|field| !field.is_empty()).ok_or(Code::MalformedEvent);
        let (scheme, partition, service, region, account) = (next()?, next()?, next()?, next()?, next()?);
        let plain = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        let is_valid =
            scheme == "arn" && service == "lambda" && [partition, region, account].into_iter().all(plain);
        if is_valid { Ok(Self { partition, region, account }) } else { Err(Code::MalformedEvent) }
    }

    /// The partition, as `aws`, `aws-cn` or `aws-us-gov`.
    #[must_use]
    pub fn partition(&self) -> &'a str {
        self.partition
    }

    /// The Region.
    #[must_use]
    pub fn region(&self) -> &'a str {
        self.region
    }

    /// The account id.
    #[must_use]
    pub fn account(&self) -> &'a str {
        self.account
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_split_into_their_fields() {
        for (arn, expected) in [
            ("arn:aws:lambda:eu-west-1:123456789012:function:f", Some(("aws", "eu-west-1", "123456789012"))),
            (
                "arn:aws-cn:lambda:cn-north-1:123456789012:function:f:live",
                Some(("aws-cn", "cn-north-1", "123456789012")),
            ),
            ("arn:aws-us-gov:lambda:us-gov-west-1:1:function:f", Some(("aws-us-gov", "us-gov-west-1", "1"))),
            ("", None),
            ("arn:aws:iot:eu-west-1:123456789012:x", None),
            ("arn:aws:lambda::123456789012:function:f", None),
            ("arn:aws:lambda:*:123456789012:function:f", None),
            ("arn:aws:lambda:eu-west-1", None),
        ] {
            let read = FunctionArn::parse(arn).ok().map(|arn| (arn.partition(), arn.region(), arn.account()));
            assert_eq!(read, expected, "{arn}");
        }
    }
}
