//! The providers that `init` knows: what their flags accept, and which issuer follows from it.

mod parse;

use clap::Args;
use thiserror::Error;

pub(super) use parse::is_value;

use self::parse::is_guid;
use super::recipe::{self, Recipe};
use super::substitute::Replacement;

/// The provider. Without one, the folder is for any OpenID Connect issuer and its `issuer` is left to edit.
#[derive(Args, Clone, Debug, Default)]
#[group(multiple = false)]
pub(crate) struct ProviderArgs {
    /// Cognito user pool, as eu-central-1_AbCdEf123
    #[arg(long, value_name = "POOL_ID")]
    cognito: Option<String>,
    /// Auth0 domain, as TENANT.eu.auth0.com or your own
    #[arg(long, value_name = "DOMAIN")]
    auth0: Option<String>,
    /// Okta authorization server, as https://ORG.okta.com/oauth2/default
    #[arg(long, value_name = "URL")]
    okta: Option<String>,
    /// Entra ID directory: its id, or a domain of it, whose id is fetched
    #[arg(long, value_name = "TENANT")]
    entra: Option<String>,
    /// External ID tenant: its id, or its name, whose id is fetched; NAME.b2clogin.com/FLOW for Azure AD B2C
    #[arg(long, value_name = "TENANT")]
    entra_external: Option<String>,
    /// Firebase project id
    #[arg(long, value_name = "PROJECT")]
    firebase: Option<String>,
    /// Keycloak realm, as https://HOST/realms/REALM
    #[arg(long, value_name = "URL")]
    keycloak: Option<String>,
    /// Any OpenID Connect issuer: the exact `iss` of its tokens
    #[arg(long, value_name = "URL")]
    oidc: Option<String>,
}

/// An invalid value of a flag.
#[derive(Debug, Error)]
#[error("invalid --{flag} {value:?}; expected {expected}")]
pub(crate) struct InvalidValue {
    pub(super) flag: &'static str,
    pub(super) value: String,
    pub(super) expected: &'static str,
}

/// A provider whose flag is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Provider {
    Cognito {
        region: String,
        pool: String,
    },
    Auth0 {
        host: String,
    },
    Okta {
        url: String,
    },
    /// A directory's id or one of its domains.
    Entra {
        tenant: String,
    },
    /// A tenant's id or name.
    External {
        tenant: String,
    },
    B2c {
        name: String,
        flow: String,
    },
    Firebase {
        project: String,
    },
    Keycloak {
        url: String,
    },
    Oidc {
        url: String,
    },
    /// No flag.
    Example,
}

/// Parses the value of a flag. `None` if it is invalid.
type Parser = fn(&str) -> Option<Provider>;

impl ProviderArgs {
    /// The provider of the one flag that is given.
    ///
    /// # Errors
    /// The flag's value is invalid.
    pub(super) fn provider(&self) -> Result<Provider, InvalidValue> {
        let Self { cognito, auth0, okta, entra, entra_external, firebase, keycloak, oidc } = self;
        let parsers: [(&'static str, &Option<String>, Parser, &'static str); 8] = [
            ("cognito", cognito, parse::cognito, "a user pool id, as eu-central-1_AbCdEf123"),
            ("auth0", auth0, parse::auth0, "a domain, as TENANT.eu.auth0.com"),
            (
                "okta",
                okta,
                parse::okta,
                "a custom authorization server, as https://ORG.okta.com/oauth2/default",
            ),
            ("entra", entra, parse::entra, "a directory's id (a GUID) or one of its domains"),
            (
                "entra-external",
                entra_external,
                parse::external,
                "a tenant's id (a GUID), its name, NAME.ciamlogin.com or NAME.b2clogin.com/FLOW",
            ),
            (
                "firebase",
                firebase,
                parse::firebase,
                "a project id: 6 to 30 lower-case letters, digits and `-`",
            ),
            (
                "keycloak",
                keycloak,
                parse::keycloak,
                "a realm, as https://HOST/realms/REALM, without a final slash",
            ),
            ("oidc", oidc, parse::oidc, "https://HOST/PATH without query; http is for loopback only"),
        ];
        for (flag, value, parse, expected) in parsers {
            if let Some(value) = value {
                let invalid = || InvalidValue { flag, value: value.clone(), expected };
                return parse(value).ok_or_else(invalid);
            }
        }
        Ok(Provider::Example)
    }
}

impl Provider {
    /// The files of the new folder.
    pub(super) const fn recipe(&self) -> &'static Recipe {
        match self {
            Self::Cognito { .. } => &recipe::COGNITO,
            Self::Auth0 { .. } => &recipe::AUTH0,
            Self::Okta { .. } => &recipe::OKTA,
            Self::Entra { .. } => &recipe::ENTRA,
            Self::External { .. } => &recipe::ENTRA_EXTERNAL,
            Self::B2c { .. } => &recipe::B2C,
            Self::Firebase { .. } => &recipe::FIREBASE,
            Self::Keycloak { .. } => &recipe::KEYCLOAK,
            Self::Oidc { .. } | Self::Example => &recipe::OIDC,
        }
    }

    /// The exact `iss`. `None` if only the discovery document has it.
    pub(super) fn issuer(&self) -> Option<String> {
        match self {
            Self::Cognito { region, pool } => {
                let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
                Some(format!("https://cognito-idp.{region}.amazonaws.com{suffix}/{pool}"))
            }
            Self::Auth0 { host } => Some(format!("https://{host}/")),
            Self::Firebase { project } => Some(format!("https://securetoken.google.com/{project}")),
            Self::Okta { url } | Self::Keycloak { url } | Self::Oidc { url } => Some(url.clone()),
            Self::Entra { tenant } if is_guid(tenant) => {
                Some(format!("https://login.microsoftonline.com/{tenant}/v2.0"))
            }
            Self::External { tenant } if is_guid(tenant) => {
                Some(format!("https://{tenant}.ciamlogin.com/{tenant}/v2.0"))
            }
            Self::Entra { .. } | Self::External { .. } | Self::B2c { .. } => None,
            Self::Example => Some(recipe::OIDC.example.issuer.to_owned()),
        }
    }

    /// The address that discovery begins at, without `/.well-known/openid-configuration`.
    pub(super) fn authority(&self) -> String {
        match self {
            Self::Entra { tenant } => format!("https://login.microsoftonline.com/{tenant}/v2.0"),
            Self::External { tenant } if is_guid(tenant) => {
                format!("https://{tenant}.ciamlogin.com/{tenant}/v2.0")
            }
            Self::External { tenant } => {
                format!("https://{tenant}.ciamlogin.com/{tenant}.onmicrosoft.com/v2.0")
            }
            Self::B2c { name, flow } => {
                format!("https://{name}.b2clogin.com/{name}.onmicrosoft.com/{flow}/v2.0")
            }
            // Discovery 1.0 section 4.1 removes one final slash.
            _ => self
                .issuer()
                .map(|issuer| issuer.strip_suffix('/').unwrap_or(&issuer).to_owned())
                .unwrap_or_default(),
        }
    }

    /// The values that follow from the issuer, apart from the issuer itself.
    pub(super) fn replacements(&self, issuer: &str, audience: Option<&str>) -> Vec<Replacement> {
        match self {
            Self::Entra { .. } => {
                let id = directory(issuer);
                vec![
                    Replacement::value("11111111-1111-4111-8111-111111111111", id),
                    Replacement::value("contoso", "entra"),
                ]
            }
            Self::External { tenant } => {
                let id = directory(issuer);
                let example = "33333333-3333-4333-8333-333333333333";
                let keys = format!("jwks:https://{tenant}.ciamlogin.com/{id}/discovery/v2.0/keys");
                vec![
                    Replacement::value(example, id),
                    Replacement::value(
                        &format!("jwks:https://contoso.ciamlogin.com/{example}/discovery/v2.0/keys"),
                        &keys,
                    ),
                ]
            }
            Self::B2c { name, flow } => {
                let keys = |name, flow| {
                    format!(
                        "jwks:https://{name}.b2clogin.com/{name}.onmicrosoft.com/{flow}/discovery/v2.0/keys"
                    )
                };
                vec![
                    Replacement::value("B2C_1_signin", flow),
                    Replacement::value(&keys("contoso", "B2C_1_signin"), &keys(name, flow)),
                ]
            }
            Self::Firebase { project } => vec![Replacement::value("example-iot", project)],
            Self::Auth0 { .. } => {
                let example = format!("{}userinfo", recipe::AUTH0.example.issuer);
                vec![Replacement::value(&example, &format!("{issuer}userinfo"))]
            }
            Self::Keycloak { .. } => {
                let client = audience.unwrap_or("iot-core").replace('~', "~0").replace('/', "~1");
                vec![Replacement::name(
                    "/resource_access/iot-core/roles",
                    &format!("/resource_access/{client}/roles"),
                )]
            }
            Self::Cognito { .. } | Self::Okta { .. } | Self::Oidc { .. } | Self::Example => Vec::new(),
        }
    }
}

/// The directory's id: the level before `/v2.0`.
fn directory(issuer: &str) -> &str {
    issuer.trim_end_matches('/').rsplit('/').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests;
