//! Policies, their versions, what they are attached to, and tags.

#![cfg(test)]

mod support;

use iot_local_cloud::Cloud;
use serde_json::{Value, json};
use support::random_calls::{TestCertificate, certificates};
use support::{call, cloud, succeed};

const ARN: &str = "arn:aws:iot:us-east-1:123456789012:";
const IDENTITY: &str = "us-east-1:11111111-2222-4333-8444-555555555555";

fn document(resource: &str) -> String {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "iot:Connect", "Resource": resource }],
    })
    .to_string()
}

fn create(cloud: &Cloud, name: &str) -> Value {
    succeed(cloud, "POST", &format!("/policies/{name}"), &json!({ "policyDocument": document("*") }))
}

fn register(cloud: &Cloud, certificate: &TestCertificate) {
    let body = json!({ "certificatePem": certificate.pem, "status": "INACTIVE" });
    succeed(cloud, "POST", "/certificate/register-no-ca", &body);
}

fn expect(cloud: &Cloud, method: &str, target: &str, body: &Value, status: u16, kind: &str, message: &str) {
    let revision = *cloud.revision().borrow();
    let found = call(cloud, method, target, body);
    let text = found.2["message"].as_str().unwrap_or_default();
    assert_eq!((found.0, found.1.as_str()), (status, kind), "{method} {target} {body}: {text}");
    assert!(text.contains(message), "{method} {target} {body}: {text}");
    assert_eq!(*cloud.revision().borrow(), revision, "{method} {target} {body}");
}

#[test]
fn a_policy_has_the_answers_of_aws() {
    let cloud = cloud();
    let text = document("*");
    let body = json!({ "policyDocument": text, "tags": [{ "Key": "team", "Value": "a" }] });
    let arn = format!("{ARN}policy/device");
    assert_eq!(
        succeed(&cloud, "POST", "/policies/device", &body),
        json!({ "policyName": "device", "policyArn": arn, "policyDocument": text, "policyVersionId": "1" })
    );
    let mut found = succeed(&cloud, "GET", "/policies/device", &Value::Null);
    let generation = found.as_object_mut().unwrap().remove("generationId").unwrap();
    assert_eq!(generation.as_str().unwrap().len(), 36);
    assert_eq!(
        found,
        json!({
            "policyName": "device", "policyArn": arn, "policyDocument": text, "defaultVersionId": "1",
            "creationDate": support::NOW, "lastModifiedDate": support::NOW,
        })
    );
    let tags = succeed(&cloud, "GET", &format!("/tags?resourceArn={arn}"), &Value::Null);
    assert_eq!(tags, json!({ "tags": [{ "Key": "team", "Value": "a" }] }));

    let second = document("arn:aws:iot:us-east-1:123456789012:client/a");
    let body = json!({ "policyDocument": second });
    assert_eq!(
        succeed(&cloud, "POST", "/policies/device/version", &body),
        json!({ "policyArn": arn, "policyDocument": second, "policyVersionId": "2", "isDefaultVersion": false })
    );
    let found = succeed(&cloud, "GET", "/policies/device/version/2", &Value::Null);
    assert_eq!((&found["policyDocument"], &found["isDefaultVersion"]), (&json!(second), &json!(false)));
    assert_eq!(succeed(&cloud, "PATCH", "/policies/device/version/2", &Value::Null), json!({}));
    assert_eq!(succeed(&cloud, "GET", "/policies/device", &Value::Null)["policyDocument"], second);
    assert_eq!(
        succeed(&cloud, "GET", "/policies/device/version", &Value::Null),
        json!({ "policyVersions": [
            { "versionId": "2", "isDefaultVersion": true, "createDate": support::NOW },
            { "versionId": "1", "isDefaultVersion": false, "createDate": support::NOW },
        ] })
    );
    assert_eq!(
        succeed(&cloud, "GET", "/policies", &Value::Null),
        json!({ "policies": [{ "policyName": "device", "policyArn": arn }] })
    );
}

#[test]
fn documents_are_checked() {
    let cloud = cloud();
    create(&cloud, "present");
    let long = |characters: usize| document(&"a".repeat(characters - document("").len()));
    // White space does not count.
    let spaced = long(2048).replacen('{', &format!("{{{}", " ".repeat(5000)), 1);
    succeed(&cloud, "POST", "/policies/longest", &json!({ "policyDocument": spaced }));
    for (text, message) in [
        (String::new(), "policyDocument: invalid JSON: EOF"),
        ("policy".to_owned(), "policyDocument: invalid JSON: expected value at line 1 column 1"),
        (document("*") + "x", "trailing characters"),
        ("[]".to_owned(), "document 1: not a JSON object"),
        ("{}".to_owned(), "Statement must be a list"),
        (document("*").replace("2012", "2013"), "Version must be"),
        (document("*").replace("Allow", "allow"), "document 1, statement 1: Effect must be"),
        (document("*").replace("Resource", "Resources"), "unknown member Resources"),
        (document("*").replace("\"*\"", "[]"), "Resource must be a string or a non-empty list"),
        (long(2049), "2049 characters without white space; expected up to 2048"),
    ] {
        let body = json!({ "policyDocument": text });
        for target in ["/policies/new", "/policies/present/version"] {
            expect(&cloud, "POST", target, &body, 400, "MalformedPolicyException", message);
        }
    }
    for (body, message) in [
        (json!({}), "policyDocument is missing"),
        (json!({ "policyDocument": null }), "policyDocument is missing"),
        (json!({ "policyDocument": {} }), "invalid policyDocument; expected a string"),
        (json!({ "policyDocument": document("*"), "tags": {} }), "invalid tags; expected a list"),
    ] {
        expect(&cloud, "POST", "/policies/new", &body, 400, "InvalidRequestException", message);
    }
}

#[test]
fn a_policy_has_up_to_five_versions() {
    let cloud = cloud();
    create(&cloud, "device");
    let body = json!({ "policyDocument": document("a") });
    for number in 2..=5 {
        let answer = succeed(&cloud, "POST", "/policies/device/version?setAsDefault=true", &body);
        assert_eq!(answer["policyVersionId"], number.to_string());
        assert_eq!(answer["isDefaultVersion"], true);
    }
    let limit = "VersionsLimitExceededException";
    expect(&cloud, "POST", "/policies/device/version", &body, 409, limit, "has 5 versions");
    let conflict = "DeleteConflictException";
    expect(&cloud, "DELETE", "/policies/device/version/5", &Value::Null, 409, conflict, "is the default");
    expect(&cloud, "DELETE", "/policies/device", &Value::Null, 409, conflict, "has 5 versions");
    succeed(&cloud, "DELETE", "/policies/device/version/4", &Value::Null);
    // The number of a deleted version is not used again.
    assert_eq!(succeed(&cloud, "POST", "/policies/device/version", &body)["policyVersionId"], "6");
    for number in [1, 2, 3, 6] {
        succeed(&cloud, "DELETE", &format!("/policies/device/version/{number}"), &Value::Null);
    }
    succeed(&cloud, "DELETE", "/policies/device", &Value::Null);
    expect(
        &cloud,
        "GET",
        "/policies/device",
        &Value::Null,
        404,
        "ResourceNotFoundException",
        "policy device",
    );
}

#[test]
fn what_is_missing_or_misnamed_is_an_error() {
    let cloud = cloud();
    create(&cloud, "device");
    let certificate = certificates(1).remove(0);
    register(&cloud, &certificate);
    let target = json!({ "target": certificate.arn() });
    let unknown = format!("{ARN}cert/{}", "0".repeat(64));
    let (body, null) = (json!({ "policyDocument": document("*") }), Value::Null);
    for (method, path, body) in [
        ("GET", "/policies/other", &null),
        ("DELETE", "/policies/other", &null),
        ("POST", "/policies/other/version", &body),
        ("GET", "/policies/other/version", &null),
        ("GET", "/policies/device/version/2", &null),
        ("GET", "/policies/device/version/0", &null),
        ("PATCH", "/policies/device/version/2", &null),
        ("DELETE", "/policies/device/version/2", &null),
        ("PUT", "/target-policies/other", &target),
        ("PUT", "/target-policies/device", &json!({ "target": unknown })),
        ("PUT", "/target-policies/device", &json!({ "target": format!("{ARN}thinggroup/none") })),
        ("POST", &format!("/attached-policies/{unknown}").replace('/', "%2F").replacen("%2F", "/", 2), &null),
        ("POST", "/policy-targets/other", &null),
    ] {
        expect(&cloud, method, path, body, 404, "ResourceNotFoundException", "does not exist");
    }
    for (method, path, body, message) in [
        ("GET", "/policies/a%20b", &null, "invalid policyName; expected 1 to 128 letters, digits or _+=,.@-"),
        ("GET", "/policies/a%2Fb", &null, "invalid policyName"),
        ("GET", "/policies/%C3%A9", &null, "invalid policyName"),
        ("GET", &format!("/policies/{}", "a".repeat(129)), &null, "invalid policyName"),
        ("GET", "/policies/device/version/one", &null, "invalid policyVersionId"),
        ("GET", "/policies/device/version/-1", &null, "invalid policyVersionId"),
        ("GET", "/policies/device/version/%2B1", &null, "invalid policyVersionId"),
        ("GET", "/policies/device/version/99999999999", &null, "invalid policyVersionId"),
        ("POST", "/policies/device/version?setAsDefault=yes", &body, "invalid setAsDefault"),
        ("PUT", "/target-policies/device", &null, "target is missing"),
        ("PUT", "/target-policies/device", &json!({ "target": 1 }), "invalid target; expected a string"),
        ("PUT", "/target-policies/device", &json!({ "target": "" }), "invalid target"),
        ("PUT", "/target-policies/device", &json!({ "target": certificate.id }), "invalid target"),
        ("PUT", "/target-policies/device", &json!({ "target": format!("{ARN}cert/0") }), "invalid target"),
        ("PUT", "/target-policies/device", &json!({ "target": format!("{ARN}thing/a") }), "invalid target"),
        (
            "PUT",
            "/target-policies/device",
            &json!({ "target": certificate.arn().replace("us-east-1", "eu-west-1") }),
            "of this account and Region",
        ),
        (
            "PUT",
            "/target-policies/device",
            &json!({ "target": certificate.arn().replace("123456789012", "210987654321") }),
            "of this account and Region",
        ),
        ("PUT", "/target-policies/device", &json!({ "target": "us-east-1:identity" }), "invalid target"),
        ("GET", "/policies?pageSize=0", &null, "invalid pageSize; expected an integer from 1 to 250"),
        ("GET", "/policies?pageSize=251", &null, "invalid pageSize"),
        ("GET", "/policies?pageSize=ten", &null, "invalid pageSize"),
        ("GET", "/policies?marker=x", &null, "invalid marker"),
        ("GET", "/policies?marker=dGhpbmdzCmE%3D", &null, "invalid marker"),
        ("GET", "/policies?isAscendingOrder=1", &null, "invalid isAscendingOrder"),
    ] {
        expect(&cloud, method, path, body, 400, "InvalidRequestException", message);
    }
    let (status, kind, answer) = call(&cloud, "POST", "/policies/device", &body);
    assert_eq!((status, kind.as_str()), (409, "ResourceAlreadyExistsException"));
    assert_eq!(
        (&answer["resourceId"], &answer["resourceArn"]),
        (&json!("device"), &json!(format!("{ARN}policy/device")))
    );
}

#[test]
fn attaching_and_detaching_twice_is_no_error() {
    let cloud = cloud();
    create(&cloud, "device");
    let certificate = certificates(1).remove(0);
    register(&cloud, &certificate);
    for target in [certificate.arn(), IDENTITY.to_owned()] {
        let encoded = target.replace(':', "%3A").replace('/', "%2F");
        let body = json!({ "target": target });
        for _ in 0..2 {
            assert_eq!(succeed(&cloud, "PUT", "/target-policies/device", &body), json!({}));
            assert_eq!(
                succeed(&cloud, "POST", &format!("/attached-policies/{encoded}"), &Value::Null),
                json!({ "policies": [{ "policyName": "device", "policyArn": format!("{ARN}policy/device") }] })
            );
            assert_eq!(
                succeed(&cloud, "POST", "/policy-targets/device", &Value::Null),
                json!({ "targets": [target] })
            );
        }
        expect(&cloud, "DELETE", "/policies/device", &Value::Null, 409, "DeleteConflictException", &target);
        for _ in 0..2 {
            assert_eq!(succeed(&cloud, "POST", "/target-policies/device", &body), json!({}));
        }
        let attached = succeed(&cloud, "POST", &format!("/attached-policies/{encoded}"), &Value::Null);
        assert_eq!(attached, json!({ "policies": [] }));
    }
    // As the model says, DetachPolicy has no 404.
    succeed(&cloud, "POST", "/target-policies/other", &json!({ "target": certificate.arn() }));
}

#[test]
fn a_principal_has_up_to_ten_policies() {
    let cloud = cloud();
    let body = json!({ "target": IDENTITY });
    for number in 0..11 {
        create(&cloud, &format!("p{number}"));
        if number < 10 {
            succeed(&cloud, "PUT", &format!("/target-policies/p{number}"), &body);
        }
    }
    expect(&cloud, "PUT", "/target-policies/p10", &body, 410, "LimitExceededException", "has 10 policies");
    succeed(&cloud, "PUT", "/target-policies/p9", &body);
    let mut found = Vec::new();
    let mut next = String::new();
    let encoded = IDENTITY.replace(':', "%3A");
    loop {
        let target = format!("/attached-policies/{encoded}?pageSize=4{next}");
        let answer = succeed(&cloud, "POST", &target, &Value::Null);
        found.extend(answer["policies"].as_array().unwrap().iter().map(|one| one["policyName"].clone()));
        let Some(marker) = answer["nextMarker"].as_str() else { break };
        next = format!("&marker={}", marker.replace('=', "%3D").replace('+', "%2B").replace('/', "%2F"));
    }
    assert_eq!(found, (0..10).map(|number| json!(format!("p{number}"))).collect::<Vec<_>>());
}

#[test]
fn the_deprecated_calls_do_the_same() {
    let cloud = cloud();
    create(&cloud, "device");
    let certificate = certificates(1).remove(0);
    register(&cloud, &certificate);
    let send = |method: &str, target: &str, name: &str, value: &str| {
        let mut request = support::request(method, target, Vec::new());
        request.headers.push((name.to_owned(), value.to_owned()));
        let (status, kind, body) = support::parts(&cloud.respond(&request));
        (status, if status == 200 { body } else { json!(kind) })
    };
    let (arn, header) = (certificate.arn(), "x-amzn-iot-principal");
    let policies =
        json!({ "policies": [{ "policyName": "device", "policyArn": format!("{ARN}policy/device") }] });
    let not_found = json!("ResourceNotFoundException");
    let invalid = json!("InvalidRequestException");
    for (method, target, name, value, status, expected) in [
        ("DELETE", "/principal-policies/device", header, arn.as_str(), 404, &not_found),
        ("PUT", "/principal-policies/device", header, &arn, 200, &json!({})),
        ("PUT", "/principal-policies/device", header, &arn, 200, &json!({})),
        ("PUT", "/principal-policies/other", header, &arn, 404, &not_found),
        ("PUT", "/principal-policies/device", header, "", 400, &invalid),
        ("PUT", "/principal-policies/device", header, "someone", 400, &invalid),
        ("PUT", "/principal-policies/device", "x-amzn-principal", &arn, 400, &invalid),
        ("GET", "/principal-policies", header, &arn, 200, &policies),
        ("GET", "/principal-policies", "x-other", &arn, 400, &invalid),
        ("GET", "/policy-principals", "x-amzn-iot-policy", "device", 200, &json!({ "principals": [arn] })),
        ("GET", "/policy-principals", "x-amzn-iot-policy", "other", 404, &not_found),
        ("GET", "/policy-principals", "x-amzn-iot-policy", "a b", 400, &invalid),
        ("DELETE", "/principal-policies/device", header, &arn, 200, &json!({})),
        ("DELETE", "/principal-policies/device", header, &arn, 404, &not_found),
        ("GET", "/principal-policies", header, &arn, 200, &json!({ "policies": [] })),
    ] {
        assert_eq!(
            send(method, target, name, value),
            (status, expected.clone()),
            "{method} {target} {value}"
        );
    }
}

#[test]
fn tags_are_set_and_removed() {
    let cloud = cloud();
    create(&cloud, "device");
    let arn = format!("{ARN}policy/device");
    let set = |tags: Value| json!({ "resourceArn": arn, "tags": tags });
    let list = || succeed(&cloud, "GET", &format!("/tags?resourceArn={arn}"), &Value::Null)["tags"].clone();
    assert_eq!(list(), json!([]));
    succeed(
        &cloud,
        "POST",
        "/tags",
        &set(json!([{ "Key": "a", "Value": "1" }, { "Key": "b", "Value": "2" }])),
    );
    succeed(&cloud, "POST", "/tags", &set(json!([{ "Key": "a", "Value": "ü /+=" }, { "Key": "c" }])));
    assert_eq!(
        list(),
        json!([{ "Key": "a", "Value": "ü /+=" }, { "Key": "b", "Value": "2" }, { "Key": "c", "Value": "" }])
    );
    succeed(&cloud, "POST", "/untag", &json!({ "resourceArn": arn, "tagKeys": ["a", "c", "missing"] }));
    assert_eq!(list(), json!([{ "Key": "b", "Value": "2" }]));

    let many = |count: usize| {
        let tags = (0..count).map(|number| json!({ "Key": format!("key-{number}"), "Value": "" }));
        set(tags.collect())
    };
    let unknown = json!({ "resourceArn": format!("{ARN}policy/other"), "tags": [] });
    let thing = json!({ "resourceArn": format!("{ARN}thing/a"), "tags": [] });
    let foreign = json!({ "resourceArn": arn.replace("iot", "s3"), "tags": [] });
    for (path, body, status, kind, message) in [
        ("/tags", set(json!([{ "Key": "", "Value": "1" }])), 400, "InvalidRequest", "invalid tags.Key"),
        ("/tags", set(json!([{ "Value": "1" }])), 400, "InvalidRequest", "tags.Key is missing"),
        ("/tags", set(json!([{ "Key": "a*", "Value": "1" }])), 400, "InvalidRequest", "invalid tags.Key"),
        ("/tags", set(json!([{ "Key": "a", "Value": "?" }])), 400, "InvalidRequest", "invalid tags.Value"),
        (
            "/tags",
            set(json!([{ "Key": "a", "Value": 1 }])),
            400,
            "InvalidRequest",
            "tags.Value; expected a string",
        ),
        ("/tags", set(json!([{ "Key": "aws:a", "Value": "1" }])), 400, "InvalidRequest", "aws: is reserved"),
        ("/tags", set(json!([{ "Key": "AWS:a", "Value": "1" }])), 400, "InvalidRequest", "aws: is reserved"),
        ("/tags", set(json!(["a"])), 400, "InvalidRequest", "expected a list of objects"),
        ("/tags", set(json!([{ "Key": "a" }, { "Key": "a" }])), 400, "InvalidRequest", "is there twice"),
        ("/tags", set(json!([{ "Key": "a".repeat(129) }])), 400, "InvalidRequest", "invalid tags.Key"),
        (
            "/tags",
            set(json!([{ "Key": "a", "Value": "a".repeat(257) }])),
            400,
            "InvalidRequest",
            "invalid tags.Value",
        ),
        ("/tags", many(51), 400, "InvalidRequest", "up to 50 tags"),
        // With the one that is there.
        ("/tags", many(50), 410, "LimitExceeded", "more than 50 tags"),
        ("/tags", json!({ "resourceArn": arn }), 400, "InvalidRequest", "tags is missing"),
        ("/tags", json!({ "tags": [] }), 400, "InvalidRequest", "resourceArn is missing"),
        ("/tags", unknown, 404, "ResourceNotFound", "policy/other does not exist"),
        ("/tags", thing, 400, "InvalidRequest", "things and certificates have no tags"),
        ("/tags", foreign, 400, "InvalidRequest", "of this account and Region"),
        ("/untag", json!({ "resourceArn": arn }), 400, "InvalidRequest", "tagKeys is missing"),
        ("/untag", json!({ "resourceArn": arn, "tagKeys": [1] }), 400, "InvalidRequest", "a list of strings"),
    ] {
        expect(&cloud, "POST", path, &body, status, &format!("{kind}Exception"), message);
    }
    succeed(&cloud, "POST", "/tags", &many(49));
}
