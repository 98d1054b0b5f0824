//! The sources that keys are fetched from, as an issuer's `keys` writes them, and which addresses are allowed.

use std::fmt;

use crate::source::address::{Address, is_secret_id};

/// A source that keys are fetched from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `secret:ARN-OR-NAME`: AWS Secrets Manager.
    Secret(Box<str>),
    /// `jwks:URL`: a JWK Set (RFC 7517 section 5) at an address.
    KeySet(Address),
    /// `oidc`: the JWK Set of the issuer's discovery document (OpenID Connect Discovery 1.0 section 4).
    Discovery(DiscoveryIssuer),
}

/// An issuer whose `iss` is also an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoveryIssuer {
    name: Box<str>,
    document: Address,
}

impl Origin {
    /// How `authorizer.toml` writes the entries of `keys`, files included.
    pub const SYNTAX: [&str; 4] = ["file:PATH", "secret:ARN-OR-NAME", "jwks:URL", "oidc"];

    /// Parses an entry of `keys` that is not a file; `issuer` is the issuer's `iss`.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn parse(entry: &str, issuer: &str) -> Result<Self, &'static str> {
        const UNSAFE: &str =
            "expected `https://HOST/PATH` without user, password and fragment; `http` is for loopback only";
        match entry.split_once(':') {
            None if entry == "oidc" => DiscoveryIssuer::new(issuer)
                .map(Self::Discovery)
                .ok_or("`oidc` needs an `issuer` that is an https address"),
            Some(("jwks", address)) => Address::parse(address).map(Self::KeySet).ok_or(UNSAFE),
            Some(("secret", id)) if is_secret_id(id) => Ok(Self::Secret(id.into())),
            Some(("secret", _)) => Err("expected `secret:` and the name or ARN of a secret"),
            _ => Err("expected `file:PATH`, `secret:ARN-OR-NAME`, `jwks:URL` or `oidc`"),
        }
    }
}

impl fmt::Display for Origin {
    /// Writes the entry as the configuration does, but without an address's query, which may contain a secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(id) => write!(out, "secret:{id}"),
            Self::KeySet(address) => write!(out, "jwks:{address}"),
            Self::Discovery(_) => out.write_str("oidc"),
        }
    }
}

impl DiscoveryIssuer {
    /// OpenID Connect Discovery 1.0 section 4.1: one slash at the end of the issuer is removed before the path is
    /// added.
    fn new(issuer: &str) -> Option<Self> {
        let root = issuer.strip_suffix('/').unwrap_or(issuer);
        if root.contains('?') {
            return None;
        }
        let document = Address::parse(&format!("{root}/.well-known/openid-configuration"))?;
        Some(Self { name: issuer.into(), document })
    }

    /// The `iss`, which the discovery document must repeat exactly.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address of the discovery document.
    #[must_use]
    pub fn document(&self) -> &Address {
        &self.document
    }

    /// The address of the key set that the discovery document names, or `None` if it is not allowed.
    ///
    /// Only an issuer on loopback without TLS may name an address without TLS: Lambda's own services listen on
    /// loopback.
    #[must_use]
    pub fn key_set(&self, address: &str) -> Option<Address> {
        Address::parse(address).filter(|address| address.is_https() || !self.document.is_https())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_printed_without_queries() {
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
    fn every_form_is_read() {
        for form in Origin::SYNTAX.into_iter().filter(|form| !form.starts_with("file:")) {
            let entry = form.replace("ARN-OR-NAME", "iot/keys").replace("URL", "https://a.example/keys");
            assert!(Origin::parse(&entry, "https://a.example/").is_ok(), "{entry}");
        }
    }

    #[test]
    fn discovery_documents_are_below_the_issuer() {
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
            let parsed = DiscoveryIssuer::new(issuer);
            assert_eq!(parsed.map(|issuer| issuer.document.to_string()).as_deref(), document, "{issuer}");
        }
    }

    #[test]
    fn a_document_behind_tls_cannot_name_loopback() {
        let remote = DiscoveryIssuer::new("https://a.example").unwrap();
        let local = DiscoveryIssuer::new("http://127.0.0.1:9").unwrap();
        for (address, from_remote, from_local) in [
            ("https://b.example/keys", true, true),
            ("http://127.0.0.1:9001/2018-06-01/runtime/invocation/next", false, true),
            ("http://b.example/keys", false, false),
            ("keys", false, false),
        ] {
            assert_eq!(remote.key_set(address).is_some(), from_remote, "{address}");
            assert_eq!(local.key_set(address).is_some(), from_local, "{address}");
        }
    }
}
