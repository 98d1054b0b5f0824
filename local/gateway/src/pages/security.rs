//! The headers that browsers need for security.

use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, Uri};
use percent_encoding::percent_decode_str;

use super::{Body, HOST_NAMES};

/// The page that signs in at the user's own issuer.
const ISSUER_PAGE: &str = "/issuer.html";

/// Adds the headers. `address` is the address in the request's `Host`. `issuer` is the other origin to which scripts of
/// the response may connect.
pub(super) fn add_security_headers(
    mut response: Response<Body>,
    address: Option<&str>,
    issuer: Option<&str>,
) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // With `no-referrer`, browsers would also hide the origin of forms.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if !headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        headers.insert(
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        );
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        // In some browsers, 'self' does not include a WebSocket to the same address.
        let socket = address.and_then(|address| address.strip_prefix("http"));
        let socket = socket.map(|rest| format!(" ws{rest}")).unwrap_or_default();
        let issuer = issuer.map(|origin| format!(" {origin}")).unwrap_or_default();
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
             connect-src 'self'{socket}{issuer}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'"
        );
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
    }
    response
}

/// The origin in `connect` of the issuer page's address: with https, or with http on this machine. All other pages
/// connect to the gateway only.
pub(super) fn connect_origin(uri: &Uri) -> Option<String> {
    let query = uri.query().filter(|_| uri.path() == ISSUER_PAGE)?;
    let value = query.split('&').find_map(|parameter| parameter.strip_prefix("connect="))?;
    let origin = percent_decode_str(value).decode_utf8().ok()?;
    let (scheme, authority) = origin.split_once("://")?;
    let (host, port) =
        authority.rsplit_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    // The value becomes part of the policy, so it may not contain a separator.
    let is_host =
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
    let is_allowed = match scheme {
        "https" => true,
        "http" => HOST_NAMES.contains(&host),
        _ => false,
    };
    (is_host && is_port && is_allowed).then(|| origin.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_issuer_page_may_connect_to_one_other_origin() {
        for (address, expected) in [
            ("/issuer.html?connect=https%3A%2F%2Flogin.example.com", Some("https://login.example.com")),
            ("/issuer.html?connect=https://a.example:8443", Some("https://a.example:8443")),
            ("/issuer.html?connect=http://127.0.0.1:9000", Some("http://127.0.0.1:9000")),
            ("/issuer.html?connect=http://localhost:9000", Some("http://localhost:9000")),
            ("/?connect=https://login.example.com", None),
            ("/main.js?connect=https://login.example.com", None),
            ("/issuer.html", None),
            ("/issuer.html?connect=", None),
            ("/issuer.html?connect=*", None),
            ("/issuer.html?connect=https:", None),
            ("/issuer.html?connect=https://", None),
            ("/issuer.html?connect=https://*", None),
            ("/issuer.html?connect=https://*.example.com", None),
            ("/issuer.html?connect=http://login.example.com", None),
            ("/issuer.html?connect=http://127.0.0.1.evil.example", None),
            ("/issuer.html?connect=ws://127.0.0.1:9000", None),
            ("/issuer.html?connect=data:", None),
            ("/issuer.html?connect=https://a.example/path", None),
            ("/issuer.html?connect=https://user@a.example", None),
            ("/issuer.html?connect=https://a.example:port", None),
            ("/issuer.html?connect=https://a.example:99999", None),
            ("/issuer.html?connect=https://a.example%20https://b.example", None),
            ("/issuer.html?connect=https://a.example%3Bscript-src%20*", None),
            ("/issuer.html?connect=https://a.example%2C*", None),
            ("/issuer.html?connect=https://a.example%0D%0AX:y", None),
        ] {
            assert_eq!(connect_origin(&address.parse().unwrap()).as_deref(), expected, "{address}");
        }
    }
}
