//! Several authorizers and domain configurations of the registry live at once.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iot_local_gateway::event_log::{EntryKind, LogEntry};
use iot_local_lambda::{InvokeTarget, LambdaSpec};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::broadcast::Receiver;
use tokio_rustls::client::TlsStream;

use crate::secure::{self, TlsGateway};
use crate::selection::{public_pem, sign};
use crate::support::{TIMEOUT, denial, find, function, send_request};

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
    let response = send(gateway, method, path, body).await;
    assert!(response.starts_with("HTTP/1.1 200"), "{method} {path}: {response}");
}

/// Calls an API. Returns the response.
async fn send(gateway: &TlsGateway, method: &str, path: &str, body: &Value) -> String {
    let body = body.to_string();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential=AKIDEXAMPLE/20260101/us-east-1/iot/aws4_request, SignedHeaders=host;x-amz-date, \
         Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    crate::support::exchange(gateway.running.port, head.as_bytes()).await
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

/// The function that follows instructions, with a name.
fn instructed(name: &str) -> InvokeTarget {
    LambdaSpec { function_arn: format!("{ARN}{name}"), ..function(1) }.into()
}

#[tokio::test]
async fn a_test_of_an_authorizer_has_the_result_of_its_function() {
    let functions = vec![only("one"), instructed("two")];
    let gateway = secure::open_changed(|options| options.functions = functions).await;
    authorizer(&gateway, "first", "one", "INACTIVE").await;
    authorizer(&gateway, "second", "two:1", "ACTIVE").await;
    authorizer(&gateway, "lost", "nothing", "ACTIVE").await;
    let signing = json!({
        "authorizerFunctionArn": format!("{ARN}two"), "tokenKeyName": "token",
        "tokenSigningPublicKeys": { "key": public_pem() },
    });
    call(&gateway, "POST", "/authorizer/signing", &signing).await;
    let password =
        |text: &str| json!({ "mqttContext": { "clientId": "a", "password": STANDARD.encode(text) } });
    let header = |text: &str| json!({ "httpContext": { "headers": { "token": text } } });
    let signed = |token: &str, signature: &str| json!({ "token": token, "tokenSignature": signature, "mqttContext": { "password": STANDARD.encode("good") } });
    let (of_good, of_bad) = (sign("good"), sign("bad"));
    let bad = "400 InvalidRequestException";
    let unusable = "400 InvalidResponseException";
    for (name, body, expected, says) in [
        ("first", password("one"), "200", r#""principalId":"one""#),
        ("first", password("good"), "200", r#""isAuthenticated":false"#),
        ("first", json!({ "token": "one" }), "200", r#""isAuthenticated":false"#),
        ("second", password("good"), "200", r#""policyDocuments":["{\"Version\":"#),
        ("second", password("good"), "200", r#""refreshAfterInSeconds":300"#),
        ("second", header("good"), "200", r#""isAuthenticated":true"#),
        ("second", json!({ "httpContext": { "queryString": "token=good" } }), "200", "client/http"),
        ("second", password("bad"), "200", r#""isAuthenticated":false"#),
        ("second", password("illegal"), unusable, "principalId must be"),
        ("second", password("error"), unusable, "failing as asked"),
        ("second", password("die"), unusable, "ended during the invocation"),
        ("second", password("skip"), unusable, "without sending a response"),
        ("second", json!({ "token": "good" }), unusable, "protocolData"),
        ("second", json!({}), unusable, "protocolData"),
        ("iot-jwt-authorizer", password("good"), "200", r#""isAuthenticated":true"#),
        ("iot-jwt-authorizer", password("bad"), "200", r#""isAuthenticated":false"#),
        ("signing", signed("good", &of_good), "200", r#""isAuthenticated":true"#),
        ("signing", signed("good", &of_bad), bad, "does not match the token"),
        ("signing", signed("bad", &of_good), bad, "does not match the token"),
        ("signing", signed("good", "AAAA"), bad, "does not match the token"),
        ("signing", json!({ "token": "good" }), bad, "missing x-amz-customauthorizer-signature"),
        ("signing", json!({ "tokenSignature": of_good }), bad, "missing token"),
        ("signing", password("good"), bad, "missing token"),
        ("lost", password("good"), bad, "--lambda nothing=COMMAND"),
        ("nothing", password("good"), "404 ResourceNotFoundException", "authorizer nothing"),
    ] {
        let response = send(&gateway, "POST", &format!("/authorizer/{name}/test"), &body).await;
        let (status, kind) = expected.split_once(' ').unwrap_or((expected, ""));
        let is_expected = response.starts_with(&format!("HTTP/1.1 {status} "))
            && response.contains(&format!("x-amzn-errortype: {kind}")) != kind.is_empty()
            && response.contains(says);
        assert!(is_expected, "{name} {body}: {response}");
    }
}

#[tokio::test]
async fn the_event_log_has_tests_of_authorizers() {
    let gateway = open().await;
    authorizer(&gateway, "first", "one", "ACTIVE").await;
    authorizer(&gateway, "lost", "nothing", "ACTIVE").await;
    let mut event_log = gateway.running.event_log.subscribe();
    let body = json!({ "mqttContext": { "clientId": "a", "password": STANDARD.encode("one") } });
    call(&gateway, "POST", "/authorizer/first/test", &body).await;
    let call = find(&mut event_log, |kind| match kind {
        EntryKind::Authorizer(call) => Some(call.clone()),
        _ => None,
    });
    let call = call.await;
    assert_eq!(call.event.get("protocols"), Some(&json!(["mqtt"])));
    assert!(call.is_authenticated(), "{call:?}");
    assert!(!call.event.to_string().contains(&STANDARD.encode("one")), "{call:?}");
    send(&gateway, "POST", "/authorizer/lost/test", &body).await;
    let notice = find(&mut event_log, |kind| match kind {
        EntryKind::Notice { text } => Some(text.clone()),
        _ => None,
    });
    let notice = notice.await;
    assert!(notice.contains("--lambda nothing=COMMAND"), "{notice}");
}

/// A connected client of an authorizer, which allows its token.
async fn connected(
    gateway: &TlsGateway,
    client_id: &str,
    authorizer: &str,
    token: &str,
) -> TlsStream<TcpStream> {
    let mut stream = gateway.tls_stream("localhost", gateway.config(&["mqtt"], None)).await.unwrap();
    let username = format!("user?{NAME}={authorizer}");
    stream.write_all(&connect_packet(client_id, &username, token)).await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x20, 2, 0, 0], "{client_id}");
    stream
}

/// Waits until a client is refreshed, or why its refresh is denied.
async fn refreshed(event_log: &mut Receiver<LogEntry>, client_id: &str) -> Result<(), String> {
    loop {
        let entry = tokio::time::timeout(TIMEOUT, event_log.recv()).await.unwrap().unwrap();
        match entry.kind {
            _ if entry.client.as_deref() != Some(client_id) => {}
            EntryKind::Refreshed => return Ok(()),
            EntryKind::ConnectDenied { reason, .. } => return Err(reason),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_refresh_calls_the_present_function_of_its_own_authorizer() {
    let functions = vec![only("one"), only("two")];
    // The refresh time of 300 seconds becomes one second.
    let gateway =
        secure::open_changed(|options| (options.functions, options.time_scale) = (functions, 300)).await;
    for (name, function) in [("first", "one"), ("second", "two"), ("third", "one")] {
        authorizer(&gateway, name, function, "ACTIVE").await;
    }
    let mut event_log = gateway.running.event_log.subscribe();
    let _first = connected(&gateway, "a", "first", "one").await;
    let _second = connected(&gateway, "b", "second", "two").await;
    let _third = connected(&gateway, "c", "third", "one").await;
    for client_id in ["a", "b", "c"] {
        let mut event_log = event_log.resubscribe();
        assert_eq!(refreshed(&mut event_log, client_id).await, Ok(()), "{client_id}");
    }
    call(&gateway, "PUT", "/authorizer/first", &json!({ "authorizerFunctionArn": format!("{ARN}two") }))
        .await;
    assert_eq!(refreshed(&mut event_log.resubscribe(), "b").await, Ok(()), "the other authorizer");
    assert_eq!(denied(&mut event_log, "a").await, "the authorizer denied the client");
    call(&gateway, "PUT", "/authorizer/second", &json!({ "status": "INACTIVE" })).await;
    assert!(denied(&mut event_log, "b").await.contains("authorizer \"second\" is INACTIVE"));
    assert_eq!(refreshed(&mut event_log.resubscribe(), "c").await, Ok(()), "the third authorizer");
}

/// Why a refresh of a client is denied, after those that are not.
async fn denied(event_log: &mut Receiver<LogEntry>, client_id: &str) -> String {
    loop {
        if let Err(reason) = refreshed(event_log, client_id).await {
            return reason;
        }
    }
}

#[tokio::test]
async fn a_cached_response_counts_for_its_own_authorizer() {
    let functions = vec![instructed("one"), instructed("two")];
    let gateway = secure::open_changed(|options| options.functions = functions).await;
    for (name, function, caches) in
        [("caching", "one", true), ("other", "two", true), ("plain", "two", false)]
    {
        let body = json!({
            "authorizerFunctionArn": format!("{ARN}{function}"), "signingDisabled": true, "status": "ACTIVE",
            "enableCachingForHttp": caches,
        });
        call(&gateway, "POST", &format!("/authorizer/{name}"), &body).await;
    }
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.running.port)).await.unwrap();
    for (name, token, expected) in [
        ("caching", "bad", "403"),
        ("caching", "good", "200"),
        ("caching", "bad", "200"),
        ("plain", "bad", "403"),
        ("plain", "good", "200"),
        ("plain", "bad", "403"),
        ("other", "bad", "403"),
        ("caching", "bad", "200"),
        ("other", "good", "200"),
        ("other", "bad", "200"),
        // One response is cached at a time.
        ("caching", "bad", "403"),
    ] {
        let request = format!(
            "POST /topics/own%2Fhttp%2Fx?token={token}&{NAME}={name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
        );
        let response = send_request(&mut stream, request.as_bytes()).await;
        assert_eq!(response.split(' ').nth(1), Some(expected), "{name} {token}: {response}");
    }
}
