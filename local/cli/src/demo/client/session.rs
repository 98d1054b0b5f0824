//! Connects with a session that outlives the connection, retained messages, and messages that do not arrive.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::Transport;
use rumqttc::v5::MqttOptions;
use rumqttc::v5::mqttbytes::v5::Packet;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::rustls::ClientConfig;

use super::{Client, ClientOutcome, RESPONSE_TIMEOUT, transport};

/// How long a session is kept after its connection, in seconds.
const SESSION_EXPIRY_SECONDS: u32 = 600;

/// The longest response to a handshake.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// How a client proves who it is, and over which transport. Not `Debug`: it may hold a token.
#[derive(Clone)]
pub(in crate::demo) enum Access {
    /// A token as password, over TLS on AWS's port 443 with the ALPN name `mqtt`.
    TokenOverTls(String, Arc<ClientConfig>),
    /// A token as password, over WebSocket.
    TokenOverWebSocket(String),
    /// The certificate of the configuration, over TLS on port 8883.
    Certificate(Arc<ClientConfig>),
    /// An address with a signature, over WebSocket.
    Address(String),
}

impl Client {
    /// Connects to a port with a session that is continued, if there is one, and kept for ten minutes. Returns no
    /// client if the connect was denied.
    pub(in crate::demo) async fn resume(
        port: u16,
        id: &str,
        access: &Access,
    ) -> (Option<Self>, ClientOutcome) {
        let websocket = || format!("ws://127.0.0.1:{port}/mqtt");
        let mut options = match access {
            Access::TokenOverTls(..) | Access::Certificate(_) => MqttOptions::new(id, "localhost", port),
            Access::TokenOverWebSocket(_) => MqttOptions::new(id, websocket(), port),
            Access::Address(address) => MqttOptions::new(id, address.as_str(), port),
        };
        match access {
            Access::TokenOverTls(token, _) | Access::TokenOverWebSocket(token) => {
                options.set_credentials(id, token);
            }
            Access::Certificate(_) | Access::Address(_) => {}
        }
        options.set_transport(match access {
            Access::TokenOverTls(_, tls) | Access::Certificate(tls) => transport(tls),
            Access::TokenOverWebSocket(_) | Access::Address(_) => Transport::Ws,
        });
        options.set_clean_start(false).set_session_expiry_interval(Some(SESSION_EXPIRY_SECONDS));
        Self::open(options).await
    }

    /// Publishes a retained message with QoS 1 and waits for the acknowledgement or the end of the connection.
    pub(in crate::demo) async fn publish_retained(&mut self, topic: &str) -> ClientOutcome {
        self.publish_with(topic, true).await
    }

    /// Returns whether a message on the topic arrives in time.
    pub(in crate::demo) async fn receives_within(&mut self, topic: &str, limit: Duration) -> bool {
        let is_wanted = |message: &rumqttc::v5::mqttbytes::v5::Publish| message.topic == topic.as_bytes();
        if self.messages.iter().any(is_wanted) {
            return true;
        }
        let wait = async {
            loop {
                match self.next().await {
                    Ok(Packet::Publish(message)) if is_wanted(&message) => return true,
                    Ok(_) => {}
                    Err(_) => return false,
                }
            }
        };
        tokio::time::timeout(limit, wait).await.unwrap_or(false)
    }
}

/// Sends the handshake of a signed WebSocket address. Returns the status and the message that AWS writes about an
/// error, which browsers and most libraries do not show.
///
/// # Errors
/// The connection failed, or the response is late.
pub(in crate::demo) async fn handshake(port: u16, address: &str) -> io::Result<String> {
    let target = address.find("/mqtt").and_then(|start| address.get(start..)).unwrap_or_default();
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: mqtt\r\n\r\n"
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    let mut buffer = [0; 4096];
    let message = |response: &[u8]| {
        let text = String::from_utf8_lossy(response);
        let status = text.lines().next()?.split_once(' ')?.1.to_owned();
        let (_, body) = text.split_once("\r\n\r\n")?;
        let body: Value = serde_json::from_str(body).ok()?;
        Some(format!("{status}: {}", body.get("message")?.as_str()?.trim()))
    };
    let read = async {
        loop {
            let length = stream.read(&mut buffer).await?;
            response.extend_from_slice(buffer.get(..length).unwrap_or_default());
            match message(&response) {
                Some(message) => return Ok(message),
                None if length == 0 || response.len() > MAX_RESPONSE_BYTES => return Ok(String::new()),
                None => {}
            }
        }
    };
    tokio::time::timeout(RESPONSE_TIMEOUT, read).await?
}
