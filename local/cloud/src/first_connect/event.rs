//! The event of just-in-time registration.

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::registry::CertificateStatus;

/// The event of just-in-time registration, which AWS IoT publishes at each connect with a certificate that is
/// PENDING_ACTIVATION.
/// <https://docs.aws.amazon.com/iot/latest/developerguide/auto-register-device-cert.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationEvent {
    /// The topic: `$aws/events/certificates/registered/CA_CERTIFICATE_ID`.
    pub topic: String,
    /// The payload, JSON.
    pub payload: String,
}

impl RegistrationEvent {
    /// AWS's page has a text as `certificateRegistrationTimestamp`; null was measured.
    pub(super) fn new(cloud: &Cloud, certificate_id: &str, ca_certificate_id: &str) -> Self {
        let payload = json!({
            "certificateId": certificate_id,
            "caCertificateId": ca_certificate_id,
            "timestamp": cloud.now(),
            "certificateStatus": CertificateStatus::PendingActivation.name(),
            "awsAccountId": cloud.account().id(),
            "certificateRegistrationTimestamp": Value::Null,
        });
        Self {
            topic: format!("$aws/events/certificates/registered/{ca_certificate_id}"),
            payload: payload.to_string(),
        }
    }
}
