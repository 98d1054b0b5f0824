//! AssumeRoleWithWebIdentity, the second step of the classic flow of identity pools.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>

use std::ops::RangeInclusive;
use std::time::Duration;

use iot_local_base::names::is_name;
use iot_local_base::timestamp;
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::credentials::{Caller, CognitoIdentity, Session};
use crate::error::{ApiError, ErrorKind};
use crate::identity_pool::{ISSUER, IdentityPool, InvalidIdentityToken};
use crate::operations::{Input, cognito_identity};

/// The seconds that credentials may live.
const LIFETIMES: RangeInclusive<u64> = 900..=43_200;
/// The seconds that credentials live without `DurationSeconds`.
const DEFAULT_LIFETIME: u64 = 3600;

/// AssumeRoleWithWebIdentity: takes a token of GetOpenIdToken, and gives the credentials of a role that trusts it.
pub(crate) fn assume_role_with_web_identity(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let name = required(input, "RoleSessionName")?;
    if !is_name(name, "_=,.@-", 2..=64) {
        return Err(invalid("RoleSessionName must have 2 to 64 letters, digits or _=,.@-"));
    }
    let (arn, token) = (required(input, "RoleArn")?, required(input, "WebIdentityToken")?);
    let lifetime = lifetime(input)?;
    for member in input.body.keys() {
        if member == "Policy" || member.starts_with("PolicyArns") || member == "ProviderId" {
            let message = format!("{member} is not implemented by this gateway; nothing was issued");
            return Err(ApiError::new(ErrorKind::NotImplemented, message));
        }
    }
    let pool = cloud.identity_pool().filter(|pool| pool.classic);
    let pool = pool.ok_or_else(|| {
        denied().with_note("the classic flow is off; help: classic = true in [identity_pool] of local.toml")
    })?;
    let identity = verify(cloud, &pool, token)?;
    let role = pool.roles.values().find(|role| role.arn(cloud.account()) == arn);
    let role = role.ok_or_else(|| denied().with_note(format!("local.toml has no role {}", shorten(arn))))?;
    cognito_identity::trusted(role, &identity).map_err(|reason| denied().with_note(reason))?;
    let principal = format!("{}:{name}", role.id());
    let (subject, audience) = (identity.id.clone(), identity.pool.clone());
    let session = Session {
        role_arn: arn.to_owned(),
        session_name: name.to_owned(),
        role: role.clone(),
        identity: Some(identity),
    };
    let caller = Caller::Session(session.clone().into());
    let issued = cloud.credentials().issue(session, lifetime)?;
    Ok(json!({
        "SubjectFromWebIdentityToken": subject,
        "Audience": audience,
        "Provider": ISSUER,
        "AssumedRoleUser": {
            "Arn": caller.arn(cloud.account()),
            "AssumedRoleId": principal,
        },
        "Credentials": {
            "AccessKeyId": issued.access_key_id,
            "SecretAccessKey": issued.secret_access_key,
            "SessionToken": issued.session_token,
            "Expiration": timestamp::date(u64::try_from(issued.expiration).unwrap_or_default()),
        },
    }))
}

/// Returns the identity that a token is about.
fn verify(cloud: &Cloud, pool: &IdentityPool, token: &str) -> Result<CognitoIdentity, ApiError> {
    let now = cloud.credentials().now();
    let key = cloud.pool_state().key();
    let verified = key.map_or(Err(InvalidIdentityToken::Foreign), |key| key.verify(token, &pool.id, now));
    let (kind, message, note) = match verified {
        Ok(token) => return Ok(token.identity()),
        Err(InvalidIdentityToken::Expired) => {
            (ErrorKind::ExpiredIdentityToken, "Token expired", "tokens of GetOpenIdToken live ten minutes")
        }
        Err(InvalidIdentityToken::OtherPool) => (
            ErrorKind::InvalidIdentityToken,
            "Incorrect token audience",
            "the token is of another identity pool",
        ),
        Err(InvalidIdentityToken::Foreign) => (
            ErrorKind::InvalidIdentityToken,
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
            "the web identity token is not one of this gateway; help: GetOpenIdToken gives one",
        ),
    };
    Err(ApiError::new(kind, message).with_note(note))
}

fn lifetime(input: &Input) -> Result<Duration, ApiError> {
    let Some(text) = input.body.get("DurationSeconds") else {
        return Ok(Duration::from_secs(DEFAULT_LIFETIME));
    };
    let seconds = text.as_str().and_then(|text| text.parse().ok());
    let seconds = seconds.filter(|seconds| LIFETIMES.contains(seconds));
    let seconds = seconds.ok_or_else(|| invalid("DurationSeconds must be between 900 and 43200"))?;
    Ok(Duration::from_secs(seconds))
}

fn required<'a>(input: &'a Input, name: &str) -> Result<&'a str, ApiError> {
    let value = input.body.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
    value.ok_or_else(|| invalid(format!("{name} is missing")))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::Validation, message)
}

fn denied() -> ApiError {
    ApiError::new(ErrorKind::AccessDenied, "Not authorized to perform sts:AssumeRoleWithWebIdentity")
}

/// Returns the start of a text that a client chose.
fn shorten(text: &str) -> String {
    text.chars().take(128).collect::<String>().escape_debug().to_string()
}
