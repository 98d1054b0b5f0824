//! The clients of the provider: the gateway's page, the user's own app, and a machine.

use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use hyper::Uri;

/// The client id of the gateway's page.
pub const PAGE: &str = "iot-local-page";

/// The client id of the user's own app.
pub(super) const APP: &str = "app";

/// A redirect URI of the user's own app. It is compared exactly (RFC 9700, section 4.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri {
    uri: String,
    /// The origin that a browser sends as `Origin`. Private-use URI schemes have none.
    origin: Option<String>,
}

/// The error for a text that is not a valid redirect URI.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected the exact redirect URI of your app, such as http://localhost:3000/callback: with https, with http on this \
     machine, or with a private-use scheme that contains a dot, such as com.example.app:/callback; without a fragment"
)]
pub struct InvalidRedirectUri;

impl FromStr for RedirectUri {
    type Err = InvalidRedirectUri;

    fn from_str(text: &str) -> Result<Self, InvalidRedirectUri> {
        let has_valid_characters =
            text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte));
        let (scheme, rest) = text.split_once(':').ok_or(InvalidRedirectUri)?;
        if !has_valid_characters || rest.is_empty() {
            return Err(InvalidRedirectUri);
        }
        // RFC 8252, section 7.1: a private-use scheme is a reversed domain name.
        let is_scheme_character = |c: char| c.is_ascii_alphanumeric() || ".+-".contains(c);
        if scheme.contains('.')
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(is_scheme_character)
        {
            return Ok(Self { uri: text.to_owned(), origin: None });
        }
        let uri: Uri = text.parse().map_err(|_| InvalidRedirectUri)?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        let authority = authority.ok_or(InvalidRedirectUri)?;
        let is_loopback = ["localhost", "127.0.0.1", "[::1]"].contains(&authority.host());
        match scheme {
            "https" => {}
            "http" if is_loopback => {}
            _ => return Err(InvalidRedirectUri),
        }
        Ok(Self { uri: text.to_owned(), origin: Some(format!("{scheme}://{authority}")) })
    }
}

/// The clients' redirect URIs, and the secret of machines.
pub(super) struct Clients {
    page_uris: Vec<String>,
    app_uris: Vec<RedirectUri>,
    machine_secret: Option<String>,
}

impl Clients {
    pub(super) fn new(
        addresses: &[String],
        app_uris: Vec<RedirectUri>,
        machine_secret: Option<String>,
    ) -> Self {
        let page_uris = addresses.iter().map(|address| format!("{address}/")).collect();
        Self { page_uris, app_uris, machine_secret }
    }

    /// Whether this is the id of a public client, for which users log in. `app` exists only with a redirect URI.
    pub(super) fn is_public(&self, client_id: &str) -> bool {
        client_id == PAGE || (client_id == APP && !self.app_uris.is_empty())
    }

    /// The redirect URI, if the client has it.
    pub(super) fn redirect_uri<'a>(&self, client_id: &str, uri: &'a str) -> Option<&'a str> {
        let is_known = match client_id {
            PAGE => self.page_uris.iter().any(|known| known == uri),
            APP => self.app_uris.iter().any(|known| known.uri == uri),
            _ => false,
        };
        is_known.then_some(uri)
    }

    pub(super) fn is_app_origin(&self, origin: &str) -> bool {
        self.app_uris.iter().any(|known| known.origin.as_deref() == Some(origin))
    }

    /// Whether this is the secret of machines, compared in constant time.
    pub(super) fn is_machine_secret(&self, secret: &str) -> bool {
        let known = self.machine_secret.as_deref().filter(|known| !known.is_empty());
        known.is_some_and(|known| verify_slices_are_equal(known.as_bytes(), secret.as_bytes()).is_ok())
    }
}

/// The origin of a redirect URI, such as `http://localhost:3000`. Private-use schemes have none.
pub(super) fn origin(uri: &str) -> Option<String> {
    uri.parse().ok().and_then(|uri: RedirectUri| uri.origin)
}
