//! Requests that AWS's signer for Rust signs.

#![expect(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a panic is how a test fails")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SessionTokenMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use iot_local_base::clock;
use iot_local_cloud::credentials::{KeyPair, TemporaryCredentials};

/// An HTTP request before or after it is signed.
#[derive(Clone)]
pub(crate) struct HttpRequest {
    pub(crate) method: &'static str,
    /// Path and query, encoded.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl HttpRequest {
    pub(crate) fn new(method: &'static str, target: &str, host: &str) -> Self {
        let headers = vec![("host".to_owned(), host.to_owned())];
        Self { method, target: target.to_owned(), headers, body: String::new() }
    }

    /// Replaces or adds a header.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(known, _)| known != name);
        self.add(name, value);
    }

    pub(crate) fn add(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Adds what a WebSocket handshake has and no signature needs.
    pub(crate) fn add_handshake(&mut self) {
        for (name, value) in [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", "mqtt"),
        ] {
            if self.header(name).is_empty() {
                self.add(name, value);
            }
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// Returns the header lines without `Host`.
    pub(crate) fn lines(&self) -> String {
        let other = self.headers.iter().filter(|(name, _)| name != "host");
        other.map(|(name, value)| format!("{name}: {value}\r\n")).collect()
    }

    /// Returns the bytes of the request.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let hosts = self.headers.iter().filter(|(name, _)| name == "host");
        let hosts: String = hosts.map(|(_, value)| format!("Host: {value}\r\n")).collect();
        let head = format!("{} {} HTTP/1.1\r\n{hosts}{}", self.method, self.target, self.lines());
        match self.method {
            "GET" => format!("{head}\r\n").into_bytes(),
            _ => format!("{head}content-length: {}\r\n\r\n{}", self.body.len(), self.body).into_bytes(),
        }
    }
}

/// What a request is signed with and for.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) key: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
    pub(crate) region: &'static str,
    pub(crate) service: &'static str,
    pub(crate) time: SystemTime,
    pub(crate) settings: SigningSettings,
}

impl Signer {
    /// Signs as AWS IoT expects it: the session token is not part of a presigned address.
    pub(crate) fn new(pair: &KeyPair, service: &'static str, location: SignatureLocation) -> Self {
        let mut settings = SigningSettings::default();
        settings.excluded_headers = None;
        settings.signature_location = location;
        if location == SignatureLocation::QueryParams {
            settings.session_token_mode = SessionTokenMode::Exclude;
            settings.expires_in = Some(Duration::from_secs(300));
        }
        let KeyPair { access_key_id, secret_access_key } = pair.clone();
        Self {
            key: access_key_id,
            secret: secret_access_key,
            token: None,
            region: "us-east-1",
            service,
            time: clock::now(),
            settings,
        }
    }

    pub(crate) fn temporary(mut self, issued: &TemporaryCredentials) -> Self {
        self.key.clone_from(&issued.access_key_id);
        self.secret.clone_from(&issued.secret_access_key);
        self.token = Some(issued.session_token.clone());
        self
    }

    /// Sets the time, in seconds since 1970.
    pub(crate) fn at(mut self, seconds: u64) -> Self {
        self.time = UNIX_EPOCH + Duration::from_secs(seconds);
        self
    }

    pub(crate) fn sign(&self, request: &HttpRequest) -> HttpRequest {
        let credentials =
            Credentials::new(self.key.clone(), self.secret.clone(), self.token.clone(), None, "test");
        let identity = credentials.into();
        let parameters = SigningParams::builder().identity(&identity).region(self.region).name(self.service);
        let parameters = parameters.time(self.time).settings(self.settings.clone()).build().unwrap().into();
        let address = format!("https://{}{}", request.header("host"), request.target);
        let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let body = SignableBody::Bytes(request.body.as_bytes());
        let signable = SignableRequest::new(request.method, address, headers, body).unwrap();
        let (headers, query) = sign(signable, &parameters).unwrap().into_parts().0.into_parts();
        let mut signed = request.clone();
        for header in headers {
            signed.add(header.name(), header.value());
        }
        for (name, value) in query {
            let separator = if signed.target.contains('?') { '&' } else { '?' };
            let value = percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC);
            signed.target = format!("{}{separator}{name}={value}", signed.target);
        }
        signed
    }
}
