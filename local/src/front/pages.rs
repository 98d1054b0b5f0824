//! What a browser finds at the front door: the page, its event stream, and the development issuer.
//!
//! The port is on loopback, but a browser can be led there by any web site, under any name that resolves to it. So a
//! request has to name the door by one of its own addresses, and one that comes from another site's script is refused.

mod assets;
mod events;
mod preview;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::clock;
use crate::journal::Journal;
use crate::lambda::Lambda;
use crate::oidc::{Asked, Endpoint, PAGE, Provider, ProviderOptions};
use crate::policy::Arn;

/// Largest body that anything here takes, in bytes.
const BODY: usize = 24 * 1024;

/// How long a client may take to send it.
const PATIENCE: Duration = Duration::from_secs(10);

type Stream = std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>;

/// A whole body, or one that goes on.
pub(super) type Body = Either<Full<Bytes>, StreamBody<Stream>>;

type Answer = Response<Body>;

/// Everything that is served here.
pub(super) struct Site {
    port: u16,
    provider: Provider,
    journal: Journal,
    lambda: Arc<Lambda>,
    /// The authorizer's name, which the page asks for.
    authorizer: String,
    arn: Arn,
    time_scale: u32,
    /// Tells one run of the door from the next, whose entries begin at one again.
    run: String,
}

/// What a path leads to.
enum Route {
    Asset(&'static assets::Asset),
    Door,
    Events,
    Preview,
    Login((usize, Endpoint)),
}

/// A request that another site's page makes a browser send.
struct Foreign;

/// Names of this machine by which the door can be reached.
const NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

impl Site {
    pub(super) fn new(
        port: u16,
        login: ProviderOptions,
        journal: Journal,
        lambda: Arc<Lambda>,
        authorizer: String,
        arn: Arn,
        time_scale: u32,
    ) -> Self {
        let addresses = NAMES.map(|name| format!("http://{name}:{port}"));
        let run = uuid::Uuid::new_v4().simple().to_string();
        let provider = Provider::new(login, &addresses);
        Self { port, provider, journal, lambda, authorizer, arn, time_scale, run }
    }

    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let Some(address) = self.address(request.headers()) else {
            let port = self.port;
            let hint =
                format!("this door answers to http://127.0.0.1:{port} and http://localhost:{port} alone\n");
            return finish(text(StatusCode::MISDIRECTED_REQUEST, hint), None);
        };
        let mut answer = match self.route(request.uri().path()) {
            None => text(StatusCode::NOT_FOUND, "nothing here\n".to_owned()),
            Some(route) => match self.allow_origin(&route, &request) {
                Err(Foreign) => text(StatusCode::FORBIDDEN, "not from another origin\n".to_owned()),
                Ok(allowed) => {
                    let mut answer = self.serve(route, request, &address).await;
                    if let Some(origin) = allowed {
                        answer.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                        answer.headers_mut().insert(VARY, HeaderValue::from_static("Origin"));
                    }
                    answer
                }
            },
        };
        answer = finish(answer, Some(&address));
        answer
    }

    /// The address that the request names, if it is the door's (against DNS rebinding).
    fn address(&self, headers: &HeaderMap) -> Option<String> {
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next()?.to_str().ok()?;
        let known = NAMES.iter().any(|name| host.eq_ignore_ascii_case(&format!("{name}:{}", self.port)));
        (known && hosts.next().is_none()).then(|| format!("http://{}", host.to_ascii_lowercase()))
    }

    fn route(&self, path: &str) -> Option<Route> {
        Some(match path {
            "/api/door" => Route::Door,
            "/api/events" => Route::Events,
            "/api/preview" => Route::Preview,
            path => match assets::find(path) {
                Some(asset) => Route::Asset(asset),
                None => Route::Login(self.provider.endpoint(path)?),
            },
        })
    }

    /// Whether a request may be answered that comes from where it says; and whether a script there may read the answer.
    /// What browsers say of themselves is believed: their user is who is protected here.
    fn allow_origin(
        &self,
        route: &Route,
        request: &Request<Incoming>,
    ) -> Result<Option<HeaderValue>, Foreign> {
        let header = |name: &str| request.headers().get(name);
        let origin = header(ORIGIN.as_str());
        let named = origin.and_then(|origin| origin.to_str().ok());
        let own = named
            .is_some_and(|named| NAMES.iter().any(|name| named == format!("http://{name}:{}", self.port)));
        let foreign = origin.is_some() && !own;
        match route {
            // Public, and nothing in them depends on who asks.
            Route::Login((_, Endpoint::Discovery | Endpoint::Keys)) => {
                Ok(Some(HeaderValue::from_static("*")))
            }
            // A browser comes here from anywhere; it is shown a page and given nothing.
            Route::Asset(_) | Route::Login((_, Endpoint::Authorize)) => Ok(None),
            Route::Login((_, Endpoint::Token)) => match named {
                Some(named) if foreign && self.provider.trusts_origin(named) => Ok(origin.cloned()),
                _ if foreign => Err(Foreign),
                _ => Ok(None),
            },
            // Browsers name the origin of every form that is posted.
            Route::Login((_, Endpoint::Login)) if !own => Err(Foreign),
            Route::Login((_, Endpoint::Login)) => Ok(None),
            Route::Door | Route::Events | Route::Preview => {
                let site = header("sec-fetch-site").map(HeaderValue::as_bytes);
                let near = matches!(site, None | Some(b"same-origin" | b"none"));
                if foreign || !near { Err(Foreign) } else { Ok(None) }
            }
        }
    }

    async fn serve(&self, route: Route, request: Request<Incoming>, address: &str) -> Answer {
        let method = request.method().clone();
        let reads = method == Method::GET || method == Method::HEAD;
        match route {
            Route::Asset(asset) if reads => asset.answer(),
            Route::Door if reads => json_answer(StatusCode::OK, &self.door(address)),
            Route::Events if method == Method::GET => self.events(request.headers()),
            Route::Preview if method == Method::POST => {
                let token = bearer(request.headers());
                match read(request).await {
                    Ok(body) => self.preview(token.as_deref(), &body).await,
                    Err(refusal) => refusal,
                }
            }
            Route::Login(endpoint) => self.login(endpoint, request, address).await,
            Route::Preview => not_allowed("POST"),
            Route::Events => not_allowed("GET"),
            Route::Asset(_) | Route::Door => not_allowed("GET, HEAD"),
        }
    }

    async fn login(&self, endpoint: (usize, Endpoint), request: Request<Incoming>, address: &str) -> Answer {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let header =
            |name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (content_type, authorization) = (header(CONTENT_TYPE), header(AUTHORIZATION));
        let body = match read(request).await {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        let asked = Asked {
            method: &method,
            address,
            query: uri.query().unwrap_or_default(),
            content_type: content_type.as_deref(),
            authorization: authorization.as_deref(),
            body: &body,
            now: clock::now(),
        };
        self.provider.answer(endpoint, &asked).map(whole)
    }

    /// What the page has to know before anything else.
    fn door(&self, address: &str) -> Value {
        let issuers = self.provider.issuers().map(|(id, issuer)| {
            let discovery = format!("{address}/oidc/{id}/.well-known/openid-configuration");
            json!({ "id": id, "issuer": issuer, "discovery": discovery })
        });
        json!({
            "issuers": issuers.collect::<Vec<_>>(), "client_id": PAGE, "time_scale": self.time_scale,
            "authorizer": self.authorizer,
        })
    }
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

async fn read(request: Request<Incoming>) -> Result<Bytes, Answer> {
    let body = Limited::new(request.into_body(), BODY).collect();
    match tokio::time::timeout(PATIENCE, body).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(_)) => {
            Err(text(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large or cannot be read\n".to_owned()))
        }
        Err(_) => Err(text(StatusCode::REQUEST_TIMEOUT, "the body did not come in time\n".to_owned())),
    }
}

/// What every answer says to browsers.
fn finish(mut answer: Answer, address: Option<&str>) -> Answer {
    let headers = answer.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // `no-referrer` would have browsers hide the origin of forms, too.
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
        // Not every browser counts a WebSocket to the same address as 'self'.
        let socket = address.and_then(|address| address.strip_prefix("http"));
        let socket = socket.map(|rest| format!(" ws{rest}")).unwrap_or_default();
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'{socket}; \
             form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
        );
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
    }
    answer
}

fn not_allowed(methods: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "another method is needed here\n".to_owned());
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    answer
}

fn text(status: StatusCode, content: String) -> Answer {
    with_type(status, "text/plain; charset=utf-8", content.into())
}

fn json_answer(status: StatusCode, value: &Value) -> Answer {
    with_type(status, "application/json", value.to_string().into())
}

fn with_type(status: StatusCode, content_type: &'static str, content: Bytes) -> Answer {
    let mut answer = Response::new(whole(content));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

fn whole(content: Bytes) -> Body {
    Either::Left(Full::new(content))
}
