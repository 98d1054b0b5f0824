//! The development issuer as an OpenID Provider, so that apps and machines can log in as they do in production.
//!
//! It supports the authorization code grant with PKCE for users (RFC 6749, RFC 7636, RFC 9700), client credentials for
//! a machine, and discovery (OpenID Connect Discovery 1.0). There are no passwords: any process that can connect to the
//! loopback port can log in as any user.
//!
//! `iss` is the configured issuer, which the authorizer requires, and not the gateway's address. OpenID Connect
//! Discovery, section 4.3, requires a client to reject a document whose `issuer` differs from the address it was
//! fetched from. Such a client needs the expected issuer as a setting, or the configuration names the gateway's address
//! as the issuer.
//!
//! No crate fits: `oxide-auth` has neither OpenID Connect nor discovery, `openidconnect` is for clients and adds a
//! second cryptography library.

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
pub use self::clients::{InvalidRedirectUri, PAGE, RedirectUri};
use self::codes::Codes;
use crate::example_users::ExampleUser;
use crate::issuer::DevelopmentIssuer;

/// The prefix of endpoints, which are `/oidc/ID/...`.
const ROOT: &str = "/oidc/";

const WELL_KNOWN: &str = ".well-known/openid-configuration";

/// An issuer with its users.
#[derive(Debug)]
pub struct Realm {
    /// The issuer.
    pub issuer: DevelopmentIssuer,
    /// The users of the login page.
    pub users: Vec<ExampleUser>,
    /// The machine with client credentials. Its `sub` is its client id.
    pub machine: ExampleUser,
}

/// The settings of the provider.
#[derive(Debug, Default)]
pub struct ProviderOptions {
    /// The configured issuers. The gateway's page uses the first.
    pub realms: Vec<Realm>,
    /// The client secret of machines. Without it, machines get no tokens.
    pub machine_secret: Option<String>,
    /// The redirect URIs of the user's own app.
    pub redirect_uris: Vec<RedirectUri>,
}

/// An OpenID Provider for one or more issuers.
pub struct Provider {
    realms: Vec<Realm>,
    clients: Clients,
    codes: Mutex<Codes>,
}

/// An endpoint of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// The provider's metadata.
    Discovery,
    /// The public keys.
    Keys,
    /// The authorization endpoint, which shows the login page.
    Authorize,
    /// Accepts the login page's form.
    Login,
    /// The token endpoint.
    Token,
}

/// An HTTP request to the provider.
#[derive(Debug, Clone, Copy)]
pub struct ProviderRequest<'a> {
    /// The method.
    pub method: &'a Method,
    /// The gateway's address that the client used, such as `http://127.0.0.1:8080`.
    pub address: &'a str,
    /// The query without the `?`.
    pub query: &'a str,
    /// The media type of the body.
    pub content_type: Option<&'a str>,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
    /// The time of the request.
    pub now: SystemTime,
}

type Reply = Response<Bytes>;

impl Provider {
    /// Creates a provider. `addresses` are those of the gateway, such as `http://127.0.0.1:8080`.
    #[must_use]
    pub fn new(options: ProviderOptions, addresses: &[String]) -> Self {
        let clients = Clients::new(addresses, options.redirect_uris, options.machine_secret);
        Self { realms: options.realms, clients, codes: Mutex::default() }
    }

    /// Iterates over the id and `iss` of each issuer.
    pub fn issuers(&self) -> impl Iterator<Item = (&str, &str)> {
        let settings = self.realms.iter().map(|realm| realm.issuer.settings());
        settings.map(|settings| (&*settings.id, &*settings.issuer))
    }

    /// Returns the issuers with their users.
    #[must_use]
    pub fn realms(&self) -> &[Realm] {
        &self.realms
    }

    /// Returns whether scripts of an origin can read the token endpoint's responses: those of the user's own app.
    #[must_use]
    pub fn trusts_origin(&self, origin: &str) -> bool {
        self.clients.is_app_origin(origin)
    }

    /// Returns the endpoint at a path and the index of its issuer, if the path belongs to the provider.
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

    /// Responds to a request to an endpoint that [`Provider::endpoint`] returned.
    #[must_use]
    pub fn respond(
        &self,
        (realm_index, endpoint): (usize, Endpoint),
        request: &ProviderRequest<'_>,
    ) -> Reply {
        let Some(realm) = self.realms.get(realm_index) else {
            return text(StatusCode::NOT_FOUND, "not found\n");
        };
        let allowed: &[Method] = match endpoint {
            Endpoint::Discovery | Endpoint::Keys => &[Method::GET, Method::HEAD],
            Endpoint::Authorize => &[Method::GET],
            Endpoint::Login | Endpoint::Token => &[Method::POST],
        };
        if !allowed.contains(request.method) {
            let names = allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
            let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
            set(&mut reply, ALLOW, &names);
            return reply;
        }
        match endpoint {
            Endpoint::Discovery => json_reply(StatusCode::OK, &discovery(realm, request.address)),
            Endpoint::Keys => json_reply(StatusCode::OK, &realm.issuer.key_set()),
            Endpoint::Authorize => self.authorize(realm, request),
            Endpoint::Login => self.login(realm_index, realm, request),
            Endpoint::Token => self.token(realm_index, realm, request),
        }
    }
}

/// The discovery document (OpenID Connect Discovery 1.0, section 3; RFC 8414; RFC 9207 for the last member).
fn discovery(realm: &Realm, address: &str) -> Value {
    let settings = realm.issuer.settings();
    let url = |name: &str| format!("{address}{ROOT}{}/{name}", settings.id);
    let algorithms: Vec<_> = settings.algorithms.iter().map(|algorithm| format!("{algorithm:?}")).collect();
    json!({
        "issuer": settings.issuer,
        "authorization_endpoint": url("authorize"),
        "token_endpoint": url("token"),
        "jwks_uri": url("keys"),
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

/// Returns 256 random bits in base64url, or `None` if the system's random number generator failed.
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

fn json_reply(status: StatusCode, value: &Value) -> Reply {
    body(status, "application/json", value.to_string())
}

fn text(status: StatusCode, content: &str) -> Reply {
    body(status, "text/plain; charset=utf-8", content.to_owned())
}

fn body(status: StatusCode, content_type: &'static str, content: String) -> Reply {
    let mut reply = Response::new(Bytes::from(content));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // Required for tokens (RFC 6749, section 5.1). All other responses may change at the next start, too.
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

#[cfg(test)]
mod tests;
