//! The timeouts of the gateway.

use std::time::Duration;

/// For the TLS handshake, from the first byte.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// For the first byte after a TLS handshake, and for the body of a request.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// For the head of a request, and for the error response to an invalid one.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// For the next request on a connection.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// For the broker to receive a whole CONNECT packet.
pub(crate) const CONNECT_PACKET_TIMEOUT: Duration = Duration::from_secs(10);

/// From the connection to the broker until the client is admitted, the authorizer's 5 seconds included.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// For one side of a connection to finish after the other side has.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Between heartbeats in a stream of server-sent events. Writing them detects a reader that is gone.
pub(crate) const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

/// Between heartbeats in the steps of a demo. A demo whose reader is gone ends after two of them.
pub(crate) const DEMO_HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);

/// Before the next `accept` after a failed one. The system has probably no file descriptors left.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
