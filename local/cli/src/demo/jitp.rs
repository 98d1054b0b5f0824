//! `demo jitp`: devices of a company's own CA, which a template provisions when they first connect.

use std::sync::Arc;

use iot_local_gateway::certificate::ClientCertificate;
use serde_json::{Value, json};
use tokio_rustls::rustls::ClientConfig;

use super::DemoError;
use super::company::Company;
use super::devices::{Devices, client_config};
use super::output::Expected;
use crate::control::{Call, ControlError, percent_encoded};

/// The policy of all devices, which the template names: each has the shadow topics of its thing.
const POLICY: &str = include_str!("jitp.json");
const POLICY_NAME: &str = "jitp-things-policy";
/// The Region and account in the policy.
const POLICY_ACCOUNT: &str = "us-east-1:123456789012";
/// The thing has the common name of the certificate, and its country as an attribute.
const TEMPLATE: &str = include_str!("jitp_template.json");
const COUNTRY: &str = "JP";

/// Runs all actions and prints their results.
pub(super) struct Script<'a> {
    pub(super) devices: Devices<'a>,
}

/// A device with the certificate that the company has put on it.
struct Device {
    name: &'static str,
    certificate_id: String,
    tls: Arc<ClientConfig>,
}

impl Script<'_> {
    /// Runs all sections. The output counts the results.
    ///
    /// # Errors
    /// A certificate cannot be created.
    pub(super) async fn run(&mut self) -> Result<(), DemoError> {
        let (company, other) = (Company::new("Example CA")?, Company::new("Other CA")?);
        if self.registration(&company).await?.is_err() {
            // The output has the failed call.
            return Ok(());
        }
        for name in ["sensor-1", "sensor-2"] {
            let device = self.device(&company, name, Some(COUNTRY))?;
            self.first_connect(&device).await;
        }
        let device = self.device(&company, "sensor-3", None)?;
        self.incomplete(&device).await;
        let device = self.device(&other, "sensor-4", Some(COUNTRY))?;
        self.devices.session.output.section("sensor-4 is of a CA that is not registered");
        self.devices.denied_connect("sensor-4  (of another CA)", device.name, &device.tls).await;
        Ok(())
    }

    /// Registers the CA as AWS's walk-throughs do. The inner error is of a call.
    async fn registration(&mut self, company: &Company) -> Result<Result<(), ControlError>, DemoError> {
        self.devices.session.output.section("the company registers its CA with a template");
        let call = Call::new("GetRegistrationCode", "GET", "/registrationcode");
        let code = match self.devices.call("", call, "registrationCode").await {
            Ok(response) => response,
            Err(error) => return Ok(Err(error)),
        };
        let code = code.get("registrationCode").and_then(Value::as_str).unwrap_or_default();
        let (verification, _) = company.issue(code, None)?;
        let verification = ClientCertificate::new(&verification).pem();
        Ok(self.register(company, &verification).await)
    }

    async fn register(&mut self, company: &Company, verification: &str) -> Result<(), ControlError> {
        let devices = &mut self.devices;
        let body = json!({ "policyDocument": POLICY.replace(POLICY_ACCOUNT, &devices.account) });
        let target = format!("/policies/{POLICY_NAME}");
        let call = Call { body: Some(&body), ..Call::new("CreatePolicy", "POST", &target) };
        devices.call(POLICY_NAME, call, "policyArn").await?;
        let body =
            json!({ "caCertificate": company.certificate_pem, "verificationCertificate": verification });
        let call = Call::new("RegisterCACertificate", "POST", "/cacertificate");
        let ca = devices.call(company.name, Call { body: Some(&body), ..call }, "certificateId").await?;
        let ca = ca.get("certificateId").and_then(Value::as_str).unwrap_or_default();
        let target = format!("/cacertificate/{ca}?newStatus=ACTIVE");
        devices.call(company.name, Call::new("UpdateCACertificate", "PUT", &target), "").await?;
        let (_, account) = devices.account.split_once(':').unwrap_or_default();
        let role = format!("arn:aws:iam::{account}:role/JITPRole");
        let body = json!({ "registrationConfig": { "templateBody": TEMPLATE, "roleArn": role } });
        let target = format!("/cacertificate/{ca}?newAutoRegistrationStatus=ENABLE");
        let call = Call::new("UpdateCACertificate", "PUT", &target);
        devices.call(company.name, Call { body: Some(&body), ..call }, "").await.map(drop)
    }

    async fn first_connect(&mut self, device: &Device) {
        let (devices, name) = (&mut self.devices, device.name);
        devices.session.output.section(&format!("{name} connects for the first time, and again"));
        devices.denied_connect(&format!("{name}  (first connect)"), name, &device.tls).await;
        let Some(mut client) = devices.connect("reconnect", name, &device.tls).await else { return };
        let filter = format!("$aws/things/{name}/shadow/update/delta");
        devices.session.subscribe(&mut client, &filter, Expected::Allowed).await;
        let other = "$aws/things/+/shadow/update/delta";
        devices.session.subscribe(&mut client, other, Expected::DeniedAndClosed).await;
        let target = format!("/things/{}", percent_encoded(name));
        let attributes = json!({ "country": COUNTRY, "version": "v1" });
        devices.expect(name, Call::new("DescribeThing", "GET", &target), "/attributes", &attributes).await;
    }

    async fn incomplete(&mut self, device: &Device) {
        let (devices, name) = (&mut self.devices, device.name);
        devices.session.output.section(&format!("{name} has no country in its certificate"));
        for label in ["first connect", "second connect"] {
            devices.denied_connect(&format!("{name}  ({label})"), name, &device.tls).await;
        }
        let target = format!("/certificates/{}", device.certificate_id);
        let call = Call::new("DescribeCertificate", "GET", &target);
        let pointer = "/certificateDescription/status";
        devices.expect(name, call, pointer, &json!("PENDING_ACTIVATION")).await;
    }

    fn device(
        &self,
        company: &Company,
        name: &'static str,
        country: Option<&str>,
    ) -> Result<Device, DemoError> {
        let (certificate, key) = company.issue(name, country)?;
        let certificate_id = ClientCertificate::new(&certificate).id;
        let tls = client_config(&self.devices.authority, Some((certificate, key)))?;
        Ok(Device { name, certificate_id, tls })
    }
}
