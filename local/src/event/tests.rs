use super::*;
use crate::selection::Authorizer;

fn door(headers: &[(&str, &str)], query: Option<&str>) -> Door {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Door {
        connection: Uuid::nil(),
        server_name: Some("localhost".to_owned()),
        certificate: None,
        http: Some(HttpFacts { headers, query: query.map(str::to_owned) }),
    }
}

fn mqtt(username: Option<&str>, password: Option<&'static [u8]>) -> MqttFacts {
    MqttFacts {
        username: username.map(str::to_owned),
        password: password.map(Bytes::from_static),
        client_id: Some("c1".to_owned()),
    }
}

fn json(door: &Door, mqtt: Option<&MqttFacts>) -> serde_json::Value {
    let selected = Authorizer::default().select(door.http.as_ref(), mqtt).ok().unwrap();
    serde_json::from_slice(&event(selected, door, mqtt).json).unwrap()
}

#[test]
fn a_websocket_connect_carries_all_three_layers() {
    let door = door(&[("Host", "localhost:8080"), ("X-Mixed-Case", "a")], Some("token=t%2Bk&x=1"));
    let event = json(&door, Some(&mqtt(Some("alice?SDK=x"), Some(b"\x01\xff"))));
    let expected = serde_json::json!({
        "token": "t+k",
        "signatureVerified": false,
        "protocols": ["tls", "http", "mqtt"],
        "protocolData": {
            "tls": { "serverName": "localhost" },
            "http": {
                "headers": { "Host": "localhost:8080", "X-Mixed-Case": "a" },
                "queryString": "?token=t%2Bk&x=1"
            },
            "mqtt": { "username": "alice?SDK=x", "password": "Af8=", "clientId": "c1" }
        },
        "connectionMetadata": { "id": "00000000-0000-0000-0000-000000000000" }
    });
    assert_eq!(event, expected);
}

#[test]
fn what_is_absent_is_left_out() {
    let event = json(&door(&[], None), None);
    assert_eq!(event.get("token"), None);
    assert_eq!(event["protocols"], serde_json::json!(["tls", "http"]));
    assert_eq!(event["protocolData"]["http"], serde_json::json!({ "headers": {} }));
    assert_eq!(event["protocolData"].get("mqtt"), None);
    let bare = json(&door(&[], None), Some(&mqtt(None, None)));
    assert_eq!(bare["protocolData"]["mqtt"], serde_json::json!({ "clientId": "c1" }));
}

#[test]
fn the_token_key_is_looked_for_in_header_query_and_user_name() {
    assert_eq!(json(&door(&[("TOKEN", "h")], Some("token=q")), None)["token"], "h");
    assert_eq!(json(&door(&[], Some("a=b&token=q+r")), None)["token"], "q+r");
    let username =
        mqtt(Some("u?x-amz-customauthorizer-name=iot-jwt-authorizer&token=n&Metadata=(A=1;B=2)"), None);
    assert_eq!(json(&door(&[], None), Some(&username))["token"], "n");
    assert_eq!(json(&door(&[], None), Some(&mqtt(Some("token=no"), None))).get("token"), None);
}

#[test]
fn header_lines_that_differ_only_in_case_become_one() {
    let event = json(&door(&[("A", "1"), ("b", "x"), ("a", "2")], None), None);
    assert_eq!(event["protocolData"]["http"]["headers"], serde_json::json!({ "A": "1, 2", "b": "x" }));
}

#[test]
fn mqtt_without_websocket_has_no_http() {
    let door = Door { http: None, ..door(&[], None) };
    let event = json(&door, Some(&mqtt(Some("u?token=t"), None)));
    assert_eq!(event["protocols"], serde_json::json!(["tls", "mqtt"]));
    assert_eq!((event["protocolData"].get("http"), &event["token"]), (None, &serde_json::json!("t")));
}

#[test]
fn a_client_certificate_is_told_and_binds_the_principal() {
    let certificate = ClientCertificate { pem: "PEM".to_owned(), id: "ab".repeat(32) };
    let door = Door { certificate: Some(certificate), ..door(&[], None) };
    let event = event(Selected::default(), &door, None);
    let json: serde_json::Value = serde_json::from_slice(&event.json).unwrap();
    let expected = serde_json::json!({
        "serverName": "localhost", "x509CertificatePem": "PEM", "principalId": "ab".repeat(32)
    });
    assert_eq!((&json["protocolData"]["tls"], event.certificate_id), (&expected, Some("ab".repeat(32))));
}

#[test]
fn a_test_call_has_the_contexts_that_it_is_given() {
    let test = |contexts: TestContexts| -> serde_json::Value {
        let selected = Selected { token: Some("t".to_owned()), signature_verified: true };
        serde_json::from_slice(&test_event(selected, &contexts).json).unwrap()
    };
    let bare = test(TestContexts::default());
    assert_eq!(bare, serde_json::json!({ "token": "t", "signatureVerified": true }));
    let event = test(TestContexts { mqtt: Some(mqtt(Some("u"), Some(b"p"))), ..TestContexts::default() });
    assert_eq!(event["protocols"], serde_json::json!(["mqtt"]));
    let expected = serde_json::json!({ "mqtt": { "username": "u", "password": "cA==", "clientId": "c1" } });
    assert_eq!(event["protocolData"], expected);
    assert!(event["connectionMetadata"]["id"].is_string());
    let tls = test(TestContexts { tls: Some("s".to_owned()), ..TestContexts::default() });
    assert_eq!(tls["protocolData"], serde_json::json!({ "tls": { "serverName": "s" } }));
}
