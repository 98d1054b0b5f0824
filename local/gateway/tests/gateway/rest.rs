//! The REST operations of AWS IoT's data plane: shadows, retained messages, connections.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod connections;
mod retained;
mod shadows;

use aws_sigv4::http_request::SignatureLocation;
use serde_json::{Value, json};

use crate::devices::{Connect, Device, PKI};
use crate::shadows::Fleet;
use crate::signer::{HttpRequest, Signer};
use crate::statements::{allow_all, restricted};
use crate::support::{exchange, operator, send_request};

/// An answer: the status, AWS's name of an error, and the body.
#[derive(Debug)]
struct Answer {
    status: u16,
    error: Option<String>,
    body: Value,
}

impl Answer {
    fn parse(response: &str) -> Self {
        let (head, body) = response.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{response:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let error = head.lines().find_map(|line| line.strip_prefix("x-amzn-errortype: ")?.strip_suffix(':'));
        assert!(head.contains("\r\ncontent-type: application/json"), "{head}");
        assert!(head.contains("\r\nx-amzn-requestid: "), "{head}");
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
        Self { status, error: error.map(str::to_owned), body }
    }
}

/// A gateway, and a device whose policy consists of these statements.
struct Caller {
    fleet: Fleet,
    device: Device,
}

impl Caller {
    async fn open(statements: &Value) -> Self {
        let fleet = Fleet::open().await;
        fleet.api.create_policy("rest", statements).await;
        let device = PKI.fresh("v3-rest");
        fleet.api.register(&device, "ACTIVE").await;
        fleet.api.attach_policy("rest", &device).await;
        Self { fleet, device }
    }

    /// Sends a request with the certificate. `line` is method and target.
    async fn call(&self, line: &str, body: &[u8]) -> Answer {
        let gateway = &self.fleet.gateway;
        let port = gateway.running.tls_port.unwrap();
        let connect = Connect { alpn: &["x-amzn-http-ca"], ..Connect::new(port, &self.device) };
        let mut stream = gateway.device_stream(&connect).await.unwrap();
        let head =
            format!("{line} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: {}\r\n\r\n", body.len());
        Answer::parse(&send_request(&mut stream, &[head.as_bytes(), body].concat()).await)
    }

    /// The same for a success.
    async fn succeed(&self, line: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.call(line, body.as_bytes()).await;
        assert_eq!((answer.status, answer.error.as_deref()), (200, None), "{line}: {answer:?}");
        answer.body
    }

    /// The same for an error. Returns its message.
    async fn fail(&self, line: &str, body: &[u8], status: u16, name: &str) -> String {
        let answer = self.call(line, body).await;
        assert_eq!((answer.status, answer.error.as_deref()), (status, Some(name)), "{line}: {answer:?}");
        assert_eq!(answer.body["traceId"].as_str().map(str::len), Some(36), "{line}: {answer:?}");
        answer.body["message"].as_str().unwrap().to_owned()
    }
}

/// The operations, each with the request that a policy without its action denies.
const LINES: [(&str, &str); 10] = [
    ("GetThingShadow", "GET /things/lamp/shadow"),
    ("UpdateThingShadow", "POST /things/lamp/shadow"),
    ("DeleteThingShadow", "DELETE /things/lamp/shadow"),
    ("ListNamedShadowsForThing", "GET /api/things/shadow/ListNamedShadowsForThing/lamp"),
    ("GetRetainedMessage", "GET /retainedMessage/a%2Fb"),
    ("ListRetainedMessages", "GET /retainedMessage"),
    ("GetConnection", "GET /connections/c"),
    ("DeleteConnection", "DELETE /connections/c"),
    ("ListSubscriptions", "GET /connections/c/subscriptions"),
    ("SendDirectMessage", "POST /connections/c/messages?topic=a"),
];

/// Each policy has one action, and each request needs its own.
#[tokio::test]
async fn each_operation_needs_its_action() {
    let mut denials = 0;
    for (allowed, _) in LINES.iter().filter(|(name, _)| *name != "SendDirectMessage") {
        let statement = json!({ "Effect": "Allow", "Action": format!("iot:{allowed}"), "Resource": "*" });
        let caller = Caller::open(&json!([statement])).await;
        for (name, line) in LINES {
            let answer = caller.call(line, b"").await;
            match name {
                "SendDirectMessage" => assert_eq!(answer.status, 501, "{line}"),
                name if name == *allowed => assert_ne!(answer.status, 403, "{line}: {answer:?}"),
                _ => {
                    let error = (answer.status, answer.error.as_deref());
                    assert_eq!(error, (403, Some("ForbiddenException")), "{allowed}: {line}: {answer:?}");
                    denials += 1;
                }
            }
        }
    }
    println!("{denials} denials");
    assert_eq!(denials, 72);
}

/// Without a signature or a certificate there is no operation but Publish, whatever a token allows.
#[tokio::test]
async fn a_client_with_a_token_or_without_anything_is_denied() {
    let fleet = Fleet::open().await;
    let port = fleet.gateway.running.port;
    let mut log = fleet.gateway.running.event_log.subscribe();
    let token = |statements: Value| format!("token: {}\r\n", json!({ "first": statements }));
    for (name, line) in LINES {
        for headers in [token(allow_all()), token(restricted()), String::new(), "token: bad\r\n".to_owned()] {
            let request =
                format!("{line} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 0\r\n{headers}\r\n");
            let answer = Answer::parse(&exchange(port, request.as_bytes()).await);
            assert_eq!(answer.status, 403, "{line} {headers}: {answer:?}");
            let reason = crate::support::find(&mut log, crate::support::denial).await;
            assert!(reason.contains(&format!("can only publish over HTTPS, and this is {name}")), "{reason}");
        }
    }
}

/// A request that the operator has signed, and one that was changed afterwards.
#[tokio::test]
async fn a_signature_is_verified() {
    type Change = fn(&mut HttpRequest);
    let fleet = Fleet::open().await;
    let port = fleet.gateway.running.port;
    let signer = |service| Signer::new(&operator(), service, SignatureLocation::Headers);
    let request = |method, target: &str, body: &str| HttpRequest {
        body: body.to_owned(),
        ..HttpRequest::new(method, target, &format!("localhost:{port}"))
    };
    let update = request("POST", "/things/lamp/shadow?name=config", r#"{"state":{"desired":{"on":true}}}"#);
    let send = async |request: &HttpRequest| Answer::parse(&exchange(port, &request.bytes()).await);
    let unsigned: [(&str, Change); 6] = [
        ("the body", |request| request.body = r#"{"state":{"desired":{"on":"no"}}}"#.to_owned()),
        ("the name", |request| request.target = request.target.replace("config", "other")),
        ("the thing", |request| request.target = request.target.replace("lamp", "door")),
        ("the method", |request| request.method = "DELETE"),
        ("a parameter", |request| request.target.push_str("&x=1")),
        ("the host", |request| request.set("host", "127.0.0.1")),
    ];
    for (what, change) in unsigned {
        let mut changed = signer("iotdata").sign(&update);
        change(&mut changed);
        let answer = send(&changed).await;
        assert_eq!((answer.status, answer.error.as_deref()), (403, Some("ForbiddenException")), "{what}");
        assert!(answer.body["message"].as_str().unwrap().contains("signature"), "{what}: {answer:?}");
    }
    for service in ["iot", "iotdevicegateway", "execute-api"] {
        assert_eq!(send(&signer(service).sign(&update)).await.status, 403, "{service}");
    }
    let mut unknown = signer("iotdata");
    unknown.key = "AKIAUNKNOWN".to_owned();
    assert_eq!(send(&unknown.sign(&update)).await.status, 403);
    assert!(fleet.gateway.running.cloud.read(|registry| registry.named_shadows("lamp").next().is_none()));
    assert_eq!(send(&signer("iotdata").sign(&update)).await.status, 200);
    let get = request("GET", "/things/lamp/shadow?name=config", "");
    assert_eq!(send(&signer("iotdata").sign(&get)).await.body["version"], 1);
    let signed = signer("iotdata").sign(&request("DELETE", "/connections/a%2Fb", ""));
    assert_eq!(send(&signed).await.status, 404, "an encoded client id is verified as sent");
}
