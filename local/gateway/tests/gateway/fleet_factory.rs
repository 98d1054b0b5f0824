//! A gateway with templates of fleet provisioning, and devices that ask for certificates.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::path::Path;

use iot_local_gateway::event_log::{EntryKind, LogEntry};
use iot_local_lambda::LambdaSpec;
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use rumqttc::{Packet, QoS};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;

use crate::devices::{Api, Device, PKI};
use crate::secure::{self, TlsGateway};
use crate::statements::{allow, allow_all};
use crate::support::{Client, connect_with, find, function};
use crate::x509::{connect, device_options};

pub(crate) const CREATE: &str = "$aws/certificates/create/json";
pub(crate) const FROM_CSR: &str = "$aws/certificates/create-from-csr/json";
pub(crate) const PROVISION: &str = "$aws/provisioning-templates/fleet/provision/json";
/// The filters of all answers. `$aws/#` would match presence events, too.
pub(crate) const ANSWERS: [&str; 2] = ["$aws/certificates/#", "$aws/provisioning-templates/#"];
const HOOK: &str = "arn:aws:lambda:us-east-1:123456789012:function:hook";

/// A gateway with the template `fleet`, whose hook is `hook.py`, and a claim certificate.
pub(crate) struct Factory {
    pub(crate) gateway: TlsGateway,
    pub(crate) api: Api,
    pub(crate) claim: Device,
}

impl Factory {
    pub(crate) async fn open() -> Self {
        let hook = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gateway/hook.py");
        let hook = LambdaSpec {
            args: vec![hook.display().to_string()],
            function_arn: HOOK.to_owned(),
            ..function(2)
        };
        let gateway = secure::open_changed(|options| options.functions = vec![hook.into()]).await;
        let api = Api { port: gateway.running.port };
        api.create_policy("all", &allow_all()).await;
        let topics = ["topic/$aws/certificates/*", "topic/$aws/provisioning-templates/*"];
        let filters = ["topicfilter/$aws/*"];
        let claim = json!([
            allow("Connect", &["client/*"]),
            allow("Publish", &topics),
            allow("Receive", &topics),
            allow("Subscribe", &filters),
        ]);
        api.create_policy("claim", &claim).await;
        let factory = Self { claim: PKI.fresh("v3-claim"), gateway, api };
        factory.api.register(&factory.claim, "ACTIVE").await;
        factory.api.attach_policy("claim", &factory.claim).await;
        factory.template("fleet", &json!({ "preProvisioningHook": { "targetArn": HOOK } })).await;
        factory
            .template("lost", &json!({ "preProvisioningHook": { "targetArn": format!("{HOOK}-lost") } }))
            .await;
        factory.template("plain", &json!({})).await;
        factory
    }

    pub(crate) async fn template(&self, name: &str, members: &Value) {
        let body = json!({
            "Parameters": {
                "SerialNumber": { "Type": "String" },
                "Place": { "Type": "String", "Default": "nowhere" },
                "AWS::IoT::Certificate::Id": { "Type": "String" },
            },
            "Resources": {
                "thing": { "Type": "AWS::IoT::Thing", "Properties": { "ThingName": { "Ref": "SerialNumber" } } },
                "certificate": { "Type": "AWS::IoT::Certificate", "Properties": {
                    "CertificateId": { "Ref": "AWS::IoT::Certificate::Id" } } },
                "policy": { "Type": "AWS::IoT::Policy", "Properties": { "PolicyName": "all" } },
            },
            "DeviceConfiguration": { "place": { "Ref": "Place" } },
        });
        let mut request = json!({
            "templateName": name, "templateBody": body.to_string(), "enabled": true,
            "provisioningRoleArn": "arn:aws:iam::123456789012:role/provisioning",
        });
        let members = members.as_object().unwrap().clone();
        request.as_object_mut().unwrap().extend(members);
        self.api.call("POST /provisioning-templates", "", &request).await;
    }

    /// Connects with the claim certificate and subscribes.
    pub(crate) async fn asker(&self, client_id: &str, filters: &[&str]) -> Client {
        let mut client = connect(&self.gateway, &self.claim, client_id).await.unwrap();
        subscribe(&mut client, filters).await;
        client
    }

    /// Connects with the claim certificate and a session that outlives the connection.
    pub(crate) async fn persistent(&self, client_id: &str) -> Client {
        let mut options = device_options(&self.gateway, &self.claim, client_id);
        options.set_clean_session(false);
        connect_with(options).await.unwrap()
    }

    /// Waits for a note in the event log.
    pub(crate) async fn note(log: &mut Receiver<LogEntry>, part: &str) -> String {
        find(log, |kind| match kind {
            EntryKind::Notice { text } if text.contains(part) => Some(text.clone()),
            _ => None,
        })
        .await
    }
}

pub(crate) async fn subscribe(client: &mut Client, filters: &[&str]) {
    for filter in filters {
        client.mqtt.subscribe(*filter, QoS::AtLeastOnce).await.unwrap();
        assert!(matches!(client.next().await, Ok(Packet::SubAck(_))), "{filter}");
    }
}

pub(crate) async fn publish(client: &Client, topic: &str, payload: &Value) {
    client.mqtt.publish(topic, QoS::AtLeastOnce, false, payload.to_string()).await.unwrap();
}

/// The same, until it is acknowledged. An answer that arrives before is lost.
pub(crate) async fn publish_acknowledged(client: &mut Client, topic: &str) {
    publish(client, topic, &json!({})).await;
    while !matches!(client.next().await.unwrap(), Packet::PubAck(_)) {}
}

/// Returns topic and payload of the next message.
pub(crate) async fn message(client: &mut Client) -> (String, Vec<u8>) {
    loop {
        if let Packet::Publish(publish) = client.next().await.unwrap() {
            return (publish.topic, publish.payload.to_vec());
        }
    }
}

/// Publishes a request, and returns its answer: the last level of its topic, and its payload.
pub(crate) async fn ask(client: &mut Client, topic: &str, payload: &Value) -> (String, Value) {
    publish(client, topic, payload).await;
    let (answered, payload) = message(client).await;
    let suffix = answered.strip_prefix(&format!("{topic}/")).unwrap_or_else(|| panic!("{answered}"));
    (suffix.to_owned(), serde_json::from_slice(&payload).unwrap())
}

/// A key, and a certificate request for it.
pub(crate) fn request() -> (KeyPair, Value) {
    let key = KeyPair::generate().unwrap();
    let request = CertificateParams::default().serialize_request(&key).unwrap();
    let pem = pem::encode(&pem::Pem::new("CERTIFICATE REQUEST", request.der().to_vec()));
    (key, json!({ "certificateSigningRequest": pem }))
}

pub(crate) fn is_for(certificate_pem: &Value, key: &KeyPair) -> bool {
    let der = pem::parse(certificate_pem.as_str().unwrap()).unwrap().into_contents();
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
    certificate.public_key().raw == key.subject_public_key_info()
}

pub(crate) async fn pending(client: &mut Client) -> (KeyPair, Value) {
    let (key, request) = request();
    let (suffix, created) = ask(client, FROM_CSR, &request).await;
    assert_eq!(suffix, "accepted", "{created}");
    (key, created)
}

pub(crate) fn provision(created: &Value, parameters: &Value) -> Value {
    json!({ "certificateOwnershipToken": created["certificateOwnershipToken"], "parameters": parameters })
}
