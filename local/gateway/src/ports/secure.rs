//! Serves the TLS port: the handshake, and the selection of the protocol.

use std::future::ready;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::{self, server::Acceptor};
use tokio_rustls::server::TlsStream;
use tokio_util::codec::{BytesCodec, Framed};

use super::Gateway;
use super::client_connection::{ClientConnection, Handshake};
use super::http;
use super::plain::CONNECT;
use super::relay::{self, Stop};
use crate::certificate::{ClientCertificate, SERVER_NAME};
use crate::event_log::EntryKind;
use crate::facts::ConnectionFacts;
use crate::timeouts::{HANDSHAKE_TIMEOUT, READ_TIMEOUT};
use crate::tls::{ALPN_HTTP, ALPN_MQTT, ALPN_MQTT_CERTIFICATE, Tls};

/// Serves a connection to the TLS port.
pub(super) async fn serve(stream: TcpStream, peer: IpAddr, tls: Arc<Tls>, gateway: Arc<Gateway>) {
    let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake(stream, &tls));
    let (mut stream, handshake) = match handshake.await {
        Ok(Ok(result)) => result,
        Ok(Err(HandshakeError::NotTls)) => {
            let reason =
                "bytes without TLS on the TLS port; help: connect by mqtts://, wss:// or https://".to_owned();
            return gateway.authorizer.event_log.record(
                None,
                None,
                EntryKind::ConnectDenied { reason, decided_by: None },
            );
        }
        Ok(Err(HandshakeError::Failed { error, server_name })) => {
            let name = server_name.map(|name| unknown_name(&name)).unwrap_or_default();
            let reason = format!("the TLS handshake failed: {error}{}{name}", hint(&error));
            return gateway.authorizer.event_log.record(
                None,
                None,
                EntryKind::ConnectDenied { reason, decided_by: None },
            );
        }
        Ok(Err(HandshakeError::Closed)) | Err(_) => return,
    };
    let alpn = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    let unknown = handshake.server_name.as_deref().map(unknown_name).filter(|text| !text.is_empty());
    let client = ClientConnection::new(peer, Some(handshake));
    if let Some(text) = unknown {
        let text = format!("the client does not check the certificate{text}");
        gateway.authorizer.event_log.record(Some(client.connection), None, EntryKind::Notice { text });
    }
    let mut first = BytesMut::with_capacity(2048);
    if !matches!(tokio::time::timeout(READ_TIMEOUT, stream.read_buf(&mut first)).await, Ok(Ok(1..))) {
        return;
    }
    let is_mqtt = first.first() == Some(&CONNECT);
    match alpn.as_deref() {
        Some(ALPN_MQTT | ALPN_MQTT_CERTIFICATE) if is_mqtt => mqtt(stream, first, client, &gateway).await,
        None if is_mqtt => mqtt(stream, first, client, &gateway).await,
        Some(ALPN_HTTP) | None => {
            if is_mqtt {
                let reason = "MQTT after ALPN http/1.1; help: use ALPN mqtt, or MQTT over WebSocket at /mqtt";
                let kind = EntryKind::ConnectDenied { reason: reason.to_owned(), decided_by: None };
                gateway.authorizer.event_log.record(Some(client.connection), None, kind);
            }
            http::serve(stream, first, client, gateway).await;
        }
        Some(_) => {
            let reason =
                "the client negotiated MQTT by ALPN, but its first packet is not a CONNECT".to_owned();
            gateway.authorizer.event_log.record(
                Some(client.connection),
                None,
                EntryKind::ConnectDenied { reason, decided_by: None },
            );
        }
    }
}

/// Returns the hint for a failed handshake, for the operator.
fn hint(error: &std::io::Error) -> &'static str {
    match error.get_ref().and_then(|error| error.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(_)) => {
            "; help: to accept this client certificate, pass it by --client-certificate, or its CA by --client-ca"
        }
        Some(rustls::Error::NoCertificatesPresented) => {
            "; help: ALPN x-amzn-mqtt-ca requires a client certificate; without one, use ALPN mqtt"
        }
        _ => "",
    }
}

/// Describes a server name that the gateway's certificate does not have. Empty for one that it has.
fn unknown_name(name: &str) -> String {
    match name.eq_ignore_ascii_case(SERVER_NAME) {
        true => String::new(),
        false => format!(
            "; it asks for server name \"{name}\" (SNI), and the certificate is for {SERVER_NAME}; help: connect to \
             {SERVER_NAME}, as a client connects to its own endpoint of AWS IoT"
        ),
    }
}

/// Why there is no TLS connection.
enum HandshakeError {
    /// The client closed the connection before its ClientHello.
    Closed,
    /// The client sent something else.
    NotTls,
    /// The handshake failed.
    Failed {
        /// The error.
        error: std::io::Error,
        /// The server name from the client (SNI).
        server_name: Option<String>,
    },
}

/// Performs the handshake.
///
/// # Errors
/// Why the handshake failed.
async fn handshake(
    stream: TcpStream,
    tls: &Tls,
) -> Result<(TlsStream<TcpStream>, Handshake), HandshakeError> {
    let start =
        LazyConfigAcceptor::new(Acceptor::default(), stream).await.map_err(|error| match error.kind() {
            ErrorKind::InvalidData => HandshakeError::NotTls,
            // As many port scanners and health checks do.
            _ => HandshakeError::Closed,
        })?;
    let hello = start.client_hello();
    let server_name = hello.server_name().map(str::to_owned);
    let config = tls.config_for(&hello);
    let stream = start.into_stream(config).await;
    let stream =
        stream.map_err(|error| HandshakeError::Failed { error, server_name: server_name.clone() })?;
    let certificates = stream.get_ref().1.peer_certificates();
    let certificate = certificates.and_then(<[_]>::first).map(ClientCertificate::new);
    Ok((stream, Handshake { server_name, certificate }))
}

/// Serves MQTT without WebSocket. `first` holds the bytes received so far.
async fn mqtt(stream: TlsStream<TcpStream>, first: BytesMut, client: ClientConnection, gateway: &Gateway) {
    let ClientConnection { connection, peer, handshake, .. } = client;
    let (server_name, certificate) =
        handshake.map_or((None, None), |handshake| (handshake.server_name, handshake.certificate));
    let facts = ConnectionFacts { connection, server_name, certificate, http: None };
    let (to_client, from_client) = Framed::new(stream, BytesCodec::new()).split::<Bytes>();
    // Many clients close without close_notify. The stream reports an error, which ends the connection like any other
    // end.
    let from_client = from_client.map(|read| read.map(BytesMut::freeze).map_err(|_| Stop));
    let from_client = stream::once(ready(Ok(first.freeze()))).chain(from_client);
    relay::run(from_client, to_client, facts, peer, gateway).await;
}
