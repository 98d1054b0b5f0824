//! The connections of the gateway: the facts about each, and what it may do.
//!
//! The gateway binds the socket to the broker before it connects it, and lists the connection by the socket's address.
//! The broker's hooks find the connection by that address. They deny a client whose address is not listed, since it has
//! not connected through the gateway.

mod presence_session;
mod registry_session;
mod request;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use iot_local_cloud::credentials::Caller;
use iot_local_policy::{Action, Verdict};
use tokio::sync::watch;

pub(crate) use self::presence_session::PresenceSession;
pub(crate) use self::registry_session::{RegistryRights, RegistrySession};
pub(crate) use self::request::{ConnectDenial, ConnectRequest};
use crate::auth::Admission;
use crate::auth::endpoint::AuthMethod;
use crate::event_log::DisconnectReason;
use crate::facts::ConnectionFacts;

/// A connection of a client.
pub struct Connection {
    /// The facts from before the first MQTT packet.
    pub facts: ConnectionFacts,
    /// The client's IP address.
    pub peer: IpAddr,
    /// How the client is authenticated.
    pub method: AuthMethod,
    /// What the registry allows the certificate or the identity. Locked while it is computed anew, so that no earlier
    /// result replaces a later one.
    pub(crate) registry_session: Mutex<Option<RegistrySession>>,
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
    is_silent: bool,
    prevents_will: bool,
    has_disconnect_packet: bool,
    disconnect_reason: Option<DisconnectReason>,
    reason_code: Option<u8>,
    final_packet: Option<&'static [u8]>,
    admission: Option<Arc<Admission>>,
    presence: Option<PresenceSession>,
}

impl Connection {
    /// Creates a connection whose CONNECT is not yet decided.
    #[must_use]
    pub fn new(facts: ConnectionFacts, peer: IpAddr, method: AuthMethod) -> Self {
        Self {
            facts,
            peer,
            method,
            registry_session: Mutex::default(),
            phase: watch::Sender::new(Phase::Pending),
            state: Mutex::default(),
        }
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

    /// Whether the client uses MQTT 5.
    #[must_use]
    pub fn is_mqtt5(&self) -> bool {
        self.state().is_mqtt5
    }

    /// Sends nothing more to the client, not even a CONNACK, before the connection is closed.
    pub fn set_silent(&self) {
        self.state().is_silent = true;
    }

    /// Whether nothing more is sent to the client.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.state().is_silent
    }

    /// Has the broker not send the will when the gateway ends the connection.
    pub fn set_prevents_will(&self) {
        self.state().prevents_will = true;
    }

    /// Whether the broker is not to send the will when the gateway ends the connection.
    #[must_use]
    pub fn prevents_will(&self) -> bool {
        self.state().prevents_will
    }

    /// Records that the client sent a DISCONNECT.
    pub fn set_disconnect_packet(&self) {
        self.state().has_disconnect_packet = true;
    }

    /// Whether the client sent a DISCONNECT.
    #[must_use]
    pub fn has_disconnect_packet(&self) -> bool {
        self.state().has_disconnect_packet
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

    /// Returns the principal of an admitted client.
    #[must_use]
    pub fn principal(&self) -> Option<String> {
        self.state().admission.as_ref().map(|admission| admission.principal.clone())
    }

    /// Returns the thing to which the client's certificate or identity is exclusively attached.
    pub(crate) fn exclusive_thing(&self) -> Option<String> {
        let session = self.registry_session.lock().unwrap_or_else(PoisonError::into_inner);
        session.as_ref().and_then(|session| session.exclusive_thing().map(str::to_owned))
    }

    /// Keeps what the `disconnected` event will have from the `connected` event.
    pub(crate) fn set_presence(&self, presence: PresenceSession) {
        self.state().presence = Some(presence);
    }

    /// Returns it once.
    pub(crate) fn take_presence(&self) -> Option<PresenceSession> {
        self.state().presence.take()
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

    /// Sets a packet that is sent to the client before the connection is closed.
    pub fn set_final_packet(&self, packet: &'static [u8]) {
        self.state().final_packet = Some(packet);
    }

    /// Returns that packet.
    #[must_use]
    pub fn final_packet(&self) -> Option<&'static [u8]> {
        self.state().final_packet
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
            DisconnectReason::Forbidden
            | DisconnectReason::RefreshDenied
            | DisconnectReason::ConnectForbidden => Some(0x87),
            DisconnectReason::CertificateRefused | DisconnectReason::ByApi => Some(0x98),
            DisconnectReason::OverLimit => Some(0x97),
            DisconnectReason::TakenOver => Some(0x8E),
            DisconnectReason::TimeLimit | DisconnectReason::SignatureLimit => Some(0x98),
            DisconnectReason::GatewayEnds => Some(0x8B),
            DisconnectReason::ByClient | DisconnectReason::ByBroker => None,
        }
    }

    /// Whether the client has broken the protocol or a limit.
    #[must_use]
    pub fn is_client_error(&self) -> bool {
        let state = self.state();
        state.reason_code.is_some() || state.final_packet.is_some()
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

/// All connections.
#[derive(Default)]
pub struct Connections {
    lists: Mutex<Lists>,
}

#[derive(Default)]
struct Lists {
    /// By the addresses of their sockets to the broker.
    by_address: HashMap<SocketAddr, Arc<Connection>>,
    /// The admitted ones, by client id.
    by_client_id: HashMap<String, Vec<Arc<Connection>>>,
    /// Whether the gateway ends, so that each connection that is added ends at once.
    is_ending: bool,
}

impl Connections {
    /// Lists a connection until the returned value is dropped.
    #[must_use]
    pub fn add(self: &Arc<Self>, address: SocketAddr, connection: Arc<Connection>) -> ListedConnection {
        let mut lists = self.lock();
        if lists.is_ending {
            connection.end(DisconnectReason::GatewayEnds);
        }
        lists.by_address.insert(address, Arc::clone(&connection));
        drop(lists);
        ListedConnection { connections: Arc::clone(self), address, connection }
    }

    /// Returns the connection whose socket to the broker has this address.
    #[must_use]
    pub fn get(&self, address: SocketAddr) -> Option<Arc<Connection>> {
        self.lock().by_address.get(&address).map(Arc::clone)
    }

    /// Returns the admitted connections with this client id: at most one, except during a takeover.
    #[must_use]
    pub fn with_client_id(&self, client_id: &str) -> Vec<Arc<Connection>> {
        self.lock().by_client_id.get(client_id).cloned().unwrap_or_default()
    }

    /// Lists an admitted connection by its client id, if it is still listed.
    pub(crate) fn add_client_id(&self, client_id: &str, connection: &Arc<Connection>) {
        let mut lists = self.lock();
        if connection.phase() < Phase::Ended {
            let with_same_id = lists.by_client_id.entry(client_id.to_owned()).or_default();
            with_same_id.push(Arc::clone(connection));
        }
    }

    /// Returns the admitted connections of clients whose rights come from the registry: of certificates, of sessions.
    #[must_use]
    pub(crate) fn with_registry_rights(&self) -> Vec<Arc<Connection>> {
        let is_admitted = |connection: &&Arc<Connection>| {
            let ConnectionFacts { certificate, caller, .. } = &connection.facts;
            let is_session = matches!(caller, Some(Caller::Session(_)));
            (certificate.is_some() || is_session) && connection.phase() == Phase::Admitted
        };
        self.lock().by_address.values().filter(is_admitted).map(Arc::clone).collect()
    }

    /// Returns the admitted connections, by client id.
    pub(crate) fn admitted(&self) -> Vec<Arc<Connection>> {
        let lists = self.lock();
        let mut named: Vec<_> = lists.by_client_id.iter().collect();
        named.sort_by_key(|(client_id, _)| *client_id);
        let connections = named.into_iter().flat_map(|(_, connections)| connections);
        connections.filter(|connection| connection.phase() == Phase::Admitted).map(Arc::clone).collect()
    }

    /// Ends all connections, and those that are added from now on.
    pub(crate) fn end_all(&self) {
        let mut lists = self.lock();
        lists.is_ending = true;
        lists.by_address.values().for_each(|connection| connection.end(DisconnectReason::GatewayEnds));
    }

    /// Whether no connection is listed.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().by_address.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut lists = self.connections.lock();
        lists.by_address.remove(&self.address);
        if let Some(client_id) = self.connection.client_id()
            && let Some(with_same_id) = lists.by_client_id.get_mut(&client_id)
        {
            with_same_id.retain(|connection| !Arc::ptr_eq(connection, &self.connection));
            if with_same_id.is_empty() {
                lists.by_client_id.remove(&client_id);
            }
        }
        // Under the lock, so that the connection is not listed afterwards.
        self.connection.advance(Phase::Ended);
    }
}
