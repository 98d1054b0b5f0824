//! The default authorizer: which one decides about clients that name none.

use serde_json::Value;

use super::super::names::AUTHORIZER_NAME;
use super::super::{Input, empty};
use super::{description, find, named};
use crate::cloud::Cloud;
use crate::error::{ApiError, ErrorKind};
use crate::registry::Change;

/// SetDefaultAuthorizer. From then on the built-in authorizer is the default only if it is named here.
///
/// # Errors
/// 404, 409 if it is the default already.
pub(crate) fn set_default_authorizer(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = AUTHORIZER_NAME.check("authorizerName", input.required_text("authorizerName")?)?;
    let built_in = cloud.built_in_authorizer();
    cloud.write(|registry| {
        find(registry, built_in.as_ref(), name)?;
        if registry.default_authorizer_name(built_in.as_ref()) == Some(name) {
            let existing = Some((name.to_owned(), super::arn(cloud, name)));
            let message = format!("authorizer {name} is the default already");
            return Err(ApiError { existing, ..ApiError::new(ErrorKind::ResourceAlreadyExists, message) });
        }
        let change = Change::SetDefaultAuthorizer { name: Some(name.to_owned()) };
        Ok((vec![change], named(cloud, name)))
    })
}

/// DescribeDefaultAuthorizer.
///
/// # Errors
/// 404 without a default.
pub(crate) fn describe_default_authorizer(cloud: &Cloud, _: &Input) -> Result<Value, ApiError> {
    let built_in = cloud.built_in_authorizer();
    cloud.read(|registry| {
        let name = registry.default_authorizer_name(built_in.as_ref()).ok_or_else(no_default)?;
        Ok(description(cloud, find(registry, built_in.as_ref(), name)?))
    })
}

/// ClearDefaultAuthorizer. From then on clients that name no authorizer are denied.
///
/// # Errors
/// 404 without a default.
pub(crate) fn clear_default_authorizer(cloud: &Cloud, _: &Input) -> Result<Value, ApiError> {
    let built_in = cloud.built_in_authorizer();
    cloud.write(|registry| {
        registry.default_authorizer_name(built_in.as_ref()).ok_or_else(no_default)?;
        Ok((vec![Change::SetDefaultAuthorizer { name: None }], empty()))
    })
}

fn no_default() -> ApiError {
    ApiError::not_found("a default authorizer")
}
