//! The event that AWS IoT sends to a custom authorizer.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-lambda.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::selection::Selected;
use crate::tls::ClientCertificate;

/// The facts of a connection that are known before its first MQTT packet. Not `Debug`: they hold credentials.
#[derive(Clone)]
pub struct Door {
    /// `connectionMetadata.id`
    pub connection: Uuid,
    /// The server name of the TLS handshake.
    pub server_name: Option<String>,
    /// The client's certificate: X.509 custom authentication.
    pub certificate: Option<ClientCertificate>,
    /// The HTTP request: an HTTPS publish or a WebSocket upgrade.
    pub http: Option<HttpFacts>,
}

/// The HTTP request.
#[derive(Clone)]
pub struct HttpFacts {
    /// Name and value in the order and the case that the client sent.
    pub headers: Vec<(String, String)>,
    /// What follows the `?` of the request target, as it came.
    pub query: Option<String>,
}

/// What the CONNECT packet says. Not `Debug`: it holds credentials.
#[derive(Clone)]
pub struct MqttFacts {
    /// The user name, with everything after its `?`.
    pub username: Option<String>,
    /// The password's bytes.
    pub password: Option<Bytes>,
    /// The client id.
    pub client_id: Option<String>,
}

/// The contexts of TestInvokeAuthorizer, each of which may be left out. Not `Debug`: they hold credentials.
#[derive(Default)]
pub struct TestContexts {
    /// `tlsContext`: the server name.
    pub tls: Option<String>,
    /// `httpContext`
    pub http: Option<HttpFacts>,
    /// `mqttContext`
    pub mqtt: Option<MqttFacts>,
}

/// What the function is invoked with. Not `Debug`: it holds credentials.
#[derive(Clone)]
pub struct Event {
    /// The event.
    pub json: Bytes,
    /// Under X.509 custom authentication the principal that the answer must name: the certificate's id.
    pub certificate_id: Option<String>,
}

/// The event for a connection; without `mqtt` that of an HTTPS publish. What is absent is left out, never null.
#[must_use]
pub fn event(selected: Selected, door: &Door, mqtt: Option<&MqttFacts>) -> Event {
    let certificate = door.certificate.as_ref();
    let tls = Tls {
        server_name: door.server_name.as_deref(),
        x509_certificate_pem: certificate.map(|certificate| certificate.pem.as_str()),
        principal_id: certificate.map(|certificate| certificate.id.as_str()),
    };
    let data =
        ProtocolData { tls: Some(tls), http: door.http.as_ref().map(Http::from), mqtt: mqtt.map(Mqtt::from) };
    let json = render(selected, Some(data), Some(door.connection));
    Event { json, certificate_id: certificate.map(|certificate| certificate.id.clone()) }
}

/// The event of TestInvokeAuthorizer. Without any context it has no `protocolData`, as AWS documents; that it then has no
/// `protocols` and no `connectionMetadata` either is our reading.
#[must_use]
pub fn test_event(selected: Selected, contexts: &TestContexts) -> Event {
    let TestContexts { tls, http, mqtt } = contexts;
    let is_bare = tls.is_none() && http.is_none() && mqtt.is_none();
    let tls = tls.as_deref().map(|name| Tls { server_name: Some(name), ..Tls::default() });
    let data = ProtocolData { tls, http: http.as_ref().map(Http::from), mqtt: mqtt.as_ref().map(Mqtt::from) };
    let json = match is_bare {
        true => render(selected, None, None),
        false => render(selected, Some(data), Some(Uuid::new_v4())),
    };
    Event { json, certificate_id: None }
}

fn render(selected: Selected, data: Option<ProtocolData<'_>>, connection: Option<Uuid>) -> Bytes {
    let protocols = data.as_ref().map(|data| {
        let there =
            [("tls", data.tls.is_some()), ("http", data.http.is_some()), ("mqtt", data.mqtt.is_some())];
        there.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect()
    });
    let event = Json {
        token: selected.token,
        signature_verified: selected.signature_verified,
        protocols,
        protocol_data: data,
        connection_metadata: connection.map(|id| ConnectionMetadata { id: id.to_string() }),
    };
    // Strings, booleans and lists only: serialising them has no way to fail.
    serde_json::to_vec(&event).map(Bytes::from).unwrap_or_default()
}

/// One value for each name: lines that differ only in case are one field (RFC 9110, section 5.3).
fn combine(headers: &[(String, String)]) -> Vec<(&str, String)> {
    let mut combined: Vec<(&str, String)> = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        match combined.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, values)) => {
                values.push_str(", ");
                values.push_str(value);
            }
            None => combined.push((name, value.clone())),
        }
    }
    combined
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    signature_verified: bool,
    /// Outermost first.
    #[serde(skip_serializing_if = "Option::is_none")]
    protocols: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol_data: Option<ProtocolData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_metadata: Option<ConnectionMetadata>,
}

#[derive(Serialize)]
struct ProtocolData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Tls<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<Http<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mqtt: Option<Mqtt<'a>>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Tls<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x509_certificate_pem: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    #[serde(serialize_with = "as_map")]
    headers: Vec<(&'a str, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_string: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Mqtt<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
}

impl<'a> From<&'a HttpFacts> for Http<'a> {
    fn from(http: &'a HttpFacts) -> Self {
        let query_string = http.query.as_ref().map(|query| format!("?{query}"));
        Self { headers: combine(&http.headers), query_string }
    }
}

impl<'a> From<&'a MqttFacts> for Mqtt<'a> {
    fn from(mqtt: &'a MqttFacts) -> Self {
        let password = mqtt.password.as_ref().map(|password| STANDARD.encode(password));
        Self { username: mqtt.username.as_deref(), password, client_id: mqtt.client_id.as_deref() }
    }
}

#[derive(Serialize)]
struct ConnectionMetadata {
    id: String,
}

fn as_map<S: Serializer>(headers: &[(&str, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.iter().map(|(name, value)| (name, value)))
}

#[cfg(test)]
mod tests {
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
        let expected =
            serde_json::json!({ "mqtt": { "username": "u", "password": "cA==", "clientId": "c1" } });
        assert_eq!(event["protocolData"], expected);
        assert!(event["connectionMetadata"]["id"].is_string());
        let tls = test(TestContexts { tls: Some("s".to_owned()), ..TestContexts::default() });
        assert_eq!(tls["protocolData"], serde_json::json!({ "tls": { "serverName": "s" } }));
    }
}
