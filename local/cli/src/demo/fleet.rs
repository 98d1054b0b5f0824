//! `demo fleet`: devices that leave the factory with a claim and ask for their own certificates.

use std::sync::Arc;

use iot_local_gateway::certificate::ClientCertificate;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::DemoError;
use super::client::{self, Client, NO_CONNACK};
use super::devices::{Devices, client_config};
use super::output::Expected;
use crate::control::{Call, ControlError};

/// The template, and the policy of the claim certificate. docs/devices.md shows the same.
const TEMPLATE: &str = include_str!("fleet_template.json");
const CLAIM_POLICY: &str = include_str!("fleet_claim.json");
/// The policy of provisioned devices, as in `demo kitting`.
const DEVICE_POLICY: &str = include_str!("kitting.json");
/// The Region and account in the policies.
const POLICY_ACCOUNT: &str = "us-east-1:123456789012";

/// The configuration of the pre-provisioning hook, and the serial numbers that it allows.
pub(super) const FILES: [(&str, &str); 2] = [
    ("provision.toml", "[[template]]\nname = \"fleet\"\nexpected = \"list:devices.csv\"\n"),
    ("devices.csv", "device\n1\n2\n3\n"),
];

const CREATE: &str = "$aws/certificates/create-from-csr/json";
const PROVISION: &str = "$aws/provisioning-templates/fleet/provision/json";
const OTHER: &str = "$aws/provisioning-templates/other/provision/json";

/// Runs all actions and prints their results.
pub(super) struct Script<'a> {
    pub(super) devices: Devices<'a>,
}

/// A certificate that waits to be provisioned.
struct Pending {
    token: Value,
    tls: Arc<ClientConfig>,
}

impl Script<'_> {
    /// Runs all sections. The output counts the results. Without a connection or after a failed call, which it has, the
    /// rest is left out.
    ///
    /// # Errors
    /// A key or a certificate cannot be created or read.
    pub(super) async fn run(&mut self) -> Result<(), DemoError> {
        let identity = self.devices.authority.client("claim")?;
        let id = ClientCertificate::new(&identity.certificate).id;
        let (pem, _) = identity.pem();
        let claim =
            client_config(&self.devices.authority, Some((identity.certificate, identity.key.into())))?;
        if self.operator(&id, &pem).await.is_err() {
            return Ok(());
        }
        let title = "sensor-1 leaves the factory with the claim and asks for a certificate of its own";
        self.devices.session.output.section(title);
        let Some(mut factory) = self.claimant("factory-1", &claim).await else { return Ok(()) };
        let Some(pending) = self.create(&mut factory, "factory-1").await? else { return Ok(()) };
        self.too_early(&pending).await;
        let request =
            json!({ "certificateOwnershipToken": pending.token, "parameters": { "SerialNumber": "1" } });
        self.ask(&mut factory, "factory-1", "serial number 1", PROVISION, &request, Expected::Allowed).await;
        factory.disconnect().await;
        self.own_certificate("sensor-1", &pending.tls).await;
        self.rejected(&claim, &pending.token).await?;
        self.trusted_user().await
    }

    async fn operator(&mut self, claim: &str, pem: &str) -> Result<(), ControlError> {
        self.devices
            .session
            .output
            .section("the operator prepares a template with a hook, and a claim that all devices share");
        for (name, document) in [("device", DEVICE_POLICY), ("claim", CLAIM_POLICY)] {
            let body = json!({ "policyDocument": document.replace(POLICY_ACCOUNT, &self.devices.account) });
            let target = format!("/policies/{name}");
            let call = Call { body: Some(&body), ..Call::new("CreatePolicy", "POST", &target) };
            self.devices.call(name, call, "policyArn").await?;
        }
        let (_, account) = self.devices.account.split_once(':').unwrap_or_default();
        let body = json!({
            "templateName": "fleet", "templateBody": TEMPLATE, "enabled": true,
            "provisioningRoleArn": format!("arn:aws:iam::{account}:role/provisioning"),
            "preProvisioningHook": { "targetArn": format!("arn:aws:lambda:{}:function:hook", self.devices.account) },
        });
        let call = Call::new("CreateProvisioningTemplate", "POST", "/provisioning-templates");
        let call = Call { body: Some(&body), ..call };
        self.devices.call("fleet", call, "templateArn").await?;
        let body = json!({ "certificatePem": pem, "status": "ACTIVE" });
        let call = Call::new("RegisterCertificateWithoutCA", "POST", "/certificate/register-no-ca");
        let call = Call { body: Some(&body), ..call };
        self.devices.call("claim", call, "certificateArn").await?;
        let body = json!({ "target": format!("arn:aws:iot:{}:cert/{claim}", self.devices.account) });
        let call = Call { body: Some(&body), ..Call::new("AttachPolicy", "PUT", "/target-policies/claim") };
        self.devices.call("claim", call, "").await.map(|_| ())
    }

    /// Connects with a claim and subscribes to the answers.
    async fn claimant(&mut self, client_id: &str, claim: &Arc<ClientConfig>) -> Option<Client> {
        let mut client = self.connect(client_id, "the claim", claim).await?;
        for topic in [CREATE, PROVISION] {
            self.devices.session.subscribe(&mut client, &format!("{topic}/+"), Expected::Allowed).await;
        }
        Some(client)
    }

    /// Has a certificate made for a key that stays on the device.
    async fn create(&mut self, client: &mut Client, client_id: &str) -> Result<Option<Pending>, DemoError> {
        let key = KeyPair::generate()?;
        let request = CertificateParams::default().serialize_request(&key)?.pem()?;
        let request = json!({ "certificateSigningRequest": request });
        let created =
            self.ask(client, client_id, "a certificate request", CREATE, &request, Expected::Allowed).await;
        let Some(pem) = created.get("certificatePem").and_then(Value::as_str) else { return Ok(None) };
        let certificate = certificate(pem)?;
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let tls = client_config(&self.devices.authority, Some((certificate, key)))?;
        Ok(Some(Pending {
            token: created.get("certificateOwnershipToken").cloned().unwrap_or_default(),
            tls,
        }))
    }

    async fn too_early(&mut self, pending: &Pending) {
        self.devices.session.event_log.clear();
        let outcome = client::try_connect_311(self.devices.mqtts_port, "sensor-1", &pending.tls).await;
        let reason = self.devices.session.event_log.denial_of(Some("sensor-1")).await;
        let expected = Expected::ClosedWith(NO_CONNACK);
        self.devices.session.output.action("connect", "sensor-1  (too early)", expected, &outcome, &reason);
    }

    async fn own_certificate(&mut self, name: &str, tls: &Arc<ClientConfig>) {
        let Some(mut client) = self.connect(name, "its certificate", tls).await else { return };
        let topic = format!("devices/{name}/temperature");
        self.devices.session.publish(&mut client, &topic, Expected::Allowed).await;
        client.disconnect().await;
    }

    async fn rejected(&mut self, claim: &Arc<ClientConfig>, used: &Value) -> Result<(), DemoError> {
        self.devices.session.output.section("what a device with the claim cannot do");
        let Some(mut client) = self.claimant("factory-2", claim).await else { return Ok(()) };
        let Some(pending) = self.create(&mut client, "factory-2").await? else { return Ok(()) };
        let request = |token: &Value, parameters: Value| json!({ "certificateOwnershipToken": token, "parameters": parameters });
        for (label, request, code) in [
            (
                "a token twice",
                request(used, json!({ "SerialNumber": "2" })),
                "InvalidCertificateOwnershipToken",
            ),
            ("an empty token", request(&json!(""), json!({})), "InvalidCertificateOwnershipToken"),
            ("no serial number", request(&pending.token, json!({})), "AccessDenied"),
            ("serial number #", request(&pending.token, json!({ "SerialNumber": "#" })), "AccessDenied"),
            (
                "serial number 9, which is not listed",
                request(&pending.token, json!({ "SerialNumber": "9" })),
                "AccessDenied",
            ),
        ] {
            self.ask(&mut client, "factory-2", label, PROVISION, &request, Expected::DeniedBy(code)).await;
        }
        self.devices.session.publish(&mut client, OTHER, Expected::DeniedAndClosed).await;
        Ok(())
    }

    /// The claim of a trusted user has a key of the gateway and no policy in the registry.
    async fn trusted_user(&mut self) -> Result<(), DemoError> {
        self.devices
            .session
            .output
            .section("a trusted user, such as an installer with an app, makes a claim for one device");
        let target = "/provisioning-templates/fleet/provisioning-claim";
        let call = Call::new("CreateProvisioningClaim", "POST", target);
        let Ok(made) = self.devices.call("fleet", call, "certificateId").await else {
            return Ok(());
        };
        let text = |pointer: &str| made.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let key = PrivateKeyDer::from_pem_slice(text("/keyPair/PrivateKey").as_bytes());
        let key = key.map_err(|_| DemoError::Answer("private key"))?;
        let claim =
            client_config(&self.devices.authority, Some((certificate(text("/certificatePem"))?, key)))?;
        let Some(mut client) = self.claimant("installer", &claim).await else { return Ok(()) };
        let Some(pending) = self.create(&mut client, "installer").await? else { return Ok(()) };
        let request =
            json!({ "certificateOwnershipToken": pending.token, "parameters": { "SerialNumber": "3" } });
        self.ask(&mut client, "installer", "serial number 3", PROVISION, &request, Expected::Allowed).await;
        self.devices.session.publish(&mut client, OTHER, Expected::DeniedAndClosed).await;
        self.own_certificate("sensor-3", &pending.tls).await;
        Ok(())
    }

    async fn connect(&mut self, client_id: &str, with: &str, tls: &Arc<ClientConfig>) -> Option<Client> {
        self.devices.session.event_log.clear();
        let (client, outcome) = Client::connect_tls(self.devices.mqtts_port, client_id, tls).await;
        let label = format!("{client_id}  ({with})");
        self.devices.session.show_connect("connect", &label, client_id, Expected::Allowed, &outcome).await;
        client
    }

    /// Sends a request and shows its answer, without keys and tokens.
    async fn ask(
        &mut self,
        client: &mut Client,
        client_id: &str,
        label: &str,
        topic: &str,
        request: &Value,
        expected: Expected,
    ) -> Value {
        self.devices.session.event_log.clear();
        let (outcome, answer) = client.ask(topic, request).await;
        let code = answer.get("errorCode").and_then(Value::as_str).map(str::to_owned);
        let reason = self.devices.session.event_log.note(client_id, code).await;
        let verb = if topic == CREATE { "create" } else { "provision" };
        self.devices.session.output.action(verb, label, expected, &outcome, &reason);
        answer
    }
}

fn certificate(pem: &str) -> Result<CertificateDer<'static>, DemoError> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| DemoError::Answer("certificate"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_same_template_and_policy() {
        let page = include_str!("../../../../docs/devices.md");
        for text in [TEMPLATE, CLAIM_POLICY] {
            assert!(page.contains(text.trim()), "docs/devices.md has another text than {text}");
        }
        assert_eq!(CLAIM_POLICY.matches(POLICY_ACCOUNT).count(), 4);
    }
}
