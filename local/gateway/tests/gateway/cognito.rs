//! Cognito identities: from a login to credentials, and what a client may do with them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a panic is how a test fails"
)]

mod classic;
mod logins;
mod pages;
mod rights;
mod support;

use iot_local_gateway::event_log::{DisconnectReason, EntryKind};
use rumqttc::{Packet, QoS};
use serde_json::json;

use self::support::{Identities, apps};
use crate::statements::{allow, allow_all};
use crate::support::{Client, denial, find};

/// The way of a person: login, identity, credentials, attached policy, connect.
#[tokio::test]
async fn a_login_gives_credentials_with_which_a_client_connects() {
    let gateway = Identities::open().await;
    let token = gateway.log_in("ana").await;
    let id = gateway.identity_id(&token).await;
    assert_eq!(
        id,
        gateway.identity_id(&gateway.log_in("ana").await).await,
        "the same login has the same identity"
    );
    let credentials = gateway.credentials(&id, &token).await;

    // Trap 6: without a policy the WebSocket opens, and the CONNECT is closed.
    let api = gateway.api();
    api.create_policy("app", &apps()).await;
    let command = format!("help: aws iot attach-policy --policy-name NAME --target {id}");
    for target in [None, Some(support::POOL)] {
        if let Some(target) = target {
            gateway.attach("app", target).await;
        }
        let mut event_log = gateway.running.event_log.subscribe();
        let outcome = gateway.connect(&id, &credentials).await;
        assert!(outcome.is_err_and(|error| !error.to_string().contains("refused")), "no CONNACK");
        let reason = find(&mut event_log, denial).await;
        assert!(reason.ends_with(&command), "{reason}");
    }

    gateway.attach("app", &id).await;
    let mut event_log = gateway.running.event_log.subscribe();
    let mut client = gateway.connect(&id, &credentials).await.unwrap();
    let connected = |kind: &EntryKind| match kind {
        EntryKind::Connected { principal, statement, .. } => Some((principal.clone(), statement.clone())),
        _ => None,
    };
    let (principal, statement) = find(&mut event_log, connected).await;
    assert!(
        principal.starts_with("AROA") && principal.ends_with(":CognitoIdentityCredentials"),
        "{principal}"
    );
    assert!(
        statement.contains("policy of role app, statement 1")
            && statement.contains("policy app, statement 1")
    );

    let topic = format!("apps/{id}/t");
    client.mqtt.subscribe(format!("apps/{id}/#"), QoS::AtLeastOnce).await.unwrap();
    assert!(matches!(client.next().await, Ok(Packet::SubAck(_))));
    client.mqtt.publish(&topic, QoS::AtLeastOnce, false, "x").await.unwrap();
    let mut received = Vec::new();
    while received.len() < 2 {
        match client.next().await.unwrap() {
            Packet::Publish(publish) => received.push(publish.topic),
            Packet::PubAck(_) => received.push("acknowledged".to_owned()),
            packet => panic!("{packet:?}"),
        }
    }
    received.sort();
    assert_eq!(received, ["acknowledged".to_owned(), topic]);
    client.mqtt.publish("apps/other/t", QoS::AtLeastOnce, false, "x").await.unwrap();
    assert!(client.next().await.is_err(), "the connection ends after a denied publish");
}

#[tokio::test]
async fn an_open_connection_follows_the_policies_of_the_identity() {
    let gateway = Identities::open().await;
    let api = gateway.api();
    api.create_policy("app", &apps()).await;
    api.create_policy("more", &json!([allow("Publish", &["topic/apps/*"])])).await;
    api.create_policy("other", &allow_all()).await;
    let (id, credentials) = gateway.person("ana").await;
    gateway.attach("app", &id).await;
    let mut client = gateway.connect(&id, &credentials).await.unwrap();

    // Another policy, which the role does not widen.
    let mut event_log = gateway.running.event_log.subscribe();
    gateway.attach("more", &id).await;
    find(&mut event_log, |kind| matches!(kind, EntryKind::Refreshed).then_some(())).await;
    client.mqtt.publish(format!("apps/{id}/t"), QoS::AtLeastOnce, false, "x").await.unwrap();
    assert!(matches!(client.next().await, Ok(Packet::PubAck(_))));
    // A policy of another identity changes nothing.
    gateway.attach("other", "us-east-1:00000000-0000-4000-8000-00000000000b").await;
    client.mqtt.publish(format!("apps/{id}/t"), QoS::AtLeastOnce, false, "x").await.unwrap();
    assert!(matches!(client.next().await, Ok(Packet::PubAck(_))));

    gateway.detach("app", &id).await;
    assert!(client.next().await.is_err(), "the connect is no longer allowed");
    let reason = find(&mut event_log, |kind| match kind {
        EntryKind::Closed { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(reason.await, DisconnectReason::ConnectForbidden);
}

#[tokio::test]
async fn an_open_connection_follows_its_role() {
    let gateway = Identities::open().await;
    gateway.api().create_policy("app", &allow_all()).await;
    let (id, credentials) = gateway.person("ana").await;
    gateway.attach("app", &id).await;
    let mut client = gateway.connect(&id, &credentials).await.unwrap();
    let publish = async |client: &mut Client, topic: &str| {
        client.mqtt.publish(topic, QoS::AtLeastOnce, false, "x").await.unwrap();
        matches!(client.next().await, Ok(Packet::PubAck(_)))
    };
    // The same role again changes nothing.
    gateway.running.set_identity_pool(gateway.pool()).await;
    assert!(publish(&mut client, &format!("apps/{id}/t")).await);
    let wider = json!([allow("Connect", &["client/*"]), allow("Publish", &["topic/wider"])]);
    gateway.running.set_identity_pool(gateway.pool_with_role(&wider)).await;
    assert!(publish(&mut client, "wider").await);
    let narrower = json!([allow("Publish", &["topic/wider"])]);
    gateway.running.set_identity_pool(gateway.pool_with_role(&narrower)).await;
    assert!(client.next().await.is_err(), "the connect is no longer allowed");
}

/// Trap 5: an open connection outlives its credentials, and the next handshake needs new ones.
#[tokio::test]
async fn credentials_expire_and_the_connection_stays() {
    // An hour takes two seconds.
    let gateway = Identities::open_with(|options, _| options.time_scale = 1800).await;
    gateway.api().create_policy("app", &apps()).await;
    let token = gateway.log_in("ana").await;
    let id = gateway.identity_id(&token).await;
    gateway.attach("app", &id).await;
    let credentials = gateway.credentials(&id, &token).await;
    let mut client = gateway.connect(&id, &credentials).await.unwrap();
    let expired = async {
        loop {
            let mut event_log = gateway.running.event_log.subscribe();
            if gateway.connect("second", &credentials).await.is_err() {
                let reason = find(&mut event_log, denial).await;
                if reason.contains("expired") {
                    return;
                }
            }
        }
    };
    tokio::time::timeout(crate::support::TIMEOUT, expired).await.unwrap();
    client.mqtt.publish(format!("apps/{id}/t"), QoS::AtLeastOnce, false, "x").await.unwrap();
    assert!(matches!(client.next().await, Ok(Packet::PubAck(_))), "the connection stays");
    let fresh = gateway.credentials(&id, &token).await;
    assert!(gateway.connect(&format!("{id}-2"), &fresh).await.is_ok());
}

/// Trap 9: a second tab with the same client id ends the first, and no other identity can take it over.
#[tokio::test]
async fn only_the_identity_itself_can_take_over_its_client_id() {
    let gateway = Identities::open().await;
    gateway.api().create_policy("app", &apps()).await;
    let (ana, ana_credentials) = gateway.person("ana").await;
    let (ben, ben_credentials) = gateway.person("ben").await;
    for id in [&ana, &ben] {
        gateway.attach("app", id).await;
    }
    let mut first = gateway.connect(&ana, &ana_credentials).await.unwrap();
    assert!(gateway.connect(&ana, &ben_credentials).await.is_err());
    assert!(gateway.connect(&format!("{ana}-tab"), &ben_credentials).await.is_err());
    first.mqtt.publish(format!("apps/{ana}/t"), QoS::AtLeastOnce, false, "x").await.unwrap();
    assert!(matches!(first.next().await, Ok(Packet::PubAck(_))));
    let _tab = gateway.connect(&format!("{ana}-tab"), &ana_credentials).await.unwrap();
    let _other = gateway.connect(&ben, &ben_credentials).await.unwrap();
    let _second = gateway.connect(&ana, &ana_credentials).await.unwrap();
    assert!(first.next().await.is_err(), "taken over");
}
