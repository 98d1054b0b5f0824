//! Which authorizer decides and whether its token is signed, over every transport.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iot_local::journal::{Happening, What};
use iot_local::selection::{Authorizer, SigningKey};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rumqttc::{MqttOptions, Transport};
use tokio::sync::broadcast::Receiver;

use crate::secure::{self, Door};
use crate::support::{ask, connect_with, find, is_refused};

static KEY: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());

pub(crate) fn public_pem() -> String {
    let der: PublicKeyX509Der<'_> = KEY.public_key().as_der().unwrap();
    pem::encode(&pem::Pem::new("PUBLIC KEY", der.as_ref()))
}

fn public_key() -> SigningKey {
    SigningKey::from_pem(&public_pem()).unwrap()
}

pub(crate) fn sign(token: &str) -> String {
    let mut signature = vec![0; KEY.public_modulus_len()];
    KEY.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature).unwrap();
    STANDARD.encode(signature)
}

const TRANSPORTS: [&str; 5] =
    ["ws, query", "wss, user name", "mqtts, user name", "https, header", "http, query"];

/// Whether a client with these parameters is let in over a transport.
async fn is_let_in(door: &Door, transport: &str, parameters: &[(&str, &str)]) -> bool {
    let encoded =
        |(name, value): &(&str, &str)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
    let tail = parameters.iter().map(encoded).collect::<Vec<_>>().join("&");
    let user = |mut options: MqttOptions| {
        options.set_credentials(format!("user?{tail}"), "");
        options
    };
    let options = match transport {
        "ws, query" => {
            let url = format!("ws://localhost:{}/mqtt?{tail}", door.running.port);
            let mut options = MqttOptions::new("a", url, door.running.port);
            options.set_transport(Transport::Ws);
            options
        }
        "wss, user name" => user(door.wss("a", "", door.config(&["http/1.1"], None))),
        "mqtts, user name" => user(door.direct("a", door.config(&["mqtt"], None))),
        _ => return publishes(door, transport, parameters, &tail).await,
    };
    let outcome = connect_with(options).await;
    assert!(outcome.is_ok() || is_refused(&outcome), "{transport}: {:?}", outcome.err());
    outcome.is_ok()
}

async fn publishes(door: &Door, transport: &str, parameters: &[(&str, &str)], tail: &str) -> bool {
    let request = |query: &str, headers: &str| {
        format!(
            "POST /topics/own%2Fhttp%2Fx{query} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n{headers}\r\nx"
        )
    };
    let answer = if transport == "https, header" {
        let lines: String = parameters.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut stream = door.raw("localhost", door.config(&["http/1.1"], None)).await.unwrap();
        ask(&mut stream, request("", &lines).as_bytes()).await
    } else {
        crate::support::exchange(door.running.port, request(&format!("?{tail}"), "").as_bytes()).await
    };
    let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
    assert!(status == "200" || status == "403", "{answer}");
    status == "200"
}

/// Why the client was refused, and that the function was not asked.
async fn refused_unasked(journal: &mut Receiver<Happening>) -> String {
    find(journal, |what| match what {
        What::ConnectRefused { reason, .. } => Some(reason.clone()),
        What::Function(line) => Some(format!("the function was asked: {}", line.text)),
        _ => None,
    })
    .await
}

const NAME: &str = "x-amz-customauthorizer-name";
const SIGNATURE: &str = "x-amz-customauthorizer-signature";

#[tokio::test]
async fn a_name_that_is_unknown_is_refused_over_every_transport() {
    let named = secure::open_changed(|options| {
        options.authorizer =
            Authorizer { name: "mine".to_owned(), is_default: false, ..Authorizer::default() };
    })
    .await;
    let default = secure::open_changed(|options| {
        options.authorizer = Authorizer { name: "mine".to_owned(), ..Authorizer::default() };
    })
    .await;
    for transport in TRANSPORTS {
        // "show" would write the event, and "bad" be refused by the function alone.
        for (parameters, by_default, by_name) in [
            (
                &[("token", "show"), (NAME, "other")][..],
                Err("no authorizer \"other\""),
                Err("no authorizer \"other\""),
            ),
            (
                &[("token", "show"), (NAME, "Mine")],
                Err("no authorizer \"Mine\""),
                Err("no authorizer \"Mine\""),
            ),
            (&[("token", "bad")], Err("the authorizer refused"), Err("none is the default")),
            (&[("token", "good")], Ok(()), Err("none is the default")),
            (
                &[("token", "bad"), (NAME, "mine")],
                Err("the authorizer refused"),
                Err("the authorizer refused"),
            ),
            (&[("token", "good"), (NAME, "mine")], Ok(()), Ok(())),
        ] {
            for (door, expected) in [(&default, by_default), (&named, by_name)] {
                let mut journal = door.running.journal.subscribe();
                let let_in = is_let_in(door, transport, parameters).await;
                assert_eq!(let_in, expected.is_ok(), "{transport} {parameters:?}");
                if let Err(expected) = expected {
                    let reason = refused_unasked(&mut journal).await;
                    assert!(reason.contains(expected), "{transport} {parameters:?}: {reason}");
                }
            }
        }
    }
}

#[tokio::test]
async fn with_signing_on_the_function_sees_signed_tokens_only() {
    let door = secure::open_changed(|options| options.authorizer.signing_keys = vec![public_key()]).await;
    let (signed, other) = (sign("show"), sign("good"));
    for transport in TRANSPORTS {
        for (parameters, expected) in [
            (&[][..], "no token"),
            (&[("token", "show")], "sends no x-amz-customauthorizer-signature"),
            (&[(SIGNATURE, &signed)], "no token"),
            (&[("token", "show"), (SIGNATURE, "c2lnbmF0dXJl")], "not an RS256 signature"),
            (&[("token", "show"), (SIGNATURE, &other)], "not an RS256 signature"),
            (&[("token", "show"), (SIGNATURE, "not-base64")], "no standard base64"),
            (&[("token", "show"), (SIGNATURE, &signed), (NAME, "other")], "no authorizer"),
        ] {
            let mut journal = door.running.journal.subscribe();
            assert!(!is_let_in(&door, transport, parameters).await, "{transport} {parameters:?}");
            let reason = refused_unasked(&mut journal).await;
            assert!(reason.contains(expected), "{transport} {parameters:?}: {reason}");
        }
        let mut journal = door.running.journal.subscribe();
        assert!(is_let_in(&door, transport, &[("token", "show"), (SIGNATURE, &signed)]).await, "{transport}");
        let event = find(&mut journal, |what| match what {
            What::Function(line) => line.text.strip_prefix("event ").map(str::to_owned),
            _ => None,
        });
        let event: serde_json::Value = serde_json::from_str(&event.await).unwrap();
        let seen = (event.get("token"), event.get("signatureVerified"));
        assert_eq!(seen, (Some(&"show".into()), Some(&true.into())), "{transport}");
    }
}
