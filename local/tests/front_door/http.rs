//! What is said to the door in HTTP.

use iot_local::journal::What;
use rumqttc::{Packet, QoS};

use tokio::net::TcpStream;

use crate::support::{ask, connect, exchange, find, open, open_with, post};

#[tokio::test]
async fn a_publish_over_http_is_held_to_the_policy() {
    let door = open(1).await;
    let mut alice = connect(door.port, "http", "good").await.unwrap();
    alice.mqtt.subscribe("own/http/#", QoS::AtLeastOnce).await.unwrap();
    assert!(matches!(alice.next().await, Ok(Packet::SubAck(_))));
    let answer = post(door.port, "/topics/own%2Fhttp%2Fa%20b?qos=1&token=good", "", "by query").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"message\":\"OK\""), "{answer}");
    assert!(answer.contains("\"traceId\":\""), "{answer}");
    let Ok(Packet::Publish(message)) = alice.next().await else { panic!("no message") };
    assert_eq!((message.topic.as_str(), &message.payload[..]), ("own/http/a b", &b"by query"[..]));
    for (target, headers) in [
        ("/topics/own%2Fbob%2Fx", "Token: good\r\n"),
        ("/topics/own%2Fhttp%2Fx?retain=true", "Token: good\r\n"),
        ("/topics/own%2Fhttp%2Fx", "Token: bad\r\n"),
        ("/topics/own%2Fhttp%2Fx", ""),
    ] {
        let answer = post(door.port, target, headers, "x").await;
        assert!(
            answer.starts_with("HTTP/1.1 403 ") && answer.contains("\"message\":\"Forbidden\""),
            "{answer}"
        );
    }
    let answer = post(door.port, "/topics/own%2Fhttp%2Fx", "ToKeN: good\r\n", "by header").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let Ok(Packet::Publish(message)) = alice.next().await else { panic!("no message") };
    assert_eq!(message.payload, "by header");
    let answer = post(door.port, "/topics/own%2Fhttp%2Fx?token=good", "", &"x".repeat(128 * 1024 + 1)).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn what_is_no_mqtt_over_websocket_is_answered_in_http() {
    let door = open(1).await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "421"),
        ("GET /mqtt HTTP/1.1\r\nHost: x\r\n\r\n", "426"),
        ("\x10\x11\0\x04MQTT\r\n\r\n", "400"),
    ] {
        let answer = exchange(door.port, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {answer}");
    }
    let large = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    assert!(exchange(door.port, large.as_bytes()).await.starts_with("HTTP/1.1 431 "));
    let upgrade = "GET /mqtt HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
        Sec-Websocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-Websocket-Protocol: ";
    let answer = exchange(door.port, format!("{upgrade}chat\r\n\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    // The MQTT bytes that follow are one masked text message, which MQTT does not have: the door closes.
    let text = [upgrade.as_bytes(), b"mqttv3.1\r\n\r\n", b"\x81\x81\0\0\0\0x"].concat();
    let answer = exchange(door.port, &text).await;
    assert!(
        answer.starts_with("HTTP/1.1 101 ") && answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        "{answer}"
    );
    assert!(answer.contains("sec-websocket-protocol: mqttv3.1"), "{answer}");
    connect(door.port, "a", "good").await.unwrap();
}

#[tokio::test]
async fn a_client_that_says_nothing_is_not_waited_for() {
    let door = open(1).await;
    // Half a head, and then nothing. Meanwhile others are served.
    let slow = exchange(door.port, b"GET /mqtt HTTP/1.1\r\nHost: ");
    let other = connect(door.port, "a", "good");
    let (slow, other) = tokio::join!(slow, other);
    assert!(slow.starts_with("HTTP/1.1 408 "), "{slow}");
    other.unwrap();
}

fn publish(token: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST /topics/own%2Fhttp%2Fx?token={token} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other_as_long_as_it_is_clear_where_each_ends() {
    let door = open(1).await;
    let own =
        |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", door.port).into_bytes();
    let get = own("/");
    let large = "x".repeat(100_000);
    let too_large = "x".repeat(128 * 1024 + 1);
    let chunked = b"POST /topics/own%2Fhttp%2Fx?token=good HTTP/1.1\r\nHost: x\r\n\
        Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    for (request, status, goes_on) in [
        (publish("good", "", "x"), "200", true),
        (publish("good", "", ""), "200", true),
        (publish("good", "", &large), "200", true),
        (publish("good", "Connection: keep-alive\r\n", "x"), "200", true),
        (publish("bad", "", "x"), "403", true),
        (get.clone(), "200", true),
        (own("/nothing"), "404", true),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), "421", true),
        (publish("good", "Connection: close\r\n", "x"), "200", false),
        (chunked.to_vec(), "200", false),
        (publish("good", "", &too_large), "413", false),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello".to_vec(), "421", false),
        (b"GET / HTTP/1.0\r\n\r\n".to_vec(), "421", false),
        (b"POST /topics/a%23 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello".to_vec(), "400", false),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_vec(),
            "400",
            false,
        ),
        (b"GET / HTTP/1.1 x\r\n\r\n".to_vec(), "400", false),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", door.port)).await.unwrap();
        let shown = String::from_utf8_lossy(&request).chars().take(120).collect::<String>();
        assert!(ask(&mut stream, &get).await.starts_with("HTTP/1.1 200 "));
        let answer = ask(&mut stream, &request).await;
        assert!(
            answer.starts_with("HTTP/1.") && answer.split(' ').nth(1) == Some(status),
            "{shown}: {answer}"
        );
        assert_eq!(!answer.to_ascii_lowercase().contains("connection: close"), goes_on, "{shown}: {answer}");
        let next = ask(&mut stream, &publish("good", "", "x")).await;
        assert_eq!(next.starts_with("HTTP/1.1 200 "), goes_on, "{shown}: {next}");
        assert!(goes_on || next.is_empty(), "{shown}: {next}");
    }
}

#[tokio::test]
async fn requests_that_come_at_once_are_answered_in_turn() {
    let door = open(1).await;
    let mut stream = TcpStream::connect(("127.0.0.1", door.port)).await.unwrap();
    let all = [
        publish("good", "", "one"),
        publish("bad", "", "GET / HTTP/1.1"),
        publish("good", "Connection: close\r\n", "x"),
    ];
    let mut answers = ask(&mut stream, &all.concat()).await;
    while answers.matches("HTTP/1.1 ").count() < 3 {
        answers.push_str(&ask(&mut stream, b"").await);
    }
    let statuses: Vec<_> =
        answers.match_indices("HTTP/1.1 ").map(|(at, _)| answers.get(at + 9..at + 12)).collect();
    assert_eq!(statuses, [Some("200"), Some("403"), Some("200")], "{answers}");
}

#[tokio::test]
async fn an_answer_is_kept_for_its_connection_only_if_that_is_wanted() {
    // The refresh of 300 seconds is due after five.
    let caching = open_with(1, |options| {
        options.time_scale = 60;
        options.authorizer.caching_for_http = true;
    })
    .await;
    let plain = open(1).await;
    for (door, second) in [(&caching, "200"), (&plain, "403")] {
        let status = async |stream: &mut TcpStream, token: &str| {
            let answer = ask(stream, &publish(token, "", "x")).await;
            answer.split(' ').nth(1).unwrap_or_default().to_owned()
        };
        let mut stream = TcpStream::connect(("127.0.0.1", door.port)).await.unwrap();
        assert_eq!(status(&mut stream, "bad").await, "403", "a refusal is not kept");
        assert_eq!(status(&mut stream, "good").await, "200");
        // As with AWS IoT, what is kept belongs to the connection and not to the token.
        assert_eq!(status(&mut stream, "bad").await, second);
        let other = ask(
            &mut stream,
            b"POST /topics/own%2Fbob%2Fx?token=bad HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        );
        assert!(other.await.starts_with("HTTP/1.1 403 "), "another topic");
        let unknown = publish("good&x-amz-customauthorizer-name=other", "", "x");
        assert!(ask(&mut stream, &unknown).await.starts_with("HTTP/1.1 403 "), "another authorizer");
        let mut another = TcpStream::connect(("127.0.0.1", door.port)).await.unwrap();
        assert_eq!(status(&mut another, "bad").await, "403", "another connection");
    }
    let mut stream = TcpStream::connect(("127.0.0.1", caching.port)).await.unwrap();
    assert!(ask(&mut stream, &publish("good", "", "x")).await.starts_with("HTTP/1.1 200 "));
    tokio::time::sleep(std::time::Duration::from_millis(5100)).await;
    assert!(
        ask(&mut stream, &publish("bad", "", "x")).await.starts_with("HTTP/1.1 403 "),
        "the refresh is due"
    );
}

#[tokio::test]
async fn header_names_keep_their_case_in_every_request() {
    let door = open(1).await;
    let mut journal = door.journal.subscribe();
    let mut stream = TcpStream::connect(("127.0.0.1", door.port)).await.unwrap();
    for name in ["X-Mixed-Case", "x-mixed-case", "X-MIXED-case"] {
        let answer = ask(&mut stream, &publish("show", &format!("{name}: 1\r\n"), "x")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let event = find(&mut journal, |what| match what {
            What::Function(line) => line.text.strip_prefix("event ").map(str::to_owned),
            _ => None,
        });
        let event: serde_json::Value = serde_json::from_str(&event.await).unwrap();
        assert_eq!(event["protocolData"]["http"]["headers"][name], "1", "{name}");
    }
}
