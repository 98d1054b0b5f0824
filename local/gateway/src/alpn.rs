//! The ALPN names (RFC 7301) and the TLS ports by which AWS IoT selects the protocol.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/protocols.html>

/// The ALPN name of MQTT with custom authentication.
pub const ALPN_MQTT: &[u8] = b"mqtt";

/// The ALPN name of MQTT with a client certificate, which is then required.
pub const ALPN_MQTT_CERTIFICATE: &[u8] = b"x-amzn-mqtt-ca";

/// The ALPN name of HTTPS with a client certificate, which is then required.
pub const ALPN_HTTP_CERTIFICATE: &[u8] = b"x-amzn-http-ca";

/// The ALPN name of HTTPS publishes and WebSocket.
pub const ALPN_HTTP: &[u8] = b"http/1.1";

/// All names, in the order of the server's preference.
pub(crate) const ALPN_NAMES: [&[u8]; 4] =
    [ALPN_MQTT, ALPN_MQTT_CERTIFICATE, ALPN_HTTP, ALPN_HTTP_CERTIFICATE];

/// A TLS port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsPort {
    /// AWS IoT's port 443: all protocols.
    Https,
    /// AWS IoT's port 8883: MQTT.
    Mqtts,
}

/// The protocol that a client selects by ALPN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    /// `mqtt`.
    Mqtt,
    /// `x-amzn-mqtt-ca`.
    MqttCertificate,
    /// `x-amzn-http-ca`.
    HttpCertificate,
    /// `http/1.1`.
    Http,
    /// None: the first byte selects the protocol.
    Absent,
}

impl Alpn {
    /// Returns the protocol of a negotiated name.
    #[must_use]
    pub fn of(name: Option<&[u8]>) -> Self {
        match name {
            Some(ALPN_MQTT) => Self::Mqtt,
            Some(ALPN_MQTT_CERTIFICATE) => Self::MqttCertificate,
            Some(ALPN_HTTP_CERTIFICATE) => Self::HttpCertificate,
            Some(ALPN_HTTP) => Self::Http,
            Some(_) | None => Self::Absent,
        }
    }
}
