//! The caller's identity.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>

mod web_identity;

use serde_json::{Value, json};

pub(crate) use self::web_identity::assume_role_with_web_identity;

use crate::cloud::Cloud;
use crate::credentials::Caller;
use crate::error::ApiError;
use crate::operations::Input;

/// Answers who signed the request. The users of keys that this gateway does not know are the account's root user, as
/// the operator is.
pub(crate) fn get_caller_identity(cloud: &Cloud, input: &Input) -> Result<Value, ApiError> {
    let account = cloud.account();
    let caller = input.caller.as_ref().unwrap_or(&Caller::Operator);
    let user = caller.user_id(account);
    Ok(json!({ "Arn": caller.arn(account), "UserId": user, "Account": account.id() }))
}
