//! Fleet provisioning over MQTT: who receives an answer, in which format, and what a hook does.

use iot_local_gateway::event_log::EntryKind;
use rumqttc::{Packet, QoS};
use serde_json::{Value, json};

use crate::devices::PKI;
use crate::fleet_factory::{
    ANSWERS, CREATE, Factory, PROVISION, ask, is_for, message, pending, provision, publish,
    publish_acknowledged, subscribe,
};
use crate::statements::allow;
use crate::support::find;
use crate::x509::connect;

/// Two devices with one claim certificate ask at the same moment, and others have subscribed to all of their topics.
#[tokio::test]
async fn each_device_receives_its_own_answers_and_others_none() {
    const ROUNDS: usize = 40;
    const ROUNDS_WITH_KEYS: usize = 4;
    let factory = Factory::open().await;
    let (mut left, mut right) =
        (factory.asker("left", &ANSWERS).await, factory.asker("right", &ANSWERS).await);
    let mut same_claim = factory.asker("same-claim", &ANSWERS).await;
    let spy = PKI.fresh("v3-spy");
    factory.api.register(&spy, "ACTIVE").await;
    factory.api.attach_policy("all", &spy).await;
    let mut spy = connect(&factory.gateway, &spy, "spy").await.unwrap();
    let shared = ["$share/g/$aws/certificates/#", "$share/g/$aws/certificates/create/json/accepted"];
    subscribe(&mut spy, &["#", "$aws/#", "$aws/certificates/+/+/+", CREATE, PROVISION]).await;
    subscribe(&mut spy, &shared).await;
    let mut ids = std::collections::BTreeSet::new();
    for round in 0..ROUNDS {
        let ((left_key, left_created), (right_key, right_created)) =
            tokio::join!(pending(&mut left), pending(&mut right));
        assert!(is_for(&left_created["certificatePem"], &left_key), "round {round}");
        assert!(is_for(&right_created["certificatePem"], &right_key), "round {round}");
        let left_request = provision(&left_created, &json!({ "SerialNumber": format!("left-{round}") }));
        let right_request = provision(&right_created, &json!({ "SerialNumber": format!("right-{round}") }));
        let ((_, left_thing), (_, right_thing)) = tokio::join!(
            ask(&mut left, PROVISION, &left_request),
            ask(&mut right, PROVISION, &right_request)
        );
        assert_eq!(left_thing["thingName"], format!("left-{round}"), "{left_thing}");
        assert_eq!(right_thing["thingName"], format!("right-{round}"), "{right_thing}");
        ids.extend([left_created, right_created].map(|created| created["certificateId"].to_string()));
    }
    for _ in 0..ROUNDS_WITH_KEYS {
        let empty = json!({});
        let ((_, left_keys), (_, right_keys)) =
            tokio::join!(ask(&mut left, CREATE, &empty), ask(&mut right, CREATE, &empty));
        assert_ne!(left_keys["privateKey"], right_keys["privateKey"]);
        ids.extend([left_keys, right_keys].map(|created| created["certificateId"].to_string()));
    }
    assert_eq!(ids.len(), 2 * (ROUNDS + ROUNDS_WITH_KEYS));
    for client in [&mut left, &mut right, &mut same_claim, &mut spy] {
        client.receives_nothing().await;
    }
}

/// The client id and the session are taken over while the hook runs, by a connection with the same subscription.
#[tokio::test]
async fn a_connection_that_takes_over_receives_no_answer() {
    let factory = Factory::open().await;
    let mut first = factory.persistent("same").await;
    subscribe(&mut first, &ANSWERS).await;
    let (_, created) = pending(&mut first).await;
    let mut log = factory.gateway.running.event_log.subscribe();
    let parameters = json!({ "SerialNumber": "1", "Hook": "slow" });
    publish(&first, PROVISION, &provision(&created, &parameters)).await;
    assert!(matches!(first.next().await, Ok(Packet::PubAck(_))));
    let mut second = factory.persistent("same").await;
    assert!(first.next().await.is_err(), "the first connection has ended");
    Factory::note(&mut log, "has provisioned 1").await;
    Factory::note(&mut log, "is not delivered: the connection that asked has ended").await;
    second.receives_nothing().await;
    let (suffix, _) = ask(&mut second, CREATE, &json!({})).await;
    assert_eq!(suffix, "accepted", "the subscription is in force");
}

#[tokio::test]
async fn an_answer_needs_a_subscription_and_iot_receive() {
    let factory = Factory::open().await;
    let mut log = factory.gateway.running.event_log.subscribe();
    let mut without = factory.asker("without", &["$aws/certificates/create-from-csr/json/+"]).await;
    publish_acknowledged(&mut without, CREATE).await;
    Factory::note(&mut log, "no subscription to it; help: subscribe before").await;
    // Before the connect: an open connection follows the registry a little later.
    factory.api.attach_policy("all", &factory.claim).await;
    let mut shared = factory.asker("shared", &[]).await;
    subscribe(&mut shared, &["$share/g/$aws/certificates/create/json/accepted"]).await;
    publish_acknowledged(&mut shared, CREATE).await;
    Factory::note(&mut log, "no subscription to it").await;
    let deaf = PKI.fresh("v3-deaf");
    factory.api.register(&deaf, "ACTIVE").await;
    let statements = json!([allow("Connect", &["*"]), allow("Publish", &["*"]), allow("Subscribe", &["*"])]);
    factory.api.create_policy("deaf", &statements).await;
    factory.api.attach_policy("deaf", &deaf).await;
    let mut deaf = connect(&factory.gateway, &deaf, "deaf").await.unwrap();
    subscribe(&mut deaf, &ANSWERS).await;
    publish_acknowledged(&mut deaf, CREATE).await;
    find(&mut log, |kind| match kind {
        EntryKind::Denied { resource, .. } => (*resource == format!("topic/{CREATE}/accepted")).then_some(()),
        _ => None,
    })
    .await;
    for client in [&mut without, &mut shared, &mut deaf] {
        publish_acknowledged(client, "$aws/certificates/unknown").await;
        client.receives_nothing().await;
    }
    Factory::note(&mut log, "is not a topic of requests of fleet provisioning").await;
}

#[tokio::test]
async fn only_the_gateway_publishes_answers() {
    let factory = Factory::open().await;
    for topic in [format!("{CREATE}/accepted"), format!("{PROVISION}/rejected")] {
        let mut client = factory.asker("forger", &ANSWERS).await;
        publish(&client, &topic, &json!({ "certificateId": "forged" })).await;
        assert!(client.next().await.is_err(), "{topic}");
    }
}

/// A rule that selects everything on these topics would have tokens and keys.
#[tokio::test]
async fn rules_see_neither_requests_nor_answers() {
    let factory = Factory::open().await;
    for (name, filter) in [
        ("create", "$aws/certificates/#"),
        ("provision", "$aws/provisioning-templates/#"),
        ("other", "other"),
    ] {
        let republish =
            json!({ "topic": "seen", "qos": 1, "roleArn": "arn:aws:iam::123456789012:role/rules" });
        let rule =
            json!({ "sql": format!("SELECT * FROM '{filter}'"), "actions": [{ "republish": republish }] });
        factory.api.call(&format!("POST /rules/{name}"), "", &rule).await;
    }
    factory.api.attach_policy("all", &factory.claim).await;
    let mut reader = factory.asker("reader", &["seen"]).await;
    let mut client = factory.asker("device", &ANSWERS).await;
    let (_, created) = pending(&mut client).await;
    let (_, answer) =
        ask(&mut client, PROVISION, &provision(&created, &json!({ "SerialNumber": "1" }))).await;
    assert_eq!(answer["thingName"], "1");
    publish(&client, "other", &json!({ "is": "seen" })).await;
    while !matches!(client.next().await, Ok(Packet::PubAck(_))) {}
    // Rules take messages in order.
    assert_eq!(message(&mut reader).await.1, br#"{"is":"seen"}"#);
    reader.receives_nothing().await;
}

/// The parameter `Hook`, and the answer.
#[tokio::test]
async fn a_hook_decides() {
    let factory = Factory::open().await;
    let mut client = factory.asker("device", &ANSWERS).await;
    let mut log = factory.gateway.running.event_log.subscribe();
    let (_, created) = pending(&mut client).await;
    for (hook, template, code, reason) in [
        ("deny", "fleet", "AccessDenied", "denies the device"),
        ("text", "fleet", "InvalidResult", "not a boolean"),
        ("list", "fleet", "InvalidResult", "not a boolean"),
        ("empty", "fleet", "InvalidResult", "not a boolean"),
        ("error", "fleet", "InvocationError", "failing as asked"),
        ("hang", "fleet", "InvocationError", "did not respond within 5 seconds"),
        ("allow", "lost", "InvocationError", "--lambda hook-lost"),
        ("allow", "none", "InvalidTemplate", "does not exist"),
    ] {
        let topic = format!("$aws/provisioning-templates/{template}/provision/json");
        let request = provision(&created, &json!({ "SerialNumber": "1", "Hook": hook }));
        let (suffix, answer) = ask(&mut client, &topic, &request).await;
        assert_eq!((suffix.as_str(), &answer["errorCode"]), ("rejected", &json!(code)), "{hook}: {answer}");
        let note = Factory::note(&mut log, "REJECTED").await;
        assert!(note.contains(reason) && note.contains(code), "{hook}: {note}");
        assert!(!note.contains(created["certificateOwnershipToken"].as_str().unwrap()));
    }
    let request = provision(&created, &json!({ "SerialNumber": "1", "Hook": "allow" }));
    let (_, answer) = ask(&mut client, PROVISION, &request).await;
    assert_eq!(answer, json!({ "deviceConfiguration": { "place": "hook" }, "thingName": "1" }));
    let (_, answer) = ask(&mut client, PROVISION, &request).await;
    assert_eq!(answer["errorCode"], "InvalidCertificateOwnershipToken");
}

#[tokio::test]
async fn the_whole_way_with_cbor_and_quality_of_service_0() {
    let factory = Factory::open().await;
    let mut client = factory.asker("cbor", &[]).await;
    client.mqtt.subscribe("$aws/#", QoS::AtMostOnce).await.unwrap();
    assert!(matches!(client.next().await, Ok(Packet::SubAck(_))));
    let mut exchange = async |topic: &str, payload: Option<&Value>| -> (String, Value) {
        let mut bytes = Vec::new();
        payload.iter().for_each(|payload| ciborium::into_writer(payload, &mut bytes).unwrap());
        client.mqtt.publish(topic, QoS::AtMostOnce, false, bytes).await.unwrap();
        let (topic, payload) = message(&mut client).await;
        (topic, ciborium::from_reader(payload.as_slice()).unwrap())
    };
    let create = "$aws/certificates/create/cbor";
    let (topic, created) = exchange(create, None).await;
    assert_eq!(topic, format!("{create}/accepted"));
    let template = "$aws/provisioning-templates/plain/provision/cbor";
    let (topic, answer) = exchange(template, Some(&json!({ "certificateOwnershipToken": "" }))).await;
    let message = "Certificate ownership token cannot be empty.";
    let expected = json!({
        "statusCode": 400, "errorCode": "InvalidCertificateOwnershipToken", "errorMessage": message,
    });
    assert_eq!((topic, answer), (format!("{template}/rejected"), expected));
    let (_, answer) = exchange(template, Some(&json!("text"))).await;
    assert_eq!(answer["errorCode"], "InvalidPayload");
    let request = provision(&created, &json!({ "SerialNumber": "cbor-1" }));
    let (topic, answer) = exchange(template, Some(&request)).await;
    assert_eq!((topic, &answer["thingName"]), (format!("{template}/accepted"), &json!("cbor-1")));
}

/// A client that the authorizer has allowed, without a certificate.
#[tokio::test]
async fn a_client_with_a_token_is_provisioned() {
    let factory = Factory::open().await;
    let instructions =
        json!({ "first": [{ "Effect": "Allow", "Action": "iot:*", "Resource": "*" }] }).to_string();
    let mut client =
        crate::support::connect(factory.gateway.running.port, "phone", &instructions).await.unwrap();
    subscribe(&mut client, &ANSWERS).await;
    let (_, created) = pending(&mut client).await;
    let request = provision(&created, &json!({ "SerialNumber": "7" }));
    let mut claim = factory.asker("claim", &ANSWERS).await;
    let (_, answer) = ask(&mut claim, PROVISION, &request).await;
    assert_eq!(answer["errorCode"], "InvalidCertificateOwnershipToken", "another principal");
    let (_, answer) = ask(&mut client, PROVISION, &request).await;
    assert_eq!(answer["thingName"], "7");
}
