//! Requests to a provider with two issuers, and the content of its responses.

use std::time::{Duration, UNIX_EPOCH};

use hyper::header::LOCATION;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Map;

use super::super::*;
use crate::issuer::IssuerSettings;

pub(super) const ADDRESS: &str = "http://127.0.0.1:8080";
pub(super) const PAGE_URI: &str = "http://127.0.0.1:8080/";
pub(super) const APP_URI: &str = "http://localhost:3000/callback?x=1";
/// RFC 7636, appendix B.
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(super) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(super) const SECRET: &str = "s3cret";

pub(super) type Change<'a> = (&'a str, Option<&'a str>);

pub(super) fn realm(id: &str, issuer: &str) -> Realm {
    let settings = IssuerSettings {
        id: id.to_owned(),
        issuer: issuer.to_owned(),
        audience: vec!["iot.example.com".to_owned()],
        audience_claim: "aud".to_owned(),
        algorithms: vec![Algorithm::ES256],
        typ: "at+jwt".to_owned(),
        max_lifetime: Some(Duration::from_secs(900)),
    };
    let claims = Map::from_iter([("tenant".to_owned(), json!("acme"))]);
    let user = |sub: &str| ExampleUser {
        name: sub.to_owned(),
        sub: sub.to_owned(),
        description: "\"<b>\"".to_owned(),
        claims: claims.clone(),
        ..ExampleUser::default()
    };
    Realm {
        issuer: DevelopmentIssuer::ephemeral(settings).unwrap(),
        users: vec![user("ana"), user("<ben>")],
        machine: user("machine-1"),
    }
}

pub(super) fn provider() -> Provider {
    let options = ProviderOptions {
        realms: vec![
            realm("users", "https://login.example.com/"),
            realm("other", "https://other.example.com/"),
        ],
        machine_secret: Some(SECRET.to_owned()),
        redirect_uris: vec![APP_URI.parse().unwrap()],
    };
    Provider::new(options, &[ADDRESS.to_owned(), "http://localhost:8080".to_owned()])
}

pub(super) fn now() -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_secs(1_700_000_000)).unwrap()
}

/// Encodes fields as a form. A change sets the value of a field or removes it.
pub(super) fn form(fields: &[(&str, &str)], changes: &[Change<'_>]) -> String {
    let mut fields: Vec<_> = fields.to_vec();
    for (name, value) in changes {
        fields.retain(|(known, _)| known != name);
        fields.extend(value.map(|value| (*name, value)));
    }
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

pub(super) fn request(changes: &[Change<'_>]) -> String {
    let fields = [
        ("response_type", "code"),
        ("client_id", PAGE),
        ("redirect_uri", PAGE_URI),
        ("scope", "openid"),
        ("state", "a&b=c"),
        ("nonce", "n-0"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    form(&fields, changes)
}

pub(super) struct Post<'a> {
    pub(super) body: &'a str,
    pub(super) content_type: Option<&'a str>,
    pub(super) authorization: Option<&'a str>,
    pub(super) delay_seconds: u64,
}

pub(super) fn post(body: &str) -> Post<'_> {
    Post {
        body,
        content_type: Some("application/x-www-form-urlencoded; charset=UTF-8"),
        authorization: None,
        delay_seconds: 0,
    }
}

pub(super) fn send(provider: &Provider, path: &str, post: &Post<'_>) -> Reply {
    let request = ProviderRequest {
        method: &Method::POST,
        address: ADDRESS,
        query: "",
        content_type: post.content_type,
        authorization: post.authorization,
        body: post.body.as_bytes(),
        now: now().checked_add(Duration::from_secs(post.delay_seconds)).unwrap(),
    };
    provider.respond(provider.endpoint(path).unwrap(), &request)
}

pub(super) fn get(provider: &Provider, path: &str, query: &str) -> Reply {
    let request = ProviderRequest {
        method: &Method::GET,
        address: ADDRESS,
        query,
        content_type: None,
        authorization: None,
        body: b"",
        now: now(),
    };
    provider.respond(provider.endpoint(path).unwrap(), &request)
}

pub(super) fn body_text(reply: &Reply) -> String {
    String::from_utf8_lossy(reply.body()).into_owned()
}

pub(super) fn json(reply: &Reply) -> Value {
    serde_json::from_slice(reply.body()).unwrap_or_default()
}

/// The parameters of a redirect to `uri`.
pub(super) fn redirected(reply: &Reply, uri: &str) -> Map<String, Value> {
    assert_eq!(reply.status(), StatusCode::SEE_OTHER, "{}", body_text(reply));
    let location = reply.headers()[LOCATION].to_str().unwrap();
    let query = location.strip_prefix(uri).unwrap_or_else(|| panic!("{location}"));
    let pairs = form_urlencoded::parse(&query.as_bytes()[1..]);
    pairs.map(|(name, value)| (name.into_owned(), json!(value))).collect()
}

pub(super) fn log_in(provider: &Provider, request: &str) -> String {
    let body = form(&[("request", request), ("user", "ana")], &[]);
    let reply = send(provider, "/oidc/users/login", &post(&body));
    redirected(&reply, PAGE_URI)["code"].as_str().unwrap().to_owned()
}

pub(super) fn redemption(code: &str, changes: &[Change<'_>]) -> String {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", PAGE_URI),
        ("client_id", PAGE),
        ("code_verifier", VERIFIER),
    ];
    form(&fields, changes)
}

pub(super) fn claims(provider: &Provider, token: &Value) -> Value {
    let token = token.as_str().unwrap();
    let set: JwkSet = serde_json::from_value(json(&get(provider, "/oidc/users/keys", ""))).unwrap();
    let key = set.find(&decode_header(token).unwrap().kid.unwrap()).unwrap();
    let mut rules = Validation::new(Algorithm::ES256);
    rules.validate_exp = false;
    rules.validate_aud = false;
    decode(token, &DecodingKey::from_jwk(key).unwrap(), &rules).unwrap().claims
}
