//! What the broker's sessions leave to be done after their connections have ended: the wills.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rmqtt::types::Id;

/// The clients that are connected, and the principals of those with wills. A will is published once the connection is
/// no longer listed.
#[derive(Default)]
pub(super) struct Sessions {
    connected: AtomicUsize,
    /// By the address of the connection's socket, with the client id: a later connection may have the same address. So
    /// there are at most as many as ports.
    principals: Mutex<HashMap<SocketAddr, (String, String)>>,
}

impl Sessions {
    /// Returns how many clients are connected, or have wills that are just published.
    pub(super) fn count(&self) -> usize {
        self.connected.load(Ordering::Acquire)
    }

    /// Keeps the principal of a client with a will.
    pub(super) fn keep_principal(&self, id: &Id, principal: &str) {
        if let Some(address) = id.remote_addr {
            self.principals().insert(address, (id.client_id.to_string(), principal.to_owned()));
        }
    }

    /// Returns the principal of a client whose will is published. Absent for a delayed will whose address another
    /// client has.
    pub(super) fn take_principal(&self, id: &Id) -> Option<String> {
        let mut principals = self.principals();
        let address = id.remote_addr?;
        principals.get(&address).filter(|(client_id, _)| *client_id == *id.client_id)?;
        principals.remove(&address).map(|(_, principal)| principal)
    }

    /// A client has connected.
    pub(super) fn connected(&self) {
        self.connected.fetch_add(1, Ordering::AcqRel);
    }

    /// A client has disconnected, and its will is published unless it is delayed.
    pub(super) fn disconnected(&self) {
        let _ =
            self.connected.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| count.checked_sub(1));
    }

    fn principals(&self) -> MutexGuard<'_, HashMap<SocketAddr, (String, String)>> {
        self.principals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
