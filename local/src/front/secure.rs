//! The TLS port: the handshake, and which protocol is spoken behind it.

use std::future::ready;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::{self, server::Acceptor};
use tokio_rustls::server::TlsStream;
use tokio_util::codec::{BytesCodec, Framed};

use super::relay::{self, Stop};
use super::visit::{Handshake, Visit};
use super::{House, http};
use crate::event::Door;
use crate::journal::What;
use crate::tls::{ALPN_HTTP, ALPN_MQTT, ALPN_MQTT_CERTIFICATE, ClientCertificate, Tls};

/// How long a client may take for the handshake, and for its first byte after that.
const PATIENCE: Duration = Duration::from_secs(10);

/// The first byte of a CONNECT packet (MQTT 5, section 3.1.1). No HTTP method begins with it.
const CONNECT: u8 = 0x10;

/// One connection to the TLS port.
pub(super) async fn serve(stream: TcpStream, peer: IpAddr, tls: Arc<Tls>, house: Arc<House>) {
    let greeted = tokio::time::timeout(PATIENCE, greet(stream, &tls));
    let (mut stream, handshake) = match greeted.await {
        Ok(Ok(greeted)) => greeted,
        Ok(Err(Some(fault))) => {
            let reason = format!("the TLS handshake failed: {fault}{}", hint(&fault));
            return house.gate.journal.record(None, None, What::ConnectRefused { reason, decided_by: None });
        }
        Ok(Err(None)) | Err(_) => return,
    };
    let alpn = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    let visit = Visit::new(peer, Some(handshake));
    let mut first = BytesMut::with_capacity(2048);
    if !matches!(tokio::time::timeout(PATIENCE, stream.read_buf(&mut first)).await, Ok(Ok(1..))) {
        return;
    }
    let is_mqtt = first.first() == Some(&CONNECT);
    match alpn.as_deref() {
        Some(ALPN_MQTT | ALPN_MQTT_CERTIFICATE) if is_mqtt => mqtt(stream, first, visit, &house).await,
        None if is_mqtt => mqtt(stream, first, visit, &house).await,
        Some(ALPN_HTTP) | None => http::serve(stream, first, visit, house).await,
        Some(_) => {
            let reason = "the client agreed on MQTT by ALPN, and then sent something else".to_owned();
            house.gate.journal.record(
                Some(visit.connection),
                None,
                What::ConnectRefused { reason, decided_by: None },
            );
        }
    }
}

/// What the operator may do about it.
fn hint(fault: &std::io::Error) -> &'static str {
    match fault.get_ref().and_then(|error| error.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(_)) => {
            "; to accept the client's certificate give it with --client-certificate, or its authority with --client-ca"
        }
        Some(rustls::Error::NoCertificatesPresented) => {
            "; with ALPN x-amzn-mqtt-ca AWS IoT demands a client certificate, custom authentication has ALPN mqtt"
        }
        _ => "",
    }
}

/// The handshake, or its fault if that is worth telling.
async fn greet(
    stream: TcpStream,
    tls: &Tls,
) -> Result<(TlsStream<TcpStream>, Handshake), Option<std::io::Error>> {
    // What does not begin with a ClientHello is no client of ours.
    let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await.map_err(|_| None)?;
    let hello = start.client_hello();
    let server_name = hello.server_name().map(str::to_owned);
    let config = tls.answer(&hello);
    let stream = start.into_stream(config).await.map_err(Some)?;
    let certificates = stream.get_ref().1.peer_certificates();
    let certificate = certificates.and_then(<[_]>::first).map(ClientCertificate::new);
    Ok((stream, Handshake { server_name, certificate }))
}

/// MQTT without WebSocket. `first` is what the client has sent so far.
async fn mqtt(stream: TlsStream<TcpStream>, first: BytesMut, visit: Visit, house: &House) {
    let Visit { connection, peer, handshake, .. } = visit;
    let (server_name, certificate) =
        handshake.map_or((None, None), |handshake| (handshake.server_name, handshake.certificate));
    let door = Door { connection, server_name, certificate, http: None };
    let (to_client, from_client) = Framed::new(stream, BytesCodec::new()).split::<Bytes>();
    // Clients go without close_notify, which is an error of the stream and the end of the connection like any other.
    let from_client = from_client.map(|read| read.map(BytesMut::freeze).map_err(|_| Stop));
    let from_client = stream::once(ready(Ok(first.freeze()))).chain(from_client);
    relay::run(from_client, to_client, door, peer, house).await;
}
