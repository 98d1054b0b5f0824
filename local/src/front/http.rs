//! HTTP/1.1: one request after the other, the last of which may become a WebSocket.

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
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::head::{self, Head};
use super::pages::Body;
use super::visit::Visit;
use super::websocket::{self, Upgrade};
use super::{House, publish};

/// Answers requests until the client or an answer ends the connection. `read` is what has come of them so far.
pub(super) async fn serve<S>(mut stream: S, mut read: BytesMut, visit: Visit, house: Arc<House>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let visit = Arc::new(visit);
    let mut first = true;
    while let Some(head) = head::read(&mut stream, &mut read, first).await {
        first = false;
        let Some(body) = head.body else { return last(stream, read, head, &visit, &house).await };
        if !one(&mut stream, &mut read, head, body, &visit, &house).await {
            break;
        }
    }
    let _ = stream.shutdown().await;
}

/// Answers one request. The head has been read for the case of its header names; the HTTP server reads it once more, and
/// is given not a byte behind the body. True if another request may follow.
async fn one<S>(
    stream: &mut S,
    read: &mut BytesMut,
    head: Head,
    body: u64,
    visit: &Arc<Visit>,
    house: &Arc<House>,
) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let length = usize::try_from(body).map_or(usize::MAX, |body| head.length.saturating_add(body));
    let had = read.split_to(length.min(read.len())).freeze();
    let missing = u64::try_from(length.saturating_sub(had.len())).unwrap_or(u64::MAX);
    let request = Arc::new(Exchange::new(head));
    let (reader, writer) = tokio::io::split(stream);
    let mut rest = reader.take(missing);
    {
        let service = service_fn(|asked| {
            let (request, visit, house) = (Arc::clone(&request), Arc::clone(visit), Arc::clone(house));
            Box::pin(async move { Ok::<_, Infallible>(answer(asked, &request, &visit, &house).await) })
        });
        let replayed = tokio::io::join(Cursor::new(had).chain(&mut rest), writer);
        // The end of what it may read is no sign that the client has gone.
        let mut http =
            http1::Builder::new().half_close(true).serve_connection(TokioIo::new(replayed), service);
        if std::future::poll_fn(|context| http.poll_without_shutdown(context)).await.is_err() {
            return false;
        }
    }
    request.stays.load(Ordering::Relaxed) && rest.limit() == 0
}

/// Answers the last request, with all that follows left to the HTTP server or the WebSocket.
async fn last<S>(stream: S, read: BytesMut, head: Head, visit: &Arc<Visit>, house: &Arc<House>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let request = Arc::new(Exchange::new(head));
    let service = service_fn(|asked| {
        let (request, visit, house) = (Arc::clone(&request), Arc::clone(visit), Arc::clone(house));
        async move { Ok::<_, Infallible>(answer(asked, &request, &visit, &house).await) }
    });
    let (reader, writer) = tokio::io::split(stream);
    let replayed = tokio::io::join(Cursor::new(read.freeze()).chain(reader), writer);
    let served =
        http1::Builder::new().serve_connection(TokioIo::new(replayed), service).with_upgrades().await;
    let upgrade = request.upgrade.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let (Ok(()), Some(upgrade)) = (served, upgrade) {
        websocket::run(upgrade, visit.peer, house).await;
    }
}

/// A request and what becomes of its connection.
struct Exchange {
    head: Head,
    upgrade: Mutex<Option<Upgrade>>,
    stays: AtomicBool,
}

impl Exchange {
    fn new(head: Head) -> Self {
        Self { head, upgrade: Mutex::default(), stays: AtomicBool::new(false) }
    }
}

async fn answer(
    mut request: Request<Incoming>,
    exchange: &Exchange,
    visit: &Visit,
    house: &House,
) -> Response<Body> {
    let head = &exchange.head;
    let path = request.uri().path();
    // A request is behind us only if its body has been read.
    let mut read = head.body == Some(0);
    let mut response = match (request.method(), path) {
        (&Method::GET, "/mqtt") => match websocket::accept(&mut request, head, visit) {
            Ok((response, accepted)) => {
                *exchange.upgrade.lock().unwrap_or_else(PoisonError::into_inner) = Some(accepted);
                return response.map(Either::Left);
            }
            Err(response) => response.map(Either::Left),
        },
        (&Method::POST, path) if path.starts_with("/topics/") => {
            publish::answer(request, head, visit, house, &mut read).await.map(Either::Left)
        }
        _ => house.site.answer(request).await,
    };
    if read && head.body.is_some() {
        exchange.stays.store(true, Ordering::Relaxed);
    } else {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
