//! RegisterCACertificate.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_RegisterCACertificate.html>

use iot_local_base::hex;
use serde_json::{Value, json};
use uuid::Uuid;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{arn, config};
use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::operations::certificates::{SentCertificate, read_certificate};
use crate::operations::{Input, expected, tags};
use crate::registry::{CaCertificate, CaStatus, CertificateMode, Change, Registry};
use crate::signature;

/// How many CAs of one account can have the same subject.
const MAX_OF_SUBJECT: usize = 10;

/// Registers a CA certificate. In mode DEFAULT, a certificate for the registration code, signed by the CA, proves that
/// the caller has its key. In mode SNI_ONLY, nothing does.
///
/// # Errors
/// 400 for a certificate that is not a CA's, or a verification certificate that does not fit; 409 if it is registered
/// already; 410 for an eleventh CA of one subject.
pub(crate) fn register_ca_certificate(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let sent = read_certificate("caCertificate", input.required_text("caCertificate")?)?;
    let ca = parse(&sent)?;
    check_ca(&ca, cloud)?;
    let mode = mode(input)?;
    let verification = verification(input, mode)?;
    let verification = verification.as_ref().map(parse).transpose()?;
    let now = cloud.now();
    let record = CaCertificate {
        id: sent.facts.id.clone(),
        pem: sent.pem.clone(),
        subject: hex::encode(ca.subject().as_raw()),
        status: if input.query_flag("setAsActive")? == Some(true) {
            CaStatus::Active
        } else {
            CaStatus::Inactive
        },
        auto_registration: input.query_flag("allowAutoRegistration")?.unwrap_or(false),
        registration_config: config::read(input)?,
        mode,
        not_before: sent.facts.not_before,
        not_after: sent.facts.not_after,
        created: now,
        modified: now,
        customer_version: 1,
        generation_id: Uuid::new_v4().to_string(),
    };
    let tags = tags::read(input)?;
    let arn = arn(cloud.account(), &record.id);
    cloud.write(|registry| {
        check_new(registry, &record, &arn)?;
        let config = record.registration_config.iter();
        config.into_iter().try_for_each(|config| config::check_template(registry, config))?;
        if let Some(verification) = &verification {
            check_verification(registry, &ca, verification)?;
        }
        let answer = json!({ "certificateArn": arn, "certificateId": record.id });
        let tags = tags::change(format!("cacert/{}", record.id), tags);
        let mut changes = vec![Change::PutCaCertificate(record.into())];
        changes.extend(tags);
        Ok((changes, answer))
    })
}

fn parse(sent: &SentCertificate) -> Result<X509Certificate<'_>, ApiError> {
    let parsed = X509Certificate::from_der(&sent.der);
    parsed.map(|(_, certificate)| certificate).map_err(|error| invalid(error.to_string()))
}

fn check_ca(ca: &X509Certificate<'_>, cloud: &Cloud) -> Result<(), ApiError> {
    if !ca.is_ca() {
        return Err(invalid("caCertificate is not a CA; expected the basic constraint CA:TRUE"));
    }
    if !signature::is_supported_key(ca.public_key()) {
        return Err(invalid(
            "invalid caCertificate; expected a key of RSA with at least 2048 bits, P-256, P-384 or P-521",
        ));
    }
    if ca.validity().not_after.timestamp() < cloud.now().div_euclid(1000) {
        return Err(invalid(format!("caCertificate expired at {}", ca.validity().not_after)));
    }
    Ok(())
}

fn mode(input: &Input) -> Result<CertificateMode, ApiError> {
    let read = |text| {
        CertificateMode::from_name(text).ok_or_else(|| expected("certificateMode", "DEFAULT or SNI_ONLY"))
    };
    Ok(input.text("certificateMode")?.map(read).transpose()?.unwrap_or(CertificateMode::Default))
}

fn verification(input: &Input, mode: CertificateMode) -> Result<Option<SentCertificate>, ApiError> {
    let text = input.text("verificationCertificate")?.filter(|text| !text.is_empty());
    match (mode, text) {
        (CertificateMode::Default, None) => {
            Err(ApiError::invalid("verificationCertificate is missing; certificateMode DEFAULT needs it"))
        }
        (CertificateMode::SniOnly, Some(_)) => {
            Err(ApiError::invalid("certificateMode SNI_ONLY takes no verificationCertificate"))
        }
        (_, text) => text.map(|text| read_certificate("verificationCertificate", text)).transpose(),
    }
}

fn check_new(registry: &Registry, ca: &CaCertificate, arn: &str) -> Result<(), ApiError> {
    if registry.ca_certificate(&ca.id).is_some() {
        let message = format!("CA certificate {} is registered already", ca.id);
        let existing = Some((ca.id.clone(), arn.to_owned()));
        return Err(ApiError { existing, ..ApiError::new(ErrorKind::ResourceAlreadyExists, message) });
    }
    if registry.ca_certificates_of_subject(&ca.subject).count() >= MAX_OF_SUBJECT {
        let message = format!("{MAX_OF_SUBJECT} CA certificates with this subject are registered already");
        return Err(ApiError::new(ErrorKind::LimitExceeded, message));
    }
    Ok(())
}

/// The verification certificate may have version 1, as OpenSSL makes it.
fn check_verification(
    registry: &Registry,
    ca: &X509Certificate<'_>,
    verification: &X509Certificate<'_>,
) -> Result<(), ApiError> {
    let code = registry.registration_code().ok_or_else(|| {
        wrong_code("there is no registration code; help: call GetRegistrationCode first".to_owned())
    })?;
    let mut names = verification.subject().iter_common_name();
    let name = names.next().and_then(|name| name.as_str().ok()).filter(|_| names.next().is_none());
    if name != Some(code) {
        return Err(wrong_code(format!("the common name of verificationCertificate is not {code}")));
    }
    let message = verification.tbs_certificate.as_ref();
    let (algorithm, value) = (&verification.signature_algorithm, &verification.signature_value);
    let is_signed = verification.issuer().as_raw() == ca.subject().as_raw()
        && signature::verify(ca.public_key(), algorithm, value, message);
    if is_signed { Ok(()) } else { Err(invalid("verificationCertificate is not signed by caCertificate")) }
}

fn wrong_code(message: String) -> ApiError {
    ApiError::new(ErrorKind::RegistrationCodeValidation, message)
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::CertificateValidation, message)
}
