//! Fleet provisioning: what a device asks for over MQTT, decided on the registry. The gateway has the topics, the
//! formats and the hook's function.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/fleet-provision-api.html>
//!
//! ```text
//! create, create-from-csr -> certificate PENDING_ACTIVATION, ownership token (its SHA-256 is kept)
//! provision -> start_provisioning -> Attempt -(hook)-> finish_provisioning -> one change of the registry
//! ```
//!
//! A token is valid for one hour, once, and for the principal that received it. A certificate that was not provisioned
//! by then is deleted, at the next operation of fleet provisioning or at the next start.

mod create;
mod hook;
mod provision;
mod rejection;

pub use self::provision::Attempt;
pub use self::rejection::Rejection;

use crate::registry::{CertificateStatus, Registry};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The principal of the connection.
    pub principal: String,
    /// The certificate of the connection, if the registry decided about it.
    pub certificate_id: Option<String>,
    /// The MQTT client id.
    pub client_id: String,
}

impl Caller {
    /// Checks that the certificate of the connection is still valid: a claim expires while it is open.
    ///
    /// # Errors
    /// 403.
    fn check(&self, registry: &Registry, now: i64) -> Result<(), Rejection> {
        let Some(id) = &self.certificate_id else { return Ok(()) };
        let claim = registry.provisioning_claim(id);
        let certificate = registry.certificate(id);
        let is_active = certificate.is_some_and(|found| found.status == CertificateStatus::Active);
        match claim {
            Some(claim) if claim.expires > now => Ok(()),
            Some(_) => Err(Rejection::denied(format!("provisioning claim {id} has expired"))),
            None if is_active => Ok(()),
            None => Err(Rejection::denied(format!("certificate {id} is not ACTIVE, or not registered"))),
        }
    }

    /// Checks that the claim of a trusted user is for a template.
    ///
    /// # Errors
    /// 403.
    fn check_template(&self, registry: &Registry, template: &str) -> Result<(), Rejection> {
        let claim = self.certificate_id.as_ref().and_then(|id| registry.provisioning_claim(id));
        match claim {
            Some(claim) if claim.template != template => Err(Rejection::denied(format!(
                "provisioning claim {} is for template {}, not for {template}",
                claim.certificate_id, claim.template
            ))),
            _ => Ok(()),
        }
    }
}
