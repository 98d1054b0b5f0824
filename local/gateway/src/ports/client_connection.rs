//! A TCP connection of a client: its facts, and its state between HTTP requests.

use std::net::IpAddr;
use std::sync::Mutex;

use tokio::time::Instant;
use uuid::Uuid;

use crate::alpn::Alpn;
use crate::auth::Admission;
use crate::certificate::ClientCertificate;

/// The result of a TLS handshake.
pub(super) struct Handshake {
    /// The server name from the client (SNI).
    pub(super) server_name: Option<String>,
    /// The negotiated protocol.
    pub(super) alpn: Alpn,
    /// The client's certificate, whose key the client holds.
    pub(super) certificate: Option<ClientCertificate>,
}

/// A TCP connection of a client.
pub(super) struct ClientConnection {
    /// `connectionMetadata.id` of the event.
    pub(super) connection: Uuid,
    /// The gateway's port to which the client has connected.
    pub(super) local_port: u16,
    /// The client's IP address.
    pub(super) peer: IpAddr,
    /// Absent on the plain port.
    pub(super) handshake: Option<Handshake>,
    /// The admission of HTTPS publishes, the name of its authorizer, and when it expires.
    pub(super) cached_admission: Mutex<Option<(Admission, String, Instant)>>,
}

impl ClientConnection {
    pub(super) fn new(local_port: u16, peer: IpAddr, handshake: Option<Handshake>) -> Self {
        Self { connection: Uuid::new_v4(), local_port, peer, handshake, cached_admission: Mutex::default() }
    }
}
