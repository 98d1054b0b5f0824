//! Who may ask for tokens: the page, an app of the user's, and a machine.

use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use hyper::Uri;

/// The client id of the page.
pub const PAGE: &str = "iot-local-page";

/// The client id of the user's own app.
pub(super) const APP: &str = "app";

/// A redirect URI of the user's own app, to be matched to the letter (RFC 9700, section 4.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri {
    uri: String,
    /// As a browser names it in `Origin`; apps with a scheme of their own have none.
    origin: Option<String>,
}

/// A text that is no redirect URI.
#[derive(Debug, thiserror::Error)]
#[error(
    "write the exact address that your app is sent back to, such as http://localhost:3000/callback: https, http on \
     this machine, or a scheme of its own with a dot such as com.example.app:/callback; no fragment"
)]
pub struct NotARedirectUri;

impl FromStr for RedirectUri {
    type Err = NotARedirectUri;

    fn from_str(text: &str) -> Result<Self, NotARedirectUri> {
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte));
        let (scheme, rest) = text.split_once(':').ok_or(NotARedirectUri)?;
        if !plain || rest.is_empty() {
            return Err(NotARedirectUri);
        }
        // RFC 8252, section 7.1: a scheme of an app's own is a domain name turned round.
        let named = |c: char| c.is_ascii_alphanumeric() || ".+-".contains(c);
        if scheme.contains('.')
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(named)
        {
            return Ok(Self { uri: text.to_owned(), origin: None });
        }
        let uri: Uri = text.parse().map_err(|_| NotARedirectUri)?;
        let authority =
            uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or(NotARedirectUri)?;
        let local = ["localhost", "127.0.0.1", "[::1]"].contains(&authority.host());
        match scheme {
            "https" => {}
            "http" if local => {}
            _ => return Err(NotARedirectUri),
        }
        Ok(Self { uri: text.to_owned(), origin: Some(format!("{scheme}://{authority}")) })
    }
}

/// The clients.
pub(super) struct Clients {
    page: Vec<String>,
    app: Vec<RedirectUri>,
    secret: Option<String>,
}

impl Clients {
    pub(super) fn new(addresses: &[String], app: Vec<RedirectUri>, secret: Option<String>) -> Self {
        Self { page: addresses.iter().map(|address| format!("{address}/")).collect(), app, secret }
    }

    /// Whether people can be logged in for the client at all.
    pub(super) fn knows(&self, client: &str) -> bool {
        client == PAGE || (client == APP && !self.app.is_empty())
    }

    /// The redirect URI, if it is one of the client's.
    pub(super) fn redirect_uri<'a>(&self, client: &str, uri: &'a str) -> Option<&'a str> {
        let known = match client {
            PAGE => self.page.iter().any(|known| known == uri),
            APP => self.app.iter().any(|known| known.uri == uri),
            _ => false,
        };
        known.then_some(uri)
    }

    pub(super) fn trust_origin(&self, origin: &str) -> bool {
        self.app.iter().any(|known| known.origin.as_deref() == Some(origin))
    }

    /// Whether that is the machine's secret. The time that it takes says nothing of it.
    pub(super) fn is_secret(&self, secret: &str) -> bool {
        let known = self.secret.as_deref().filter(|known| !known.is_empty());
        known.is_some_and(|known| verify_slices_are_equal(known.as_bytes(), secret.as_bytes()).is_ok())
    }
}

/// `scheme://host:port` of a redirect URI, for the page that may send a form there; empty for an app's own scheme.
pub(super) fn origin(uri: &str) -> Option<String> {
    uri.parse().ok().and_then(|known: RedirectUri| known.origin)
}
