//! The versions of a provisioning template.

use serde_json::{Value, json};

use super::super::paging::Page;
use super::super::versions;
use super::super::{Input, empty, expected, timestamp, with_token};
use super::{arn, find as find_template, kind, name, template};
use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::registry::{Change, ProvisioningTemplate, TemplateVersion};

/// CreateProvisioningTemplateVersion. It counts only if the request says so.
pub(crate) fn create_provisioning_template_version(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    let body = input.required_text("templateBody")?;
    let is_default = input.query_flag("setAsDefault")?.unwrap_or(false);
    let now = cloud.now();
    cloud.write(|registry| {
        let old = find_template(registry, name)?;
        template(kind(old.template_type), "templateBody", body)?;
        let mut changed = ProvisioningTemplate { modified: now, ..ProvisioningTemplate::clone(old) };
        let version = TemplateVersion { body: body.to_owned(), created: now };
        let owner = format_args!("provisioning template {name}");
        let number = versions::add(owner, &mut changed.versions, &mut changed.last_version, version)?;
        if is_default {
            changed.default_version = number;
        }
        let response = json!({
            "templateArn": arn(cloud, name),
            "templateName": name,
            "versionId": number,
            "isDefaultVersion": is_default,
        });
        Ok((vec![Change::PutProvisioningTemplate(changed.into())], response))
    })
}

/// DescribeProvisioningTemplateVersion.
pub(crate) fn describe_provisioning_template_version(
    cloud: &Cloud,
    input: &Input,
) -> Result<Value, ApiError> {
    let (name, number) = (name(input)?, number(input)?);
    cloud.read(|registry| {
        let template = find_template(registry, name)?;
        let (number, version) = find(template, number)?;
        Ok(json!({
            "versionId": number,
            "creationDate": timestamp(version.created),
            "templateBody": version.body,
            "isDefaultVersion": number == template.default_version,
        }))
    })
}

/// ListProvisioningTemplateVersions.
pub(crate) fn list_provisioning_template_versions(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    let page = Page::by_token("versions", input)?;
    cloud.read(|registry| {
        let template = find_template(registry, name)?;
        let versions = template.versions.iter().map(|(number, version)| {
            let version = json!({
                "versionId": number,
                "creationDate": timestamp(version.created),
                "isDefaultVersion": *number == template.default_version,
            });
            (format!("{number:010}"), version)
        });
        let (versions, token) = page.cut(versions);
        Ok(with_token(json!({ "versions": versions }), "nextToken", token))
    })
}

/// DeleteProvisioningTemplateVersion, but for the default.
pub(crate) fn delete_provisioning_template_version(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let (name, number) = (name(input)?, number(input)?);
    cloud.write(|registry| {
        let old = find_template(registry, name)?;
        let (number, _) = find(old, number)?;
        if number == old.default_version {
            return Err(ApiError::new(
                ErrorKind::DeleteConflict,
                format!("version {number} of provisioning template {name} is the default"),
            ));
        }
        let mut changed = ProvisioningTemplate { modified: cloud.now(), ..ProvisioningTemplate::clone(old) };
        changed.versions.remove(&number);
        Ok((vec![Change::PutProvisioningTemplate(changed.into())], empty()))
    })
}

/// Finds a version.
///
/// # Errors
/// ResourceNotFound.
pub(super) fn find(
    template: &ProvisioningTemplate,
    number: i64,
) -> Result<(u32, &TemplateVersion), ApiError> {
    let known = u32::try_from(number).ok();
    let found = known.and_then(|number| Some((number, template.versions.get(&number)?)));
    found.ok_or_else(|| {
        ApiError::not_found(format_args!("version {number} of provisioning template {}", template.name))
    })
}

fn number(input: &Input) -> Result<i64, ApiError> {
    input.label("versionId")?.parse().map_err(|_| expected("versionId", "an integer"))
}
