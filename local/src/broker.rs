//! The MQTT broker behind the front door: rmqtt, held to the policies by its hooks.
//!
//! It listens on a loopback port of its own that only the door can use, see [`crate::connection`].

mod connect;
mod hooks;
mod inlet;
mod keep_alive;
mod lifetime;
mod routes;
mod storage;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rmqtt::codec::types::Publish;
use rmqtt::context::ServerContext;
use rmqtt::hook::Type;
use rmqtt::net::{Builder, Listener};
use rmqtt::server::MqttServer;
use rmqtt::session::SessionState;
use rmqtt::types::{From, Id, QoS};
use tokio::task::JoinSet;
use uuid::Uuid;

use self::hooks::Gatekeeper;
pub use self::inlet::Inlet;
use self::keep_alive::KeepAlive;
use self::routes::Routes;
use self::storage::{Retained, SharedGroups};
use crate::connection::Connections;
use crate::gate::Gate;
use crate::limits;

/// AWS IoT keeps the session of a client that is away for one hour at most, unless the account may have more.
const SESSION_EXPIRY: Duration = Duration::from_secs(3600);

/// How long a client may take from its first byte to the end of its CONNECT packet.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Unacknowledged messages in flight to or from one client.
const INFLIGHT: NonZeroU16 = NonZeroU16::new(100).unwrap();

/// Topic aliases of an MQTT 5 connection.
const TOPIC_ALIASES: u16 = 8;

/// Why the broker does not run.
#[derive(Debug, thiserror::Error)]
#[error("the MQTT broker cannot start on 127.0.0.1: {0}")]
pub struct BrokerError(String);

impl BrokerError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// A running broker. Dropping it closes its listener.
pub struct Broker {
    context: ServerContext,
    address: SocketAddr,
    _server: JoinSet<()>,
}

impl Broker {
    /// Starts it on a free loopback port.
    ///
    /// # Errors
    /// If it cannot listen.
    pub async fn start(gate: Arc<Gate>, connections: Arc<Connections>) -> Result<Self, BrokerError> {
        // A busy machine is no reason to refuse a client: the check would look at the load of the whole system.
        let context = ServerContext::new().busy_check_enable(false).build().await;
        *context.extends.retain_mut().await = Box::new(Retained::default());
        *context.extends.router_mut().await = Box::new(Routes::new(&context));
        *context.extends.fitter_mgr_mut().await = Box::new(KeepAlive);
        *context.extends.shared_subscription_mut().await = Box::new(SharedGroups::default());
        let register = context.extends.hook_mgr().register();
        let gatekeeper = Gatekeeper::new(gate, connections);
        for hook in [
            Type::ClientAuthenticate,
            Type::MessagePublishCheckAcl,
            Type::ClientSubscribeCheckAcl,
            Type::MessageExpiryCheck,
        ] {
            register.add(hook, Box::new(gatekeeper.clone())).await;
        }
        register.start().await;
        let listener = listener().map_err(BrokerError::new)?;
        let address = listener.local_addr().map_err(BrokerError::new)?;
        let server = MqttServer::new(context.clone()).listener_by_id(listener, 1).build();
        let mut running = JoinSet::new();
        running.spawn(async move {
            // Runs for ever; only a listener that cannot be polled would end it.
            let _ = server.run().await;
        });
        Ok(Self { context, address, _server: running })
    }

    /// Where the door connects to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Publishes a message that came by HTTPS and has been allowed.
    ///
    /// # Errors
    /// If the broker cannot route the topic.
    pub async fn publish(
        &self,
        topic: &str,
        payload: Bytes,
        qos1: bool,
        retain: bool,
    ) -> Result<(), BrokerError> {
        let qos = if qos1 { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        let publish = Publish {
            dup: false,
            retain,
            qos,
            topic: topic.into(),
            packet_id: None,
            payload,
            properties: None,
        };
        // The sender's client id is matched against subscribers that want nothing of their own: it must be nobody's.
        let nobody = Uuid::new_v4().to_string();
        let sender = Id::new(self.context.node.id(), 0, None, None, nobody.into(), None);
        let publish = rmqtt::types::Publish::from(Box::new(publish));
        SessionState::forwards(&self.context, From::from_admin(sender), publish, false, None)
            .await
            .map_err(BrokerError::new)
    }
}

fn listener() -> rmqtt::Result<Listener> {
    Builder::new()
        .name("front door")
        .laddr((Ipv4Addr::LOCALHOST, 0).into())
        // Else a CONNECT without a user name would be let in without asking anybody.
        .allow_anonymous(false)
        .nodelay(true)
        .handshake_timeout(HANDSHAKE)
        .max_clientid_len(limits::CLIENT_ID)
        .max_packet_size(limits::PACKET)
        // AWS IoT has no QoS 2. This announces it to MQTT 5 clients; who asks for it all the same is refused elsewhere.
        .max_qos_allowed(QoS::AtLeastOnce)
        .max_topic_aliases(TOPIC_ALIASES)
        .max_inflight(INFLIGHT)
        .session_expiry_interval(SESSION_EXPIRY)
        .max_session_expiry_interval(SESSION_EXPIRY)
        // Messages expire only if their sender says so.
        .message_expiry_interval(Duration::ZERO)
        .bind()?
        .tcp()
}
