//! The presence events of clients, which AWS IoT publishes when a client connects or disconnects.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/life-cycle-events.html>

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use iot_local_base::clock;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::connection::{Connection, PresenceSession};
use crate::event_log::DisconnectReason;
use crate::message::{Message, Outbox};

/// How long the version number of a client that is not connected is kept. AWS IoT starts again at 0 after about an
/// hour.
const VERSION_TIMEOUT: Duration = Duration::from_secs(3600);

/// How many version numbers are kept before those of clients that have gone are removed.
const MAX_IDLE_VERSIONS: usize = 4096;

/// The source of presence events.
pub struct Presence {
    outbox: Outbox,
    versions: Mutex<HashMap<String, Version>>,
}

/// The version number of a client's events. Both events of a connection have the same one.
struct Version {
    next: u64,
    used: SystemTime,
}

impl Presence {
    /// Creates a source of events.
    #[must_use]
    pub fn new(outbox: Outbox) -> Self {
        Self { outbox, versions: Mutex::default() }
    }

    /// Publishes that a client has connected. Client ids that cannot be a level of a topic have no events.
    pub(crate) fn connected(&self, connection: &Connection, client_id: &str) {
        if client_id.contains(['#', '+']) {
            return;
        }
        let Some(principal) = connection.principal() else { return };
        let session = PresenceSession {
            client_id: client_id.to_owned(),
            principal,
            session: Uuid::new_v4(),
            version: self.next_version(client_id),
            thing: connection.exclusive_thing(),
        };
        let ip_address = json!({ "ipAddress": connection.peer.to_string() });
        self.send("connected", &session, ip_address);
        connection.set_presence(session);
    }

    /// Publishes that a client has disconnected, if its `connected` event was published.
    pub(crate) fn disconnected(&self, connection: &Connection) {
        let Some(session) = connection.take_presence() else { return };
        let (reason, is_by_client) = disconnect_reason(connection);
        let reason = json!({ "clientInitiatedDisconnect": is_by_client, "disconnectReason": reason });
        self.send("disconnected", &session, reason);
    }

    fn send(&self, event: &str, session: &PresenceSession, further: Value) {
        let PresenceSession { client_id, principal, session, version, thing } = session;
        let now = clock::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let members = json!({
            "clientId": client_id, "timestamp": u64::try_from(now).unwrap_or(u64::MAX), "eventType": event,
            "sessionIdentifier": session.to_string(), "principalIdentifier": principal, "versionNumber": version,
        });
        let thing = thing.as_ref().map(|thing| json!({ "thingName": thing })).unwrap_or_default();
        let objects = [members, further, thing].into_iter().filter_map(|value| match value {
            Value::Object(members) => Some(members),
            _ => None,
        });
        let payload: Map<_, _> = objects.flatten().collect();
        let payload = Bytes::from(Value::Object(payload).to_string());
        self.outbox.send(Message::of_gateway(format!("$aws/events/presence/{event}/{client_id}"), payload));
    }

    fn next_version(&self, client_id: &str) -> u64 {
        let now = clock::now();
        let is_kept =
            |version: &Version| now.duration_since(version.used).is_ok_and(|age| age < VERSION_TIMEOUT);
        let mut versions = self.versions();
        if versions.len() >= MAX_IDLE_VERSIONS && !versions.contains_key(client_id) {
            versions.retain(|_, version| is_kept(version));
        }
        let version = versions.entry(client_id.to_owned()).or_insert(Version { next: 0, used: now });
        if !is_kept(version) {
            version.next = 0;
        }
        let current = version.next;
        *version = Version { next: current.saturating_add(1), used: now };
        current
    }

    fn versions(&self) -> MutexGuard<'_, HashMap<String, Version>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns AWS IoT's reason, and whether the client initiated it.
fn disconnect_reason(connection: &Connection) -> (&'static str, bool) {
    let reason = match connection.disconnect_reason().unwrap_or(DisconnectReason::ByClient) {
        DisconnectReason::ByClient if connection.has_disconnect_packet() => {
            return ("CLIENT_INITIATED_DISCONNECT", true);
        }
        DisconnectReason::ByClient => "CONNECTION_LOST",
        DisconnectReason::Forbidden => "FORBIDDEN_ACCESS",
        DisconnectReason::OverLimit => "CLIENT_ERROR",
        DisconnectReason::TakenOver => "DUPLICATE_CLIENTID",
        DisconnectReason::TimeLimit => "CUSTOMAUTH_TTL_EXPIRATION",
        DisconnectReason::SignatureLimit | DisconnectReason::GatewayEnds => "SERVER_INITIATED_DISCONNECT",
        DisconnectReason::ByApi => "API_INITIATED_DISCONNECT",
        DisconnectReason::RefreshDenied
        | DisconnectReason::CertificateRefused
        | DisconnectReason::ConnectForbidden => "AUTH_ERROR",
        DisconnectReason::ByBroker if connection.is_client_error() => "CLIENT_ERROR",
        DisconnectReason::ByBroker if connection.has_disconnect_packet() => {
            return ("CLIENT_INITIATED_DISCONNECT", true);
        }
        DisconnectReason::ByBroker => "MQTT_KEEP_ALIVE_TIMEOUT",
    };
    (reason, false)
}
