//! What a policy lets a client do.

use iot_local::journal::What;
use iot_local::policy::Action;
use rumqttc::{LastWill, MqttOptions, Packet, QoS, SubscribeFilter, SubscribeReasonCode, Transport};

use crate::support::{self, connect, connect_with, find, is_refused, open, options, refusal};

fn refused(what: &What) -> Option<(Action, String)> {
    match what {
        What::Refused { action, resource, .. } => Some((*action, resource.clone())),
        _ => None,
    }
}

#[tokio::test]
async fn the_authorizer_decides_who_is_let_in() {
    let door = open(1).await;
    let mut journal = door.journal.subscribe();
    connect(door.port, "a", "good").await.unwrap();
    for (password, expected) in [("bad", "refused"), ("error", "failing as asked"), ("illegal", "principal")]
    {
        assert!(is_refused(&connect(door.port, "a", password).await), "{password}");
        let reason = find(&mut journal, refusal).await;
        assert!(reason.contains(expected), "{password}: {reason}");
    }
}

#[tokio::test]
async fn a_connect_without_a_user_name_is_asked_about_too() {
    let door = open(1).await;
    let mut anonymous = MqttOptions::new("a", format!("ws://127.0.0.1:{}/mqtt", door.port), door.port);
    anonymous.set_transport(Transport::Ws);
    assert!(is_refused(&connect_with(anonymous).await));
}

#[tokio::test]
async fn the_token_may_come_by_the_query() {
    let door = open(1).await;
    let mut by_query =
        MqttOptions::new("a", format!("ws://127.0.0.1:{0}/mqtt?token=good", door.port), door.port);
    by_query.set_transport(Transport::Ws);
    assert!(connect_with(by_query).await.is_ok());
}

#[tokio::test]
async fn a_message_reaches_who_may_have_it() {
    let door = open(2).await;
    let mut alice = connect(door.port, "alice", "good").await.unwrap();
    let mut bob = connect(door.port, "bob", "good").await.unwrap();
    bob.mqtt.subscribe("shared/#", QoS::AtLeastOnce).await.unwrap();
    assert!(matches!(bob.next().await, Ok(Packet::SubAck(_))));
    // bob may subscribe to both, but iot:Receive names one only.
    for topic in ["shared/closed", "shared/open"] {
        alice.mqtt.publish(topic, QoS::AtLeastOnce, false, topic).await.unwrap();
        assert!(matches!(alice.next().await, Ok(Packet::PubAck(_))));
    }
    let Ok(Packet::Publish(message)) = bob.next().await else { panic!("no message") };
    assert_eq!(message.topic, "shared/open");
    bob.hears_nothing().await;
}

#[tokio::test]
async fn a_refused_publish_closes_the_connection() {
    let door = open(1).await;
    let mut journal = door.journal.subscribe();
    for (topic, retain) in [("own/bob/x", false), ("own/alice/x", true)] {
        let mut alice = connect(door.port, "alice", "good").await.unwrap();
        alice.mqtt.publish(topic, QoS::AtLeastOnce, retain, "x").await.unwrap();
        assert!(alice.next().await.is_err(), "{topic} was acknowledged");
        let action = if retain { Action::RetainPublish } else { Action::Publish };
        assert_eq!(find(&mut journal, refused).await, (action, format!("topic/{topic}")));
    }
    let mut alice = connect(door.port, "alice", "good").await.unwrap();
    alice.mqtt.publish("own/alice/kept", QoS::AtLeastOnce, true, "x").await.unwrap();
    assert!(matches!(alice.next().await, Ok(Packet::PubAck(_))));
}

#[tokio::test]
async fn each_filter_is_answered_and_a_refused_one_closes_the_connection() {
    let door = open(1).await;
    let mut alice = connect(door.port, "alice", "good").await.unwrap();
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
async fn a_retained_message_is_kept_and_held_to_receive() {
    let door = open(1).await;
    let mut alice = connect(door.port, "alice", "good").await.unwrap();
    alice.mqtt.publish("own/alice/kept", QoS::AtLeastOnce, true, "still here").await.unwrap();
    assert!(matches!(alice.next().await, Ok(Packet::PubAck(_))));
    alice.mqtt.subscribe("own/alice/kept", QoS::AtLeastOnce).await.unwrap();
    assert!(matches!(alice.next().await, Ok(Packet::SubAck(_))));
    let Ok(Packet::Publish(message)) = alice.next().await else { panic!("no message") };
    assert!(message.retain);
    assert_eq!(message.payload, "still here");
}

#[tokio::test]
async fn a_will_needs_the_right_to_publish_it() {
    let door = open(1).await;
    let mut journal = door.journal.subscribe();
    let with_will = |topic: &str, retain| {
        let mut options = options(door.port, "alice", "good");
        options.set_last_will(LastWill::new(topic, "gone", QoS::AtLeastOnce, retain));
        options
    };
    assert!(is_refused(&connect_with(with_will("own/bob/will", false)).await));
    assert!(find(&mut journal, refusal).await.contains("topic/own/bob/will"));
    assert!(is_refused(&connect_with(with_will("own/alice/will", true)).await));
    assert!(find(&mut journal, refusal).await.contains("iot:RetainPublish"));
    assert!(connect_with(with_will("own/alice/will", false)).await.is_ok());
}

#[tokio::test]
async fn the_will_of_a_lost_client_is_sent() {
    let door = open(1).await;
    let mut bob = connect(door.port, "bob", "good").await.unwrap();
    bob.mqtt.subscribe("shared/open", QoS::AtLeastOnce).await.unwrap();
    assert!(matches!(bob.next().await, Ok(Packet::SubAck(_))));
    let mut options = options(door.port, "alice", "good");
    options.set_last_will(LastWill::new("shared/open", "gone", QoS::AtLeastOnce, false));
    drop(connect_with(options).await.unwrap());
    let Ok(Packet::Publish(message)) = bob.next().await else { panic!("no will") };
    assert_eq!(message.payload, "gone");
}

#[tokio::test]
async fn the_broker_cannot_be_reached_round_the_door() {
    use iot_local::broker::Broker;
    use iot_local::{clock::Scale, connection::Connections, gate::Gate, journal::Journal, lambda::Lambda};
    use std::sync::Arc;
    let lambda = Arc::new(Lambda::start(support::function(1), Arc::new(|_| ())).await.unwrap());
    let arn = iot_local::function::FUNCTION_ARN.parse().unwrap();
    let gate = Arc::new(Gate::new(
        lambda,
        iot_local::selection::Authorizer::default(),
        arn,
        Scale::faster(1),
        Journal::default(),
    ));
    let broker = Broker::start(gate, Arc::new(Connections::default())).await.unwrap();
    let mut direct = MqttOptions::new("a", "127.0.0.1", broker.address().port());
    direct.set_credentials("user", "good");
    assert!(is_refused(&connect_with(direct).await));
}

#[tokio::test]
async fn no_credential_is_in_what_is_told_of_a_connection() {
    let door = open(1).await;
    let mut journal = door.journal.subscribe();
    let mut secret = options(door.port, "alice", "s3cret");
    secret.set_credentials("user?token=s3cret", "s3cret");
    let mut alice = connect_with(secret).await.unwrap();
    alice.mqtt.publish("own/bob/x", QoS::AtLeastOnce, false, "s3cret").await.unwrap();
    assert!(alice.next().await.is_err());
    let mut told = String::new();
    while !told.contains("closed") {
        let happening = journal.recv().await.unwrap();
        told += &format!("{happening} {happening:?}\n");
    }
    assert!(told.contains("connected") && told.contains("REFUSED"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
}
