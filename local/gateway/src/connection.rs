//! The connections of the gateway: the facts about each, and what it may do.
//!
//! The gateway binds the socket to the broker before it connects it, and lists the connection by the socket's address.
//! The broker's hooks find the connection by that address. They deny a client whose address is not listed, since it has
//! not connected through the gateway.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use iot_local_policy::{Action, Verdict};
use tokio::sync::watch;

use crate::auth::Admission;
use crate::event_log::DisconnectReason;
use crate::facts::ConnectionFacts;

/// A connection of a client.
pub struct Connection {
    /// The facts from before the first MQTT packet.
    pub facts: ConnectionFacts,
    /// The client's IP address.
    pub peer: IpAddr,
    phase: watch::Sender<Phase>,
    state: Mutex<State>,
}

/// The phase of a connection. Phases only advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The CONNECT is not yet decided.
    Pending,
    /// The CONNECT is allowed.
    Admitted,
    /// The gateway ends the connection.
    Ending,
    /// The connection has ended.
    Ended,
}

#[derive(Default)]
struct State {
    is_mqtt5: bool,
    has_assigned_client_id: bool,
    disconnect_reason: Option<DisconnectReason>,
    reason_code: Option<u8>,
    admission: Option<Arc<Admission>>,
}

impl Connection {
    /// Creates a connection whose CONNECT is not yet decided.
    #[must_use]
    pub fn new(facts: ConnectionFacts, peer: IpAddr) -> Self {
        Self { facts, peer, phase: watch::Sender::new(Phase::Pending), state: Mutex::default() }
    }

    /// Admits the client, or replaces its admission.
    pub fn admit(&self, admission: Admission) {
        self.state().admission = Some(Arc::new(admission));
        self.advance(Phase::Admitted);
    }

    /// Sets whether the client uses MQTT 5. Only then does it receive a reason code when the connection ends.
    pub fn set_mqtt5(&self, is_mqtt5: bool) {
        self.state().is_mqtt5 = is_mqtt5;
    }

    /// Records that the client sent no client id, so that the broker assigns one (MQTT 5, section 3.1.3.1).
    pub fn set_assigned_client_id(&self) {
        self.state().has_assigned_client_id = true;
    }

    /// Whether the client sent no client id.
    #[must_use]
    pub fn has_assigned_client_id(&self) -> bool {
        self.state().has_assigned_client_id
    }

    /// Decides an action by the current admission. Returns `None` if the admitted client has another client id.
    #[must_use]
    pub fn decide(&self, client_id: &str, action: Action, resource: &str) -> Option<Verdict> {
        let admission = self.state().admission.clone()?;
        (admission.context.client_id.as_deref() == Some(client_id))
            .then(|| admission.decide(action, resource))
    }

    /// Returns the client id of an admitted client.
    #[must_use]
    pub fn client_id(&self) -> Option<String> {
        self.state().admission.as_ref().and_then(|admission| admission.context.client_id.clone())
    }

    /// Sets why the connection is about to end. Does nothing if a reason is set already.
    pub fn set_disconnect_reason(&self, reason: DisconnectReason) {
        self.state().disconnect_reason.get_or_insert(reason);
    }

    /// The same with an MQTT 5 reason code, for a reason that has several codes.
    pub fn set_disconnect_reason_with_code(&self, reason: DisconnectReason, code: u8) {
        let mut state = self.state();
        if state.disconnect_reason.is_none() {
            (state.disconnect_reason, state.reason_code) = (Some(reason), Some(code));
        }
    }

    /// Ends the connection from the client's side of the broker, so that the broker sends the will and keeps the
    /// session.
    pub fn end(&self, reason: DisconnectReason) {
        self.set_disconnect_reason(reason);
        self.advance(Phase::Ending);
    }

    /// Returns why the connection ends, if a reason is set.
    #[must_use]
    pub fn disconnect_reason(&self) -> Option<DisconnectReason> {
        self.state().disconnect_reason
    }

    /// Returns the reason code of the DISCONNECT packet for an MQTT 5 client (MQTT 5, section 3.14.2.1).
    #[must_use]
    pub fn disconnect_code(&self) -> Option<u8> {
        let state = self.state();
        let reason = state.disconnect_reason.filter(|_| state.is_mqtt5)?;
        if state.reason_code.is_some() {
            return state.reason_code;
        }
        match reason {
            DisconnectReason::Forbidden | DisconnectReason::RefreshDenied => Some(0x87),
            DisconnectReason::OverLimit => Some(0x97),
            DisconnectReason::TakenOver => Some(0x8E),
            DisconnectReason::TimeLimit => Some(0x98),
            DisconnectReason::ByClient | DisconnectReason::ByBroker => None,
        }
    }

    /// Waits until the connection has reached `phase`.
    pub async fn wait_for(&self, phase: Phase) {
        // Cannot fail, since `self` holds the sender.
        let _ = self.phase.subscribe().wait_for(|current| *current >= phase).await;
    }

    /// Returns the current phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    fn advance(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let advances = *current < phase;
            *current = phase.max(*current);
            advances
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All connections, by the addresses of their sockets to the broker.
#[derive(Default)]
pub struct Connections {
    by_address: Mutex<HashMap<SocketAddr, Arc<Connection>>>,
}

impl Connections {
    /// Lists a connection until the returned value is dropped.
    #[must_use]
    pub fn add(self: &Arc<Self>, address: SocketAddr, connection: Arc<Connection>) -> ListedConnection {
        self.lock().insert(address, Arc::clone(&connection));
        ListedConnection { connections: Arc::clone(self), address, connection }
    }

    /// Returns the connection whose socket to the broker has this address.
    #[must_use]
    pub fn get(&self, address: SocketAddr) -> Option<Arc<Connection>> {
        self.lock().get(&address).map(Arc::clone)
    }

    /// Returns the admitted connections with this client id: at most one, except during a takeover.
    #[must_use]
    pub fn with_client_id(&self, client_id: &str) -> Vec<Arc<Connection>> {
        let connections: Vec<_> = self.lock().values().map(Arc::clone).collect();
        connections
            .into_iter()
            .filter(|connection| connection.client_id().as_deref() == Some(client_id))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddr, Arc<Connection>>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listed connection. Dropping it removes the connection from the list. The broker's hooks then deny all its actions.
pub struct ListedConnection {
    connections: Arc<Connections>,
    address: SocketAddr,
    connection: Arc<Connection>,
}

impl Drop for ListedConnection {
    fn drop(&mut self) {
        self.connections.lock().remove(&self.address);
        self.connection.advance(Phase::Ended);
    }
}
