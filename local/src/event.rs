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
mod tests;
