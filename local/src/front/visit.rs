//! One connection to the door, from its first byte: what is known of it, and what it keeps between requests.

use std::net::IpAddr;
use std::sync::Mutex;

use tokio::time::Instant;
use uuid::Uuid;

use crate::answer::Answer;
use crate::tls::ClientCertificate;

/// What the TLS handshake said.
pub(super) struct Handshake {
    /// The server name that the client asked for (SNI).
    pub(super) server_name: Option<String>,
    /// The certificate that it presented, which has been verified.
    pub(super) certificate: Option<ClientCertificate>,
}

/// A connection.
pub(super) struct Visit {
    /// `connectionMetadata.id`
    pub(super) connection: Uuid,
    /// Where the client is.
    pub(super) peer: IpAddr,
    /// None on the plain port.
    pub(super) handshake: Option<Handshake>,
    /// The authorizer's answer for this connection's HTTPS publishes, and until when it holds.
    pub(super) cached: Mutex<Option<(Answer, Instant)>>,
}

impl Visit {
    pub(super) fn new(peer: IpAddr, handshake: Option<Handshake>) -> Self {
        Self { connection: Uuid::new_v4(), peer, handshake, cached: Mutex::default() }
    }
}
