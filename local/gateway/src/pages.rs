//! Serves browsers: the page, its event stream, and the development issuer.
//!
//! The port is on loopback, but any web site can make a browser send requests to it, also by a name that resolves to it
//! (DNS rebinding). So a request must have an address of the gateway as its `Host`, and requests from other origins are
//! rejected.

mod assets;
mod demo;
mod events;
mod preview;
mod registry;
mod security;
mod token;

use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, ORIGIN,
    VARY,
};
use hyper::{Method, Request, Response, StatusCode};
use iot_local_base::clock;
use iot_local_identity::example_users::ExampleUser;
use iot_local_identity::oidc::{Endpoint, PAGE, Provider, ProviderOptions, ProviderRequest};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use self::security::{add_security_headers, connect_origin};
use crate::annotation::PageOptions;
use crate::auth::Authenticators;
use crate::connection::Connections;
use crate::examples;
use crate::timeouts::READ_TIMEOUT;

/// The largest body of a request.
const MAX_BODY_BYTES: usize = 24 * 1024;

type EventStream =
    std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>;

/// A complete body, or a stream.
pub(crate) type Body = Either<Full<Bytes>, StreamBody<EventStream>>;

/// The site that the plain port serves.
pub(crate) struct Site {
    port: u16,
    tls_port: Option<u16>,
    provider: RwLock<Arc<Provider>>,
    auth: Arc<Authenticators>,
    time_scale: u32,
    page: PageOptions,
    connections: Arc<Connections>,
    /// Held by the demo that runs.
    demo_slot: Arc<Semaphore>,
    /// The id of this run of the gateway. The numbers of log entries start again in each run.
    run: String,
}

/// The parts of a site.
pub(crate) struct SiteOptions {
    /// The plain port, which serves the site.
    pub(crate) port: u16,
    /// The TLS port, which the page names.
    pub(crate) tls_port: Option<u16>,
    /// The development issuers.
    pub(crate) login: ProviderOptions,
    /// The authorizer, which previews ask, and the identity pool.
    pub(crate) auth: Arc<Authenticators>,
    /// The divisor of the times in a response.
    pub(crate) time_scale: u32,
    /// What the page shows about the configuration.
    pub(crate) page: PageOptions,
    /// Who is connected, which the page lists.
    pub(crate) connections: Arc<Connections>,
}

/// The target of a path.
enum Route {
    Asset(&'static assets::Asset),
    Gateway,
    Examples,
    Events,
    Preview,
    Registry,
    Demo,
    Token,
    Login((usize, Endpoint)),
}

/// The request comes from another origin and is rejected.
struct CrossOrigin;

/// The host names of the gateway.
const HOST_NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

impl Site {
    pub(crate) fn new(options: SiteOptions) -> Self {
        let SiteOptions { port, tls_port, login, auth, time_scale, page, connections } = options;
        let demo_slot = Arc::new(Semaphore::new(1));
        let run = uuid::Uuid::new_v4().simple().to_string();
        let provider = RwLock::new(provider(login, port));
        Self { port, tls_port, provider, auth, time_scale, page, connections, demo_slot, run }
    }

    /// The plain port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn provider(&self) -> Arc<Provider> {
        Arc::clone(&self.provider.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the development issuers. Logins that are not complete must start again.
    pub(crate) fn replace(&self, login: ProviderOptions) {
        *self.provider.write().unwrap_or_else(PoisonError::into_inner) = provider(login, self.port);
    }

    pub(crate) fn allowed_user(&self, issuer: &str) -> Option<ExampleUser> {
        let provider = self.provider();
        let realm = provider.realms().iter().find(|realm| realm.issuer.settings().id == issuer)?;
        let is_allowed =
            |user: &&ExampleUser| user.decision.as_ref().is_some_and(|decision| decision.is_allowed);
        realm.users.iter().find(is_allowed).cloned()
    }

    /// Whether a page of this origin may log users in: it is the user's own app.
    pub(crate) fn trusts_origin(&self, origin: &str) -> bool {
        self.provider().trusts_origin(origin)
    }

    /// Whether the site has a page, a document or an endpoint of an issuer at this path. The root is a page only to
    /// read: requests of AWS's query protocol are posted to it.
    pub(crate) fn serves(&self, method: &Method, path: &str) -> bool {
        self.route(path).is_some() && (path != "/" || [Method::GET, Method::HEAD].contains(method))
    }

    pub(crate) async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        let Some(address) = self.address(request.headers()) else {
            let port = self.port;
            let error = format!("unexpected Host; expected 127.0.0.1:{port} or localhost:{port}\n");
            return add_security_headers(text(StatusCode::MISDIRECTED_REQUEST, error), None, None);
        };
        let issuer = connect_origin(request.uri());
        let response = match self.route(request.uri().path()) {
            None => text(StatusCode::NOT_FOUND, "not found\n".to_owned()),
            Some(route) => match self.allow_origin(&route, &request) {
                Err(CrossOrigin) => text(StatusCode::FORBIDDEN, "cross-origin request rejected\n".to_owned()),
                Ok(allowed) => {
                    let mut response = self.serve(route, request, &address).await;
                    if let Some(origin) = allowed {
                        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                        response.headers_mut().insert(VARY, HeaderValue::from_static("Origin"));
                    }
                    response
                }
            },
        };
        add_security_headers(response, Some(&address), issuer.as_deref())
    }

    /// Returns the address in `Host` if it is one of the gateway's.
    fn address(&self, headers: &HeaderMap) -> Option<String> {
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next()?.to_str().ok()?;
        let is_known =
            HOST_NAMES.iter().any(|name| host.eq_ignore_ascii_case(&format!("{name}:{}", self.port)));
        (is_known && hosts.next().is_none()).then(|| format!("http://{}", host.to_ascii_lowercase()))
    }

    fn route(&self, path: &str) -> Option<Route> {
        Some(match path {
            "/api/gateway" => Route::Gateway,
            "/examples.json" => Route::Examples,
            "/api/events" => Route::Events,
            "/api/preview" => Route::Preview,
            "/api/registry" => Route::Registry,
            "/api/demo" => Route::Demo,
            "/api/token" => Route::Token,
            path => match assets::find(path) {
                Some(asset) => Route::Asset(asset),
                None => Route::Login(self.provider().endpoint(path)?),
            },
        })
    }

    /// Checks the origin of a request. Returns the value of `Access-Control-Allow-Origin` for a script of another
    /// origin that may read the response. The browser's headers are trusted, since the check protects the browser's
    /// user.
    ///
    /// # Errors
    /// If the request must be rejected.
    fn allow_origin(
        &self,
        route: &Route,
        request: &Request<Incoming>,
    ) -> Result<Option<HeaderValue>, CrossOrigin> {
        let header = |name: &str| request.headers().get(name);
        let origin = header(ORIGIN.as_str());
        let origin_text = origin.and_then(|origin| origin.to_str().ok());
        let is_same_origin = origin_text.is_some_and(|origin| {
            HOST_NAMES.iter().any(|name| origin == format!("http://{name}:{}", self.port))
        });
        let is_cross_origin = origin.is_some() && !is_same_origin;
        match route {
            // Public documents, the same for every client.
            Route::Login((_, Endpoint::Discovery | Endpoint::Keys)) => {
                Ok(Some(HeaderValue::from_static("*")))
            }
            // Pages to which any site may link. They contain no secrets.
            Route::Asset(_) | Route::Login((_, Endpoint::Authorize)) => Ok(None),
            Route::Login((_, Endpoint::Token)) => match origin_text {
                Some(text) if is_cross_origin && self.provider().trusts_origin(text) => Ok(origin.cloned()),
                _ if is_cross_origin => Err(CrossOrigin),
                _ => Ok(None),
            },
            // Browsers send `Origin` with every posted form.
            Route::Login((_, Endpoint::Login)) if !is_same_origin => Err(CrossOrigin),
            Route::Login((_, Endpoint::Login)) => Ok(None),
            // It starts a program, so the browser must say that the page itself asks.
            Route::Demo if !is_same_origin => Err(CrossOrigin),
            Route::Gateway
            | Route::Examples
            | Route::Events
            | Route::Preview
            | Route::Registry
            | Route::Demo
            | Route::Token => {
                let site = header("sec-fetch-site").map(HeaderValue::as_bytes);
                let is_allowed_site = matches!(site, None | Some(b"same-origin" | b"none"));
                if is_cross_origin || !is_allowed_site { Err(CrossOrigin) } else { Ok(None) }
            }
        }
    }

    async fn serve(&self, route: Route, request: Request<Incoming>, address: &str) -> Response<Body> {
        let method = request.method().clone();
        let is_read = method == Method::GET || method == Method::HEAD;
        match route {
            Route::Asset(asset) if is_read => asset.respond(),
            Route::Gateway if is_read => json_response(StatusCode::OK, &self.gateway(address)),
            Route::Examples if is_read => {
                json_response(StatusCode::OK, &examples::json(self.provider().realms()))
            }
            Route::Events if method == Method::GET => self.events(request.headers()),
            Route::Registry if is_read => {
                match registry::read(Arc::clone(&self.auth), Arc::clone(&self.connections)).await {
                    Some(view) => json_response(StatusCode::OK, &view),
                    None => text(StatusCode::INTERNAL_SERVER_ERROR, "cannot read the registry\n".to_owned()),
                }
            }
            Route::Demo if method == Method::POST => match read_body(request).await {
                Ok(body) => self.demo(&body),
                Err(response) => response,
            },
            Route::Preview if method == Method::POST => {
                let token = bearer(request.headers());
                match read_body(request).await {
                    Ok(body) => self.preview(token.as_deref(), &body).await,
                    Err(response) => response,
                }
            }
            Route::Login(endpoint) => self.login(endpoint, request, address).await,
            Route::Token if method == Method::POST => match read_body(request).await {
                Ok(body) => token::respond(&self.provider(), &body),
                Err(response) => response,
            },
            Route::Preview | Route::Demo | Route::Token => not_allowed("POST"),
            Route::Events => not_allowed("GET"),
            Route::Asset(_) | Route::Gateway | Route::Examples | Route::Registry => not_allowed("GET, HEAD"),
        }
    }

    async fn login(
        &self,
        endpoint: (usize, Endpoint),
        request: Request<Incoming>,
        address: &str,
    ) -> Response<Body> {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let header =
            |name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (content_type, authorization) = (header(CONTENT_TYPE), header(AUTHORIZATION));
        let body = match read_body(request).await {
            Ok(body) => body,
            Err(response) => return response,
        };
        let request = ProviderRequest {
            method: &method,
            address,
            query: uri.query().unwrap_or_default(),
            content_type: content_type.as_deref(),
            authorization: authorization.as_deref(),
            body: &body,
            now: clock::now(),
        };
        self.provider().respond(endpoint, &request).map(whole)
    }

    /// Returns the settings for the page.
    fn gateway(&self, address: &str) -> Value {
        let provider = self.provider();
        let issuers = provider.issuers().map(|(id, issuer)| {
            let discovery = format!("{address}/oidc/{id}/.well-known/openid-configuration");
            json!({ "id": id, "issuer": issuer, "discovery": discovery })
        });
        json!({
            "issuers": issuers.collect::<Vec<_>>(), "client_id": PAGE, "time_scale": self.time_scale,
            "authorizer": self.auth.custom.name(), "tls_port": self.tls_port, "ca": self.page.ca,
            "demos": self.page.demos.as_ref().map(|demos| demos.names()).unwrap_or_default(),
            "keeps_keys": self.page.keeps_keys, "identity_pool": self.identity_pool(),
            "configured": self.page.annotator.as_ref().map(|annotator| annotator.issuers()).unwrap_or_default(),
        })
    }

    /// Returns the identity pool as apps need it: its id, its Region, and the keys of `Logins`.
    fn identity_pool(&self) -> Option<Value> {
        let cloud = self.auth.x509.cloud()?;
        let pool = cloud.identity_pool()?;
        let providers: Vec<_> = pool.providers.iter().map(|provider| provider.name()).collect();
        Some(json!({ "id": pool.id, "region": cloud.account().region(), "providers": providers }))
    }
}

fn provider(login: ProviderOptions, port: u16) -> Arc<Provider> {
    Arc::new(Provider::new(login, &HOST_NAMES.map(|name| format!("http://{name}:{port}"))))
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

async fn read_body(request: Request<Incoming>) -> Result<Bytes, Response<Body>> {
    let body = Limited::new(request.into_body(), MAX_BODY_BYTES).collect();
    match tokio::time::timeout(READ_TIMEOUT, body).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(_)) => {
            Err(text(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large or cannot be read\n".to_owned()))
        }
        Err(_) => Err(text(StatusCode::REQUEST_TIMEOUT, "timed out while reading the body\n".to_owned())),
    }
}

fn not_allowed(methods: &'static str) -> Response<Body> {
    let mut response =
        text(StatusCode::METHOD_NOT_ALLOWED, format!("method not allowed; expected {methods}\n"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

fn text(status: StatusCode, content: String) -> Response<Body> {
    with_type(status, "text/plain; charset=utf-8", content.into())
}

fn json_response(status: StatusCode, value: &Value) -> Response<Body> {
    with_type(status, "application/json", value.to_string().into())
}

fn with_type(status: StatusCode, content_type: &'static str, content: Bytes) -> Response<Body> {
    let mut response = Response::new(whole(content));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn whole(content: Bytes) -> Body {
    Either::Left(Full::new(content))
}
