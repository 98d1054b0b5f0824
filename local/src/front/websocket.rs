//! MQTT over WebSocket.
//!
//! A WebSocket message is not an MQTT packet (MQTT 5, section 6.0): clients send a CONNECT in several messages, the
//! first of one byte, or several packets in one. So the door passes bytes on and reads none of them.

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

use super::head::Head;
use super::relay::{self, Stop};
use super::visit::Visit;
use super::{House, text};
use crate::event::Door;

/// The subprotocols of MQTT: the registered one, and what older AWS clients offer.
const PROTOCOLS: [&str; 2] = ["mqtt", "mqttv3.1"];

/// Largest WebSocket message. Several MQTT packets may come in one, each of at most 146 KiB.
const MESSAGE_LIMIT: usize = 1024 * 1024;

/// What each connection holds for reading, all the time: a thousand of them take 8 MiB instead of 128.
const READ_BUFFER: usize = 8 * 1024;

type Answer = Response<Full<Bytes>>;

/// A connection that is about to become a WebSocket.
pub(super) struct Upgrade {
    upgraded: OnUpgrade,
    door: Door,
}

/// Answers the opening handshake (RFC 6455, section 4.2). Offered extensions are declined by silence.
#[expect(clippy::result_large_err, reason = "both sides are the response to be sent")]
pub(super) fn accept(
    request: &mut Request<Incoming>,
    head: &Head,
    visit: &Visit,
) -> Result<(Answer, Upgrade), Answer> {
    let headers = request.headers();
    if !has_token(headers, UPGRADE.as_str(), "websocket")
        || !has_token(headers, CONNECTION.as_str(), "upgrade")
    {
        return Err(text(
            StatusCode::UPGRADE_REQUIRED,
            "this is MQTT over WebSocket: connect to it with ws:// or wss://\n",
        ));
    }
    let protocol =
        PROTOCOLS.into_iter().find(|name| has_token(headers, SEC_WEBSOCKET_PROTOCOL.as_str(), name));
    let Some(protocol) = protocol else {
        return Err(text(StatusCode::BAD_REQUEST, "offer the WebSocket subprotocol mqtt\n"));
    };
    let key = headers.get("sec-websocket-key").filter(|_| has_token(headers, "sec-websocket-version", "13"));
    let accept = key.and_then(|key| HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok());
    let Some(accept) = accept else {
        return Err(text(StatusCode::BAD_REQUEST, "a WebSocket of version 13 with a key is needed\n"));
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    // AWS IoT has X.509 custom authentication over MQTT and HTTPS only: here a certificate counts for nothing.
    let door = Door { certificate: None, ..head.door(visit, request.uri().query()) };
    Ok((response, Upgrade { upgraded: hyper::upgrade::on(request), door }))
}

fn has_token(headers: &HeaderMap, name: &str, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
}

/// Runs the connection to its end.
pub(super) async fn run(upgrade: Upgrade, peer: IpAddr, house: &House) {
    let Ok(upgraded) = upgrade.upgraded.await else { return };
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_LIMIT))
        .max_frame_size(Some(MESSAGE_LIMIT))
        .read_buffer_size(READ_BUFFER);
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(limits)).await;
    let (to_client, from_client) = socket.split();
    let from_client = from_client.map(|message| match message {
        Ok(Message::Binary(bytes)) => Ok(bytes),
        Ok(Message::Ping(_) | Message::Pong(_)) => Ok(Bytes::new()),
        // MQTT comes in binary messages only; anything else closes the connection (MQTT 5, section 6.0).
        Ok(Message::Text(_) | Message::Frame(_) | Message::Close(_)) | Err(_) => Err(Stop),
    });
    let to_client = to_client.with(|bytes| ready(Ok::<_, tungstenite::Error>(Message::Binary(bytes))));
    relay::run(from_client, to_client, upgrade.door, peer, house).await;
}
