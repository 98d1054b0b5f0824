//! A device's certificate at a connect: what it may do, or why it is refused.

use std::fmt;
use std::sync::Arc;

use iot_local_policy::{CertificateContext, NamedDocument};

use crate::cloud::Cloud;

/// What a client presents.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// The client's certificate, DER. The client has proved that it holds the key.
    pub certificate: &'a [u8],
    /// The further certificates of the chain, DER.
    pub chain: &'a [Vec<u8>],
    /// The server name of the TLS handshake.
    pub server_name: Option<&'a str>,
    /// The MQTT client id. Absent for HTTPS.
    pub client_id: Option<&'a str>,
}

/// What a certificate may do now.
#[derive(Debug, Clone)]
pub struct CertificateRights {
    /// The certificate id, which is the principal.
    pub certificate_id: String,
    /// The default versions of all policies that count, with their names.
    pub policies: Vec<NamedDocument>,
    /// The values of the certificate and thing variables.
    pub context: Arc<CertificateContext>,
    /// The thing of an exclusive attachment, which presence events name.
    pub exclusive_thing: Option<String>,
    /// What AWS might decide otherwise, for the event log.
    pub warnings: Vec<String>,
}

/// Why a certificate is refused, for the operator. The client does not receive the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The certificate id.
    pub certificate_id: String,
    /// Which CA, state, policy, parameter or variable is the reason.
    pub reason: String,
    /// The command that would change it, such as `aws iot update-certificate …`.
    pub command: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        self.command.iter().try_for_each(|command| write!(f, "; help: {command}"))
    }
}

impl Cloud {
    /// Returns the rights of a certificate, for a connect or after a change of the registry.
    ///
    /// # Errors
    /// Why the certificate is refused.
    pub fn rights(&self, presented: &Presented<'_>) -> Result<CertificateRights, Refusal> {
        let id = crate::CertificateFacts::read(presented.certificate)
            .map_or_else(|_| String::new(), |facts| facts.id);
        Err(Refusal {
            reason: format!("certificate {id} is not registered"),
            command: Some(
                "aws iot register-certificate-without-ca --status ACTIVE --certificate-pem file://FILE"
                    .to_owned(),
            ),
            certificate_id: id,
        })
    }
}
