//! The connections of the front door: what is known of each, and what it may do.
//!
//! The door binds the socket that goes to the broker before it connects it. That socket's address is how the
//! broker's hooks find the connection again; an address that is not listed here came round the door and is refused.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::event::Door;
use crate::journal::Ending;
use crate::policy::{Action, Context, Policy, Question, Verdict};

/// One connection.
pub struct Connection {
    /// What was known at the door.
    pub door: Door,
    /// Where the client is.
    pub peer: IpAddr,
    phase: watch::Sender<Phase>,
    state: Mutex<State>,
}

/// How far a connection has come. It only ever goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not yet decided.
    Knocking,
    /// Let in.
    Admitted,
    /// To be ended by the door.
    Ending,
    /// Over.
    Ended,
}

/// What a connection may do, once it has been let in.
#[derive(Clone)]
pub struct Entitlement {
    /// The client id that it was let in with.
    pub client_id: String,
    /// What its actions are judged by.
    pub policy: Policy,
    /// What conditions and variables are filled from.
    pub context: Context,
}

#[derive(Default)]
struct State {
    mqtt5: bool,
    nameless: bool,
    ending: Option<Ending>,
    code: Option<u8>,
    entitlement: Option<Arc<Entitlement>>,
}

impl Connection {
    /// A connection that nothing has been decided about.
    #[must_use]
    pub fn new(door: Door, peer: IpAddr) -> Self {
        Self { door, peer, phase: watch::Sender::new(Phase::Knocking), state: Mutex::default() }
    }

    /// Lets the client in, or gives it a new policy.
    pub fn admit(&self, entitlement: Entitlement) {
        self.state().entitlement = Some(Arc::new(entitlement));
        self.advance(Phase::Admitted);
    }

    /// Notes the protocol version, which decides whether the client can be told why it is closed.
    pub fn speaks_mqtt5(&self, mqtt5: bool) {
        self.state().mqtt5 = mqtt5;
    }

    /// Notes that the client sent no client id. The broker goes on with one that it has assigned.
    pub fn came_without_client_id(&self) {
        self.state().nameless = true;
    }

    /// Whether the client sent no client id.
    #[must_use]
    pub fn is_nameless(&self) -> bool {
        self.state().nameless
    }

    /// Decides an action by the policy that holds now. None if `client_id` is not who was let in.
    #[must_use]
    pub fn decide(&self, client_id: &str, action: Action, resource: &str) -> Option<Verdict> {
        let entitlement = self.state().entitlement.clone().filter(|known| known.client_id == client_id)?;
        Some(entitlement.policy.decide(&Question { action, resource, context: &entitlement.context }))
    }

    /// The client id, once the client has been let in.
    #[must_use]
    pub fn client_id(&self) -> Option<String> {
        self.state().entitlement.as_ref().map(|entitlement| entitlement.client_id.clone())
    }

    /// Notes why the broker is about to end the connection. The first reason stays.
    pub fn ends_by(&self, ending: Ending) {
        self.state().ending.get_or_insert(ending);
    }

    /// The same with the MQTT 5 reason code that the client is owed, where the ending has more than one.
    pub fn ends_by_code(&self, ending: Ending, code: u8) {
        let mut state = self.state();
        if state.ending.is_none() {
            (state.ending, state.code) = (Some(ending), Some(code));
        }
    }

    /// Makes the door end the connection: the broker sees the client go, so that its will is sent and its session kept.
    pub fn end(&self, ending: Ending) {
        self.ends_by(ending);
        self.advance(Phase::Ending);
    }

    /// Why the connection ends, if the door or a hook has a reason.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.state().ending
    }

    /// The reason code of the DISCONNECT that an MQTT 5 client is owed (MQTT 5, section 3.14.2.1).
    #[must_use]
    pub fn disconnect_code(&self) -> Option<u8> {
        let state = self.state();
        let ending = state.ending.filter(|_| state.mqtt5)?;
        if state.code.is_some() {
            return state.code;
        }
        match ending {
            Ending::Forbidden | Ending::RefreshRefused => Some(0x87),
            Ending::OverLimit => Some(0x97),
            Ending::TakenOver => Some(0x8E),
            Ending::TimeLimit => Some(0x98),
            Ending::ByClient | Ending::ByBroker => None,
        }
    }

    /// Returns when the connection has come to `phase` or further.
    pub async fn reached(&self, phase: Phase) {
        // An error would mean that the sender is gone, and that lives in `self`.
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }

    /// How far it has come.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    fn advance(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let forward = *now < phase;
            *now = phase.max(*now);
            forward
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All connections, by the address that the broker sees.
#[derive(Default)]
pub struct Connections {
    by_address: Mutex<HashMap<SocketAddr, Arc<Connection>>>,
}

impl Connections {
    /// Lists a connection until the returned entry is dropped.
    #[must_use]
    pub fn enter(self: &Arc<Self>, address: SocketAddr, connection: Arc<Connection>) -> Entry {
        self.lock().insert(address, Arc::clone(&connection));
        Entry { connections: Arc::clone(self), address, connection }
    }

    /// The connection that the broker sees at `address`.
    #[must_use]
    pub fn get(&self, address: SocketAddr) -> Option<Arc<Connection>> {
        self.lock().get(&address).map(Arc::clone)
    }

    /// Who has been let in with `client_id`. There is one at most but for moments of change.
    #[must_use]
    pub fn holders(&self, client_id: &str) -> Vec<Arc<Connection>> {
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

/// A listed connection. Dropping it takes it off the list, after which the broker's hooks refuse everything of it.
pub struct Entry {
    connections: Arc<Connections>,
    address: SocketAddr,
    connection: Arc<Connection>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.connections.lock().remove(&self.address);
        self.connection.advance(Phase::Ended);
    }
}
