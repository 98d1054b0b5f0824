//! Things and their principals.

#![cfg(test)]

mod support;

use iot_local_cloud::Cloud;
use iot_local_cloud::registry::{Change, ThingType};
use serde_json::{Value, json};
use support::random_calls::{TestCertificate, certificates};
use support::{call, cloud, succeed};

const ARN: &str = "arn:aws:iot:us-east-1:123456789012:";
const IDENTITY: &str = "us-east-1:11111111-2222-4333-8444-555555555555";

/// The body of a call with attributes.
fn attributes(attributes: impl Into<Value>) -> Value {
    json!({ "attributePayload": { "attributes": attributes.into() } })
}

fn expect(cloud: &Cloud, method: &str, target: &str, body: &Value, status: u16, kind: &str, message: &str) {
    let revision = *cloud.revision().borrow();
    let found = call(cloud, method, target, body);
    let text = found.2["message"].as_str().unwrap_or_default();
    assert_eq!((found.0, found.1.as_str()), (status, kind), "{method} {target} {body}: {text}");
    assert!(text.contains(message), "{method} {target} {body}: {text}");
    assert_eq!(*cloud.revision().borrow(), revision, "{method} {target} {body}");
}

fn put_type(cloud: &Cloud, name: &str, deprecated: Option<i64>) {
    let (name, id, properties) = (name.to_owned(), String::new(), serde_json::Map::new());
    let change = Change::PutThingType(ThingType { name, id, properties, created: 0, deprecated }.into());
    cloud.write(|_| Ok((vec![change], ()))).unwrap();
}

/// The status and the body of a call with a principal, or the error's type.
fn with_principal(cloud: &Cloud, method: &str, target: &str, principal: &str) -> (u16, Value) {
    let mut request = support::request(method, target, Vec::new());
    request.headers.push(("x-amzn-principal".to_owned(), principal.to_owned()));
    let (status, kind, body) = support::parts(&cloud.respond(&request));
    (status, if status == 200 { body } else { json!(kind.trim_end_matches("Exception")) })
}

#[test]
fn a_thing_has_the_answers_of_aws() {
    let cloud = cloud();
    put_type(&cloud, "kind", None);
    let body = json!({ "thingTypeName": "kind", "attributePayload": { "attributes": { "floor": "2" } } });
    let created = succeed(&cloud, "POST", "/things/sensor:1", &body);
    let arn = format!("{ARN}thing/sensor:1");
    assert_eq!((&created["thingName"], &created["thingArn"]), (&json!("sensor:1"), &json!(arn)));
    assert_eq!(created["thingId"].as_str().unwrap().len(), 36);
    assert_eq!(
        succeed(&cloud, "GET", "/things/sensor:1", &Value::Null),
        json!({
            "defaultClientId": "sensor:1", "thingName": "sensor:1", "thingId": created["thingId"], "thingArn": arn,
            "thingTypeName": "kind", "attributes": { "floor": "2" }, "version": 1,
        })
    );
    // The same again is the same thing.
    assert_eq!(succeed(&cloud, "POST", "/things/sensor:1", &body), created);
    assert_eq!(
        succeed(&cloud, "GET", "/things", &Value::Null),
        json!({ "things": [{
            "thingName": "sensor:1", "thingArn": arn, "thingTypeName": "kind", "attributes": { "floor": "2" },
            "version": 1,
        }] })
    );
    assert_eq!(succeed(&cloud, "DELETE", "/things/sensor:1", &Value::Null), json!({}));
    assert_eq!(succeed(&cloud, "DELETE", "/things/sensor:1", &Value::Null), json!({}));
}

#[test]
fn an_update_replaces_or_merges_attributes() {
    let payload = |attributes: Value, merge: Value| json!({ "attributePayload": { "attributes": attributes, "merge": merge } });
    for (update, expected) in [
        (payload(json!({ "c": "3" }), Value::Null), json!({ "c": "3" })),
        (payload(json!({ "c": "3" }), json!(false)), json!({ "c": "3" })),
        (payload(json!({ "c": "3" }), json!(true)), json!({ "a": "1", "b": "2", "c": "3" })),
        (payload(json!({ "a": "" }), json!(true)), json!({ "b": "2" })),
        (payload(json!({ "a": "" }), json!(false)), json!({})),
        (payload(json!({ "a": "9" }), json!(true)), json!({ "a": "9", "b": "2" })),
        (payload(Value::Null, json!(false)), json!({})),
        (json!({ "attributePayload": {} }), json!({})),
        (json!({}), json!({ "a": "1", "b": "2" })),
        (Value::Null, json!({ "a": "1", "b": "2" })),
        (json!({ "expectedVersion": 1 }), json!({ "a": "1", "b": "2" })),
    ] {
        let cloud = cloud();
        succeed(&cloud, "POST", "/things/a", &attributes(json!({ "a": "1", "b": "2", "empty": "" })));
        assert_eq!(succeed(&cloud, "PATCH", "/things/a", &update), json!({}), "{update}");
        let found = succeed(&cloud, "GET", "/things/a", &Value::Null);
        assert_eq!((&found["attributes"], &found["version"]), (&expected, &json!(2)), "{update}");
    }
}

#[test]
fn what_is_missing_or_malformed_is_an_error() {
    let cloud = cloud();
    put_type(&cloud, "old", Some(1));
    put_type(&cloud, "kind", None);
    succeed(&cloud, "POST", "/things/present", &attributes(json!({ "a": "1" })));
    let many = |count: usize| {
        attributes(
            (0..count).map(|number| (format!("a{number}"), json!("x"))).collect::<serde_json::Map<_, _>>(),
        )
    };
    let typed = |count: usize| {
        let mut body = many(count);
        body["thingTypeName"] = json!("kind");
        body
    };
    succeed(&cloud, "POST", "/things/three", &many(3));
    succeed(&cloud, "POST", "/things/fifty", &typed(50));
    let null = &Value::Null;
    let (invalid, not_found, conflict) = ("InvalidRequest", "ResourceNotFound", "VersionConflict");
    for (method, path, body, status, kind, message) in [
        ("GET", "/things/other", null, 404, not_found, "thing other does not exist"),
        ("PATCH", "/things/other", null, 404, not_found, "thing other does not exist"),
        ("POST", "/things/new", &json!({ "thingTypeName": "none" }), 404, not_found, "thing type none"),
        ("PATCH", "/things/present", &json!({ "thingTypeName": "none" }), 404, not_found, "thing type none"),
        ("POST", "/things/new", &json!({ "billingGroupName": "b" }), 404, not_found, "billing group b"),
        (
            "POST",
            "/things/new",
            &json!({ "thingTypeName": "old" }),
            400,
            invalid,
            "thing type old is deprecated",
        ),
        (
            "POST",
            "/things/new",
            &json!({ "thingTypeName": 1 }),
            400,
            invalid,
            "thingTypeName; expected a string",
        ),
        ("POST", "/things/new", &json!({ "thingTypeName": "" }), 400, invalid, "invalid thingTypeName"),
        ("POST", "/things/a%20b", null, 400, invalid, "invalid thingName; expected 1 to 128 letters"),
        ("POST", "/things/a.b", null, 400, invalid, "invalid thingName"),
        ("POST", "/things/a%2Fb", null, 400, invalid, "invalid thingName"),
        ("POST", "/things/%C3%BC", null, 400, invalid, "invalid thingName"),
        ("POST", &format!("/things/{}", "a".repeat(129)), null, 400, invalid, "invalid thingName"),
        ("POST", "/things/new", &json!({ "attributePayload": [] }), 400, invalid, "expected an object"),
        (
            "POST",
            "/things/new",
            &attributes(json!([])),
            400,
            invalid,
            "attributePayload.attributes; expected an object",
        ),
        (
            "POST",
            "/things/new",
            &attributes(json!({ "a": 1 })),
            400,
            invalid,
            "attribute a; expected a string",
        ),
        (
            "POST",
            "/things/new",
            &attributes(json!({ "a": null })),
            400,
            invalid,
            "attribute a; expected a string",
        ),
        ("POST", "/things/new", &attributes(json!({ "a b": "1" })), 400, invalid, "the name of an attribute"),
        ("POST", "/things/new", &attributes(json!({ "": "1" })), 400, invalid, "the name of an attribute"),
        ("POST", "/things/new", &attributes(json!({ "a": "b c" })), 400, invalid, "invalid attribute a"),
        ("POST", "/things/new", &attributes(json!({ "a": "x".repeat(801) })), 400, invalid, "up to 800"),
        ("POST", "/things/new", &many(4), 400, invalid, "up to 3 attributes of a thing without a type"),
        ("POST", "/things/new", &typed(51), 400, invalid, "up to 50 attributes of a thing with a type"),
        ("PATCH", "/things/fifty", &json!({ "removeThingType": true }), 400, invalid, "up to 3 attributes"),
        (
            "PATCH",
            "/things/present",
            &json!({ "attributePayload": { "merge": "true" } }),
            400,
            invalid,
            "attributePayload.merge; expected a boolean",
        ),
        (
            "PATCH",
            "/things/present",
            &json!({ "thingTypeName": "kind", "removeThingType": true }),
            400,
            invalid,
            "exclude each other",
        ),
        ("PATCH", "/things/present", &json!({ "removeThingType": 1 }), 400, invalid, "expected a boolean"),
        ("PATCH", "/things/present", &json!({ "expectedVersion": "1" }), 400, invalid, "expected an integer"),
        ("PATCH", "/things/present", &json!({ "expectedVersion": 1.5 }), 400, invalid, "expected an integer"),
        ("PATCH", "/things/present", &json!({ "expectedVersion": 2 }), 409, conflict, "has version 1"),
        ("PATCH", "/things/present", &json!({ "expectedVersion": -1 }), 409, conflict, "has version 1"),
        ("DELETE", "/things/present?expectedVersion=2", null, 409, conflict, "has version 1"),
        ("DELETE", "/things/present?expectedVersion=x", null, 400, invalid, "invalid expectedVersion"),
        ("GET", "/things?maxResults=0", null, 400, invalid, "invalid maxResults"),
        ("GET", "/things?maxResults=251", null, 400, invalid, "invalid maxResults"),
        ("GET", "/things?nextToken=x", null, 400, invalid, "invalid nextToken"),
        ("GET", "/things?attributeValue=1", null, 400, invalid, "attributeName is missing"),
        ("GET", "/things?attributeName=a%20b", null, 400, invalid, "invalid attributeName"),
        ("GET", "/things?thingTypeName=a%20b", null, 400, invalid, "invalid thingTypeName"),
    ] {
        expect(&cloud, method, path, body, status, &format!("{kind}Exception"), message);
    }
    for different in [Value::Null, attributes(json!({ "a": "2" })), json!({ "thingTypeName": "kind" })] {
        let (status, kind, answer) = call(&cloud, "POST", "/things/present", &different);
        assert_eq!((status, kind.as_str()), (409, "ResourceAlreadyExistsException"), "{different}");
        assert_eq!(answer["resourceArn"], format!("{ARN}thing/present"));
    }
}

#[test]
fn things_are_listed_in_pages_and_by_filters() {
    let cloud = cloud();
    put_type(&cloud, "kind", None);
    for number in 0..7 {
        let mut body = attributes(json!({ "floor": format!("{}", 10 + number % 3) }));
        if number % 2 == 0 {
            body["thingTypeName"] = json!("kind");
        }
        succeed(&cloud, "POST", &format!("/things/t{number}"), &body);
    }
    succeed(&cloud, "POST", "/things/z", &Value::Null);
    for (filter, expected) in [
        ("", "t0 t1 t2 t3 t4 t5 t6 z"),
        ("&thingTypeName=kind", "t0 t2 t4 t6"),
        ("&thingTypeName=other", ""),
        ("&attributeName=floor", "t0 t1 t2 t3 t4 t5 t6"),
        ("&attributeName=floor&attributeValue=10", "t0 t3 t6"),
        ("&attributeName=floor&attributeValue=1", ""),
        ("&attributeName=floor&attributeValue=1&usePrefixAttributeValue=true", "t0 t1 t2 t3 t4 t5 t6"),
        ("&attributeName=floor&attributeValue=10&thingTypeName=kind", "t0 t6"),
        ("&attributeName=other", ""),
    ] {
        let (mut names, mut next) = (Vec::new(), String::new());
        loop {
            let answer = succeed(&cloud, "GET", &format!("/things?maxResults=3{filter}{next}"), &Value::Null);
            let things = answer["things"].as_array().unwrap();
            assert!(things.len() <= 3);
            names.extend(things.iter().map(|thing| thing["thingName"].as_str().unwrap().to_owned()));
            let Some(token) = answer["nextToken"].as_str() else { break };
            next =
                format!("&nextToken={}", token.replace('=', "%3D").replace('+', "%2B").replace('/', "%2F"));
        }
        assert_eq!(names.join(" "), expected, "{filter}");
    }
}

#[test]
fn a_principal_is_attached_and_listed_from_both_sides() {
    let cloud = cloud();
    let certificate = register(&cloud);
    for name in ["a", "b"] {
        succeed(&cloud, "POST", &format!("/things/{name}"), &Value::Null);
    }
    let (arn, none) = (certificate.arn(), "NON_EXCLUSIVE_THING");
    for _ in 0..2 {
        assert_eq!(with_principal(&cloud, "PUT", "/things/a/principals", &arn), (200, json!({})));
    }
    with_principal(&cloud, "PUT", "/things/b/principals", &arn);
    with_principal(&cloud, "PUT", "/things/a/principals", IDENTITY);
    let typed = |name: &str, value: &str| json!({ name: value, "thingPrincipalType": none });
    for (target, principal, expected) in [
        ("/things/a/principals", "", json!({ "principals": [arn, IDENTITY] })),
        ("/things/b/principals", "", json!({ "principals": [arn] })),
        (
            "/things/a/principals-v2",
            "",
            json!({ "thingPrincipalObjects": [typed("principal", &arn), typed("principal", IDENTITY)] }),
        ),
        (
            "/things/a/principals-v2?thingPrincipalType=EXCLUSIVE_THING",
            "",
            json!({ "thingPrincipalObjects": [] }),
        ),
        ("/principals/things", arn.as_str(), json!({ "things": ["a", "b"] })),
        ("/principals/things", IDENTITY, json!({ "things": ["a"] })),
        (
            "/principals/things-v2",
            &arn,
            json!({ "principalThingObjects": [typed("thingName", "a"), typed("thingName", "b")] }),
        ),
    ] {
        assert_eq!(with_principal(&cloud, "GET", target, principal), (200, expected), "{target}");
    }
    let delete = call(&cloud, "DELETE", "/things/b", &Value::Null);
    assert_eq!((delete.0, delete.1.as_str()), (400, "InvalidRequestException"));
    let target = format!("/certificates/{}", certificate.id);
    let delete = call(&cloud, "DELETE", &target, &Value::Null);
    assert_eq!((delete.0, delete.1.as_str()), (409, "DeleteConflictException"));
    assert_eq!(with_principal(&cloud, "DELETE", "/things/b/principals", &arn), (200, json!({})));
    succeed(&cloud, "DELETE", "/things/b", &Value::Null);
}

#[test]
fn other_principals_are_errors() {
    let cloud = cloud();
    let certificate = register(&cloud);
    succeed(&cloud, "POST", "/things/a", &Value::Null);
    let arn = certificate.arn();
    let unknown = format!("{ARN}cert/{}", "0".repeat(64));
    let region = arn.replace("us-east-1", "eu-west-1");
    for (method, target, principal, status, kind) in [
        ("PUT", "/things/other/principals", arn.as_str(), 404, "ResourceNotFound"),
        ("PUT", "/things/a/principals", &unknown, 404, "ResourceNotFound"),
        ("DELETE", "/things/a/principals", &arn, 404, "ResourceNotFound"),
        ("DELETE", "/things/other/principals", &arn, 404, "ResourceNotFound"),
        ("GET", "/things/other/principals", &arn, 404, "ResourceNotFound"),
        ("GET", "/things/other/principals-v2", &arn, 404, "ResourceNotFound"),
        ("GET", "/principals/things", &unknown, 404, "ResourceNotFound"),
        ("GET", "/principals/things-v2", &unknown, 404, "ResourceNotFound"),
        ("PUT", "/things/a/principals", "", 400, "InvalidRequest"),
        ("PUT", "/things/a/principals", "sensor", 400, "InvalidRequest"),
        ("PUT", "/things/a/principals", &region, 400, "InvalidRequest"),
        ("PUT", "/things/a/principals", &certificate.id, 400, "InvalidRequest"),
        ("PUT", "/things/a/principals", &format!("{ARN}thinggroup/a"), 400, "InvalidRequest"),
        ("PUT", "/things/a/principals", &format!("{ARN}cacert/{}", certificate.id), 400, "InvalidRequest"),
        ("PUT", "/things/a/principals?thingPrincipalType=SHARED", &arn, 400, "InvalidRequest"),
        ("PUT", "/things/a/principals?thingPrincipalType=EXCLUSIVE_THING", IDENTITY, 400, "InvalidRequest"),
        ("GET", "/things/a/principals-v2?thingPrincipalType=x", &arn, 400, "InvalidRequest"),
        ("GET", "/principals/things?maxResults=0", &arn, 400, "InvalidRequest"),
        ("GET", "/principals/things", "", 400, "InvalidRequest"),
    ] {
        assert_eq!(
            with_principal(&cloud, method, target, principal),
            (status, json!(kind)),
            "{method} {target}"
        );
    }
    assert_eq!(cloud.read(|registry| registry.principals_of("a").count()), 0);
}

#[test]
fn an_exclusive_thing_has_one_certificate_that_has_one_thing() {
    const EXCLUSIVE: &str = "EXCLUSIVE_THING";
    const SHARED: &str = "NON_EXCLUSIVE_THING";
    let pair = certificates(2);
    for (first, second, expected) in [
        // The thing, the certificate and the type of the first attachment, and of the second one.
        (("a", 0, EXCLUSIVE), ("a", 0, EXCLUSIVE), 200),
        (("a", 0, EXCLUSIVE), ("b", 1, EXCLUSIVE), 200),
        (("a", 0, EXCLUSIVE), ("b", 1, SHARED), 200),
        (("a", 0, SHARED), ("a", 1, SHARED), 200),
        (("a", 0, SHARED), ("b", 0, SHARED), 200),
        (("a", 0, EXCLUSIVE), ("a", 0, SHARED), 400),
        (("a", 0, SHARED), ("a", 0, EXCLUSIVE), 400),
        (("a", 0, EXCLUSIVE), ("a", 1, EXCLUSIVE), 400),
        (("a", 0, EXCLUSIVE), ("a", 1, SHARED), 400),
        (("a", 0, EXCLUSIVE), ("b", 0, EXCLUSIVE), 400),
        (("a", 0, EXCLUSIVE), ("b", 0, SHARED), 400),
        (("a", 0, SHARED), ("a", 1, EXCLUSIVE), 400),
        (("a", 0, SHARED), ("b", 0, EXCLUSIVE), 400),
    ] {
        let cloud = cloud();
        for certificate in &pair {
            let body = json!({ "certificatePem": certificate.pem });
            succeed(&cloud, "POST", "/certificate/register-no-ca", &body);
        }
        for name in ["a", "b"] {
            succeed(&cloud, "POST", &format!("/things/{name}"), &Value::Null);
        }
        let attach = |(thing, certificate, kind): (&str, usize, &str)| {
            let target = format!("/things/{thing}/principals?thingPrincipalType={kind}");
            with_principal(&cloud, "PUT", &target, &pair[certificate].arn()).0
        };
        assert_eq!(attach(first), 200);
        assert_eq!(attach(second), expected, "{first:?}, then {second:?}");
        let pairs = u16::try_from(cloud.read(|registry| {
            ["a", "b"].iter().map(|thing| registry.principals_of(thing).count()).sum::<usize>()
        }));
        let expected = if expected == 200 && first != second { 2 } else { 1 };
        assert_eq!(pairs, Ok(expected), "{first:?}, then {second:?}");
    }
}

fn register(cloud: &Cloud) -> TestCertificate {
    let certificate = certificates(1).remove(0);
    let body = json!({ "certificatePem": certificate.pem, "status": "INACTIVE" });
    succeed(cloud, "POST", "/certificate/register-no-ca", &body);
    certificate
}
