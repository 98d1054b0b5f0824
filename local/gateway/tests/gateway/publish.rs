//! HTTPS publishes: by a certificate, and the requests that are denied.

use serde_json::json;

use crate::devices::{Api, Connect, PKI};
use crate::secure;
use crate::statements::allow;
use crate::support::{denial, find, send_request};

#[tokio::test]
async fn a_certificate_publishes_by_https_without_thing_variables() {
    let gateway = secure::open().await;
    let api = Api { port: gateway.running.port };
    let device = PKI.fresh("v3-https");
    let unknown = PKI.fresh("v1-https");
    let inactive = PKI.fresh("v1-https-inactive");
    let thing = "${iot:Connection.Thing.ThingName}";
    let statements = json!([
        allow("Publish", &[&format!("topic/thing/{thing}")]),
        allow("Publish", &["topic/cn/${iot:Certificate.Subject.CommonName}"]),
        allow("Publish", &["topic/plain", "topic/kept"]),
        allow("RetainPublish", &["topic/kept"]),
    ]);
    api.create_policy("https", &statements).await;
    for (device, status) in [(&device, "ACTIVE"), (&inactive, "INACTIVE")] {
        api.register(device, status).await;
        api.attach_policy("https", device).await;
    }
    api.create_thing("lamp").await;
    api.attach_thing("lamp", &device, "?thingPrincipalType=EXCLUSIVE_THING").await;
    let port = gateway.tls_port;
    let own = format!("Origin: https://localhost:{port}\r\n");
    let certificate = &["x-amzn-http-ca"][..];
    for (alpn, device, topic, headers, expected, logged) in [
        (certificate, Some(&device), "plain", "", "200", ""),
        (&[], Some(&device), "plain", "", "200", ""),
        (&["http/1.1"], Some(&device), "plain", "", "200", ""),
        (certificate, Some(&device), "cn/v3-https", "", "200", ""),
        (certificate, Some(&device), "kept?retain=true", "", "200", ""),
        (certificate, Some(&device), "plain", &own, "200", ""),
        // A token does not replace the certificate after this ALPN name.
        (certificate, Some(&device), "plain", "token: bad\r\n", "200", ""),
        (certificate, Some(&device), "other", "", "403", ""),
        (certificate, Some(&device), "cn/other", "", "403", ""),
        (certificate, Some(&device), "thing/lamp", "", "403", ""),
        (certificate, Some(&device), "plain?retain=true", "", "403", ""),
        (certificate, Some(&device), "plain", "Origin: https://a.example\r\n", "403", "another origin"),
        (certificate, Some(&device), "plain", "Origin: null\r\n", "403", "another origin"),
        (&[], Some(&device), "plain", "Origin: https://localhost\r\n", "403", "another origin"),
        (certificate, Some(&unknown), "plain", "", "403", "not registered"),
        (&[], Some(&unknown), "plain", "", "403", "not registered"),
        (certificate, Some(&inactive), "plain", "", "403", "INACTIVE"),
        (&[], None, "plain", "", "403", "denied the client"),
        // With a token, the authorizer decides.
        (&[], Some(&device), "plain", "token: good\r\n", "403", ""),
        (
            &[],
            Some(&device),
            "plain",
            "x-amz-customauthorizer-name: iot-jwt-authorizer\r\n",
            "403",
            "denied the client",
        ),
        (&[], Some(&device), "plain", "Authorization: Bearer x\r\n", "403", "denied the client"),
    ] {
        let mut event_log = gateway.running.event_log.subscribe();
        let connect = Connect { port, alpn, device, is_tls12: false, has_sni: true };
        let mut stream = gateway.device_stream(&connect).await.unwrap();
        let request = format!(
            "POST /topics/{topic} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: 1\r\n\r\nx"
        );
        let response = send_request(&mut stream, request.as_bytes()).await;
        assert_eq!(response.split(' ').nth(1), Some(expected), "{alpn:?} {topic} {headers}: {response}");
        if !logged.is_empty() {
            let reason = find(&mut event_log, denial).await;
            assert!(reason.contains(logged), "{alpn:?} {topic} {headers}: {reason}");
        }
    }
    // No WebSocket by certificate.
    let mut event_log = gateway.running.event_log.subscribe();
    let websocket =
        Connect { port, alpn: certificate, device: Some(&device), is_tls12: false, has_sni: true };
    let mut stream = gateway.device_stream(&websocket).await.unwrap();
    let response = send_request(&mut stream, crate::tls::UPGRADE.as_bytes()).await;
    assert!(response.starts_with("HTTP/1.1 403 "), "{response}");
    assert!(find(&mut event_log, denial).await.contains("WebSocket by a certificate"));
}
