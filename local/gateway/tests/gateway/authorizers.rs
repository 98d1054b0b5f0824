//! Several authorizers and domain configurations of the registry live at once.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use iot_local_gateway::event_log::LogEntry;
use iot_local_lambda::{InvokeTarget, LambdaSpec};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::broadcast::Receiver;

use crate::secure::{self, TlsGateway};
use crate::support::{denial, find, function};

const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:";
const NAME: &str = "x-amz-customauthorizer-name";

/// A function that allows one token and nothing else. It writes its name to its standard output.
fn only(name: &str) -> InvokeTarget {
    let base = function(1);
    let script = format!("{}/tests/gateway/only.py", env!("CARGO_MANIFEST_DIR"));
    LambdaSpec { args: vec![script, name.to_owned()], function_arn: format!("{ARN}{name}"), ..base }.into()
}

/// A gateway with the functions `one` and `two`, each of which allows its own name as the token.
async fn open() -> TlsGateway {
    secure::open_changed(|options| options.functions = vec![only("one"), only("two")]).await
}

/// Calls an API. The answer is in force when it is there.
async fn call(gateway: &TlsGateway, method: &str, path: &str, body: &Value) {
    let body = body.to_string();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential=AKIDEXAMPLE/20260101/us-east-1/iot/aws4_request, SignedHeaders=host;x-amz-date, \
         Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let response = crate::support::exchange(gateway.running.port, head.as_bytes()).await;
    assert!(response.starts_with("HTTP/1.1 200"), "{method} {path}: {response}");
}

async fn authorizer(gateway: &TlsGateway, name: &str, function: &str, status: &str) {
    let body = json!({
        "authorizerFunctionArn": format!("{ARN}{function}"), "signingDisabled": true, "status": status,
    });
    call(gateway, "POST", &format!("/authorizer/{name}"), &body).await;
}

async fn domain(gateway: &TlsGateway, name: &str, mut body: Value) {
    let domain_name = json!(format!("{name}.localhost"));
    body.as_object_mut().unwrap().insert("domainName".to_owned(), domain_name);
    call(gateway, "POST", &format!("/domainConfigurations/{name}"), &body).await;
}

/// The denial of a client, or `None` if it connects. `authorizer` is the name that it asks for.
async fn outcome(
    gateway: &TlsGateway,
    host: &str,
    authorizer: Option<&str>,
    token: &str,
    event_log: &mut Receiver<LogEntry>,
) -> Option<String> {
    // The name goes into SNI alone: not every resolver knows names below localhost.
    let mut stream = gateway.tls_stream(host, gateway.config(&["mqtt"], None)).await.unwrap();
    let tail = authorizer.map(|name| format!("?{NAME}={name}")).unwrap_or_default();
    stream.write_all(&connect_packet("a", &format!("user{tail}"), token)).await.unwrap();
    let mut answer = [0; 4];
    match stream.read_exact(&mut answer).await {
        Ok(_) if answer == [0x20, 2, 0, 0] => None,
        _ => Some(find(event_log, denial).await),
    }
}

/// A CONNECT of MQTT 3.1.1 (section 3.1).
fn connect_packet(client_id: &str, username: &str, password: &str) -> Vec<u8> {
    let mut body = b"\x00\x04MQTT\x04\xc2\x00\x1e".to_vec();
    for text in [client_id, username, password] {
        body.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        body.extend(text.as_bytes());
    }
    let length = u8::try_from(body.len()).unwrap();
    assert!(length < 128, "one byte of length");
    [vec![0x10, length], body].concat()
}

#[tokio::test]
async fn each_authorizer_and_domain_is_held_to_its_function() {
    let gateway = open().await;
    authorizer(&gateway, "first", "one", "ACTIVE").await;
    authorizer(&gateway, "second", "two:live", "ACTIVE").await;
    authorizer(&gateway, "idle", "one", "INACTIVE").await;
    authorizer(&gateway, "lost", "nothing", "ACTIVE").await;
    let config = |name: &str, allows: bool| {
        json!({
            "authorizerConfig": { "defaultAuthorizerName": name, "allowAuthorizerOverride": allows },
        })
    };
    domain(&gateway, "a", config("first", false)).await;
    domain(&gateway, "b", config("second", true)).await;
    domain(&gateway, "https", json!({ "applicationProtocol": "HTTPS" })).await;
    domain(&gateway, "off", json!({})).await;
    call(&gateway, "PUT", "/domainConfigurations/off", &json!({ "domainConfigurationStatus": "DISABLED" }))
        .await;
    let denied = "the authorizer denied the client";
    for (host, authorizer, token, expected) in [
        ("localhost", None, "good", None),
        ("localhost", None, "bad", Some(denied)),
        ("localhost", Some("first"), "one", None),
        ("localhost", Some("first"), "two", Some(denied)),
        ("localhost", Some("first"), "good", Some(denied)),
        ("localhost", Some("second"), "two", None),
        ("localhost", Some("second"), "one", Some(denied)),
        ("localhost", Some("idle"), "one", Some("authorizer \"idle\" is INACTIVE")),
        (
            "localhost",
            Some("other"),
            "one",
            Some("unknown authorizer \"other\"; expected \"first\", \"iot-jwt-"),
        ),
        ("localhost", Some("lost"), "one", Some("--lambda nothing=COMMAND")),
        ("a.localhost", None, "one", None),
        ("a.localhost", None, "two", Some(denied)),
        ("a.localhost", None, "good", Some(denied)),
        ("a.localhost", Some("first"), "one", None),
        ("a.localhost", Some("second"), "two", Some("domain configuration a does not allow it")),
        ("a.localhost", Some("iot-jwt-authorizer"), "good", Some("allowAuthorizerOverride")),
        ("b.localhost", None, "two", None),
        ("b.localhost", None, "one", Some(denied)),
        ("b.localhost", Some("first"), "one", None),
        ("b.localhost", Some("first"), "two", Some(denied)),
        ("https.localhost", None, "good", Some("MQTT without WebSocket")),
        ("off.localhost", None, "good", Some("domain configuration off of off.localhost is DISABLED")),
    ] {
        let mut event_log = gateway.running.event_log.subscribe();
        let found = outcome(&gateway, host, authorizer, token, &mut event_log).await;
        let is_expected = match (&found, expected) {
            (None, None) => true,
            (Some(found), Some(expected)) => found.contains(expected),
            _ => false,
        };
        assert!(is_expected, "{host} {authorizer:?} {token}: {found:?}");
    }
}
