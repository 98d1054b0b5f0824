//! Plays a cell of the matrix with a client of bytes, so that each step is seen as it is on the wire.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use aws_sigv4::http_request::SignatureLocation;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use super::{Port, Protocol, Regions, Row};
use crate::devices::{Connect, Device};
use crate::secure::TlsGateway;
use crate::signer::{HttpRequest, Signer};
use crate::support::{TIMEOUT, operator};

/// With what a client connects.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Credentials {
    pub(super) certificate: bool,
    pub(super) signature: bool,
    pub(super) token: bool,
}

impl Credentials {
    pub(super) const NONE: Self = Self { certificate: false, signature: false, token: false };
}

/// What of a client is valid. The other is presented all the same.
#[derive(Clone, Copy)]
struct Valid {
    certificate: bool,
    token: bool,
}

/// Returns `by the certificate`, `by the signature`, `by the token` or `by both` for a client that connects or
/// publishes; otherwise the step at which it is denied: `TLS handshake`, `HTTP 403`, `CONNACK 5`, or `CONNECT` for a
/// close without CONNACK.
pub(super) async fn play(
    regions: &Regions,
    gateway: &TlsGateway,
    name: &str,
    row: &Row,
    credentials: Credentials,
) -> String {
    let client = Client { regions, gateway, name, row, credentials };
    let step = client.step(Valid { certificate: true, token: true }).await;
    if !step.is_empty() {
        return step;
    }
    let by = match (credentials.certificate, credentials.token) {
        (true, false) => "the certificate",
        (false, true) => "the token",
        (false, false) => "the signature",
        // What decides is what must be valid.
        (true, true) => {
            let by_token = client.step(Valid { certificate: false, token: true }).await.is_empty();
            let by_certificate = client.step(Valid { certificate: true, token: false }).await.is_empty();
            match (by_certificate, by_token) {
                (true, false) => "the certificate",
                (false, true) => "the token",
                (false, false) => "both",
                (true, true) => "either",
            }
        }
    };
    format!("by {by}")
}

struct Client<'a> {
    regions: &'a Regions,
    gateway: &'a TlsGateway,
    name: &'a str,
    row: &'a Row,
    credentials: Credentials,
}

impl Client<'_> {
    /// Returns the step of the denial, or nothing.
    async fn step(&self, valid: Valid) -> String {
        let outcome = tokio::time::timeout(TIMEOUT, self.connect(valid)).await;
        outcome.expect("a response or the end of the connection")
    }

    async fn connect(&self, valid: Valid) -> String {
        let Ok(mut stream) = self.handshake(self.device(valid)).await else {
            return "TLS handshake".to_owned();
        };
        let bytes = match self.row.protocol {
            Protocol::Mqtt => self.connect_packet(valid),
            Protocol::WebSocket | Protocol::Https => self.request(valid).bytes(),
        };
        let _ = stream.write_all(&bytes).await;
        match self.row.protocol {
            Protocol::Mqtt => connack(&read(&mut stream, is_packet).await),
            Protocol::Https => http(&read(&mut stream, is_head).await, "200"),
            Protocol::WebSocket => {
                let denied = http(&read(&mut stream, is_head).await, "101");
                if !denied.is_empty() {
                    return denied;
                }
                let _ = stream.write_all(&frame(&self.connect_packet(valid))).await;
                // After the opcode and the length of a message in one byte (RFC 6455, section 5.2).
                let answer = read(&mut stream, |bytes| bytes.get(2..).is_some_and(is_packet)).await;
                connack(answer.strip_prefix(&[0x82]).and_then(|rest| rest.get(1..)).unwrap_or_default())
            }
        }
    }

    fn device(&self, valid: Valid) -> Option<&Device> {
        let Regions { known, unknown, .. } = self.regions;
        self.credentials.certificate.then_some(if valid.certificate { known } else { unknown })
    }

    async fn handshake(&self, device: Option<&Device>) -> std::io::Result<TlsStream<TcpStream>> {
        let port = match self.row.port {
            Port::Https => self.gateway.tls_port,
            Port::Mqtts => self.gateway.mqtts_port,
        };
        let names = [self.row.alpn.as_str()];
        let alpn = if self.row.alpn.is_empty() { &[] } else { &names[..] };
        // In TLS 1.3, a client learns only after its handshake that the server wants a certificate.
        let connect = Connect { port, alpn, device, is_tls12: true, has_sni: true };
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let name = ServerName::try_from(self.name.to_owned()).unwrap();
        TlsConnector::from(self.regions.home.device_config(&connect)).connect(name, stream).await
    }

    fn token(&self, valid: Valid) -> Option<&'static str> {
        self.credentials.token.then_some(if valid.token { "good" } else { "bad" })
    }

    /// A CONNECT of MQTT 3.1.1 (section 3.1). MQTT has no place for a signature; a user name may hold any text.
    fn connect_packet(&self, valid: Valid) -> Vec<u8> {
        let is_plain = self.row.protocol == Protocol::Mqtt;
        let token = self.token(valid).filter(|_| is_plain);
        let signed = (is_plain && self.credentials.signature).then(|| self.presigned().target);
        let username = signed.or_else(|| token.map(|_| "user".to_owned()));
        let flags = 2 | if username.is_some() { 0x80 } else { 0 } | if token.is_some() { 0x40 } else { 0 };
        let mut body = [b"\0\x04MQTT\x04".as_slice(), &[flags, 0, 60]].concat();
        for text in [Some("matrix"), username.as_deref(), token].into_iter().flatten() {
            body.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
            body.extend(text.as_bytes());
        }
        [&[0x10], length(body.len()).as_slice(), &body].concat()
    }

    fn presigned(&self) -> HttpRequest {
        let signer = Signer::new(&operator(), "iotdevicegateway", SignatureLocation::QueryParams);
        signer.sign(&HttpRequest::new("GET", "/mqtt", self.name))
    }

    fn request(&self, valid: Valid) -> HttpRequest {
        let mut request = match self.row.protocol {
            Protocol::Https => HttpRequest::new("POST", "/topics/own/http/x", self.name),
            Protocol::WebSocket | Protocol::Mqtt => HttpRequest::new("GET", "/mqtt", self.name),
        };
        if self.credentials.signature {
            request = match self.row.protocol {
                Protocol::Https => {
                    Signer::new(&operator(), "iotdata", SignatureLocation::Headers).sign(&request)
                }
                Protocol::WebSocket | Protocol::Mqtt => self.presigned(),
            };
        }
        if let Some(token) = self.token(valid) {
            request.add("token", token);
        }
        if self.row.protocol == Protocol::WebSocket {
            request.add_handshake();
        }
        request
    }
}

/// Returns what arrives until it is whole, or until the gateway closes the connection.
async fn read(stream: &mut TlsStream<TcpStream>, is_whole: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !is_whole(&bytes) && matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {}
    bytes
}

/// Whether these are four bytes, as a CONNACK of MQTT 3.1.1 has.
fn is_packet(bytes: &[u8]) -> bool {
    bytes.len() >= 4
}

fn is_head(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|four| four == b"\r\n\r\n")
}

fn connack(packet: &[u8]) -> String {
    match packet {
        [0x20, 2, _, 0, ..] => String::new(),
        [0x20, 2, _, code, ..] => format!("CONNACK {code}"),
        _ => "CONNECT".to_owned(),
    }
}

fn http(response: &[u8], expected: &str) -> String {
    let text = String::from_utf8_lossy(response);
    match text.split(' ').nth(1) {
        Some(status) if status == expected => String::new(),
        Some(status) => format!("HTTP {status}"),
        None => "closed".to_owned(),
    }
}

/// The remaining length of a packet (MQTT 3.1.1, section 2.2.3).
fn length(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number % 128).unwrap();
        number /= 128;
        bytes.push(if number > 0 { low | 0x80 } else { low });
        if number == 0 {
            return bytes;
        }
    }
}

/// A binary message of a client with a mask of zeros (RFC 6455, section 5.2).
fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    assert!(length < 126, "one byte of length");
    [&[0x82, 0x80 | length, 0, 0, 0, 0], payload].concat()
}
