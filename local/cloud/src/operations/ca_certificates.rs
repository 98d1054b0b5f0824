//! CA certificates of companies that sign the certificates of their devices themselves.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/manage-your-CA-certs.html>

mod config;
mod register;

use iot_local_base::hex;
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) use self::register::register_ca_certificate;

use super::paging::{Page, key_by_time};
use super::{Input, empty, expected, names, timestamp, with_token};
use crate::account::Account;
use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::registry::{CaCertificate, CaStatus, Change, Registry};

/// GetRegistrationCode: 64 hexadecimal digits, the same until they are deleted. They fit a common name, which X.520
/// limits to 64 characters.
pub(crate) fn get_registration_code(cloud: &Cloud, _input: &Input) -> Result<Value, ApiError> {
    let answer = |code: &str| json!({ "registrationCode": code });
    if let Some(known) = cloud.read(|registry| registry.registration_code().map(answer)) {
        return Ok(known);
    }
    let mut code = [0; 32];
    aws_lc_rs::rand::fill(&mut code)
        .map_err(|_| ApiError::new(ErrorKind::InternalFailure, "no random numbers"))?;
    let code = hex::encode(&code);
    cloud.write(|registry| match registry.registration_code() {
        Some(known) => Ok((Vec::new(), answer(known))),
        None => Ok((vec![Change::SetRegistrationCode { code: Some(code.clone()) }], answer(&code))),
    })
}

/// DeleteRegistrationCode.
///
/// # Errors
/// 404 without a code.
pub(crate) fn delete_registration_code(cloud: &Cloud, _input: &Input) -> Result<Value, ApiError> {
    cloud.write(|registry| match registry.registration_code() {
        None => Err(ApiError::not_found("the registration code")),
        Some(_) => Ok((vec![Change::SetRegistrationCode { code: None }], empty())),
    })
}

/// DescribeCACertificate.
///
/// # Errors
/// 404.
pub(crate) fn describe_ca_certificate(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let id = id(input)?;
    cloud.read(|registry| {
        let ca = find(registry, &id)?;
        let mut answer = json!({ "certificateDescription": description(ca, cloud.account()) });
        if let (Some(config), Some(members)) = (&ca.registration_config, answer.as_object_mut()) {
            members.insert("registrationConfig".to_owned(), config::value(config));
        }
        Ok(answer)
    })
}

/// UpdateCACertificate. Certificates that are registered with the CA stay as they are.
///
/// # Errors
/// 404, 400 for an invalid status or template.
pub(crate) fn update_ca_certificate(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let id = id(input)?;
    let status = input
        .query("newStatus")
        .map(|text| CaStatus::from_name(text).ok_or_else(|| expected("newStatus", "ACTIVE or INACTIVE")));
    let status = status.transpose()?;
    let auto_registration = input.query("newAutoRegistrationStatus").map(|text| match text {
        "ENABLE" => Ok(true),
        "DISABLE" => Ok(false),
        _ => Err(expected("newAutoRegistrationStatus", "ENABLE or DISABLE")),
    });
    let auto_registration = auto_registration.transpose()?;
    let config = config::read(input)?;
    let removes_config = input.flag("removeAutoRegistration")?.unwrap_or(false);
    if removes_config && config.is_some() {
        return Err(ApiError::invalid("registrationConfig and removeAutoRegistration exclude each other"));
    }
    cloud.write(|registry| {
        let old = find(registry, &id)?;
        config.iter().try_for_each(|config| config::check_template(registry, config))?;
        let kept = if removes_config { None } else { old.registration_config.clone() };
        let mut new = CaCertificate {
            status: status.unwrap_or(old.status),
            auto_registration: auto_registration.unwrap_or(old.auto_registration),
            registration_config: config.or(kept),
            ..old.clone()
        };
        if new == *old {
            return Ok((Vec::new(), empty()));
        }
        new.modified = cloud.now();
        new.customer_version = old.customer_version.saturating_add(1);
        new.generation_id = Uuid::new_v4().to_string();
        Ok((vec![Change::PutCaCertificate(new.into())], empty()))
    })
}

/// DeleteCACertificate. The certificates that it signed stay.
///
/// # Errors
/// 404, 406 while it is ACTIVE.
pub(crate) fn delete_ca_certificate(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let id = id(input)?;
    cloud.write(|registry| {
        if find(registry, &id)?.status == CaStatus::Active {
            return Err(ApiError::new(
                ErrorKind::CertificateState,
                format!("CA certificate {id} is ACTIVE; help: change its status to INACTIVE first"),
            ));
        }
        Ok((vec![Change::RemoveCaCertificate { id: id.clone() }], empty()))
    })
}

/// ListCACertificates, by the time of their registration.
pub(crate) fn list_ca_certificates(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_marker("ca-certificates", input)?;
    let template = input.query("templateName");
    Ok(cloud.read(|registry| {
        let has_template = |ca: &CaCertificate| {
            let name = ca.registration_config.as_ref().and_then(|config| config.template_name.as_deref());
            template.is_none_or(|template| name == Some(template))
        };
        let items = registry.ca_certificates().filter(|ca| has_template(ca));
        let (items, marker) = page.cut(items.map(|ca| (key_by_time(ca.created, &ca.id), ca)));
        let items: Vec<_> = items
            .iter()
            .map(|ca| {
                json!({
                    "certificateArn": arn(cloud.account(), &ca.id),
                    "certificateId": ca.id,
                    "status": ca.status.name(),
                    "creationDate": timestamp(ca.created),
                })
            })
            .collect();
        with_token(json!({ "certificates": items }), "nextMarker", marker)
    }))
}

fn description(ca: &CaCertificate, account: &Account) -> Value {
    json!({
        "certificateArn": arn(account, &ca.id),
        "certificateId": ca.id,
        "status": ca.status.name(),
        "certificatePem": ca.pem,
        "ownedBy": account.id(),
        "creationDate": timestamp(ca.created),
        "autoRegistrationStatus": if ca.auto_registration { "ENABLE" } else { "DISABLE" },
        "lastModifiedDate": timestamp(ca.modified),
        "customerVersion": ca.customer_version,
        "generationId": ca.generation_id,
        "validity": { "notBefore": ca.not_before, "notAfter": ca.not_after },
        "certificateMode": ca.mode.name(),
    })
}

fn arn(account: &Account, id: &str) -> String {
    account.arn(format_args!("cacert/{id}"))
}

fn id(input: &Input) -> Result<String, ApiError> {
    names::certificate_id("caCertificateId", input.label("caCertificateId")?)
}

fn find<'a>(registry: &'a Registry, id: &str) -> Result<&'a CaCertificate, ApiError> {
    let ca = registry.ca_certificate(id).map(|record| &**record);
    ca.ok_or_else(|| ApiError::not_found(format_args!("CA certificate {id}")))
}
