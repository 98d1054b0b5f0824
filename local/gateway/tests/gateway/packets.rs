//! A client that sends any MQTT packet, also invalid ones, and reads all reason codes.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a panic is how a test fails"
)]

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::TIMEOUT;

/// MQTT 3.1.1 and MQTT 5, by their protocol levels.
pub(crate) const LEVELS: [u8; 2] = [4, 5];

/// A CONNECT packet.
#[derive(Clone)]
pub(crate) struct ConnectPacket {
    pub(crate) level: u8,
    pub(crate) client_id: String,
    pub(crate) password: String,
    pub(crate) keep_alive: u16,
    pub(crate) clean: bool,
    /// Topic, QoS and retain flag of the will.
    pub(crate) will: Option<(String, u8, bool)>,
}

impl ConnectPacket {
    /// A CONNECT with a clean session, for which the function returns these statements.
    pub(crate) fn with_statements(level: u8, client_id: &str, first: &Value) -> Self {
        Self::with_instructions(level, client_id, &json!({ "first": first }))
    }

    /// The same with instructions for the function, see `function.py`.
    pub(crate) fn with_instructions(level: u8, client_id: &str, instructions: &Value) -> Self {
        let (client_id, password) = (client_id.to_owned(), instructions.to_string());
        Self { level, client_id, password, keep_alive: 60, clean: true, will: None }
    }

    pub(crate) fn packet(&self) -> Vec<u8> {
        let is_mqtt5 = self.level == 5;
        let will = self.will.as_ref();
        let will_flags = will.map_or(0, |(_, qos, retain)| 0x04 | (qos << 3) | (u8::from(*retain) << 5));
        let flags = 0xC0 | will_flags | (u8::from(self.clean) << 1);
        // A Session Expiry Interval of one day (MQTT 5, section 3.1.2.11.2).
        let properties: &[u8] = if self.clean { &[0] } else { &[5, 0x11, 0, 1, 0x51, 0x80] };
        let mut body = [text("MQTT"), vec![self.level, flags]].concat();
        body.extend(self.keep_alive.to_be_bytes());
        body.extend(if is_mqtt5 { properties } else { &[] });
        body.extend(text(&self.client_id));
        if let Some((topic, ..)) = will {
            body.extend(if is_mqtt5 { &[0][..] } else { &[] });
            body.extend([text(topic), text("gone")].concat());
        }
        body.extend([text("user"), text(&self.password)].concat());
        packet(0x10, &body)
    }
}

/// A connection over WebSocket.
pub(crate) struct RawClient {
    level: u8,
    socket: WebSocketStream<TcpStream>,
    received: Vec<u8>,
}

impl RawClient {
    /// Opens a WebSocket without a CONNECT.
    pub(crate) async fn open(port: u16, level: u8) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut request = format!("ws://127.0.0.1:{port}/mqtt").into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "mqtt".parse().unwrap());
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        Self { level, socket, received: Vec::new() }
    }

    /// Sends a CONNECT. Returns the connection and the CONNACK.
    pub(crate) async fn try_connect(port: u16, connect: &ConnectPacket) -> (Self, Vec<u8>) {
        let mut client = Self::open(port, connect.level).await;
        client.send(connect.packet()).await;
        let connack = client.next().await.expect("a CONNACK");
        assert_eq!(connack[0], 0x20, "{connack:x?}");
        (client, connack)
    }

    /// The same for a CONNECT that is accepted.
    pub(crate) async fn connect(port: u16, connect: &ConnectPacket) -> Self {
        let (client, connack) = Self::try_connect(port, connect).await;
        assert_eq!(connack[3], 0, "{connack:x?}");
        client
    }

    pub(crate) async fn send(&mut self, bytes: Vec<u8>) {
        self.socket.send(Message::binary(bytes)).await.unwrap();
    }

    /// Returns the next packet with its fixed header, `None` at the end of the connection.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(length) = packet_length(&self.received) {
                return Some(self.received.drain(..length).collect());
            }
            let message =
                tokio::time::timeout(TIMEOUT, self.socket.next()).await.expect("a packet or an end");
            match message {
                Some(Ok(Message::Binary(bytes))) => self.received.extend(bytes),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    }

    /// Sends a PINGREQ. Returns the packets before the PINGRESP, so that all earlier packets have been processed.
    pub(crate) async fn drain(&mut self) -> Vec<Vec<u8>> {
        self.send(vec![0xC0, 0]).await;
        let mut received = Vec::new();
        loop {
            match self.next().await {
                Some(packet) if packet[0] == 0xD0 => return received,
                Some(packet) => received.push(packet),
                None => panic!("the connection ended after {received:x?}"),
            }
        }
    }

    /// Waits until the connection ends. Returns the reason code of the DISCONNECT packet, if there is one.
    pub(crate) async fn wait_for_end(&mut self) -> Option<u8> {
        let mut reason = None;
        while let Some(packet) = self.next().await {
            match packet[0] {
                0xE0 => reason = Some(packet[2]),
                // A denied action is not acknowledged.
                first => assert!(![0x40, 0x50, 0x90].contains(&first), "{packet:x?}"),
            }
        }
        reason
    }

    pub(crate) async fn publish(&mut self, topic: &str, payload: &[u8], qos: u8, retain: bool) {
        let id: &[u8] = if qos == 0 { &[] } else { &[0, 9] };
        let properties: &[u8] = if self.level == 5 { &[0] } else { &[] };
        let body = [&text(topic), id, properties, payload].concat();
        self.send(packet(0x30 | (qos << 1) | u8::from(retain), &body)).await;
    }

    pub(crate) async fn subscribe(&mut self, properties: &[u8], filters: &[&str], qos: u8) {
        let mut body = vec![0, 7];
        if self.level == 5 {
            body.push(u8::try_from(properties.len()).unwrap());
            body.extend(properties);
        }
        for filter in filters {
            body.extend(text(filter));
            body.push(qos);
        }
        self.send(packet(0x82, &body)).await;
    }

    /// Returns the codes of the next packet, a SUBACK.
    pub(crate) async fn suback(&mut self) -> Vec<u8> {
        let packet = self.next().await.expect("a SUBACK");
        assert_eq!(packet[0], 0x90, "{packet:x?}");
        let body = &packet[header_length(&packet)..];
        body[if self.level == 5 { 3 } else { 2 }..].to_vec()
    }

    /// Subscribes with QoS 0, and checks that all filters are allowed.
    pub(crate) async fn subscribe_and_check(&mut self, filters: &[&str]) {
        self.subscribe(&[], filters, 0).await;
        assert_eq!(self.suback().await, vec![0; filters.len()], "{filters:?}");
    }

    /// Returns the topics of the PUBLISH packets.
    pub(crate) fn topics(packets: &[Vec<u8>]) -> Vec<String> {
        let publishes = packets.iter().filter(|packet| packet[0] & 0xF0 == 0x30);
        let topic = |packet: &Vec<u8>| {
            let body = &packet[header_length(packet)..];
            let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
            String::from_utf8(body[2..2 + length].to_vec()).unwrap()
        };
        publishes.map(topic).collect()
    }
}

pub(crate) fn text(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}

pub(crate) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    let mut length = body.len();
    while length > 0x7F {
        packet.push(u8::try_from(length & 0x7F).unwrap() | 0x80);
        length >>= 7;
    }
    packet.push(u8::try_from(length).unwrap());
    packet.extend(body);
    packet
}

/// Returns the length of the fixed header.
fn header_length(packet: &[u8]) -> usize {
    1 + packet[1..].iter().take_while(|byte| **byte & 0x80 != 0).count() + 1
}

/// Returns the length of the first packet if it is complete.
fn packet_length(bytes: &[u8]) -> Option<usize> {
    let length: Vec<_> = bytes.get(1..)?.iter().take_while(|byte| **byte & 0x80 != 0).collect();
    let last = bytes.get(1 + length.len())?;
    let value =
        length.iter().rev().fold(usize::from(*last), |value, byte| (value << 7) | usize::from(**byte & 0x7F));
    let total = header_length(bytes) + value;
    (bytes.len() >= total).then_some(total)
}
