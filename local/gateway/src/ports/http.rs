//! Serves HTTP/1.1: one request after another. The last one may become a WebSocket.

use std::convert::Infallible;
use std::io::Cursor;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Gateway;
use super::api;
use super::client_connection::ClientConnection;
use super::head::{self, Head};
use super::publish;
use super::rest;
use super::text;
use super::websocket::{self, Rejection, Upgrade};
use crate::event_log::EntryKind;
use crate::pages::Body;

const WEBSOCKET_PATH: &str = "the path of MQTT over WebSocket is /mqtt";

const WEBSOCKET_PATH_LINE: &str = "the path of MQTT over WebSocket is /mqtt\n";

/// Serves requests until the client or a response ends the connection. `buffer` holds the bytes received so far.
pub(super) async fn serve<S>(
    mut stream: S,
    mut buffer: BytesMut,
    client: ClientConnection,
    gateway: Arc<Gateway>,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let client = Arc::new(client);
    let mut is_first = true;
    while let Some(head) = head::read(&mut stream, &mut buffer, is_first).await {
        is_first = false;
        let Some(body_length) = head.body_length else {
            return serve_last(stream, buffer, head, &client, &gateway).await;
        };
        if !serve_one(&mut stream, &mut buffer, head, body_length, &client, &gateway).await {
            break;
        }
    }
    let _ = stream.shutdown().await;
}

/// Serves one request. hyper parses the head again, and gets no byte after the body. Returns whether another request
/// may follow.
async fn serve_one<S>(
    stream: &mut S,
    buffer: &mut BytesMut,
    head: Head,
    body_length: u64,
    client: &Arc<ClientConnection>,
    gateway: &Arc<Gateway>,
) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let length = usize::try_from(body_length).map_or(usize::MAX, |body| head.length.saturating_add(body));
    let received = buffer.split_to(length.min(buffer.len())).freeze();
    let missing = u64::try_from(length.saturating_sub(received.len())).unwrap_or(u64::MAX);
    let exchange = Arc::new(Exchange::new(head));
    let (reader, writer) = tokio::io::split(stream);
    let mut rest = reader.take(missing);
    {
        let service = service_fn(|request| {
            let (exchange, client, gateway) =
                (Arc::clone(&exchange), Arc::clone(client), Arc::clone(gateway));
            Box::pin(async move { Ok::<_, Infallible>(respond(request, &exchange, &client, &gateway).await) })
        });
        let replayed = tokio::io::join(Cursor::new(received).chain(&mut rest), writer);
        // `half_close`: the end of this request's bytes does not mean that the client has closed the connection.
        let mut http =
            http1::Builder::new().half_close(true).serve_connection(TokioIo::new(replayed), service);
        if std::future::poll_fn(|context| http.poll_without_shutdown(context)).await.is_err() {
            return false;
        }
    }
    exchange.is_kept_alive.load(Ordering::Relaxed) && rest.limit() == 0
}

/// Serves the last request. All further bytes belong to hyper or the WebSocket.
async fn serve_last<S>(
    stream: S,
    buffer: BytesMut,
    head: Head,
    client: &Arc<ClientConnection>,
    gateway: &Arc<Gateway>,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let exchange = Arc::new(Exchange::new(head));
    let service = service_fn(|request| {
        let (exchange, client, gateway) = (Arc::clone(&exchange), Arc::clone(client), Arc::clone(gateway));
        async move { Ok::<_, Infallible>(respond(request, &exchange, &client, &gateway).await) }
    });
    let (reader, writer) = tokio::io::split(stream);
    let replayed = tokio::io::join(Cursor::new(buffer.freeze()).chain(reader), writer);
    let served =
        http1::Builder::new().serve_connection(TokioIo::new(replayed), service).with_upgrades().await;
    let upgrade = exchange.upgrade.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let (Ok(()), Some(upgrade)) = (served, upgrade) {
        websocket::run(upgrade, client.peer, gateway).await;
    }
}

/// Records why a client cannot connect.
fn record_denial(gateway: &Gateway, client: &ClientConnection, reason: String) {
    let kind = EntryKind::ConnectDenied { reason, decided_by: None };
    gateway.event_log().record(Some(client.connection), None, kind);
}

/// A request, and what its response means for the connection.
struct Exchange {
    head: Head,
    upgrade: Mutex<Option<Upgrade>>,
    /// Whether another request may follow.
    is_kept_alive: AtomicBool,
}

impl Exchange {
    fn new(head: Head) -> Self {
        Self { head, upgrade: Mutex::default(), is_kept_alive: AtomicBool::new(false) }
    }
}

async fn respond(
    mut request: Request<Incoming>,
    exchange: &Exchange,
    client: &ClientConnection,
    gateway: &Gateway,
) -> Response<Body> {
    let head = &exchange.head;
    let path = request.uri().path();
    // Another request can follow only if the body of this one has been read.
    let mut is_body_read = head.body_length == Some(0);
    let mut response = match (request.method(), path) {
        (&Method::GET, "/mqtt") => match websocket::accept(&mut request, head, client, gateway) {
            Ok((response, upgrade)) => {
                *exchange.upgrade.lock().unwrap_or_else(PoisonError::into_inner) = Some(upgrade);
                return response.map(Either::Left);
            }
            Err(Rejection { response, reason }) => {
                record_denial(gateway, client, reason);
                response.map(Either::Left)
            }
        },
        (_, path) if websocket::is_handshake(request.headers()) => {
            let reason = format!(
                "WebSocket handshake at \"{path}\"; {WEBSOCKET_PATH}; help: connect to the path /mqtt, \
                 without a slash at its end"
            );
            record_denial(gateway, client, reason);
            text(StatusCode::NOT_FOUND, WEBSOCKET_PATH_LINE).map(Either::Left)
        }
        (&Method::POST, path) if path.starts_with("/topics/") => {
            publish::respond(request, head, client, gateway, &mut is_body_read).await.map(Either::Left)
        }
        _ if let Some(named) = rest::of_request(&request) => {
            rest::respond(request, named, head, client, gateway, &mut is_body_read).await.map(Either::Left)
        }
        (&Method::GET | &Method::HEAD, api::AUTHORITY_PATH) => {
            api::authority(&request, client, gateway).map(Either::Left)
        }
        (&Method::OPTIONS, _) if let Some(response) = api::preflight(&request, client, gateway) => {
            response.map(Either::Left)
        }
        (method, path)
            if api::is_signed(&request) || (api::is_api(&request) && !gateway.site.serves(method, path)) =>
        {
            api::respond(request, client, gateway, &mut is_body_read).await.map(Either::Left)
        }
        _ => gateway.site.respond(request).await,
    };
    if is_body_read && head.body_length.is_some() {
        exchange.is_kept_alive.store(true, Ordering::Relaxed);
    } else {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
