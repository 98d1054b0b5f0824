//! What temporary credentials allow over HTTPS, in the control plane, and for functions.

use serde_json::{Value, json};

use super::support::{Identities, apps};
use crate::statements::{allow, allow_all};
use crate::support::{denial, find};
use crate::topic_rules::rule_function;
use iot_local_gateway::event_log::EntryKind;

/// The status of a response.
fn status(response: &str) -> u16 {
    response.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

/// The role's statements, those of the policy (none: not attached), and which topics may be published to.
#[tokio::test]
async fn an_https_publish_needs_the_role_and_the_policy() {
    let sub = "${cognito-identity.amazonaws.com:sub}";
    let publish = |resources: &[&str]| json!([allow("Publish", resources)]);
    let both = json!([allow("Publish", &["topic/*"]), allow("RetainPublish", &["topic/a"])]);
    let rows: Vec<(Value, Option<Value>, &str, u16, &str)> = vec![
        (allow_all(), Some(allow_all()), "a", 200, ""),
        (publish(&["topic/a"]), Some(publish(&["topic/a"])), "a", 200, ""),
        (publish(&["topic/*"]), Some(publish(&[&format!("topic/{sub}")])), "SUB", 200, ""),
        (publish(&[&format!("topic/{sub}")]), Some(allow_all()), "SUB", 200, ""),
        (allow_all(), Some(both.clone()), "a?retain=true", 200, ""),
        (both.clone(), Some(allow_all()), "a?retain=true", 200, ""),
        (allow_all(), None, "a", 403, "aws iot attach-policy --policy-name NAME --target us-east-1:"),
        (
            publish(&["topic/a"]),
            Some(publish(&["topic/b"])),
            "a",
            403,
            "policies of the identity: no statement",
        ),
        (publish(&["topic/a"]), Some(publish(&["topic/b"])), "b", 403, "role app: no statement allows"),
        (publish(&["topic/a"]), Some(publish(&["topic/b"])), "c", 403, "role app: no statement allows"),
        (allow_all(), Some(both.clone()), "b?retain=true", 403, "iot:RetainPublish"),
        (both, Some(allow_all()), "b?retain=true", 403, "iot:RetainPublish"),
        (publish(&[&format!("topic/{sub}")]), Some(allow_all()), "a", 403, "role app"),
        // Without a client id, its variable has no value.
        (publish(&["topic/${iot:ClientId}*"]), Some(allow_all()), "a", 403, "${iot:ClientId} has no value"),
        (allow_all(), Some(publish(&["topic/${iot:ClientId}*"])), "a", 403, "${iot:ClientId} has no value"),
        (
            json!([{ "Effect": "Allow", "Action": "*", "Resource": "arn:aws:iot:eu-west-1:123456789012:*" }]),
            Some(allow_all()),
            "a",
            403,
            "role app",
        ),
    ];
    let gateway = Identities::open().await;
    let (id, credentials) = gateway.person("ana").await;
    for (number, (by_role, by_policy, topic, expected, reason)) in (1..).zip(rows) {
        gateway.set_role(&by_role);
        let name = format!("policy-{number}");
        if let Some(statements) = &by_policy {
            gateway.api().create_policy(&name, statements).await;
            gateway.attach(&name, &id).await;
        }
        let mut event_log = gateway.running.event_log.subscribe();
        let target = format!("/topics/{}", topic.replace("SUB", &id));
        let response = gateway.signed("iotdata", ("POST", &target), "x", &credentials).await;
        assert_eq!(status(&response), expected, "row {number}: {response}");
        if expected == 403 {
            let text = find(&mut event_log, |kind| match kind {
                EntryKind::Denied { reason, .. } => Some(reason.clone()),
                kind => denial(kind),
            });
            let text = text.await;
            assert!(text.contains(reason), "row {number}: {text}");
            assert!(
                response.contains("ForbiddenException") || response.contains("\"message\""),
                "{response}"
            );
        }
        if by_policy.is_some() {
            gateway.detach(&name, &id).await;
        }
    }
}

/// Trap 7: shadows need both, retained messages and lists the role alone.
#[tokio::test]
async fn rest_reads_need_the_role_and_some_the_policy() {
    let gateway = Identities::open().await;
    let (id, credentials) = gateway.person("ana").await;
    gateway.api().create_policy("all", &allow_all()).await;
    let only = |action: &str, resource: &str| json!([allow(action, &[resource])]);
    let lists = json!([{ "Effect": "Allow", "Action": "iot:List*", "Resource": "*" }]);
    // 404: allowed, but absent.
    for (by_role, is_attached, request, expected) in [
        (only("GetRetainedMessage", "topic/a"), false, ("GET", "/retainedMessage/a"), 404),
        (only("GetRetainedMessage", "topic/a"), false, ("GET", "/retainedMessage/b"), 403),
        (only("Publish", "topic/a"), true, ("GET", "/retainedMessage/a"), 403),
        (lists.clone(), false, ("GET", "/retainedMessage"), 200),
        (only("ListRetainedMessages", "topic/a"), true, ("GET", "/retainedMessage"), 403),
        (lists, false, ("GET", "/api/things/shadow/ListNamedShadowsForThing/lamp"), 200),
        (only("GetThingShadow", "thing/lamp"), true, ("GET", "/things/lamp/shadow"), 404),
        (only("GetThingShadow", "thing/lamp"), false, ("GET", "/things/lamp/shadow"), 403),
        (only("GetThingShadow", "thing/fan"), true, ("GET", "/things/lamp/shadow"), 403),
        (only("GetThingShadow", "thing/lamp"), true, ("DELETE", "/things/lamp/shadow"), 403),
        (only("DeleteThingShadow", "thing/lamp"), false, ("DELETE", "/things/lamp/shadow"), 403),
    ] {
        gateway.set_role(&by_role);
        if is_attached {
            gateway.attach("all", &id).await;
        }
        let response = gateway.signed("iotdata", request, "", &credentials).await;
        assert_eq!(status(&response), expected, "{by_role} {request:?}: {response}");
        gateway.detach("all", &id).await;
    }
}

/// The control plane is the role's alone. The shipped role allows `attach` and nothing else of it.
#[tokio::test]
async fn the_role_decides_calls_of_the_control_plane() {
    let gateway = Identities::open_with(|options, _| {
        options.functions = vec![rule_function("attach"), rule_function("other")];
    })
    .await;
    gateway.api().create_policy("app", &apps()).await;
    let (id, credentials) = gateway.person("ana").await;
    let attach = json!({ "target": id }).to_string();
    let invoke = "/2015-03-31/functions/attach/invocations";
    let denied = "AccessDeniedException";
    let statement =
        |action: &str, resource: &str| json!([{ "Effect": "Allow", "Action": action, "Resource": resource }]);
    let policy = "arn:aws:iot:us-east-1:123456789012:policy/app";
    let own: Option<Value> = None;
    for (by_role, service, request, body, expected, part) in [
        (own.clone(), "lambda", ("POST", invoke), "{}", 200, ""),
        (own.clone(), "lambda", ("POST", "/2015-03-31/functions/other/invocations"), "{}", 403, denied),
        (own.clone(), "iot", ("PUT", "/target-policies/app"), attach.as_str(), 403, denied),
        (own.clone(), "iot", ("GET", "/things"), "", 403, denied),
        (own.clone(), "iot", ("POST", "/policies/x"), "{}", 403, "iot:CreatePolicy"),
        (own.clone(), "iot", ("POST", "/keys-and-certificate"), "{}", 403, "iot:CreateKeysAndCertificate"),
        (
            own,
            "sts",
            ("POST", "/"),
            "Action=GetCallerIdentity",
            200,
            "assumed-role/app/CognitoIdentityCredentials",
        ),
        (
            Some(statement("iot:GetPolicy", policy)),
            "iot",
            ("GET", "/policies/app"),
            "",
            200,
            "policyDocument",
        ),
        (
            Some(statement("iot:GetPolicy", policy)),
            "iot",
            ("GET", "/policies/other"),
            "",
            403,
            "policy/other",
        ),
        (Some(statement("iot:GetPolicy", policy)), "iot", ("GET", "/policies"), "", 403, "iot:ListPolicies"),
        (Some(statement("iot:List*", "*")), "iot", ("GET", "/policies"), "", 200, "policies"),
        (Some(statement("iot:List*", policy)), "iot", ("GET", "/policies"), "", 403, denied),
        // The target of AttachPolicy is an identity, which has no ARN: no role can be limited to it.
        (
            Some(statement("iot:AttachPolicy", policy)),
            "iot",
            ("PUT", "/target-policies/app"),
            &attach,
            403,
            denied,
        ),
        (Some(statement("iot:AttachPolicy", "*")), "iot", ("PUT", "/target-policies/app"), &attach, 200, ""),
        (
            Some(statement("lambda:*", "*")),
            "lambda",
            ("POST", "/2015-03-31/functions/other/invocations"),
            "{}",
            200,
            "",
        ),
        (
            Some(statement("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:123456789012:function:other")),
            "lambda",
            ("POST", invoke),
            "{}",
            403,
            "function:attach",
        ),
        (
            Some(json!([
                { "Effect": "Allow", "Action": "*", "Resource": "*" },
                { "Effect": "Deny", "Action": "iot:Delete*", "Resource": "*" },
            ])),
            "iot",
            ("DELETE", "/policies/app"),
            "",
            403,
            "with an explicit deny",
        ),
    ] {
        if let Some(statements) = by_role {
            gateway.set_role(&statements);
        }
        let response = gateway.signed(service, request, body, &credentials).await;
        assert_eq!(status(&response), expected, "{request:?}: {response}");
        assert!(response.contains(part), "{part}: {response}");
    }
}

/// The rights follow the role, whose file may change, and end with it.
#[tokio::test]
async fn a_role_that_no_longer_exists_allows_nothing() {
    let gateway = Identities::open().await;
    gateway.api().create_policy("app", &apps()).await;
    let (id, credentials) = gateway.person("ana").await;
    gateway.attach("app", &id).await;
    assert!(gateway.connect(&id, &credentials).await.is_ok());
    gateway.running.cloud.set_identity_pool(None);
    let mut event_log = gateway.running.event_log.subscribe();
    assert!(gateway.connect(&id, &credentials).await.is_err());
    let reason = find(&mut event_log, denial).await;
    assert!(reason.contains("role/app no longer exists"), "{reason}");
    let response = gateway.signed("iot", ("GET", "/things"), "", &credentials).await;
    assert_eq!(status(&response), 403, "{response}");
}
