//! Which addresses and secrets may be fetched.

use std::fmt;

use http::Uri;
use http::uri::Scheme;

/// An address that may be fetched: https, or http on loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Uri);

impl Address {
    /// Parses an absolute address. Returns `None` if it is not allowed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains(['#', '@']) {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let host = uri.host().filter(|host| !host.is_empty())?;
        let is_allowed = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => is_loopback(host),
            _ => false,
        };
        is_allowed.then_some(Self(uri))
    }

    /// The address with its query.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.0
    }

    /// Whether the host is an AWS endpoint of the `aws` partition.
    #[must_use]
    pub fn is_aws(&self) -> bool {
        self.0.host().is_some_and(|host| host.ends_with(".amazonaws.com"))
    }

    /// Whether the address uses TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == Some(&Scheme::HTTPS)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.scheme_str().unwrap_or_default();
        let authority = self.0.authority().map(|authority| authority.as_str()).unwrap_or_default();
        write!(out, "{scheme}://{authority}{}", self.0.path())
    }
}

/// RFC 6761 section 6.3 reserves `localhost` for loopback.
fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || bare.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// Whether a text has the characters of a secret's name or ARN.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>
pub(crate) fn is_secret_id(id: &str) -> bool {
    (1..=2048).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-:!".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_safe_addresses_are_allowed() {
        for (text, good) in [
            ("https://login.example.com/keys", true),
            ("https://login.example.com:8443/keys?v=1", true),
            ("https://login.example.com", true),
            ("HTTPS://login.example.com/", true),
            ("http://127.0.0.1:8080/jwks", true),
            ("http://127.9.9.9/jwks", true),
            ("http://[::1]:8080/jwks", true),
            ("http://localhost/jwks", true),
            ("http://login.example.com/keys", false),
            ("http://localhost.example.com/keys", false),
            ("http://127.0.0.1.example.com/keys", false),
            ("http://128.0.0.1/keys", false),
            ("http://0.0.0.0/keys", false),
            ("http://[::2]/keys", false),
            ("http://2130706433/keys", false),
            ("http://169.254.169.254/latest", false),
            ("ftp://login.example.com/keys", false),
            ("ftp://127.0.0.1/keys", false),
            ("file:///etc/passwd", false),
            ("//login.example.com/keys", false),
            ("/keys", false),
            ("login.example.com", false),
            ("https:///keys", false),
            ("https://user:password@login.example.com/keys", false),
            ("https://login.example.com/keys#1", false),
            ("https://login.example.com/a b", false),
            ("", false),
        ] {
            assert_eq!(Address::parse(text).is_some(), good, "{text}");
        }
    }

    /// Only these are checked with Amazon's own CA certificates.
    #[test]
    fn hosts_of_aws_are_recognised() {
        for (text, is_aws) in [
            ("https://secretsmanager.eu-west-1.amazonaws.com", true),
            ("https://cognito-idp.eu-west-1.amazonaws.com:443/pool", true),
            ("https://secretsmanager.cn-north-1.amazonaws.com.cn", false),
            ("https://amazonaws.com.example.com/", false),
            ("https://fakeamazonaws.com/", false),
            ("http://127.0.0.1:9/", false),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.is_aws(), address.is_https()), (is_aws, text.starts_with("https")), "{text}");
        }
    }
}
