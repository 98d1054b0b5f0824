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
        if authentication.can_have(protocol) {
            Ok(Self { authentication, protocol })
        } else {
            Err(InvalidEndpoint { authentication, protocol })
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

#[cfg(test)]
mod tests;
