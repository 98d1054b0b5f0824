//! What the first connect of a device does: `registrationConfig`.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_RegistrationConfig.html>

use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::operations::register_thing::template;
use crate::operations::{Input, expected};
use crate::provisioning::TemplateKind;
use crate::registry::{RegistrationConfig, Registry, TemplateType};

/// Reads the member, if it is there. An empty one counts as absent.
///
/// # Errors
/// 400: another form, an invalid template, a template without role, or both a template and the name of one.
pub(super) fn read(input: &Input) -> Result<Option<RegistrationConfig>, ApiError> {
    let Some(members) = input.object("registrationConfig")? else { return Ok(None) };
    let config = RegistrationConfig {
        template_body: text(members, "templateBody")?,
        role_arn: text(members, "roleArn")?,
        template_name: text(members, "templateName")?,
    };
    if config == RegistrationConfig::default() {
        return Ok(None);
    }
    check(&config)?;
    Ok(Some(config))
}

/// Returns the member as the API writes it.
pub(super) fn value(config: &RegistrationConfig) -> Value {
    let members = [
        ("templateBody", &config.template_body),
        ("roleArn", &config.role_arn),
        ("templateName", &config.template_name),
    ];
    let present =
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))));
    Value::Object(present.collect())
}

fn text(members: &Map<String, Value>, name: &str) -> Result<Option<String>, ApiError> {
    let value = members.get(name).filter(|value| !value.is_null());
    let read = |value: &Value| {
        let text = value.as_str().map(str::to_owned);
        text.ok_or_else(|| expected(&format!("registrationConfig.{name}"), "a string"))
    };
    value.map(read).transpose()
}

fn check(config: &RegistrationConfig) -> Result<(), ApiError> {
    if config.template_body.is_some() && config.template_name.is_some() {
        return Err(ApiError::invalid("templateBody and templateName exclude each other"));
    }
    if let Some(role) = &config.role_arn
        && !(role.starts_with("arn:") && (20..=2048).contains(&role.len()))
    {
        return Err(expected("registrationConfig.roleArn", "the ARN of a role"));
    }
    let Some(body) = &config.template_body else { return Ok(()) };
    if config.role_arn.is_none() {
        return Err(ApiError::invalid("registrationConfig.roleArn is missing; a template needs it"));
    }
    template(TemplateKind::Jitp, "registrationConfig.templateBody", body).map(drop)
}

/// Checks that the named template exists and is for just-in-time provisioning. Whether it is enabled counts at a
/// connect.
///
/// # Errors
/// 400.
pub(super) fn check_template(registry: &Registry, config: &RegistrationConfig) -> Result<(), ApiError> {
    let Some(name) = &config.template_name else { return Ok(()) };
    match registry.provisioning_template(name) {
        Some(template) if template.template_type == TemplateType::Jitp => Ok(()),
        Some(template) => Err(ApiError::invalid(format!(
            "provisioning template {name} of registrationConfig.templateName has the type {}; expected JITP",
            template.template_type
        ))),
        None => Err(ApiError::invalid(format!(
            "provisioning template {name} of registrationConfig.templateName does not exist; \
             help: call CreateProvisioningTemplate with type JITP first"
        ))),
    }
}
