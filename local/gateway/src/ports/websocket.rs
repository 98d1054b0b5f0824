//! Serves MQTT over WebSocket.
//!
//! A WebSocket message is not an MQTT packet (MQTT 5, section 6.0): clients split a CONNECT into several messages, or
//! send several packets in one. So messages are passed on as bytes.

use std::future::ready;
use std::net::IpAddr;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

use super::answer::Answer;
use super::client_connection::ClientConnection;
use super::head::Head;
use super::http_auth::{HttpDenial, SentRequest};
use super::relay::{self, Stop};
use super::{Gateway, WholeResponse, http_auth, text};
use crate::auth::endpoint::AuthMethod;
use crate::facts::ConnectionFacts;

/// The WebSocket subprotocols of MQTT: the registered name, and the name that older AWS clients offer.
const PROTOCOLS: [&str; 2] = ["mqtt", "mqttv3.1"];

/// The largest WebSocket message. It may contain several MQTT packets, each of at most 146 KiB.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// The read buffer of each connection. tungstenite's default of 128 KiB would take 128 MiB for a thousand connections.
const READ_BUFFER_BYTES: usize = 8 * 1024;

/// An accepted WebSocket handshake.
pub(super) struct Upgrade {
    upgraded: OnUpgrade,
    facts: ConnectionFacts,
    method: AuthMethod,
}

/// Why a handshake is rejected.
pub(super) struct Rejection {
    /// The response.
    pub(super) response: WholeResponse,
    /// The reason, for the operator.
    pub(super) reason: String,
}

/// Whether the headers ask for a WebSocket.
pub(super) fn is_handshake(headers: &HeaderMap) -> bool {
    has_token(headers, UPGRADE.as_str(), "websocket")
}

/// Responds to the opening handshake (RFC 6455, section 4.2). Accepts no extensions.
#[expect(clippy::result_large_err, reason = "both variants have the response to send")]
pub(super) fn accept(
    request: &mut Request<Incoming>,
    head: &Head,
    client: &ClientConnection,
    gateway: &Gateway,
) -> Result<(WholeResponse, Upgrade), Rejection> {
    let headers = request.headers();
    if !has_token(headers, UPGRADE.as_str(), "websocket")
        || !has_token(headers, CONNECTION.as_str(), "upgrade")
    {
        return Err(reject(
            StatusCode::UPGRADE_REQUIRED,
            "expected a WebSocket handshake; connect with ws:// or wss://\n",
        ));
    }
    let protocol =
        PROTOCOLS.into_iter().find(|name| has_token(headers, SEC_WEBSOCKET_PROTOCOL.as_str(), name));
    let Some(protocol) = protocol else {
        return Err(reject(
            StatusCode::BAD_REQUEST,
            "missing or unsupported WebSocket subprotocol; expected mqtt\n",
        ));
    };
    let key = headers.get("sec-websocket-key").filter(|_| has_token(headers, "sec-websocket-version", "13"));
    let accept = key.and_then(|key| HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok());
    let Some(accept) = accept else {
        return Err(reject(
            StatusCode::BAD_REQUEST,
            "invalid WebSocket handshake; expected version 13 and a key\n",
        ));
    };
    let mut facts = head.facts(client, request.uri().query());
    let sent = SentRequest { method: "GET", path: request.uri().path(), body: &[], is_websocket: true };
    let method = http_auth::method(gateway, client, &mut facts, sent).map_err(denied)?;
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    // AWS IoT has no X.509 custom authentication over WebSocket, so a certificate is ignored.
    let facts = ConnectionFacts { certificate: None, ..facts };
    Ok((response, Upgrade { upgraded: hyper::upgrade::on(request), facts, method }))
}

fn denied(HttpDenial { reason, message }: HttpDenial) -> Rejection {
    let response = match message {
        Some(message) => Answer::denied(&message).response(),
        None => text(StatusCode::FORBIDDEN, "forbidden\n"),
    };
    Rejection { response, reason }
}

fn reject(status: StatusCode, reason: &'static str) -> Rejection {
    let help = "; help: offer the subprotocol with Sec-WebSocket-Protocol: mqtt";
    let help = if reason.contains("subprotocol") { help } else { "" };
    Rejection { response: text(status, reason), reason: format!("/mqtt: {}{help}", reason.trim_end()) }
}

fn has_token(headers: &HeaderMap, name: &str, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
}

/// Runs the connection until it ends.
pub(super) async fn run(upgrade: Upgrade, peer: IpAddr, gateway: &Gateway) {
    let Ok(upgraded) = upgrade.upgraded.await else { return };
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
        .read_buffer_size(READ_BUFFER_BYTES);
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(limits)).await;
    let (to_client, from_client) = socket.split();
    let from_client = from_client.map(|message| match message {
        Ok(Message::Binary(bytes)) => Ok(bytes),
        Ok(Message::Ping(_) | Message::Pong(_)) => Ok(Bytes::new()),
        // MQTT uses only binary messages. Any other message closes the connection (MQTT 5, section 6.0).
        Ok(Message::Text(_) | Message::Frame(_) | Message::Close(_)) | Err(_) => Err(Stop),
    });
    let to_client = to_client.with(|bytes| ready(Ok::<_, tungstenite::Error>(Message::Binary(bytes))));
    relay::run(from_client, to_client, upgrade.facts, peer, upgrade.method, gateway).await;
}
