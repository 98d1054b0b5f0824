//! The way from a client to the broker.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::wire::{Fault, Seen, Wire};
use crate::connection::Connection;
use crate::journal::{Ending, Journal, What};
use crate::policy::Action;

/// Where the door writes what a client sends.
///
/// The bytes go to the broker as they are, up to a packet that AWS IoT would not take: that one is kept back, the
/// connection's end is noted with its reason, and writing fails from there on.
pub struct Inlet<'c, W> {
    broker: W,
    wire: Wire,
    connection: &'c Connection,
    journal: &'c Journal,
    /// How many bytes have been read here and not yet been taken by the broker.
    read: usize,
    /// How many bytes may still pass, once there is a packet that may not.
    passing: Option<usize>,
}

impl<'c, W> Inlet<'c, W> {
    /// Leads to `broker`, which has to be written to through nothing else.
    pub fn new(broker: W, connection: &'c Connection, journal: &'c Journal) -> Self {
        Self { broker, wire: Wire::default(), connection, journal, read: 0, passing: None }
    }

    /// Reads what has not been read, up to a packet that may not pass.
    fn look(&mut self, bytes: &[u8]) {
        while let Some(unread) = bytes.get(self.read..).filter(|unread| !unread.is_empty()) {
            if self.passing.is_some() {
                return;
            }
            let seen = self.wire.read(unread);
            let upto = |offset: usize| self.read.saturating_add(offset);
            self.read = match seen {
                None => upto(unread.len()),
                Some((Seen::Nameless, packet)) => {
                    self.connection.came_without_client_id();
                    upto(packet.end)
                }
                Some((Seen::Unacceptable(fault), packet)) => {
                    self.passing = Some(upto(packet.start));
                    self.refuse(fault);
                    return;
                }
            };
        }
    }

    fn refuse(&self, fault: Fault) {
        self.connection.ends_by_code(Ending::OverLimit, fault.code);
        let what = What::Refused {
            action: Action::Subscribe,
            resource: format!("topicfilter/{}", fault.filter),
            reason: fault.reason,
            decided_by: None,
        };
        let client_id = self.connection.client_id();
        self.journal.record(Some(self.connection.door.connection), client_id.as_deref(), what);
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Inlet<'_, W> {
    /// Whoever was told to wait comes again with the same bytes, as all of tokio's writers do.
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.look(bytes);
        let passing = this.passing.map_or(bytes, |most| bytes.get(..most).unwrap_or(bytes));
        if passing.is_empty() && !bytes.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let written = ready!(Pin::new(&mut this.broker).poll_write(context, passing))?;
        this.read = this.read.saturating_sub(written);
        this.passing = this.passing.map(|most| most.saturating_sub(written));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().broker).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().broker).poll_shutdown(context)
    }
}
