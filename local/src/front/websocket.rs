//! MQTT over WebSocket: bytes from the client to the broker and back.
//!
//! A WebSocket message is not an MQTT packet (MQTT 5, section 6.0): clients send a CONNECT in several messages, the
//! first of one byte, or several packets in one. So the door passes bytes on and reads none of them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::head::Head;
use super::{House, text};
use crate::broker::Inlet;
use crate::connection::{Connection, Entry, Phase};
use crate::event::Door;
use crate::journal::{Ending, Journal, What};

/// The subprotocols of MQTT: the registered one, and what older AWS clients offer.
const PROTOCOLS: [&str; 2] = ["mqtt", "mqttv3.1"];

/// Largest WebSocket message. Several MQTT packets may come in one, each of at most 146 KiB.
const MESSAGE_LIMIT: usize = 1024 * 1024;

/// How long a client may take until it is let in, the authorizer's 5 seconds included.
const KNOCKING: Duration = Duration::from_secs(15);

/// How long the other side may take to finish once one has.
const FAREWELL: Duration = Duration::from_secs(2);

type Answer = Response<Full<Bytes>>;
type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// A connection that is about to become a WebSocket.
pub(super) struct Upgrade {
    upgraded: OnUpgrade,
    door: Door,
}

/// Answers the opening handshake (RFC 6455, section 4.2). Offered extensions are declined by silence.
#[expect(clippy::result_large_err, reason = "both sides are the response to be sent")]
pub(super) fn accept(request: &mut Request<Incoming>, head: &Head) -> Result<(Answer, Upgrade), Answer> {
    let headers = request.headers();
    if !has_token(headers, UPGRADE.as_str(), "websocket")
        || !has_token(headers, CONNECTION.as_str(), "upgrade")
    {
        return Err(text(
            StatusCode::UPGRADE_REQUIRED,
            "this is MQTT over WebSocket: connect to it with ws://\n",
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
    let door = head.door(request.uri().query());
    Ok((response, Upgrade { upgraded: hyper::upgrade::on(request), door }))
}

fn has_token(headers: &HeaderMap, name: &str, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
}

/// Runs the connection to its end.
pub(super) async fn run(upgrade: Upgrade, peer: SocketAddr, house: &House) {
    let Ok(upgraded) = upgrade.upgraded.await else { return };
    let limits =
        WebSocketConfig::default().max_message_size(Some(MESSAGE_LIMIT)).max_frame_size(Some(MESSAGE_LIMIT));
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(limits)).await;
    let connection = Arc::new(Connection::new(upgrade.door, peer.ip()));
    let Ok((broker, entry)) = enter(house, &connection).await else { return };
    let (mut to_client, mut from_client) = socket.split();
    let finished = pipe(&mut from_client, &mut to_client, broker, &connection, &house.gate.journal).await;
    drop(entry);
    if let Some(client_id) = connection.client_id() {
        let reason = connection.ending().unwrap_or(Ending::ByClient);
        house.gate.journal.record(
            Some(connection.door.connection),
            Some(&client_id),
            What::Closed { reason },
        );
    }
    if finished {
        let _ = tokio::time::timeout(FAREWELL, farewell(from_client, to_client, &connection)).await;
    }
}

/// Connects to the broker from an address under which the connection is listed beforehand.
async fn enter(house: &House, connection: &Arc<Connection>) -> std::io::Result<(TcpStream, Entry)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let entry = house.connections.enter(socket.local_addr()?, Arc::clone(connection));
    let stream = socket.connect(house.broker.address()).await?;
    stream.set_nodelay(true)?;
    Ok((stream, entry))
}

/// Passes bytes both ways until one side ends. True when the broker has written all that it had to say.
async fn pipe(
    from_client: &mut SplitStream<Socket>,
    to_client: &mut SplitSink<Socket, Message>,
    broker: TcpStream,
    connection: &Connection,
    journal: &Journal,
) -> bool {
    let (from_broker, to_broker) = broker.into_split();
    let to_broker = Inlet::new(to_broker, connection, journal);
    let up = upstream(from_client, to_broker, connection);
    let down = downstream(from_broker, to_client);
    tokio::pin!(up, down);
    tokio::select! {
        // The client is gone or told to go. The broker hears of it and writes what is left, to a packet's end.
        () = &mut up => tokio::time::timeout(FAREWELL, down).await.unwrap_or(false),
        finished = &mut down => {
            connection.ends_by(if finished { Ending::ByBroker } else { Ending::ByClient });
            finished
        }
    }
}

/// Passes on what the client sends until it stops or is to be stopped.
async fn upstream(
    client: &mut SplitStream<Socket>,
    mut broker: impl AsyncWrite + Unpin,
    connection: &Connection,
) {
    let ending = tokio::select! {
        () = forward(client, &mut broker) => Some(Ending::ByClient),
        () = connection.reached(Phase::Ending) => None,
        () = overdue(connection) => Some(Ending::ByBroker),
    };
    if let Some(ending) = ending {
        connection.ends_by(ending);
    }
    let _ = broker.shutdown().await;
}

async fn forward(client: &mut SplitStream<Socket>, broker: &mut (impl AsyncWrite + Unpin)) {
    while let Some(Ok(message)) = client.next().await {
        let passed = match message {
            Message::Binary(bytes) => broker.write_all(&bytes).await.is_ok(),
            Message::Ping(_) | Message::Pong(_) => true,
            // MQTT comes in binary messages only; anything else closes the connection (MQTT 5, section 6.0).
            Message::Text(_) | Message::Frame(_) | Message::Close(_) => false,
        };
        if !passed {
            return;
        }
    }
}

/// Returns if the client has not been let in by its time.
async fn overdue(connection: &Connection) {
    tokio::time::sleep(KNOCKING).await;
    if connection.phase() != Phase::Knocking {
        std::future::pending::<()>().await;
    }
}

/// Passes on what the broker sends; true when the broker has come to its end, false when the client takes no more.
async fn downstream(mut broker: OwnedReadHalf, client: &mut SplitSink<Socket, Message>) -> bool {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(16 * 1024);
        match broker.read_buf(&mut buffer).await {
            Ok(1..) => {}
            _ => return true,
        }
        if client.send(Message::Binary(buffer.split().freeze())).await.is_err() {
            return false;
        }
    }
}

/// Tells an MQTT 5 client why it is closed, which the broker is too quick to do, and closes the WebSocket.
async fn farewell(
    mut from_client: SplitStream<Socket>,
    mut to_client: SplitSink<Socket, Message>,
    connection: &Connection,
) {
    if let Some(code) = connection.disconnect_code() {
        // DISCONNECT with a reason and no properties (MQTT 5, section 3.14). Their length of zero may be left out,
        // but not every client can read that.
        let _ = to_client.send(Message::Binary(Bytes::from(vec![0xE0, 0x02, code, 0x00]))).await;
    }
    let _ = to_client.send(Message::Close(None)).await;
    // What the client still sends is read and dropped: closing with unread bytes would reset the connection, and the
    // client would lose the packet above.
    while let Some(Ok(_)) = from_client.next().await {}
}
