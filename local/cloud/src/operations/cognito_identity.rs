//! The operations of identity pools. None is signed: a login is what they check.
//! <https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/>

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Input;
use crate::cloud::Cloud;
use crate::credentials::{CognitoIdentity, Session};
use crate::error::{ApiError, ErrorKind};
use crate::identity_pool::{IdentityPool, IdentityToken, Login};
use crate::role::Role;

/// How long credentials of the enhanced flow live.
/// <https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flow.html>
const LIFETIME: Duration = Duration::from_secs(3600);

/// The session name that Cognito gives.
const SESSION_NAME: &str = "CognitoIdentityCredentials";

/// GetId: the identity of a login, or a new guest.
pub(crate) fn get_id(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let id = text(input, "IdentityPoolId")?;
    let pool = cloud.identity_pool().filter(|pool| pool.id == id);
    let pool = pool.ok_or_else(|| not_found(cloud, "IdentityPool", id))?;
    let id = match login(cloud, &pool, input)? {
        Some((identity, _)) => identity.id,
        None if pool.guests => pool.new_guest(),
        None => return Err(no_guests()),
    };
    Ok(json!({ "IdentityId": id }))
}

/// GetCredentialsForIdentity, the enhanced flow.
pub(crate) fn get_credentials_for_identity(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let (pool, identity, login) = identity(cloud, input)?;
    let role = pool.role_of(login.as_ref()).ok_or_else(|| misconfigured("the pool's role does not exist"))?;
    let arn = role.arn(cloud.account());
    if text_or_none(input, "CustomRoleArn")?.is_some_and(|custom| custom != arn) {
        return Err(invalid("The role in CustomRoleArn is not the role of this identity."));
    }
    trusted(role, &identity).map_err(misconfigured)?;
    let id = identity.id.clone();
    let session = Session {
        role_arn: arn,
        session_name: SESSION_NAME.to_owned(),
        role: Arc::clone(role),
        identity: Some(identity),
    };
    let issued = cloud.credentials().issue(session, LIFETIME)?;
    Ok(json!({
        "IdentityId": id,
        "Credentials": {
            "AccessKeyId": issued.access_key_id,
            "SecretKey": issued.secret_access_key,
            "SessionToken": issued.session_token,
            "Expiration": issued.expiration,
        },
    }))
}

/// GetOpenIdToken, the first step of the classic flow.
pub(crate) fn get_open_id_token(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let (pool, identity, _) = identity(cloud, input)?;
    if !pool.classic {
        return Err(invalid("Basic (classic) flow is not enabled, please use enhanced flow.")
            .with_note("the classic flow is off; help: classic = true in [identity_pool] of local.toml"));
    }
    if !pool.mapping.is_empty() {
        return Err(invalid(
            "Basic (classic) flow is not supported with RoleMappings, please use enhanced flow.",
        ));
    }
    let failed = || ApiError::new(ErrorKind::InternalFailure, "the token cannot be signed");
    let token = IdentityToken::new(&identity, cloud.credentials().now());
    let token = cloud.pool_state().key().and_then(|key| key.sign(&token)).ok_or_else(failed)?;
    Ok(json!({ "IdentityId": identity.id, "Token": token }))
}

/// Checks that the trust policy of a role allows an identity to have it.
///
/// # Errors
/// Why it does not, for the operator.
pub(super) fn trusted(role: &Role, identity: &CognitoIdentity) -> Result<(), String> {
    let verdict = role.trust().decide(&identity.context());
    match verdict.allowed {
        true => Ok(()),
        false => {
            Err(format!("the trust policy of role {} denies the identity: {}", role.name, verdict.reason))
        }
    }
}

/// Returns the pool, the identity of the input, and its login. A guest has none.
fn identity(
    cloud: &Cloud,
    input: &Input,
) -> Result<(Arc<IdentityPool>, CognitoIdentity, Option<Login>), ApiError> {
    let id = text(input, "IdentityId")?;
    let pool = cloud.identity_pool().ok_or_else(|| not_found(cloud, "Identity", id))?;
    if let Some((identity, login)) = login(cloud, &pool, input)? {
        if identity.id != id {
            return Err(not_authorized(
                "Logins don't match. Please include at least one valid login for this identity or identity pool.",
            ));
        }
        return Ok((pool, identity, Some(login)));
    }
    if !pool.guests {
        return Err(no_guests());
    }
    // An identity of a login needs the login.
    let guest = pool.guest(id);
    let guest = guest.ok_or_else(|| not_authorized(format!("Access to Identity '{id}' is forbidden.")))?;
    Ok((pool, guest, None))
}

/// Verifies the login of the input, if it has one.
fn login(
    cloud: &Cloud,
    pool: &IdentityPool,
    input: &Input,
) -> Result<Option<(CognitoIdentity, Login)>, ApiError> {
    let logins = input.body.get("Logins").filter(|logins| !logins.is_null());
    let Some(logins) = logins else { return Ok(None) };
    let logins = logins.as_object().ok_or_else(|| invalid("Logins must be an object."))?;
    let mut logins = logins.iter();
    let Some((name, token)) = logins.next() else { return Ok(None) };
    if logins.next().is_some() {
        return Err(ApiError::new(
            ErrorKind::NotImplemented,
            "several logins of one identity are not implemented by this gateway; send one",
        ));
    }
    let token = token.as_str().ok_or_else(|| invalid("A login must be a string."))?;
    let provider = pool.provider(name).ok_or_else(|| {
        let known: Vec<_> = pool.providers.iter().map(|provider| provider.name()).collect();
        not_authorized("Token is not from a supported provider of this identity pool.").with_note(format!(
            "unknown login provider {:?}; expected one of {}; help: providers in [identity_pool] of local.toml",
            name.chars().take(128).collect::<String>(),
            known.join(", ")
        ))
    })?;
    let login = provider.verify(token, (cloud.options().clock)());
    let login = login.map_err(|denial| {
        not_authorized(denial.message).with_note(format!("a login of {name} was denied: {}", denial.reason))
    })?;
    Ok(Some((pool.identity(provider, &login), login)))
}

fn text<'a>(input: &'a Input, name: &str) -> Result<&'a str, ApiError> {
    let value = text_or_none(input, name)?.filter(|text| is_id(text));
    value.ok_or_else(|| invalid(format!("{name} must have the form REGION:UUID.")))
}

fn text_or_none<'a>(input: &'a Input, name: &str) -> Result<Option<&'a str>, ApiError> {
    let value = input.body.get(name).filter(|value| !value.is_null());
    value.map(|value| value.as_str().ok_or_else(|| invalid(format!("{name} must be a string.")))).transpose()
}

/// `[\w-]+:[0-9a-f-]+`, 55 characters at most.
fn is_id(text: &str) -> bool {
    let is_region = |region: &str| {
        !region.is_empty() && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    let is_uuid =
        |id: &str| !id.is_empty() && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'));
    text.len() <= 55 && text.split_once(':').is_some_and(|(region, id)| is_region(region) && is_uuid(id))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::InvalidParameter, message)
}

fn not_authorized(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::NotAuthorized, message)
}

fn no_guests() -> ApiError {
    not_authorized("Unauthenticated access is not supported for this identity pool.").with_note(
        "a call without a login; help: send Logins, or guests = true in [identity_pool] of local.toml",
    )
}

fn misconfigured(reason: impl Into<String>) -> ApiError {
    let message = "Invalid identity pool configuration. Check assigned IAM roles for this pool.";
    ApiError::new(ErrorKind::InvalidPoolConfiguration, message).with_note(reason)
}

fn not_found(cloud: &Cloud, what: &str, id: &str) -> ApiError {
    let note = match cloud.identity_pool() {
        Some(pool) => format!("the identity pool of this gateway is {}", pool.id),
        None => "this gateway has no identity pool".to_owned(),
    };
    ApiError::new(ErrorKind::UnknownIdentity, format!("{what} '{id}' not found.")).with_note(note)
}
