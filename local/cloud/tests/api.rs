//! What all requests have in common: formats, notes for the event log, headers, and no panic whatever is sent.

#![cfg(test)]

mod support;

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use iot_local_cloud::Cloud;
use iot_local_cloud::api::{Request, Response, is_operation};
use proptest::prelude::*;
use serde_json::Value;
use support::table::body;
use support::{AUTHORIZATION, cloud, request};

fn form(service: &str, text: &str) -> Request {
    let mut request = request("POST", "/", text.as_bytes().to_vec());
    set(&mut request, "authorization", &AUTHORIZATION.replace("/iot/", &format!("/{service}/")));
    set(&mut request, "content-type", "application/x-www-form-urlencoded; charset=utf-8");
    request
}

fn set(request: &mut Request, name: &str, value: &str) {
    request.headers.retain(|(known, _)| known != name);
    request.headers.push((name.to_owned(), value.to_owned()));
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let mut values = response.headers.iter().filter(|(known, _)| *known == name);
    let value = values.next().map(|(_, value)| value.as_str()).unwrap_or_default();
    assert!(values.next().is_none(), "{name} occurs twice");
    value
}

#[test]
fn sts_answers_in_xml() {
    let response = cloud().respond(&form("sts", "Action=GetCallerIdentity&Version=2011-06-15"));
    assert_eq!((response.status, header(&response, "Content-Type")), (200, "text/xml"));
    let expected = "<GetCallerIdentityResult><Account>123456789012</Account>\
                    <Arn>arn:aws:iam::123456789012:root</Arn><UserId>123456789012</UserId></GetCallerIdentityResult>";
    assert!(body(&response).contains(expected), "{}", body(&response));
    assert_eq!(response.operation, Some("GetCallerIdentity"));
    for (text, status) in
        [("Action=GetCallerIdentity&Action=Other", 400), ("Action=AssumeRole", 501), ("", 501)]
    {
        let response = cloud().respond(&form("sts", text));
        assert_eq!((response.status, header(&response, "Content-Type")), (status, "text/xml"), "{text}");
    }
}

#[test]
fn one_call_of_the_control_plane_in_three_is_throttled() {
    let cloud = cloud();
    let list = |cloud: &Cloud| cloud.respond(&request("GET", "/things", Vec::new()));
    assert!((0..10).all(|_| list(&cloud).status == 200));
    cloud.set_throttle(NonZeroU32::new(3).unwrap());
    for _ in 0..3 {
        assert_eq!([list(&cloud).status, list(&cloud).status], [200, 200]);
        // Neither other services nor unsigned requests count.
        assert_eq!(cloud.respond(&form("sts", "Action=GetCallerIdentity&Version=2011-06-15")).status, 200);
        let mut unsigned = request("GET", "/things", Vec::new());
        unsigned.headers.retain(|(name, _)| name != "authorization");
        assert_eq!(cloud.respond(&unsigned).status, 403);
        let throttled = list(&cloud);
        assert_eq!((throttled.status, header(&throttled, "x-amzn-ErrorType")), (400, "ThrottlingException"));
        assert_eq!(body(&throttled), r#"{"message":"Rate exceeded"}"#);
    }
}

#[test]
fn the_event_log_gets_a_note_about_requests_that_working_clients_send() {
    for (name, value, expected) in [
        ("authorization", AUTHORIZATION.replace("us-east-1", "eu-west-1"), Some("--region eu-west-1")),
        ("authorization", AUTHORIZATION.replace("/iot/", "/s3/"), Some("AWS_ENDPOINT_URL_IOT_DATA_PLANE")),
        ("authorization", AUTHORIZATION.replace("us-east-1", "EU"), None),
        ("host", "example.com".to_owned(), None),
        ("origin", "https://example.com".to_owned(), None),
    ] {
        let mut request = request("GET", "/things", Vec::new());
        set(&mut request, name, &value);
        let response = cloud().respond(&request);
        let note = response.note.unwrap_or_default();
        assert_eq!(note.contains(expected.unwrap_or("help")), expected.is_some(), "{value}: {note}");
        assert!(response.status >= 400, "{value}");
    }
    let response = cloud().respond(&request("GET", "/jobs", Vec::new()));
    assert!(response.note.is_some_and(|note| note.contains("GET \"/jobs\" is not implemented")));
    let success = cloud().respond(&request("GET", "/things", Vec::new()));
    assert_eq!((success.status, success.note, success.operation), (200, None, Some("ListThings")));
}

#[test]
fn each_answer_has_an_id_and_is_not_kept() {
    let cloud = cloud();
    let mut ids = BTreeSet::new();
    for target in ["/things", "/things/nothing", "/nothing", "/endpoint"] {
        let response = cloud.respond(&request("GET", target, Vec::new()));
        assert_eq!(header(&response, "Cache-Control"), "no-store", "{target}");
        assert_eq!(header(&response, "Content-Type"), "application/json", "{target}");
        assert!(
            serde_json::from_slice::<Value>(&response.body).is_ok_and(|body| body.is_object()),
            "{target}"
        );
        ids.insert(header(&response, "x-amzn-RequestId").to_owned());
    }
    assert!(ids.len() == 4 && ids.iter().all(|id| id.len() == 36));
}

#[test]
fn operations_are_known_by_method_and_path() {
    assert!(is_operation("GET", "/things") && is_operation("PATCH", "/transfer-certificate/a"));
    assert!(!is_operation("GET", "/") && !is_operation("POST", "/") && !is_operation("GET", "/topics/a"));
}

/// Method, path, query, body and headers. A request itself is not `Debug`.
type Parts = (&'static str, String, String, Vec<u8>, Vec<(&'static str, String)>);

/// Parts of requests: those of routes, and arbitrary ones.
fn any_request() -> impl Strategy<Value = Parts> {
    let method =
        prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("PATCH"), Just("DELETE"), Just("OPTIONS")];
    let segment = prop_oneof![
        Just("things".to_owned()),
        Just("policies".to_owned()),
        Just("certificates".to_owned()),
        Just("cacertificate".to_owned()),
        Just("principals".to_owned()),
        Just("thing-groups".to_owned()),
        Just("keys-and-certificate".to_owned()),
        Just("certificate/register-no-ca".to_owned()),
        "[a-z0-9%]{0,6}",
        "\\PC{0,8}",
    ];
    let path = prop::collection::vec(segment, 0..4).prop_map(|segments| format!("/{}", segments.join("/")));
    let query = prop_oneof![Just(String::new()), "[a-zA-Z]{1,9}=[0-9a-z%+]{0,6}", "\\PC{0,20}"];
    let text = prop_oneof![
        Just(Vec::new()),
        "\\{\"[a-zA-Z]{1,20}\":(\"\\PC{0,20}\"|[0-9]{1,20}|null|\\[\\]|\\{\\})\\}"
            .prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..64),
    ];
    let header = prop_oneof![
        Just(("host", "localhost".to_owned())),
        ("[a-z0-9.:\\[\\]-]{0,20}").prop_map(|value| ("host", value)),
        ("\\PC{0,80}").prop_map(|value| ("authorization", value)),
        ("\\PC{0,20}").prop_map(|value| ("origin", value)),
        ("\\PC{0,40}").prop_map(|value| ("x-amz-target", value)),
        ("\\PC{0,40}").prop_map(|value| ("x-amzn-principal", value)),
        Just(("content-type", "application/x-www-form-urlencoded".to_owned())),
    ];
    let headers = prop::collection::vec(header, 0..3);
    (method, path, query, text, headers)
}

fn built((method, path, query, body, headers): &Parts) -> Request {
    let mut request = request(method, path, body.clone());
    request.query.clone_from(query);
    for (name, value) in headers {
        set(&mut request, name, value);
    }
    request
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_request_is_answered_and_an_error_changes_nothing(requests in prop::collection::vec(any_request(), 1..4)) {
        let cloud = cloud();
        for request in requests.iter().map(built) {
            let before = cloud.read(Clone::clone);
            let response = cloud.respond(&request);
            let statuses = [200, 400, 403, 404, 406, 409, 410, 413, 421, 501];
            prop_assert!(statuses.contains(&response.status), "{} {}", response.status, body(&response));
            if response.status != 200 || request.method == "GET" {
                prop_assert!(cloud.read(Clone::clone) == before || request.path == "/registrationcode");
            }
        }
    }
}
