//! Authorizers, domain configurations and event configurations.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::status::{
    ApplicationProtocol, AuthenticationType, AuthorizerStatus, DomainConfigurationStatus, EventType,
};

/// A custom authorizer, as of CreateAuthorizer.
/// <https://docs.aws.amazon.com/iot/latest/apireference/API_CreateAuthorizer.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Authorizer {
    /// Its name.
    pub name: String,
    /// The ARN of the Lambda function.
    pub function_arn: String,
    /// `tokenKeyName`: the header, query parameter or user-name parameter with the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_key: Option<String>,
    /// `tokenSigningPublicKeys`: PEM by name. They are public.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub signing_keys: BTreeMap<String, String>,
    /// Whether clients can be authenticated with it.
    pub status: AuthorizerStatus,
    /// Whether tokens are passed on without a check of their signatures. Fixed.
    pub signing_disabled: bool,
    /// `enableCachingForHttp`: a response counts for all HTTPS publishes of a connection until its refresh is due.
    pub caching_for_http: bool,
    /// When it was created.
    pub created: i64,
    /// When it was changed last.
    pub modified: i64,
}

/// Which authorizer decides about clients that name none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DefaultAuthorizer {
    /// The default was never set: the gateway's built-in authorizer, unless it is not for clients without a name.
    #[default]
    BuiltIn,
    /// The authorizer of this name.
    Named(String),
    /// None: ClearDefaultAuthorizer was called.
    Cleared,
}

/// A domain configuration: how clients that connect with one server name are authenticated.
/// <https://docs.aws.amazon.com/iot/latest/apireference/API_CreateDomainConfiguration.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DomainConfiguration {
    /// Its name.
    pub name: String,
    /// The end of its ARN, which AWS chooses.
    pub id: String,
    /// The server name, in lower case.
    pub domain_name: String,
    /// Whether the name is AWS's, because the request had none.
    pub managed: bool,
    /// Whether it is served.
    pub status: DomainConfigurationStatus,
    /// When the status changed last.
    pub status_changed: i64,
    /// How clients are authenticated.
    pub authentication_type: AuthenticationType,
    /// Which protocol they use.
    pub application_protocol: ApplicationProtocol,
    /// Which authorizer decides about them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorizer_config: Option<AuthorizerConfig>,
    /// The ARN of the certificate in ACM, if there is one. The gateway makes a certificate of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_certificate_arn: Option<String>,
    /// The ARN of the certificate that proves the ownership of the domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_certificate_arn: Option<String>,
    /// `tlsConfig.securityPolicy`. Stored only.
    pub security_policy: String,
    /// `serverCertificateConfig.enableOCSPCheck`. Stored only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ocsp_check: Option<bool>,
}

impl DomainConfiguration {
    /// Returns the resource: the ARN after the account.
    #[must_use]
    pub fn resource(&self) -> String {
        format!("domainconfiguration/{}/{}", self.name, self.id)
    }
}

/// Which authorizer decides about the clients of a domain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorizerConfig {
    /// The authorizer of clients that name none. Absent: the account's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_authorizer: Option<String>,
    /// Whether a client may name another one.
    pub allow_override: bool,
}

/// Which events the registry is configured to publish. Stored only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventConfigurations {
    /// The types that are enabled.
    pub enabled: BTreeSet<EventType>,
    /// When they were configured first.
    pub created: i64,
    /// When they were configured last.
    pub modified: i64,
}
