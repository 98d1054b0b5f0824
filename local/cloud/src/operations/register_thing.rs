//! RegisterThing: one device by a template.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_RegisterThing.html>

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Input, expected};
use crate::cloud::Cloud;
use crate::error::ApiError;
use crate::provisioning::{Parameters, Template, TemplateKind};

/// RegisterThing. The parameters must have a value for each that the template declares without a default.
///
/// # Errors
/// 400: the template is invalid, or it and its parameters do not fit what is registered.
pub(crate) fn register_thing(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let template =
        template(TemplateKind::Registration, "templateBody", input.required_text("templateBody")?)?;
    let none = Map::new();
    let parameters = parameters(input.object("parameters")?.unwrap_or(&none))?;
    let provisioned = cloud.provision(&template, &parameters)?;
    Ok(json!({
        "certificatePem": provisioned.certificate_pem,
        "resourceArns": provisioned.resource_arns,
    }))
}

/// Reads a template.
///
/// # Errors
/// InvalidRequest with all errors of the template.
pub(super) fn template(kind: TemplateKind, member: &str, body: &str) -> Result<Template, ApiError> {
    Template::parse(kind, body).map_err(|errors| ApiError::invalid(format!("invalid {member}; {errors}")))
}

/// Reads the values of parameters.
///
/// # Errors
/// InvalidRequest that names the parameter.
pub(super) fn parameters(members: &Map<String, Value>) -> Result<Parameters, ApiError> {
    let mut values = BTreeMap::new();
    for (name, value) in members {
        let value = value.as_str().ok_or_else(|| expected(&format!("parameters.{name}"), "a string"))?;
        values.insert(name.clone(), value.to_owned());
    }
    Parameters::new(values).map_err(|error| ApiError::invalid(error.to_string()))
}
