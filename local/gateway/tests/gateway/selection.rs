//! The selection of the authorizer and the check of the token's signature, over every transport.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iot_local_gateway::event_log::{EntryKind, LogEntry};
use iot_local_gateway::selection::{AuthorizerDefinition, SigningKey};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rumqttc::{MqttOptions, Transport};
use tokio::sync::broadcast::Receiver;

use crate::secure::{self, TlsGateway};
use crate::support::{connect_with, find, is_denied, send_request};

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

/// Whether a client with these parameters is allowed over a transport.
async fn is_allowed(gateway: &TlsGateway, transport: &str, parameters: &[(&str, &str)]) -> bool {
    let encoded =
        |(name, value): &(&str, &str)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
    let tail = parameters.iter().map(encoded).collect::<Vec<_>>().join("&");
    let user = |mut options: MqttOptions| {
        options.set_credentials(format!("user?{tail}"), "");
        options
    };
    let options = match transport {
        "ws, query" => {
            let url = format!("ws://localhost:{}/mqtt?{tail}", gateway.running.port);
            let mut options = MqttOptions::new("a", url, gateway.running.port);
            options.set_transport(Transport::Ws);
            options
        }
        "wss, user name" => user(gateway.wss("a", "", gateway.config(&["http/1.1"], None))),
        "mqtts, user name" => user(gateway.direct("a", gateway.config(&["mqtt"], None))),
        _ => return can_publish(gateway, transport, parameters, &tail).await,
    };
    let outcome = connect_with(options).await;
    assert!(outcome.is_ok() || is_denied(&outcome), "{transport}: {:?}", outcome.err());
    outcome.is_ok()
}

async fn can_publish(gateway: &TlsGateway, transport: &str, parameters: &[(&str, &str)], tail: &str) -> bool {
    let request = |query: &str, headers: &str| {
        format!(
            "POST /topics/own%2Fhttp%2Fx{query} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n{headers}\r\nx"
        )
    };
    let response = if transport == "https, header" {
        let lines: String = parameters.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut stream = gateway.tls_stream("localhost", gateway.config(&["http/1.1"], None)).await.unwrap();
        send_request(&mut stream, request("", &lines).as_bytes()).await
    } else {
        crate::support::exchange(gateway.running.port, request(&format!("?{tail}"), "").as_bytes()).await
    };
    let status = response.split(' ').nth(1).unwrap_or_default().to_owned();
    assert!(status == "200" || status == "403", "{response}");
    status == "200"
}

/// Returns why the client was denied, or that the function was called.
async fn denial_without_call(event_log: &mut Receiver<LogEntry>) -> String {
    find(event_log, |kind| match kind {
        EntryKind::ConnectDenied { reason, .. } => Some(reason.clone()),
        EntryKind::Function(line) => Some(format!("the function was called: {}", line.text)),
        _ => None,
    })
    .await
}

const NAME: &str = "x-amz-customauthorizer-name";
const SIGNATURE: &str = "x-amz-customauthorizer-signature";

#[tokio::test]
async fn an_unknown_name_is_denied_over_every_transport() {
    let not_default = secure::open_changed(|options| {
        options.authorizer = AuthorizerDefinition {
            name: "mine".to_owned(),
            is_default: false,
            ..AuthorizerDefinition::default()
        };
    })
    .await;
    let default = secure::open_changed(|options| {
        options.authorizer =
            AuthorizerDefinition { name: "mine".to_owned(), ..AuthorizerDefinition::default() };
    })
    .await;
    for transport in TRANSPORTS {
        // For "show" the function would write the event. Only the function denies "bad".
        for (parameters, expected_of_default, expected_otherwise) in [
            (
                &[("token", "show"), (NAME, "other")][..],
                Err("unknown authorizer \"other\"; expected \"mine\""),
                Err("unknown authorizer \"other\"; expected \"mine\""),
            ),
            (
                &[("token", "show"), (NAME, "Mine")],
                Err("unknown authorizer \"Mine\"; expected \"mine\""),
                Err("unknown authorizer \"Mine\"; expected \"mine\""),
            ),
            (
                &[("token", "bad")],
                Err("the authorizer denied the client"),
                Err("since there is no default authorizer"),
            ),
            (&[("token", "good")], Ok(()), Err("since there is no default authorizer")),
            (
                &[("token", "bad"), (NAME, "mine")],
                Err("the authorizer denied the client"),
                Err("the authorizer denied the client"),
            ),
            (&[("token", "good"), (NAME, "mine")], Ok(()), Ok(())),
        ] {
            for (gateway, expected) in [(&default, expected_of_default), (&not_default, expected_otherwise)] {
                let mut event_log = gateway.running.event_log.subscribe();
                let allowed = is_allowed(gateway, transport, parameters).await;
                assert_eq!(allowed, expected.is_ok(), "{transport} {parameters:?}");
                if let Err(expected) = expected {
                    let reason = denial_without_call(&mut event_log).await;
                    assert!(reason.contains(expected), "{transport} {parameters:?}: {reason}");
                }
            }
        }
    }
}

#[tokio::test]
async fn with_signing_on_the_function_is_called_only_with_signed_tokens() {
    let gateway = secure::open_changed(|options| options.authorizer.signing_keys = vec![public_key()]).await;
    let (signed, other) = (sign("show"), sign("good"));
    for transport in TRANSPORTS {
        for (parameters, expected) in [
            (&[][..], "missing token"),
            (&[("token", "show")], "missing x-amz-customauthorizer-signature"),
            (&[(SIGNATURE, &signed)], "missing token"),
            (
                &[("token", "show"), (SIGNATURE, "c2lnbmF0dXJl")],
                "does not match the token; expected an RS256 signature",
            ),
            (
                &[("token", "show"), (SIGNATURE, &other)],
                "does not match the token; expected an RS256 signature",
            ),
            (
                &[("token", "show"), (SIGNATURE, "not-base64")],
                "invalid x-amz-customauthorizer-signature; expected standard base64",
            ),
            (&[("token", "show"), (SIGNATURE, &signed), (NAME, "other")], "unknown authorizer \"other\""),
        ] {
            let mut event_log = gateway.running.event_log.subscribe();
            assert!(!is_allowed(&gateway, transport, parameters).await, "{transport} {parameters:?}");
            let reason = denial_without_call(&mut event_log).await;
            assert!(reason.contains(expected), "{transport} {parameters:?}: {reason}");
        }
        let mut event_log = gateway.running.event_log.subscribe();
        assert!(
            is_allowed(&gateway, transport, &[("token", "show"), (SIGNATURE, &signed)]).await,
            "{transport}"
        );
        let event = find(&mut event_log, |kind| match kind {
            EntryKind::Function(line) => line.text.strip_prefix("event ").map(str::to_owned),
            _ => None,
        });
        let event: serde_json::Value = serde_json::from_str(&event.await).unwrap();
        let members = (event.get("token"), event.get("signatureVerified"));
        assert_eq!(members, (Some(&"show".into()), Some(&true.into())), "{transport}");
    }
}
