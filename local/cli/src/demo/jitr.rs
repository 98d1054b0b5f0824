//! `demo jitr`: devices of a company's own CA, which the function `jitr` registers after their first connect.

use std::sync::Arc;

use iot_local_gateway::certificate::ClientCertificate;
use serde_json::{Value, json};
use tokio_rustls::rustls::ClientConfig;

use super::DemoError;
use super::client::ClientOutcome;
use super::company::Company;
use super::devices::{Devices, client_config};
use super::output::Expected;
use crate::control::{Call, ControlError};

/// The policy of devices, as shipped.
const DEVICE_POLICY: &str = include_str!("../../../../provision/policies/device.json");

/// The list of expected devices.
const DEVICES: &str = "device\nsensor-1\nsensor-2\n";

/// Runs all actions and prints their results.
pub(super) struct Script<'a> {
    pub(super) devices: Devices<'a>,
    pub(super) company: Company,
}

/// A device with the certificate that the company has put on it.
struct Device {
    name: &'static str,
    certificate_id: String,
    tls: Arc<ClientConfig>,
}

/// The function's configuration for the devices of a company, and the list of expected devices.
pub(super) fn files(company: &Company) -> [(&'static str, String); 2] {
    let config = format!(
        r#"[[authority]]
ca_certificate_id = "{}"
thing    = "${{CommonName}}"
policy   = "device"
expected = "list:devices.csv"
"#,
        company.certificate_id
    );
    [("provision.toml", config), ("devices.csv", DEVICES.to_owned())]
}

impl Script<'_> {
    /// Runs all sections. The output counts the results.
    ///
    /// # Errors
    /// A certificate cannot be created.
    pub(super) async fn run(&mut self) -> Result<(), DemoError> {
        // The output has a failed call.
        let Ok(code) = self.registration_code().await else { return Ok(()) };
        let (verification, _) = self.company.issue(&code, None)?;
        if self.register(&ClientCertificate::new(&verification).pem()).await.is_err() {
            return Ok(());
        }
        let (first, second) = (self.device("sensor-1")?, self.device("sensor-2")?);
        self.expected_device(&first).await;
        self.expected_device(&second).await;
        self.revoked(&second).await;
        let (taken, unexpected) = (self.device("sensor-1")?, self.device("sensor-9")?);
        self.denied_device(&taken, "sensor-1  (another certificate)", "name_taken").await;
        self.denied_device(&unexpected, "sensor-9  (not in the list)", "unexpected_device").await;
        let (certificate, key) = Company::new("Other CA")?.issue("sensor-2", None)?;
        let foreign = client_config(&self.devices.authority, Some((certificate, key)))?;
        self.devices.session.output.section("a certificate of a CA that is not registered");
        self.devices.denied_connect("sensor-2  (of another CA)", "sensor-2", &foreign).await;
        Ok(())
    }

    async fn registration_code(&mut self) -> Result<String, ControlError> {
        let title = "the company registers its CA, and a rule that gives first connects to `jitr`";
        self.devices.session.output.section(title);
        let call = Call::new("GetRegistrationCode", "GET", "/registrationcode");
        let response = self.devices.call("", call, "registrationCode").await?;
        Ok(response.get("registrationCode").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    async fn register(&mut self, verification: &str) -> Result<(), ControlError> {
        let (devices, company) = (&mut self.devices, &self.company);
        let body = json!({ "policyDocument": DEVICE_POLICY });
        let call = Call::new("CreatePolicy", "POST", "/policies/device");
        devices.call("device", Call { body: Some(&body), ..call }, "policyArn").await?;
        let body =
            json!({ "caCertificate": company.certificate_pem, "verificationCertificate": verification });
        let target = "/cacertificate?setAsActive=true&allowAutoRegistration=true";
        let call = Call { body: Some(&body), ..Call::new("RegisterCACertificate", "POST", target) };
        devices.call(company.name, call, "certificateId").await?;
        let sql = format!("SELECT * FROM '$aws/events/certificates/registered/{}'", company.certificate_id);
        let function = format!("arn:aws:lambda:{}:function:jitr", devices.account);
        let body = json!({
            "sql": sql, "awsIotSqlVersion": "2016-03-23", "actions": [{ "lambda": { "functionArn": function } }],
        });
        let call = Call { body: Some(&body), ..Call::new("CreateTopicRule", "POST", "/rules/jitr") };
        devices.call("jitr", call, "").await.map(drop)
    }

    async fn expected_device(&mut self, device: &Device) {
        let (devices, name) = (&mut self.devices, device.name);
        devices.session.output.section(&format!("{name} connects for the first time, and again"));
        devices.denied_connect(&format!("{name}  (first connect)"), name, &device.tls).await;
        self.function(device, Expected::Allowed).await;
        let devices = &mut self.devices;
        let Some(mut client) = devices.connect("reconnect", name, &device.tls).await else { return };
        devices.session.publish(&mut client, &format!("devices/{name}/temperature"), Expected::Allowed).await;
        client.disconnect().await;
    }

    async fn revoked(&mut self, device: &Device) {
        let (devices, name) = (&mut self.devices, device.name);
        devices.session.output.section(&format!("the certificate of {name} is revoked"));
        let target = format!("/certificates/{}?newStatus=REVOKED", device.certificate_id);
        if devices.call(name, Call::new("UpdateCertificate", "PUT", &target), "").await.is_ok() {
            devices.denied_connect(&format!("{name}  (REVOKED)"), name, &device.tls).await;
        }
    }

    async fn denied_device(&mut self, device: &Device, label: &str, code: &'static str) {
        let (devices, name) = (&mut self.devices, device.name);
        devices.session.output.section(label);
        devices.denied_connect(&format!("{name}  (first connect)"), name, &device.tls).await;
        self.function(device, Expected::DeniedBy(code)).await;
        self.devices.denied_connect(&format!("{name}  (second connect)"), name, &device.tls).await;
        let target = format!("/certificates/{}", device.certificate_id);
        let call = Call::new("DescribeCertificate", "GET", &target);
        let (pointer, expected) = ("/certificateDescription/status", json!("PENDING_ACTIVATION"));
        self.devices.expect(name, call, pointer, &expected).await;
    }

    /// Waits for the function, which the first connect has invoked, and shows its outcome.
    async fn function(&mut self, device: &Device, expected: Expected) {
        let session = &mut self.devices.session;
        let reason = session.event_log.function("jitr", "certificate_id", &device.certificate_id).await;
        let is_allowed = reason.code.is_none() && !reason.text.is_empty();
        let response = if is_allowed { "activated" } else { "PENDING_ACTIVATION" };
        let outcome = ClientOutcome { is_allowed, is_closed: false, response: response.to_owned() };
        session.output.action("jitr", device.name, expected, &outcome, &reason);
    }

    fn device(&self, name: &'static str) -> Result<Device, DemoError> {
        let (certificate, key) = self.company.issue(name, None)?;
        let certificate_id = ClientCertificate::new(&certificate).id;
        let tls = client_config(&self.devices.authority, Some((certificate, key)))?;
        Ok(Device { name, certificate_id, tls })
    }
}
