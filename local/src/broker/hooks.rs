//! Where the policy is enforced: the hooks that rmqtt calls before it lets a client do something.
//!
//! Each looks its connection up by the address that the door connected from. What is not found is refused.

use std::sync::Arc;

use async_trait::async_trait;
use rmqtt::codec::v5::SubscribeAckReason;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType};
use rmqtt::session::Session;
use rmqtt::types::{
    AuthResult, ConnectInfo, LastWill, Publish, PublishAclResult, QoS, Subscribe, SubscribeAclResult,
};

use super::lifetime::{self, Credentials, Times};
use crate::answer::Answer;
use crate::connection::{Connection, Connections, Entitlement};
use crate::event::MqttFacts;
use crate::gate::Gate;
use crate::journal::{Ending, What};
use crate::limits;
use crate::policy::{Action, Context, Policy, Question, Verdict};

/// The MQTT protocol level of MQTT 5.
const MQTT_5: u8 = 5;

/// What the hooks share.
#[derive(Clone)]
pub(super) struct Gatekeeper {
    gate: Arc<Gate>,
    connections: Arc<Connections>,
}

/// Asks a policy.
pub(super) fn ask(policy: &Policy, context: &Context, action: Action, resource: &str) -> Verdict {
    policy.decide(&Question { action, resource, context })
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
                let result = match self.subscribe(session, subscribe) {
                    true => SubscribeAclResult::new_success(subscribe.opts.qos(), None),
                    false => SubscribeAclResult::new_failure(SubscribeAckReason::NotAuthorized),
                };
                (false, Some(HookResult::SubscribeAclResult(result)))
            }
            Parameter::MessageExpiryCheck(session, _, publish) => match self.receive(session, publish) {
                true => (true, so_far),
                // There is no hook to refuse a delivery; one to expire the message does the same.
                false => (false, Some(HookResult::MessageExpiry)),
            },
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
        let client_id = connect.client_id().to_string();
        match self.admit(&connection, connect, &client_id).await {
            Ok(connected) => {
                self.record(&connection, &client_id, connected);
                true
            }
            Err(reason) => {
                self.record(&connection, &client_id, What::ConnectRefused { reason });
                false
            }
        }
    }

    async fn admit(
        &self,
        connection: &Arc<Connection>,
        connect: &ConnectInfo,
        client_id: &str,
    ) -> Result<What, String> {
        let facts = MqttFacts {
            username: connect.username().map(ToString::to_string),
            password: connect.password().cloned(),
            client_id: Some(client_id.to_owned()),
        };
        let event = self.gate.event(&connection.door, Some(&facts)).map_err(|denial| denial.to_string())?;
        let answer = self.gate.ask(event.clone()).await.map_err(|denial| denial.to_string())?;
        let will = connect.last_will().map(Will::from);
        let context = Context {
            client_id: Some(client_id.to_owned()),
            source_ip: Some(connection.peer),
            persistent: is_persistent(connect),
            last_will: will.as_ref().map(|will| will.topic.clone()),
        };
        let statement = may_connect(&answer.policy, &context, client_id, will.as_ref())?;
        let Answer { principal, policy, disconnect_after, refresh_after } = answer;
        // Whoever holds the client id is closed by the broker, and can be told why if it speaks MQTT 5.
        for holder in self.connections.holders(client_id) {
            holder.ends_by(Ending::TakenOver);
        }
        let entitlement = Entitlement { client_id: client_id.to_owned(), policy, context: context.clone() };
        connection.admit(entitlement);
        tokio::spawn(lifetime::keep(
            Arc::clone(connection),
            Arc::clone(&self.gate),
            Credentials { event, client_id: client_id.to_owned(), context },
            Times { disconnect_after, refresh_after },
        ));
        Ok(What::Connected { principal, statement })
    }

    fn publish(&self, session: &Session, publish: &Publish) -> bool {
        let Some(connection) = self.connection(session) else { return false };
        let resource = format!("topic/{}", publish.topic);
        if let Err(reason) = within_limits(publish) {
            connection.ends_by(Ending::OverLimit);
            let what = What::Refused { action: Action::Publish, resource, reason: reason.to_owned() };
            self.record(&connection, &session.id.client_id, what);
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

    fn subscribe(&self, session: &Session, subscribe: &Subscribe) -> bool {
        let Some(connection) = self.connection(session) else { return false };
        let filter = match subscribe.opts.shared_group() {
            Some(group) => format!("$share/{group}/{}", subscribe.topic_filter),
            None => subscribe.topic_filter.to_string(),
        };
        let resource = format!("topicfilter/{filter}");
        if let Err(reason) = limits::filter(&subscribe.topic_filter) {
            let what = What::Refused { action: Action::Subscribe, resource, reason: reason.to_owned() };
            self.record(&connection, &session.id.client_id, what);
            return false;
        }
        self.decide(&connection, session, Action::Subscribe, &resource)
    }

    fn receive(&self, session: &Session, publish: &Publish) -> bool {
        let Some(connection) = self.connection(session) else { return false };
        self.decide(&connection, session, Action::Receive, &format!("topic/{}", publish.topic))
    }

    fn decide(&self, connection: &Connection, session: &Session, action: Action, resource: &str) -> bool {
        let client_id: &str = &session.id.client_id;
        let Some(verdict) = connection.decide(client_id, action, resource) else { return false };
        let (allowed, reason, resource) = (verdict.allowed, verdict.reason, resource.to_owned());
        let what = match allowed {
            true => What::Allowed { action, resource, statement: reason },
            false => What::Refused { action, resource, reason },
        };
        self.record(connection, client_id, what);
        allowed
    }

    fn connection(&self, session: &Session) -> Option<Arc<Connection>> {
        session.id.remote_addr.and_then(|address| self.connections.get(address))
    }

    fn record(&self, connection: &Connection, client_id: &str, what: What) {
        self.gate.journal.record(Some(connection.door.connection), Some(client_id), what);
    }
}

/// The will, which is published in the client's name when it is gone and which no hook of the broker sees.
struct Will {
    topic: String,
    retain: bool,
    qos: QoS,
}

impl From<LastWill<'_>> for Will {
    fn from(will: LastWill<'_>) -> Self {
        let (topic, retain, qos) = match will {
            LastWill::V3(will) => (&will.topic, will.retain, will.qos),
            LastWill::V5(will) => (&will.topic, will.retain, will.qos),
        };
        Self { topic: topic.to_string(), retain, qos }
    }
}

/// The statement that allows the connect, or why it is refused.
fn may_connect(
    policy: &Policy,
    context: &Context,
    client_id: &str,
    will: Option<&Will>,
) -> Result<String, String> {
    let connect = ask(policy, context, Action::Connect, &format!("client/{client_id}"));
    if !connect.allowed {
        return Err(format!("iot:Connect on client/{client_id}: {}", connect.reason));
    }
    let Some(will) = will else { return Ok(connect.reason) };
    limits::topic(&will.topic).map_err(|fault| format!("will: {fault}"))?;
    if will.qos == QoS::ExactlyOnce {
        return Err("will: AWS IoT has no QoS 2".to_owned());
    }
    let resource = format!("topic/{}", will.topic);
    let retained = will.retain.then_some(Action::RetainPublish);
    for action in [Some(Action::Publish), retained].into_iter().flatten() {
        let verdict = ask(policy, context, action, &resource);
        if !verdict.allowed {
            return Err(format!("will: {action} on {resource}: {}", verdict.reason));
        }
    }
    Ok(connect.reason)
}

fn within_limits(publish: &Publish) -> Result<(), &'static str> {
    limits::topic(&publish.topic)?;
    if publish.qos == QoS::ExactlyOnce {
        return Err("AWS IoT has no QoS 2");
    }
    if publish.payload.len() > limits::PAYLOAD {
        return Err("the payload is larger than 128 KiB");
    }
    Ok(())
}

/// Whether the client asks for a session that outlives the connection.
fn is_persistent(connect: &ConnectInfo) -> bool {
    match connect {
        ConnectInfo::V3(_, connect) => !connect.clean_session,
        ConnectInfo::V5(_, connect) => connect.session_expiry_interval_secs > 0,
    }
}
