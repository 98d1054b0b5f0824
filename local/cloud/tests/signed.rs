//! Requests of the APIs with keys that the gateway knows: they are verified, and held to a role. Other keys are not.

#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

mod support;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use iot_local_cloud::api::{Request, Response};
use iot_local_cloud::credentials::{KeyPair, Session};
use iot_local_cloud::{Account, Cloud, Role};
use serde_json::{Value, json};
use support::table::body;
use support::{NOW, cloud, request};

/// A role that no identity pool has, so that it allows nothing.
fn role(account: &Account) -> Role {
    let statements = |statement: Value| json!({ "Version": "2012-10-17", "Statement": [statement] });
    let trust = json!({ "Effect": "Allow", "Principal": {}, "Action": "sts:AssumeRoleWithWebIdentity" });
    let policy = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    Role::parse("app", &json!({ "trust": statements(trust), "policy": statements(policy) }), account).unwrap()
}

/// An access key id, a secret, and the session token of temporary credentials.
#[derive(Clone)]
struct Key(String, String, Option<String>);

struct Signed {
    cloud: Cloud,
    operator: Key,
    temporary: Key,
    expired: Key,
}

impl Signed {
    fn new() -> Self {
        let cloud = cloud();
        let pair = KeyPair::random("AKIA").unwrap();
        cloud.credentials().set_operator(pair.clone());
        let issue = |lifetime| {
            let session = Session {
                role_arn: "arn:aws:iam::123456789012:role/app".to_owned(),
                session_name: "CognitoIdentityCredentials".to_owned(),
                role: Arc::new(role(cloud.account())),
                identity: None,
            };
            let issued = cloud.credentials().issue(session, Duration::from_secs(lifetime)).unwrap();
            Key(issued.access_key_id, issued.secret_access_key, Some(issued.session_token))
        };
        let (temporary, expired) = (issue(3600), issue(0));
        let operator = Key(pair.access_key_id, pair.secret_access_key, None);
        Self { cloud, operator, temporary, expired }
    }

    /// Sends a request that is signed with a key for a service.
    fn send(&self, key: &Key, service: &str, sent: &Sent, change: Change) -> Response {
        let mut request = signed(key, service, sent);
        change(&mut request);
        self.cloud.respond(&request)
    }
}

/// What happens to a signed request on its way.
type Change = fn(&mut Request);

/// Method and target, and the form of a query request.
struct Sent(&'static str, &'static str, &'static str);

const LIST: Sent = Sent("GET", "/things?maxResults=1", "");
const CALLER: Sent = Sent("POST", "/", "Action=GetCallerIdentity&Version=2011-06-15");

fn signed(Key(id, secret, token): &Key, service: &str, Sent(method, target, form): &Sent) -> Request {
    let mut request = request(method, target, form.as_bytes().to_vec());
    request.headers.retain(|(name, _)| name == "host");
    if !form.is_empty() {
        let form_type = "application/x-www-form-urlencoded; charset=utf-8";
        request.headers.push(("content-type".to_owned(), form_type.to_owned()));
    }
    let identity = Credentials::new(id.clone(), secret.clone(), token.clone(), None, "test").into();
    let parameters = SigningParams::builder().identity(&identity).region("us-east-1").name(service);
    let parameters = parameters.time(UNIX_EPOCH + Duration::from_secs(NOW));
    let parameters = parameters.settings(SigningSettings::default()).build().unwrap().into();
    let headers: Vec<_> = request.headers.clone();
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let address = format!("http://localhost:8080{target}");
    let signable = SignableRequest::new(method, address, headers, SignableBody::Bytes(&request.body));
    let (headers, _) = sign(signable.unwrap(), &parameters).unwrap().into_parts().0.into_parts();
    for header in headers {
        request.headers.push((header.name().to_owned(), header.value().to_owned()));
    }
    request
}

fn kept(_: &mut Request) {}

fn set(request: &mut Request, name: &str, change: impl FnOnce(&str) -> String) {
    let header = request.headers.iter_mut().find(|(known, _)| known == name).unwrap();
    header.1 = change(&header.1);
}

/// Breaks the signature.
fn broken(request: &mut Request) {
    set(request, "authorization", |value| {
        let (start, last) = value.split_at(value.len() - 1);
        format!("{start}{}", if last == "0" { '1' } else { '0' })
    });
}

fn without_token(request: &mut Request) {
    request.headers.retain(|(name, _)| name != "x-amz-security-token");
    set(request, "authorization", |value| value.replace(";x-amz-security-token", ""));
}

fn error_type(response: &Response) -> String {
    let found = response.headers.iter().find(|(name, _)| *name == "x-amzn-ErrorType");
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

#[test]
fn a_known_key_is_verified_and_another_is_not() {
    let signed = Signed::new();
    let unknown = Key("AKIDEXAMPLE".to_owned(), "any".to_owned(), None);
    let earlier = Key("ASIALOCALABCDEFGHIJK".to_owned(), "any".to_owned(), Some("any".to_owned()));
    let (operator, temporary, expired) = (&signed.operator, &signed.temporary, &signed.expired);
    let other_secret = Key(operator.0.clone(), "other".to_owned(), None);
    let rows: &[(&str, &Key, &str, &Sent, Change, u16, &str)] = &[
        ("operator", operator, "iot", &LIST, kept, 200, ""),
        ("unknown key", &unknown, "iot", &LIST, kept, 200, ""),
        ("unknown key, broken", &unknown, "iot", &LIST, broken, 200, ""),
        ("broken", operator, "iot", &LIST, broken, 403, "InvalidSignatureException"),
        ("other secret", &other_secret, "iot", &LIST, kept, 403, "InvalidSignatureException"),
        ("other service", operator, "sts", &LIST, kept, 403, "InvalidSignatureException"),
        ("query", operator, "iot", &LIST, |r| r.query += "0", 403, "InvalidSignatureException"),
        ("method", operator, "iot", &LIST, |r| r.method = "POST".to_owned(), 403, "InvalidSignature"),
        ("path", operator, "iot", &LIST, |r| r.path = "/policies".to_owned(), 403, "InvalidSignature"),
        ("body", operator, "iot", &LIST, |r| r.body = b"{}".to_vec(), 403, "InvalidSignatureException"),
        ("host", operator, "iot", &LIST, |r| set(r, "host", |_| "localhost".to_owned()), 403, "InvalidSig"),
        (
            "time",
            operator,
            "iot",
            &LIST,
            |r| set(r, "x-amz-date", |date| date.replace("T0000", "T0006")),
            403,
            "InvalidSignatureException",
        ),
        (
            "no date",
            operator,
            "iot",
            &LIST,
            |r| r.headers.retain(|(name, _)| name != "x-amz-date"),
            400,
            "IncompleteSignatureException",
        ),
        ("temporary, no token", temporary, "iot", &LIST, without_token, 403, "UnrecognizedClientException"),
        ("expired", expired, "iot", &LIST, kept, 403, "ExpiredTokenException"),
        ("of an earlier run", &earlier, "iot", &LIST, kept, 403, "UnrecognizedClientException"),
        ("role", temporary, "iot", &LIST, kept, 403, "AccessDeniedException"),
        // The data plane accepts no other keys.
        ("data, operator", operator, "iotdata", &Sent("GET", "/nothing", ""), kept, 501, "NotImplemented"),
        (
            "data, unknown",
            &unknown,
            "iotdata",
            &Sent("GET", "/nothing", ""),
            kept,
            403,
            "ForbiddenException:",
        ),
        (
            "data, broken",
            operator,
            "iotdata",
            &Sent("GET", "/nothing", ""),
            broken,
            403,
            "ForbiddenException:",
        ),
        ("data, expired", expired, "iotdata", &Sent("GET", "/nothing", ""), kept, 403, "ForbiddenException:"),
    ];
    let mut denied = 0;
    for (title, key, service, sent, change, status, kind) in rows {
        let response = signed.send(key, service, sent, *change);
        let text = body(&response);
        assert_eq!(response.status, *status, "{title}: {text}");
        assert!(error_type(&response).starts_with(kind), "{title}: {}", error_type(&response));
        if *status != 200 {
            denied += 1;
        }
        if kind.starts_with("Forbidden") {
            let json: Value = serde_json::from_str(&text).unwrap();
            assert!(json["message"].is_string() && json["traceId"].is_string(), "{title}: {text}");
        }
        for Key(_, secret, token) in [operator, temporary] {
            let note = response.note.clone().unwrap_or_default();
            let mut secrets = std::iter::once(secret).chain(token);
            assert!(secrets.all(|secret| !note.contains(secret.as_str())), "{title}: {note}");
        }
    }
    println!("{} requests, {denied} of them denied", rows.len());
}

#[test]
fn the_caller_s_identity_is_that_of_the_key() {
    let signed = Signed::new();
    let unknown = Key("AKIDEXAMPLE".to_owned(), "any".to_owned(), None);
    let session = "<Arn>arn:aws:sts::123456789012:assumed-role/app/CognitoIdentityCredentials</Arn>";
    let rows: &[(&Key, Change, u16, &str)] = &[
        (&signed.operator, kept, 200, "<Arn>arn:aws:iam::123456789012:root</Arn>"),
        (&unknown, kept, 200, "<Arn>arn:aws:iam::123456789012:root</Arn>"),
        (&signed.temporary, kept, 200, session),
        (&signed.temporary, kept, 200, ":CognitoIdentityCredentials</UserId>"),
        (&signed.operator, broken, 403, "<Code>SignatureDoesNotMatch</Code>"),
        (&signed.temporary, broken, 403, "<Code>SignatureDoesNotMatch</Code>"),
        (&signed.temporary, without_token, 403, "<Code>InvalidClientTokenId</Code>"),
        (&signed.expired, kept, 403, "<Code>ExpiredToken</Code>"),
    ];
    for (key, change, status, part) in rows {
        let response = signed.send(key, "sts", &CALLER, *change);
        let text = body(&response);
        assert!(response.status == *status && text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_event_log_gets_the_reason_of_a_denied_signature() {
    let signed = Signed::new();
    let rows: &[(&Key, Change, &str)] = &[
        (&signed.operator, broken, "wrong signature; the canonical request"),
        (&signed.temporary, without_token, "X-Amz-Security-Token is missing"),
        (&signed.expired, kept, "help: get new credentials"),
    ];
    for (key, change, part) in rows {
        let note = signed.send(key, "iot", &LIST, *change).note.unwrap_or_default();
        assert!(note.starts_with("a request to iot was denied: ") && note.contains(part), "{note}");
    }
}
