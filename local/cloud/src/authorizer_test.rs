//! What TestInvokeAuthorizer passes to an authorizer.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_TestInvokeAuthorizer.html>

/// The limits of the API, in bytes. Real connections have larger ones.
const MAX_TOKEN: usize = 6144;
const MAX_SIGNATURE: usize = 2560;
const MAX_HEADER: usize = 8192;
const MAX_QUERY: usize = 4096;
const MAX_MQTT: usize = 65_535;
const MAX_SERVER_NAME: usize = 253;

/// A test of an authorizer. Not `Debug`: it holds credentials.
#[derive(Clone, Default)]
pub struct AuthorizerTest {
    /// The name of the authorizer.
    pub authorizer: String,
    /// `token`.
    pub token: Option<String>,
    /// `tokenSignature`, in base64.
    pub token_signature: Option<String>,
    /// `httpContext`.
    pub http: Option<HttpContext>,
    /// `mqttContext`.
    pub mqtt: Option<MqttContext>,
    /// The server name of `tlsContext`.
    pub server_name: Option<String>,
}

/// The request of a client with HTTP or WebSocket. Not `Debug`: it holds credentials.
#[derive(Clone, Default)]
pub struct HttpContext {
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The query, with or without its `?`.
    pub query: Option<String>,
}

/// The CONNECT of a client. Not `Debug`: it holds credentials.
#[derive(Clone, Default)]
pub struct MqttContext {
    /// The user name.
    pub username: Option<String>,
    /// The password, decoded.
    pub password: Option<Vec<u8>>,
    /// The client id.
    pub client_id: Option<String>,
}

/// A member has a length that the API does not accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{member} has {found} bytes; expected 1 to {max}, the limit of TestInvokeAuthorizer")]
pub struct InvalidLength {
    /// AWS's name of the member.
    pub member: &'static str,
    found: usize,
    max: usize,
}

impl AuthorizerTest {
    /// Checks the lengths of all members.
    ///
    /// # Errors
    /// The first member that is empty or too long.
    pub fn check(&self) -> Result<(), InvalidLength> {
        let http = self.http.as_ref();
        let mqtt = self.mqtt.as_ref();
        let length = |text: &Option<String>| text.as_ref().map(String::len);
        let lengths = [
            ("token", length(&self.token), MAX_TOKEN),
            ("tokenSignature", length(&self.token_signature), MAX_SIGNATURE),
            ("queryString", http.and_then(|http| length(&http.query)), MAX_QUERY),
            ("username", mqtt.and_then(|mqtt| length(&mqtt.username)), MAX_MQTT),
            ("password", mqtt.and_then(|mqtt| mqtt.password.as_ref().map(Vec::len)), MAX_MQTT),
            ("clientId", mqtt.and_then(|mqtt| length(&mqtt.client_id)), MAX_MQTT),
            ("serverName", length(&self.server_name), MAX_SERVER_NAME),
        ];
        let headers = http.into_iter().flat_map(|http| &http.headers);
        let headers = headers.flat_map(|(name, value)| {
            [
                ("the name of a header", Some(name.len()), MAX_HEADER),
                ("a header", Some(value.len()), MAX_HEADER),
            ]
        });
        let mut present = lengths.into_iter().chain(headers);
        let invalid = present.find_map(|(member, found, max)| {
            let found = found.filter(|found| !(1..=max).contains(found))?;
            Some(InvalidLength { member, found, max })
        });
        invalid.map_or(Ok(()), Err)
    }
}
