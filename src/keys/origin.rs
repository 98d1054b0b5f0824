//! Where keys are fetched from, as an issuer's `keys` names it, and which addresses may be asked at all.

use std::fmt;

use http::Uri;
use http::uri::Scheme;

/// Where the keys of an issuer are fetched from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `secret:ARN-OR-NAME`: AWS Secrets Manager.
    Secret(Box<str>),
    /// `jwks:URL`: a JWK Set (RFC 7517 section 5) behind an address.
    KeySet(Address),
    /// `oidc`: the JWK Set that the issuer's discovery document names (OpenID Connect Discovery 1.0 section 4).
    Discovery(Issuer),
}

/// An issuer whose `iss` is an address too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    name: Box<str>,
    document: Address,
}

/// An address that may be asked for keys: https, or http on loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Uri);

impl Origin {
    /// Reads an entry of `keys` that is fetched; `issuer` is the `iss` that it stands under.
    ///
    /// # Errors
    /// What to fix.
    pub fn parse(entry: &str, issuer: &str) -> Result<Self, &'static str> {
        const UNSAFE: &str =
            "write `https://HOST/PATH`, without user, password or fragment; `http` is for loopback alone";
        match entry.split_once(':') {
            None if entry == "oidc" => Issuer::named(issuer)
                .map(Self::Discovery)
                .ok_or("`oidc` needs an `issuer` that is an https address"),
            Some(("jwks", address)) => Address::parse(address).map(Self::KeySet).ok_or(UNSAFE),
            Some(("secret", id)) if is_secret_id(id) => Ok(Self::Secret(id.into())),
            Some(("secret", _)) => Err("write `secret:` and the secret's name or ARN"),
            _ => Err("write `file:PATH`, `secret:ARN-OR-NAME`, `jwks:URL` or `oidc`"),
        }
    }
}

impl fmt::Display for Origin {
    /// As the configuration has it, but for an address' query, which may hold what is not for logs.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(id) => write!(out, "secret:{id}"),
            Self::KeySet(address) => write!(out, "jwks:{address}"),
            Self::Discovery(_) => out.write_str("oidc"),
        }
    }
}

impl Issuer {
    /// OpenID Connect Discovery 1.0 section 4.1: one slash at the issuer's end is dropped before the path is added.
    fn named(issuer: &str) -> Option<Self> {
        let root = issuer.strip_suffix('/').unwrap_or(issuer);
        if root.contains('?') {
            return None;
        }
        let document = Address::parse(&format!("{root}/.well-known/openid-configuration"))?;
        Some(Self { name: issuer.into(), document })
    }

    /// The `iss` that its document has to name, to the letter.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its discovery document is.
    #[must_use]
    pub fn document(&self) -> &Address {
        &self.document
    }

    /// The address of the key set that its document names.
    ///
    /// Only an issuer on loopback may point to loopback without TLS: Lambda's own services listen there.
    #[must_use]
    pub fn key_set(&self, address: &str) -> Option<Address> {
        Address::parse(address).filter(|address| address.is_https() || !self.document.is_https())
    }
}

impl Address {
    /// Reads an absolute address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains(['#', '@']) {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let host = uri.host().filter(|host| !host.is_empty())?;
        let may_be_asked = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => is_loopback(host),
            _ => false,
        };
        may_be_asked.then_some(Self(uri))
    }

    /// The whole address.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.0
    }

    /// Whether the name is one that AWS gives its endpoints in most Regions.
    #[must_use]
    pub fn is_amazons(&self) -> bool {
        self.0.host().is_some_and(|host| host.ends_with(".amazonaws.com"))
    }

    /// Whether it is asked over TLS.
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

/// RFC 6761 section 6.3 keeps `localhost` for loopback.
fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || bare.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// The characters of a secret's name, and the colons of an ARN.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>
fn is_secret_id(id: &str) -> bool {
    (1..=2048).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-:!".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
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

    #[test]
    fn entries_and_how_a_log_calls_them() {
        let issuer = "https://login.example.com/";
        for (entry, name) in [
            ("oidc", Ok("oidc")),
            ("jwks:https://a.example/keys?key=1", Ok("jwks:https://a.example/keys")),
            ("secret:iot/keys", Ok("secret:iot/keys")),
            (
                "secret:arn:aws:secretsmanager:eu-west-1:123456789012:secret:k-AbCdEf",
                Ok("secret:arn:aws:secretsmanager:eu-west-1:123456789012:secret:k-AbCdEf"),
            ),
            ("secret:", Err(())),
            ("secret:a b", Err(())),
            ("jwks:", Err(())),
            ("jwks:http://a.example/keys", Err(())),
            ("oidc:", Err(())),
            ("OIDC", Err(())),
            ("https://a.example/keys", Err(())),
            ("s3:bucket", Err(())),
            ("", Err(())),
        ] {
            let read = Origin::parse(entry, issuer).map(|origin| origin.to_string()).map_err(drop);
            assert_eq!(read, name.map(str::to_owned), "{entry}");
        }
    }

    #[test]
    fn where_an_issuer_s_document_is() {
        for (issuer, document) in [
            ("https://a.example", Some("https://a.example/.well-known/openid-configuration")),
            ("https://a.example/", Some("https://a.example/.well-known/openid-configuration")),
            ("https://a.example/t/1", Some("https://a.example/t/1/.well-known/openid-configuration")),
            ("https://a.example/t//", Some("https://a.example/t//.well-known/openid-configuration")),
            ("http://127.0.0.1:9", Some("http://127.0.0.1:9/.well-known/openid-configuration")),
            ("http://a.example", None),
            ("https://a.example/?t=1", None),
            ("accounts.google.com", None),
            ("urn:issuer", None),
        ] {
            let named = Issuer::named(issuer);
            assert_eq!(named.map(|issuer| issuer.document.to_string()).as_deref(), document, "{issuer}");
        }
    }

    #[test]
    fn a_document_cannot_lead_onto_loopback() {
        let far = Issuer::named("https://a.example").unwrap();
        let near = Issuer::named("http://127.0.0.1:9").unwrap();
        for (address, from_far, from_near) in [
            ("https://b.example/keys", true, true),
            ("http://127.0.0.1:9001/2018-06-01/runtime/invocation/next", false, true),
            ("http://b.example/keys", false, false),
            ("keys", false, false),
        ] {
            assert_eq!(far.key_set(address).is_some(), from_far, "{address}");
            assert_eq!(near.key_set(address).is_some(), from_near, "{address}");
        }
    }
}
