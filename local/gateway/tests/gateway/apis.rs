//! The AWS APIs beside the page: what goes where, and which requests are rejected before.

use serde_json::{Value, json};

use crate::devices::{AUTHORIZATION, Api, PKI};
use crate::secure;
use crate::support::{exchange, open, send_request};

#[tokio::test]
async fn requests_go_to_the_page_or_to_the_control_plane() {
    let gateway = open(1).await;
    let port = gateway.port;
    let signed = format!("Authorization: {AUTHORIZATION}\r\n");
    let local = format!("Host: 127.0.0.1:{port}\r\n");
    let foreign = format!("{local}{signed}Origin: https://a.example\r\n");
    let own = format!("{local}{signed}Origin: http://127.0.0.1:{port}\r\n");
    for (line, headers, status, part) in [
        // The page and its parts stay where they are.
        ("GET /", local.clone(), 200, "<!doctype html>"),
        // A signed request is never for them. This one could be for the list of buckets of Amazon S3.
        ("GET /", format!("{local}{signed}"), 501, "not implemented"),
        ("GET /", format!("{local}{}", signed.replace("/iot/", "/s3/")), 501, "AWS_ENDPOINT_URL_IOT"),
        ("GET /api/gateway", local.clone(), 200, "\"authorizer\""),
        ("GET /nothing", local.clone(), 404, "not found"),
        ("GET /favicon.ico", local.clone(), 404, "not found"),
        // Operations.
        ("GET /things", format!("{local}{signed}"), 200, "\"things\""),
        ("GET /things", format!("Host: localhost\r\n{signed}"), 200, "\"things\""),
        ("GET /things", format!("Host: iot.localhost:{port}\r\n{signed}"), 200, "\"things\""),
        ("GET /things", own, 200, "\"things\""),
        ("GET /endpoint", format!("{local}{signed}"), 200, "localhost"),
        ("GET /things", local.clone(), 403, "Missing Authentication Token"),
        ("GET /things", format!("{local}Authorization: Bearer x\r\n"), 403, "Missing Authentication Token"),
        ("GET /things", foreign, 403, "origin"),
        ("GET /things", format!("{local}{signed}Sec-Fetch-Site: cross-site\r\n"), 403, "origin"),
        ("GET /things", format!("Host: a.example:{port}\r\n{signed}"), 421, "Host"),
        ("GET /things", format!("Host: localhost:1\r\n{signed}"), 421, "Host"),
        ("GET /things", format!("{local}{local}{signed}"), 421, "Host"),
        ("GET /nothing", format!("{local}{signed}"), 501, "not implemented"),
        ("POST /", local.clone(), 403, "Missing Authentication Token"),
        ("OPTIONS /things", format!("{local}Origin: https://a.example\r\n"), 404, ""),
        // The CA certificate, which this gateway does not have.
        ("GET /repository/AmazonRootCA1.pem", local.clone(), 404, "no TLS port"),
        ("GET /repository/AmazonRootCA1.pem", "Host: a.example\r\n".to_owned(), 421, "Host"),
    ] {
        let response = exchange(port, format!("{line} HTTP/1.1\r\n{headers}\r\n").as_bytes()).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{line} {headers}: {response}");
        assert!(response.to_lowercase().contains(&part.to_lowercase()), "{line} {headers}: {response}");
        assert!(
            status == 404
                || line == "GET /"
                || !response.to_lowercase().contains("access-control-allow-origin"),
            "{line}: {response}"
        );
    }
}

#[tokio::test]
async fn both_ports_serve_the_apis_and_the_ca_certificate() {
    let gateway = secure::open().await;
    let signed = format!("Authorization: {AUTHORIZATION}\r\n");
    let pem = gateway.state.authority.certificate_pem();
    for (path, headers, status, part) in [
        ("/things", signed.as_str(), 200, "\"things\""),
        ("/things", "", 403, "Missing Authentication Token"),
        ("/repository/AmazonRootCA1.pem", "", 200, pem.as_str()),
        ("/repository/AmazonRootCA1.pem", "Origin: https://a.example\r\n", 403, "cross-origin"),
        ("/", "", 421, "Host"),
    ] {
        let port = gateway.tls_port;
        let mut stream = gateway.tls_stream("localhost", gateway.config(&["http/1.1"], None)).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n{headers}\r\n");
        let response = send_request(&mut stream, request.as_bytes()).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {response}");
        assert!(response.contains(part), "{path}: {response}");
    }
    let port = gateway.running.port;
    let request = format!("GET /repository/AmazonRootCA1.pem HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    let response = exchange(port, request.as_bytes()).await;
    assert!(response.contains(&pem), "{response}");
}

/// A request with a body, and one after it on the same connection.
#[tokio::test]
async fn a_body_is_read_and_the_connection_stays_open() {
    let gateway = open(1).await;
    let api = Api { port: gateway.port };
    api.create_thing("lamp").await;
    let (status, body) = api.try_call("GET /things/lamp", "", &Value::Null).await;
    assert_eq!((status, body.get("thingName")), (200, Some(&json!("lamp"))), "{body}");
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", gateway.port)).await.unwrap();
    for number in 0..3 {
        let body =
            json!({ "attributePayload": { "attributes": { "number": number.to_string() } } }).to_string();
        let request = format!(
            "POST /things/fan-{number} HTTP/1.1\r\nHost: localhost:{}\r\nAuthorization: {AUTHORIZATION}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            gateway.port,
            body.len()
        );
        let response = send_request(&mut stream, request.as_bytes()).await;
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    }
    let large = "x".repeat(1024 * 1024 + 2);
    let (status, _) = api.try_call("POST /things/large", "", &json!({ "x": large })).await;
    assert_eq!(status, 413);
    // A certificate that a client holds is not part of the answer to another.
    let device = PKI.fresh("v3-listed");
    api.register(&device, "ACTIVE").await;
    let listed = api.call("GET /certificates", "", &Value::Null).await;
    assert!(listed.to_string().contains(&device.id()), "{listed}");
}
