//! The facts about a connection and a CONNECT packet that the event for the authorizer contains.

use bytes::Bytes;
use iot_local_cloud::credentials::Caller;
use uuid::Uuid;

use crate::certificate::ClientCertificate;

/// The facts of a connection that are known before its first MQTT packet. Not `Debug`: they hold credentials.
#[derive(Clone)]
pub struct ConnectionFacts {
    /// `connectionMetadata.id`
    pub connection: Uuid,
    /// The server name of the TLS handshake.
    pub server_name: Option<String>,
    /// The client's certificate. Absent if the client is authenticated without it.
    pub certificate: Option<ClientCertificate>,
    /// The HTTP request of an HTTPS publish or a WebSocket handshake.
    pub http: Option<HttpFacts>,
    /// Who signed that request. Present only if the signature is verified.
    pub caller: Option<Caller>,
}

/// An HTTP request. Not `Debug`: it holds credentials.
#[derive(Clone)]
pub struct HttpFacts {
    /// Names and values, in the client's order and case.
    pub headers: Vec<(String, String)>,
    /// The query of the request target, undecoded and without its `?`.
    pub query: Option<String>,
}

/// A CONNECT packet. Not `Debug`: it holds credentials.
#[derive(Clone)]
pub struct MqttFacts {
    /// The user name, including the parameters after its `?`.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Bytes>,
    /// The client id.
    pub client_id: Option<String>,
}
