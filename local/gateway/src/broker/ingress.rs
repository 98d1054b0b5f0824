//! Checks the bytes from a client to the broker.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use iot_local_policy::Action;
use tokio::io::AsyncWrite;

use super::packets::{PacketFinding, PacketReader, SubscribeViolation};
use crate::auth::endpoint::AuthMethod;
use crate::connection::Connection;
use crate::event_log::{DisconnectReason, EntryKind, EventLog};

/// A CONNACK with the return code "unacceptable protocol version" (MQTT 3.1, section 3.2).
const UNACCEPTABLE_VERSION: [u8; 4] = [0x20, 0x02, 0x00, 0x01];

/// The reason code of a malformed packet (MQTT 5, section 4.13.1).
const MALFORMED_PACKET: u8 = 0x81;

const MQTT_31: &str = "the client speaks MQTT 3.1 (MQIsdp); AWS IoT documents MQTT 3.1.1 and 5; help: set the client's \
                       protocol version to 4 (3.1.1) or 5";

/// The writer for the bytes of a client.
///
/// Passes the bytes to the broker unchanged, up to a packet that is malformed or that AWS IoT rejects. It does not pass
/// on that packet, sets the reason for the end of the connection, and fails all further writes.
pub struct Ingress<'c, W> {
    broker: W,
    packets: PacketReader,
    connection: &'c Connection,
    event_log: &'c EventLog,
    /// How many bytes are inspected but not yet written to the broker.
    inspected_bytes: usize,
    /// How many bytes precede a rejected packet.
    bytes_to_pass: Option<usize>,
}

impl<'c, W> Ingress<'c, W> {
    /// Creates a writer to `broker`, which must have no other writer.
    pub fn new(broker: W, connection: &'c Connection, event_log: &'c EventLog) -> Self {
        Self {
            broker,
            // AWS Amplify speaks MQTT 3.1 on signed connections, so AWS IoT accepts it there.
            packets: PacketReader::new(connection.method == AuthMethod::SigV4),
            connection,
            event_log,
            inspected_bytes: 0,
            bytes_to_pass: None,
        }
    }

    /// Inspects the bytes that are not inspected yet, up to a packet that is to be rejected.
    fn inspect(&mut self, bytes: &[u8]) {
        while let Some(rest) = bytes.get(self.inspected_bytes..).filter(|rest| !rest.is_empty()) {
            if self.bytes_to_pass.is_some() {
                return;
            }
            let finding = self.packets.read(rest);
            if self.packets.has_disconnect() {
                self.connection.set_disconnect_packet();
            }
            let position = |offset: usize| self.inspected_bytes.saturating_add(offset);
            self.inspected_bytes = match finding {
                None => position(rest.len()),
                Some((PacketFinding::EmptyClientId, packet)) => {
                    self.connection.set_assigned_client_id();
                    position(packet.end)
                }
                Some((PacketFinding::RejectedSubscribe(violation), packet)) => {
                    self.bytes_to_pass = Some(position(packet.start));
                    self.reject(violation);
                    return;
                }
                Some((PacketFinding::Mqtt31, packet)) => {
                    self.bytes_to_pass = Some(position(packet.start));
                    self.connection.set_disconnect_reason(DisconnectReason::ByBroker);
                    self.connection.set_final_packet(&UNACCEPTABLE_VERSION);
                    self.record(EntryKind::ConnectDenied { reason: MQTT_31.to_owned(), decided_by: None });
                    return;
                }
                Some((PacketFinding::Malformed { reason, is_passed }, packet)) => {
                    self.record(EntryKind::ProtocolError { reason });
                    if is_passed {
                        self.inspected_bytes = position(packet.end);
                        continue;
                    }
                    self.bytes_to_pass = Some(position(packet.start));
                    self.connection
                        .set_disconnect_reason_with_code(DisconnectReason::ByBroker, MALFORMED_PACKET);
                    return;
                }
            };
        }
    }

    fn reject(&self, violation: SubscribeViolation) {
        self.connection.set_disconnect_reason_with_code(DisconnectReason::OverLimit, violation.code);
        let kind = EntryKind::Denied {
            action: Action::Subscribe,
            resource: format!("topicfilter/{}", violation.filter),
            reason: violation.reason,
            decided_by: None,
        };
        self.record(kind);
    }

    fn record(&self, kind: EntryKind) {
        let client_id = self.connection.client_id();
        self.event_log.record(Some(self.connection.facts.connection), client_id.as_deref(), kind);
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Ingress<'_, W> {
    /// After `Pending` the caller must write the same bytes again, as tokio's writers do: they are not inspected twice.
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.inspect(bytes);
        let accepted = this.bytes_to_pass.map_or(bytes, |length| bytes.get(..length).unwrap_or(bytes));
        if accepted.is_empty() && !bytes.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let written = ready!(Pin::new(&mut this.broker).poll_write(context, accepted))?;
        this.inspected_bytes = this.inspected_bytes.saturating_sub(written);
        this.bytes_to_pass = this.bytes_to_pass.map(|length| length.saturating_sub(written));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().broker).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().broker).poll_shutdown(context)
    }
}
