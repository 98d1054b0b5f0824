//! Domain configurations.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/iot-custom-endpoints-configurable.html>

mod read;

use serde_json::{Value, json};
use uuid::Uuid;

use super::names::{DOMAIN_CONFIGURATION_NAME, RESERVED_DOMAIN_CONFIGURATION_NAME};
use super::paging::{Page, key_by_time};
use super::{Input, empty, tags, timestamp, with_token};
use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::registry::{
    ApplicationProtocol, AuthenticationType, Change, DomainConfiguration, DomainConfigurationStatus, Record,
    Registry,
};

/// How many domain configurations an account has at most.
const MAX_DOMAINS: usize = 10;
/// A configuration with AWS's own domain name can be deleted after so long: seven days, in milliseconds.
const MANAGED_PAUSE: i64 = 7 * 24 * 60 * 60 * 1000;
/// AWS's default policy.
const SECURITY_POLICY: &str = "IoTSecurityPolicy_TLS13_1_2_2022_10";

/// CreateDomainConfiguration. It is ENABLED.
///
/// # Errors
/// 409 if there is one of this name or domain name, 410 if there are ten.
pub(crate) fn create_domain_configuration(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = DOMAIN_CONFIGURATION_NAME
        .check("domainConfigurationName", input.label("domainConfigurationName")?)?
        .to_owned();
    read::check_unsupported(input)?;
    let domain_name = read::domain_name(input)?;
    let id: String = Uuid::new_v4().simple().to_string();
    let created = DomainConfiguration {
        managed: domain_name.is_none(),
        domain_name: domain_name.unwrap_or_else(|| managed_name(cloud, &id)),
        id: id.chars().take(5).collect(),
        status: DomainConfigurationStatus::Enabled,
        status_changed: cloud.now(),
        authentication_type: read::authentication_type(input)?.unwrap_or(AuthenticationType::Default),
        application_protocol: read::application_protocol(input)?.unwrap_or(ApplicationProtocol::Default),
        authorizer_config: read::authorizer_config(input)?,
        server_certificate_arn: read::server_certificate_arn(input)?,
        validation_certificate_arn: read::certificate_arn(input, "validationCertificateArn")?,
        security_policy: read::security_policy(input)?.unwrap_or_else(|| SECURITY_POLICY.to_owned()),
        ocsp_check: read::ocsp_check(input)?,
        name: name.clone(),
    };
    read::check(&created)?;
    let tags = tags::read(input)?;
    let built_in = cloud.built_in_authorizer();
    cloud.write(|registry| {
        let mut domains = registry.domain_configurations();
        if let Some(present) =
            domains.find(|found| found.name == name || found.domain_name == created.domain_name)
        {
            let message = format!("domain configuration {} of {} exists", present.name, present.domain_name);
            let existing = Some((present.name.clone(), arn(cloud, present)));
            return Err(ApiError { existing, ..ApiError::new(ErrorKind::ResourceAlreadyExists, message) });
        }
        if registry.domain_configurations().count() >= MAX_DOMAINS {
            return Err(ApiError::new(
                ErrorKind::LimitExceeded,
                format!("the account has {MAX_DOMAINS} domain configurations; help: delete one"),
            ));
        }
        read::check_authorizer(registry, built_in.as_ref(), &created)?;
        let (answer, resource) = (named(cloud, &created), created.resource());
        let mut changes = vec![Change::PutDomainConfiguration(created.into())];
        changes.extend(tags::change(resource, tags));
        Ok((changes, answer))
    })
}

/// DescribeDomainConfiguration.
///
/// # Errors
/// 404.
pub(crate) fn describe_domain_configuration(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    cloud.read(|registry| Ok(description(cloud, find(registry, name)?)))
}

/// UpdateDomainConfiguration. Members that the request does not have stay.
///
/// # Errors
/// 404.
pub(crate) fn update_domain_configuration(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    read::check_unsupported(input)?;
    let authentication_type = read::authentication_type(input)?;
    let application_protocol = read::application_protocol(input)?;
    let authorizer_config = read::authorizer_config(input)?;
    let is_config_removed = input.flag("removeAuthorizerConfig")?.unwrap_or(false);
    let (status, security_policy) = (read::status(input)?, read::security_policy(input)?);
    let ocsp_check = read::ocsp_check(input)?;
    if is_config_removed && authorizer_config.is_some() {
        return Err(ApiError::invalid(
            "removeAuthorizerConfig and authorizerConfig exclude each other; expected one of them",
        ));
    }
    let built_in = cloud.built_in_authorizer();
    cloud.write(|registry| {
        let old = find(registry, name)?;
        let mut changed = DomainConfiguration::clone(old);
        changed.authentication_type = authentication_type.unwrap_or(changed.authentication_type);
        changed.application_protocol = application_protocol.unwrap_or(changed.application_protocol);
        changed.security_policy = security_policy.unwrap_or(changed.security_policy);
        changed.ocsp_check = ocsp_check.or(changed.ocsp_check);
        changed.authorizer_config =
            authorizer_config.or(changed.authorizer_config).filter(|_| !is_config_removed);
        if let Some(status) = status.filter(|status| *status != changed.status) {
            (changed.status, changed.status_changed) = (status, cloud.now());
        }
        read::check(&changed)?;
        read::check_authorizer(registry, built_in.as_ref(), &changed)?;
        let answer = named(cloud, &changed);
        let changes =
            if changed == **old { Vec::new() } else { vec![Change::PutDomainConfiguration(changed.into())] };
        Ok((changes, answer))
    })
}

/// DeleteDomainConfiguration.
///
/// # Errors
/// 404, 400 if it is ENABLED, or AWS's own name was served within the last seven days.
pub(crate) fn delete_domain_configuration(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    let now = cloud.now();
    cloud.write(|registry| {
        let found = find(registry, name)?;
        if found.status == DomainConfigurationStatus::Enabled {
            return Err(ApiError::invalid(format!(
                "domain configuration {name} is ENABLED; help: update it to DISABLED first"
            )));
        }
        if found.managed && now.saturating_sub(found.status_changed) < MANAGED_PAUSE {
            return Err(ApiError::invalid(format!(
                "domain configuration {name} has a domain name of AWS; expected it to be DISABLED for seven days; help: \
                 with a domainName of your own it can be deleted at once"
            )));
        }
        Ok((vec![Change::RemoveDomainConfiguration { name: name.to_owned() }], empty()))
    })
}

/// ListDomainConfigurations. AWS also lists its default endpoints.
pub(crate) fn list_domain_configurations(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_marker("domain-configurations", input)?.ascending();
    let is_data = read::query_service_type(input)?;
    Ok(cloud.read(|registry| {
        let items = registry.domain_configurations().filter(|_| is_data).map(|found| {
            let mut item = named(cloud, found);
            if let Some(members) = item.as_object_mut() {
                members.insert("serviceType".to_owned(), "DATA".into());
            }
            (key_by_time(0, &found.name), item)
        });
        let (domains, marker) = page.cut(items);
        with_token(json!({ "domainConfigurations": domains }), "nextMarker", marker)
    }))
}

/// The name that the gateway chooses where AWS chooses one. It is served.
fn managed_name(cloud: &Cloud, id: &str) -> String {
    let id: String = id.chars().take(14).collect();
    format!("dbc{id}.iot.{}.localhost", cloud.account().region())
}

fn description(cloud: &Cloud, found: &DomainConfiguration) -> Value {
    let mut description = json!({
        "domainConfigurationName": found.name,
        "domainConfigurationArn": arn(cloud, found),
        "domainName": found.domain_name,
        "serverCertificates": found.server_certificate_arn.iter().map(|arn| json!({
            "serverCertificateArn": arn, "serverCertificateStatus": "VALID",
        })).collect::<Vec<_>>(),
        "domainConfigurationStatus": found.status,
        "serviceType": "DATA",
        "domainType": if found.managed { "AWS_MANAGED" } else { "CUSTOMER_MANAGED" },
        "lastStatusChangeDate": timestamp(found.status_changed),
        "tlsConfig": { "securityPolicy": found.security_policy },
        "authenticationType": found.authentication_type,
        "applicationProtocol": found.application_protocol,
    });
    let config = found.authorizer_config.as_ref().map(|config| {
        let mut value = json!({ "allowAuthorizerOverride": config.allow_override });
        if let (Some(name), Some(members)) = (&config.default_authorizer, value.as_object_mut()) {
            members.insert("defaultAuthorizerName".to_owned(), name.as_str().into());
        }
        ("authorizerConfig", value)
    });
    let ocsp = found.ocsp_check.map(|check| ("serverCertificateConfig", json!({ "enableOCSPCheck": check })));
    if let Some(members) = description.as_object_mut() {
        members.extend(config.into_iter().chain(ocsp).map(|(name, value)| (name.to_owned(), value)));
    }
    description
}

fn named(cloud: &Cloud, found: &DomainConfiguration) -> Value {
    json!({ "domainConfigurationName": found.name, "domainConfigurationArn": arn(cloud, found) })
}

fn arn(cloud: &Cloud, found: &DomainConfiguration) -> String {
    cloud.account().arn(found.resource())
}

fn find<'a>(registry: &'a Registry, name: &str) -> Result<&'a Record<DomainConfiguration>, ApiError> {
    let found = registry.domain_configuration(name);
    found.ok_or_else(|| ApiError::not_found(format_args!("domain configuration {name}")))
}

fn name(input: &Input) -> Result<&str, ApiError> {
    let name = input.label("domainConfigurationName")?;
    RESERVED_DOMAIN_CONFIGURATION_NAME.check("domainConfigurationName", name)
}
