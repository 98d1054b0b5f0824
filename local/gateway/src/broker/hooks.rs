//! Enforces the policy: the hooks that rmqtt calls before each action of a client.
//!
//! Each hook finds the connection by the address from which the gateway connected. Without a connection it denies.

use std::sync::Arc;

use async_trait::async_trait;
use iot_local_policy::Action;
use iot_local_policy::limits;
use rmqtt::codec::v5::SubscribeAckReason;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType};
use rmqtt::session::Session;
use rmqtt::types::{
    AuthResult, ConnectInfo, FromType, Publish, PublishAclResult, QoS, Reason, Subscribe, SubscribeAclResult,
};

use super::authenticate;
use super::backlog::{self, Backlog};
use super::fleet::{self, FleetRequests};
use super::lifetime;
use super::presence::Presence;
use super::sessions::Sessions;
use crate::auth::Authenticators;
use crate::auth::endpoint::AuthMethod;
use crate::connection::{ConnectDenial, ConnectRequest, Connection, Connections, RegistrySession};
use crate::event_log::{DisconnectReason, EntryKind};
use crate::facts::MqttFacts;
use crate::message::{Message, Observers, Publisher};

/// The protocol level of MQTT 5 (MQTT 5, section 3.1.2.2).
const MQTT_5: u8 = 5;

/// The hooks of the broker.
#[derive(Clone)]
pub(super) struct PolicyHooks {
    pub(super) auth: Arc<Authenticators>,
    pub(super) connections: Arc<Connections>,
    pub(super) backlog: Arc<Backlog>,
    pub(super) presence: Arc<Presence>,
    pub(super) observers: Observers,
    pub(super) sessions: Arc<Sessions>,
    pub(super) fleet: FleetRequests,
}

#[async_trait]
impl Handler for PolicyHooks {
    async fn hook(&self, parameter: &Parameter, previous: Option<HookResult>) -> ReturnType {
        match parameter {
            Parameter::ClientAuthenticate(connect) => {
                let result = match self.connect(connect).await {
                    true => AuthResult::Allow(false, None),
                    false => AuthResult::NotAuthorized,
                };
                (false, Some(HookResult::AuthResult(result)))
            }
            Parameter::MessagePublishCheckAcl(session, publish) => {
                let result = match self.publish(session, publish) {
                    true => PublishAclResult::allow(),
                    // AWS IoT closes the connection after a denied publish.
                    false => PublishAclResult::rejected(true, None),
                };
                (false, Some(HookResult::PublishAclResult(result)))
            }
            Parameter::ClientSubscribeCheckAcl(session, subscribe) => {
                let result = match self.subscribe(session, subscribe).await {
                    Ok(()) => SubscribeAclResult::new_success(subscribe.opts.qos(), None),
                    Err(code) => SubscribeAclResult::new_failure(code),
                };
                (false, Some(HookResult::SubscribeAclResult(result)))
            }
            Parameter::MessageExpiryCheck(session, from, publish) => {
                self.backlog.leaves(&session.id.client_id, publish);
                match fleet::may_receive(&session.id, from, &publish.topic)
                    && self.receive(session, publish).await
                {
                    true => (true, previous),
                    // rmqtt has no hook that denies a delivery. Expiring the message has the same effect.
                    false => (false, Some(HookResult::MessageExpiry)),
                }
            }
            // A message that expires has left the queue before.
            Parameter::MessageDropped(Some(to), _, publish, reason)
                if !matches!(reason, Reason::MessageExpiration) =>
            {
                self.backlog.leaves(&to.client_id, publish);
                (true, previous)
            }
            // The broker publishes a will without asking whether it is allowed.
            Parameter::MessagePublish(Some(session), from, publish)
                if matches!(from.typ(), FromType::LastWill) =>
            {
                self.observe_will(session, publish);
                (true, previous)
            }
            Parameter::ClientDisconnected(..) => {
                self.sessions.disconnected();
                (true, previous)
            }
            Parameter::ClientConnected(session) => {
                self.sessions.connected();
                if let Some(connection) = self.connection(session) {
                    self.presence.connected(&connection, &session.id.client_id);
                }
                (true, previous)
            }
            _ => (true, previous),
        }
    }
}

impl PolicyHooks {
    /// Decides a CONNECT: limits, authorizer, `iot:Connect`, will. Returns whether it is allowed.
    async fn connect(&self, connect: &ConnectInfo) -> bool {
        let Some(connection) = connect.id().remote_addr.and_then(|address| self.connections.get(address))
        else {
            return false;
        };
        connection.set_mqtt5(connect.proto_ver() == MQTT_5);
        let request = ConnectRequest::new(connect, connection.peer);
        let client_id = request.client_id.clone();
        if let Err(error) = self.auth.connect_rate.count() {
            // What AWS IoT sends is unknown. A client that reads no packet backs off in any case.
            connection.set_silent();
            let denied = EntryKind::ConnectDenied { reason: error.to_string(), decided_by: None };
            self.record(&connection, &client_id, denied);
            return false;
        }
        match self.admit(&connection, connect, request).await {
            Ok(connected) => {
                self.record(&connection, &client_id, connected);
                true
            }
            Err(ConnectDenial { reason, decided_by }) => {
                // AWS IoT closes the connection of a certificate or of a signature without a CONNACK. For MQTT 5 a
                // CONNACK is assumed.
                let is_silent = matches!(connection.method, AuthMethod::Certificate | AuthMethod::SigV4);
                if is_silent && !connection.is_mqtt5() {
                    connection.set_silent();
                }
                self.record(&connection, &client_id, EntryKind::ConnectDenied { reason, decided_by });
                false
            }
        }
    }

    async fn admit(
        &self,
        connection: &Arc<Connection>,
        connect: &ConnectInfo,
        request: ConnectRequest,
    ) -> Result<EntryKind, ConnectDenial> {
        request.check_limits()?;
        // The event has the client id that the client sent, not one that the broker assigned.
        let sent_client_id = if connection.has_assigned_client_id() { "" } else { &request.client_id };
        let facts = MqttFacts {
            username: connect.username().map(ToString::to_string),
            password: connect.password().cloned(),
            client_id: Some(sent_client_id.to_owned()),
        };
        let event = match connection.method {
            AuthMethod::Custom | AuthMethod::CustomWithCertificate => {
                Some(self.auth.custom.event(&connection.facts, Some(&facts))?)
            }
            AuthMethod::Certificate | AuthMethod::SigV4 => None,
        };
        let revision = self.auth.x509.revision();
        let admitted = authenticate::authenticate(&self.auth, connection, event.as_ref(), &request).await?;
        let (admission, session) = &admitted;
        if let Some(session) = session {
            self.record_warnings(connection, &request.client_id, session);
        }
        let verdict = request.check_policy(admission)?;
        // The broker closes the earlier connection of this client id. This sets the reason for its DISCONNECT and the
        // log.
        for earlier in self.connections.with_client_id(&request.client_id) {
            earlier.set_disconnect_reason(DisconnectReason::TakenOver);
        }
        let (principal, lifetime) = (admission.principal.clone(), admission.lifetime);
        if request.will.is_some() {
            self.sessions.keep_principal(connect.id(), &principal);
        }
        self.backlog.reset(&request.client_id);
        authenticate::admit(&self.auth, connection, admitted, revision).await;
        self.connections.add_client_id(&request.client_id, connection);
        if let Some(lifetime) = lifetime {
            let (connection, auth) = (Arc::clone(connection), Arc::clone(&self.auth));
            tokio::spawn(lifetime::SessionTimer { connection, auth, event, request }.run(lifetime));
        }
        Ok(EntryKind::Connected { principal, statement: verdict.reason, decided_by: verdict.decided_by })
    }

    /// Records what AWS IoT might decide otherwise.
    fn record_warnings(&self, connection: &Connection, client_id: &str, session: &RegistrySession) {
        for text in session.warnings() {
            self.record(connection, client_id, EntryKind::Notice { text: text.clone() });
        }
    }

    fn publish(&self, session: &Session, publish: &Publish) -> bool {
        let Some(connection) = self.connection(session) else { return false };
        let resource = format!("topic/{}", publish.topic);
        if let Err((error, code)) = check_limits(publish) {
            connection.set_disconnect_reason_with_code(DisconnectReason::OverLimit, code);
            self.record_denial(&connection, session, Action::Publish, resource, error);
            return false;
        }
        let actions: &[Action] =
            if publish.retain { &[Action::Publish, Action::RetainPublish] } else { &[Action::Publish] };
        let allowed = actions.iter().all(|action| self.decide(&connection, session, *action, &resource));
        if !allowed {
            connection.set_disconnect_reason(DisconnectReason::Forbidden);
        }
        if allowed {
            let is_qos0 = publish.qos == QoS::AtMostOnce;
            self.backlog.publishing(&session.id.client_id, is_qos0, backlog::bytes(publish));
            match limits::is_fleet_provisioning(&publish.topic) {
                true => self.fleet.take(&connection, session, publish),
                false => self.observe(&connection, session, publish),
            }
        }
        allowed
    }

    /// Gives an allowed message to all that act on messages besides subscribers.
    fn observe(&self, connection: &Connection, session: &Session, publish: &Publish) {
        if self.observers.is_empty() {
            return;
        }
        let message = Message {
            topic: publish.topic.to_string(),
            payload: publish.payload.clone(),
            is_qos1: publish.qos == QoS::AtLeastOnce,
            retain: publish.retain,
            publisher: Publisher {
                client_id: Some(session.id.client_id.to_string()),
                principal: connection.principal(),
            },
            republished: 0,
        };
        self.observers.iter().for_each(|observer| observer.published(&message));
    }

    /// Gives a will to all that act on messages. The policy has allowed it at the connect. As a request of fleet
    /// provisioning it has no answer.
    fn observe_will(&self, session: &Session, publish: &Publish) {
        if limits::is_fleet_provisioning(&publish.topic) {
            return;
        }
        let message = Message {
            topic: publish.topic.to_string(),
            payload: publish.payload.clone(),
            is_qos1: publish.qos == QoS::AtLeastOnce,
            retain: publish.retain,
            publisher: Publisher {
                client_id: Some(session.id.client_id.to_string()),
                principal: self.sessions.take_principal(&session.id),
            },
            republished: 0,
        };
        self.observers.iter().for_each(|observer| observer.published_will(&message));
    }

    async fn subscribe(&self, session: &Session, subscribe: &Subscribe) -> Result<(), SubscribeAckReason> {
        let connection = self.connection(session).ok_or(SubscribeAckReason::NotAuthorized)?;
        let group = subscribe.opts.shared_group();
        let filter = match group {
            Some(group) => format!("$share/{group}/{}", subscribe.topic_filter),
            None => subscribe.topic_filter.to_string(),
        };
        let resource = format!("topicfilter/{filter}");
        let group: &str = group.map_or("", |group| group);
        let (error, code) = if let Err(error) = limits::unreserved_filter(&subscribe.topic_filter) {
            connection.end(DisconnectReason::Forbidden);
            (error, SubscribeAckReason::TopicFilterInvalid)
        } else if let Err(error) =
            limits::filter(&subscribe.topic_filter).and_then(|()| limits::share_name(group))
        {
            (error, SubscribeAckReason::TopicFilterInvalid)
        } else if exceeds_subscription_limit(session, &subscribe.topic_filter).await {
            ("the connection already has 50 subscriptions", SubscribeAckReason::QuotaExceeded)
        } else if self.decide(&connection, session, Action::Subscribe, &resource) {
            return Ok(());
        } else {
            // The gateway ends the connection, not the broker, so that the client receives the SUBACK first.
            connection.end(DisconnectReason::Forbidden);
            return Err(SubscribeAckReason::NotAuthorized);
        };
        self.record_denial(&connection, session, Action::Subscribe, resource, error);
        Err(code)
    }

    async fn receive(&self, session: &Session, publish: &Publish) -> bool {
        let Some(connection) = self.connection(session) else { return false };
        if publish.retain && is_shared_subscription(session, &publish.topic).await {
            return false;
        }
        self.decide(&connection, session, Action::Receive, &format!("topic/{}", publish.topic))
    }

    fn decide(&self, connection: &Connection, session: &Session, action: Action, resource: &str) -> bool {
        let client_id: &str = &session.id.client_id;
        let Some(verdict) = connection.decide(client_id, action, resource) else { return false };
        let allowed = verdict.allowed;
        self.record(connection, client_id, EntryKind::decided(action, resource, verdict));
        allowed
    }

    /// Records a denial that the policy did not decide.
    fn record_denial(
        &self,
        connection: &Connection,
        session: &Session,
        action: Action,
        resource: String,
        reason: &str,
    ) {
        let kind = EntryKind::Denied { action, resource, reason: reason.to_owned(), decided_by: None };
        self.record(connection, &session.id.client_id, kind);
    }

    fn connection(&self, session: &Session) -> Option<Arc<Connection>> {
        session.id.remote_addr.and_then(|address| self.connections.get(address))
    }

    fn record(&self, connection: &Connection, client_id: &str, kind: EntryKind) {
        self.auth.custom.event_log.record(Some(connection.facts.connection), Some(client_id), kind);
    }
}

/// Checks the limits of a publish.
///
/// # Errors
/// The error, and the reason code for it (MQTT 5, section 3.14.2.1).
fn check_limits(publish: &Publish) -> Result<(), (&'static str, u8)> {
    limits::topic(&publish.topic, publish.retain).map_err(|error| (error, 0x90))?;
    if publish.qos == QoS::ExactlyOnce {
        return Err(("AWS IoT does not support QoS 2", 0x9B));
    }
    if publish.payload.len() > limits::MAX_PAYLOAD_BYTES {
        return Err(("the payload is larger than 128 KiB", 0x97));
    }
    Ok(())
}

/// Whether a subscription exceeds the limit of a connection. Repeating a subscription does not.
async fn exceeds_subscription_limit(session: &Session, filter: &str) -> bool {
    match session.subscriptions().await {
        Ok(subscriptions) => {
            subscriptions.len().await >= limits::MAX_SUBSCRIPTIONS
                && !subscriptions.read().await.contains_key(filter)
        }
        Err(_) => true,
    }
}

/// Whether a session has a shared subscription to exactly this topic, which delivers no retained messages. With Retain
/// As Published (MQTT 5, section 3.8.3.1) a newly published message has the retain flag too, and is delivered.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html#mqtt5-shared-subscription>
async fn is_shared_subscription(session: &Session, topic: &str) -> bool {
    let Ok(subscriptions) = session.subscriptions().await else { return true };
    let subscriptions = subscriptions.read().await;
    subscriptions.get(topic).is_some_and(|options| {
        options.has_shared_group() && !options.retain_as_published().unwrap_or_default()
    })
}
