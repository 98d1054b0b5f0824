//! Which registered CA signed a certificate that is not registered.

use iot_local_base::hex;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

use crate::registry::{CaCertificate, CaStatus, Record, Registry};
use crate::signature;

/// What the registry knows of the issuer of a certificate.
#[derive(Debug)]
pub(crate) enum Issuer {
    /// No registered CA has the issuer's name.
    Unknown,
    /// A registered CA has the issuer's name, but did not sign the certificate.
    OtherKey(Record<CaCertificate>),
    /// A registered CA signed the certificate.
    Known(Record<CaCertificate>),
}

/// Finds the CA: by the name of the issuer, then by the signature. The chain that the client sends has no influence.
pub(crate) fn find(registry: &Registry, certificate: &X509Certificate<'_>) -> Issuer {
    let mut other = None;
    for ca in registry.ca_certificates_of_subject(&hex::encode(certificate.issuer().as_raw())) {
        if has_signed(ca, certificate) {
            return Issuer::Known(ca.clone());
        }
        other = Some(ca.clone());
    }
    other.map_or(Issuer::Unknown, Issuer::OtherKey)
}

/// Returns whether a CA signed a certificate.
pub(crate) fn has_signed(ca: &CaCertificate, certificate: &X509Certificate<'_>) -> bool {
    let Ok(pem) = pem::parse(&ca.pem) else { return false };
    let Ok((_, ca)) = X509Certificate::from_der(pem.contents()) else { return false };
    let (algorithm, value) = (&certificate.signature_algorithm, &certificate.signature_value);
    signature::verify(ca.public_key(), algorithm, value, certificate.tbs_certificate.as_ref())
}

impl Issuer {
    /// Returns why a certificate is not registered, and the command that changes it.
    pub(super) fn why_unknown(&self, id: &str, name: &X509Name<'_>) -> (String, String) {
        const WITHOUT_CA: &str =
            "aws iot register-certificate-without-ca --status ACTIVE --certificate-pem file://FILE";
        let unknown = format!("certificate {id} is not registered");
        match self {
            Self::Unknown => {
                // The name is the client's choice: no control character of it reaches the log.
                let name = name.to_string().escape_debug().to_string();
                (
                    format!("{unknown}, and no registered CA has the name of its issuer, {name}"),
                    WITHOUT_CA.into(),
                )
            }
            Self::OtherKey(ca) => (
                format!("{unknown}, and CA {} has the name of its issuer but did not sign it", ca.id),
                WITHOUT_CA.into(),
            ),
            Self::Known(ca) => match why_not_registering(ca) {
                Some((what, command)) => (format!("{unknown}, and {what}"), command),
                None => (
                    format!("{unknown}; CA {} signed it", ca.id),
                    "aws iot register-certificate --status ACTIVE --certificate-pem file://FILE".into(),
                ),
            },
        }
    }
}

/// Returns why a CA registers no certificates at their first connect, and the command that changes it. `None` if it
/// does.
pub(crate) fn why_not_registering(ca: &CaCertificate) -> Option<(String, String)> {
    let update = format!("aws iot update-ca-certificate --certificate-id {}", ca.id);
    if ca.status == CaStatus::Inactive {
        let what = format!("CA {} that signed it is INACTIVE", ca.id);
        return Some((what, format!("{update} --new-status ACTIVE")));
    }
    (!ca.auto_registration).then(|| {
        let what = format!("the automatic registration of CA {} that signed it is disabled", ca.id);
        (what, format!("{update} --new-auto-registration-status ENABLE"))
    })
}
