use super::*;
use crate::alpn::{ALPN_HTTP, ALPN_HTTP_CERTIFICATE, ALPN_MQTT, ALPN_MQTT_CERTIFICATE};
use AuthMethod::{Certificate, Custom, CustomWithCertificate, SigV4};

fn settings(authentication: &str, protocol: &str) -> EndpointSettings {
    EndpointSettings::new(authentication.parse().unwrap(), protocol.parse().unwrap()).unwrap()
}

#[test]
fn settings_are_read_by_aws_iot_s_names_and_combined_as_there() {
    for text in ["", "custom_auth", "X509", "DEFAULT "] {
        assert!(text.parse::<AuthenticationType>().is_err(), "{text:?}");
        assert!(text.parse::<ApplicationProtocol>().is_err(), "{text:?}");
    }
    for (authentication, protocol) in
        [("CUSTOM_AUTH_X509", "MQTT_WSS"), ("AWS_X509", "MQTT_WSS"), ("AWS_SIGV4", "SECURE_MQTT")]
    {
        let error =
            EndpointSettings::new(authentication.parse().unwrap(), protocol.parse().unwrap()).unwrap_err();
        assert!(
            error.to_string().contains(authentication) && error.to_string().contains(protocol),
            "{error}"
        );
    }
}

/// Columns: the authentication type, the port, the ALPN name, the certificate in the handshake, and the method.
#[test]
fn mqtt_is_decided_by_port_and_alpn_or_by_the_settings() {
    use Alpn::{Absent, Mqtt, MqttCertificate};
    use TlsPort::{Https, Mqtts};
    let required = CertificateUse::Required;
    for (authentication, port, alpn, certificate, expected) in [
        ("DEFAULT", Mqtts, Absent, required, Some(Certificate)),
        ("DEFAULT", Mqtts, MqttCertificate, required, Some(Certificate)),
        ("DEFAULT", Mqtts, Mqtt, required, Some(Certificate)),
        ("DEFAULT", Https, MqttCertificate, required, Some(Certificate)),
        ("DEFAULT", Https, Mqtt, CertificateUse::Optional, Some(Custom)),
        ("DEFAULT", Https, Absent, CertificateUse::Optional, Some(Custom)),
        ("AWS_X509", Https, Mqtt, required, Some(Certificate)),
        ("AWS_X509", Mqtts, Absent, required, Some(Certificate)),
        ("CUSTOM_AUTH_X509", Https, Mqtt, required, Some(CustomWithCertificate)),
        ("CUSTOM_AUTH_X509", Mqtts, Absent, required, Some(CustomWithCertificate)),
        ("CUSTOM_AUTH", Mqtts, Absent, CertificateUse::Ignored, Some(Custom)),
        ("CUSTOM_AUTH", Https, MqttCertificate, CertificateUse::Ignored, Some(Custom)),
        ("AWS_SIGV4", Https, Mqtt, CertificateUse::Ignored, None),
        ("AWS_SIGV4", Mqtts, Absent, CertificateUse::Ignored, None),
    ] {
        let endpoint = settings(authentication, "DEFAULT");
        let offered: &[&[u8]] = match alpn {
            Mqtt => &[ALPN_MQTT],
            MqttCertificate => &[ALPN_MQTT_CERTIFICATE],
            _ => &[],
        };
        assert_eq!(
            endpoint.certificate_use(port, offered),
            certificate,
            "{authentication} {port:?} {alpn:?}"
        );
        assert_eq!(endpoint.for_mqtt(port, alpn).ok(), expected, "{authentication} {port:?} {alpn:?}");
    }
    // The first name of the server's list decides, not the first of the client's.
    for (offered, expected) in [
        (&[ALPN_MQTT_CERTIFICATE, ALPN_MQTT][..], CertificateUse::Optional),
        (&[ALPN_MQTT_CERTIFICATE, ALPN_HTTP], required),
        (&[ALPN_HTTP_CERTIFICATE, ALPN_HTTP], CertificateUse::Optional),
        (&[ALPN_HTTP_CERTIFICATE], required),
        (&[b"h2", ALPN_HTTP_CERTIFICATE], required),
        (&[b"h2"], CertificateUse::Optional),
    ] {
        assert_eq!(EndpointSettings::default().certificate_use(Https, offered), expected, "{offered:?}");
    }
    for protocol in ["MQTT_WSS", "HTTPS"] {
        assert!(settings("CUSTOM_AUTH", protocol).for_mqtt(Https, Mqtt).unwrap_err().contains(protocol));
    }
}

/// Columns: the authentication type, the marks of the request (w: WebSocket, h: ALPN x-amzn-http-ca, c: certificate,
/// s: signature, t: token), and the method, or a part of the denial.
#[test]
fn http_is_decided_by_the_marks_of_the_request_or_by_the_settings() {
    for (authentication, marks, expected) in [
        ("DEFAULT", "", Ok(Custom)),
        ("DEFAULT", "t", Ok(Custom)),
        ("DEFAULT", "ct", Ok(Custom)),
        ("DEFAULT", "c", Ok(Certificate)),
        ("DEFAULT", "hct", Ok(Certificate)),
        ("DEFAULT", "s", Ok(SigV4)),
        ("DEFAULT", "cs", Ok(SigV4)),
        ("DEFAULT", "w", Ok(Custom)),
        ("DEFAULT", "wc", Ok(Custom)),
        ("DEFAULT", "wt", Ok(Custom)),
        ("DEFAULT", "ws", Ok(SigV4)),
        ("DEFAULT", "st", Err("expected one of them")),
        ("DEFAULT", "wst", Err("expected one of them")),
        ("DEFAULT", "whc", Err("over WebSocket by a certificate")),
        ("DEFAULT", "h", Err("missing client certificate")),
        ("DEFAULT", "hcs", Err("does not accept")),
        ("AWS_X509", "c", Ok(Certificate)),
        ("AWS_X509", "ct", Ok(Certificate)),
        ("AWS_X509", "", Err("missing client certificate")),
        ("AWS_X509", "t", Err("missing client certificate")),
        ("AWS_X509", "wc", Err("over WebSocket by a certificate")),
        ("AWS_X509", "cs", Err("does not accept")),
        ("CUSTOM_AUTH", "t", Ok(Custom)),
        ("CUSTOM_AUTH", "w", Ok(Custom)),
        ("CUSTOM_AUTH", "s", Err("does not accept")),
        ("CUSTOM_AUTH_X509", "ct", Ok(CustomWithCertificate)),
        ("CUSTOM_AUTH_X509", "t", Err("missing client certificate")),
        ("CUSTOM_AUTH_X509", "wct", Err("over WebSocket by a certificate")),
        ("AWS_SIGV4", "s", Ok(SigV4)),
        ("AWS_SIGV4", "t", Err("missing signature")),
        ("AWS_SIGV4", "wc", Err("missing signature")),
    ] {
        let has = |mark: char| marks.contains(mark);
        let result = settings(authentication, "DEFAULT").for_http(HttpMarks {
            alpn: if has('h') { Alpn::HttpCertificate } else { Alpn::Absent },
            is_websocket: has('w'),
            has_certificate: has('c'),
            signature: has('s').then_some("Authorization"),
            token: has('t').then_some("token"),
        });
        match (&result, expected) {
            (Ok(method), Ok(expected)) => assert_eq!(*method, expected, "{authentication} {marks}"),
            (Err(reason), Err(part)) => assert!(reason.contains(part), "{authentication} {marks}: {reason}"),
            _ => panic!("{authentication} {marks}: {result:?}"),
        }
    }
    let marks = HttpMarks {
        alpn: Alpn::Absent,
        is_websocket: false,
        has_certificate: false,
        signature: None,
        token: Some("token"),
    };
    for (protocol, is_websocket, is_allowed) in [
        ("HTTPS", false, true),
        ("HTTPS", true, false),
        ("MQTT_WSS", true, true),
        ("MQTT_WSS", false, false),
        ("SECURE_MQTT", true, false),
        ("SECURE_MQTT", false, false),
    ] {
        let result = settings("CUSTOM_AUTH", protocol).for_http(HttpMarks { is_websocket, ..marks });
        assert_eq!(result.is_ok(), is_allowed, "{protocol} {is_websocket}: {result:?}");
    }
}
