//! What a certificate may do, asked without a connection.

#![cfg(test)]

mod support;

use iot_local_cloud::Cloud;
use iot_local_cloud::connect::Presented;
use iot_local_cloud::registry::{Change, PolicyTarget, ThingGroup};
use serde_json::{Value, json};
use support::{call, cloud, data, request, succeed};

const ARN: &str = "arn:aws:iot:us-east-1:123456789012:";

/// A registry with an ACTIVE certificate, attached to the thing sensor-1 and to the policy `device`. Returns the
/// certificate's ARN.
fn registered(cloud: &Cloud) -> String {
    let body = json!({ "certificateSigningRequest": data("p256.csr.pem") });
    let certificate = succeed(cloud, "POST", "/certificates?setAsActive=true", &body);
    let arn = certificate["certificateArn"].as_str().unwrap().to_owned();
    policy(
        cloud,
        "device",
        &json!([
            { "Effect": "Allow", "Action": "iot:Connect", "Resource": format!("{ARN}client/${{iot:Connection.Thing.ThingName}}") },
            { "Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": format!("{ARN}topic/${{iot:Connection.Thing.ThingName}}/*") },
            { "Effect": "Deny", "Action": "iot:Publish", "Resource": format!("{ARN}topic/*/secret") }
        ]),
    );
    succeed(cloud, "PUT", "/target-policies/device", &json!({ "target": arn }));
    for thing in ["sensor-1", "sensor-2"] {
        succeed(cloud, "POST", &format!("/things/{thing}"), &Value::Null);
    }
    let mut attach = request("PUT", "/things/sensor-1/principals", Vec::new());
    attach.headers.push(("x-amzn-principal".to_owned(), arn.clone()));
    assert_eq!(cloud.respond(&attach).status, 200);
    arn
}

fn policy(cloud: &Cloud, name: &str, statements: &Value) {
    let document = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    succeed(cloud, "POST", &format!("/policies/{name}"), &json!({ "policyDocument": document }));
}

fn question(action: &str, resource: &str) -> Value {
    json!({ "actionType": action, "resources": [format!("{ARN}{resource}")] })
}

/// The first result.
fn test(cloud: &Cloud, client_id: &str, principal: &str, info: &Value, more: &Value) -> Value {
    let mut body = json!({ "principal": principal, "authInfos": [info] });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    succeed(cloud, "POST", &format!("/test-authorization{client_id}"), &body)["authResults"][0].clone()
}

#[test]
fn policies_decide_as_for_a_connection() {
    let cloud = cloud();
    let arn = registered(&cloud);
    for (client_id, action, resource, expected) in [
        ("?clientId=sensor-1", "CONNECT", "client/sensor-1", "ALLOWED"),
        ("?clientId=sensor-1", "PUBLISH", "topic/sensor-1/t", "ALLOWED"),
        ("?clientId=sensor-1", "RECEIVE", "topic/sensor-1/secret", "ALLOWED"),
        ("?clientId=sensor-1", "PUBLISH", "topic/sensor-1/secret", "EXPLICIT_DENY"),
        ("?clientId=sensor-1", "PUBLISH", "topic/sensor-2/secret", "EXPLICIT_DENY"),
        ("?clientId=sensor-1", "PUBLISH", "topic/sensor-2/t", "IMPLICIT_DENY"),
        ("?clientId=sensor-1", "SUBSCRIBE", "topicfilter/sensor-1/#", "IMPLICIT_DENY"),
        ("?clientId=sensor-1", "CONNECT", "client/sensor-2", "IMPLICIT_DENY"),
        // The name of a thing that is not attached.
        ("?clientId=sensor-2", "CONNECT", "client/sensor-2", "IMPLICIT_DENY"),
        ("?clientId=sensor-2", "PUBLISH", "topic/sensor-2/t", "IMPLICIT_DENY"),
        ("", "PUBLISH", "topic/sensor-1/t", "IMPLICIT_DENY"),
    ] {
        let result = test(&cloud, client_id, &arn, &question(action, resource), &Value::Null);
        assert_eq!(result["authDecision"], expected, "{client_id} {action} {resource}: {result}");
        let has_thing = client_id.ends_with("sensor-1");
        let missing = if has_thing || action == "SUBSCRIBE" {
            json!([])
        } else {
            json!(["iot:Connection.Thing.ThingName"])
        };
        assert_eq!(result["missingContextValues"], missing, "{client_id} {action} {resource}: {result}");
        let listed = match expected {
            "ALLOWED" => &result["allowed"]["policies"],
            "EXPLICIT_DENY" => &result["denied"]["explicitDeny"]["policies"],
            _ => &result["denied"]["implicitDeny"]["policies"],
        };
        assert_eq!(listed, &json!([{ "policyName": "device", "policyArn": format!("{ARN}policy/device") }]));
    }
    let result =
        test(&cloud, "?clientId=sensor-1", &arn, &question("PUBLISH", "topic/sensor-1/t"), &Value::Null);
    let expected = "policy device, statement 2: Allow iot:Publish topic/${iot:Connection.Thing.ThingName}/*";
    assert_eq!(result["reason"], expected);
}

#[test]
fn the_policies_are_those_of_a_connect() {
    let cloud = cloud();
    let arn = registered(&cloud);
    let described =
        succeed(&cloud, "GET", &format!("/certificates/{}", arn.rsplit('/').next().unwrap()), &Value::Null);
    let pem = described["certificateDescription"]["certificatePem"].as_str().unwrap();
    let der = pem::parse(pem).unwrap().into_contents();
    let presented = Presented {
        certificate: &der,
        chain: &[],
        server_name: Some("localhost"),
        client_id: Some("sensor-1"),
    };
    let add = |changes: Vec<Change>| cloud.write(|_| Ok((changes, ()))).unwrap();
    policy(&cloud, "fleet", &json!([{ "Effect": "Allow", "Action": "iot:Subscribe", "Resource": "*" }]));
    add(vec![
        Change::PutThingGroup(group().into()),
        Change::AddToThingGroup { group: "fleet".to_owned(), thing: "sensor-1".to_owned() },
        Change::AttachPolicy {
            policy: "fleet".to_owned(),
            target: PolicyTarget::ThingGroup("fleet".to_owned()),
        },
    ]);
    let of_connect: Vec<_> =
        cloud.rights(&presented).unwrap().policies.into_iter().map(|policy| policy.name).collect();
    assert_eq!(of_connect, ["device", "fleet"]);
    let body = json!({ "principal": arn });
    let effective = succeed(&cloud, "POST", "/effective-policies?thingName=sensor-1", &body);
    let names: Vec<_> = effective["effectivePolicies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|policy| &policy["policyName"])
        .collect();
    assert_eq!(names, ["device", "fleet"]);
    assert!(effective["effectivePolicies"][1]["policyDocument"].as_str().unwrap().contains("iot:Subscribe"));
    let info = question("SUBSCRIBE", "topicfilter/any");
    for (client_id, expected) in [("?clientId=sensor-1", "ALLOWED"), ("?clientId=other", "IMPLICIT_DENY")] {
        assert_eq!(test(&cloud, client_id, &arn, &info, &Value::Null)["authDecision"], expected);
    }
    let alone = succeed(&cloud, "POST", "/effective-policies", &body);
    assert_eq!(alone["effectivePolicies"].as_array().unwrap().len(), 1);
    let of_thing = succeed(&cloud, "POST", "/effective-policies?thingName=sensor-1", &json!({}));
    assert_eq!(of_thing["effectivePolicies"][0]["policyName"], "fleet");
}

#[test]
fn policies_can_be_added_and_skipped() {
    let cloud = cloud();
    let arn = registered(&cloud);
    policy(&cloud, "reader", &json!([{ "Effect": "Allow", "Action": "iot:Subscribe", "Resource": "*" }]));
    let subscribe = question("SUBSCRIBE", "topicfilter/any");
    let publish = question("PUBLISH", "topic/sensor-1/t");
    for (info, more, expected) in [
        (&subscribe, json!({ "policyNamesToAdd": ["reader"] }), "ALLOWED"),
        (&subscribe, json!({ "policyNamesToAdd": [] }), "IMPLICIT_DENY"),
        (&publish, json!({ "policyNamesToSkip": ["device"] }), "IMPLICIT_DENY"),
        (&publish, json!({ "policyNamesToSkip": ["device"], "policyNamesToAdd": ["device"] }), "ALLOWED"),
        (&publish, json!({ "policyNamesToSkip": ["nothing"] }), "ALLOWED"),
    ] {
        let result = test(&cloud, "?clientId=sensor-1", &arn, info, &more);
        assert_eq!(result["authDecision"], expected, "{more}");
    }
    let none =
        test(&cloud, "?clientId=sensor-1", &arn, &publish, &json!({ "policyNamesToSkip": ["device"] }));
    assert!(none["reason"].as_str().unwrap().contains("has no policy"), "{none}");
}

/// An identity has the variables of its pool, and those of a thing that it is attached to.
#[test]
fn the_policies_of_an_identity_decide_with_its_variables() {
    let cloud = cloud();
    let id = "us-east-1:00000000-0000-4000-8000-00000000000a";
    let sub = "${cognito-identity.amazonaws.com:sub}";
    policy(
        &cloud,
        "person",
        &json!([
            { "Effect": "Allow", "Action": "iot:Connect", "Resource": format!("{ARN}client/{sub}") },
            { "Effect": "Allow", "Action": "iot:Publish", "Resource": format!("{ARN}topic/apps/{sub}") },
            { "Effect": "Allow", "Action": "iot:Subscribe", "Resource": format!("{ARN}topicfilter/${{cognito-identity.amazonaws.com:aud}}") },
        ]),
    );
    policy(
        &cloud,
        "by-thing",
        &json!([{ "Effect": "Allow", "Action": "iot:Publish", "Resource": format!("{ARN}topic/${{iot:Connection.Thing.ThingName}}") }]),
    );
    for name in ["person", "by-thing"] {
        succeed(&cloud, "PUT", &format!("/target-policies/{name}"), &json!({ "target": id }));
    }
    succeed(&cloud, "POST", "/things/lamp", &Value::Null);
    let pool = json!({ "cognitoIdentityPoolId": "us-east-1:p" });
    let connect = question("CONNECT", &format!("client/{id}"));
    let own = question("PUBLISH", &format!("topic/apps/{id}"));
    let lamp = question("PUBLISH", "topic/lamp");
    for (client_id, info, more, expected) in [
        ("", &connect, &Value::Null, "ALLOWED"),
        ("", &own, &Value::Null, "ALLOWED"),
        ("", &question("SUBSCRIBE", "topicfilter/us-east-1:p"), &pool, "ALLOWED"),
        ("", &question("SUBSCRIBE", "topicfilter/us-east-1:q"), &pool, "IMPLICIT_DENY"),
        ("", &question("CONNECT", "client/other"), &Value::Null, "IMPLICIT_DENY"),
        ("", &question("PUBLISH", "topic/apps/other"), &Value::Null, "IMPLICIT_DENY"),
        ("?clientId=lamp", &lamp, &Value::Null, "IMPLICIT_DENY"),
    ] {
        assert_eq!(test(&cloud, client_id, id, info, more)["authDecision"], expected, "{info}");
    }
    // The thing counts once the identity is attached to it, and only for the client with its name.
    let mut attach = request("PUT", "/things/lamp/principals", Vec::new());
    attach.headers.push(("x-amzn-principal".to_owned(), id.to_owned()));
    assert_eq!(cloud.respond(&attach).status, 200);
    for (client_id, expected) in
        [("?clientId=lamp", "ALLOWED"), ("?clientId=fan", "IMPLICIT_DENY"), ("", "IMPLICIT_DENY")]
    {
        assert_eq!(test(&cloud, client_id, id, &lamp, &Value::Null)["authDecision"], expected, "{client_id}");
    }
    let body = json!({ "principal": id, "cognitoIdentityPoolId": "us-east-1:p" });
    let effective = succeed(&cloud, "POST", "/effective-policies", &body);
    let names: Vec<_> = effective["effectivePolicies"].as_array().unwrap().iter().collect();
    assert_eq!((&names[0]["policyName"], &names[1]["policyName"]), (&json!("by-thing"), &json!("person")));
}

#[test]
fn several_resources_are_allowed_if_each_is() {
    let cloud = cloud();
    let arn = registered(&cloud);
    for (resources, expected) in [
        (&["topic/sensor-1/a", "topic/sensor-1/b"][..], "ALLOWED"),
        (&["topic/sensor-1/a", "topic/sensor-2/b"], "IMPLICIT_DENY"),
        (&["topic/sensor-2/b", "topic/sensor-1/secret"], "EXPLICIT_DENY"),
    ] {
        let resources: Vec<_> = resources.iter().map(|resource| format!("{ARN}{resource}")).collect();
        let info = json!({ "actionType": "PUBLISH", "resources": resources });
        assert_eq!(test(&cloud, "?clientId=sensor-1", &arn, &info, &Value::Null)["authDecision"], expected);
    }
    let elsewhere = json!({ "actionType": "PUBLISH", "resources": ["arn:aws:iot:eu-west-1:123456789012:topic/sensor-1/a"] });
    let result = test(&cloud, "?clientId=sensor-1", &arn, &elsewhere, &Value::Null);
    assert_eq!(result["authDecision"], "IMPLICIT_DENY", "{result}");
}

#[test]
fn other_questions_are_rejected() {
    let cloud = cloud();
    let arn = registered(&cloud);
    let info = question("PUBLISH", "topic/a");
    let unknown = format!("{ARN}cert/{}", "0".repeat(64));
    for (body, status, expected) in [
        (json!({}), 400, "authInfos is missing"),
        (json!({ "principal": arn }), 400, "authInfos is missing"),
        (json!({ "authInfos": [info] }), 400, "principal is missing"),
        (json!({ "principal": arn, "authInfos": [] }), 400, "1 to 10"),
        (json!({ "principal": arn, "authInfos": vec![&info; 11] }), 400, "1 to 10"),
        (json!({ "principal": arn, "authInfos": ["PUBLISH"] }), 400, "actionType"),
        (
            json!({ "principal": arn, "authInfos": [{ "actionType": "publish", "resources": ["x"] }] }),
            400,
            "actionType",
        ),
        (json!({ "principal": arn, "authInfos": [{ "actionType": "PUBLISH" }] }), 400, "resources"),
        (
            json!({ "principal": arn, "authInfos": [{ "actionType": "PUBLISH", "resources": [] }] }),
            400,
            "resources",
        ),
        (
            json!({ "principal": arn, "authInfos": [{ "actionType": "PUBLISH", "resources": [7] }] }),
            400,
            "resources",
        ),
        (
            json!({ "principal": arn, "authInfos": [question("PUBLISH", "topicfilter/a")] }),
            400,
            "expected topic/TOPIC",
        ),
        (
            json!({ "principal": arn, "authInfos": [info], "policyNamesToAdd": "device" }),
            400,
            "policyNamesToAdd",
        ),
        (json!({ "principal": arn, "authInfos": [info], "policyNamesToAdd": [1] }), 400, "policyNamesToAdd"),
        (json!({ "principal": arn, "authInfos": [info], "policyNamesToAdd": ["no"] }), 404, "policy no"),
        (json!({ "principal": unknown, "authInfos": [info] }), 404, "does not exist"),
        (json!({ "principal": format!("{ARN}thing/sensor-1"), "authInfos": [info] }), 400, "principal"),
        (json!({ "cognitoIdentityPoolId": "us-east-1:a", "authInfos": [info] }), 501, "identity pool"),
    ] {
        let (found, _, answer) = call(&cloud, "POST", "/test-authorization", &body);
        assert_eq!(found, status, "{body}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains(expected), "{body}: {answer}");
    }
    for (target, body, status) in [
        ("", json!({}), 400),
        ("?thingName=none", json!({}), 404),
        ("?thingName=a%2Fb", json!({}), 400),
        ("", json!({ "principal": unknown }), 404),
        ("", json!({ "principal": "x" }), 400),
    ] {
        assert_eq!(
            call(&cloud, "POST", &format!("/effective-policies{target}"), &body).0,
            status,
            "{target} {body}"
        );
    }
}

fn group() -> ThingGroup {
    let group = json!({ "name": "fleet", "id": "1", "created": 0, "version": 1 });
    serde_json::from_value(group).unwrap()
}
