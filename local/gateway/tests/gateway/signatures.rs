//! Signature Version 4 on both ports: the ways of signing, what changes a signature, and what a signed connection may
//! do.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a panic is how a test fails"
)]

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use aws_sigv4::http_request::{PercentEncodingMode, SessionTokenMode, SignatureLocation};
use iot_local_cloud::credentials::{Session, TemporaryCredentials};
use iot_local_cloud::{Account, Cloud, CloudOptions, Role};
use iot_local_gateway::event_log::{DisconnectReason, EntryKind};
use rumqttc::{MqttOptions, Packet, QoS, Transport};
use serde_json::{Value, json};

use crate::secure;
use crate::signer::{HttpRequest, Signer};
use crate::support::{TIMEOUT, connect_with, denial, exchange, find, open_with, operator, send_request};

/// 2026-01-15T12:00:00Z.
const NOW: u64 = 1_768_478_400;

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sent {
    WebSocket,
    Publish,
}

/// Where the signature is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Presigned,
    Header,
}

/// Whose key signs.
#[derive(Debug, Clone, Copy)]
enum Key {
    Operator,
    Temporary,
    Expired,
}

use Key::{Expired, Operator, Temporary};
use Sent::{Publish, WebSocket};
use Way::{Header, Presigned};

/// A row: its title, what is signed and how, changes before and after the signature, and the parts of AWS's message and
/// of the reason in the event log if the request is denied.
struct Row(&'static str, Sent, Way, Key, fn(&mut Signer, &mut HttpRequest), fn(&mut HttpRequest), Outcome);

type Outcome = Result<(), (&'static str, &'static str)>;

const OK: Outcome = Ok(());
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided.";
const INVALID_TOKEN: &str = "The security token included in the request is invalid";

fn same(_: &mut Signer, _: &mut HttpRequest) {}

fn kept(_: &mut HttpRequest) {}

/// Signs so many seconds later than the gateway's clock.
fn later(signer: &mut Signer, seconds: i64) {
    *signer = signer.clone().at(NOW.checked_add_signed(seconds).unwrap());
}

fn replace(request: &mut HttpRequest, from: &str, to: &str) {
    assert!(request.target.contains(from), "{}", request.target);
    request.target = request.target.replace(from, to);
}

fn replace_in_header(request: &mut HttpRequest, from: &str, to: &str) {
    let header = request.header("authorization").to_owned();
    assert!(header.contains(from), "{header}");
    request.set("authorization", &header.replace(from, to));
}

/// Changes the last digit of the signature.
fn break_signature(text: &str) -> String {
    let (start, last) = text.split_at(text.len() - 1);
    format!("{start}{}", if last == "0" { '1' } else { '0' })
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row("presigned", WebSocket, Presigned, Operator, same, kept, OK),
    Row("presigned, temporary, token appended", WebSocket, Presigned, Temporary, same, kept, OK),
    Row("header", WebSocket, Header, Operator, same, kept, OK),
    Row("header, temporary", WebSocket, Header, Temporary, same, kept, OK),
    Row("header, token not signed", WebSocket, Header, Temporary, |s, _| s.settings.session_token_mode = SessionTokenMode::Exclude, kept, OK),
    Row("publish, header", Publish, Header, Operator, same, kept, OK),
    Row("publish, presigned", Publish, Presigned, Operator, same, kept, OK),
    // Trap 1: the token is signed.
    Row("token signed", WebSocket, Presigned, Temporary, |s, _| s.settings.session_token_mode = SessionTokenMode::Include, kept, Err((MISMATCH, "leave it out of the signature and append it"))),
    Row("token missing", WebSocket, Presigned, Temporary, |s, _| s.token = None, kept, Err((INVALID_TOKEN, "X-Amz-Security-Token is missing"))),
    Row("token of other credentials", WebSocket, Presigned, Temporary, |s, _| s.token = Some("x".to_owned()), kept, Err((INVALID_TOKEN, "of other credentials"))),
    Row("token with the operator's key", WebSocket, Presigned, Operator, |s, _| s.token = Some("x".to_owned()), kept, Err((INVALID_TOKEN, "which this key does not have"))),
    Row("token twice", WebSocket, Presigned, Temporary, same, |r| r.target += "&X-Amz-Security-Token=x", Err(("Incomplete signature", "twice"))),
    Row("expired credentials", WebSocket, Presigned, Expired, same, kept, Err(("The security token included in the request is expired", "expired; help: get new credentials"))),
    Row("expired credentials, publish", Publish, Header, Expired, same, kept, Err(("is expired", "get new credentials"))),
    Row("unknown key", WebSocket, Presigned, Operator, |s, _| s.key = "AKIAUNKNOWN".to_owned(), kept, Err((INVALID_TOKEN, "unknown access key AKIAUNKNOWN"))),
    Row("unknown key, publish", Publish, Header, Operator, |s, _| s.key = "ASIALOCALUNKNOWN".to_owned(), kept, Err((INVALID_TOKEN, "unknown access key"))),
    Row("key in lower case", Publish, Header, Operator, |s, _| s.key.make_ascii_lowercase(), kept, Err((INVALID_TOKEN, "unknown access key"))),
    Row("another secret", WebSocket, Presigned, Operator, |s, _| s.secret += "x", kept, Err((MISMATCH, "wrong signature; the canonical request"))),
    // Trap 2: `connection` is signed.
    Row("connection signed", WebSocket, Presigned, Operator, |_, r| r.add("connection", "Upgrade"), kept, OK),
    Row("connection signed in a header", WebSocket, Header, Temporary, |_, r| r.add("connection", "Upgrade"), kept, OK),
    Row("connection signed and changed", WebSocket, Presigned, Operator, |_, r| r.add("connection", "Upgrade"), |r| r.set("connection", "keep-alive, Upgrade"), Err((MISMATCH, "connection:keep-alive, Upgrade"))),
    // Trap 3: the port in Host.
    Row("host without the port", WebSocket, Presigned, Operator, |_, r| r.set("host", "localhost"), kept, OK),
    Row("host of AWS", WebSocket, Presigned, Operator, |_, r| r.set("host", "abc-ats.iot.us-east-1.amazonaws.com"), kept, OK),
    Row("signed without the port, sent with it", WebSocket, Presigned, Operator, |_, r| r.set("host", "localhost"), |r| r.set("host", "localhost:1"), Err((MISMATCH, "host:localhost:1"))),
    Row("signed with the port, sent without it", Publish, Header, Operator, same, |r| r.set("host", "localhost"), Err((MISMATCH, "host:localhost"))),
    Row("a second host", Publish, Header, Operator, same, |r| r.add("host", "localhost"), Err((MISMATCH, "wrong signature"))),
    // Trap 4: the clock.
    Row("5 minutes ago", WebSocket, Presigned, Operator, |s, _| later(s, -300), kept, OK),
    Row("in 5 minutes", WebSocket, Presigned, Operator, |s, _| later(s, 300), kept, OK),
    Row("5 minutes and a second ago", WebSocket, Presigned, Operator, |s, _| later(s, -301), kept, Err(("Signature expired: 20260115T115459Z is now earlier than 20260115T115500Z (20260115T120000Z - 5 min.)", "sign again for each connect"))),
    Row("in 5 minutes and a second", WebSocket, Presigned, Operator, |s, _| later(s, 301), kept, Err(("Signature not yet current: 20260115T120501Z is still later than 20260115T120500Z (20260115T120000Z + 5 min.)", "set the client's clock"))),
    Row("an hour ago, header", Publish, Header, Operator, |s, _| later(s, -3600), kept, Err(("Signature expired", "help: sign again"))),
    Row("a day of X-Amz-Expires", WebSocket, Presigned, Operator, |s, _| { later(s, -360); s.settings.expires_in = Some(Duration::from_secs(86_400)); }, kept, Err(("Signature expired", "X-Amz-Expires cannot extend"))),
    Row("a minute of X-Amz-Expires", WebSocket, Presigned, Operator, |s, _| { later(s, -61); s.settings.expires_in = Some(Duration::from_secs(60)); }, kept, Err(("Signature expired", "valid for 60 seconds"))),
    Row("without X-Amz-Expires", WebSocket, Presigned, Operator, same, |r| replace(r, "&X-Amz-Expires=300", ""), Err((MISMATCH, "wrong signature"))),
    Row("X-Amz-Expires of 0", WebSocket, Presigned, Operator, same, |r| replace(r, "Expires=300", "Expires=0"), Err(("Incomplete signature", "604800"))),
    Row("X-Amz-Date changed", WebSocket, Presigned, Operator, same, |r| replace(r, "20260115T120000Z", "20260115T120001Z"), Err((MISMATCH, "wrong signature"))),
    Row("another day", WebSocket, Presigned, Operator, same, |r| replace(r, "20260115%2F", "20260114%2F"), Err(("Date in Credential scope does not match", "the same day"))),
    // Services.
    Row("the older service", WebSocket, Presigned, Operator, |s, _| s.service = "iotdata", kept, OK),
    Row("another service", WebSocket, Presigned, Operator, |s, _| s.service = "iot", kept, Err(("correct service: 'iotdevicegateway'", "signed for service \"iot\""))),
    Row("the gateway's service, publish", Publish, Header, Operator, |s, _| s.service = "iotdevicegateway", kept, Err(("correct service: 'iotdata'", "expected iotdata"))),
    // Trap 10: the Region.
    Row("another Region", WebSocket, Presigned, Operator, |s, _| s.region = "eu-west-1", kept, Err(("Credential should be scoped to a valid region, not 'eu-west-1'. ", "--region eu-west-1"))),
    Row("another Region, publish", Publish, Header, Temporary, |s, _| s.region = "ap-northeast-1", kept, Err(("not 'ap-northeast-1'. ", "--region ap-northeast-1"))),
    // Trap 8: the path is encoded twice.
    Row("encoded topic", Publish, Header, Operator, |_, r| r.target = "/topics/a%20b%2F%C3%A9~%281%29?qos=1".to_owned(), kept, OK),
    Row("topic with slashes", Publish, Header, Operator, |_, r| r.target = "/topics/a/b?qos=1".to_owned(), kept, OK),
    Row("path encoded once", Publish, Header, Operator, |s, r| { s.settings.percent_encoding_mode = PercentEncodingMode::Single; r.target = "/topics/a%2Fb".to_owned(); }, kept, Err((MISMATCH, "as for Amazon S3"))),
    Row("slashes encoded on the way", Publish, Header, Operator, |_, r| r.target = "/topics/a/b".to_owned(), |r| replace(r, "a/b", "a%2Fb"), Err((MISMATCH, "wrong signature"))),
    Row("empty level", Publish, Header, Operator, |_, r| r.target = "/topics/a//b".to_owned(), kept, Err((MISMATCH, "as %2F"))),
    Row("dot segment", Publish, Header, Operator, same, |r| replace(r, "/topics/signed", "/topics/x/../signed"), Err((MISMATCH, "as %2F"))),
    Row("another topic", Publish, Header, Operator, same, |r| replace(r, "signed", "changed"), Err((MISMATCH, "/topics/changed"))),
    Row("another QoS", Publish, Header, Operator, same, |r| replace(r, "qos=1", "qos=0"), Err((MISMATCH, "qos=0"))),
    Row("retain added", Publish, Header, Operator, same, |r| r.target += "&retain=true", Err((MISMATCH, "retain=true"))),
    Row("body changed", Publish, Header, Operator, same, |r| r.body += "x", Err((MISMATCH, "wrong signature"))),
    Row("body hashed", Publish, Header, Operator, |_, r| r.add("x-amz-content-sha256", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"), kept, OK),
    Row("body not hashed", Publish, Header, Operator, |_, r| r.add("x-amz-content-sha256", "UNSIGNED-PAYLOAD"), kept, Err((MISMATCH, "UNSIGNED-PAYLOAD is unsupported"))),
    // Trap 6 of the parser, and two decisions about one request.
    Row("signature doubled", WebSocket, Presigned, Operator, same, |r| r.target += "&X-Amz-Signature=00", Err(("Incomplete signature", "twice"))),
    Row("algorithm doubled", WebSocket, Presigned, Operator, same, |r| r.target += "&X-Amz-Algorithm=AWS4-HMAC-SHA256", Err(("more than one signature", "two signatures"))),
    Row("header and query", WebSocket, Presigned, Operator, same, |r| r.add("authorization", "AWS4-HMAC-SHA256 Credential=A/20260115/us-east-1/iotdata/aws4_request, SignedHeaders=host, Signature=00"), Err(("more than one signature", "two signatures"))),
    Row("two headers", Publish, Header, Operator, same, |r| { let twice = r.header("authorization").to_owned(); r.add("authorization", &twice); }, Err(("more than one signature", "two signatures"))),
    Row("token beside the signature", WebSocket, Presigned, Operator, |_, r| r.target += "?token=good", kept, Err(("Forbidden", "in X-Amz-Algorithm, and also a token or the name of an authorizer in token"))),
    Row("authorizer beside the signature", Publish, Header, Operator, same, |r| r.add("x-amz-customauthorizer-name", "iot-jwt-authorizer"), Err(("Forbidden", "in Authorization, and also a token or the name of an authorizer in x-amz-customauthorizer-name"))),
    Row("bearer beside the signature", WebSocket, Presigned, Operator, same, |r| r.add("authorization", "Bearer good"), Err(("Forbidden", "in Authorization; expected one of them"))),
    Row("signed header absent", WebSocket, Presigned, Operator, |_, r| r.add("x-app", "1"), |r| r.headers.retain(|(name, _)| name != "x-app"), Err((MISMATCH, "SignedHeaders names x-app"))),
    Row("host not signed", WebSocket, Presigned, Operator, same, |r| replace(r, "SignedHeaders=host", "SignedHeaders=x"), Err(("Incomplete signature", "with host among them"))),
    Row("another algorithm", WebSocket, Presigned, Operator, same, |r| replace(r, "AWS4%2DHMAC%2DSHA256", "AWS4-ECDSA-P256-SHA256"), Err(("Incomplete signature", "unsupported X-Amz-Algorithm"))),
    Row("signature changed", WebSocket, Presigned, Operator, same, |r| r.target = break_signature(&r.target), Err((MISMATCH, "wrong signature"))),
    Row("signature in a header changed", Publish, Header, Temporary, same, |r| { let broken = break_signature(r.header("authorization")); r.set("authorization", &broken); }, Err((MISMATCH, "wrong signature"))),
    Row("signature in upper case", WebSocket, Header, Operator, same, |r| replace_in_header(r, "Signature=", "Signature=A"), Err(("Incomplete signature", "64 lower-case"))),
    Row("scope cut", WebSocket, Header, Operator, same, |r| replace_in_header(r, "/aws4_request", ""), Err(("Incomplete signature", "ACCESS_KEY/DATE/REGION/SERVICE"))),
    Row("date missing", Publish, Header, Operator, same, |r| r.headers.retain(|(name, _)| name != "x-amz-date"), Err(("Incomplete signature", "X-Amz-Date"))),
    Row("parameter changed", WebSocket, Presigned, Operator, |_, r| r.target += "?a=1", |r| replace(r, "a=1", "a=2"), Err((MISMATCH, "wrong signature"))),
];

/// A control plane with a clock that stands still.
fn cloud() -> Cloud {
    Cloud::open(CloudOptions {
        account: Account::new("us-east-1", "123456789012").unwrap(),
        folder: None,
        private: None,
        endpoint: "localhost".to_owned(),
        clock: || UNIX_EPOCH + Duration::from_secs(NOW),
    })
    .unwrap()
}

fn session() -> Session {
    Session {
        role_arn: "arn:aws:iam::123456789012:role/app".to_owned(),
        session_name: "CognitoIdentityCredentials".to_owned(),
        role: Arc::new(role()),
        identity: None,
    }
}

/// A role that no identity pool has, so that it allows nothing.
fn role() -> Role {
    let statements = |statement: Value| json!({ "Version": "2012-10-17", "Statement": [statement] });
    let trust = json!({ "Effect": "Allow", "Principal": {}, "Action": "sts:AssumeRoleWithWebIdentity" });
    let policy = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let document = json!({ "trust": statements(trust), "policy": statements(policy) });
    Role::parse("app", &document, &Account::new("us-east-1", "123456789012").unwrap()).unwrap()
}

impl Row {
    fn request(&self, port: u16, keys: &[TemporaryCredentials; 2]) -> HttpRequest {
        let Self(_, sent, way, key, before, after, _) = self;
        let host = format!("localhost:{port}");
        let (mut request, service) = match sent {
            WebSocket => (HttpRequest::new("GET", "/mqtt", &host), "iotdevicegateway"),
            Publish => (HttpRequest::new("POST", "/topics/signed?qos=1", &host), "iotdata"),
        };
        if *sent == Publish {
            request.body = "x".to_owned();
        }
        let location =
            if *way == Presigned { SignatureLocation::QueryParams } else { SignatureLocation::Headers };
        let signer = Signer::new(&operator(), service, location).at(NOW);
        let mut signer = match key {
            Operator => signer,
            Temporary => signer.temporary(&keys[0]),
            Expired => signer.temporary(&keys[1]),
        };
        before(&mut signer, &mut request);
        let mut signed = signer.sign(&request);
        after(&mut signed);
        if *sent == WebSocket {
            signed.add_handshake();
        }
        signed
    }
}

/// Returns what is wrong with a response to a request whose signature is denied with a message.
fn wrong(response: &str, expected: &str) -> Option<&'static str> {
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or_default();
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.to_lowercase().strip_prefix(name).map(str::to_owned));
        line.unwrap_or_default()
    };
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let is_id = |value: &Value| value.as_str().is_some_and(|id| id.len() == 36);
    [
        (head.starts_with("HTTP/1.1 403 "), "status"),
        (header("content-type: ") == "application/json", "content-type"),
        (header("x-amzn-errortype: ") == "forbiddenexception:", "x-amzn-ErrorType"),
        (header("x-amzn-requestid: ").len() == 36, "x-amzn-RequestId"),
        (!header("date: ").is_empty(), "date"),
        (body["message"].as_str().is_some_and(|message| message.contains(expected)), "message"),
        (is_id(&body["traceId"]) && body.as_object().is_some_and(|body| body.len() == 2), "body"),
    ]
    .into_iter()
    .find_map(|(is_right, name)| (!is_right).then_some(name))
}

#[tokio::test]
async fn each_way_of_signing_is_verified_on_both_ports() {
    let gateway = secure::open_changed(|options| options.cloud = cloud()).await;
    let running = &gateway.running;
    let credentials = running.cloud.credentials();
    let keys = [Duration::from_secs(3600), Duration::ZERO]
        .map(|lifetime| credentials.issue(session(), lifetime).unwrap());
    let secrets = [&keys[0].secret_access_key, &keys[0].session_token].map(Clone::clone);
    let secrets = [secrets.as_slice(), &[operator().secret_access_key]].concat();
    let (mut allowed, mut denied, mut failures) = (0, 0, Vec::new());
    for row in ROWS {
        for port in [running.port, gateway.tls_port] {
            let request = row.request(port, &keys);
            let mut event_log = running.event_log.subscribe();
            let response = if port == running.port {
                exchange(port, &request.bytes()).await
            } else {
                let config = gateway.config(&["http/1.1"], None);
                let mut stream = gateway.tls_stream("localhost", config).await.unwrap();
                send_request(&mut stream, &request.bytes()).await
            };
            match (row.6, row.1) {
                (Ok(()), sent) => {
                    let expected = if sent == WebSocket { "HTTP/1.1 101 " } else { "HTTP/1.1 200 " };
                    if !response.starts_with(expected) {
                        failures.push(format!("{}: {response}", row.0));
                    }
                    allowed += 1;
                }
                (Err((message, reason)), _) => {
                    if let Some(part) = wrong(&response, message) {
                        failures.push(format!("{}: {part}: {response}", row.0));
                    } else {
                        let found = find(&mut event_log, denial).await;
                        if !found.contains(reason) || secrets.iter().any(|secret| found.contains(secret)) {
                            failures.push(format!("{}: {found}", row.0));
                        }
                    }
                    denied += 1;
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    println!("{allowed} requests allowed, {denied} denied");
    assert!(denied > 2 * allowed, "{allowed} {denied}");
}

#[tokio::test]
async fn an_unsigned_request_to_a_signed_endpoint_gets_aws_s_message() {
    use iot_local_gateway::auth::endpoint::EndpointSettings;
    let settings = EndpointSettings::new("AWS_SIGV4".parse().unwrap(), "DEFAULT".parse().unwrap()).unwrap();
    let gateway = open_with(1, |options| options.endpoint = settings).await;
    let host = format!("localhost:{}", gateway.port);
    let mut handshake = HttpRequest::new("GET", "/mqtt", &host);
    handshake.add_handshake();
    for request in [handshake, HttpRequest::new("POST", "/topics/a", &host)] {
        let response = exchange(gateway.port, &request.bytes()).await;
        assert_eq!(wrong(&response, "Missing Authentication Token"), None, "{response}");
    }
}

/// The options of a client that connects with a presigned address.
fn presigned(port: u16, client_id: &str, signer: &Signer) -> MqttOptions {
    let host = format!("127.0.0.1:{port}");
    let signed = signer.sign(&HttpRequest::new("GET", "/mqtt", &host));
    let mut options = MqttOptions::new(client_id, format!("ws://{host}{}", signed.target), port);
    options.set_transport(Transport::Ws);
    options
}

#[tokio::test]
async fn a_signed_client_publishes_and_subscribes() {
    let gateway = open_with(1, |_| {}).await;
    let signer = Signer::new(&operator(), "iotdevicegateway", SignatureLocation::QueryParams);
    let options = presigned(gateway.port, "signed", &signer);
    // The same address connects again within five minutes.
    drop(connect_with(options.clone()).await.unwrap());
    let mut client = connect_with(options).await.unwrap();
    client.mqtt.subscribe("#", QoS::AtLeastOnce).await.unwrap();
    assert!(matches!(client.next().await, Ok(Packet::SubAck(_))));
    let host = format!("127.0.0.1:{}", gateway.port);
    for (target, topic) in [
        ("/topics/acme%2Fana%20x%2F%C3%A9~%281%29?qos=1", "acme/ana x/é~(1)"),
        ("/topics/acme/ana?qos=1", "acme/ana"),
        ("/topics/acme%2F%2Fana?qos=1", "acme//ana"),
    ] {
        let mut publish = HttpRequest::new("POST", target, &host);
        publish.body = "x".to_owned();
        let signed = Signer::new(&operator(), "iotdata", SignatureLocation::Headers).sign(&publish);
        let response = exchange(gateway.port, &signed.bytes()).await;
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
        let Ok(Packet::Publish(received)) = client.next().await else { panic!("no message") };
        assert_eq!(received.topic, topic);
    }
}

#[tokio::test]
async fn a_signed_connection_lasts_a_day_and_outlives_its_credentials() {
    let gateway = open_with(1, |options| options.time_scale = 24 * 3600).await;
    let mut event_log = gateway.event_log.subscribe();
    let signer = Signer::new(&operator(), "iotdevicegateway", SignatureLocation::QueryParams);
    let mut client = connect_with(presigned(gateway.port, "a-day", &signer)).await.unwrap();
    let closed = tokio::time::timeout(TIMEOUT, client.next()).await.unwrap();
    assert!(closed.is_err(), "{closed:?}");
    let reason = find(&mut event_log, |kind| match kind {
        EntryKind::Closed { reason } => Some(*reason),
        _ => None,
    });
    assert_eq!(reason.await, DisconnectReason::SignatureLimit);
}

/// What a role allows is decided at the CONNECT, after the WebSocket is open. There is no CONNACK.
#[tokio::test]
async fn a_denied_session_gets_no_connack() {
    let gateway = open_with(1, |_| {}).await;
    let issued = gateway.cloud.credentials().issue(session(), Duration::from_secs(3600)).unwrap();
    let signer = Signer::new(&operator(), "iotdevicegateway", SignatureLocation::QueryParams);
    let signer = signer.temporary(&issued);
    let mut event_log = gateway.event_log.subscribe();
    let outcome = connect_with(presigned(gateway.port, "denied", &signer)).await;
    assert!(outcome.is_err_and(|error| !error.to_string().contains("refused")));
    let reason = find(&mut event_log, denial).await;
    assert!(reason.contains("role/app"), "{reason}");
}
