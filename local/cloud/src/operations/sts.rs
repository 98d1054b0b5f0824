//! The caller's identity.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>

mod web_identity;

use serde_json::{Value, json};

pub(crate) use self::web_identity::assume_role_with_web_identity;

use crate::cloud::Cloud;
use crate::error::ApiError;
use crate::operations::Input;

/// Answers the account's root user: the control plane accepts every key that it does not know.
pub(crate) fn get_caller_identity(cloud: &Cloud, _input: &Input) -> Result<Value, ApiError> {
    let account = cloud.account().id();
    Ok(json!({ "Arn": format!("arn:aws:iam::{account}:root"), "UserId": account, "Account": account }))
}
