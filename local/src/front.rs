//! The front door: what AWS IoT Core does before and around the broker.
//!
//! A plain port on loopback serves MQTT over WebSocket at `/mqtt`, the HTTPS publish at `/topics/...`, and the page with
//! the development issuer at every other path. A TLS port serves the same, but for the page, and MQTT itself.

mod head;
mod http;
mod pages;
mod publish;
mod relay;
mod secure;
mod visit;
mod websocket;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use self::pages::Site;
use self::visit::Visit;
use crate::broker::{Broker, BrokerError};
use crate::clock::Scale;
use crate::connection::Connections;
use crate::gate::Gate;
use crate::journal::{Journal, What};
use crate::lambda::{self, Function, Lambda};
use crate::oidc::ProviderOptions;
use crate::policy::{Arn, NotAnArn};
use crate::selection::Authorizer;
use crate::tls::{Tls, TlsError, TlsOptions};

/// What the front door is made of.
pub struct FrontOptions {
    /// The plain port; 0 takes any free one.
    pub port: u16,
    /// The TLS port; none is opened without.
    pub tls: Option<TlsOptions>,
    /// The authorizer's function.
    pub function: Function,
    /// The authorizer's definition.
    pub authorizer: Authorizer,
    /// What the seconds of an answer are divided by; 1 is real time.
    pub time_scale: u32,
    /// Whom people and machines log in with; without issuers there is nobody.
    pub login: ProviderOptions,
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
    /// There is no TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A port is not to be had.
    #[error("cannot listen on 127.0.0.1:{port}: {source}; choose another with {option}")]
    Listen {
        /// The port asked for.
        port: u16,
        /// Where it was asked for.
        option: &'static str,
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
    /// The TLS port, if there is one.
    pub tls_port: Option<u16>,
    /// What happens; subscribe before connecting to miss nothing.
    pub journal: Journal,
    /// The function.
    pub lambda: Arc<Lambda>,
    /// The function's ARN.
    pub arn: Arn,
    _tasks: JoinSet<()>,
}

/// What every connection needs.
struct House {
    gate: Arc<Gate>,
    broker: Broker,
    connections: Arc<Connections>,
    site: Site,
}

impl Front {
    /// Starts function, broker and listener.
    ///
    /// # Errors
    /// See [`FrontError`]; a function that names its own faults on standard error is quoted.
    pub async fn start(options: FrontOptions) -> Result<Running, FrontError> {
        let arn: Arn = options.function.arn().parse()?;
        let (listener, port) = listen(options.port, "--port").await?;
        let secure = match &options.tls {
            Some(tls) => Some((Arc::new(Tls::new(tls)?), listen(tls.port, "--tls-port").await?)),
            None => None,
        };
        let journal = Journal::default();
        let lines = journal.clone();
        let write = move |line| lines.record(None, None, What::Function(line));
        let lambda = Arc::new(Lambda::start(options.function, Arc::new(write)).await?);
        let site = Site::new(
            port,
            options.login,
            journal.clone(),
            Arc::clone(&lambda),
            options.authorizer.name.clone(),
            arn.clone(),
            options.time_scale,
        );
        let time = Scale::faster(options.time_scale);
        let gate = Gate::new(Arc::clone(&lambda), options.authorizer, arn.clone(), time, journal.clone());
        let gate = Arc::new(gate);
        let connections = Arc::new(Connections::default());
        let broker = Broker::start(Arc::clone(&gate), Arc::clone(&connections)).await?;
        let house = Arc::new(House { gate, broker, connections, site });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&house), None));
        let tls_port = secure.map(|(tls, (listener, port))| {
            tasks.spawn(accept(listener, house, Some(tls)));
            port
        });
        Ok(Running { port, tls_port, journal, lambda, arn, _tasks: tasks })
    }
}

/// The listener and its port.
async fn listen(port: u16, option: &'static str) -> Result<(TcpListener, u16), FrontError> {
    let failed = |source| FrontError::Listen { port, option, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    Ok((listener, port))
}

async fn accept(listener: TcpListener, house: Arc<House>, tls: Option<Arc<Tls>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve(stream, peer, tls.clone(), Arc::clone(&house)));
                }
                // No more file descriptors, most likely: connections that end will free some.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, tls: Option<Arc<Tls>>, house: Arc<House>) {
    let _ = stream.set_nodelay(true);
    match tls {
        Some(tls) => secure::serve(stream, peer.ip(), tls, house).await,
        None => http::serve(stream, BytesMut::new(), Visit::new(peer.ip(), None), house).await,
    }
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
