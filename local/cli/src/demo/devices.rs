//! Devices with certificates: calls of the API of the registry, and connects.

use std::sync::Arc;

use iot_local_gateway::certificate::Authority;
use serde_json::Value;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::client::{self, Client, NO_CONNACK};
use super::output::Expected;
use super::session::Session;
use crate::control::{Call, Control, ControlError};

/// The gateway, as devices and those who register them use it.
pub(super) struct Devices<'a> {
    pub(super) control: Control,
    /// The Region and account of the gateway, as in an ARN: `us-east-1:123456789012`.
    pub(super) account: String,
    pub(super) authority: Authority,
    pub(super) mqtts_port: u16,
    pub(super) session: Session<'a>,
}

impl Devices<'_> {
    /// Connects with MQTT 5, and shows the result.
    pub(super) async fn connect(
        &mut self,
        verb: &str,
        client_id: &str,
        tls: &Arc<ClientConfig>,
    ) -> Option<Client> {
        self.session.event_log.clear();
        let (client, outcome) = Client::connect_tls(self.mqtts_port, client_id, tls).await;
        let label = format!("{client_id}  (its certificate)");
        self.session.show_connect(verb, &label, client_id, Expected::Allowed, &outcome).await;
        client
    }

    /// Connects with MQTT 3.1.1: AWS IoT closes a refused connection without a CONNACK.
    pub(super) async fn denied_connect(&mut self, label: &str, client_id: &str, tls: &Arc<ClientConfig>) {
        self.session.event_log.clear();
        let outcome = client::try_connect_311(self.mqtts_port, client_id, tls).await;
        let reason = self.session.event_log.denial_of(Some(client_id)).await;
        let expected = Expected::ClosedWith(NO_CONNACK);
        self.session.output.action("connect", label, expected, &outcome, &reason);
    }

    /// Calls an operation and shows a member of its response, which is returned.
    ///
    /// # Errors
    /// The call failed, which is shown.
    pub(super) async fn call(
        &mut self,
        object: &str,
        call: Call<'_>,
        member: &str,
    ) -> Result<Value, ControlError> {
        let result = self.control.call(call).await;
        match &result {
            Ok(response) => {
                let text = response.get(member).and_then(Value::as_str).unwrap_or_default();
                self.session.output.call(call.operation, object, Ok(text));
            }
            Err(error) => self.session.output.call(call.operation, object, Err(&error.to_string())),
        }
        result
    }

    /// Calls an operation that reads something, and shows whether a part of the response is as expected.
    pub(super) async fn expect(&mut self, object: &str, call: Call<'_>, pointer: &str, expected: &Value) {
        let result = self.control.call(call).await;
        let found = result.map(|response| response.pointer(pointer).cloned().unwrap_or_default());
        let name = pointer.rsplit('/').next().unwrap_or_default();
        let shown = match found {
            Ok(found) if found == *expected => Ok(format!("{name}: {found}")),
            Ok(found) => Err(format!("{name}: {found}; expected {expected}")),
            Err(error) => Err(error.to_string()),
        };
        self.session.output.call(call.operation, object, shown.as_deref().map_err(String::as_str));
    }
}

/// The TLS configuration of a client that trusts the gateway's CA, with its certificate and key.
///
/// # Errors
/// The certificate does not fit its key.
pub(super) fn client_config(
    authority: &Authority,
    identity: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
) -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().clone())?;
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    Ok(Arc::new(match identity {
        Some((certificate, key)) => config.with_client_auth_cert(vec![certificate], key)?,
        None => config.with_no_client_auth(),
    }))
}
