//! Requests of fleet provisioning, and the delivery of each answer to the connection that asked.
//!
//! The topics of answers are the same for all devices, and devices share claim certificates, so an answer never goes
//! through the router, which finds no subscribers for these topics. It is put in the queue of one session, and the
//! hook before each delivery checks again that it is that session's connection: another one may have taken over its
//! client id and its queue.

use std::sync::Arc;

use iot_local_cloud::fleet::Caller;
use iot_local_policy::limits;
use rmqtt::codec::types::Publish as PublishPacket;
use rmqtt::context::ServerContext;
use rmqtt::session::Session;
use rmqtt::types::{From, FromType, Id, Publish, QoS};

use super::backlog::Backlog;
use crate::auth::endpoint::AuthMethod;
use crate::connection::Connection;
use crate::fleet::{Fleet, FleetAnswer, FleetRequest};

/// Takes requests of fleet provisioning. Clones share it.
#[derive(Clone)]
pub(super) struct FleetRequests {
    fleet: Arc<Fleet>,
    context: ServerContext,
    backlog: Arc<Backlog>,
}

impl FleetRequests {
    pub(super) fn new(fleet: Fleet, context: ServerContext, backlog: Arc<Backlog>) -> Self {
        Self { fleet: Arc::new(fleet), context, backlog }
    }

    /// Carries out a request that the policy has allowed, and answers it.
    pub(super) fn take(&self, connection: &Connection, session: &Session, publish: &Publish) {
        let Some(principal) = connection.principal() else { return };
        let certificate = match connection.method {
            AuthMethod::Certificate | AuthMethod::CustomWithCertificate => {
                connection.facts.certificate.as_ref()
            }
            AuthMethod::Custom | AuthMethod::SigV4 => None,
        };
        let caller = Caller {
            principal,
            certificate_id: certificate.map(|certificate| certificate.id.clone()),
            client_id: session.id.client_id.to_string(),
        };
        let request = FleetRequest {
            caller,
            connection: connection.facts.connection,
            topic: publish.topic.to_string(),
            payload: publish.payload.clone(),
        };
        let (requests, session) = (self.clone(), session.clone());
        tokio::spawn(async move {
            let Some(answer) = requests.fleet.answer(&request).await else { return };
            let topic = answer.topic.clone();
            if let Err(reason) = requests.deliver(&session, answer).await {
                requests.fleet.note(&request, format!("{topic} is not delivered: {reason}"));
            }
        });
    }

    /// Puts an answer in the queue of a session.
    ///
    /// # Errors
    /// Why the client cannot receive it.
    async fn deliver(&self, session: &Session, answer: FleetAnswer) -> Result<(), &'static str> {
        let FleetAnswer { topic, payload } = answer;
        let entry = self.context.extends.shared().await.entry(session.id.clone());
        if entry.session().is_none_or(|current| current.id != session.id) {
            return Err("the connection that asked has ended");
        }
        let qos = subscribed_qos(session, &topic).await;
        let qos = qos.ok_or("the client has no subscription to it; help: subscribe before the request")?;
        let packet = PublishPacket {
            dup: false,
            retain: false,
            qos,
            topic: topic.into(),
            packet_id: None,
            payload,
            properties: None,
        };
        let publish = Publish::from(Box::new(packet));
        self.backlog.enters(&session.id.client_id, &publish);
        let sent = entry.publish(From::from_system(session.id.clone()), publish).await;
        sent.map_err(|_| "the connection that asked has ended")
    }
}

/// Whether a message may be delivered to the session of this id: an answer of fleet provisioning only to the connection
/// that asked. The id names the connection, not only its client.
pub(super) fn may_receive(receiver: &Id, from: &From, topic: &str) -> bool {
    !limits::is_fleet_provisioning(topic) || (matches!(from.typ(), FromType::System) && from.id == *receiver)
}

/// Returns the highest quality of service of the session's own subscriptions to a topic, if it has one. Shared
/// subscriptions do not count.
async fn subscribed_qos(session: &Session, topic: &str) -> Option<QoS> {
    let subscriptions = session.subscriptions().await.ok()?;
    let subscriptions = subscriptions.read().await;
    let own = subscriptions.iter().filter(|(_, options)| !options.has_shared_group());
    let matching = own.filter(|(filter, _)| matches(filter, topic));
    let is_qos1 = matching.map(|(_, options)| options.qos() != QoS::AtMostOnce);
    is_qos1.reduce(|left, right| left || right).map(
        |is_qos1| {
            if is_qos1 { QoS::AtLeastOnce } else { QoS::AtMostOnce }
        },
    )
}

/// Whether a filter matches a reserved topic, as on AWS IoT: `#` requires a further level, and neither wildcard stands
/// for the first level.
fn matches(filter: &str, topic: &str) -> bool {
    let (mut filter, mut topic) = (filter.split('/'), topic.split('/'));
    if filter.next() != topic.next() {
        return false;
    }
    loop {
        match (filter.next(), topic.next()) {
            (None, None) | (Some("#"), Some(_)) => return true,
            (Some("+"), Some(_)) => {}
            (Some(expected), Some(level)) if expected == level => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use rmqtt::types::{From, Id};

    use super::{matches, may_receive};

    #[test]
    fn an_answer_is_for_one_connection() {
        let id = |port: u16, client_id: &'static str| {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            Id::new(1, 1, None, Some(address), client_id.into(), None)
        };
        let asker = id(1000, "device");
        let answers = [
            "$aws/certificates/create/json/accepted",
            "$aws/provisioning-templates/a/provision/cbor/rejected",
        ];
        for answer in answers {
            assert!(may_receive(&asker, &From::from_system(asker.clone()), answer), "{answer}");
            // Another connection of the client, another client at the address, and the client's own message.
            assert!(!may_receive(&id(1001, "device"), &From::from_system(asker.clone()), answer), "{answer}");
            assert!(!may_receive(&id(1000, "other"), &From::from_system(asker.clone()), answer), "{answer}");
            assert!(!may_receive(&asker, &From::from_custom(asker.clone()), answer), "{answer}");
            assert!(!may_receive(&asker, &From::from_lastwill(asker.clone()), answer), "{answer}");
            assert!(!may_receive(&asker, &From::from_admin(asker.clone()), answer), "{answer}");
        }
        assert!(may_receive(&id(1001, "other"), &From::from_custom(asker), "devices/a"));
    }

    #[test]
    fn filters_match_as_on_aws_iot() {
        let topic = "$aws/certificates/create/json/accepted";
        for (filter, expected) in [
            (topic, true),
            ("$aws/certificates/create/json/+", true),
            ("$aws/certificates/create/+/accepted", true),
            ("$aws/certificates/#", true),
            ("$aws/#", true),
            ("$aws/certificates/create/json/accepted/#", false),
            ("$aws/certificates/create/json", false),
            ("$aws/certificates/create/cbor/accepted", false),
            ("$aws/certificates/create/json/rejected", false),
            ("$aws/certificates/create/json/accepted/+", false),
            ("#", false),
            ("+/certificates/create/json/accepted", false),
            ("+/#", false),
        ] {
            assert_eq!(matches(filter, topic), expected, "{filter}");
        }
    }
}
