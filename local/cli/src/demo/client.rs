//! The demo's clients: MQTT 5 over WebSocket, MQTT over TLS with a certificate, and the HTTPS publish.

mod exchange;
mod reply;
pub(super) mod session;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason, Publish, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};
use rumqttc::{TlsConfiguration, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::rustls::ClientConfig;

/// How long a client waits for a response: longer than the limit of the authorizer.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(8);
/// How a connection ends that AWS IoT refuses at the CONNECT of MQTT 3.1.1.
pub(super) const NO_CONNACK: &str = "closed without CONNACK";
/// The number of requests that can be queued. The demo sends one at a time.
const REQUEST_QUEUE_LENGTH: usize = 4;

/// The place of the token in the request.
#[derive(Debug, Clone, Copy)]
pub(super) enum TokenPlace {
    /// The password of the CONNECT.
    Password,
    /// `?token=` of the WebSocket's URL.
    Query,
}

/// The result of an action as the client sees it.
#[derive(Debug)]
pub(super) struct ClientOutcome {
    /// Whether the action was allowed.
    pub(super) is_allowed: bool,
    /// Whether the connection has been closed.
    pub(super) is_closed: bool,
    /// The packet or status that the client received.
    pub(super) response: String,
}

/// A connected client.
pub(super) struct Client {
    requests: AsyncClient,
    events: EventLoop,
    /// Messages that arrived while the client waited for another packet.
    messages: Vec<Publish>,
    /// Whether the gateway had a session of the client, as its CONNACK says.
    pub(super) has_session: bool,
}

impl Client {
    /// Connects. Returns no client if the connect was denied.
    pub(super) async fn connect(
        port: u16,
        id: &str,
        token: &str,
        place: TokenPlace,
    ) -> (Option<Self>, ClientOutcome) {
        let address = format!("ws://127.0.0.1:{port}/mqtt");
        let mut options = match place {
            TokenPlace::Password => MqttOptions::new(id, address, port),
            TokenPlace::Query => MqttOptions::new(id, format!("{address}?token={token}"), port),
        };
        if let TokenPlace::Password = place {
            options.set_credentials(id, token);
        }
        options.set_transport(Transport::Ws);
        Self::open(options).await
    }

    /// Connects to an address that authenticates the client by itself. Returns no client if the connect was denied.
    pub(super) async fn connect_address(
        port: u16,
        id: &str,
        address: String,
    ) -> (Option<Self>, ClientOutcome) {
        let mut options = MqttOptions::new(id, address, port);
        options.set_transport(Transport::Ws);
        Self::open(options).await
    }

    /// Connects over TLS. The configuration has the certificate. Returns no client if the connect was denied.
    pub(super) async fn connect_tls(
        port: u16,
        id: &str,
        tls: &Arc<ClientConfig>,
    ) -> (Option<Self>, ClientOutcome) {
        let mut options = MqttOptions::new(id, "localhost", port);
        options.set_transport(transport(tls));
        Self::open(options).await
    }

    async fn open(mut options: MqttOptions) -> (Option<Self>, ClientOutcome) {
        options.set_keep_alive(Duration::from_secs(60));
        let (requests, events) = AsyncClient::new(options, REQUEST_QUEUE_LENGTH);
        let mut client = Self { requests, events, messages: Vec::new(), has_session: false };
        match client.next().await {
            Ok(Packet::ConnAck(ack)) => {
                client.has_session = ack.session_present;
                (Some(client), ClientOutcome::allowed(format!("CONNACK {:?}", ack.code)))
            }
            Ok(packet) => (None, ClientOutcome::closed(format!("{} instead of CONNACK", name(&packet)))),
            Err(end) => (None, ClientOutcome::closed(end)),
        }
    }

    /// Publishes with QoS 1 and waits for the acknowledgement or the end of the connection.
    pub(super) async fn publish(&mut self, topic: &str) -> ClientOutcome {
        self.publish_with(topic, false).await
    }

    async fn publish_with(&mut self, topic: &str, is_retained: bool) -> ClientOutcome {
        let sent = self.requests.publish(topic, QoS::AtLeastOnce, is_retained, "hello").await;
        if let Err(error) = sent {
            return ClientOutcome::closed(error.to_string());
        }
        loop {
            match self.next().await {
                Ok(Packet::PubAck(ack)) => {
                    let is_allowed =
                        matches!(ack.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers);
                    return ClientOutcome {
                        is_allowed,
                        is_closed: false,
                        response: format!("PUBACK {:?}", ack.reason),
                    };
                }
                Ok(Packet::Publish(message)) => self.messages.push(message),
                Ok(_) => {}
                Err(end) => return ClientOutcome::closed(end),
            }
        }
    }

    /// Subscribes with QoS 1 and waits for the acknowledgement. After a denial, also waits for the end of the
    /// connection.
    pub(super) async fn subscribe(&mut self, filter: &str) -> ClientOutcome {
        if let Err(error) = self.requests.subscribe(filter, QoS::AtLeastOnce).await {
            return ClientOutcome::closed(error.to_string());
        }
        loop {
            match self.next().await {
                Ok(Packet::SubAck(ack)) => {
                    let code = ack.return_codes.first();
                    let is_allowed = matches!(code, Some(SubscribeReasonCode::Success(_)));
                    let code = code.map(|code| format!("{code:?}")).unwrap_or_default();
                    let name = code.split_once('(').map_or(code.as_str(), |(name, _)| name);
                    let response = format!("SUBACK {name}");
                    return if is_allowed {
                        ClientOutcome::allowed(response)
                    } else {
                        self.wait_for_end(response).await
                    };
                }
                Ok(Packet::Publish(message)) => self.messages.push(message),
                Ok(_) => {}
                Err(end) => return ClientOutcome::closed(end),
            }
        }
    }

    /// Waits for the end of the connection, which the gateway decides.
    pub(super) async fn end(&mut self) -> ClientOutcome {
        loop {
            match self.next().await {
                Ok(_) => {}
                Err(end) => return ClientOutcome::closed(end),
            }
        }
    }

    /// Waits for the end of the connection after a denial.
    async fn wait_for_end(&mut self, response: String) -> ClientOutcome {
        loop {
            match self.next().await {
                Ok(_) => {}
                Err(end) => return ClientOutcome::closed(format!("{response}, then {end}")),
            }
        }
    }

    /// Waits for a message on the topic.
    pub(super) async fn receive(&mut self, topic: &str) -> ClientOutcome {
        loop {
            if let Some(index) = self.messages.iter().position(|message| message.topic == topic.as_bytes()) {
                self.messages.remove(index);
                return ClientOutcome::allowed("PUBLISH to the client".to_owned());
            }
            match self.next().await {
                Ok(Packet::Publish(message)) => self.messages.push(message),
                Ok(_) => {}
                Err(end) => return ClientOutcome::closed(end),
            }
        }
    }

    /// Disconnects, so that the gateway does not log a lost connection.
    pub(super) async fn disconnect(mut self) {
        if self.requests.disconnect().await.is_ok() {
            while self.next().await.is_ok() {}
        }
    }

    /// Returns the next packet, or a description of how the connection ended.
    async fn next(&mut self) -> Result<Packet, String> {
        self.next_within(RESPONSE_TIMEOUT).await
    }

    async fn next_within(&mut self, limit: Duration) -> Result<Packet, String> {
        loop {
            match tokio::time::timeout(limit, self.events.poll()).await {
                Ok(Ok(Event::Incoming(packet))) => return Ok(packet),
                Ok(Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect))) => {
                    return Err("disconnected".to_owned());
                }
                Ok(Ok(Event::Outgoing(_))) => {}
                Ok(Err(error)) => return Err(describe(&error)),
                Err(_) => return Err(format!("no response within {} s", limit.as_secs())),
            }
        }
    }
}

impl ClientOutcome {
    fn allowed(response: String) -> Self {
        Self { is_allowed: true, is_closed: false, response }
    }

    fn closed(response: String) -> Self {
        Self { is_allowed: false, is_closed: true, response }
    }
}

/// Connects with MQTT 3.1.1 over TLS, and disconnects if that was allowed.
pub(super) async fn try_connect_311(port: u16, id: &str, tls: &Arc<ClientConfig>) -> ClientOutcome {
    let mut options = rumqttc::MqttOptions::new(id, "localhost", port);
    options.set_transport(transport(tls)).set_keep_alive(Duration::from_secs(60));
    let (requests, mut events) = rumqttc::AsyncClient::new(options, REQUEST_QUEUE_LENGTH);
    match tokio::time::timeout(RESPONSE_TIMEOUT, events.poll()).await {
        Ok(Ok(event)) => {
            let _ = requests.disconnect().await;
            let _ = tokio::time::timeout(RESPONSE_TIMEOUT, events.poll()).await;
            ClientOutcome::allowed(format!("{event:?}").split('(').nth(1).unwrap_or_default().to_owned())
        }
        Ok(Err(rumqttc::ConnectionError::ConnectionRefused(code))) => {
            ClientOutcome::closed(format!("CONNACK {code:?}"))
        }
        Ok(Err(error)) => ClientOutcome::closed(end_of(&error)),
        Err(_) => ClientOutcome::closed(format!("no response within {} s", RESPONSE_TIMEOUT.as_secs())),
    }
}

fn transport(tls: &Arc<ClientConfig>) -> Transport {
    Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(tls)))
}

/// How a connection ended before a CONNACK: the TLS alert if there is one (RFC 8446, section 6).
fn end_of(error: &dyn std::error::Error) -> String {
    const ALERT: &str = "received fatal alert: ";
    let text = error.to_string();
    match text.split_once(ALERT) {
        Some((_, alert)) => format!("TLS alert {alert}"),
        None => error.source().map_or_else(|| NO_CONNACK.to_owned(), end_of),
    }
}

/// Publishes over HTTP with the token as bearer token.
///
/// # Errors
/// The connection failed.
pub(super) async fn post(port: u16, topic: &str, token: &str) -> io::Result<ClientOutcome> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!(
        "POST /topics/{topic}?qos=1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: 5\r\nConnection: close\r\n\r\nhello"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    tokio::time::timeout(RESPONSE_TIMEOUT, stream.read_to_end(&mut response)).await??;
    let response = String::from_utf8_lossy(&response);
    let status = response
        .lines()
        .next()
        .and_then(|line| line.split_once(' '))
        .map_or("no response", |(_, status)| status);
    let is_allowed = status.starts_with("200 ");
    Ok(ClientOutcome { is_allowed, is_closed: true, response: status.to_owned() })
}

/// Describes an error without its text, which may contain the URL and so the token.
fn describe(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ConnectionRefused(code) => format!("CONNACK {code:?}"),
        ConnectionError::MqttState(StateError::ConnFail { reason }) => format!("CONNACK {reason:?}"),
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => {
            format!("DISCONNECT {reason_code:?}, closed")
        }
        ConnectionError::MqttState(_) | ConnectionError::Io(_) => "closed".to_owned(),
        ConnectionError::Timeout(_) => "no response".to_owned(),
        // The status of an answer that opens no WebSocket.
        ConnectionError::Websocket(error) => match error.to_string().strip_prefix("HTTP error: ") {
            Some(status) => format!("HTTP {status}"),
            None => "no connection".to_owned(),
        },
        _ => "no connection".to_owned(),
    }
}

/// The name of a packet, without its content.
fn name(packet: &Packet) -> String {
    let text = format!("{packet:?}");
    text.split_once(|character: char| !character.is_alphanumeric())
        .map_or(text.as_str(), |(name, _)| name)
        .to_owned()
}
