//! The settings of an endpoint, with real clients on both TLS ports, and the ports themselves.

use iot_local_gateway::RunningGateway;
use iot_local_gateway::auth::endpoint::EndpointSettings;
use iot_local_gateway::tls::TlsOptions;
use rumqttc::{MqttOptions, TlsConfiguration, Transport};
use tokio::net::TcpListener;

use crate::devices::{Api, Connect, PKI};
use crate::secure::{self, StateFolder};
use crate::statements::allow_all;
use crate::support::{connect_with, defaults, denial, find, function, send_request};
use crate::tls::{UPGRADE, with_password};

/// What a client sends: a CONNECT on 8883 or 8443, a WebSocket handshake, or an HTTPS publish.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sent {
    Mqtts,
    Mqtt,
    WebSocket,
    Publish,
}

#[tokio::test]
async fn the_settings_override_ports_and_alpn() {
    use Sent::*;
    // The settings, what is sent, with a certificate and a token, and a part of the denial.
    for (authentication, protocol, rows) in [
        (
            "AWS_X509",
            "DEFAULT",
            &[
                (Mqtts, true, true, None),
                (Mqtt, true, false, None),
                (Mqtt, false, true, Some("TLS handshake failed")),
                (WebSocket, true, false, Some("over WebSocket by a certificate")),
                (Publish, true, true, None),
            ][..],
        ),
        (
            "CUSTOM_AUTH",
            "DEFAULT",
            &[
                (Mqtts, false, true, None),
                (Mqtts, true, false, Some("the authorizer denied")),
                (Mqtt, true, false, Some("the authorizer denied")),
                (Publish, true, false, Some("the authorizer denied")),
                (WebSocket, false, true, None),
            ],
        ),
        (
            "AWS_SIGV4",
            "DEFAULT",
            &[
                (Mqtts, false, true, Some("cannot be signed")),
                (Mqtt, false, true, Some("cannot be signed")),
                (WebSocket, false, true, Some("missing signature")),
                (Publish, false, true, Some("missing signature")),
            ],
        ),
        (
            "DEFAULT",
            "SECURE_MQTT",
            &[
                (Mqtts, true, false, None),
                (Mqtt, false, true, None),
                (WebSocket, false, true, Some("--application-protocol is SECURE_MQTT")),
                (Publish, true, false, Some("--application-protocol is SECURE_MQTT")),
            ],
        ),
        (
            "DEFAULT",
            "HTTPS",
            &[
                (Mqtts, true, false, Some("--application-protocol is HTTPS")),
                (Mqtt, false, true, Some("--application-protocol is HTTPS")),
                (WebSocket, false, true, Some("--application-protocol is HTTPS")),
                (Publish, true, false, None),
            ],
        ),
    ] {
        let settings =
            EndpointSettings::new(authentication.parse().unwrap(), protocol.parse().unwrap()).unwrap();
        let gateway = secure::open_changed(|options| options.endpoint = settings).await;
        let api = Api { port: gateway.running.port };
        let device = PKI.device(&["v1-ec"]);
        api.create_policy("all", &allow_all()).await;
        api.register(&device, "ACTIVE").await;
        api.attach_policy("all", &device).await;
        for (sent, has_certificate, has_token, expected) in rows {
            let context = format!("{authentication} {protocol} {sent:?} {has_certificate} {has_token}");
            let mut event_log = gateway.running.event_log.subscribe();
            let port = if *sent == Mqtts { gateway.mqtts_port } else { gateway.tls_port };
            let alpn: &[&str] = if matches!(sent, WebSocket | Publish) { &["http/1.1"] } else { &[] };
            let device = has_certificate.then_some(&device);
            let connect = Connect { port, alpn, device, is_tls12: false, has_sni: true };
            let is_allowed = match sent {
                Mqtts | Mqtt => {
                    let mut options = MqttOptions::new("a", "localhost", port);
                    let config = TlsConfiguration::Rustls(gateway.device_config(&connect));
                    options.set_transport(Transport::tls_with_config(config));
                    let password = if *has_token { "good" } else { "bad" };
                    connect_with(with_password(options, password)).await.is_ok()
                }
                WebSocket | Publish => {
                    let token = if *has_token { "token: good\r\n" } else { "" };
                    let request = format!(
                        "POST /topics/own/http/x HTTP/1.1\r\nHost: localhost\r\n{token}Content-Length: 0\r\n\r\n"
                    );
                    // A text message closes the WebSocket.
                    let websocket = [UPGRADE.as_bytes(), b"\x81\x81\0\0\0\0x"].concat();
                    let bytes = if *sent == Publish { request.as_bytes() } else { &websocket };
                    let mut stream = gateway.device_stream(&connect).await.unwrap();
                    let response = send_request(&mut stream, bytes).await;
                    ["HTTP/1.1 200 ", "HTTP/1.1 101 "].iter().any(|start| response.starts_with(start))
                }
            };
            assert_eq!(is_allowed, expected.is_none(), "{context}");
            if let Some(expected) = expected {
                let reason = find(&mut event_log, denial).await;
                assert!(reason.contains(expected), "{context}: {reason}");
            }
        }
    }
}

#[tokio::test]
async fn a_taken_port_names_its_option() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let state = StateFolder::new();
    for (option, ports) in
        [("--port", (port, 0, 0)), ("--tls-port", (0, port, 0)), ("--mqtts-port", (0, 0, port))]
    {
        let mut options = defaults(function(1));
        let (plain, tls, mqtts_port) = ports;
        options.port = plain;
        options.tls = Some(TlsOptions { port: tls, mqtts_port, authority: state.authority.clone() });
        let error = RunningGateway::start(options).await.err().unwrap().to_string();
        let expected = format!("help: choose another port with {option}");
        assert!(error.ends_with(&expected) && error.contains(&port.to_string()), "{error}");
    }
}
