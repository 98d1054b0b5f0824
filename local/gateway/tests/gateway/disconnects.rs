//! The ends of connections, and the reasons that clients receive.

use iot_local_gateway::event_log::{DisconnectReason, EntryKind};
use rumqttc::{Packet, QoS};

use crate::support::{connect, find, mqtt5, open, open_scaled};

fn closed(kind: &EntryKind) -> Option<DisconnectReason> {
    match kind {
        EntryKind::Closed { reason } => Some(*reason),
        _ => None,
    }
}

#[tokio::test]
async fn a_client_id_belongs_to_the_last_client_that_uses_it() {
    let gateway = open(2).await;
    let mut event_log = gateway.event_log.subscribe();
    let mut first = connect(gateway.port, "alice", "good").await.unwrap();
    let mut second = connect(gateway.port, "alice", "good").await.unwrap();
    assert!(first.next().await.is_err());
    assert_eq!(find(&mut event_log, closed).await, DisconnectReason::TakenOver);
    second.mqtt.publish("own/alice/x", QoS::AtLeastOnce, false, "x").await.unwrap();
    assert!(matches!(second.next().await, Ok(Packet::PubAck(_))));
}

#[tokio::test]
async fn a_connection_ends_at_its_time_limit() {
    let gateway = open_scaled(300).await;
    let mut event_log = gateway.event_log.subscribe();
    let mut short = connect(gateway.port, "short", "short").await.unwrap();
    assert!(short.next().await.is_err());
    assert_eq!(find(&mut event_log, closed).await, DisconnectReason::TimeLimit);
}

#[tokio::test]
async fn a_refresh_continues_or_ends_the_connection() {
    let gateway = open_scaled(600).await;
    let mut event_log = gateway.event_log.subscribe();
    let mut kept = connect(gateway.port, "kept", "good").await.unwrap();
    find(&mut event_log, |kind| matches!(kind, EntryKind::Refreshed).then_some(())).await;
    kept.mqtt.publish("own/kept/x", QoS::AtLeastOnce, false, "x").await.unwrap();
    assert!(matches!(kept.next().await, Ok(Packet::PubAck(_))));
    let mut once = connect(gateway.port, "once", "once").await.unwrap();
    assert!(once.next().await.is_err());
    assert_eq!(find(&mut event_log, closed).await, DisconnectReason::RefreshDenied);
}

#[tokio::test]
async fn an_mqtt_5_client_receives_the_reason_code() {
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, DisconnectReasonCode as Reason};
    use rumqttc::v5::{ConnectionError, StateError};
    let reason_code = |outcome| match outcome {
        Err(ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. })) => reason_code,
        other => panic!("{other:?}"),
    };
    let gateway = open_scaled(300).await;
    let denied = mqtt5::connect(gateway.port, "alice", "bad").await;
    assert!(matches!(denied, Err(ConnectionError::ConnectionRefused(ConnectReturnCode::NotAuthorized))));
    let mut alice = mqtt5::connect(gateway.port, "alice", "good").await.unwrap();
    alice.mqtt.publish("own/bob/x", QoS::AtLeastOnce, false, "x").await.unwrap();
    assert_eq!(reason_code(alice.next().await), Reason::NotAuthorized);
    let mut first = mqtt5::connect(gateway.port, "alice", "good").await.unwrap();
    let _second = mqtt5::connect(gateway.port, "alice", "good").await.unwrap();
    assert_eq!(reason_code(first.next().await), Reason::SessionTakenOver);
    let mut short = mqtt5::connect(gateway.port, "short", "short").await.unwrap();
    assert_eq!(reason_code(short.next().await), Reason::AdministrativeAction);
}
