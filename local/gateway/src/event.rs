//! Creates the event that AWS IoT sends to a custom authorizer.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/custom-auth-lambda.html>

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::auth::authorizers::LiveAuthorizer;
use crate::certificate::ClientCertificate;
use crate::facts::{ConnectionFacts, HttpFacts, MqttFacts};
use crate::selection::Selected;

/// The contexts of TestInvokeAuthorizer, each optional. Not `Debug`: they hold credentials.
/// <https://docs.aws.amazon.com/iot/latest/apireference/API_TestInvokeAuthorizer.html>
#[derive(Default)]
pub struct TestContexts {
    /// The server name of `tlsContext`.
    pub tls: Option<String>,
    /// `httpContext`.
    pub http: Option<HttpFacts>,
    /// `mqttContext`.
    pub mqtt: Option<MqttFacts>,
}

/// An event for the authorizer. Not `Debug`: it holds credentials.
#[derive(Clone)]
pub struct Event {
    /// The event as JSON.
    pub json: Bytes,
    /// The id of the client's certificate under X.509 custom authentication. The response must have it as principal.
    pub certificate_id: Option<String>,
    /// The authorizer that was selected. Absent for the built-in one.
    pub(crate) selection: Option<Selection>,
}

/// The authorizer of a client, and the signed token, which is checked again if the authorizer changes.
#[derive(Clone)]
pub(crate) struct Selection {
    pub(crate) authorizer: Arc<LiveAuthorizer>,
    pub(crate) token: Option<String>,
    pub(crate) signature: Option<String>,
}

impl Event {
    /// Returns the name of the authorizer that was selected.
    pub(crate) fn authorizer(&self) -> Option<&str> {
        self.selection.as_ref().map(|selection| selection.authorizer.definition.name.as_str())
    }
}

/// Creates the event for a connection. Without `mqtt`, the event is for an HTTPS publish. Absent members are omitted,
/// never null.
#[must_use]
pub fn event(selected: Selected, facts: &ConnectionFacts, mqtt: Option<&MqttFacts>) -> Event {
    let certificate = facts.certificate.as_ref();
    let pem = certificate.map(ClientCertificate::pem);
    let tls = TlsData {
        server_name: facts.server_name.as_deref(),
        x509_certificate_pem: pem.as_deref(),
        principal_id: certificate.map(|certificate| certificate.id.as_str()),
    };
    let data = ProtocolData {
        tls: Some(tls),
        http: facts.http.as_ref().map(HttpData::from),
        mqtt: mqtt.map(MqttData::from),
    };
    let json = render(selected, Some(data), Some(facts.connection));
    Event { json, certificate_id: certificate.map(|certificate| certificate.id.clone()), selection: None }
}

/// Creates the event of TestInvokeAuthorizer. Without a context it has no `protocolData`, as AWS documents. It then
/// also has no `protocols` and no `connectionMetadata`, which is assumed.
#[must_use]
pub fn test_event(selected: Selected, contexts: &TestContexts) -> Event {
    let TestContexts { tls, http, mqtt } = contexts;
    let has_no_context = tls.is_none() && http.is_none() && mqtt.is_none();
    let tls = tls.as_deref().map(|name| TlsData { server_name: Some(name), ..TlsData::default() });
    let http = http.as_ref().map(HttpData::from);
    let data = ProtocolData { tls, http, mqtt: mqtt.as_ref().map(MqttData::from) };
    let json = match has_no_context {
        true => render(selected, None, None),
        false => render(selected, Some(data), Some(Uuid::new_v4())),
    };
    Event { json, certificate_id: None, selection: None }
}

fn render(selected: Selected, data: Option<ProtocolData<'_>>, connection: Option<Uuid>) -> Bytes {
    let protocols = data.as_ref().map(|data| {
        let layers =
            [("tls", data.tls.is_some()), ("http", data.http.is_some()), ("mqtt", data.mqtt.is_some())];
        layers.iter().filter(|(_, is_present)| *is_present).map(|(name, _)| *name).collect()
    });
    let event = EventJson {
        token: selected.token,
        signature_verified: selected.signature_verified,
        protocols,
        protocol_data: data,
        connection_metadata: connection.map(|id| ConnectionMetadata { id: id.to_string() }),
    };
    // Cannot fail: the event consists of strings, booleans, lists and maps with string keys.
    serde_json::to_vec(&event).map(Bytes::from).unwrap_or_default()
}

/// Combines header lines whose names differ only in case into one field (RFC 9110, section 5.3).
fn combine_headers(headers: &[(String, String)]) -> Vec<(&str, String)> {
    let mut combined: Vec<(&str, String)> = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        match combined.iter_mut().find(|(present, _)| present.eq_ignore_ascii_case(name)) {
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
struct EventJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    signature_verified: bool,
    /// The names of the layers, outermost first.
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
    tls: Option<TlsData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<HttpData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mqtt: Option<MqttData<'a>>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct TlsData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x509_certificate_pem: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpData<'a> {
    #[serde(serialize_with = "as_map")]
    headers: Vec<(&'a str, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_string: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MqttData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
}

impl<'a> From<&'a HttpFacts> for HttpData<'a> {
    fn from(http: &'a HttpFacts) -> Self {
        let query_string = http.query.as_ref().map(|query| format!("?{query}"));
        Self { headers: combine_headers(&http.headers), query_string }
    }
}

impl<'a> From<&'a MqttFacts> for MqttData<'a> {
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
