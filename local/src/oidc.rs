//! The development issuer as an OpenID Provider, for apps and machines that log in for real before they connect.
//!
//! Authorization code with PKCE (RFC 6749, RFC 7636, RFC 9700) for people, client credentials for a machine, discovery
//! and key set (OpenID Connect Discovery 1.0). There are no passwords: whoever reaches the loopback port may be anybody.
//!
//! `iss` is the configured issuer, as the authorizer wants it, and not the door's address. OpenID Connect Discovery,
//! section 4.3, has a client refuse a document whose `issuer` is not where it was fetched from; such a client is told
//! which issuer to expect, or the configuration names the door's address as the issuer.
//!
//! It is code of our own: `oxide-auth` has no OpenID Connect, no discovery and wants its state and front end in its
//! own forms, `openidconnect` is for clients and brings a second cryptography library. What is left is small.

mod authorize;
mod clients;
mod codes;
mod form;
mod login;
mod token;

use std::sync::Mutex;
use std::time::SystemTime;

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use self::clients::Clients;
pub use self::clients::{NotARedirectUri, PAGE, RedirectUri};
use self::codes::Codes;
use crate::issuer::Issuer;
use crate::people::Person;

/// Where the endpoints are: `/oidc/ID/...`.
const ROOT: &str = "/oidc/";

const WELL_KNOWN: &str = ".well-known/openid-configuration";

/// An issuer with those whom it knows.
#[derive(Debug)]
pub struct Realm {
    /// The issuer.
    pub issuer: Issuer,
    /// Who can be logged in as.
    pub people: Vec<Person>,
    /// Who gets a token for client credentials. Its `sub` is its client id.
    pub machine: Person,
}

/// What the provider is made of.
#[derive(Debug, Default)]
pub struct ProviderOptions {
    /// The configured issuers; the first is the one of the page.
    pub realms: Vec<Realm>,
    /// The machine's secret; without one no machine gets a token.
    pub machine_secret: Option<String>,
    /// Where an app of the user's may be sent back to.
    pub redirect_uris: Vec<RedirectUri>,
}

/// The provider.
pub struct Provider {
    realms: Vec<Realm>,
    clients: Clients,
    codes: Mutex<Codes>,
}

/// What is there to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// The provider's metadata.
    Discovery,
    /// The public keys.
    Keys,
    /// Where a browser is sent to log somebody in.
    Authorize,
    /// Where the form of the login page goes.
    Login,
    /// Where a code or a secret becomes a token.
    Token,
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a Method,
    /// The address by which the door was reached, one of its own, such as `http://127.0.0.1:8080`.
    pub address: &'a str,
    /// What follows the `?`.
    pub query: &'a str,
    /// The media type of the body.
    pub content_type: Option<&'a str>,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
    /// When.
    pub now: SystemTime,
}

type Reply = Response<Bytes>;

impl Provider {
    /// A provider that is reached at `addresses`, such as `http://127.0.0.1:8080`, and at no other.
    #[must_use]
    pub fn new(options: ProviderOptions, addresses: &[String]) -> Self {
        let clients = Clients::new(addresses, options.redirect_uris, options.machine_secret);
        Self { realms: options.realms, clients, codes: Mutex::default() }
    }

    /// The issuers' ids and names.
    pub fn issuers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.realms.iter().map(|realm| realm.issuer.settings()).map(|known| (&*known.id, &*known.issuer))
    }

    /// Whether scripts from that origin may read the token endpoint's answers: those of the user's own app.
    #[must_use]
    pub fn trusts_origin(&self, origin: &str) -> bool {
        self.clients.trust_origin(origin)
    }

    /// What a path leads to, if it leads here.
    #[must_use]
    pub fn endpoint(&self, path: &str) -> Option<(usize, Endpoint)> {
        if path.strip_prefix('/') == Some(WELL_KNOWN) && !self.realms.is_empty() {
            return Some((0, Endpoint::Discovery));
        }
        let (id, rest) = path.strip_prefix(ROOT)?.split_once('/')?;
        let realm = self.realms.iter().position(|realm| realm.issuer.settings().id == id)?;
        let endpoint = match rest {
            WELL_KNOWN => Endpoint::Discovery,
            "keys" => Endpoint::Keys,
            "authorize" => Endpoint::Authorize,
            "login" => Endpoint::Login,
            "token" => Endpoint::Token,
            _ => return None,
        };
        Some((realm, endpoint))
    }

    /// Answers a request to an endpoint of [`Provider::endpoint`].
    #[must_use]
    pub fn answer(&self, (index, endpoint): (usize, Endpoint), asked: &Asked<'_>) -> Reply {
        let Some(realm) = self.realms.get(index) else {
            return text(StatusCode::NOT_FOUND, "nothing here\n");
        };
        let allowed: &[Method] = match endpoint {
            Endpoint::Discovery | Endpoint::Keys => &[Method::GET, Method::HEAD],
            Endpoint::Authorize => &[Method::GET],
            Endpoint::Login | Endpoint::Token => &[Method::POST],
        };
        if !allowed.contains(asked.method) {
            let names = allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
            let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, "another method is needed here\n");
            set(&mut reply, ALLOW, &names);
            return reply;
        }
        match endpoint {
            Endpoint::Discovery => json(StatusCode::OK, &discovery(realm, asked.address)),
            Endpoint::Keys => json(StatusCode::OK, &realm.issuer.key_set()),
            Endpoint::Authorize => self.authorize(index, realm, asked),
            Endpoint::Login => self.login(index, realm, asked),
            Endpoint::Token => self.token(index, realm, asked),
        }
    }
}

/// OpenID Connect Discovery 1.0, section 3; RFC 8414; RFC 9207 for the last.
fn discovery(realm: &Realm, address: &str) -> Value {
    let settings = realm.issuer.settings();
    let at = |name: &str| format!("{address}{ROOT}{}/{name}", settings.id);
    let algorithms: Vec<_> = settings.algorithms.iter().map(|algorithm| format!("{algorithm:?}")).collect();
    json!({
        "issuer": settings.issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "jwks_uri": at("keys"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce"],
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "claims_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true
    })
}

/// 256 random bits as text. None if the system has no randomness.
#[must_use]
pub fn random() -> Option<String> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

fn set(reply: &mut Reply, name: hyper::header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}

fn json(status: StatusCode, value: &Value) -> Reply {
    body(status, "application/json", value.to_string())
}

fn text(status: StatusCode, content: &str) -> Reply {
    body(status, "text/plain; charset=utf-8", content.to_owned())
}

fn body(status: StatusCode, content_type: &'static str, content: String) -> Reply {
    let mut reply = Response::new(Bytes::from(content));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // RFC 6749, section 5.1; of the others none is worth keeping either, since all may change at the next start.
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

#[cfg(test)]
mod tests;
