//! First connects of devices: the gateway publishes their events, and runs templates later if it should.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use iot_local_cloud::Cloud;
use iot_local_cloud::connect::{Presented, Refusal};
use iot_local_cloud::first_connect::{Attempt, FirstConnect, TemplateTime};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::Authenticators;
use super::endpoint::AuthMethod;
use super::x509::{CertificateDenial, CertificatePermissions};
use crate::event_log::EntryKind;
use crate::facts::ConnectionFacts;
use crate::message::{Message, Outbox};

/// Carries out what the control plane asks for at first connects.
pub struct FirstConnects {
    outbox: Outbox,
    /// How long after the first connect a template runs. Zero: before the connection is closed.
    jitp_delay: Duration,
    /// The ids of certificates whose template is going to run.
    delayed: Mutex<HashSet<String>>,
}

impl FirstConnects {
    /// Creates the carrier of events. `jitp_delay` is the time between a first connect and its template.
    #[must_use]
    pub fn new(outbox: Outbox, jitp_delay: Duration) -> Self {
        Self { outbox, jitp_delay, delayed: Mutex::default() }
    }

    fn delayed(&self) -> MutexGuard<'_, HashSet<String>> {
        self.delayed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Authenticators {
    /// Returns what the client of a CONNECT may do. An unknown certificate may be registered by it, and is refused
    /// then. Waits for the disk. Must be called within the runtime.
    ///
    /// # Errors
    /// Why the client is denied.
    pub(crate) fn permissions_at_connect(
        self: &Arc<Self>,
        facts: &ConnectionFacts,
        client_id: &str,
        method: AuthMethod,
    ) -> Result<CertificatePermissions, CertificateDenial> {
        let permissions = || self.x509.permissions(facts, Some(client_id), method);
        let revision = self.x509.revision();
        let refusal = match permissions() {
            // X.509 custom authentication needs a certificate that is registered already.
            Err(CertificateDenial::Refused(refusal)) if method == AuthMethod::Certificate => refusal,
            decided => return decided,
        };
        match self.first_connect(facts, client_id) {
            Some(refusal) => Err(CertificateDenial::Refused(refusal)),
            // Meanwhile, another connect of this certificate may have provisioned it.
            None if self.x509.revision() != revision => permissions(),
            None => Err(CertificateDenial::Refused(refusal)),
        }
    }

    fn first_connect(self: &Arc<Self>, facts: &ConnectionFacts, client_id: &str) -> Option<Refusal> {
        let cloud = self.x509.cloud()?;
        let certificate = facts.certificate.as_ref()?;
        let server_name = facts.server_name.as_deref();
        let FirstConnects { outbox, jitp_delay, .. } = &self.first_connects;
        let template_time = if jitp_delay.is_zero() { TemplateTime::AtOnce } else { TemplateTime::Later };
        let done = cloud.first_connect(&Attempt {
            presented: Presented {
                certificate: &certificate.der,
                chain: &certificate.chain,
                server_name,
                client_id: Some(client_id),
            },
            is_own_server_name: server_name.is_some_and(|name| self.serves(name)),
            template_time,
        })?;
        if let Some(event) = done.event {
            outbox.send(Message::of_gateway(event.topic, Bytes::from(event.payload)));
        }
        self.record_warnings(Some(facts.connection), Some(client_id), &done.warnings);
        if done.awaits_template {
            self.run_template_later(&certificate.id);
        }
        Some(done.refusal)
    }

    /// Runs the template of a certificate after the delay. A connect in the meantime changes nothing.
    fn run_template_later(self: &Arc<Self>, certificate_id: &str) {
        if !self.first_connects.delayed().insert(certificate_id.to_owned()) {
            return;
        }
        let (auth, id) = (Arc::clone(self), certificate_id.to_owned());
        Handle::current().spawn(async move {
            tokio::time::sleep(auth.first_connects.jitp_delay).await;
            let _ = tokio::task::spawn_blocking(move || {
                // From now on, a connect begins a further attempt.
                auth.first_connects.delayed().remove(&id);
                auth.run_template(auth.x509.cloud(), &id);
            })
            .await;
        });
    }

    fn run_template(&self, cloud: Option<Cloud>, certificate_id: &str) {
        let Some(done) = cloud.and_then(|cloud| cloud.run_template(certificate_id)) else { return };
        let FirstConnect { refusal, warnings, .. } = done;
        self.record_warnings(None, None, &warnings);
        self.custom.event_log.record(None, None, EntryKind::Notice { text: refusal.to_string() });
    }

    fn record_warnings(&self, connection: Option<Uuid>, client_id: Option<&str>, warnings: &[String]) {
        for text in warnings {
            self.custom.event_log.record(connection, client_id, EntryKind::Notice { text: text.clone() });
        }
    }
}
