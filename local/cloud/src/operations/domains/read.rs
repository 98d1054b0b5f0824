//! The members of requests for domain configurations.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::super::names::AUTHORIZER_NAME;
use super::super::{Input, expected};
use crate::built_in::BuiltInAuthorizer;
use crate::error::{ApiError, ErrorKind};
use crate::registry::{
    ApplicationProtocol, AuthenticationType, AuthorizerConfig, DomainConfiguration,
    DomainConfigurationStatus, Registry,
};

/// The end of the names that lead to this machine (RFC 6761, section 6.3).
const LOCAL: &str = ".localhost";

/// Members that would be stored without effect, though they can deny a client.
pub(super) fn check_unsupported(input: &Input) -> Result<(), ApiError> {
    let unsupported = |name: &str| {
        let message = format!("{name} is not implemented by this gateway; nothing was changed");
        Err(ApiError::new(ErrorKind::NotImplemented, message))
    };
    if object_member(input, "clientCertificateConfig", "clientCertificateCallbackArn")?.is_some() {
        return unsupported("clientCertificateConfig.clientCertificateCallbackArn");
    }
    match input.text("serviceType")? {
        None | Some("DATA") => Ok(()),
        Some(_) => Err(expected("serviceType", "DATA, which is the only one that AWS supports")),
    }
}

/// Reads `domainName`, in lower case.
pub(super) fn domain_name(input: &Input) -> Result<Option<String>, ApiError> {
    let Some(name) = input.text("domainName")? else { return Ok(None) };
    if is_host(name) && name.parse::<IpAddr>().is_err() {
        return Ok(Some(name.to_ascii_lowercase()));
    }
    Err(expected("domainName", "a host name of up to 253 letters, digits, - and ."))
}

/// A host name of two labels or more (RFC 1123, section 2.1).
fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(is_label)
}

/// Reads `serverCertificateArns`: one at most.
pub(super) fn server_certificate_arn(input: &Input) -> Result<Option<String>, ApiError> {
    match input.list("serverCertificateArns")?.map(Vec::as_slice) {
        None | Some([]) => Ok(None),
        Some([arn]) => check_certificate_arn("serverCertificateArns", arn.as_str()).map(Some),
        Some(_) => Err(expected("serverCertificateArns", "one ARN at most")),
    }
}

/// Reads a member with the ARN of a certificate in ACM.
pub(super) fn certificate_arn(input: &Input, name: &str) -> Result<Option<String>, ApiError> {
    input.text(name)?.map(|arn| check_certificate_arn(name, Some(arn))).transpose()
}

fn check_certificate_arn(name: &str, arn: Option<&str>) -> Result<String, ApiError> {
    let is_arn = |arn: &&str| {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        matches!(parts.as_slice(), ["arn", partition, "acm", region, account, resource]
        if partition.starts_with("aws") && !region.is_empty() && account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && resource.strip_prefix("certificate/").is_some_and(|id| {
                !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-".contains(&byte))
            }))
    };
    let arn = arn.filter(|arn| arn.len() <= 2048).filter(is_arn);
    arn.map(str::to_owned).ok_or_else(|| expected(name, "arn:aws:acm:REGION:ACCOUNT:certificate/ID"))
}

/// Reads `authenticationType`.
pub(super) fn authentication_type(input: &Input) -> Result<Option<AuthenticationType>, ApiError> {
    named(input, "authenticationType", AuthenticationType::from_name, || names(AuthenticationType::ALL))
}

/// Reads `applicationProtocol`.
pub(super) fn application_protocol(input: &Input) -> Result<Option<ApplicationProtocol>, ApiError> {
    named(input, "applicationProtocol", ApplicationProtocol::from_name, || names(ApplicationProtocol::ALL))
}

/// Reads `domainConfigurationStatus`.
pub(super) fn status(input: &Input) -> Result<Option<DomainConfigurationStatus>, ApiError> {
    let all = || names(DomainConfigurationStatus::ALL);
    named(input, "domainConfigurationStatus", DomainConfigurationStatus::from_name, all)
}

fn named<T>(
    input: &Input,
    name: &str,
    from_name: impl FnOnce(&str) -> Option<T>,
    all: impl FnOnce() -> String,
) -> Result<Option<T>, ApiError> {
    let text = input.text(name)?;
    text.map(|text| from_name(text).ok_or_else(|| expected(name, &format!("one of {}", all())))).transpose()
}

fn names<T: std::fmt::Display>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Reads the parameter `serviceType`. Returns whether it includes DATA.
pub(super) fn query_service_type(input: &Input) -> Result<bool, ApiError> {
    match input.query("serviceType") {
        None | Some("DATA") => Ok(true),
        Some("CREDENTIAL_PROVIDER" | "JOBS") => Ok(false),
        Some(_) => Err(expected("serviceType", "DATA, CREDENTIAL_PROVIDER or JOBS")),
    }
}

/// Reads `authorizerConfig`.
pub(super) fn authorizer_config(input: &Input) -> Result<Option<AuthorizerConfig>, ApiError> {
    let Some(members) = input.object("authorizerConfig")? else { return Ok(None) };
    let name = match present(members, "defaultAuthorizerName") {
        None => None,
        Some(name) => {
            let name = name.as_str().ok_or_else(|| expected("defaultAuthorizerName", "a string"))?;
            Some(AUTHORIZER_NAME.check("defaultAuthorizerName", name)?.to_owned())
        }
    };
    let allow_override = match present(members, "allowAuthorizerOverride") {
        None => false,
        Some(value) => value.as_bool().ok_or_else(|| expected("allowAuthorizerOverride", "a boolean"))?,
    };
    Ok(Some(AuthorizerConfig { default_authorizer: name, allow_override }))
}

/// Reads `tlsConfig.securityPolicy`.
pub(super) fn security_policy(input: &Input) -> Result<Option<String>, ApiError> {
    let Some(policy) = object_member(input, "tlsConfig", "securityPolicy")? else { return Ok(None) };
    let policy = policy.as_str().filter(|text| (1..=128).contains(&text.len()));
    let policy = policy.ok_or_else(|| expected("securityPolicy", "a string of 1 to 128 characters"))?;
    Ok(Some(policy.to_owned()))
}

/// Reads `serverCertificateConfig.enableOCSPCheck`.
pub(super) fn ocsp_check(input: &Input) -> Result<Option<bool>, ApiError> {
    let check = object_member(input, "serverCertificateConfig", "enableOCSPCheck")?;
    check.map(|check| check.as_bool().ok_or_else(|| expected("enableOCSPCheck", "a boolean"))).transpose()
}

fn object_member<'a>(input: &'a Input, object: &str, member: &str) -> Result<Option<&'a Value>, ApiError> {
    Ok(input.object(object)?.and_then(|members| present(members, member)))
}

fn present<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !value.is_null())
}

/// Checks what depends on several members.
pub(super) fn check(domain: &DomainConfiguration) -> Result<(), ApiError> {
    if !domain.authentication_type.can_have(domain.application_protocol) {
        return Err(ApiError::invalid(format!(
            "authenticationType {} cannot be combined with applicationProtocol {}",
            domain.authentication_type, domain.application_protocol
        )));
    }
    // The gateway makes the certificates of names of this machine.
    if !domain.domain_name.ends_with(LOCAL) && domain.server_certificate_arn.is_none() {
        return Err(ApiError::invalid(format!(
            "serverCertificateArns is missing, since domainName is {}; help: a domainName that ends in {LOCAL} needs \
             none, and is served",
            domain.domain_name
        )));
    }
    if domain.managed && domain.server_certificate_arn.is_some() {
        return Err(ApiError::invalid("domainName is missing, since there is a serverCertificateArns"));
    }
    Ok(())
}

/// The default authorizer of a domain exists.
pub(super) fn check_authorizer(
    registry: &Registry,
    built_in: Option<&BuiltInAuthorizer>,
    domain: &DomainConfiguration,
) -> Result<(), ApiError> {
    let config = domain.authorizer_config.as_ref();
    let Some(name) = config.and_then(|config| config.default_authorizer.as_deref()) else { return Ok(()) };
    let is_built_in = built_in.is_some_and(|own| own.authorizer.name == name);
    if is_built_in || registry.authorizer(name).is_some() {
        return Ok(());
    }
    Err(ApiError::invalid(format!("defaultAuthorizerName: authorizer {name} does not exist")))
}
