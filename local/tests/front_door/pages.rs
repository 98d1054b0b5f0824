//! The page's interface as browsers and others meet it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use iot_local::front::{Front, FrontOptions, Running};
use iot_local::issuer::{Issuer, Settings, algorithm};
use iot_local::oidc::{ProviderOptions, Realm};
use iot_local::people;
use iot_local::selection::Authorizer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{PATIENCE, connect, exchange, function};

async fn open() -> Running {
    let settings = Settings {
        id: "users".to_owned(),
        issuer: "https://login.example.com/".to_owned(),
        audience: vec!["iot.example.com".to_owned()],
        audience_claim: "aud".to_owned(),
        algorithms: vec![algorithm("ES256").unwrap()],
        typ: "JWT".to_owned(),
        max_lifetime: None,
    };
    let realm = Realm {
        issuer: Issuer::ephemeral(settings).unwrap(),
        people: people::people("", "users"),
        machine: people::machine("", "users"),
    };
    let login = ProviderOptions {
        realms: vec![realm],
        machine_secret: Some("s3cret".to_owned()),
        redirect_uris: vec!["http://localhost:3000/back".parse().unwrap()],
    };
    let options = FrontOptions {
        port: 0,
        tls: None,
        function: function(1).into(),
        authorizer: Authorizer::default(),
        time_scale: 1,
        login,
    };
    Front::start(options).await.unwrap()
}

/// One request, `PORT` replaced by the door's in every header.
async fn ask(port: u16, line: &str, headers: &[&str], body: &str) -> String {
    let headers: String =
        headers.iter().map(|header| format!("{}\r\n", header.replace("PORT", &port.to_string()))).collect();
    let length = body.len();
    exchange(port, format!("{line} HTTP/1.1\r\n{headers}Content-Length: {length}\r\n\r\n{body}").as_bytes())
        .await
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

const HOST: &str = "Host: 127.0.0.1:PORT";
const EVIL: &str = "Origin: https://evil.example";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const MACHINE: &str = "grant_type=client_credentials&client_id=machine-1&client_secret=s3cret";

#[tokio::test]
async fn the_door_answers_to_its_own_names_alone() {
    let door = open().await;
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
        for path in ["/", "/api/door", "/oidc/users/keys", "/main.js"] {
            let answer = ask(door.port, &format!("GET {path}"), headers, "").await;
            assert_eq!(status(&answer), expected, "{path} {headers:?}: {answer}");
            assert!(!answer.contains(": *") || path.contains("keys"), "{answer}");
        }
    }
}

#[tokio::test]
async fn other_sites_get_nothing_that_is_worth_having() {
    let door = open().await;
    let own = "Origin: http://localhost:PORT";
    for (line, headers, body, expected) in [
        ("GET /api/door", &[HOST][..], "", "200"),
        ("GET /api/door", &[HOST, own], "", "200"),
        ("GET /api/door", &[HOST, "Sec-Fetch-Site: same-origin"], "", "200"),
        ("GET /api/door", &[HOST, EVIL], "", "403"),
        ("GET /api/door", &[HOST, "Origin: null"], "", "403"),
        ("GET /api/door", &[HOST, "Origin: http://localhost:3000"], "", "403"),
        ("GET /api/door", &[HOST, "Origin: https://localhost:PORT"], "", "403"),
        ("GET /api/door", &[HOST, "Sec-Fetch-Site: cross-site"], "", "403"),
        ("GET /api/door", &[HOST, "Sec-Fetch-Site: same-site"], "", "403"),
        ("GET /api/events", &[HOST, EVIL], "", "403"),
        ("GET /api/events", &[HOST, "Sec-Fetch-Site: cross-site"], "", "403"),
        ("POST /api/preview", &[HOST, EVIL, "Authorization: Bearer x"], "{\"client_ids\":[\"a\"]}", "403"),
        ("POST /oidc/users/login", &[HOST, FORM], "person=alice", "403"),
        ("POST /oidc/users/login", &[HOST, FORM, EVIL], "person=alice", "403"),
        ("POST /oidc/users/login", &[HOST, FORM, "Origin: null"], "person=alice", "403"),
        ("POST /oidc/users/login", &[HOST, FORM, "Origin: http://localhost:3000"], "person=alice", "403"),
        ("POST /oidc/users/login", &[HOST, FORM, own], "person=alice", "400"),
        ("POST /oidc/users/token", &[HOST, FORM], MACHINE, "200"),
        ("POST /oidc/users/token", &[HOST, FORM, own], MACHINE, "200"),
        ("POST /oidc/users/token", &[HOST, FORM, "Origin: http://localhost:3000"], MACHINE, "200"),
        ("POST /oidc/users/token", &[HOST, FORM, EVIL], MACHINE, "403"),
        ("POST /oidc/users/token", &[HOST, FORM, "Origin: null"], MACHINE, "403"),
        ("POST /oidc/users/token", &[HOST, FORM, "Origin: http://localhost:3001"], MACHINE, "403"),
    ] {
        let answer = ask(door.port, line, headers, body).await;
        assert_eq!(status(&answer), expected, "{line} {headers:?}: {answer}");
        // Only the user's own app may read a token, and nobody is told that anybody may.
        let allowed =
            answer.to_ascii_lowercase().contains("access-control-allow-origin: http://localhost:3000");
        assert_eq!(
            allowed,
            answer.contains("access_token") && headers.contains(&"Origin: http://localhost:3000"),
            "{answer}"
        );
        assert!(!answer.contains("allow-origin: *"), "{line} {headers:?}");
    }
    for public in ["/.well-known/openid-configuration", "/oidc/users/keys"] {
        let answer = ask(door.port, &format!("GET {public}"), &[HOST, EVIL], "").await;
        assert!(status(&answer) == "200" && answer.contains("access-control-allow-origin: *"), "{answer}");
    }
}

#[tokio::test]
async fn requests_have_to_be_what_the_path_takes() {
    let door = open().await;
    let bearer = "Authorization: Bearer good";
    let (large, five) = ("x".repeat(24 * 1024 + 1), "{\"client_ids\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}");
    for (line, headers, body, expected) in [
        ("GET /oidc/users/token?grant_type=client_credentials", &[HOST][..], "", "405"),
        ("POST /oidc/users/token", &[HOST, FORM], large.as_str(), "413"),
        ("POST /oidc/users/token", &[HOST], MACHINE, "400"),
        ("POST /api/preview", &[HOST, bearer], &large, "413"),
        ("POST /api/preview", &[HOST], "{\"client_ids\":[\"a\"]}", "400"),
        ("POST /api/preview", &[HOST, bearer], "", "400"),
        ("POST /api/preview", &[HOST, bearer], "{\"client_ids\":[]}", "400"),
        ("POST /api/preview", &[HOST, bearer], "{\"client_ids\":[\"\"]}", "400"),
        ("POST /api/preview", &[HOST, bearer], five, "400"),
        ("GET /api/preview", &[HOST], "", "405"),
        ("POST /api/events", &[HOST], "", "405"),
        ("DELETE /", &[HOST], "", "405"),
        ("POST /main.js", &[HOST], "", "405"),
        ("GET /oidc/nobody/keys", &[HOST], "", "404"),
        ("GET /vendor/README.md", &[HOST], "", "404"),
        ("GET /../Cargo.toml", &[HOST], "", "404"),
        ("GET /api/preview/", &[HOST], "", "404"),
    ] {
        let answer = ask(door.port, line, headers, body).await;
        assert_eq!(status(&answer), expected, "{line} {body:.80}: {answer:.300}");
    }
}

#[tokio::test]
async fn every_page_is_under_a_strict_policy() {
    let door = open().await;
    for (path, form) in
        [("/", "form-action 'none'"), ("/nothing", "form-action 'none'"), ("/api/door", "form-action 'none'")]
    {
        let answer = ask(door.port, &format!("GET {path}"), &[HOST], "").await;
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self';",
            form,
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "cross-origin-resource-policy: same-origin",
            "referrer-policy: same-origin",
        ] {
            assert!(answer.contains(header), "{path}: no {header} in {answer:.900}");
        }
        assert!(!answer.contains("unsafe-"), "{answer:.900}");
    }
}

#[tokio::test]
async fn a_preview_asks_the_authorizer_and_says_what_a_token_buys() {
    let door = open().await;
    let preview = |token: &'static str| {
        let header = format!("Authorization: Bearer {token}");
        async move { ask(door.port, "POST /api/preview", &[HOST, &header], "{\"client_ids\":[\"ana\"]}").await }
    };
    let good = preview("good").await;
    assert!(
        status(&good) == "200" && good.contains("\"statements\":[{") && good.contains("own/ana/"),
        "{good}"
    );
    let bad = preview("bad").await;
    assert!(bad.contains("\"refused\":\"the authorizer refused the client\""), "{bad}");
}

#[tokio::test]
async fn the_event_stream_begins_with_what_has_happened_and_goes_on() {
    let door = open().await;
    connect(door.port, "before", "good").await.unwrap();
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", door.port)).await.unwrap();
    let request = format!("GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", door.port);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut heard = String::new();
    hear(&mut stream, &mut heard, "\"kind\":\"connected\"").await;
    assert!(heard.contains("text/event-stream") && heard.contains("\"client\":\"before\""), "{heard}");
    assert!(heard.contains("\"kind\":\"authorizer\"") && !heard.contains("\"after\""), "{heard}");
    connect(door.port, "after", "good").await.unwrap();
    hear(&mut stream, &mut heard, "\"client\":\"after\"").await;
    // The function's token is `good`, and stands in no entry.
    assert!(!heard.contains("\"good\"") && !heard.contains("Z29vZA=="), "{heard}");
    // Who names the last entry gets what follows, and who names another run's gets everything.
    let last = heard.lines().filter_map(|line| line.strip_prefix("id: ")).next().unwrap().to_owned();
    for (id, again) in [(last.as_str(), false), ("0-1", true)] {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", door.port)).await.unwrap();
        let request = request.trim_end().to_owned() + &format!("\r\nLast-Event-ID: {id}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut heard = String::new();
        hear(&mut stream, &mut heard, "\"client\":\"after\"").await;
        assert_eq!(heard.contains("-1\n"), again, "{heard}");
    }
}

/// Reads until the text has come.
async fn hear(stream: &mut tokio::net::TcpStream, heard: &mut String, text: &str) {
    let read = async {
        let mut buffer = vec![0; 4096];
        while !heard.contains(text) {
            let length = stream.read(&mut buffer).await.unwrap();
            assert!(length > 0, "the stream ended: {heard}");
            heard.push_str(&String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()));
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("an entry");
}
