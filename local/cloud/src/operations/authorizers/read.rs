//! The members of requests for authorizers.

use std::collections::BTreeMap;

use iot_local_base::names::is_name;

use super::super::names::{FUNCTION_NAME, SIGNING_KEY_NAME, TOKEN_KEY_NAME};
use super::super::{Input, expected, missing};
use crate::error::ApiError;
use crate::registry::Authorizer;
use crate::signing_key::SigningKey;

const MAX_ARN: usize = 2048;
const MAX_KEY: usize = 5120;

/// Reads `authorizerFunctionArn`: `arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME`, with or without a version or an
/// alias.
pub(super) fn function_arn(input: &Input) -> Result<Option<String>, ApiError> {
    let Some(arn) = input.text("authorizerFunctionArn")? else { return Ok(None) };
    if arn.len() <= MAX_ARN && is_function_arn(arn) {
        return Ok(Some(arn.to_owned()));
    }
    Err(expected("authorizerFunctionArn", "arn:aws:lambda:REGION:ACCOUNT:function:NAME"))
}

fn is_function_arn(arn: &str) -> bool {
    let mut parts = arn.split(':');
    let mut next = || parts.next().unwrap_or_default();
    let is_lambda = next() == "arn" && next().starts_with("aws") && next() == "lambda";
    let is_region = is_name(next(), "-", 1..=32);
    let account = next();
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_function = next() == "function" && FUNCTION_NAME.check("", next()).is_ok();
    let is_qualifier =
        parts.next().is_none_or(|name| name == "$LATEST" || FUNCTION_NAME.check("", name).is_ok());
    is_lambda && is_region && is_account && is_function && is_qualifier && parts.next().is_none()
}

/// Reads `tokenKeyName`.
pub(super) fn token_key(input: &Input) -> Result<Option<String>, ApiError> {
    let name = input.text("tokenKeyName")?;
    name.map(|name| TOKEN_KEY_NAME.check("tokenKeyName", name).map(str::to_owned)).transpose()
}

/// Reads `tokenSigningPublicKeys`: the public keys as PEM, by name.
pub(super) fn signing_keys(input: &Input) -> Result<Option<BTreeMap<String, String>>, ApiError> {
    const MEMBER: &str = "tokenSigningPublicKeys";
    let Some(keys) = input.object(MEMBER)? else { return Ok(None) };
    let read = |(name, value): (&String, &serde_json::Value)| {
        SIGNING_KEY_NAME.check("the name of tokenSigningPublicKeys", name)?;
        let pem = value.as_str().filter(|pem| pem.len() <= MAX_KEY);
        let pem = pem.ok_or_else(|| expected(MEMBER, "a map to PEM of up to 5120 characters"))?;
        SigningKey::from_pem(pem).map_err(|error| {
            let error = error.to_string();
            ApiError::invalid(format!("invalid {MEMBER}, key {name}: {}", error.replace("\n  ", "; ")))
        })?;
        Ok((name.clone(), pem.to_owned()))
    };
    keys.iter().map(read).collect::<Result<_, _>>().map(Some)
}

/// Token signing needs the name of the token, and a key.
pub(super) fn check_signing(authorizer: &Authorizer) -> Result<(), ApiError> {
    let help = |name| ApiError::invalid(format!("{}, since token signing is on", missing(name).message));
    match authorizer {
        Authorizer { signing_disabled: true, .. } => Ok(()),
        Authorizer { token_key: None, .. } => Err(help("tokenKeyName")),
        Authorizer { signing_keys, .. } if signing_keys.is_empty() => Err(help("tokenSigningPublicKeys")),
        _ => Ok(()),
    }
}
