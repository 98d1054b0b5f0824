//! The calls that steps and questions become, as botocore would send them.

use std::collections::BTreeMap;

use iot_provision::control::call::Call;
use iot_provision::plan::Step;
use serde_json::{Value, json};

fn attributes() -> BTreeMap<String, String> {
    BTreeMap::from([("country".to_owned(), "JP".to_owned())])
}

/// A call as one line, its headers, and its body.
fn text(call: &Call) -> (String, Vec<String>, Value) {
    let service = call.service.signing_name();
    let headers = call.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let body = if call.body.is_empty() { Value::Null } else { serde_json::from_str(&call.body).unwrap() };
    (format!("{service} {} {} {}", call.operation, call.method, call.target), headers, body)
}

#[test]
fn steps_become_calls() {
    let own = |text: &str| text.to_owned();
    let arn = "arn:aws:iot:eu-west-1:123456789012:cert/a";
    let json_type = "content-type: application/json";
    let dynamodb = ["content-type: application/x-amz-json-1.0", "x-amz-target: DynamoDB_20120810.UpdateItem"];
    let principal = format!("x-amzn-principal: {arn}");
    let names = json!({ "#device": "device", "#certificate": "certificate_id" });
    let unused =
        "attribute_exists(#device) AND (attribute_not_exists(#certificate) OR #certificate = :certificate";
    let table: [(Step, &str, &[&str], Value); 13] = [
        (
            Step::CreateCertificate { csr: own("CSR") },
            "iot CreateCertificateFromCsr POST /certificates",
            &[json_type],
            json!({ "certificateSigningRequest": "CSR" }),
        ),
        (Step::DeleteCertificate(own("a")), "iot DeleteCertificate DELETE /certificates/a", &[], Value::Null),
        (
            Step::CreateThing { name: own("a:b"), attributes: attributes() },
            "iot CreateThing POST /things/a%3Ab",
            &[json_type],
            json!({ "attributePayload": { "attributes": { "country": "JP" } } }),
        ),
        (
            Step::UpdateThing { name: own("t"), attributes: attributes(), version: 3 },
            "iot UpdateThing PATCH /things/t",
            &[json_type],
            json!({ "attributePayload": { "attributes": { "country": "JP" }, "merge": true }, "expectedVersion": 3 }),
        ),
        (
            Step::Record { table: own("devices"), device: own("d"), certificate: own("a"), replaces: None },
            "dynamodb UpdateItem POST /",
            &dynamodb,
            json!({
                "TableName": "devices", "Key": { "device": { "S": "d" } },
                "UpdateExpression": "SET #certificate = :certificate", "ConditionExpression": format!("{unused})"),
                "ExpressionAttributeNames": names, "ExpressionAttributeValues": { ":certificate": { "S": "a" } },
            }),
        ),
        (
            Step::Record {
                table: own("devices"),
                device: own("d"),
                certificate: own("a"),
                replaces: Some(own("b")),
            },
            "dynamodb UpdateItem POST /",
            &dynamodb,
            json!({
                "TableName": "devices", "Key": { "device": { "S": "d" } },
                "UpdateExpression": "SET #certificate = :certificate",
                "ConditionExpression": format!("{unused} OR #certificate = :replaces)"),
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": { ":certificate": { "S": "a" }, ":replaces": { "S": "b" } },
            }),
        ),
        (
            Step::AttachPolicy { policy: own("a+b=c,d.e@f"), target: own(arn) },
            "iot AttachPolicy PUT /target-policies/a%2Bb%3Dc%2Cd.e%40f",
            &[json_type],
            json!({ "target": arn }),
        ),
        (
            Step::AttachThing { thing: own("t"), principal: own(arn) },
            "iot AttachThingPrincipal PUT /things/t/principals",
            &[&principal],
            Value::Null,
        ),
        (
            Step::DetachThing { thing: own("t"), principal: own(arn) },
            "iot DetachThingPrincipal DELETE /things/t/principals",
            &[&principal],
            Value::Null,
        ),
        (
            Step::Deactivate(own("a")),
            "iot UpdateCertificate PUT /certificates/a?newStatus=INACTIVE",
            &[],
            Value::Null,
        ),
        (
            Step::Activate(own("a")),
            "iot UpdateCertificate PUT /certificates/a?newStatus=ACTIVE",
            &[],
            Value::Null,
        ),
        (
            Step::Publish { topic: own("bootstrap/a:b/response"), payload: own("{}") },
            "iotdata Publish POST /topics/bootstrap%2Fa%3Ab%2Fresponse?qos=1",
            &["content-type: application/octet-stream"],
            json!({}),
        ),
        (
            Step::DeleteCertificate(own("../a?b")),
            "iot DeleteCertificate DELETE /certificates/..%2Fa%3Fb",
            &[],
            Value::Null,
        ),
    ];
    for (step, line, headers, body) in table {
        let (found, found_headers, found_body) = text(&Call::of_step(&step));
        assert_eq!(found, line);
        assert_eq!(found_headers, headers, "{line}");
        assert_eq!(found_body, body, "{line}");
    }
}

#[test]
fn questions_become_calls() {
    let item = json!({ "TableName": "devices", "Key": { "device": { "S": "d" } }, "ConsistentRead": true });
    for (call, line, body) in [
        (Call::describe_certificate("a"), "iot DescribeCertificate GET /certificates/a", Value::Null),
        (Call::describe_thing("a:b"), "iot DescribeThing GET /things/a%3Ab", Value::Null),
        (
            Call::list_thing_principals("t", None),
            "iot ListThingPrincipals GET /things/t/principals?maxResults=100",
            Value::Null,
        ),
        (
            Call::list_thing_principals("t", Some("a+b/c=")),
            "iot ListThingPrincipals GET /things/t/principals?maxResults=100&nextToken=a%2Bb%2Fc%3D",
            Value::Null,
        ),
        (Call::get_item("devices", "d"), "dynamodb GetItem POST /", item),
    ] {
        let (found, headers, found_body) = text(&call);
        assert_eq!(found, line);
        assert_eq!(found_body, body, "{line}");
        let expected = if body.is_null() {
            Vec::new()
        } else {
            vec!["content-type: application/x-amz-json-1.0", "x-amz-target: DynamoDB_20120810.GetItem"]
        };
        assert_eq!(headers, expected, "{line}");
    }
}
