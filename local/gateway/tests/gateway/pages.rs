//! Requests to the page, its API and the development issuer.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::UNIX_EPOCH;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iot_local_base::clock;
use iot_local_gateway::annotation::PageOptions;
use iot_local_gateway::demo::{DemoRun, DemoRunner, LINE_CAPACITY};
use iot_local_gateway::preview::PreviewRequest;
use iot_local_gateway::selection::{AuthorizerDefinition, SigningKey};
use iot_local_gateway::{GatewayOptions, RunningGateway};
use iot_local_identity::example_users::{self, ExampleConfig};
use iot_local_identity::issuer::{DevelopmentIssuer, IssuerSettings, algorithm};
use iot_local_identity::oidc::{ProviderOptions, Realm};
use rumqttc::{MqttOptions, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::support::{TIMEOUT, connect, connect_with, defaults, denial, exchange, find, function, is_denied};

async fn open() -> RunningGateway {
    open_with(AuthorizerDefinition::default()).await
}

async fn open_with(authorizer: AuthorizerDefinition) -> RunningGateway {
    let settings = IssuerSettings {
        id: "users".to_owned(),
        issuer: "https://login.example.com/".to_owned(),
        audience: vec!["iot.example.com".to_owned()],
        audience_claim: "aud".to_owned(),
        algorithms: vec![algorithm("ES256").unwrap()],
        typ: "JWT".to_owned(),
        max_lifetime: None,
    };
    let realm = Realm {
        issuer: DevelopmentIssuer::ephemeral(settings).unwrap(),
        users: example_users::users(&ExampleConfig::default(), "users"),
        machine: example_users::machine(&ExampleConfig::default(), "users"),
    };
    let login = ProviderOptions {
        realms: vec![realm],
        machine_secret: Some("s3cret".to_owned()),
        redirect_uris: vec!["http://localhost:3000/back".parse().unwrap()],
    };
    let options = GatewayOptions { authorizer, login, ..defaults(function(1)) };
    RunningGateway::start(options).await.unwrap()
}

/// Sends a request. `PORT` in a header is replaced by the gateway's port.
async fn fetch(port: u16, line: &str, headers: &[&str], body: &str) -> String {
    let headers: String =
        headers.iter().map(|header| format!("{}\r\n", header.replace("PORT", &port.to_string()))).collect();
    let length = body.len();
    exchange(port, format!("{line} HTTP/1.1\r\n{headers}Content-Length: {length}\r\n\r\n{body}").as_bytes())
        .await
}

fn status(response: &str) -> &str {
    response.split(' ').nth(1).unwrap_or("none")
}

const HOST: &str = "Host: 127.0.0.1:PORT";
const EVIL: &str = "Origin: https://evil.example";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const OWN: &str = "Origin: http://127.0.0.1:PORT";
const DEMO: &str = "{\"name\":\"jitp\"}";
const MACHINE: &str = "grant_type=client_credentials&client_id=machine-1&client_secret=s3cret";

#[tokio::test]
async fn responds_only_to_its_host_names() {
    let gateway = open().await;
    for (headers, expected) in [
        (&[HOST][..], "200"),
        (&["Host: localhost:PORT"], "200"),
        (&["Host: LocalHost:PORT"], "200"),
        (&["Host: 127.0.0.1"], "421"),
        (&["Host: localhost:1"], "421"),
        (&["Host: evil.example:PORT"], "421"),
        (&["Host: localhost.evil.example:PORT"], "421"),
        (&["Host: 127.0.0.1.evil.example:PORT"], "421"),
        (&["Host: evil.example@localhost:PORT"], "421"),
        (&["Host: 0.0.0.0:PORT"], "421"),
        (&["Host:"], "421"),
        (&[], "421"),
        (&[HOST, "Host: evil.example"], "421"),
    ] {
        for path in ["/", "/api/gateway", "/api/registry", "/oidc/users/keys", "/main.js", "/patterns"] {
            let response = fetch(gateway.port, &format!("GET {path}"), headers, "").await;
            assert_eq!(status(&response), expected, "{path} {headers:?}: {response}");
            assert!(!response.contains(": *") || path.contains("keys"), "{response}");
        }
    }
}

#[tokio::test]
async fn rejects_requests_of_other_origins() {
    let gateway = open().await;
    let same_origin = "Origin: http://localhost:PORT";
    for (line, headers, body, expected) in [
        ("GET /api/gateway", &[HOST][..], "", "200"),
        ("GET /api/gateway", &[HOST, same_origin], "", "200"),
        ("GET /api/gateway", &[HOST, "Sec-Fetch-Site: same-origin"], "", "200"),
        ("GET /api/gateway", &[HOST, EVIL], "", "403"),
        ("GET /examples.json", &[HOST, same_origin], "", "200"),
        ("GET /examples.json", &[HOST, EVIL], "", "403"),
        ("GET /examples.json", &[HOST, "Sec-Fetch-Site: cross-site"], "", "403"),
        ("GET /api/gateway", &[HOST, "Origin: null"], "", "403"),
        ("GET /api/gateway", &[HOST, "Origin: http://localhost:3000"], "", "403"),
        ("GET /api/gateway", &[HOST, "Origin: https://localhost:PORT"], "", "403"),
        ("GET /api/gateway", &[HOST, "Sec-Fetch-Site: cross-site"], "", "403"),
        ("GET /api/gateway", &[HOST, "Sec-Fetch-Site: same-site"], "", "403"),
        ("GET /api/events", &[HOST, EVIL], "", "403"),
        ("GET /api/events", &[HOST, "Sec-Fetch-Site: cross-site"], "", "403"),
        ("POST /api/preview", &[HOST, EVIL, "Authorization: Bearer x"], "{\"client_ids\":[\"a\"]}", "403"),
        ("GET /api/registry", &[HOST], "", "200"),
        ("GET /api/registry", &[HOST, EVIL], "", "403"),
        ("GET /api/registry", &[HOST, "Sec-Fetch-Site: cross-site"], "", "403"),
        // No demo has this name. A request without the origin of a browser does not start one, either.
        ("POST /api/demo", &[HOST, same_origin], DEMO, "404"),
        ("POST /api/demo", &[HOST, same_origin, "Sec-Fetch-Site: same-origin"], DEMO, "404"),
        ("POST /api/demo", &[HOST, same_origin, "Sec-Fetch-Site: cross-site"], DEMO, "403"),
        ("POST /api/demo", &[HOST], DEMO, "403"),
        ("POST /api/demo", &[HOST, EVIL], DEMO, "403"),
        ("POST /api/demo", &[HOST, "Origin: null"], DEMO, "403"),
        ("POST /api/demo", &[HOST, "Origin: http://localhost:3000"], DEMO, "403"),
        ("POST /api/demo", &[HOST, "Origin: https://localhost:PORT"], DEMO, "403"),
        ("POST /api/token", &[HOST], "{\"claims\":{\"sub\":\"a\"}}", "200"),
        ("POST /api/token", &[HOST, EVIL], "{\"claims\":{\"sub\":\"a\"}}", "403"),
        ("POST /api/token", &[HOST, "Origin: http://localhost:3000"], "{}", "403"),
        ("POST /oidc/users/login", &[HOST, FORM], "user=alice", "403"),
        ("POST /oidc/users/login", &[HOST, FORM, EVIL], "user=alice", "403"),
        ("POST /oidc/users/login", &[HOST, FORM, "Origin: null"], "user=alice", "403"),
        ("POST /oidc/users/login", &[HOST, FORM, "Origin: http://localhost:3000"], "user=alice", "403"),
        ("POST /oidc/users/login", &[HOST, FORM, same_origin], "user=alice", "400"),
        ("POST /oidc/users/token", &[HOST, FORM], MACHINE, "200"),
        ("POST /oidc/users/token", &[HOST, FORM, same_origin], MACHINE, "200"),
        ("POST /oidc/users/token", &[HOST, FORM, "Origin: http://localhost:3000"], MACHINE, "200"),
        ("POST /oidc/users/token", &[HOST, FORM, EVIL], MACHINE, "403"),
        ("POST /oidc/users/token", &[HOST, FORM, "Origin: null"], MACHINE, "403"),
        ("POST /oidc/users/token", &[HOST, FORM, "Origin: http://localhost:3001"], MACHINE, "403"),
    ] {
        let response = fetch(gateway.port, line, headers, body).await;
        assert_eq!(status(&response), expected, "{line} {headers:?}: {response}");
        // Only a registered app may read a token, and no response allows all origins.
        let allowed =
            response.to_ascii_lowercase().contains("access-control-allow-origin: http://localhost:3000");
        assert_eq!(
            allowed,
            response.contains("access_token") && headers.contains(&"Origin: http://localhost:3000"),
            "{response}"
        );
        assert!(!response.contains("allow-origin: *"), "{line} {headers:?}");
    }
    for public in ["/.well-known/openid-configuration", "/oidc/users/keys"] {
        let response = fetch(gateway.port, &format!("GET {public}"), &[HOST, EVIL], "").await;
        assert!(
            status(&response) == "200" && response.contains("access-control-allow-origin: *"),
            "{response}"
        );
    }
}

#[tokio::test]
async fn rejects_requests_that_do_not_match_the_path() {
    let gateway = open().await;
    let bearer = "Authorization: Bearer good";
    let (large, five_ids) = ("x".repeat(24 * 1024 + 1), "{\"client_ids\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}");
    for (line, headers, body, expected) in [
        ("GET /oidc/users/token?grant_type=client_credentials", &[HOST][..], "", "405"),
        ("POST /oidc/users/token", &[HOST, FORM], large.as_str(), "413"),
        ("POST /oidc/users/token", &[HOST], MACHINE, "400"),
        ("POST /api/preview", &[HOST, bearer], &large, "413"),
        ("POST /api/preview", &[HOST], "{\"client_ids\":[\"a\"]}", "400"),
        ("POST /api/preview", &[HOST, bearer], "", "400"),
        ("POST /api/preview", &[HOST, bearer], "{\"client_ids\":[]}", "400"),
        ("POST /api/preview", &[HOST, bearer], "{\"client_ids\":[\"\"]}", "400"),
        ("POST /api/preview", &[HOST, bearer], five_ids, "400"),
        ("GET /api/preview", &[HOST], "", "405"),
        ("GET /api/token", &[HOST], "", "405"),
        ("POST /api/token", &[HOST], "{}", "400"),
        ("POST /api/token", &[HOST], "{\"claims\":{}}", "400"),
        ("POST /api/token", &[HOST], "{\"claims\":{\"sub\":1}}", "400"),
        ("POST /api/token", &[HOST], "{\"claims\":{\"sub\":\"a\"},\"issuer\":\"x\"}", "400"),
        ("POST /api/token", &[HOST], "{\"claims\":{\"sub\":\"a\"},\"typo\":1}", "400"),
        ("POST /api/token", &[HOST], &large, "413"),
        ("GET /api/demo", &[HOST, OWN], "", "405"),
        ("POST /api/demo", &[HOST, OWN], "", "400"),
        ("POST /api/demo", &[HOST, OWN], "{}", "400"),
        ("POST /api/demo", &[HOST, OWN], "{\"name\":1}", "400"),
        ("POST /api/demo", &[HOST, OWN], "{\"name\":\"jitp\",\"typo\":1}", "400"),
        ("POST /api/demo", &[HOST, OWN], &large, "413"),
        ("POST /api/registry", &[HOST], "", "405"),
        ("POST /api/events", &[HOST], "", "405"),
        ("POST /examples.json", &[HOST], "", "405"),
        ("DELETE /", &[HOST], "", "405"),
        ("POST /main.js", &[HOST], "", "405"),
        ("GET /oidc/unknown/keys", &[HOST], "", "404"),
        ("GET /vendor/README.md", &[HOST], "", "404"),
        ("GET /../Cargo.toml", &[HOST], "", "404"),
        ("GET /api/preview/", &[HOST], "", "404"),
    ] {
        let response = fetch(gateway.port, line, headers, body).await;
        assert_eq!(status(&response), expected, "{line} {body:.80}: {response:.300}");
    }
}

#[tokio::test]
async fn every_response_has_security_headers() {
    let gateway = open().await;
    for (path, form) in [
        ("/", "form-action 'none'"),
        ("/nothing", "form-action 'none'"),
        ("/api/gateway", "form-action 'none'"),
        ("/api/registry", "form-action 'none'"),
        ("/patterns", "form-action 'none'"),
        ("/registry", "form-action 'none'"),
        ("/docs/patterns.md", "form-action 'none'"),
    ] {
        let response = fetch(gateway.port, &format!("GET {path}"), &[HOST], "").await;
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self';",
            form,
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "cross-origin-resource-policy: same-origin",
            "referrer-policy: same-origin",
        ] {
            assert!(response.contains(header), "{path}: no {header} in {response:.900}");
        }
        assert!(!response.contains("unsafe-"), "{response:.900}");
    }
}

/// Only the page that signs in at the user's own issuer may connect to another origin: the one that its address names.
#[tokio::test]
async fn only_the_issuer_page_may_connect_to_an_issuer() {
    let gateway = open().await;
    for (path, expected) in [
        ("/issuer.html?connect=https%3A%2F%2Flogin.example.com", " https://login.example.com;"),
        ("/issuer.html?connect=https%3A%2F%2F*", ";"),
        ("/issuer.html", ";"),
        ("/?connect=https%3A%2F%2Flogin.example.com", ";"),
        ("/api/gateway?connect=https%3A%2F%2Flogin.example.com", ";"),
    ] {
        let response = fetch(gateway.port, &format!("GET {path}"), &[HOST], "").await;
        let policy = format!("connect-src 'self' ws://127.0.0.1:{}{expected}", gateway.port);
        assert!(response.contains(&policy), "{path}: no {policy} in {response:.900}");
    }
}

/// A demo that runs until no one reads its steps.
#[derive(Default)]
struct EndlessDemo {
    started: Mutex<Vec<mpsc::Sender<String>>>,
}

impl DemoRunner for EndlessDemo {
    fn names(&self) -> Vec<String> {
        vec!["endless".to_owned()]
    }

    fn start(&self, name: &str) -> io::Result<DemoRun> {
        let (sender, lines) = mpsc::channel(LINE_CAPACITY);
        sender.try_send(format!("{{\"kind\":\"section\",\"section\":\"{name}\"}}")).unwrap();
        self.started.lock().unwrap().push(sender);
        Ok(DemoRun { lines })
    }
}

#[tokio::test]
async fn one_demo_runs_at_a_time_and_ends_with_its_reader() {
    let runner = Arc::new(EndlessDemo::default());
    let page = PageOptions { demos: Some(runner.clone()), ..PageOptions::default() };
    let gateway = RunningGateway::start(GatewayOptions { page, ..defaults(function(1)) }).await.unwrap();
    let port = gateway.port;
    let body = "{\"name\":\"endless\"}";
    let described = fetch(port, "GET /api/gateway", &[HOST], "").await;
    assert!(described.contains("\"demos\":[\"endless\"]"), "{described}");
    for body in [DEMO, "{\"name\":\"\"}", "{\"name\":\"endless \"}"] {
        assert_eq!(status(&fetch(port, "POST /api/demo", &[HOST, OWN], body).await), "404", "{body}");
    }
    for _ in 0..2 {
        let mut reader = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let head =
            format!("POST /api/demo HTTP/1.1\r\n{HOST}\r\n{OWN}\r\n").replace("PORT", &port.to_string());
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        reader.write_all(request.as_bytes()).await.unwrap();
        let mut received = String::new();
        while !received.contains("\"section\":\"endless\"") {
            let mut buffer = [0; 1024];
            let length = tokio::time::timeout(TIMEOUT, reader.read(&mut buffer)).await.unwrap().unwrap();
            assert!(length > 0, "{received}");
            received.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        }
        assert!(status(&received) == "200" && received.contains("application/x-ndjson"), "{received}");
        let second = fetch(port, "POST /api/demo", &[HOST, OWN], body).await;
        assert!(status(&second) == "409" && second.contains("another demo runs"), "{second}");
        drop(reader);
        let started = runner.started.lock().unwrap().pop().unwrap();
        tokio::time::timeout(TIMEOUT, started.closed()).await.unwrap();
    }
    assert!(runner.started.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_preview_calls_the_authorizer_and_returns_the_policy() {
    let gateway = open().await;
    let preview = |token: &'static str| {
        let header = format!("Authorization: Bearer {token}");
        async move {
            fetch(gateway.port, "POST /api/preview", &[HOST, &header], "{\"client_ids\":[\"ana\"]}").await
        }
    };
    let allowed = preview("good").await;
    assert!(
        status(&allowed) == "200" && allowed.contains("\"statements\":[{") && allowed.contains("own/ana/"),
        "{allowed}"
    );
    let denied = preview("bad").await;
    assert!(denied.contains("\"denied\":\"the authorizer denied the client\""), "{denied}");
}

/// The preview and the connect have the same result, whatever the authorizer's definition is.
#[tokio::test]
async fn a_preview_selects_the_authorizer_as_the_connect_does() {
    let signing_keys = vec![SigningKey::from_pem(&crate::selection::public_pem()).unwrap()];
    let signed = AuthorizerDefinition { signing_keys, ..AuthorizerDefinition::default() };
    let named = AuthorizerDefinition { is_default: false, ..AuthorizerDefinition::default() };
    let unsigned = Some("missing token; expected it in \"token\", since token signing is on");
    for (definition, expected, unnamed) in [
        (AuthorizerDefinition::default(), None, None),
        (
            named,
            None,
            Some(
                "missing x-amz-customauthorizer-name; expected the authorizer's name, since there is no default",
            ),
        ),
        (signed, unsigned, unsigned),
    ] {
        let gateway = open_with(definition).await;
        // A client that names no authorizer, as most do.
        let request =
            PreviewRequest { token: "good", client_id: "ana", names_authorizer: false, is_logged: false };
        let denied = request.call(&gateway.authorizer).await.outcome.err();
        assert_eq!(denied.is_some(), connect(gateway.port, "ana", "good").await.is_err(), "{denied:?}");
        match (&denied, unnamed) {
            (None, None) => {}
            (Some(denied), Some(expected)) => assert!(denied.contains(expected), "{denied}"),
            (denied, unnamed) => panic!("{denied:?}, not {unnamed:?}"),
        }
        let headers = [HOST, "Authorization: Bearer good"];
        let preview = fetch(gateway.port, "POST /api/preview", &headers, "{\"client_ids\":[\"ana\"]}").await;
        let mut events = gateway.event_log.subscribe();
        let url =
            format!("ws://127.0.0.1:{0}/mqtt?x-amz-customauthorizer-name=iot-jwt-authorizer", gateway.port);
        let mut options = MqttOptions::new("ana", url, gateway.port);
        options.set_transport(Transport::Ws).set_credentials("ana", "good");
        let connected = connect_with(options).await;
        match expected {
            None => {
                assert!(preview.contains("\"statements\":[{"), "{preview}");
                assert!(connected.is_ok());
            }
            Some(expected) => {
                assert!(is_denied(&connected));
                let reason = find(&mut events, denial).await;
                let json = serde_json::to_string(&reason).unwrap();
                assert!(
                    reason.contains(expected) && preview.contains(&format!("\"denied\":{json}")),
                    "{preview}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_token_for_the_page_can_be_expired_or_for_another_audience() {
    let gateway = open().await;
    for (body, audience, is_expired) in [
        (r#"{"claims":{"sub":"ana","tenant":"acme"}}"#, "iot.example.com", false),
        (
            r#"{"claims":{"sub":"ana","tenant":"acme"},"issuer":"users","expires_in":-120}"#,
            "iot.example.com",
            true,
        ),
        (r#"{"claims":{"sub":"ana","tenant":"acme"},"audience":"other"}"#, "other", false),
    ] {
        let response = fetch(gateway.port, "POST /api/token", &[HOST], body).await;
        let body = response.split_once("\r\n\r\n").unwrap().1;
        let token = serde_json::from_str::<serde_json::Value>(body).unwrap()["access_token"]
            .as_str()
            .unwrap()
            .to_owned();
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(
            (&claims["sub"], &claims["tenant"], &claims["aud"]),
            (&"ana".into(), &"acme".into(), &audience.into())
        );
        let now = clock::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert_eq!(claims["exp"].as_u64().unwrap() < now, is_expired, "{claims}");
    }
}

/// The function allows every JWT, so the users have no code. Asking it leaves no entry in the event log.
#[tokio::test]
async fn example_users_are_listed_with_the_decision_about_them() {
    let gateway = open().await;
    let response = fetch(gateway.port, "GET /examples.json", &[HOST], "").await;
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(status(head) == "200" && head.contains("application/json"), "{head}");
    let found: serde_json::Value = serde_json::from_str(body).unwrap();
    let user = |name: &str| {
        serde_json::json!({
            "name": name, "grant": null, "issuer": "users", "claims": { "sub": name }, "client_id": name, "allowed": true,
            "code": null,
        })
    };
    assert_eq!(found, serde_json::json!({ "users": [user("alice"), user("ben")] }));
    assert!(gateway.event_log.since(0).0.is_empty());
    assert_eq!(gateway.allowed_user("users").unwrap().name, "alice");
}

#[tokio::test]
async fn the_event_stream_has_the_kept_entries_and_all_later_ones() {
    let gateway = open().await;
    connect(gateway.port, "before", "good").await.unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).await.unwrap();
    let request = format!("GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", gateway.port);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = String::new();
    read_until(&mut stream, &mut received, "\"kind\":\"connected\"").await;
    assert!(
        received.contains("text/event-stream") && received.contains("\"client\":\"before\""),
        "{received}"
    );
    assert!(received.contains("\"kind\":\"authorizer\"") && !received.contains("\"after\""), "{received}");
    connect(gateway.port, "after", "good").await.unwrap();
    read_until(&mut stream, &mut received, "\"client\":\"after\"").await;
    // No entry contains the token, `good`.
    assert!(!received.contains("\"good\"") && !received.contains("Z29vZA=="), "{received}");
    // With the id of the first entry, the stream has the entries after it; with the id of another run, all entries.
    let first_id = received.lines().filter_map(|line| line.strip_prefix("id: ")).next().unwrap().to_owned();
    for (id, has_first) in [(first_id.as_str(), false), ("0-1", true)] {
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).await.unwrap();
        let request = request.trim_end().to_owned() + &format!("\r\nLast-Event-ID: {id}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut received = String::new();
        read_until(&mut stream, &mut received, "\"client\":\"after\"").await;
        assert_eq!(received.contains("-1\n"), has_first, "{received}");
    }
}

/// Reads until the stream contains the text.
async fn read_until(stream: &mut TcpStream, received: &mut String, text: &str) {
    let read = async {
        let mut buffer = vec![0; 4096];
        while !received.contains(text) {
            let length = stream.read(&mut buffer).await.unwrap();
            assert!(length > 0, "the stream ended: {received}");
            received.push_str(&String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()));
        }
    };
    tokio::time::timeout(TIMEOUT, read).await.expect("an entry");
}
