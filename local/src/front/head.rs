//! The head of an HTTP/1.1 request as the client sent it.
//!
//! HTTP libraries hand out header names in lower case. AWS IoT does not document what case it passes on, so the door
//! passes on what came, and an authorizer that looks for one case only is found out here.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::event::{Door, HttpFacts};

/// Longest head, in bytes.
const LIMIT: usize = 16 * 1024;

/// How long a client may take to send it.
const PATIENCE: Duration = Duration::from_secs(5);

const MOST_HEADERS: usize = 100;

/// A request's head, and what came with it.
pub(super) struct Head {
    /// All that has been read: the head and perhaps the beginning of what follows.
    pub(super) bytes: Bytes,
    /// Names and values, in order.
    pub(super) headers: Vec<(String, String)>,
}

/// Reads a head. None if there is none to be had; the client has then been told why, if it spoke HTTP at all.
pub(super) async fn read(stream: &mut TcpStream) -> Option<Head> {
    let mut bytes = BytesMut::with_capacity(2048);
    let outcome = tokio::time::timeout(PATIENCE, fill(stream, &mut bytes)).await;
    let refusal = match outcome {
        Ok(Ok(headers)) => return Some(Head { bytes: bytes.freeze(), headers }),
        Ok(Err(Fault::Gone)) => return None,
        Ok(Err(Fault::Malformed)) => "400 Bad Request",
        Ok(Err(Fault::TooLarge)) => "431 Request Header Fields Too Large",
        Err(_) => "408 Request Timeout",
    };
    let response = format!("HTTP/1.1 {refusal}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    let _ = tokio::time::timeout(PATIENCE, stream.write_all(response.as_bytes())).await;
    let _ = stream.shutdown().await;
    None
}

enum Fault {
    Gone,
    Malformed,
    TooLarge,
}

async fn fill(stream: &mut TcpStream, bytes: &mut BytesMut) -> Result<Vec<(String, String)>, Fault> {
    loop {
        if bytes.len() >= LIMIT {
            return Err(Fault::TooLarge);
        }
        match stream.read_buf(bytes).await {
            Ok(1..) => {}
            _ => return Err(Fault::Gone),
        }
        let mut slots = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut request = httparse::Request::new(&mut slots);
        match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) if length <= LIMIT => return Ok(own(request.headers)),
            Ok(httparse::Status::Complete(_)) | Err(httparse::Error::TooManyHeaders) => {
                return Err(Fault::TooLarge);
            }
            Ok(httparse::Status::Partial) => {}
            Err(_) => return Err(Fault::Malformed),
        }
    }
}

fn own(headers: &[httparse::Header<'_>]) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers.iter().map(|header| (header.name.to_owned(), text(header.value))).collect()
}

impl Head {
    /// What the authorizer is told of this request.
    ///
    /// AWS IoT is reached over TLS only. The plain port stands for that, so that an event looks the same: the server
    /// name, which a client takes from the same place, is the `Host` without its port.
    pub(super) fn door(&self, query: Option<&str>) -> Door {
        let host = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
        let server_name = host.and_then(|(_, host)| host.parse::<hyper::http::uri::Authority>().ok());
        Door {
            connection: uuid::Uuid::new_v4(),
            server_name: server_name.map(|authority| authority.host().to_owned()),
            http: Some(HttpFacts { headers: self.headers.clone(), query: query.map(str::to_owned) }),
        }
    }
}
