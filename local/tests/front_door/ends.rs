//! How connections end, and what the client is told.

use iot_local::journal::{Ending, What};
use rumqttc::{Packet, QoS};

use crate::support::{connect, find, mqtt5, open, open_scaled};

fn closed(what: &What) -> Option<Ending> {
    match what {
        What::Closed { reason } => Some(*reason),
        _ => None,
    }
}

#[tokio::test]
async fn a_client_id_belongs_to_the_last_who_took_it() {
    let door = open(2).await;
    let mut journal = door.journal.subscribe();
    let mut first = connect(door.port, "alice", "good").await.unwrap();
    let mut second = connect(door.port, "alice", "good").await.unwrap();
    assert!(first.next().await.is_err());
    assert_eq!(find(&mut journal, closed).await, Ending::TakenOver);
    second.mqtt.publish("own/alice/x", QoS::AtLeastOnce, false, "x").await.unwrap();
    assert!(matches!(second.next().await, Ok(Packet::PubAck(_))));
}

#[tokio::test]
async fn a_connection_ends_at_its_time() {
    let door = open_scaled(300).await;
    let mut journal = door.journal.subscribe();
    let mut short = connect(door.port, "short", "short").await.unwrap();
    assert!(short.next().await.is_err());
    assert_eq!(find(&mut journal, closed).await, Ending::TimeLimit);
}

#[tokio::test]
async fn a_refresh_may_go_on_or_end_the_connection() {
    let door = open_scaled(600).await;
    let mut journal = door.journal.subscribe();
    let mut kept = connect(door.port, "kept", "good").await.unwrap();
    find(&mut journal, |what| matches!(what, What::Refreshed).then_some(())).await;
    kept.mqtt.publish("own/kept/x", QoS::AtLeastOnce, false, "x").await.unwrap();
    assert!(matches!(kept.next().await, Ok(Packet::PubAck(_))));
    let mut once = connect(door.port, "once", "once").await.unwrap();
    assert!(once.next().await.is_err());
    assert_eq!(find(&mut journal, closed).await, Ending::RefreshRefused);
}

#[tokio::test]
async fn an_mqtt_5_client_is_told_why() {
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, DisconnectReasonCode as Reason};
    use rumqttc::v5::{ConnectionError, StateError};
    let told = |outcome| match outcome {
        Err(ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. })) => reason_code,
        other => panic!("{other:?}"),
    };
    let door = open_scaled(300).await;
    let refused = mqtt5::connect(door.port, "alice", "bad").await;
    assert!(matches!(refused, Err(ConnectionError::ConnectionRefused(ConnectReturnCode::NotAuthorized))));
    let mut alice = mqtt5::connect(door.port, "alice", "good").await.unwrap();
    alice.mqtt.publish("own/bob/x", QoS::AtLeastOnce, false, "x").await.unwrap();
    assert_eq!(told(alice.next().await), Reason::NotAuthorized);
    let mut first = mqtt5::connect(door.port, "alice", "good").await.unwrap();
    let _second = mqtt5::connect(door.port, "alice", "good").await.unwrap();
    assert_eq!(told(first.next().await), Reason::SessionTakenOver);
    let mut short = mqtt5::connect(door.port, "short", "short").await.unwrap();
    assert_eq!(told(short.next().await), Reason::AdministrativeAction);
}
