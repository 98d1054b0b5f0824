//! The event that AWS IoT sends to a custom authorizer.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-lambda.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// The facts of a connection that are known before its first MQTT packet. Not `Debug`: they hold credentials.
#[derive(Clone)]
pub struct Door {
    /// `connectionMetadata.id`
    pub connection: Uuid,
    /// The server name of the TLS handshake.
    pub server_name: Option<String>,
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

/// The authorizer as it would be created in AWS IoT (CreateAuthorizer). Token signing is disabled.
#[derive(Debug, Clone)]
pub struct Authorizer {
    /// Its name, which clients send as `x-amz-customauthorizer-name`. There is only this one: any name reaches it.
    pub name: String,
    /// `tokenKeyName`: the header, query or user-name parameter that fills the event's `token`.
    pub token_key: Option<String>,
}

impl Default for Authorizer {
    fn default() -> Self {
        Self { name: "iot-jwt-authorizer".to_owned(), token_key: Some("token".to_owned()) }
    }
}

/// The event for a connection; without `mqtt` that of an HTTPS publish. What is absent is left out, never null.
#[must_use]
pub fn event(authorizer: &Authorizer, door: &Door, mqtt: Option<&MqttFacts>) -> Bytes {
    let http = door.http.as_ref();
    let protocols = [(true, "tls"), (http.is_some(), "http"), (mqtt.is_some(), "mqtt")];
    let event = Event {
        token: authorizer.token_key.as_deref().and_then(|key| token(key, http, mqtt)),
        signature_verified: false,
        protocols: protocols.iter().filter(|(there, _)| *there).map(|(_, name)| *name).collect(),
        protocol_data: ProtocolData {
            tls: Tls { server_name: door.server_name.as_deref() },
            http: http.map(|http| Http {
                headers: combine(&http.headers),
                query_string: http.query.as_ref().map(|query| format!("?{query}")),
            }),
            mqtt: mqtt.map(|mqtt| Mqtt {
                username: mqtt.username.as_deref(),
                password: mqtt.password.as_ref().map(|password| STANDARD.encode(password)),
                client_id: mqtt.client_id.as_deref(),
            }),
        },
        connection_metadata: ConnectionMetadata { id: door.connection.to_string() },
    };
    // Strings, booleans and lists only: serialising them has no way to fail.
    serde_json::to_vec(&event).map(Bytes::from).unwrap_or_default()
}

/// The value of the token key: header in any case, else query parameter, else user-name parameter.
fn token(key: &str, http: Option<&HttpFacts>, mqtt: Option<&MqttFacts>) -> Option<String> {
    let header = || {
        let headers = &http?.headers;
        headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.clone())
    };
    let query = || parameter(http?.query.as_deref()?, key);
    let username = || parameter(mqtt?.username.as_deref()?.split_once('?')?.1, key);
    header().or_else(query).or_else(username)
}

/// A parameter, percent-decoded. `+` stays `+`: clients send base64 unencoded.
fn parameter(parameters: &str, key: &str) -> Option<String> {
    let value = parameters.split(['&', '?']).find_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (percent_decode_str(name).decode_utf8_lossy() == key).then_some(value)
    })?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
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
struct Event<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    signature_verified: bool,
    /// Outermost first.
    protocols: Vec<&'static str>,
    protocol_data: ProtocolData<'a>,
    connection_metadata: ConnectionMetadata,
}

#[derive(Serialize)]
struct ProtocolData<'a> {
    tls: Tls<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<Http<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mqtt: Option<Mqtt<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tls<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<&'a str>,
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

    fn door(headers: &[(&str, &str)], query: Option<&str>) -> Door {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Door {
            connection: Uuid::nil(),
            server_name: Some("localhost".to_owned()),
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
        serde_json::from_slice(&event(&Authorizer::default(), door, mqtt)).unwrap()
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
        let username = mqtt(Some("u?x-amz-customauthorizer-name=a&token=n&Metadata=(A=1;B=2)"), None);
        assert_eq!(json(&door(&[], None), Some(&username))["token"], "n");
        assert_eq!(json(&door(&[], None), Some(&mqtt(Some("token=no"), None))).get("token"), None);
    }

    #[test]
    fn header_lines_that_differ_only_in_case_become_one() {
        let event = json(&door(&[("A", "1"), ("b", "x"), ("a", "2")], None), None);
        assert_eq!(event["protocolData"]["http"]["headers"], serde_json::json!({ "A": "1, 2", "b": "x" }));
    }
}
