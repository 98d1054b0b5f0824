//! Reads the head of an HTTP/1.1 request, with the case of its header names.
//!
//! hyper returns header names in lower case. AWS IoT does not document the case in its event, so the gateway keeps the
//! client's case. That reveals an authorizer that expects one case.

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::client_connection::ClientConnection;
use crate::facts::{ConnectionFacts, HttpFacts};
use crate::timeouts::{HEAD_TIMEOUT, IDLE_TIMEOUT};

const MAX_HEAD_BYTES: usize = 16 * 1024;

const MAX_HEADERS: usize = 100;

/// The head of a request.
pub(super) struct Head {
    /// The length in bytes.
    pub(super) length: usize,
    /// Names and values of the headers, in order.
    pub(super) headers: Vec<(String, String)>,
    /// The length of the body in bytes. Absent if no request can follow, see [`body_length`].
    pub(super) body_length: Option<u64>,
}

/// Reads a head into `bytes`, which may contain further bytes afterwards. Returns `None` if the client closes the
/// connection, exceeds a timeout, or sends an invalid head; then it has received an error response.
pub(super) async fn read<S>(stream: &mut S, bytes: &mut BytesMut, is_first: bool) -> Option<Head>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if bytes.is_empty() && !is_first {
        tokio::time::timeout(IDLE_TIMEOUT, stream.read_buf(bytes))
            .await
            .ok()?
            .ok()
            .filter(|read| *read > 0)?;
    }
    let status = match tokio::time::timeout(HEAD_TIMEOUT, read_head(stream, bytes)).await {
        Ok(Ok(head)) => return Some(head),
        Ok(Err(HeadError::Closed)) => return None,
        Ok(Err(HeadError::Malformed)) => "400 Bad Request",
        Ok(Err(HeadError::TooLarge)) => "431 Request Header Fields Too Large",
        Err(_) => "408 Request Timeout",
    };
    let response = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    let _ = tokio::time::timeout(HEAD_TIMEOUT, stream.write_all(response.as_bytes())).await;
    let _ = stream.shutdown().await;
    None
}

enum HeadError {
    Closed,
    Malformed,
    TooLarge,
}

async fn read_head<S: AsyncRead + Unpin>(stream: &mut S, bytes: &mut BytesMut) -> Result<Head, HeadError> {
    loop {
        let mut slots = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut slots);
        match request.parse(bytes) {
            // A fragment is not sent (RFC 9112, section 3.2). hyper removes it from the path that is verified.
            Ok(httparse::Status::Complete(_)) if request.path.is_some_and(|target| target.contains('#')) => {
                return Err(HeadError::Malformed);
            }
            Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD_BYTES => {
                let headers = owned_headers(request.headers);
                let body_length = if request.version == Some(1) { body_length(&headers) } else { None };
                return Ok(Head { length, headers, body_length });
            }
            Ok(httparse::Status::Complete(_)) | Err(httparse::Error::TooManyHeaders) => {
                return Err(HeadError::TooLarge);
            }
            Ok(httparse::Status::Partial) if bytes.len() >= MAX_HEAD_BYTES => {
                return Err(HeadError::TooLarge);
            }
            Ok(httparse::Status::Partial) => {}
            Err(_) => return Err(HeadError::Malformed),
        }
        match stream.read_buf(bytes).await {
            Ok(1..) => {}
            _ => return Err(HeadError::Closed),
        }
    }
}

fn owned_headers(headers: &[httparse::Header<'_>]) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers.iter().map(|header| (header.name.to_owned(), text(header.value))).collect()
}

/// Returns the length of the body (RFC 9112, section 6.3) if another request can follow it. Returns `None` if the
/// connection changes its protocol or is closed, or if only the HTTP server can find the end of the body.
fn body_length(headers: &[(String, String)]) -> Option<u64> {
    let all = |name: &'static str| {
        headers.iter().filter(move |(present, _)| present.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let is_keep_alive =
        |value: &String| value.split(',').all(|part| part.trim().eq_ignore_ascii_case("keep-alive"));
    if !all("connection").all(is_keep_alive)
        || all("upgrade").chain(all("transfer-encoding")).next().is_some()
    {
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
    /// Returns the facts of this request for the event.
    ///
    /// AWS IoT accepts only TLS. The plain port represents it, so its events have a server name too: the `Host` without
    /// the port, from which a client also takes the name for SNI.
    pub(super) fn facts(&self, client: &ClientConnection, query: Option<&str>) -> ConnectionFacts {
        let host = || {
            let (_, host) = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"))?;
            Some(host.parse::<hyper::http::uri::Authority>().ok()?.host().to_owned())
        };
        let server_name = match &client.handshake {
            Some(handshake) => handshake.server_name.clone(),
            None => host(),
        };
        ConnectionFacts {
            connection: client.connection,
            server_name,
            certificate: client.handshake.as_ref().and_then(|handshake| handshake.certificate.clone()),
            http: Some(HttpFacts { headers: self.headers.clone(), query: query.map(str::to_owned) }),
            caller: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_request_can_follow_only_a_body_of_known_length() {
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
            let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            assert_eq!(body_length(&headers), expected, "{headers:?}");
        }
    }
}
