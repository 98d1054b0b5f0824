//! Where the policy is enforced: the hooks that rmqtt calls before it lets a client do something.
//!
//! Each looks its connection up by the address that the door connected from. What is not found is refused.

use std::sync::Arc;

use async_trait::async_trait;
use rmqtt::codec::v5::SubscribeAckReason;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType};
use rmqtt::session::Session;
use rmqtt::types::{AuthResult, ConnectInfo, Publish, PublishAclResult, QoS, Subscribe, SubscribeAclResult};

use super::connect::{Denied, Wish};
use super::lifetime;
use crate::answer::Answer;
use crate::connection::{Connection, Connections, Entitlement};
use crate::event::MqttFacts;
use crate::gate::Gate;
use crate::journal::{Ending, What};
use crate::limits;
use crate::policy::Action;

/// The MQTT protocol level of MQTT 5.
const MQTT_5: u8 = 5;

/// What the hooks share.
#[derive(Clone)]
pub(super) struct Gatekeeper {
    gate: Arc<Gate>,
    connections: Arc<Connections>,
}

#[async_trait]
impl Handler for Gatekeeper {
    async fn hook(&self, parameter: &Parameter, so_far: Option<HookResult>) -> ReturnType {
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
                    // AWS IoT closes the connection of a client that publishes where it may not.
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
            Parameter::MessageExpiryCheck(session, _, publish) => {
                match self.receive(session, publish).await {
                    true => (true, so_far),
                    // There is no hook to refuse a delivery; one to expire the message does the same.
                    false => (false, Some(HookResult::MessageExpiry)),
                }
            }
            _ => (true, so_far),
        }
    }
}

impl Gatekeeper {
    pub(super) fn new(gate: Arc<Gate>, connections: Arc<Connections>) -> Self {
        Self { gate, connections }
    }

    /// Decides a CONNECT: the authorizer, then `iot:Connect`, then the will.
    async fn connect(&self, connect: &ConnectInfo) -> bool {
        let Some(connection) = connect.id().remote_addr.and_then(|address| self.connections.get(address))
        else {
            return false;
        };
        connection.speaks_mqtt5(connect.proto_ver() == MQTT_5);
        let wish = Wish::new(connect, connection.peer, false);
        let client_id = wish.client_id.clone();
        match self.admit(&connection, connect, wish).await {
            Ok(connected) => {
                self.record(&connection, &client_id, connected);
                true
            }
            Err(Denied { reason, decided_by }) => {
                self.record(&connection, &client_id, What::ConnectRefused { reason, decided_by });
                false
            }
        }
    }

    async fn admit(
        &self,
        connection: &Arc<Connection>,
        connect: &ConnectInfo,
        wish: Wish,
    ) -> Result<What, Denied> {
        wish.within_limits()?;
        // The authorizer is told what the client sent, and that is not what the broker calls a client without a name.
        let sent = if connection.is_nameless() { "" } else { &wish.client_id };
        let facts = MqttFacts {
            username: connect.username().map(ToString::to_string),
            password: connect.password().cloned(),
            client_id: Some(sent.to_owned()),
        };
        let event = self.gate.event(&connection.door, Some(&facts))?;
        let Answer { principal, policy, disconnect_after, refresh_after } =
            self.gate.ask(event.clone()).await?;
        let verdict = wish.allowed_by(&policy)?;
        // Whoever holds the client id is closed by the broker, and can be told why if it speaks MQTT 5.
        for holder in self.connections.holders(&wish.client_id) {
            holder.ends_by(Ending::TakenOver);
        }
        let Wish { client_id, context, .. } = wish.clone();
        connection.admit(Entitlement { client_id, policy, context });
        let kept =
            lifetime::Kept { connection: Arc::clone(connection), gate: Arc::clone(&self.gate), event, wish };
        tokio::spawn(kept.until_its_end(disconnect_after, refresh_after));
        Ok(What::Connected { principal, statement: verdict.reason, decided_by: verdict.decided_by })
    }

    fn publish(&self, session: &Session, publish: &Publish) -> bool {
        let Some(connection) = self.connection(session) else { return false };
        let resource = format!("topic/{}", publish.topic);
        if let Err((fault, code)) = within_limits(publish) {
            connection.ends_by_code(Ending::OverLimit, code);
            self.refuse(&connection, session, Action::Publish, resource, fault);
            return false;
        }
        let actions: &[Action] =
            if publish.retain { &[Action::Publish, Action::RetainPublish] } else { &[Action::Publish] };
        let allowed = actions.iter().all(|action| self.decide(&connection, session, *action, &resource));
        if !allowed {
            connection.ends_by(Ending::Forbidden);
        }
        allowed
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
        let (fault, code) = if let Err(fault) = limits::unreserved_filter(&subscribe.topic_filter) {
            connection.end(Ending::Forbidden);
            (fault, SubscribeAckReason::TopicFilterInvalid)
        } else if let Err(fault) =
            limits::filter(&subscribe.topic_filter).and_then(|()| limits::share_name(group))
        {
            (fault, SubscribeAckReason::TopicFilterInvalid)
        } else if is_one_too_many(session, &subscribe.topic_filter).await {
            ("the connection has 50 subscriptions already", SubscribeAckReason::QuotaExceeded)
        } else if self.decide(&connection, session, Action::Subscribe, &resource) {
            return Ok(());
        } else {
            // The connection is ended from the door's side, so that the client is sent its SUBACK before.
            connection.end(Ending::Forbidden);
            return Err(SubscribeAckReason::NotAuthorized);
        };
        self.refuse(&connection, session, Action::Subscribe, resource, fault);
        Err(code)
    }

    async fn receive(&self, session: &Session, publish: &Publish) -> bool {
        let Some(connection) = self.connection(session) else { return false };
        if publish.retain && is_shared(session, &publish.topic).await {
            return false;
        }
        self.decide(&connection, session, Action::Receive, &format!("topic/{}", publish.topic))
    }

    fn decide(&self, connection: &Connection, session: &Session, action: Action, resource: &str) -> bool {
        let client_id: &str = &session.id.client_id;
        let Some(verdict) = connection.decide(client_id, action, resource) else { return false };
        let allowed = verdict.allowed;
        self.record(connection, client_id, What::decided(action, resource, verdict));
        allowed
    }

    /// Writes down what is refused whatever the policy says.
    fn refuse(
        &self,
        connection: &Connection,
        session: &Session,
        action: Action,
        resource: String,
        fault: &str,
    ) {
        let what = What::Refused { action, resource, reason: fault.to_owned(), decided_by: None };
        self.record(connection, &session.id.client_id, what);
    }

    fn connection(&self, session: &Session) -> Option<Arc<Connection>> {
        session.id.remote_addr.and_then(|address| self.connections.get(address))
    }

    fn record(&self, connection: &Connection, client_id: &str, what: What) {
        self.gate.journal.record(Some(connection.door.connection), Some(client_id), what);
    }
}

/// Why a publish is over the limits, and the reason code for it (MQTT 5, section 3.14.2.1).
fn within_limits(publish: &Publish) -> Result<(), (&'static str, u8)> {
    limits::topic(&publish.topic, publish.retain).map_err(|fault| (fault, 0x90))?;
    if publish.qos == QoS::ExactlyOnce {
        return Err(("AWS IoT has no QoS 2", 0x9B));
    }
    if publish.payload.len() > limits::PAYLOAD {
        return Err(("the payload is larger than 128 KiB", 0x97));
    }
    Ok(())
}

/// Whether a subscription would be one more than a connection may have. To ask again for one that is there is none more.
async fn is_one_too_many(session: &Session, filter: &str) -> bool {
    match session.subscriptions().await {
        Ok(there) => there.len().await >= limits::SUBSCRIPTIONS && !there.read().await.contains_key(filter),
        Err(_) => true,
    }
}

/// Whether a session is subscribed to a topic as a member of a group. Such a subscription brings no retained messages.
/// (A message that has just been published carries the flag too if an MQTT 5 client asks for that.)
/// <https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html#mqtt5-shared-subscription>
async fn is_shared(session: &Session, topic: &str) -> bool {
    let Ok(there) = session.subscriptions().await else { return true };
    let there = there.read().await;
    there.get(topic).is_some_and(|options| {
        options.has_shared_group() && !options.retain_as_published().unwrap_or_default()
    })
}
