//! The front door: what AWS IoT Core does before and around the broker.
//!
//! One plain port on loopback serves MQTT over WebSocket at `/mqtt`, the HTTPS publish at `/topics/...`, and pages.

mod head;
mod pages;
mod publish;
mod websocket;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use self::head::Head;
pub use self::pages::Page;
use self::websocket::Upgrade;
use crate::broker::{Broker, BrokerError};
use crate::clock::Scale;
use crate::connection::Connections;
use crate::event::Authorizer;
use crate::gate::Gate;
use crate::journal::{Journal, What};
use crate::lambda::{self, Lambda, LambdaSpec};
use crate::policy::NotAnArn;

/// What the front door is made of.
pub struct FrontOptions {
    /// The plain port; 0 takes any free one.
    pub port: u16,
    /// The authorizer's function.
    pub function: LambdaSpec,
    /// The authorizer's definition.
    pub authorizer: Authorizer,
    /// What the seconds of an answer are divided by; 1 is real time.
    pub time_scale: u32,
    /// Pages served beside the protocols, such as discovery and key set of the development issuer.
    pub pages: Vec<Page>,
}

/// Why the door does not open.
#[derive(Debug, thiserror::Error)]
pub enum FrontError {
    /// The function's ARN is none.
    #[error(transparent)]
    Arn(#[from] NotAnArn),
    /// The function does not run.
    #[error(transparent)]
    Function(#[from] lambda::StartError),
    /// The broker does not run.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The port is not to be had.
    #[error("cannot listen on 127.0.0.1:{port}: {source}; choose another with --port")]
    Listen {
        /// The port asked for.
        port: u16,
        /// What the system says.
        source: std::io::Error,
    },
}

/// The front door.
pub struct Front;

/// An open front door. Dropping it closes it, with all connections and the function's processes.
pub struct Running {
    /// The plain port.
    pub port: u16,
    /// What happens; subscribe before connecting to miss nothing.
    pub journal: Journal,
    /// The function.
    pub lambda: Arc<Lambda>,
    _tasks: JoinSet<()>,
}

/// What every connection needs.
struct House {
    gate: Arc<Gate>,
    broker: Broker,
    connections: Arc<Connections>,
    pages: Vec<Page>,
}

impl Front {
    /// Starts function, broker and listener.
    ///
    /// # Errors
    /// See [`FrontError`]; a function that names its own faults on standard error is quoted.
    pub async fn start(options: FrontOptions) -> Result<Running, FrontError> {
        let port = options.port;
        let failed = |source| FrontError::Listen { port, source };
        let arn = options.function.function_arn.parse()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let journal = Journal::default();
        let lines = journal.clone();
        let write = move |line| lines.record(None, None, What::Function(line));
        let lambda = Arc::new(Lambda::start(options.function, Arc::new(write)).await?);
        let time = Scale::faster(options.time_scale);
        let gate = Gate::new(Arc::clone(&lambda), options.authorizer, arn, time, journal.clone());
        let gate = Arc::new(gate);
        let connections = Arc::new(Connections::default());
        let broker = Broker::start(Arc::clone(&gate), Arc::clone(&connections)).await?;
        let house = Arc::new(House { gate, broker, connections, pages: options.pages });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, house));
        Ok(Running { port, journal, lambda, _tasks: tasks })
    }
}

async fn accept(listener: TcpListener, house: Arc<House>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve(stream, peer, Arc::clone(&house)));
                }
                // No more file descriptors, most likely: connections that end will free some.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection: one HTTP request, which may become a WebSocket.
async fn serve(mut stream: TcpStream, peer: SocketAddr, house: Arc<House>) {
    let _ = stream.set_nodelay(true);
    let Some(head) = head::read(&mut stream).await else { return };
    let head = Arc::new(head);
    let upgrade: Arc<Mutex<Option<Upgrade>>> = Arc::default();
    let service = service_fn(|request| {
        let (head, house, upgrade) = (Arc::clone(&head), Arc::clone(&house), Arc::clone(&upgrade));
        async move { Ok::<_, Infallible>(answer(request, &head, peer, &house, &upgrade).await) }
    });
    // The head has been read here, for the case of its header names; the HTTP server reads it once more.
    let (reader, writer) = tokio::io::split(stream);
    let replayed = tokio::io::join(std::io::Cursor::new(head.bytes.clone()).chain(reader), writer);
    let http = hyper::server::conn::http1::Builder::new();
    let served = http.serve_connection(TokioIo::new(replayed), service).with_upgrades().await;
    let upgrade = upgrade.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let (Ok(()), Some(upgrade)) = (served, upgrade) {
        websocket::run(upgrade, peer, &house).await;
    }
}

async fn answer(
    mut request: Request<Incoming>,
    head: &Head,
    peer: SocketAddr,
    house: &House,
    upgrade: &Mutex<Option<Upgrade>>,
) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let mut response = match (request.method(), path) {
        (&Method::GET, "/mqtt") => match websocket::accept(&mut request, head) {
            Ok((response, accepted)) => {
                *upgrade.lock().unwrap_or_else(PoisonError::into_inner) = Some(accepted);
                return response;
            }
            Err(response) => response,
        },
        (&Method::POST, path) if path.starts_with("/topics/") => {
            publish::answer(request, head, peer, house).await
        }
        (&Method::GET | &Method::HEAD, path) => pages::answer(path, &house.pages),
        _ => text(StatusCode::NOT_FOUND, "nothing here\n"),
    };
    // Only the first head has been read with its case kept, so there is no second request.
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
