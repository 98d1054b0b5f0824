//! Serves the ports: TLS, HTTP, WebSocket, MQTT, and the relay between a client and the broker.

mod plain;
mod secure;

mod head;
mod http;
mod http_auth;

mod answer;
mod api;
mod body;

mod publish;
mod rest;
mod websocket;

mod byte_transport;
mod relay;

mod client_connection;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::auth::Authenticators;
use crate::auth::endpoint::EndpointSettings;
use crate::broker::{Broker, Presence};
use crate::connection::Connections;
use crate::event_log::EventLog;
use crate::pages::Site;
use crate::rules::Rules;
use crate::shadows::Shadows;
use crate::timeouts::ACCEPT_PAUSE;
use crate::tls::{DomainTls, Tls};

/// A response with a complete body, not a stream.
type WholeResponse = Response<Full<Bytes>>;

/// What all connections share.
pub(crate) struct Gateway {
    pub(crate) auth: Arc<Authenticators>,
    pub(crate) endpoint: EndpointSettings,
    /// Absent without TLS.
    pub(crate) domain_tls: Option<DomainTls>,
    /// The gateway's CA certificate, PEM. Absent without TLS.
    pub(crate) authority_pem: Option<String>,
    pub(crate) presence: Arc<Presence>,
    pub(crate) broker: Arc<Broker>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) site: Site,
    pub(crate) rules: Arc<Rules>,
    pub(crate) shadows: Arc<Shadows>,
}

impl Gateway {
    /// Returns the settings for clients of a server name: of its domain configuration, or else of the gateway's
    /// endpoint.
    ///
    /// # Errors
    /// The domain configuration is DISABLED.
    pub(crate) fn endpoint_of(&self, server_name: Option<&str>) -> Result<EndpointSettings, String> {
        let live = self.auth.custom.live();
        match server_name.and_then(|name| live.domain(name)) {
            None => Ok(self.endpoint),
            Some(domain) if domain.is_enabled() => Ok(domain.endpoint),
            Some(domain) => Err(format!(
                "domain configuration {} of {} is DISABLED; help: update its status to ENABLED",
                domain.record.name, domain.record.domain_name
            )),
        }
    }

    pub(crate) fn event_log(&self) -> &EventLog {
        &self.auth.custom.event_log
    }
}

/// Serves a port until the future is dropped. With `tls`, each connection starts with a TLS handshake.
pub(crate) async fn accept(listener: TcpListener, gateway: Arc<Gateway>, tls: Option<Arc<Tls>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve(stream, peer, tls.clone(), Arc::clone(&gateway)));
                }
                // Probably no file descriptors are left. Connections that end free some.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, tls: Option<Arc<Tls>>, gateway: Arc<Gateway>) {
    let _ = stream.set_nodelay(true);
    match tls {
        Some(tls) => secure::serve(stream, peer.ip(), tls, gateway).await,
        None => plain::serve(stream, peer.ip(), gateway).await,
    }
}

pub(super) fn text(status: StatusCode, body: &'static str) -> WholeResponse {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
