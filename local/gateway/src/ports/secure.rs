//! Serves the TLS ports: the handshake, and the selection of the protocol.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::server::Acceptor;
use tokio_rustls::rustls::{self, CertificateError};
use tokio_rustls::server::TlsStream;
use uuid::Uuid;

use super::Gateway;
use super::byte_transport::ByteTransport;
use super::client_connection::{ClientConnection, Handshake};
use super::http;
use super::plain::CONNECT;
use super::relay;
use crate::alpn::{Alpn, TlsPort};
use crate::auth::endpoint::AuthMethod;
use crate::certificate::{ClientCertificate, SERVER_NAME};
use crate::event_log::EntryKind;
use crate::facts::ConnectionFacts;
use crate::timeouts::{HANDSHAKE_TIMEOUT, READ_TIMEOUT};
use crate::tls::Tls;

/// Serves a connection to a TLS port.
pub(super) async fn serve(stream: TcpStream, peer: IpAddr, tls: Arc<Tls>, gateway: Arc<Gateway>) {
    let local_port = stream.local_addr().map_or(0, |address| address.port());
    // In memory of its own: the connection goes on without it.
    let handshake = Box::pin(handshake(stream, &tls, &gateway));
    let (mut stream, handshake) = match tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await {
        Ok(Ok(result)) => result,
        Ok(Err(HandshakeError::NotTls)) => {
            let reason = match tls.port {
                TlsPort::Https => {
                    "bytes without TLS on the TLS port; help: connect by mqtts://, wss:// or https://"
                }
                TlsPort::Mqtts => "bytes without TLS on the port of MQTT over TLS; help: connect by mqtts://",
            };
            return record_denial(&gateway, None, reason.to_owned());
        }
        Ok(Err(HandshakeError::Failed { error, server_name })) => {
            let name = server_name.map(|name| unknown_name(&gateway, &name)).unwrap_or_default();
            let reason = format!("the TLS handshake failed: {error}{}{name}", hint(&error, tls.port));
            return record_denial(&gateway, None, reason);
        }
        Ok(Err(HandshakeError::Closed)) | Err(_) => return,
    };
    let alpn = handshake.alpn;
    let unknown = handshake.server_name.as_deref().map(|name| unknown_name(&gateway, name));
    let unknown = unknown.filter(|text| !text.is_empty());
    let client = ClientConnection::new(local_port, peer, Some(handshake));
    if let Some(text) = unknown {
        let text = format!("the client does not check the certificate{text}");
        gateway.event_log().record(Some(client.connection), None, EntryKind::Notice { text });
    }
    let mut first = BytesMut::with_capacity(2048);
    if !matches!(tokio::time::timeout(READ_TIMEOUT, stream.read_buf(&mut first)).await, Ok(Ok(1..))) {
        return;
    }
    let is_mqtt = first.first() == Some(&CONNECT);
    match (tls.port, alpn) {
        (TlsPort::Mqtts, _) | (_, Alpn::Mqtt | Alpn::MqttCertificate | Alpn::Absent) if is_mqtt => {
            mqtt(stream, first, tls.port, client, &gateway).await;
        }
        (TlsPort::Mqtts, _) => {
            let reason = "the first packet on the port of MQTT over TLS is not a CONNECT; help: HTTPS and WebSocket use \
                          the TLS port";
            record_denial(&gateway, Some(client.connection), reason.to_owned());
        }
        (TlsPort::Https, Alpn::Http | Alpn::HttpCertificate | Alpn::Absent) => {
            if is_mqtt {
                let reason = "MQTT after ALPN http/1.1 or x-amzn-http-ca; help: use ALPN mqtt or x-amzn-mqtt-ca, or MQTT \
                              over WebSocket at /mqtt";
                record_denial(&gateway, Some(client.connection), reason.to_owned());
            }
            // In memory of its own, so that the connections of MQTT, which last, do not reserve as much.
            Box::pin(http::serve(stream, first, client, gateway)).await;
        }
        (TlsPort::Https, Alpn::Mqtt | Alpn::MqttCertificate) => {
            let reason = "the client negotiated MQTT by ALPN, but its first packet is not a CONNECT";
            record_denial(&gateway, Some(client.connection), reason.to_owned());
        }
    }
}

fn record_denial(gateway: &Gateway, connection: Option<Uuid>, reason: String) {
    gateway.event_log().record(connection, None, EntryKind::ConnectDenied { reason, decided_by: None });
}

/// Returns the hint for a failed handshake, for the operator.
fn hint(error: &std::io::Error, port: TlsPort) -> &'static str {
    match (error.get_ref().and_then(|error| error.downcast_ref()), port) {
        (Some(rustls::Error::InvalidCertificate(CertificateError::BadSignature)), _) => {
            "; help: the client signs with another key than that of its certificate; check the pair of files"
        }
        (Some(rustls::Error::NoCertificatesPresented), TlsPort::Mqtts) => {
            "; help: this port requires a client certificate; with a token, use the TLS port and ALPN mqtt"
        }
        (Some(rustls::Error::NoCertificatesPresented), TlsPort::Https) => {
            "; help: ALPN x-amzn-mqtt-ca and x-amzn-http-ca require a client certificate, and so does \
             --authentication-type AWS_X509 or CUSTOM_AUTH_X509; without one, use ALPN mqtt or http/1.1"
        }
        _ => "",
    }
}

/// Describes a server name that the gateway's certificate does not have. Empty for one that it has.
fn unknown_name(gateway: &Gateway, name: &str) -> String {
    match gateway.auth.serves(name) {
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
    gateway: &Gateway,
) -> Result<(TlsStream<TcpStream>, Handshake), HandshakeError> {
    let start =
        LazyConfigAcceptor::new(Acceptor::default(), stream).await.map_err(|error| match error.kind() {
            ErrorKind::InvalidData => HandshakeError::NotTls,
            // As many port scanners and health checks do.
            _ => HandshakeError::Closed,
        })?;
    let hello = start.client_hello();
    let server_name = hello.server_name().map(str::to_owned);
    let config = match domain_tls(gateway, tls.port, server_name.as_deref()) {
        Some(domain) => domain.config_for(&hello),
        None => tls.config_for(&hello),
    };
    let stream = start.into_stream(config).await;
    let stream =
        stream.map_err(|error| HandshakeError::Failed { error, server_name: server_name.clone() })?;
    let (_, session) = stream.get_ref();
    let alpn = Alpn::of(session.alpn_protocol());
    let certificate = session.peer_certificates().and_then(ClientCertificate::of_handshake);
    Ok((stream, Handshake { server_name, alpn, certificate }))
}

/// Returns the TLS configurations of a client's domain, if it has one.
fn domain_tls(gateway: &Gateway, port: TlsPort, server_name: Option<&str>) -> Option<Arc<Tls>> {
    let live = gateway.auth.custom.live();
    let domain = live.domain(server_name?)?;
    gateway.domain_tls.as_ref()?.of(&domain.record.domain_name, port, domain.endpoint).ok()
}

/// Serves MQTT without WebSocket. `first` holds the bytes received so far.
async fn mqtt(
    stream: TlsStream<TcpStream>,
    first: BytesMut,
    port: TlsPort,
    client: ClientConnection,
    gateway: &Gateway,
) {
    let ClientConnection { connection, peer, handshake, .. } = client;
    let alpn = handshake.as_ref().map_or(Alpn::Absent, |handshake| handshake.alpn);
    let server_name = handshake.as_ref().and_then(|handshake| handshake.server_name.as_deref());
    let endpoint = gateway.endpoint_of(server_name);
    let method = match endpoint.and_then(|endpoint| endpoint.for_mqtt(port, alpn)) {
        Ok(method) => method,
        Err(reason) => return record_denial(gateway, Some(connection), reason),
    };
    let (server_name, certificate) =
        handshake.map_or((None, None), |handshake| (handshake.server_name, handshake.certificate));
    // By default, the authorizer does not receive the certificate.
    let certificate = certificate.filter(|_| method != AuthMethod::Custom);
    let facts = ConnectionFacts { connection, server_name, certificate, http: None, caller: None };
    let (to_client, from_client) = ByteTransport::new(stream, first).split::<Bytes>();
    relay::run(from_client, to_client, facts, peer, method, gateway).await;
}
