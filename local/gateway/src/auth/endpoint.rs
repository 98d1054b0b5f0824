//! Which way of authentication a client takes: by its port, its ALPN name and its request, or by the settings of the
//! endpoint.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/protocols.html>

use std::fmt;
use std::str::FromStr;

use crate::alpn::{ALPN_NAMES, Alpn, TlsPort};

/// The `authenticationType` of a domain configuration.
/// <https://docs.aws.amazon.com/iot/latest/apireference/API_CreateDomainConfiguration.html>
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum AuthenticationType {
    /// A client certificate and the authorizer. The policies of both add up.
    CustomAuthX509,
    /// The authorizer.
    CustomAuth,
    /// A client certificate.
    AwsX509,
    /// Signature Version 4.
    AwsSigv4,
    /// Port, ALPN name and request decide.
    #[default]
    Default,
}

/// The `applicationProtocol` of a domain configuration.
/// <https://docs.aws.amazon.com/iot/latest/apireference/API_CreateDomainConfiguration.html>
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ApplicationProtocol {
    /// MQTT over TLS.
    SecureMqtt,
    /// MQTT over WebSocket.
    MqttWss,
    /// HTTPS publishes.
    Https,
    /// Port, ALPN name and request decide.
    #[default]
    Default,
}

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
pub struct HttpMarks {
    /// The ALPN name. Absent on the plain port.
    pub alpn: Alpn,
    /// Whether the request opens a WebSocket.
    pub is_websocket: bool,
    /// Whether the client has presented a certificate.
    pub has_certificate: bool,
    /// Whether the request has marks of Signature Version 4.
    pub is_signed: bool,
    /// Whether the request has a token or names an authorizer.
    pub has_token: bool,
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
        use ApplicationProtocol::{MqttWss, SecureMqtt};
        use AuthenticationType::{AwsSigv4, AwsX509, CustomAuthX509};
        match (authentication, protocol) {
            (CustomAuthX509 | AwsX509, MqttWss) | (AwsSigv4, SecureMqtt) => {
                Err(InvalidEndpoint { authentication, protocol })
            }
            _ => Ok(Self { authentication, protocol }),
        }
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
    pub fn for_http(self, marks: HttpMarks) -> Result<AuthMethod, String> {
        use ApplicationProtocol::{Default, Https, MqttWss};
        let (expected, name) = match marks.is_websocket {
            true => (MqttWss, "MQTT over WebSocket"),
            false => (Https, "an HTTPS publish"),
        };
        if self.protocol != expected && self.protocol != Default {
            return Err(self.other_protocol(name));
        }
        if marks.is_signed && marks.has_token {
            return Err(
                "the request has a signature of Signature Version 4, and also a token or the name of an \
                        authorizer; expected one of them"
                    .to_owned(),
            );
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
            AuthMethod::SigV4 if !marks.is_signed => Err(format!(
                "missing signature of Signature Version 4, and --authentication-type is {}",
                self.authentication
            )),
            AuthMethod::Certificate | AuthMethod::Custom | AuthMethod::CustomWithCertificate
                if marks.is_signed =>
            {
                Err("the request has a signature of Signature Version 4, which this endpoint does not accept"
                    .to_owned())
            }
            method => Ok(method),
        }
    }

    fn http_method(self, marks: HttpMarks) -> AuthMethod {
        match self.authentication {
            AuthenticationType::CustomAuthX509 => AuthMethod::CustomWithCertificate,
            AuthenticationType::CustomAuth => AuthMethod::Custom,
            AuthenticationType::AwsX509 => AuthMethod::Certificate,
            AuthenticationType::AwsSigv4 => AuthMethod::SigV4,
            AuthenticationType::Default if marks.alpn == Alpn::HttpCertificate => AuthMethod::Certificate,
            AuthenticationType::Default if marks.is_signed => AuthMethod::SigV4,
            AuthenticationType::Default
                if marks.has_certificate && !marks.has_token && !marks.is_websocket =>
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

impl AuthenticationType {
    /// All types.
    pub const ALL: [Self; 5] =
        [Self::CustomAuthX509, Self::CustomAuth, Self::AwsX509, Self::AwsSigv4, Self::Default];

    /// Returns AWS IoT's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CustomAuthX509 => "CUSTOM_AUTH_X509",
            Self::CustomAuth => "CUSTOM_AUTH",
            Self::AwsX509 => "AWS_X509",
            Self::AwsSigv4 => "AWS_SIGV4",
            Self::Default => "DEFAULT",
        }
    }
}

impl ApplicationProtocol {
    /// All protocols.
    pub const ALL: [Self; 4] = [Self::SecureMqtt, Self::MqttWss, Self::Https, Self::Default];

    /// Returns AWS IoT's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SecureMqtt => "SECURE_MQTT",
            Self::MqttWss => "MQTT_WSS",
            Self::Https => "HTTPS",
            Self::Default => "DEFAULT",
        }
    }
}

impl fmt::Display for AuthenticationType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for ApplicationProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for AuthenticationType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|value| value.name() == text);
        found.ok_or_else(|| format!("expected one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

impl FromStr for ApplicationProtocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|value| value.name() == text);
        found.ok_or_else(|| format!("expected one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

#[cfg(test)]
mod tests;
