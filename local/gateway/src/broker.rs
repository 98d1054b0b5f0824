//! The MQTT broker behind the gateway: rmqtt, whose hooks enforce the policies.
//!
//! It listens on a loopback port. Its hooks deny clients that do not connect through the gateway, see
//! [`crate::connection`].

mod authenticate;
mod backlog;
mod clients;
mod fleet;
mod hooks;
mod ingress;
mod keep_alive;
mod lifetime;
mod packets;
mod presence;
mod routes;
mod sessions;
mod storage;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use iot_local_policy::limits;
use rmqtt::codec::types::Publish;
use rmqtt::context::ServerContext;
use rmqtt::hook::Type;
use rmqtt::net::{Builder, Listener};
use rmqtt::server::MqttServer;
use rmqtt::session::SessionState;
use rmqtt::types::{From, Id, QoS};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use uuid::Uuid;

pub(crate) use self::authenticate::{decide_all_again, follow_registry};
use self::backlog::Backlog;
pub(crate) use self::clients::RetainedMessage;
use self::fleet::FleetRequests;
use self::hooks::PolicyHooks;
pub use self::ingress::Ingress;
use self::keep_alive::KeepAlive;
pub use self::presence::Presence;
use self::routes::Routes;
use self::sessions::Sessions;
use self::storage::{RetainedMessages, SharedGroups};
use crate::auth::Authenticators;
use crate::connection::Connections;
use crate::fleet::Fleet;
use crate::message::{Message, Observers};
use crate::timeouts::CONNECT_PACKET_TIMEOUT;

/// AWS IoT's default limit for a session whose client is disconnected.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html#mqtt-persistent-sessions>
const MAX_SESSION_EXPIRY: Duration = Duration::from_secs(3600);

/// The largest number of unacknowledged messages in each direction of a connection.
const MAX_INFLIGHT: NonZeroU16 = NonZeroU16::new(100).unwrap();

/// The largest number of topic aliases of an MQTT 5 connection.
const MAX_TOPIC_ALIASES: u16 = 8;

/// An error of the broker.
#[derive(Debug, thiserror::Error)]
#[error("the MQTT broker: {0}")]
pub struct BrokerError(String);

impl BrokerError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// A running broker. Dropping it closes its listener.
pub struct Broker {
    context: ServerContext,
    backlog: Arc<Backlog>,
    observers: Observers,
    sessions: Arc<Sessions>,
    /// How many messages of the outbox were published.
    published: AtomicU64,
    address: SocketAddr,
    _server: JoinSet<()>,
}

impl Broker {
    /// Starts a broker on a free loopback port.
    ///
    /// # Errors
    /// If the broker cannot listen.
    pub async fn start(
        auth: Arc<Authenticators>,
        connections: Arc<Connections>,
        presence: Arc<Presence>,
        observers: Observers,
    ) -> Result<Self, BrokerError> {
        // The check would reject clients by the load of the whole system.
        let context = ServerContext::new().busy_check_enable(false).build().await;
        let backlog = Arc::new(Backlog::new(auth.custom.event_log.clone()));
        *context.extends.retain_mut().await = Box::new(RetainedMessages::default());
        *context.extends.router_mut().await = Box::new(Routes::new(&context, Arc::clone(&backlog)));
        *context.extends.fitter_mgr_mut().await = Box::new(KeepAlive);
        *context.extends.shared_subscription_mut().await = Box::new(SharedGroups::default());
        let register = context.extends.hook_mgr().register();
        let sessions = Arc::new(Sessions::default());
        let fleet = Fleet::new(Arc::clone(&auth));
        let hooks = PolicyHooks {
            auth,
            connections,
            backlog: Arc::clone(&backlog),
            presence,
            observers: Arc::clone(&observers),
            sessions: Arc::clone(&sessions),
            fleet: FleetRequests::new(fleet, context.clone(), Arc::clone(&backlog)),
        };
        for hook in [
            Type::ClientAuthenticate,
            Type::ClientConnected,
            Type::ClientDisconnected,
            Type::MessagePublish,
            Type::MessagePublishCheckAcl,
            Type::ClientSubscribeCheckAcl,
            Type::MessageExpiryCheck,
            Type::MessageDropped,
        ] {
            register.add(hook, Box::new(hooks.clone())).await;
        }
        register.start().await;
        let listener = listener().map_err(BrokerError::new)?;
        let address = listener.local_addr().map_err(BrokerError::new)?;
        let server = MqttServer::new(context.clone()).listener_by_id(listener, 1).build();
        let mut running = JoinSet::new();
        running.spawn(async move {
            // Returns only if the listener cannot be polled.
            let _ = server.run().await;
        });
        let published = AtomicU64::new(0);
        Ok(Self { context, backlog, observers, sessions, published, address, _server: running })
    }

    /// Returns the address of the broker's listener.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the bytes of QoS 0 messages that wait for a client.
    #[must_use]
    pub fn queued_bytes(&self, client_id: &str) -> usize {
        self.backlog.queued_bytes(client_id)
    }

    /// Publishes the messages of an outbox until its last sender is dropped.
    pub(crate) async fn publish_all(&self, mut messages: mpsc::UnboundedReceiver<Message>) {
        while let Some(message) = messages.recv().await {
            // Fails only for a topic that cannot be routed, such as one that is too long.
            let _ = self.publish(message).await;
            self.published.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Returns how many messages of the outbox were published.
    pub(crate) fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// Whether no client is connected, and the wills of those that were are published. Delayed wills may be left.
    pub(crate) fn has_no_clients(&self) -> bool {
        self.sessions.count() == 0
    }

    /// Publishes a message of the gateway itself, or of an HTTPS publish, which the policy has allowed.
    ///
    /// # Errors
    /// If the broker cannot route the topic.
    pub async fn publish(&self, message: Message) -> Result<(), BrokerError> {
        // A request of fleet provisioning without a connection has no answer, and may hold an ownership token.
        if !limits::is_fleet_provisioning(&message.topic) {
            self.observers.iter().for_each(|observer| observer.published(&message));
        }
        let Message { topic, payload, is_qos1, retain, .. } = message;
        let qos = if is_qos1 { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        let publish = Publish {
            dup: false,
            retain,
            qos,
            topic: topic.into(),
            packet_id: None,
            payload,
            properties: None,
        };
        // The broker compares the sender's client id with subscribers that have No Local set (MQTT 5, section 3.8.3.1),
        // so it must belong to no client.
        let unused_id = Uuid::new_v4().to_string();
        let sender = Id::new(self.context.node.id(), 0, None, None, unused_id.into(), None);
        let publish = rmqtt::types::Publish::from(Box::new(publish));
        self.backlog.publishing(&sender.client_id, !is_qos1, backlog::bytes(&publish));
        SessionState::forwards(&self.context, From::from_admin(sender), publish, false, None)
            .await
            .map_err(BrokerError::new)
    }
}

fn listener() -> rmqtt::Result<Listener> {
    Builder::new()
        .name("gateway")
        .laddr((Ipv4Addr::LOCALHOST, 0).into())
        // Otherwise the broker would admit a CONNECT without a user name and not call the hook.
        .allow_anonymous(false)
        .nodelay(true)
        .handshake_timeout(CONNECT_PACKET_TIMEOUT)
        .max_clientid_len(limits::MAX_CLIENT_ID_BYTES)
        .max_packet_size(limits::MAX_PACKET_BYTES)
        // Announces to MQTT 5 clients that AWS IoT does not support QoS 2. The hooks and `Ingress` reject its use.
        .max_qos_allowed(QoS::AtLeastOnce)
        .max_topic_aliases(MAX_TOPIC_ALIASES)
        .max_inflight(MAX_INFLIGHT)
        .session_expiry_interval(MAX_SESSION_EXPIRY)
        .max_session_expiry_interval(MAX_SESSION_EXPIRY)
        // Zero: a message expires only if its publisher sets an expiry.
        .message_expiry_interval(Duration::ZERO)
        .bind()?
        .tcp()
}
