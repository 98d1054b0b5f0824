//! Which way of authentication a client takes: by its port, its ALPN name and its request, or by the settings of the
//! endpoint.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/protocols.html>

pub use iot_local_cloud::registry::{ApplicationProtocol, AuthenticationType};

use crate::alpn::{ALPN_NAMES, Alpn, TlsPort};

/// The settings of an endpoint, as of a domain configuration. [`EndpointSettings::default`] is AWS IoT's default
/// endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct EndpointSettings {
    authentication: AuthenticationType,
    protocol: ApplicationProtocol,
}

/// Two settings that AWS IoT does not combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("--authentication-type {authentication} cannot be combined with --application-protocol {protocol}")]
pub struct InvalidEndpoint {
    authentication: AuthenticationType,
    protocol: ApplicationProtocol,
}

/// How a client is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    /// By the authorizer.
    Custom,
    /// By its certificate and the authorizer.
    CustomWithCertificate,
    /// By its certificate.
    Certificate,
    /// By Signature Version 4.
    SigV4,
}

/// Whether clients of a TLS port present certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateUse {
    /// The handshake fails without one.
    Required,
    /// A client may present one.
    Optional,
    /// None is requested.
    Ignored,
}

/// What an HTTP request shows about its authentication.
#[derive(Debug, Clone, Copy)]
pub struct HttpMarks<'a> {
    /// The ALPN name. Absent on the plain port.
    pub alpn: Alpn,
    /// Whether the request opens a WebSocket.
    pub is_websocket: bool,
    /// Whether the client has presented a certificate.
    pub has_certificate: bool,
    /// The mark of Signature Version 4, if the request has one, such as `X-Amz-Algorithm`.
    pub signature: Option<&'a str>,
    /// The header or parameter with a token or the name of an authorizer, if the request has one.
    pub token: Option<&'a str>,
}

impl EndpointSettings {
    /// Checks the combination of two settings.
    ///
    /// # Errors
    /// AWS IoT has no such combination.
    pub fn new(
        authentication: AuthenticationType,
        protocol: ApplicationProtocol,
    ) -> Result<Self, InvalidEndpoint> {
        if authentication.can_have(protocol) {
            Ok(Self { authentication, protocol })
        } else {
            Err(InvalidEndpoint { authentication, protocol })
        }
    }

    /// Returns whether clients are authenticated by Signature Version 4 only.
    #[must_use]
    pub fn requires_signature(self) -> bool {
        self.authentication == AuthenticationType::AwsSigv4
    }

    /// Returns whether the handshake of a client requests a certificate. `offered` are the client's ALPN names.
    #[must_use]
    pub fn certificate_use(self, port: TlsPort, offered: &[&[u8]]) -> CertificateUse {
        match self.authentication {
            AuthenticationType::CustomAuthX509 | AuthenticationType::AwsX509 => CertificateUse::Required,
            AuthenticationType::CustomAuth | AuthenticationType::AwsSigv4 => CertificateUse::Ignored,
            AuthenticationType::Default => {
                let negotiated = ALPN_NAMES.into_iter().find(|name| offered.contains(name));
                match (port, Alpn::of(negotiated)) {
                    (TlsPort::Mqtts, _) | (_, Alpn::MqttCertificate | Alpn::HttpCertificate) => {
                        CertificateUse::Required
                    }
                    (TlsPort::Https, _) => CertificateUse::Optional,
                }
            }
        }
    }

    /// Returns how a client of MQTT without WebSocket is authenticated.
    ///
    /// # Errors
    /// Why it is denied, for the operator.
    pub fn for_mqtt(self, port: TlsPort, alpn: Alpn) -> Result<AuthMethod, String> {
        if !matches!(self.protocol, ApplicationProtocol::SecureMqtt | ApplicationProtocol::Default) {
            return Err(self.other_protocol("MQTT without WebSocket"));
        }
        Ok(match self.authentication {
            AuthenticationType::CustomAuthX509 => AuthMethod::CustomWithCertificate,
            AuthenticationType::CustomAuth => AuthMethod::Custom,
            AuthenticationType::AwsX509 => AuthMethod::Certificate,
            AuthenticationType::AwsSigv4 => {
                return Err(format!(
                    "MQTT without WebSocket cannot be signed, and --authentication-type is {}",
                    self.authentication
                ));
            }
            AuthenticationType::Default => match (port, alpn) {
                (TlsPort::Mqtts, _) | (TlsPort::Https, Alpn::MqttCertificate) => AuthMethod::Certificate,
                (TlsPort::Https, _) => AuthMethod::Custom,
            },
        })
    }

    /// Returns how the client of a WebSocket or of an HTTPS publish is authenticated.
    ///
    /// # Errors
    /// Why it is denied, for the operator.
    pub fn for_http(self, marks: HttpMarks<'_>) -> Result<AuthMethod, String> {
        use ApplicationProtocol::{Default, Https, MqttWss};
        let (expected, name) = match marks.is_websocket {
            true => (MqttWss, "MQTT over WebSocket"),
            false => (Https, "an HTTPS publish"),
        };
        if self.protocol != expected && self.protocol != Default {
            return Err(self.other_protocol(name));
        }
        if let (Some(signature), Some(token)) = (marks.signature, marks.token) {
            return Err(format!(
                "the request has a signature of Signature Version 4 in {signature}, and also a token or the name of an \
                 authorizer in {token}; expected one of them"
            ));
        }
        let method = self.http_method(marks);
        match method {
            AuthMethod::Certificate | AuthMethod::CustomWithCertificate if marks.is_websocket => Err(
                "AWS IoT does not authenticate MQTT over WebSocket by a certificate; help: connect without \
                     WebSocket, or with a token"
                    .to_owned(),
            ),
            AuthMethod::Certificate | AuthMethod::CustomWithCertificate if !marks.has_certificate => {
                Err("missing client certificate; help: use the TLS port".to_owned())
            }
            AuthMethod::SigV4 if marks.signature.is_none() => Err(format!(
                "missing signature of Signature Version 4, and --authentication-type is {}",
                self.authentication
            )),
            AuthMethod::Certificate | AuthMethod::Custom | AuthMethod::CustomWithCertificate
                if marks.signature.is_some() =>
            {
                Err("the request has a signature of Signature Version 4, which this endpoint does not accept"
                    .to_owned())
            }
            method => Ok(method),
        }
    }

    fn http_method(self, marks: HttpMarks<'_>) -> AuthMethod {
        match self.authentication {
            AuthenticationType::CustomAuthX509 => AuthMethod::CustomWithCertificate,
            AuthenticationType::CustomAuth => AuthMethod::Custom,
            AuthenticationType::AwsX509 => AuthMethod::Certificate,
            AuthenticationType::AwsSigv4 => AuthMethod::SigV4,
            AuthenticationType::Default if marks.alpn == Alpn::HttpCertificate => AuthMethod::Certificate,
            AuthenticationType::Default if marks.signature.is_some() => AuthMethod::SigV4,
            AuthenticationType::Default
                if marks.has_certificate && marks.token.is_none() && !marks.is_websocket =>
            {
                AuthMethod::Certificate
            }
            AuthenticationType::Default => AuthMethod::Custom,
        }
    }

    fn other_protocol(self, name: &str) -> String {
        format!("{name}, but --application-protocol is {}", self.protocol)
    }
}

#[cfg(test)]
mod tests;
