//! HTTP requests to the gateway.

use iot_local_gateway::event_log::EntryKind;
use rumqttc::{Packet, QoS};

use tokio::net::TcpStream;

use crate::support::{connect, exchange, find, open, open_with, post, send_request};

#[tokio::test]
async fn checks_a_publish_over_http_against_the_policy() {
    let gateway = open(1).await;
    let mut alice = connect(gateway.port, "http", "good").await.unwrap();
    alice.mqtt.subscribe("own/http/#", QoS::AtLeastOnce).await.unwrap();
    assert!(matches!(alice.next().await, Ok(Packet::SubAck(_))));
    let response = post(gateway.port, "/topics/own%2Fhttp%2Fa%20b?qos=1&token=good", "", "by query").await;
    assert!(response.starts_with("HTTP/1.1 200 ") && response.contains("\"message\":\"OK\""), "{response}");
    assert!(response.contains("\"traceId\":\""), "{response}");
    let Ok(Packet::Publish(message)) = alice.next().await else { panic!("no message") };
    assert_eq!((message.topic.as_str(), &message.payload[..]), ("own/http/a b", &b"by query"[..]));
    for (target, headers) in [
        ("/topics/own%2Fbob%2Fx", "Token: good\r\n"),
        ("/topics/own%2Fhttp%2Fx?retain=true", "Token: good\r\n"),
        ("/topics/own%2Fhttp%2Fx", "Token: bad\r\n"),
        ("/topics/own%2Fhttp%2Fx", ""),
    ] {
        let response = post(gateway.port, target, headers, "x").await;
        assert!(
            response.starts_with("HTTP/1.1 403 ") && response.contains("\"message\":\"Forbidden\""),
            "{response}"
        );
    }
    let response = post(gateway.port, "/topics/own%2Fhttp%2Fx", "ToKeN: good\r\n", "by header").await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    let Ok(Packet::Publish(message)) = alice.next().await else { panic!("no message") };
    assert_eq!(message.payload, "by header");
    let response =
        post(gateway.port, "/topics/own%2Fhttp%2Fx?token=good", "", &"x".repeat(128 * 1024 + 1)).await;
    assert!(response.starts_with("HTTP/1.1 413 "), "{response}");
}

#[tokio::test]
async fn requests_other_than_mqtt_over_websocket_get_an_http_response() {
    let gateway = open(1).await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "421"),
        ("GET /mqtt HTTP/1.1\r\nHost: x\r\n\r\n", "426"),
        ("\x11\x11\0\x04MQTT\r\n\r\n", "400"),
    ] {
        let response = exchange(gateway.port, request.as_bytes()).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {response}");
    }
    let large = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    assert!(exchange(gateway.port, large.as_bytes()).await.starts_with("HTTP/1.1 431 "));
    let upgrade = "GET /mqtt HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
        Sec-Websocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-Websocket-Protocol: ";
    let response = exchange(gateway.port, format!("{upgrade}chat\r\n\r\n").as_bytes()).await;
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
    // The message after the handshake is a text message, which MQTT does not use: the gateway closes the connection.
    let text = [upgrade.as_bytes(), b"mqttv3.1\r\n\r\n", b"\x81\x81\0\0\0\0x"].concat();
    let response = exchange(gateway.port, &text).await;
    assert!(
        response.starts_with("HTTP/1.1 101 ") && response.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        "{response}"
    );
    assert!(response.contains("sec-websocket-protocol: mqttv3.1"), "{response}");
    connect(gateway.port, "a", "good").await.unwrap();
}

#[tokio::test]
async fn a_silent_client_is_timed_out() {
    let gateway = open(1).await;
    // An incomplete head. Meanwhile, other clients are served.
    let slow = exchange(gateway.port, b"GET /mqtt HTTP/1.1\r\nHost: ");
    let client = connect(gateway.port, "a", "good");
    let (slow, client) = tokio::join!(slow, client);
    assert!(slow.starts_with("HTTP/1.1 408 "), "{slow}");
    client.unwrap();
}

fn publish(token: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST /topics/own%2Fhttp%2Fx?token={token} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

#[tokio::test]
async fn a_connection_is_kept_alive_while_the_end_of_each_request_is_known() {
    let gateway = open(1).await;
    let get =
        |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", gateway.port).into_bytes();
    let get_page = get("/");
    let large = "x".repeat(100_000);
    let too_large = "x".repeat(128 * 1024 + 1);
    let chunked = b"POST /topics/own%2Fhttp%2Fx?token=good HTTP/1.1\r\nHost: x\r\n\
        Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    for (request, status, is_kept_alive) in [
        (publish("good", "", "x"), "200", true),
        (publish("good", "", ""), "200", true),
        (publish("good", "", &large), "200", true),
        (publish("good", "Connection: keep-alive\r\n", "x"), "200", true),
        (publish("bad", "", "x"), "403", true),
        (get_page.clone(), "200", true),
        (get("/nothing"), "404", true),
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
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).await.unwrap();
        let name = String::from_utf8_lossy(&request).chars().take(120).collect::<String>();
        assert!(send_request(&mut stream, &get_page).await.starts_with("HTTP/1.1 200 "));
        let response = send_request(&mut stream, &request).await;
        assert!(
            response.starts_with("HTTP/1.") && response.split(' ').nth(1) == Some(status),
            "{name}: {response}"
        );
        assert_eq!(
            !response.to_ascii_lowercase().contains("connection: close"),
            is_kept_alive,
            "{name}: {response}"
        );
        let next = send_request(&mut stream, &publish("good", "", "x")).await;
        assert_eq!(next.starts_with("HTTP/1.1 200 "), is_kept_alive, "{name}: {next}");
        assert!(is_kept_alive || next.is_empty(), "{name}: {next}");
    }
}

#[tokio::test]
async fn pipelined_requests_are_served_in_order() {
    let gateway = open(1).await;
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).await.unwrap();
    let all = [
        publish("good", "", "one"),
        publish("bad", "", "GET / HTTP/1.1"),
        publish("good", "Connection: close\r\n", "x"),
    ];
    let mut responses = send_request(&mut stream, &all.concat()).await;
    while responses.matches("HTTP/1.1 ").count() < 3 {
        responses.push_str(&send_request(&mut stream, b"").await);
    }
    let statuses: Vec<_> =
        responses.match_indices("HTTP/1.1 ").map(|(index, _)| responses.get(index + 9..index + 12)).collect();
    assert_eq!(statuses, [Some("200"), Some("403"), Some("200")], "{responses}");
}

#[tokio::test]
async fn a_response_is_cached_for_its_connection_only_with_the_option() {
    // The refresh time of 300 seconds becomes 5 seconds.
    let caching = open_with(1, |options| {
        options.time_scale = 60;
        options.authorizer.caching_for_http = true;
    })
    .await;
    let plain = open(1).await;
    for (gateway, second) in [(&caching, "200"), (&plain, "403")] {
        let status = async |stream: &mut TcpStream, token: &str| {
            let response = send_request(stream, &publish(token, "", "x")).await;
            response.split(' ').nth(1).unwrap_or_default().to_owned()
        };
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).await.unwrap();
        assert_eq!(status(&mut stream, "bad").await, "403", "a denial is not cached");
        assert_eq!(status(&mut stream, "good").await, "200");
        // As on AWS IoT, the cached response belongs to the connection, not to the token.
        assert_eq!(status(&mut stream, "bad").await, second);
        let other_topic = send_request(
            &mut stream,
            b"POST /topics/own%2Fbob%2Fx?token=bad HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        );
        assert!(other_topic.await.starts_with("HTTP/1.1 403 "), "another topic");
        let unknown = publish("good&x-amz-customauthorizer-name=other", "", "x");
        assert!(send_request(&mut stream, &unknown).await.starts_with("HTTP/1.1 403 "), "another authorizer");
        let mut another = TcpStream::connect(("127.0.0.1", gateway.port)).await.unwrap();
        assert_eq!(status(&mut another, "bad").await, "403", "another connection");
    }
    let mut stream = TcpStream::connect(("127.0.0.1", caching.port)).await.unwrap();
    assert!(send_request(&mut stream, &publish("good", "", "x")).await.starts_with("HTTP/1.1 200 "));
    tokio::time::sleep(std::time::Duration::from_millis(5100)).await;
    assert!(
        send_request(&mut stream, &publish("bad", "", "x")).await.starts_with("HTTP/1.1 403 "),
        "the refresh is due"
    );
}

#[tokio::test]
async fn header_names_keep_their_case_in_every_request() {
    let gateway = open(1).await;
    let mut event_log = gateway.event_log.subscribe();
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).await.unwrap();
    for name in ["X-Mixed-Case", "x-mixed-case", "X-MIXED-case"] {
        let response = send_request(&mut stream, &publish("show", &format!("{name}: 1\r\n"), "x")).await;
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
        let event = find(&mut event_log, |kind| match kind {
            EntryKind::Function(line) => line.text.strip_prefix("event ").map(str::to_owned),
            _ => None,
        });
        let event: serde_json::Value = serde_json::from_str(&event.await).unwrap();
        assert_eq!(event["protocolData"]["http"]["headers"][name], "1", "{name}");
    }
}
