//! Certificates of other CAs.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_RegisterCertificate.html>,
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_RegisterCertificateWithoutCA.html>

use iot_local_base::hex;
use serde_json::{Value, json};
use uuid::Uuid;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::sent::{SentCertificate, read_certificate};
use super::{Input, arn, check_settable, read_status, state_error};
use crate::certificate::CertificateFacts;
use crate::cloud::Cloud;
use crate::connect::issuer::has_signed;
use crate::error::{ApiError, ErrorKind};
use crate::issuer::pem_text;
use crate::registry::{
    CaCertificate, CaStatus, Certificate, CertificateMode, CertificateStatus, Change, Registry,
};
use crate::signature;

/// Registers a certificate that a registered CA signed. Its mode is the CA's.
///
/// # Errors
/// 400 if no registered CA signed it, 406 if that CA is inactive or the status cannot be set, 409 if it is registered
/// already, or if several CAs have its issuer as subject and none is named.
pub(crate) fn register_certificate(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let sent = read_certificate("certificatePem", input.required_text("certificatePem")?)?;
    let ca = input.text("caCertificatePem")?;
    let ca = ca.map(|text| read_certificate("caCertificatePem", text)).transpose()?;
    let status = match input.query_flag("setAsActive")? {
        // Deprecated, and stronger than the status.
        Some(true) => CertificateStatus::Active,
        Some(false) | None => status(input)?,
    };
    let leaf = parse(&sent)?;
    cloud.write(|registry| {
        check_new(registry, cloud, &sent.facts)?;
        let ca = signer(registry, &leaf, ca.as_ref().map(|ca| ca.facts.id.as_str()))?;
        Ok(registered(cloud, &sent, status, ca.mode, Some(ca.id.clone())))
    })
}

/// Registers a certificate, whatever CA signed it. It connects only with a server name (SNI).
///
/// # Errors
/// 400 if it is unreadable, 406 if the status cannot be set, 409 if it is registered already.
pub(crate) fn register_certificate_without_ca(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let sent = read_certificate("certificatePem", input.required_text("certificatePem")?)?;
    let status = status(input)?;
    parse(&sent)?;
    cloud.write(|registry| {
        check_new(registry, cloud, &sent.facts)?;
        Ok(registered(cloud, &sent, status, CertificateMode::SniOnly, None))
    })
}

/// Returns the record of a certificate that a registered CA signed, which is not registered yet.
///
/// # Errors
/// As those of [`register_certificate`].
pub(crate) fn sent_by_ca(
    cloud: &Cloud,
    registry: &Registry,
    sent: &SentCertificate,
    ca: Option<&SentCertificate>,
    status: CertificateStatus,
) -> Result<Certificate, ApiError> {
    let leaf = parse(sent)?;
    let ca = signer(registry, &leaf, ca.map(|ca| ca.facts.id.as_str()))?;
    Ok(record(cloud, sent, status, ca.mode, Some(ca.id.clone())))
}

/// Returns the record of a certificate that a device presents at its first connect, and that `ca` has signed.
///
/// # Errors
/// 400: its key is unsupported, or it is too long.
pub(crate) fn presented(cloud: &Cloud, der: &[u8], ca: &CaCertificate) -> Result<Certificate, ApiError> {
    let sent = read_certificate("certificate", &pem_text("CERTIFICATE", der))?;
    parse(&sent)?;
    Ok(record(cloud, &sent, CertificateStatus::PendingActivation, ca.mode, Some(ca.id.clone())))
}

fn status(input: &Input) -> Result<CertificateStatus, ApiError> {
    match input.text("status")?.map(|text| read_status("status", text)).transpose()? {
        None => Ok(CertificateStatus::Inactive),
        Some(CertificateStatus::PendingActivation) => {
            // AWS's text.
            Err(state_error("Not allowed to register certificate with PENDING_ACTIVATION status".to_owned()))
        }
        Some(status) => check_settable(status).map(|()| status),
    }
}

/// Parses a device's certificate and checks its key.
fn parse(sent: &SentCertificate) -> Result<X509Certificate<'_>, ApiError> {
    let (_, certificate) =
        X509Certificate::from_der(&sent.der).map_err(|error| invalid(error.to_string()))?;
    if !signature::is_supported_key(certificate.public_key()) {
        return Err(invalid(
            "invalid certificatePem; expected a key of RSA with at least 2048 bits, P-256, P-384 or P-521",
        ));
    }
    Ok(certificate)
}

fn check_new(registry: &Registry, cloud: &Cloud, facts: &CertificateFacts) -> Result<(), ApiError> {
    if registry.certificate(&facts.id).is_none() {
        return Ok(());
    }
    let message = format!("certificate {} is registered already", facts.id);
    let existing = Some((facts.id.clone(), arn(cloud.account(), &facts.id)));
    Err(ApiError { existing, ..ApiError::new(ErrorKind::ResourceAlreadyExists, message) })
}

/// Finds the registered CA that signed a certificate.
fn signer<'a>(
    registry: &'a Registry,
    leaf: &X509Certificate<'_>,
    named: Option<&str>,
) -> Result<&'a CaCertificate, ApiError> {
    let subject = hex::encode(leaf.issuer().as_raw());
    let mut candidates = registry.ca_certificates_of_subject(&subject).map(|record| &**record);
    let ca = match named {
        Some(id) => candidates.find(|ca| ca.id == id).ok_or_else(|| {
            invalid("caCertificatePem is not registered, or its subject is not the issuer of certificatePem")
        })?,
        None => {
            let first = candidates.next().ok_or_else(|| {
                invalid("the CA of certificatePem is not registered; help: call RegisterCACertificate first")
            })?;
            if candidates.next().is_some() {
                return Err(ApiError::new(
                    ErrorKind::CertificateConflict,
                    "several registered CAs have the issuer of certificatePem as subject; help: send caCertificatePem",
                ));
            }
            first
        }
    };
    if ca.status != CaStatus::Active {
        return Err(state_error(format!("CA certificate {} is {}", ca.id, ca.status)));
    }
    if !has_signed(ca, leaf) {
        return Err(invalid(format!("certificatePem is not signed by CA certificate {}", ca.id)));
    }
    Ok(ca)
}

fn registered(
    cloud: &Cloud,
    sent: &SentCertificate,
    status: CertificateStatus,
    mode: CertificateMode,
    ca_certificate_id: Option<String>,
) -> (Vec<Change>, Value) {
    let certificate = record(cloud, sent, status, mode, ca_certificate_id);
    let answer = json!({
        "certificateArn": arn(cloud.account(), &certificate.id),
        "certificateId": certificate.id,
    });
    (vec![Change::PutCertificate(certificate.into())], answer)
}

fn record(
    cloud: &Cloud,
    sent: &SentCertificate,
    status: CertificateStatus,
    mode: CertificateMode,
    ca_certificate_id: Option<String>,
) -> Certificate {
    let now = cloud.now();
    Certificate {
        id: sent.facts.id.clone(),
        pem: sent.pem.clone(),
        status,
        mode,
        ca_certificate_id,
        not_before: sent.facts.not_before,
        not_after: sent.facts.not_after,
        created: now,
        modified: now,
        customer_version: 1,
        generation_id: Uuid::new_v4().to_string(),
    }
}

fn invalid(what: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::CertificateValidation, what)
}
