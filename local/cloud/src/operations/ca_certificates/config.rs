//! What the first connect of a device does: `registrationConfig`.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_RegistrationConfig.html>

use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::operations::{Input, expected};
use crate::registry::RegistrationConfig;

/// The longest template, in characters.
const MAX_TEMPLATE: usize = 10_240;

/// Reads the member, if it is there. An empty one counts as absent.
///
/// # Errors
/// 400: another form, a template without role, or both a template and the name of one.
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
    if body.chars().count() > MAX_TEMPLATE {
        return Err(expected("registrationConfig.templateBody", "10240 characters at most"));
    }
    let template = serde_json::from_str::<Map<String, Value>>(body).unwrap_or_default();
    if ["Parameters", "Resources"].iter().all(|name| template.get(*name).is_some_and(Value::is_object)) {
        Ok(())
    } else {
        Err(expected(
            "registrationConfig.templateBody",
            "a JSON object with the objects Parameters and Resources",
        ))
    }
}
