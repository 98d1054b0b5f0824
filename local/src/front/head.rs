//! The head of an HTTP/1.1 request as the client sent it.
//!
//! HTTP libraries hand out header names in lower case. AWS IoT does not document what case it passes on, so the door
//! passes on what came, and an authorizer that looks for one case only is found out here.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::visit::Visit;
use crate::event::{Door, HttpFacts};

/// Longest head, in bytes.
const LIMIT: usize = 16 * 1024;

/// How long a client may take to send it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a client may rest between two requests.
const REST: Duration = Duration::from_secs(120);

const MOST_HEADERS: usize = 100;

/// A request's head.
pub(super) struct Head {
    /// Its bytes.
    pub(super) length: usize,
    /// Names and values, in order.
    pub(super) headers: Vec<(String, String)>,
    /// How many bytes of body follow, if another request may follow these.
    pub(super) body: Option<u64>,
}

/// Reads a head into `bytes`, which may hold more than that afterwards. None if there is none to be had; the client has
/// then been told why, if it spoke HTTP at all.
pub(super) async fn read<S>(stream: &mut S, bytes: &mut BytesMut, first: bool) -> Option<Head>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if bytes.is_empty() && !first {
        tokio::time::timeout(REST, stream.read_buf(bytes)).await.ok()?.ok().filter(|read| *read > 0)?;
    }
    let refusal = match tokio::time::timeout(PATIENCE, fill(stream, bytes)).await {
        Ok(Ok(head)) => return Some(head),
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

async fn fill<S: AsyncRead + Unpin>(stream: &mut S, bytes: &mut BytesMut) -> Result<Head, Fault> {
    loop {
        let mut slots = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut request = httparse::Request::new(&mut slots);
        match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) if length <= LIMIT => {
                let headers = own(request.headers);
                let body = if request.version == Some(1) { body(&headers) } else { None };
                return Ok(Head { length, headers, body });
            }
            Ok(httparse::Status::Complete(_)) | Err(httparse::Error::TooManyHeaders) => {
                return Err(Fault::TooLarge);
            }
            Ok(httparse::Status::Partial) if bytes.len() >= LIMIT => return Err(Fault::TooLarge),
            Ok(httparse::Status::Partial) => {}
            Err(_) => return Err(Fault::Malformed),
        }
        match stream.read_buf(bytes).await {
            Ok(1..) => {}
            _ => return Err(Fault::Gone),
        }
    }
}

fn own(headers: &[httparse::Header<'_>]) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers.iter().map(|header| (header.name.to_owned(), text(header.value))).collect()
}

/// The length of the body, where the next request begins behind it. None if the connection changes its protocol, is to be
/// closed, or has a body of which only the HTTP server can tell the end.
fn body(headers: &[(String, String)]) -> Option<u64> {
    let all = |name: &'static str| {
        headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let stays = |value: &String| value.split(',').all(|part| part.trim().eq_ignore_ascii_case("keep-alive"));
    if !all("connection").all(stays) || all("upgrade").chain(all("transfer-encoding")).next().is_some() {
        return None;
    }
    let mut lengths = all("content-length");
    match (lengths.next(), lengths.next()) {
        (None, _) => Some(0),
        (Some(length), None) => length.parse().ok(),
        (Some(_), Some(_)) => None,
    }
}

impl Head {
    /// What the authorizer is told of this request.
    ///
    /// AWS IoT is reached over TLS only. The plain port stands for that, so that an event looks the same: the server
    /// name, which a client takes from the same place, is the `Host` without its port.
    pub(super) fn door(&self, visit: &Visit, query: Option<&str>) -> Door {
        let host = || {
            let (_, host) = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"))?;
            Some(host.parse::<hyper::http::uri::Authority>().ok()?.host().to_owned())
        };
        let server_name = match &visit.handshake {
            Some(handshake) => handshake.server_name.clone(),
            None => host(),
        };
        Door {
            connection: visit.connection,
            server_name,
            certificate: visit.handshake.as_ref().and_then(|handshake| handshake.certificate.clone()),
            http: Some(HttpFacts { headers: self.headers.clone(), query: query.map(str::to_owned) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_request_follows_only_where_the_first_ends_for_sure() {
        for (headers, expected) in [
            (&[][..], Some(0)),
            (&[("Content-Length", "5")], Some(5)),
            (&[("Connection", "Keep-Alive"), ("content-length", "0")], Some(0)),
            (&[("Connection", "close")], None),
            (&[("Connection", "keep-alive, Upgrade"), ("Upgrade", "websocket")], None),
            (&[("Transfer-Encoding", "chunked")], None),
            (&[("Content-Length", "5"), ("Transfer-Encoding", "chunked")], None),
            (&[("Content-Length", "5"), ("Content-Length", "5")], None),
            (&[("Content-Length", "+5x")], None),
        ] {
            let owned: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            assert_eq!(body(&owned), expected, "{headers:?}");
        }
    }
}
