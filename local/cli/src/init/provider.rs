//! The providers that `init` knows: what their flags accept, and which issuer follows from it.

use clap::Args;
use iot_jwt_authorizer::keys::origin::Origin;
use iot_local_base::names::is_name;
use thiserror::Error;

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
            ("cognito", cognito, parse_cognito, "a user pool id, as eu-central-1_AbCdEf123"),
            ("auth0", auth0, parse_auth0, "a domain, as TENANT.eu.auth0.com"),
            (
                "okta",
                okta,
                parse_okta,
                "a custom authorization server, as https://ORG.okta.com/oauth2/default",
            ),
            ("entra", entra, parse_entra, "a directory's id (a GUID) or one of its domains"),
            (
                "entra-external",
                entra_external,
                parse_external,
                "a tenant's id (a GUID), its name, NAME.ciamlogin.com or NAME.b2clogin.com/FLOW",
            ),
            (
                "firebase",
                firebase,
                parse_firebase,
                "a project id: 6 to 30 lower-case letters, digits and `-`",
            ),
            (
                "keycloak",
                keycloak,
                parse_keycloak,
                "a realm, as https://HOST/realms/REALM, without a final slash",
            ),
            ("oidc", oidc, parse_oidc, "https://HOST/PATH without query; http is for loopback only"),
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

/// Whether a text is a client id or an audience. `${` would be a variable of the configuration.
pub(super) fn is_value(text: &str) -> bool {
    (1..=256).contains(&text.len()) && !text.chars().any(char::is_control) && !text.contains("${")
}

fn is_guid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' | b'-'))
}

/// Whether a text is a host name with at least one dot, in lower case.
fn is_host(text: &str) -> bool {
    let is_label =
        |label: &str| is_name(label, "-", 1..=63) && !label.starts_with('-') && !label.ends_with('-');
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(is_label)
        && !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether a text is an issuer that keys may be fetched from.
fn is_issuer(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'<>\\^`{|}$?#".contains(&byte);
    text.bytes().all(is_plain) && Origin::parse(&format!("jwks:{text}"), "").is_ok()
}

fn parse_cognito(text: &str) -> Option<Provider> {
    let (region, name) = text.split_once('_')?;
    let parts: Vec<&str> = region.split('-').collect();
    let (number, words) = parts.split_last()?;
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_region = words.len() >= 2
        && words.iter().all(is_word)
        && number.len() == 1
        && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_region && is_name(name, "", 1..=55))
        .then(|| Provider::Cognito { region: region.to_owned(), pool: text.to_owned() })
}

fn parse_auth0(text: &str) -> Option<Provider> {
    let host = text.strip_prefix("https://").unwrap_or(text);
    let host = host.strip_suffix('/').unwrap_or(host);
    is_host(host).then(|| Provider::Auth0 { host: host.to_owned() })
}

fn parse_okta(text: &str) -> Option<Provider> {
    let (_, server) = text.split_once("/oauth2/")?;
    (is_issuer(text) && is_name(server, "-_", 1..=64)).then(|| Provider::Okta { url: text.to_owned() })
}

fn parse_entra(text: &str) -> Option<Provider> {
    let tenant = text.to_ascii_lowercase();
    (is_guid(&tenant) || is_host(&tenant)).then_some(Provider::Entra { tenant })
}

fn parse_external(text: &str) -> Option<Provider> {
    let is_label = |name: &str| is_name(name, "-", 1..=63);
    if let Some((name, flow)) = text.split_once(".b2clogin.com/") {
        return (is_label(name) && is_name(flow, "-_", 1..=64))
            .then(|| Provider::B2c { name: name.to_ascii_lowercase(), flow: flow.to_owned() });
    }
    let name = text.strip_suffix(".ciamlogin.com").or(text.strip_suffix(".onmicrosoft.com")).unwrap_or(text);
    is_label(name).then(|| Provider::External { tenant: name.to_ascii_lowercase() })
}

fn parse_firebase(text: &str) -> Option<Provider> {
    let is_project = is_name(text, "-", 6..=30)
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    is_project.then(|| Provider::Firebase { project: text.to_owned() })
}

fn parse_keycloak(text: &str) -> Option<Provider> {
    let (_, realm) = text.rsplit_once("/realms/")?;
    (is_issuer(text) && !realm.is_empty() && !realm.contains('/'))
        .then(|| Provider::Keycloak { url: text.to_owned() })
}

fn parse_oidc(text: &str) -> Option<Provider> {
    is_issuer(text).then(|| Provider::Oidc { url: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use toml_edit::DocumentMut;

    use super::*;
    use crate::init::commit::Source;
    use crate::init::contents::{self, Values};

    const ID: &str = "5f1e2d3c-4b5a-4968-8776-655443322110";

    /// Providers whose issuer only the discovery document has: flag and value, the address that is read, an issuer that
    /// such a document has, and the `keys` and `require` that follow.
    #[test]
    fn providers_that_need_discovery() {
        let external = format!("https://{ID}.ciamlogin.com/{ID}/v2.0");
        let b2c = format!("https://acme.b2clogin.com/{ID}/v2.0/");
        let entra = format!("https://login.microsoftonline.com/{ID}/v2.0");
        let acme_external = "https://acme.ciamlogin.com/acme.onmicrosoft.com/v2.0";
        let external_keys = format!("jwks:https://acme.ciamlogin.com/{ID}/discovery/v2.0/keys");
        let b2c_keys = "jwks:https://acme.b2clogin.com/acme.onmicrosoft.com/B2C_1_Up/discovery/v2.0/keys";
        for (flag, value, authority, issuer, keys, require) in [
            (
                "entra",
                "Acme.com",
                "https://login.microsoftonline.com/acme.com/v2.0",
                &entra,
                "oidc",
                ("tid", ID),
            ),
            ("external", "Acme", acme_external, &external, &external_keys, ("tid", ID)),
            ("external", "acme.ciamlogin.com", acme_external, &external, &external_keys, ("tid", ID)),
            ("external", "acme.onmicrosoft.com", acme_external, &external, &external_keys, ("tid", ID)),
            (
                "external",
                "acme.b2clogin.com/B2C_1_Up",
                "https://acme.b2clogin.com/acme.onmicrosoft.com/B2C_1_Up/v2.0",
                &b2c,
                b2c_keys,
                ("tfp", "B2C_1_Up"),
            ),
        ] {
            let value = Some(value.to_owned());
            let args = match flag {
                "entra" => ProviderArgs { entra: value, ..ProviderArgs::default() },
                _ => ProviderArgs { entra_external: value, ..ProviderArgs::default() },
            };
            let provider = args.provider().unwrap();
            assert_eq!((provider.issuer(), provider.authority().as_str()), (None, authority));
            let document = configuration(&provider, issuer);
            let written = &document["issuer"][0];
            assert_eq!(written["issuer"].as_str(), Some(issuer.as_str()), "{document}");
            assert_eq!(written["keys"][0].as_str(), Some(keys), "{document}");
            assert_eq!(written["require"][require.0].as_str(), Some(require.1), "{document}");
        }
    }

    /// `authorizer.toml` for a discovered issuer.
    fn configuration(provider: &Provider, issuer: &str) -> DocumentMut {
        let values = Values {
            issuer: Some(issuer.to_owned()),
            audience: Some("api".to_owned()),
            client: None,
            algorithms: vec!["RS256"],
            more: provider.replacements(issuer, Some("api")),
            source: Source { repository: String::new(), commit: String::new() },
        };
        let files = contents::files(provider.recipe(), &values).unwrap();
        let text = &files.first().unwrap().text;
        assert!(!text.contains("33333333") && !text.contains("11111111"), "{text}");
        assert!(!text.contains("contoso"), "{text}");
        text.parse().unwrap()
    }

    #[test]
    fn discovery_of_the_others_begins_at_the_issuer() {
        for (provider, authority) in [
            (Provider::Auth0 { host: "acme.eu.auth0.com".to_owned() }, "https://acme.eu.auth0.com"),
            (Provider::Oidc { url: "https://login.acme.test/a/".to_owned() }, "https://login.acme.test/a"),
            (Provider::Firebase { project: "acme-1".to_owned() }, "https://securetoken.google.com/acme-1"),
        ] {
            assert_eq!(provider.authority(), authority);
        }
    }
}
