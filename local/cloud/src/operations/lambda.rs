//! Invoke, the one operation of AWS Lambda that this gateway has: a user of the identity pool calls a function.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use crate::cloud::Cloud;
use crate::credentials::{Caller, CognitoIdentity};
use crate::effect::{Effect, Invocation, InvocationType};
use crate::error::{ApiError, ErrorKind};
use crate::operations::Input;

/// The header that says whether the caller waits for the response.
const INVOCATION_TYPE: &str = "x-amz-invocation-type";

/// Names the function and its caller. The gateway invokes it.
pub(crate) fn invoke(cloud: &Cloud, input: &Input) -> Result<Effect, ApiError> {
    let sent =
        input.headers.iter().find(|(name, _)| name == INVOCATION_TYPE).map(|(_, value)| value.as_str());
    let kind = match sent {
        None | Some("RequestResponse") => InvocationType::RequestResponse,
        Some("DryRun") => InvocationType::DryRun,
        Some("Event") => {
            let message =
                "an asynchronous invocation is not implemented by this gateway; nothing was invoked";
            return Err(ApiError::new(ErrorKind::NotImplemented, message));
        }
        Some(_) => {
            let message = format!("invalid {INVOCATION_TYPE}; expected RequestResponse or DryRun");
            return Err(ApiError::invalid(message));
        }
    };
    Ok(Effect::Invoke(Box::new(Invocation {
        function_arn: function_arn(cloud, input.label("FunctionName")?)?,
        kind,
        event: input.raw_body.clone(),
        identity: identity(input.caller.as_ref()),
    })))
}

/// Returns the ARN of a function that is named by its name, its ARN, or the end of its ARN.
pub(crate) fn function_arn(cloud: &Cloud, name: &str) -> Result<String, ApiError> {
    let account = cloud.account();
    let own = format!("arn:aws:lambda:{}:{}:function:", account.region(), account.id());
    let short = name
        .strip_prefix(own.as_str())
        .or_else(|| name.strip_prefix(account.id())?.strip_prefix(":function:"))
        .unwrap_or(name);
    // A version or an alias follows a colon.
    let short = short.split(':').next().unwrap_or_default();
    let is_name = (1..=64).contains(&short.len())
        && short.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    match is_name && (!name.starts_with("arn:") || name.starts_with(&own)) {
        true => Ok(format!("{own}{short}")),
        false => {
            Err(ApiError::not_found(format!("function {:?}", name.chars().take(140).collect::<String>())))
        }
    }
}

fn identity(caller: Option<&Caller>) -> Option<CognitoIdentity> {
    match caller? {
        Caller::Session(session) => session.identity.clone(),
        Caller::Operator => None,
    }
}
