//! Certificates of devices: created, registered, described, changed, deleted and listed.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/x509-client-certs.html>

mod create;
mod register;
mod request;
mod sent;

use serde_json::{Map, Value, json};
use uuid::Uuid;

pub(crate) use self::create::{
    Keys, create_certificate_from_csr, create_keys_and_certificate, sign_keys, sign_request,
};
pub(crate) use self::register::{
    presented, register_certificate, register_certificate_without_ca, sent_by_ca,
};
pub(crate) use self::sent::{SentCertificate, read_certificate};

use super::paging::{Page, key_by_time};
use super::{Input, expected, names, timestamp};
use crate::account::Account;
use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::registry::{Certificate, CertificateStatus, Change, PolicyTarget, Principal, Registry};

/// Describes a certificate.
///
/// # Errors
/// 404.
pub(crate) fn describe_certificate(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let id = id(input)?;
    cloud.read(|registry| {
        let description = description(find(registry, &id)?, cloud.account());
        Ok(json!({ "certificateDescription": description }))
    })
}

/// Changes the status of a certificate. The present status again changes nothing.
///
/// # Errors
/// 404, and 406 for a status that only AWS IoT itself sets, or to leave REVOKED.
pub(crate) fn update_certificate(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let id = id(input)?;
    let status = read_status("newStatus", input.required_query("newStatus")?)?;
    cloud.write(|registry| {
        let certificate = find(registry, &id)?;
        check_settable(status)?;
        if certificate.status == status {
            return Ok((Vec::new(), json!({})));
        }
        if matches!(certificate.status, CertificateStatus::Revoked | CertificateStatus::PendingTransfer) {
            return Err(state_error(format!(
                "certificate {id} is {}, which cannot be changed to {status}",
                certificate.status
            )));
        }
        let generation_id = Uuid::new_v4().to_string();
        let change =
            Change::SetCertificateStatus { id: id.clone(), status, modified: cloud.now(), generation_id };
        Ok((vec![change], json!({})))
    })
}

/// Deletes a certificate. `forceDelete` detaches its policies; things stay attached.
///
/// # Errors
/// 404, 406 while it is ACTIVE, 409 while something is attached.
pub(crate) fn delete_certificate(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let id = id(input)?;
    let is_forced = input.query_flag("forceDelete")?.unwrap_or(false);
    cloud.write(|registry| {
        let certificate = find(registry, &id)?;
        if matches!(certificate.status, CertificateStatus::Active | CertificateStatus::PendingTransfer) {
            return Err(state_error(format!(
                "certificate {id} is {}; help: change its status to INACTIVE first",
                certificate.status
            )));
        }
        let conflict = |what: &str| {
            Err(ApiError::new(
                ErrorKind::DeleteConflict,
                format!("certificate {id} has {what} attached; help: detach it first"),
            ))
        };
        let policy = registry.policies_of(&PolicyTarget::certificate(&id)).next();
        match (registry.things_of(&Principal::Certificate(id.clone())).next(), policy) {
            (Some((thing, _)), _) => conflict(&format!("thing {}", thing.name)),
            (None, Some(policy)) if !is_forced => conflict(&format!("policy {}", policy.name)),
            _ => Ok((vec![Change::RemoveCertificate { id: id.clone() }], json!({}))),
        }
    })
}

/// Lists all certificates, by the time of their creation.
pub(crate) fn list_certificates(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_marker("certificates", input)?;
    cloud.read(|registry| Ok(list(&page, registry.certificates().map(|record| &**record), cloud.account())))
}

/// Lists the certificates that were registered with a CA.
///
/// # Errors
/// None for an unknown CA: AWS's model names no 404.
pub(crate) fn list_certificates_by_ca(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let ca = names::certificate_id("caCertificateId", input.label("caCertificateId")?)?;
    let page = Page::by_marker("certificates-by-ca", input)?;
    cloud.read(|registry| {
        Ok(list(&page, registry.certificates_of_ca(&ca).map(|record| &**record), cloud.account()))
    })
}

fn list<'a>(page: &Page, items: impl Iterator<Item = &'a Certificate>, account: &Account) -> Value {
    let keyed = items.map(|certificate| (key_by_time(certificate.created, &certificate.id), certificate));
    let (items, marker) = page.cut(keyed);
    let items: Vec<Value> = items
        .into_iter()
        .map(|certificate| {
            json!({
                "certificateArn": arn(account, &certificate.id),
                "certificateId": certificate.id,
                "status": certificate.status.name(),
                "certificateMode": certificate.mode.name(),
                "creationDate": timestamp(certificate.created),
            })
        })
        .collect();
    let mut answer = Map::new();
    answer.insert("certificates".to_owned(), items.into());
    answer.extend(marker.map(|marker| ("nextMarker".to_owned(), marker.into())));
    Value::Object(answer)
}

fn description(certificate: &Certificate, account: &Account) -> Value {
    let mut description = json!({
        "certificateArn": arn(account, &certificate.id),
        "certificateId": certificate.id,
        "status": certificate.status.name(),
        "certificatePem": certificate.pem,
        "ownedBy": account.id(),
        "creationDate": timestamp(certificate.created),
        "lastModifiedDate": timestamp(certificate.modified),
        "customerVersion": certificate.customer_version,
        "generationId": certificate.generation_id,
        "validity": { "notBefore": certificate.not_before, "notAfter": certificate.not_after },
        "certificateMode": certificate.mode.name(),
    });
    if let (Some(ca), Some(members)) = (&certificate.ca_certificate_id, description.as_object_mut()) {
        members.insert("caCertificateId".to_owned(), ca.as_str().into());
    }
    description
}

/// Returns the ARN of a certificate.
fn arn(account: &Account, id: &str) -> String {
    account.arn(format_args!("cert/{id}"))
}

fn id(input: &Input) -> Result<String, ApiError> {
    names::certificate_id("certificateId", input.label("certificateId")?)
}

fn find<'a>(registry: &'a Registry, id: &str) -> Result<&'a Certificate, ApiError> {
    let certificate = registry.certificate(id).map(|record| &**record);
    certificate.ok_or_else(|| ApiError::not_found(format_args!("certificate {id}")))
}

fn read_status(member: &str, text: &str) -> Result<CertificateStatus, ApiError> {
    CertificateStatus::from_name(text).ok_or_else(|| expected(member, "ACTIVE, INACTIVE or REVOKED"))
}

/// Checks that a caller may set a status.
fn check_settable(status: CertificateStatus) -> Result<(), ApiError> {
    match status {
        CertificateStatus::Active | CertificateStatus::Inactive | CertificateStatus::Revoked => Ok(()),
        CertificateStatus::PendingTransfer
        | CertificateStatus::RegisterInactive
        | CertificateStatus::PendingActivation => {
            Err(state_error(format!("status {status} cannot be set; expected ACTIVE, INACTIVE or REVOKED")))
        }
    }
}

fn state_error(message: String) -> ApiError {
    ApiError::new(ErrorKind::CertificateState, message)
}
