//! Actions that a policy allows or denies.

use iot_local_gateway::auth::connect_rate::ConnectRate;
use iot_local_gateway::event_log::EntryKind;
use iot_local_policy::Action;
use rumqttc::{LastWill, MqttOptions, Packet, QoS, SubscribeFilter, SubscribeReasonCode, Transport};

use crate::support::{self, connect, connect_with, denial, find, is_denied, open, options};

fn denied_action(kind: &EntryKind) -> Option<(Action, String)> {
    match kind {
        EntryKind::Denied { action, resource, .. } => Some((*action, resource.clone())),
        _ => None,
    }
}

#[tokio::test]
async fn the_authorizer_allows_or_denies_a_client() {
    let gateway = open(1).await;
    let mut event_log = gateway.event_log.subscribe();
    connect(gateway.port, "a", "good").await.unwrap();
    for (password, expected) in
        [("bad", "denied the client"), ("error", "failing as asked"), ("illegal", "principal")]
    {
        assert!(is_denied(&connect(gateway.port, "a", password).await), "{password}");
        let reason = find(&mut event_log, denial).await;
        assert!(reason.contains(expected), "{password}: {reason}");
    }
}

#[tokio::test]
async fn a_connect_without_credentials_is_denied() {
    let gateway = open(1).await;
    let mut anonymous = MqttOptions::new("a", format!("ws://127.0.0.1:{}/mqtt", gateway.port), gateway.port);
    anonymous.set_transport(Transport::Ws);
    assert!(is_denied(&connect_with(anonymous).await));
}

#[tokio::test]
async fn the_token_may_be_in_the_query() {
    let gateway = open(1).await;
    let mut with_query =
        MqttOptions::new("a", format!("ws://127.0.0.1:{0}/mqtt?token=good", gateway.port), gateway.port);
    with_query.set_transport(Transport::Ws);
    assert!(connect_with(with_query).await.is_ok());
}

#[tokio::test]
async fn a_message_is_delivered_only_if_receive_is_allowed() {
    let gateway = open(2).await;
    let mut alice = connect(gateway.port, "alice", "good").await.unwrap();
    let mut bob = connect(gateway.port, "bob", "good").await.unwrap();
    bob.mqtt.subscribe("shared/#", QoS::AtLeastOnce).await.unwrap();
    assert!(matches!(bob.next().await, Ok(Packet::SubAck(_))));
    // bob may subscribe to both topics, but iot:Receive allows only one.
    for topic in ["shared/closed", "shared/open"] {
        alice.mqtt.publish(topic, QoS::AtLeastOnce, false, topic).await.unwrap();
        assert!(matches!(alice.next().await, Ok(Packet::PubAck(_))));
    }
    let Ok(Packet::Publish(message)) = bob.next().await else { panic!("no message") };
    assert_eq!(message.topic, "shared/open");
    bob.receives_nothing().await;
}

#[tokio::test]
async fn a_denied_publish_closes_the_connection() {
    let gateway = open(1).await;
    let mut event_log = gateway.event_log.subscribe();
    for (topic, retain) in [("own/bob/x", false), ("own/alice/x", true)] {
        let mut alice = connect(gateway.port, "alice", "good").await.unwrap();
        alice.mqtt.publish(topic, QoS::AtLeastOnce, retain, "x").await.unwrap();
        assert!(alice.next().await.is_err(), "{topic} was acknowledged");
        let action = if retain { Action::RetainPublish } else { Action::Publish };
        assert_eq!(find(&mut event_log, denied_action).await, (action, format!("topic/{topic}")));
    }
    let mut alice = connect(gateway.port, "alice", "good").await.unwrap();
    alice.mqtt.publish("own/alice/kept", QoS::AtLeastOnce, true, "x").await.unwrap();
    assert!(matches!(alice.next().await, Ok(Packet::PubAck(_))));
}

#[tokio::test]
async fn the_suback_has_a_code_per_filter_and_a_denied_filter_closes_the_connection() {
    let gateway = open(1).await;
    let mut alice = connect(gateway.port, "alice", "good").await.unwrap();
    let filters =
        ["own/alice/#", "own/#", "$share/g/shared/x", "$share/h/shared/x", "own/alice/1/2/3/4/5/6/7"];
    let filters = filters.map(|filter| SubscribeFilter::new(filter.to_owned(), QoS::AtLeastOnce));
    alice.mqtt.subscribe_many(filters).await.unwrap();
    let Ok(Packet::SubAck(ack)) = alice.next().await else { panic!("no SUBACK") };
    let granted = SubscribeReasonCode::Success(QoS::AtLeastOnce);
    let failure = SubscribeReasonCode::Failure;
    assert_eq!(ack.return_codes, [granted, failure, granted, failure, failure]);
    assert!(alice.next().await.is_err());
}

#[tokio::test]
async fn a_retained_message_is_delivered_to_a_later_subscription() {
    let gateway = open(1).await;
    let mut alice = connect(gateway.port, "alice", "good").await.unwrap();
    alice.mqtt.publish("own/alice/kept", QoS::AtLeastOnce, true, "still here").await.unwrap();
    assert!(matches!(alice.next().await, Ok(Packet::PubAck(_))));
    alice.mqtt.subscribe("own/alice/kept", QoS::AtLeastOnce).await.unwrap();
    assert!(matches!(alice.next().await, Ok(Packet::SubAck(_))));
    let Ok(Packet::Publish(message)) = alice.next().await else { panic!("no message") };
    assert!(message.retain);
    assert_eq!(message.payload, "still here");
}

#[tokio::test]
async fn a_will_needs_permission_to_publish() {
    let gateway = open(1).await;
    let mut event_log = gateway.event_log.subscribe();
    let with_will = |topic: &str, retain| {
        let mut options = options(gateway.port, "alice", "good");
        options.set_last_will(LastWill::new(topic, "gone", QoS::AtLeastOnce, retain));
        options
    };
    assert!(is_denied(&connect_with(with_will("own/bob/will", false)).await));
    assert!(find(&mut event_log, denial).await.contains("topic/own/bob/will"));
    assert!(is_denied(&connect_with(with_will("own/alice/will", true)).await));
    assert!(find(&mut event_log, denial).await.contains("iot:RetainPublish"));
    assert!(connect_with(with_will("own/alice/will", false)).await.is_ok());
}

#[tokio::test]
async fn the_will_is_sent_when_the_connection_is_lost() {
    let gateway = open(1).await;
    let mut bob = connect(gateway.port, "bob", "good").await.unwrap();
    bob.mqtt.subscribe("shared/open", QoS::AtLeastOnce).await.unwrap();
    assert!(matches!(bob.next().await, Ok(Packet::SubAck(_))));
    let mut options = options(gateway.port, "alice", "good");
    options.set_last_will(LastWill::new("shared/open", "gone", QoS::AtLeastOnce, false));
    drop(connect_with(options).await.unwrap());
    let Ok(Packet::Publish(message)) = bob.next().await else { panic!("no will") };
    assert_eq!(message.payload, "gone");
}

#[tokio::test]
async fn the_broker_denies_clients_that_bypass_the_gateway() {
    use iot_local_gateway::TimeScale;
    use iot_local_gateway::auth::Authenticators;
    use iot_local_gateway::auth::first_connect::FirstConnects;
    use iot_local_gateway::auth::sigv4::CallerAuthenticator;
    use iot_local_gateway::auth::x509::CertificateAuthenticator;
    use iot_local_gateway::broker::{Broker, Presence};
    use iot_local_gateway::functions::Functions;
    use iot_local_gateway::message::{Observers, Outbox};
    use iot_local_gateway::{auth::custom::CustomAuthorizer, connection::Connections, event_log::EventLog};
    use iot_local_lambda::Lambda;
    use iot_local_policy::Arn;
    use std::collections::BTreeMap;
    use std::sync::Arc;
    let lambda = Arc::new(Lambda::start(support::function(1), Arc::new(|_| ())).await.unwrap());
    let arn: Arn = iot_local_identity::deployment::FUNCTION_ARN.parse().unwrap();
    let functions = Functions::new(lambda, arn.clone(), String::new(), BTreeMap::new());
    let authorizer = Arc::new(CustomAuthorizer::new(
        Arc::new(functions),
        iot_local_gateway::selection::AuthorizerDefinition::default(),
        TimeScale::faster(1),
        EventLog::default(),
    ));
    let cloud = support::cloud();
    let callers = CallerAuthenticator::new(cloud.account().clone(), arn.clone()).unwrap();
    let x509 = CertificateAuthenticator::new(cloud, arn);
    let (outbox, _) = Outbox::new();
    let first_connects = FirstConnects::new(outbox.clone(), std::time::Duration::ZERO);
    let auth = Arc::new(Authenticators {
        custom: authorizer,
        x509,
        first_connects,
        callers,
        connect_rate: ConnectRate::new(None),
    });
    let presence = Arc::new(Presence::new(outbox));
    let observers: Observers = Arc::from(Vec::new());
    let broker = Broker::start(auth, Arc::new(Connections::default()), presence, observers).await.unwrap();
    let mut direct = MqttOptions::new("a", "127.0.0.1", broker.address().port());
    direct.set_credentials("user", "good");
    assert!(is_denied(&connect_with(direct).await));
}

#[tokio::test]
async fn the_event_log_contains_no_credentials() {
    let gateway = open(1).await;
    let mut event_log = gateway.event_log.subscribe();
    let mut secret = options(gateway.port, "alice", "s3cret");
    secret.set_credentials("user?token=s3cret", "s3cret");
    let mut alice = connect_with(secret).await.unwrap();
    alice.mqtt.publish("own/bob/x", QoS::AtLeastOnce, false, "s3cret").await.unwrap();
    assert!(alice.next().await.is_err());
    let mut log = String::new();
    while !log.contains("closed") {
        let entry = event_log.recv().await.unwrap();
        log += &format!("{entry} {entry:?}\n");
    }
    assert!(log.contains("connected") && log.contains("DENIED"), "{log}");
    assert!(!log.contains("s3cret"), "{log}");
}
