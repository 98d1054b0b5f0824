//! Events of connections and of TestInvokeAuthorizer.

use std::sync::Arc;

use super::*;
use crate::certificate::ClientCertificate;
use crate::selection::AuthorizerDefinition;

fn facts(headers: &[(&str, &str)], query: Option<&str>) -> ConnectionFacts {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    ConnectionFacts {
        connection: Uuid::nil(),
        server_name: Some("localhost".to_owned()),
        certificate: None,
        caller: None,
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

fn json(facts: &ConnectionFacts, mqtt: Option<&MqttFacts>) -> serde_json::Value {
    let selected = AuthorizerDefinition::default().find_token(facts.http.as_ref(), mqtt).ok().unwrap();
    serde_json::from_slice(&event(selected, facts, mqtt).json).unwrap()
}

#[test]
fn the_event_of_a_websocket_connect_has_three_layers() {
    let facts = facts(&[("Host", "localhost:8080"), ("X-Mixed-Case", "a")], Some("token=t%2Bk&x=1"));
    let event = json(&facts, Some(&mqtt(Some("alice?SDK=x"), Some(b"\x01\xff"))));
    let expected = serde_json::json!({
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
fn absent_members_are_omitted() {
    let event = json(&facts(&[], None), None);
    assert_eq!(event.get("token"), None);
    assert_eq!(event["protocols"], serde_json::json!(["tls", "http"]));
    assert_eq!(event["protocolData"]["http"], serde_json::json!({ "headers": {} }));
    assert_eq!(event["protocolData"].get("mqtt"), None);
    let without_credentials = json(&facts(&[], None), Some(&mqtt(None, None)));
    assert_eq!(without_credentials["protocolData"]["mqtt"], serde_json::json!({ "clientId": "c1" }));
}

/// Without token signing the token is only where the client sent it.
#[test]
fn an_unsigned_token_is_no_member_of_the_event() {
    for facts in [facts(&[("TOKEN", "h")], None), facts(&[], Some("token=q"))] {
        assert_eq!(json(&facts, None).get("token"), None);
    }
    let signed = Selected { token: Some("t".to_owned()), signature_verified: true };
    let event: serde_json::Value =
        serde_json::from_slice(&event(signed, &facts(&[], None), None).json).unwrap();
    assert_eq!((&event["token"], &event["signatureVerified"]), (&"t".into(), &true.into()));
}

#[test]
fn header_lines_that_differ_only_in_case_are_combined() {
    let event = json(&facts(&[("A", "1"), ("b", "x"), ("a", "2")], None), None);
    assert_eq!(event["protocolData"]["http"]["headers"], serde_json::json!({ "A": "1, 2", "b": "x" }));
}

#[test]
fn mqtt_without_websocket_has_no_http() {
    let facts = ConnectionFacts { http: None, ..facts(&[], None) };
    let event = json(&facts, Some(&mqtt(Some("u?token=t"), None)));
    assert_eq!(event["protocols"], serde_json::json!(["tls", "mqtt"]));
    assert_eq!((event["protocolData"].get("http"), event.get("token")), (None, None));
}

#[test]
fn a_client_certificate_is_in_the_event_and_sets_the_principal() {
    let certificate =
        ClientCertificate { id: "ab".repeat(32), der: b"der".to_vec().into(), chain: Arc::default() };
    let pem = "-----BEGIN CERTIFICATE-----\nZGVy\n-----END CERTIFICATE-----\n";
    let facts = ConnectionFacts { certificate: Some(certificate), ..facts(&[], None) };
    let event = event(Selected::default(), &facts, None);
    let json: serde_json::Value = serde_json::from_slice(&event.json).unwrap();
    let expected = serde_json::json!({
        "serverName": "localhost", "x509CertificatePem": pem, "principalId": "ab".repeat(32)
    });
    assert_eq!((&json["protocolData"]["tls"], event.certificate_id), (&expected, Some("ab".repeat(32))));
}

#[test]
fn a_test_event_has_the_given_contexts() {
    let event = |test: AuthorizerTest| -> serde_json::Value {
        let selected = Selected { token: Some("t".to_owned()), signature_verified: true };
        serde_json::from_slice(&test_event(selected, &test).json).unwrap()
    };
    let without_context = event(AuthorizerTest::default());
    assert_eq!(without_context, serde_json::json!({ "token": "t", "signatureVerified": true }));
    let mqtt = MqttContext {
        username: Some("u".to_owned()),
        password: Some(b"p".to_vec()),
        client_id: Some("c1".to_owned()),
    };
    let with_mqtt = event(AuthorizerTest { mqtt: Some(mqtt), ..AuthorizerTest::default() });
    assert_eq!(with_mqtt["protocols"], serde_json::json!(["mqtt"]));
    let expected = serde_json::json!({ "mqtt": { "username": "u", "password": "cA==", "clientId": "c1" } });
    assert_eq!(with_mqtt["protocolData"], expected);
    assert!(with_mqtt["connectionMetadata"]["id"].is_string());
    let with_tls = event(AuthorizerTest { server_name: Some("s".to_owned()), ..AuthorizerTest::default() });
    assert_eq!(with_tls["protocolData"], serde_json::json!({ "tls": { "serverName": "s" } }));
    for query in ["q=1", "?q=1"] {
        let http = HttpContext { headers: vec![("A".into(), "b".into())], query: Some(query.to_owned()) };
        let with_http = event(AuthorizerTest { http: Some(http), ..AuthorizerTest::default() });
        let expected = serde_json::json!({ "http": { "headers": { "A": "b" }, "queryString": "?q=1" } });
        assert_eq!(with_http["protocolData"], expected, "{query}");
    }
}
