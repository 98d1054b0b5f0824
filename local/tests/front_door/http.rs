//! What is said to the door in HTTP.

use rumqttc::{Packet, QoS};

use crate::support::{connect, exchange, open, post};

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
