//! What callers with temporary credentials may do: what their role allows.

use crate::api::routes::Route;
use crate::api::service::Service;
use crate::cloud::Cloud;
use crate::credentials::Caller;
use crate::error::{ApiError, ErrorKind};

/// Checks that a caller may call an operation. The operator may call every one, and so may the user of a key that this
/// gateway does not know: tools and CI have such keys.
///
/// # Errors
/// 403 with AWS's text.
pub(crate) fn check(cloud: &Cloud, caller: Option<&Caller>, route: &Route) -> Result<(), ApiError> {
    match caller {
        None | Some(Caller::Operator) => Ok(()),
        // AWS allows it without a policy.
        Some(Caller::Session(_)) if route.name == "GetCallerIdentity" => Ok(()),
        Some(caller @ Caller::Session(_)) => {
            Err(ApiError::new(ErrorKind::AccessDenied, text(cloud, caller, route)))
        }
    }
}

fn text(cloud: &Cloud, caller: &Caller, route: &Route) -> String {
    let user = caller.arn(cloud.account());
    let action = action(route);
    format!(
        "User: {user} is not authorized to perform: {action} because no identity-based policy allows the {action} \
         action"
    )
}

/// Returns the name of the operation in a policy, such as `iot:AttachPolicy`.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>
pub(crate) fn action(route: &Route) -> String {
    let prefix = match route.service {
        Service::Iot | Service::IotData => "iot",
        Service::CognitoIdentity => "cognito-identity",
        Service::Sts => "sts",
        Service::Lambda => "lambda",
    };
    // The operation Invoke is the action InvokeFunction.
    let name = if route.service == Service::Lambda { "InvokeFunction" } else { route.name };
    format!("{prefix}:{name}")
}
