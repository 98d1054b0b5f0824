//! Relays bytes between a client and the broker until one of them ends.
//!
//! The relay reads no MQTT; [`Ingress`] does. It adds one packet: a DISCONNECT with the reason, since the broker closes
//! the connection without one.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpSocket, TcpStream};

use super::Gateway;
use crate::auth::endpoint::AuthMethod;
use crate::broker::Ingress;
use crate::connection::{Connection, ListedConnection, Phase};
use crate::event_log::{DisconnectReason, EntryKind, EventLog};
use crate::facts::ConnectionFacts;
use crate::timeouts::{CLOSE_TIMEOUT, CONNECT_TIMEOUT};

/// A DISCONNECT with the reason code 0, after which the broker does not send the will (MQTT 5, section 3.14).
const DISCONNECT: [u8; 2] = [0xE0, 0x00];

/// How much of the broker's bytes is read at once.
const READ_BYTES: usize = 16 * 1024;

/// The client sent something that is not passed on. The connection must be closed.
pub(super) struct Stop;

/// Runs a connection until it ends. `from_client` and `to_client` carry the bytes of MQTT without their framing.
pub(super) async fn run<R, W>(
    mut from_client: R,
    mut to_client: W,
    facts: ConnectionFacts,
    peer: IpAddr,
    method: AuthMethod,
    gateway: &Gateway,
) where
    R: Stream<Item = Result<Bytes, Stop>> + Unpin,
    W: Sink<Bytes> + Unpin,
{
    let connection = Arc::new(Connection::new(facts, peer, method));
    let Ok((broker, listed)) = connect(gateway, &connection).await else { return };
    let is_finished = pipe(&mut from_client, &mut to_client, broker, &connection, gateway.event_log()).await;
    drop(listed);
    gateway.presence.disconnected(&connection);
    if let Some(client_id) = connection.client_id() {
        let reason = connection.disconnect_reason().unwrap_or(DisconnectReason::ByClient);
        gateway.event_log().record(
            Some(connection.facts.connection),
            Some(&client_id),
            EntryKind::Closed { reason },
        );
    }
    if is_finished {
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, close(from_client, to_client, &connection)).await;
    }
}

/// Lists the connection by the address of a new socket, and then connects the socket to the broker.
async fn connect(
    gateway: &Gateway,
    connection: &Arc<Connection>,
) -> std::io::Result<(TcpStream, ListedConnection)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let listed = gateway.connections.add(socket.local_addr()?, Arc::clone(connection));
    let stream = socket.connect(gateway.broker.address()).await?;
    stream.set_nodelay(true)?;
    Ok((stream, listed))
}

/// Passes bytes in both directions until one side ends. Returns whether the broker has written all its bytes.
async fn pipe<R, W>(
    from_client: &mut R,
    to_client: &mut W,
    broker: TcpStream,
    connection: &Connection,
    event_log: &EventLog,
) -> bool
where
    R: Stream<Item = Result<Bytes, Stop>> + Unpin,
    W: Sink<Bytes> + Unpin,
{
    let (from_broker, to_broker) = broker.into_split();
    let to_broker = Ingress::new(to_broker, connection, event_log);
    let up = upstream(from_client, to_broker, connection);
    let down = downstream(from_broker, to_client, connection);
    tokio::pin!(up, down);
    tokio::select! {
        // The client has closed the connection, or the gateway ends it. The broker writes its remaining packets.
        () = &mut up => tokio::time::timeout(CLOSE_TIMEOUT, down).await.unwrap_or(false),
        is_finished = &mut down => {
            let reason = if is_finished { DisconnectReason::ByBroker } else { DisconnectReason::ByClient };
            connection.set_disconnect_reason(reason);
            is_finished
        }
    }
}

/// Passes on the client's bytes until the client or the gateway ends the connection.
async fn upstream<R>(client: &mut R, mut broker: impl AsyncWrite + Unpin, connection: &Connection)
where
    R: Stream<Item = Result<Bytes, Stop>> + Unpin,
{
    let reason = tokio::select! {
        () = forward(client, &mut broker) => Some(DisconnectReason::ByClient),
        () = connection.wait_for(Phase::Ending) => None,
        () = connect_timeout(connection) => Some(DisconnectReason::ByBroker),
    };
    if let Some(reason) = reason {
        connection.set_disconnect_reason(reason);
    }
    if connection.prevents_will() {
        let _ = broker.write_all(&DISCONNECT).await;
    }
    let _ = broker.shutdown().await;
}

async fn forward<R>(client: &mut R, broker: &mut (impl AsyncWrite + Unpin))
where
    R: Stream<Item = Result<Bytes, Stop>> + Unpin,
{
    while let Some(Ok(bytes)) = client.next().await {
        if broker.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// Returns after [`CONNECT_TIMEOUT`] if the client has not been admitted by then. Otherwise never returns.
async fn connect_timeout(connection: &Connection) {
    tokio::time::sleep(CONNECT_TIMEOUT).await;
    if connection.phase() != Phase::Pending {
        std::future::pending::<()>().await;
    }
}

/// Passes on the broker's bytes. Returns true after the broker's last byte, false if the client accepts no more.
async fn downstream<W: Sink<Bytes> + Unpin>(
    broker: OwnedReadHalf,
    client: &mut W,
    connection: &Connection,
) -> bool {
    loop {
        // Most connections are idle, and have no buffer.
        if broker.readable().await.is_err() {
            return true;
        }
        let mut buffer = BytesMut::with_capacity(READ_BYTES);
        match broker.try_read_buf(&mut buffer) {
            Ok(1..) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            _ => return true,
        }
        let bytes = buffer.freeze();
        // The broker answers every denied CONNECT.
        if connection.is_silent() {
            continue;
        }
        if client.send(bytes).await.is_err() {
            return false;
        }
    }
}

/// Sends a DISCONNECT with the reason to an MQTT 5 client, and closes the connection.
async fn close<R, W>(mut from_client: R, mut to_client: W, connection: &Connection)
where
    R: Stream<Item = Result<Bytes, Stop>> + Unpin,
    W: Sink<Bytes> + Unpin,
{
    if let Some(packet) = connection.final_packet() {
        let _ = to_client.send(Bytes::from_static(packet)).await;
    } else if let Some(code) = connection.disconnect_code() {
        // DISCONNECT with a reason code and no properties (MQTT 5, section 3.14). The property length of 0 may be
        // omitted, but some clients cannot decode the packet without it.
        let _ = to_client.send(Bytes::from(vec![0xE0, 0x02, code, 0x00])).await;
    }
    let _ = to_client.close().await;
    // Discards further bytes of the client: closing a socket with unread bytes resets the connection, and the client
    // would lose the DISCONNECT.
    while from_client.next().await.is_some() {}
}
