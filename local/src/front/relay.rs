//! Bytes from the client to the broker and back, until one of them ends.
//!
//! The door itself reads no MQTT, see [`Inlet`] for who does. It adds one packet: the DISCONNECT that the broker is too quick to write.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpSocket, TcpStream};

use super::House;
use crate::broker::Inlet;
use crate::connection::{Connection, Entry, Phase};
use crate::event::Door;
use crate::journal::{Ending, Journal, What};

/// How long a client may take until it is let in, the authorizer's 5 seconds included.
const KNOCKING: Duration = Duration::from_secs(15);

/// How long the other side may take to finish once one has.
const FAREWELL: Duration = Duration::from_secs(2);

/// The client sent what is not passed on: its connection is to be closed.
pub(super) struct Stop;

/// Runs a connection to its end. `from_client` and `to_client` carry the bytes of MQTT, whatever they are wrapped in.
pub(super) async fn run<R, W>(mut from_client: R, mut to_client: W, door: Door, peer: IpAddr, house: &House)
where
    R: Stream<Item = Result<Bytes, Stop>> + Unpin,
    W: Sink<Bytes> + Unpin,
{
    let connection = Arc::new(Connection::new(door, peer));
    let Ok((broker, entry)) = enter(house, &connection).await else { return };
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
async fn pipe<R, W>(
    from_client: &mut R,
    to_client: &mut W,
    broker: TcpStream,
    connection: &Connection,
    journal: &Journal,
) -> bool
where
    R: Stream<Item = Result<Bytes, Stop>> + Unpin,
    W: Sink<Bytes> + Unpin,
{
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
async fn upstream<R>(client: &mut R, mut broker: impl AsyncWrite + Unpin, connection: &Connection)
where
    R: Stream<Item = Result<Bytes, Stop>> + Unpin,
{
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

/// Returns if the client has not been let in by its time.
async fn overdue(connection: &Connection) {
    tokio::time::sleep(KNOCKING).await;
    if connection.phase() != Phase::Knocking {
        std::future::pending::<()>().await;
    }
}

/// Passes on what the broker sends; true when the broker has come to its end, false when the client takes no more.
async fn downstream<W: Sink<Bytes> + Unpin>(mut broker: OwnedReadHalf, client: &mut W) -> bool {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(16 * 1024);
        match broker.read_buf(&mut buffer).await {
            Ok(1..) => {}
            _ => return true,
        }
        if client.send(buffer.split().freeze()).await.is_err() {
            return false;
        }
    }
}

/// Tells an MQTT 5 client why it is closed, which the broker is too quick to do, and closes the connection.
async fn farewell<R, W>(mut from_client: R, mut to_client: W, connection: &Connection)
where
    R: Stream<Item = Result<Bytes, Stop>> + Unpin,
    W: Sink<Bytes> + Unpin,
{
    if let Some(code) = connection.disconnect_code() {
        // DISCONNECT with a reason and no properties (MQTT 5, section 3.14). Their length of zero may be left out,
        // but not every client can read that.
        let _ = to_client.send(Bytes::from(vec![0xE0, 0x02, code, 0x00])).await;
    }
    let _ = to_client.close().await;
    // What the client still sends is read and dropped: closing with unread bytes would reset the connection, and the
    // client would lose the packet above.
    while from_client.next().await.is_some() {}
}
