//! `demo bootstrap`: devices that share a credential, each of which asks for a certificate of its own.

use std::sync::Arc;

use iot_local_gateway::certificate::ClientCertificate;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::DemoError;
use super::client::Client;
use super::devices::{Devices, client_config};
use super::output::Expected;
use crate::control::{Call, ControlError};

/// The policies of the shared credential and of devices, as shipped.
const SHARED_POLICY: &str = include_str!("../../../../provision/policies/bootstrap.json");
const DEVICE_POLICY: &str = include_str!("../../../../provision/policies/device.json");

/// The function's configuration, and the list of expected devices.
pub(super) const FILES: [(&str, &str); 2] = [
    (
        "provision.toml",
        r#"[[bootstrap]]
request  = "bootstrap/+/request"
response = "bootstrap/${id}/response"
thing    = "${id}"
policy   = "device"
expected = "list:devices.csv"
"#,
    ),
    ("devices.csv", "device\nsensor-1\nsensor-2\n"),
];

/// What the rule gives to the function, as in provision/template.yaml.
const SQL: &str = "SELECT topic(2) AS id, topic() AS topic, clientid() AS client_id, principal() AS principal, csr, \
                   secret FROM 'bootstrap/+/request'";

/// Runs all actions and prints their results.
pub(super) struct Script<'a> {
    pub(super) devices: Devices<'a>,
}

/// A device before it has a certificate.
struct Device {
    name: &'static str,
    key: KeyPair,
    request: Value,
}

impl Device {
    fn new(name: &'static str) -> Result<Self, DemoError> {
        let key = KeyPair::generate()?;
        let csr = CertificateParams::default().serialize_request(&key)?.pem()?;
        Ok(Self { name, key, request: json!({ "csr": csr }) })
    }
}

impl Script<'_> {
    /// Runs all sections. The output counts the results. After a failed call or connect, which it has, the rest is left
    /// out.
    ///
    /// # Errors
    /// A key or a certificate cannot be created or read.
    pub(super) async fn run(&mut self) -> Result<(), DemoError> {
        let identity = self.devices.authority.client("shared")?;
        let id = ClientCertificate::new(&identity.certificate).id;
        let (pem, _) = identity.pem();
        let shared = Some((identity.certificate, identity.key.into()));
        let shared = client_config(&self.devices.authority, shared)?;
        if self.operator(&id, &pem).await.is_err() {
            return Ok(());
        }
        let device = Device::new("sensor-1")?;
        let Some(first) = self.first_request(&device, &shared).await else { return Ok(()) };
        self.own_certificate(&device, &first).await?;
        self.same_request(&device, &shared, &first).await;
        self.denials(&shared).await
    }

    async fn operator(&mut self, shared: &str, pem: &str) -> Result<(), ControlError> {
        let devices = &mut self.devices;
        let title = "the operator prepares the shared credential, and a rule that gives its requests to `claim`";
        devices.session.output.section(title);
        for (name, document) in [("device", DEVICE_POLICY), ("bootstrap", SHARED_POLICY)] {
            let body = json!({ "policyDocument": document });
            let target = format!("/policies/{name}");
            let call = Call { body: Some(&body), ..Call::new("CreatePolicy", "POST", &target) };
            devices.call(name, call, "policyArn").await?;
        }
        let body = json!({ "certificatePem": pem, "status": "ACTIVE" });
        let call = Call::new("RegisterCertificateWithoutCA", "POST", "/certificate/register-no-ca");
        devices.call("shared", Call { body: Some(&body), ..call }, "certificateArn").await?;
        let body = json!({ "target": format!("arn:aws:iot:{}:cert/{shared}", devices.account) });
        let call = Call::new("AttachPolicy", "PUT", "/target-policies/bootstrap");
        devices.call("shared", Call { body: Some(&body), ..call }, "").await?;
        let function = format!("arn:aws:lambda:{}:function:claim", devices.account);
        let body = json!({
            "sql": SQL, "awsIotSqlVersion": "2016-03-23", "actions": [{ "lambda": { "functionArn": function } }],
        });
        let call = Call::new("CreateTopicRule", "POST", "/rules/claim");
        devices.call("claim", Call { body: Some(&body), ..call }, "").await.map(drop)
    }

    async fn first_request(&mut self, device: &Device, shared: &Arc<ClientConfig>) -> Option<Value> {
        let title = format!("{} leaves the factory with the shared credential, and asks for its own", device.name);
        self.devices.session.output.section(&title);
        let mut client = self.shared_client(device.name, shared).await?;
        let response = self.ask(&mut client, device, "a certificate", Expected::Allowed).await;
        client.disconnect().await;
        response.get("certificatePem").is_some_and(Value::is_string).then_some(response)
    }

    async fn own_certificate(&mut self, device: &Device, response: &Value) -> Result<(), DemoError> {
        self.devices.session.output.section(&format!("{} reconnects with its own certificate", device.name));
        let pem = response.get("certificatePem").and_then(Value::as_str).unwrap_or_default();
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes());
        let certificate = certificate.map_err(|_| DemoError::Answer("certificate"))?;
        let key = PrivateKeyDer::Pkcs8(device.key.serialize_der().into());
        let tls = client_config(&self.devices.authority, Some((certificate, key)))?;
        let Some(mut client) = self.devices.connect("connect", device.name, &tls).await else { return Ok(()) };
        let topic = format!("devices/{}/temperature", device.name);
        self.devices.session.publish(&mut client, &topic, Expected::Allowed).await;
        client.disconnect().await;
        Ok(())
    }

    async fn same_request(&mut self, device: &Device, shared: &Arc<ClientConfig>, first: &Value) {
        self.devices.session.output.section("the response was lost: the same request gets the same certificate");
        let Some(mut client) = self.shared_client(device.name, shared).await else { return };
        let response = self.ask(&mut client, device, "a certificate, again", Expected::Allowed).await;
        let id = |response: &Value| response.get("certificateId").and_then(Value::as_str).map(str::to_owned);
        let result = match (id(first), id(&response)) {
            (Some(first), Some(again)) if first == again => Ok(first),
            (first, again) => Err(format!("{again:?}; expected {first:?}")),
        };
        let shown = result.as_deref().map_err(String::as_str);
        self.devices.session.output.call("compare", "the certificates", shown);
        client.disconnect().await;
    }

    async fn denials(&mut self, shared: &Arc<ClientConfig>) -> Result<(), DemoError> {
        self.devices.session.output.section("what the shared credential does not give");
        for (name, label, code) in [
            ("sensor-1", "another key for sensor-1", "name_taken"),
            ("sensor-9", "an unexpected device", "unexpected_device"),
        ] {
            let device = Device::new(name)?;
            let Some(mut client) = self.shared_client(name, shared).await else { return Ok(()) };
            self.ask(&mut client, &device, label, Expected::DeniedBy(code)).await;
            let topic = format!("devices/{name}/temperature");
            self.devices.session.publish(&mut client, &topic, Expected::DeniedAndClosed).await;
        }
        Ok(())
    }

    /// Connects with the shared credential, and subscribes to the response.
    async fn shared_client(&mut self, name: &str, shared: &Arc<ClientConfig>) -> Option<Client> {
        let client_id = format!("bootstrap-{name}");
        let mut client = self.devices.connect("connect", &client_id, shared).await?;
        let filter = format!("bootstrap/{name}/response");
        self.devices.session.subscribe(&mut client, &filter, Expected::Allowed).await;
        Some(client)
    }

    /// Sends a request and shows its outcome, with the function's reason.
    async fn ask(&mut self, client: &mut Client, device: &Device, label: &str, expected: Expected) -> Value {
        let session = &mut self.devices.session;
        session.event_log.clear();
        let topic = |kind| format!("bootstrap/{}/{kind}", device.name);
        let (outcome, response) = client.request(&topic("request"), &device.request, &topic("response")).await;
        let reason = session.event_log.function("claim", "device", device.name).await;
        session.output.action("ask for", label, expected, &outcome, &reason);
        response
    }
}
