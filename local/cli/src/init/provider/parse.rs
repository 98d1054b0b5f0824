//! What the flags of the providers accept.

use iot_jwt_authorizer::keys::origin::Origin;
use iot_local_base::names::is_name;

use super::Provider;

/// Whether a text is a client id or an audience. `${` would be a variable of the configuration.
pub(in crate::init) fn is_value(text: &str) -> bool {
    (1..=256).contains(&text.len()) && !text.chars().any(char::is_control) && !text.contains("${")
}

pub(super) fn is_guid(text: &str) -> bool {
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

pub(super) fn cognito(text: &str) -> Option<Provider> {
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

pub(super) fn auth0(text: &str) -> Option<Provider> {
    let host = text.strip_prefix("https://").unwrap_or(text);
    let host = host.strip_suffix('/').unwrap_or(host);
    is_host(host).then(|| Provider::Auth0 { host: host.to_owned() })
}

pub(super) fn okta(text: &str) -> Option<Provider> {
    let (_, server) = text.split_once("/oauth2/")?;
    (is_issuer(text) && is_name(server, "-_", 1..=64)).then(|| Provider::Okta { url: text.to_owned() })
}

pub(super) fn entra(text: &str) -> Option<Provider> {
    let tenant = text.to_ascii_lowercase();
    (is_guid(&tenant) || is_host(&tenant)).then_some(Provider::Entra { tenant })
}

pub(super) fn external(text: &str) -> Option<Provider> {
    let is_label = |name: &str| is_name(name, "-", 1..=63);
    if let Some((name, flow)) = text.split_once(".b2clogin.com/") {
        return (is_label(name) && is_name(flow, "-_", 1..=64))
            .then(|| Provider::B2c { name: name.to_ascii_lowercase(), flow: flow.to_owned() });
    }
    let name = text.strip_suffix(".ciamlogin.com").or(text.strip_suffix(".onmicrosoft.com")).unwrap_or(text);
    is_label(name).then(|| Provider::External { tenant: name.to_ascii_lowercase() })
}

pub(super) fn firebase(text: &str) -> Option<Provider> {
    let is_project = is_name(text, "-", 6..=30)
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    is_project.then(|| Provider::Firebase { project: text.to_owned() })
}

pub(super) fn keycloak(text: &str) -> Option<Provider> {
    let (_, realm) = text.rsplit_once("/realms/")?;
    (is_issuer(text) && !realm.is_empty() && !realm.contains('/'))
        .then(|| Provider::Keycloak { url: text.to_owned() })
}

pub(super) fn oidc(text: &str) -> Option<Provider> {
    is_issuer(text).then(|| Provider::Oidc { url: text.to_owned() })
}
