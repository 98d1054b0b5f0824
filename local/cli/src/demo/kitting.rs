//! `demo kitting`: devices that are registered before delivery, and connect with their certificates.

use std::sync::Arc;

use iot_local_gateway::certificate::{ClientCertificate, Identity};
use serde_json::json;
use tokio_rustls::rustls::ClientConfig;

use super::DemoError;
use super::client;
use super::devices::{Devices, client_config};
use super::output::Expected;
use crate::control::{Call, ControlError, percent_encoded};

/// The policy of all devices: each has the topics of its thing. docs/devices.md shows the same.
const POLICY: &str = include_str!("kitting.json");
const POLICY_NAME: &str = "device";
/// The Region and account in the policy.
const POLICY_ACCOUNT: &str = "us-east-1:123456789012";

/// Runs all actions and prints their results.
pub(super) struct Script<'a> {
    pub(super) devices: Devices<'a>,
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
        self.devices.session.output.section("the factory registers two devices before delivery");
        let policy = POLICY.replace(POLICY_ACCOUNT, &self.devices.account);
        let body = json!({ "policyDocument": policy });
        let target = format!("/policies/{POLICY_NAME}");
        let call = Call { body: Some(&body), ..Call::new("CreatePolicy", "POST", &target) };
        self.devices.call(POLICY_NAME, call, "policyArn").await?;
        for device in devices {
            self.register(device).await?;
        }
        Ok(())
    }

    async fn register(&mut self, device: &Device) -> Result<(), ControlError> {
        let name = device.name;
        let thing = format!("/things/{}", percent_encoded(name));
        self.devices.call(name, Call::new("CreateThing", "POST", &thing), "thingArn").await?;
        let body = json!({ "certificatePem": device.certificate_pem, "status": "ACTIVE" });
        let call = Call::new("RegisterCertificateWithoutCA", "POST", "/certificate/register-no-ca");
        self.devices.call(name, Call { body: Some(&body), ..call }, "certificateArn").await?;
        let arn = format!("arn:aws:iot:{}:cert/{}", self.devices.account, device.certificate_id);
        let target = format!("/target-policies/{POLICY_NAME}");
        let body = json!({ "target": arn });
        let call = Call { body: Some(&body), ..Call::new("AttachPolicy", "PUT", &target) };
        self.devices.call(name, call, "").await?;
        let target = format!("{thing}/principals");
        let call = Call {
            header: Some(("x-amzn-principal", &arn)),
            ..Call::new("AttachThingPrincipal", "PUT", &target)
        };
        self.devices.call(name, call, "").await.map(drop)
    }

    async fn own_topics(&mut self, device: &Device) {
        self.devices.session.output.section("sensor-1 connects with its certificate and uses its own topics");
        let Some(mut client) = self.devices.connect("connect", device.name, &device.tls).await else {
            return;
        };
        self.devices.session.subscribe(&mut client, "devices/sensor-1/#", Expected::Allowed).await;
        self.devices.session.publish(&mut client, "devices/sensor-1/temperature", Expected::Allowed).await;
        self.devices.session.receive(&mut client, "devices/sensor-1/temperature").await;
        client.disconnect().await;
    }

    async fn other_topics(&mut self, device: &Device) {
        self.devices.session.output.section("sensor-1 tries the topics of sensor-2, and its name");
        let Some(mut client) = self.devices.connect("connect", device.name, &device.tls).await else {
            return;
        };
        self.devices
            .session
            .publish(&mut client, "devices/sensor-2/temperature", Expected::DeniedAndClosed)
            .await;
        for filter in ["devices/sensor-2/#", "devices/+/temperature", "#"] {
            let Some(mut client) = self.devices.connect("reconnect", device.name, &device.tls).await else {
                return;
            };
            self.devices.session.subscribe(&mut client, filter, Expected::DeniedAndClosed).await;
        }
        self.devices.denied_connect("sensor-2  (certificate of sensor-1)", "sensor-2", &device.tls).await;
    }

    async fn strangers(&mut self) -> Result<(), DemoError> {
        self.devices.session.output.section("clients that the registry does not know");
        let without = client_config(&self.devices.authority, None)?;
        self.devices.session.event_log.clear();
        let outcome = client::try_connect_311(self.devices.mqtts_port, "sensor-1", &without).await;
        let reason = self.devices.session.event_log.denial_of(None).await;
        let label = "sensor-1  (no certificate)";
        let expected = Expected::ClosedWith("TLS alert CertificateRequired");
        self.devices.session.output.action("connect", label, expected, &outcome, &reason);
        let stranger = self.device("sensor-3")?;
        self.devices.denied_connect("sensor-3  (not registered)", "sensor-3", &stranger.tls).await;
        Ok(())
    }

    async fn deactivation(&mut self, device: &Device) {
        self.devices
            .session
            .output
            .section("sensor-2 is lost: its certificate is deactivated while it is connected");
        let Some(mut client) = self.devices.connect("connect", device.name, &device.tls).await else {
            return;
        };
        self.devices.session.event_log.clear();
        let target = format!("/certificates/{}?newStatus=INACTIVE", device.certificate_id);
        let call = Call::new("UpdateCertificate", "PUT", &target);
        if self.devices.call(device.name, call, "").await.is_err() {
            return;
        }
        let outcome = client.end().await;
        let reason = self.devices.session.event_log.denial_of(Some(device.name)).await;
        let expected = Expected::ClosedWith("DISCONNECT AdministrativeAction, closed");
        self.devices.session.output.action("is closed", device.name, expected, &outcome, &reason);
        self.devices.denied_connect("sensor-2  (INACTIVE)", device.name, &device.tls).await;
    }

    fn device(&self, name: &'static str) -> Result<Device, DemoError> {
        let identity = self.devices.authority.client(name)?;
        let certificate_id = ClientCertificate::new(&identity.certificate).id;
        let (certificate_pem, _) = identity.pem();
        let Identity { certificate, key } = identity;
        let tls = client_config(&self.devices.authority, Some((certificate, key.into())))?;
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
