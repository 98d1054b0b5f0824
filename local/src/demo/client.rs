//! The demo's clients: MQTT 5 over WebSocket, and the HTTPS publish.

use std::io;
use std::time::Duration;

use rumqttc::Transport;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason, Publish, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a client waits for the door's answer: longer than the authorizer may take.
const PATIENCE: Duration = Duration::from_secs(8);
/// How many requests may wait to be sent; the demo sends one at a time.
const WAITING: usize = 4;

/// Where on the request the token is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// The password of the CONNECT.
    Password,
    /// `?token=` of the WebSocket's address.
    Query,
}

/// What a client saw become of an action.
#[derive(Debug)]
pub(super) struct Seen {
    /// It went through.
    pub(super) allowed: bool,
    /// The connection is over.
    pub(super) closed: bool,
    /// By which packet it was told.
    pub(super) how: String,
}

/// A connected client.
pub(super) struct Client {
    requests: AsyncClient,
    events: EventLoop,
    /// Messages that arrived while something else was waited for.
    arrived: Vec<Publish>,
}

impl Client {
    /// Connects. Without a client, what was seen instead.
    pub(super) async fn connect(port: u16, id: &str, token: &str, place: Place) -> (Option<Self>, Seen) {
        let door = format!("ws://127.0.0.1:{port}/mqtt");
        let mut options = match place {
            Place::Password => MqttOptions::new(id, door, port),
            Place::Query => MqttOptions::new(id, format!("{door}?token={token}"), port),
        };
        if let Place::Password = place {
            options.set_credentials(id, token);
        }
        options.set_transport(Transport::Ws).set_keep_alive(Duration::from_secs(60));
        let (requests, events) = AsyncClient::new(options, WAITING);
        let mut client = Self { requests, events, arrived: Vec::new() };
        match client.next().await {
            Ok(Packet::ConnAck(ack)) => (Some(client), Seen::allowed(format!("CONNACK {:?}", ack.code))),
            Ok(other) => (None, Seen::ended(format!("not a CONNACK but {}", name(&other)))),
            Err(ending) => (None, Seen::ended(ending)),
        }
    }

    /// Publishes at QoS 1 and waits for the acknowledgement, or for the end of the connection.
    pub(super) async fn publish(&mut self, topic: &str) -> Seen {
        let sent = self.requests.publish(topic, QoS::AtLeastOnce, false, "hello").await;
        if let Err(error) = sent {
            return Seen::ended(error.to_string());
        }
        loop {
            match self.next().await {
                Ok(Packet::PubAck(ack)) => {
                    let taken =
                        matches!(ack.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers);
                    return Seen { allowed: taken, closed: false, how: format!("PUBACK {:?}", ack.reason) };
                }
                Ok(Packet::Publish(message)) => self.arrived.push(message),
                Ok(_) => {}
                Err(ending) => return Seen::ended(ending),
            }
        }
    }

    /// Subscribes at QoS 1 and waits for the acknowledgement; for the end of the connection too if it is a refusal.
    pub(super) async fn subscribe(&mut self, filter: &str) -> Seen {
        if let Err(error) = self.requests.subscribe(filter, QoS::AtLeastOnce).await {
            return Seen::ended(error.to_string());
        }
        loop {
            match self.next().await {
                Ok(Packet::SubAck(ack)) => {
                    let code = ack.return_codes.first();
                    let taken = matches!(code, Some(SubscribeReasonCode::Success(_)));
                    let told = code.map(|code| format!("{code:?}")).unwrap_or_default();
                    let told = told.split_once('(').map_or(told.as_str(), |(name, _)| name);
                    let how = format!("SUBACK {told}");
                    return if taken { Seen::allowed(how) } else { self.refused(how).await };
                }
                Ok(Packet::Publish(message)) => self.arrived.push(message),
                Ok(_) => {}
                Err(ending) => return Seen::ended(ending),
            }
        }
    }

    /// What follows a refusal that has been acknowledged.
    async fn refused(&mut self, how: String) -> Seen {
        loop {
            match self.next().await {
                Ok(_) => {}
                Err(ending) => return Seen::ended(format!("{how}, then {ending}")),
            }
        }
    }

    /// Waits for a message of the topic.
    pub(super) async fn receive(&mut self, topic: &str) -> Seen {
        loop {
            if let Some(place) = self.arrived.iter().position(|message| message.topic == topic.as_bytes()) {
                self.arrived.remove(place);
                return Seen::allowed("PUBLISH to the client".to_owned());
            }
            match self.next().await {
                Ok(Packet::Publish(message)) => self.arrived.push(message),
                Ok(_) => {}
                Err(ending) => return Seen::ended(ending),
            }
        }
    }

    /// Says goodbye, so that the door does not take it for a fault.
    pub(super) async fn leave(mut self) {
        if self.requests.disconnect().await.is_ok() {
            while self.next().await.is_ok() {}
        }
    }

    /// The next packet of the door, or how the connection ended.
    async fn next(&mut self) -> Result<Packet, String> {
        loop {
            match tokio::time::timeout(PATIENCE, self.events.poll()).await {
                Ok(Ok(Event::Incoming(packet))) => return Ok(packet),
                Ok(Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect))) => return Err("left".to_owned()),
                Ok(Ok(Event::Outgoing(_))) => {}
                Ok(Err(error)) => return Err(ending(&error)),
                Err(_) => return Err(format!("no answer within {} s", PATIENCE.as_secs())),
            }
        }
    }
}

impl Seen {
    fn allowed(how: String) -> Self {
        Self { allowed: true, closed: false, how }
    }

    fn ended(how: String) -> Self {
        Self { allowed: false, closed: true, how }
    }
}

/// Publishes over HTTP with the token as bearer token.
///
/// # Errors
/// Of the connection.
pub(super) async fn post(port: u16, topic: &str, token: &str) -> io::Result<Seen> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!(
        "POST /topics/{topic}?qos=1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: 5\r\nConnection: close\r\n\r\nhello"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await??;
    let answer = String::from_utf8_lossy(&answer);
    let status =
        answer.lines().next().and_then(|line| line.split_once(' ')).map_or("no answer", |(_, status)| status);
    Ok(Seen { allowed: status.starts_with("200 "), closed: true, how: status.to_owned() })
}

/// Some errors hold the address, and the address may hold the token: only what is known is shown.
fn ending(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ConnectionRefused(code) => format!("CONNACK {code:?}"),
        ConnectionError::MqttState(StateError::ConnFail { reason }) => format!("CONNACK {reason:?}"),
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => {
            format!("DISCONNECT {reason_code:?}, closed")
        }
        ConnectionError::MqttState(_) | ConnectionError::Io(_) => "closed".to_owned(),
        ConnectionError::Timeout(_) => "no answer".to_owned(),
        _ => "no connection".to_owned(),
    }
}

/// A packet's name without its content.
fn name(packet: &Packet) -> String {
    let shown = format!("{packet:?}");
    shown
        .split_once(|character: char| !character.is_alphanumeric())
        .map_or(shown.as_str(), |(name, _)| name)
        .to_owned()
}
