//! The forms of names in the API.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_Types.html>

use std::ops::RangeInclusive;

use iot_local_base::names::is_name;

use crate::account::Account;
use crate::error::ApiError;
use crate::registry::{PolicyTarget, Principal};

/// Which characters a text may have beside ASCII letters and digits, and its length.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    extra: &'static str,
    lengths: RangeInclusive<usize>,
    description: &'static str,
}

/// A policy's name.
pub(crate) const POLICY_NAME: Form =
    Form { extra: "_+=,.@-", lengths: 1..=128, description: "1 to 128 letters, digits or _+=,.@-" };
/// The name of a thing, a thing type or a thing group.
pub(crate) const THING_NAME: Form =
    Form { extra: ":_-", lengths: 1..=128, description: "1 to 128 letters, digits or :_-" };
/// The name of a provisioning template.
pub(crate) const TEMPLATE_NAME: Form =
    Form { extra: "_-", lengths: 1..=36, description: "1 to 36 letters, digits or _-" };
/// The name of a topic rule.
pub(crate) const RULE_NAME: Form =
    Form { extra: "_", lengths: 1..=128, description: "1 to 128 letters, digits or _" };
/// The name of an attribute.
pub(crate) const ATTRIBUTE_NAME: Form =
    Form { extra: "_.,@/:#-", lengths: 1..=128, description: "1 to 128 letters, digits or _.,@/:#-" };
/// The value of an attribute.
pub(crate) const ATTRIBUTE_VALUE: Form =
    Form { extra: "_.,@/:#=[]-", lengths: 0..=800, description: "up to 800 letters, digits or _.,@/:#=[]-" };

/// The name of an authorizer.
pub(crate) const AUTHORIZER_NAME: Form =
    Form { extra: "_=,@-", lengths: 1..=128, description: "1 to 128 letters, digits or _=,@-" };
/// The name of a token: of a header, a query parameter or a user-name parameter.
pub(crate) const TOKEN_KEY_NAME: Form =
    Form { extra: "_-", lengths: 1..=128, description: "1 to 128 letters, digits or _-" };
/// The name of a key that verifies tokens.
pub(crate) const SIGNING_KEY_NAME: Form =
    Form { extra: ":_-", lengths: 1..=128, description: "1 to 128 letters, digits or :_-" };
/// The name of a Lambda function.
pub(crate) const FUNCTION_NAME: Form =
    Form { extra: "_-", lengths: 1..=140, description: "1 to 140 letters, digits or _-" };
/// The name of a new domain configuration.
pub(crate) const DOMAIN_CONFIGURATION_NAME: Form =
    Form { extra: "_.-", lengths: 1..=128, description: "1 to 128 letters, digits or _.-" };
/// The name of a domain configuration. AWS's own ones have a colon.
pub(crate) const RESERVED_DOMAIN_CONFIGURATION_NAME: Form =
    Form { extra: "_.:-", lengths: 1..=128, description: "1 to 128 letters, digits or _.:-" };

impl Form {
    /// Returns the text of a member, if it has this form.
    ///
    /// # Errors
    /// InvalidRequest that names the member.
    pub(crate) fn check<'a>(&self, member: &str, text: &'a str) -> Result<&'a str, ApiError> {
        if is_name(text, self.extra, self.lengths.clone()) {
            Ok(text)
        } else {
            Err(super::expected(member, self.description))
        }
    }
}

/// Returns a description: up to 2,028 characters, none of them a control character.
///
/// # Errors
/// InvalidRequest that names the member.
pub(crate) fn description<'a>(member: &str, value: &'a serde_json::Value) -> Result<&'a str, ApiError> {
    let is_allowed = |text: &&str| text.chars().count() <= 2028 && !text.chars().any(char::is_control);
    let text = value.as_str().filter(is_allowed);
    text.ok_or_else(|| {
        super::expected(member, "a string of up to 2028 characters without control characters")
    })
}

/// Returns a certificate id: 64 hexadecimal digits, in lower case.
///
/// # Errors
/// InvalidRequest that names the member.
pub(crate) fn certificate_id(member: &str, text: &str) -> Result<String, ApiError> {
    if is_certificate_id(text) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(super::expected(member, "64 hexadecimal digits"))
    }
}

fn is_certificate_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Reads a principal: the ARN of a certificate of this account and Region, or the id of a Cognito identity.
///
/// # Errors
/// InvalidRequest that names the member.
pub(crate) fn principal(account: &Account, member: &str, text: &str) -> Result<Principal, ApiError> {
    read_principal(account, text).ok_or_else(|| {
        super::expected(
            member,
            "the ARN of a certificate of this account and Region, or the id of a Cognito identity",
        )
    })
}

/// Reads the target of a policy: a principal, or the ARN of a thing group of this account and Region.
///
/// # Errors
/// InvalidRequest that names the member.
pub(crate) fn policy_target(account: &Account, member: &str, text: &str) -> Result<PolicyTarget, ApiError> {
    let group = resource(account, text)
        .and_then(|resource| resource.strip_prefix("thinggroup/"))
        .filter(|name| is_name(name, THING_NAME.extra, THING_NAME.lengths.clone()))
        .map(|name| PolicyTarget::ThingGroup(name.to_owned()));
    group.or_else(|| read_principal(account, text).map(PolicyTarget::Principal)).ok_or_else(|| {
        super::expected(
            member,
            "the ARN of a certificate or thing group of this account and Region, or the id of a Cognito identity",
        )
    })
}

/// Returns the resource of an ARN of this account and Region, such as `policy/device`.
pub(crate) fn resource<'a>(account: &Account, arn: &'a str) -> Option<&'a str> {
    arn.strip_prefix(account.arn("").as_str())
}

fn read_principal(account: &Account, text: &str) -> Option<Principal> {
    let certificate = resource(account, text)
        .and_then(|resource| resource.strip_prefix("cert/"))
        .filter(|id| is_certificate_id(id))
        .map(|id| Principal::Certificate(id.to_ascii_lowercase()));
    certificate.or_else(|| is_identity_id(text).then(|| Principal::CognitoIdentity(text.to_owned())))
}

/// `REGION:UUID`.
fn is_identity_id(text: &str) -> bool {
    text.split_once(':').is_some_and(|(region, id)| {
        is_name(region, "-", 1..=32) && id.len() == 36 && uuid::Uuid::try_parse(id).is_ok()
    })
}
