//! What callers with temporary credentials may do: what their role allows.

use iot_local_policy::{Access, Context};

use crate::api::routes::Route;
use crate::api::service::Service;
use crate::cloud::Cloud;
use crate::credentials::{Caller, CognitoIdentity};
use crate::error::{ApiError, ErrorKind};
use crate::operations::{Input, lambda};

/// The labels of paths, and the kinds of the resources that they name. An operation without such a label needs the
/// resource `*`.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsiot.html>
const RESOURCES: [(&str, &str); 10] = [
    ("policyName", "policy"),
    ("thingName", "thing"),
    ("thingTypeName", "thingtype"),
    ("thingGroupName", "thinggroup"),
    ("certificateId", "cert"),
    ("caCertificateId", "cacert"),
    ("templateName", "provisioningtemplate"),
    ("ruleName", "rule"),
    ("authorizerName", "authorizer"),
    ("target", ""),
];

/// The operations that name a policy, and whose resource is the target: the ARN of a certificate or a thing group. An
/// identity has no ARN, so that no role can be limited to one's own.
const ON_TARGETS: [&str; 4] =
    ["AttachPolicy", "DetachPolicy", "AttachPrincipalPolicy", "DetachPrincipalPolicy"];

/// Checks that a caller may call an operation. The operator may call every one, and so may the user of a key that this
/// gateway does not know: tools and CI have such keys.
///
/// # Errors
/// 403 with AWS's text.
pub(crate) fn check(cloud: &Cloud, input: &Input, route: &Route) -> Result<(), ApiError> {
    let (caller, session) = match &input.caller {
        None | Some(Caller::Operator) => return Ok(()),
        Some(caller @ Caller::Session(session)) => (caller, session),
    };
    // AWS allows it without a policy.
    if route.name == "GetCallerIdentity" {
        return Ok(());
    }
    let (action, resource) = (action(route), resource(cloud, input, route));
    let user = caller.arn(cloud.account());
    let denied = |why: &str, note: String| {
        let on = if resource == "*" { String::new() } else { format!(" on resource: {resource}") };
        let message = format!("User: {user} is not authorized to perform: {action}{on} {why}");
        ApiError::new(ErrorKind::AccessDenied, message).with_note(note)
    };
    let none = format!("because no identity-based policy allows the {action} action");
    let role = cloud.role_of(session).map_err(|refusal| denied(&none, refusal.to_string()))?;
    let cognito = session.identity.as_ref().map(CognitoIdentity::context);
    let context = Context { cognito, ..Context::default() };
    let verdict = role.decide(&Access { action: &action, resource: &resource, context: &context });
    match (verdict.allowed, verdict.decided_by) {
        (true, _) => Ok(()),
        (false, Some(_)) => Err(denied("with an explicit deny in an identity-based policy", verdict.reason)),
        (false, None) => Err(denied(&none, verdict.reason)),
    }
}

/// Returns the ARN of the resource of a call, or `*`.
fn resource(cloud: &Cloud, input: &Input, route: &Route) -> String {
    let any = || "*".to_owned();
    if route.service == Service::Lambda {
        let name = input.label("FunctionName").and_then(|name| lambda::function_arn(cloud, name));
        return name.unwrap_or_else(|_| any());
    }
    let arn = |text: &str| text.starts_with("arn:").then(|| text.to_owned());
    if ON_TARGETS.contains(&route.name) {
        let header = || input.required_header("x-amzn-iot-principal").ok();
        return input.text("target").ok().flatten().or_else(header).and_then(arn).unwrap_or_else(any);
    }
    let labelled = RESOURCES.iter().find_map(|(label, kind)| Some((input.label(label).ok()?, *kind)));
    match labelled {
        Some((target, "")) => arn(target).unwrap_or_else(any),
        Some((name, kind)) => cloud.account().arn(format_args!("{kind}/{name}")),
        None => any(),
    }
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
