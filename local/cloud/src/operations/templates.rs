//! Provisioning templates and their versions.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/provision-template.html>

mod claims;
mod versions;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub(crate) use self::claims::create_provisioning_claim;
pub(crate) use self::versions::{
    create_provisioning_template_version, delete_provisioning_template_version,
    describe_provisioning_template_version, list_provisioning_template_versions,
};

use super::names::TEMPLATE_NAME;
use super::paging::Page;
use super::register_thing::template;
use super::{Input, empty, expected, missing, tags, timestamp};
use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::provisioning::TemplateKind;
use crate::registry::{
    Change, ProvisioningHook, ProvisioningTemplate, Record, Registry, TemplateType, TemplateVersion,
};

/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 500;

/// The version of a hook's event, which is the only one.
const PAYLOAD_VERSION: &str = "2020-04-01";

/// CreateProvisioningTemplate. Disabled unless the request says so.
pub(crate) fn create_provisioning_template(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = TEMPLATE_NAME.check("templateName", input.required_text("templateName")?)?.to_owned();
    let template_type = match input.text("type")? {
        None => TemplateType::FleetProvisioning,
        Some(text) => {
            TemplateType::from_name(text).ok_or_else(|| expected("type", "FLEET_PROVISIONING or JITP"))?
        }
    };
    let body = input.required_text("templateBody")?;
    template(kind(template_type), "templateBody", body)?;
    let now = cloud.now();
    let created = ProvisioningTemplate {
        name: name.clone(),
        template_type,
        description: description(input)?,
        enabled: input.flag("enabled")?.unwrap_or(false),
        role_arn: role(input)?.ok_or_else(|| missing("provisioningRoleArn"))?,
        hook: hook(input, template_type)?,
        versions: BTreeMap::from([(1, TemplateVersion { body: body.to_owned(), created: now })]),
        default_version: 1,
        last_version: 1,
        created: now,
        modified: now,
    };
    let tags = tags::read(input)?;
    let arn = arn(cloud, &name);
    let response = json!({ "templateArn": arn, "templateName": name, "defaultVersionId": 1 });
    cloud.write(|registry| {
        if registry.provisioning_template(&name).is_some() {
            let message = format!("provisioning template {name} exists; help: create a version of it");
            let existing = Some((name, arn));
            return Err(ApiError { existing, ..ApiError::new(ErrorKind::ResourceAlreadyExists, message) });
        }
        let mut changes = vec![Change::PutProvisioningTemplate(created.into())];
        changes.extend(tags::change(format!("provisioningtemplate/{name}"), tags));
        Ok((changes, response))
    })
}

/// DescribeProvisioningTemplate: with the version that counts.
pub(crate) fn describe_provisioning_template(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    cloud.read(|registry| {
        let template = find(registry, name)?;
        let mut output = summary(cloud, template);
        add(&mut output, "defaultVersionId", Some(json!(template.default_version)));
        add(&mut output, "templateBody", template.default_body().map(Value::from));
        add(&mut output, "provisioningRoleArn", Some(json!(template.role_arn)));
        let hook = template.hook.as_ref();
        let hook =
            hook.map(|hook| json!({ "payloadVersion": hook.payload_version, "targetArn": hook.target_arn }));
        add(&mut output, "preProvisioningHook", hook);
        Ok(output)
    })
}

/// UpdateProvisioningTemplate. What the request does not name stays.
pub(crate) fn update_provisioning_template(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    let (description, enabled, role) = (description(input)?, input.flag("enabled")?, role(input)?);
    let default_version = input.integer("defaultVersionId")?;
    let removes_hook = input.flag("removePreProvisioningHook")?.unwrap_or(false);
    if removes_hook && input.object("preProvisioningHook")?.is_some() {
        return Err(ApiError::invalid(
            "preProvisioningHook and removePreProvisioningHook exclude each other",
        ));
    }
    cloud.write(|registry| {
        let old = find(registry, name)?;
        let mut template = ProvisioningTemplate { modified: cloud.now(), ..ProvisioningTemplate::clone(old) };
        if let Some(number) = default_version {
            template.default_version = versions::find(old, number)?.0;
        }
        template.description = description.or(template.description);
        template.enabled = enabled.unwrap_or(template.enabled);
        template.role_arn = role.unwrap_or(template.role_arn);
        template.hook = match hook(input, template.template_type)? {
            None if removes_hook => None,
            hook => hook.or(template.hook),
        };
        Ok((vec![Change::PutProvisioningTemplate(template.into())], empty()))
    })
}

/// DeleteProvisioningTemplate, unless a CA certificate names it.
pub(crate) fn delete_provisioning_template(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = name(input)?;
    cloud.write(|registry| {
        find(registry, name)?;
        let mut cas = registry.ca_certificates();
        let user = cas.find(|ca| {
            ca.registration_config
                .as_ref()
                .is_some_and(|config| config.template_name.as_deref() == Some(name))
        });
        if let Some(ca) = user {
            return Err(ApiError::new(
                ErrorKind::DeleteConflict,
                format!(
                    "CA certificate {} provisions with template {name}; help: update the CA first",
                    ca.id
                ),
            ));
        }
        Ok((vec![Change::RemoveProvisioningTemplate { name: name.to_owned() }], empty()))
    })
}

/// ListProvisioningTemplates.
pub(crate) fn list_provisioning_templates(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let page = Page::by_token("templates", input)?;
    Ok(cloud.read(|registry| {
        let templates = registry.provisioning_templates();
        let (templates, token) = page.cut(templates.map(|template| (template.name.clone(), template)));
        let templates: Vec<_> = templates.into_iter().map(|template| summary(cloud, template)).collect();
        super::with_token(json!({ "templates": templates }), "nextToken", token)
    }))
}

/// Returns what a template of this type may contain.
pub(super) fn kind(template_type: TemplateType) -> TemplateKind {
    match template_type {
        TemplateType::FleetProvisioning => TemplateKind::Fleet,
        TemplateType::Jitp => TemplateKind::Jitp,
    }
}

/// Finds a template.
///
/// # Errors
/// ResourceNotFound.
fn find<'a>(registry: &'a Registry, name: &str) -> Result<&'a Record<ProvisioningTemplate>, ApiError> {
    let found = registry.provisioning_template(name);
    found.ok_or_else(|| ApiError::not_found(format_args!("provisioning template {name}")))
}

fn name(input: &Input) -> Result<&str, ApiError> {
    TEMPLATE_NAME.check("templateName", input.label("templateName")?)
}

/// Returns the ARN of a template.
pub(crate) fn arn(cloud: &Cloud, name: &str) -> String {
    cloud.account().arn(format_args!("provisioningtemplate/{name}"))
}

fn summary(cloud: &Cloud, template: &ProvisioningTemplate) -> Value {
    let mut output = json!({
        "templateArn": arn(cloud, &template.name),
        "templateName": template.name,
        "creationDate": timestamp(template.created),
        "lastModifiedDate": timestamp(template.modified),
        "enabled": template.enabled,
        "type": template.template_type.name(),
    });
    add(&mut output, "description", template.description.clone().map(Value::from));
    output
}

fn add(output: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(members), Some(value)) = (output.as_object_mut(), value) {
        members.insert(name.to_owned(), value);
    }
}

fn description(input: &Input) -> Result<Option<String>, ApiError> {
    let Some(text) = input.text("description")? else { return Ok(None) };
    if text.chars().count() > MAX_DESCRIPTION || text.chars().any(char::is_control) {
        return Err(expected("description", "up to 500 characters without control characters"));
    }
    Ok(Some(text.to_owned()))
}

fn role(input: &Input) -> Result<Option<String>, ApiError> {
    let role = input.text("provisioningRoleArn")?.map(|text| read_arn("provisioningRoleArn", text));
    role.transpose()
}

fn hook(input: &Input, template_type: TemplateType) -> Result<Option<ProvisioningHook>, ApiError> {
    let Some(members) = input.object("preProvisioningHook")? else { return Ok(None) };
    if template_type == TemplateType::Jitp {
        return Err(ApiError::invalid("preProvisioningHook: a template of the type JITP has none"));
    }
    let target = text(members, "targetArn")?.ok_or_else(|| missing("preProvisioningHook.targetArn"))?;
    let payload_version = text(members, "payloadVersion")?.unwrap_or(PAYLOAD_VERSION);
    if payload_version != PAYLOAD_VERSION {
        return Err(expected("preProvisioningHook.payloadVersion", PAYLOAD_VERSION));
    }
    Ok(Some(ProvisioningHook {
        target_arn: read_arn("preProvisioningHook.targetArn", target)?,
        payload_version: payload_version.to_owned(),
    }))
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, ApiError> {
    let value = members.get(name).filter(|value| !value.is_null());
    let read = |value: &'a Value| {
        value.as_str().ok_or_else(|| expected(&format!("preProvisioningHook.{name}"), "a string"))
    };
    value.map(read).transpose()
}

/// Reads an ARN of another service.
///
/// # Errors
/// InvalidRequest that names the member.
pub(super) fn read_arn(member: &str, text: &str) -> Result<String, ApiError> {
    if text.starts_with("arn:") && (20..=2048).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(expected(member, "an ARN of 20 to 2048 characters"))
    }
}
