//! Serves the plain port: HTTP. Other protocols are recognised by their first byte and logged, since their clients show
//! no useful error.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client_connection::ClientConnection;
use super::{Gateway, http};
use crate::event_log::EntryKind;
use crate::timeouts::{CLOSE_TIMEOUT, HEAD_TIMEOUT};

/// The first byte of a CONNECT packet (MQTT 5, section 3.1.1). No HTTP method begins with it.
pub(super) const CONNECT: u8 = 0x10;

/// The first byte of a TLS handshake record (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// Serves a connection to the plain port.
pub(super) async fn serve(mut stream: TcpStream, peer: IpAddr, gateway: Arc<Gateway>) {
    let client = ClientConnection::new(gateway.site.port(), peer, None);
    let mut first = BytesMut::with_capacity(2048);
    let read = tokio::time::timeout(HEAD_TIMEOUT, stream.read_buf(&mut first)).await;
    let other = match (read, first.first()) {
        (Ok(Ok(0) | Err(_)), _) => return,
        (_, Some(&CONNECT)) => {
            "MQTT without WebSocket on the HTTP port; help: connect to the TLS port by mqtts://, or to \
             ws://127.0.0.1:PORT/mqtt"
        }
        (_, Some(&TLS_HANDSHAKE)) => {
            "TLS on the port without TLS; help: connect to the TLS port, or by ws:// or http://"
        }
        _ => return http::serve(stream, first, client, gateway).await,
    };
    let reason = other.replace("PORT", &gateway.site.port().to_string());
    let kind = EntryKind::ConnectDenied { reason, decided_by: None };
    gateway.event_log().record(Some(client.connection), None, kind);
    // Neither protocol has a packet that says "another port". Unread bytes would reset the connection.
    let _ = stream.shutdown().await;
    let drain = async {
        while matches!(stream.read_buf(&mut first).await, Ok(1..)) {
            first.clear();
        }
    };
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, drain).await;
}
