//! `demo kitting`: devices that are registered before delivery, and connect with their certificates.

use std::sync::Arc;

use iot_local_gateway::certificate::{Authority, ClientCertificate};
use serde_json::json;
use tokio_rustls::rustls::ClientConfig;

use super::DemoError;
use super::client::{self, Client, NO_CONNACK};
use super::output::Expected;
use super::session::Session;
use super::tls::client_config;
use crate::control::{Call, Control, ControlError, segment};

/// The policy of all devices: each has the topics of its thing. docs/devices.md shows the same.
const POLICY: &str = include_str!("kitting.json");
const POLICY_NAME: &str = "device";
/// The Region and account in the policy.
const POLICY_ACCOUNT: &str = "us-east-1:123456789012";

/// Runs all actions and prints their results.
pub(super) struct Script<'a> {
    pub(super) control: Control,
    /// The Region and account of the gateway, as in an ARN: `us-east-1:123456789012`.
    pub(super) account: String,
    pub(super) authority: Authority,
    pub(super) mqtts_port: u16,
    pub(super) session: Session<'a>,
}

/// A device as it leaves the factory.
struct Device {
    name: &'static str,
    certificate_id: String,
    certificate_pem: String,
    tls: Arc<ClientConfig>,
}

impl Script<'_> {
    /// Runs all sections. The output counts the results.
    ///
    /// # Errors
    /// A certificate cannot be created.
    pub(super) async fn run(&mut self) -> Result<(), DemoError> {
        let (first, second) = (self.device("sensor-1")?, self.device("sensor-2")?);
        if self.factory(&[&first, &second]).await.is_err() {
            // The output has the failed call.
            return Ok(());
        }
        self.own_topics(&first).await;
        self.other_topics(&first).await;
        self.strangers().await?;
        self.deactivation(&second).await;
        Ok(())
    }

    async fn factory(&mut self, devices: &[&Device]) -> Result<(), ControlError> {
        self.session.output.section("the factory registers two devices before delivery");
        let policy = POLICY.replace(POLICY_ACCOUNT, &self.account);
        let body = json!({ "policyDocument": policy });
        let target = format!("/policies/{POLICY_NAME}");
        let call = Call { body: Some(&body), ..Call::new("CreatePolicy", "POST", &target) };
        self.call(POLICY_NAME, call, "policyArn").await?;
        for device in devices {
            self.register(device).await?;
        }
        Ok(())
    }

    async fn register(&mut self, device: &Device) -> Result<(), ControlError> {
        let name = device.name;
        let thing = format!("/things/{}", segment(name));
        self.call(name, Call::new("CreateThing", "POST", &thing), "thingArn").await?;
        let body = json!({ "certificatePem": device.certificate_pem, "status": "ACTIVE" });
        let call = Call::new("RegisterCertificateWithoutCA", "POST", "/certificate/register-no-ca");
        self.call(name, Call { body: Some(&body), ..call }, "certificateArn").await?;
        let arn = format!("arn:aws:iot:{}:cert/{}", self.account, device.certificate_id);
        let target = format!("/target-policies/{POLICY_NAME}");
        let body = json!({ "target": arn });
        let call = Call { body: Some(&body), ..Call::new("AttachPolicy", "PUT", &target) };
        self.call(name, call, "").await?;
        let target = format!("{thing}/principals");
        let call = Call {
            header: Some(("x-amzn-principal", &arn)),
            ..Call::new("AttachThingPrincipal", "PUT", &target)
        };
        self.call(name, call, "").await
    }

    async fn own_topics(&mut self, device: &Device) {
        self.session.output.section("sensor-1 connects with its certificate and uses its own topics");
        let Some(mut client) = self.connect("connect", device, device.name).await else { return };
        self.session.subscribe(&mut client, "devices/sensor-1/#", Expected::Allowed).await;
        self.session.publish(&mut client, "devices/sensor-1/temperature", Expected::Allowed).await;
        self.session.receive(&mut client, "devices/sensor-1/temperature").await;
        client.disconnect().await;
    }

    async fn other_topics(&mut self, device: &Device) {
        self.session.output.section("sensor-1 tries the topics of sensor-2, and its name");
        let Some(mut client) = self.connect("connect", device, device.name).await else { return };
        self.session.publish(&mut client, "devices/sensor-2/temperature", Expected::DeniedAndClosed).await;
        for filter in ["devices/sensor-2/#", "devices/+/temperature", "#"] {
            let Some(mut client) = self.connect("reconnect", device, device.name).await else { return };
            self.session.subscribe(&mut client, filter, Expected::DeniedAndClosed).await;
        }
        self.denied_connect("sensor-2  (certificate of sensor-1)", "sensor-2", &device.tls).await;
    }

    async fn strangers(&mut self) -> Result<(), DemoError> {
        self.session.output.section("clients that the registry does not know");
        let without = client_config(&self.authority, None)?;
        self.session.event_log.clear();
        let outcome = client::try_connect_311(self.mqtts_port, "sensor-1", &without).await;
        let reason = self.session.event_log.denial_of(None).await;
        let label = "sensor-1  (no certificate)";
        let expected = Expected::ClosedWith("TLS alert CertificateRequired");
        self.session.output.action("connect", label, expected, &outcome, &reason);
        let stranger = self.device("sensor-3")?;
        self.denied_connect("sensor-3  (not registered)", "sensor-3", &stranger.tls).await;
        Ok(())
    }

    async fn deactivation(&mut self, device: &Device) {
        self.session.output.section("sensor-2 is lost: its certificate is deactivated while it is connected");
        let Some(mut client) = self.connect("connect", device, device.name).await else { return };
        self.session.event_log.clear();
        let target = format!("/certificates/{}?newStatus=INACTIVE", device.certificate_id);
        let call = Call::new("UpdateCertificate", "PUT", &target);
        if self.call(device.name, call, "").await.is_err() {
            return;
        }
        let outcome = client.end().await;
        let reason = self.session.event_log.denial_of(Some(device.name)).await;
        let expected = Expected::ClosedWith("DISCONNECT AdministrativeAction, closed");
        self.session.output.action("is closed", device.name, expected, &outcome, &reason);
        self.denied_connect("sensor-2  (INACTIVE)", device.name, &device.tls).await;
    }

    async fn connect(&mut self, verb: &str, device: &Device, client_id: &str) -> Option<Client> {
        self.session.event_log.clear();
        let (client, outcome) = Client::connect_tls(self.mqtts_port, client_id, &device.tls).await;
        let label = format!("{client_id}  (its certificate)");
        self.session.show_connect(verb, &label, client_id, Expected::Allowed, &outcome).await;
        client
    }

    /// Connects with MQTT 3.1.1: AWS IoT closes a refused connection without a CONNACK.
    async fn denied_connect(&mut self, label: &str, client_id: &str, tls: &Arc<ClientConfig>) {
        self.session.event_log.clear();
        let outcome = client::try_connect_311(self.mqtts_port, client_id, tls).await;
        let reason = self.session.event_log.denial_of(Some(client_id)).await;
        let expected = Expected::ClosedWith(NO_CONNACK);
        self.session.output.action("connect", label, expected, &outcome, &reason);
    }

    async fn call(&mut self, object: &str, call: Call<'_>, member: &str) -> Result<(), ControlError> {
        self.session.call(&self.control, object, call, member).await.map(|_| ())
    }

    fn device(&self, name: &'static str) -> Result<Device, DemoError> {
        let identity = self.authority.client(name)?;
        let certificate_id = ClientCertificate::new(&identity.certificate).id;
        let (certificate_pem, _) = identity.pem();
        let tls = client_config(&self.authority, Some((identity.certificate, identity.key.into())))?;
        Ok(Device { name, certificate_id, certificate_pem, tls })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_same_policy() {
        let page = include_str!("../../../../docs/devices.md");
        assert!(page.contains(POLICY.trim()), "docs/devices.md has another policy");
        assert_eq!(POLICY.matches(POLICY_ACCOUNT).count(), 3);
    }
}
