//! Checks the bytes from a client to the broker.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use iot_local_policy::Action;
use tokio::io::AsyncWrite;

use super::packets::{PacketFinding, PacketReader, SubscribeViolation};
use crate::connection::Connection;
use crate::event_log::{DisconnectReason, EntryKind, EventLog};

/// The writer for the bytes of a client.
///
/// Passes the bytes to the broker unchanged, up to a SUBSCRIBE packet that AWS IoT rejects. It does not pass on that
/// packet, sets the reason for the end of the connection, and fails all further writes.
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
            packets: PacketReader::default(),
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
