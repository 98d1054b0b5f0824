//! Logins, tokens, and what codes and secrets are good for.

use std::time::{Duration, UNIX_EPOCH};

use base64::engine::general_purpose::STANDARD;
use hyper::header::LOCATION;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Map;

use super::*;
use crate::issuer::Settings;

mod refusals;

const ADDRESS: &str = "http://127.0.0.1:8080";
const BACK: &str = "http://127.0.0.1:8080/";
const APP: &str = "http://localhost:3000/callback?x=1";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const SECRET: &str = "s3cret";

type Change<'a> = (&'a str, Option<&'a str>);

fn realm(id: &str, issuer: &str) -> Realm {
    let settings = Settings {
        id: id.to_owned(),
        issuer: issuer.to_owned(),
        audience: vec!["iot.example.com".to_owned()],
        audience_claim: "aud".to_owned(),
        algorithms: vec![Algorithm::ES256],
        typ: "at+jwt".to_owned(),
        max_lifetime: Some(Duration::from_secs(900)),
    };
    let claims = Map::from_iter([("tenant".to_owned(), json!("acme"))]);
    let person =
        |sub: &str| Person { sub: sub.to_owned(), about: "\"<b>\"".to_owned(), claims: claims.clone() };
    Realm {
        issuer: Issuer::ephemeral(settings).unwrap(),
        people: vec![person("ana"), person("<ben>")],
        machine: person("machine-1"),
    }
}

fn provider() -> Provider {
    let options = ProviderOptions {
        realms: vec![
            realm("users", "https://login.example.com/"),
            realm("other", "https://other.example.com/"),
        ],
        machine_secret: Some(SECRET.to_owned()),
        redirect_uris: vec![APP.parse().unwrap()],
    };
    Provider::new(options, &[ADDRESS.to_owned(), "http://localhost:8080".to_owned()])
}

fn now() -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_secs(1_700_000_000)).unwrap()
}

/// A form of these fields, changed: a new value, another field, or none of that name.
fn form(fields: &[(&str, &str)], changes: &[Change<'_>]) -> String {
    let mut fields: Vec<_> = fields.to_vec();
    for (name, value) in changes {
        fields.retain(|(known, _)| known != name);
        fields.extend(value.map(|value| (*name, value)));
    }
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn request(changes: &[Change<'_>]) -> String {
    let fields = [
        ("response_type", "code"),
        ("client_id", PAGE),
        ("redirect_uri", BACK),
        ("scope", "openid"),
        ("state", "a&b=c"),
        ("nonce", "n-0"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    form(&fields, changes)
}

struct Post<'a> {
    body: &'a str,
    content_type: Option<&'a str>,
    authorization: Option<&'a str>,
    after: u64,
}

fn post(body: &str) -> Post<'_> {
    Post {
        body,
        content_type: Some("application/x-www-form-urlencoded; charset=UTF-8"),
        authorization: None,
        after: 0,
    }
}

fn send(provider: &Provider, path: &str, post: &Post<'_>) -> Reply {
    let asked = Asked {
        method: &Method::POST,
        address: ADDRESS,
        query: "",
        content_type: post.content_type,
        authorization: post.authorization,
        body: post.body.as_bytes(),
        now: now().checked_add(Duration::from_secs(post.after)).unwrap(),
    };
    provider.answer(provider.endpoint(path).unwrap(), &asked)
}

fn get(provider: &Provider, path: &str, query: &str) -> Reply {
    let asked = Asked {
        method: &Method::GET,
        address: ADDRESS,
        query,
        content_type: None,
        authorization: None,
        body: b"",
        now: now(),
    };
    provider.answer(provider.endpoint(path).unwrap(), &asked)
}

fn said(reply: &Reply) -> String {
    String::from_utf8_lossy(reply.body()).into_owned()
}

fn value(reply: &Reply) -> Value {
    serde_json::from_slice(reply.body()).unwrap_or_default()
}

/// Parameters that the browser is sent back with.
fn sent_back(reply: &Reply, to: &str) -> Map<String, Value> {
    assert_eq!(reply.status(), StatusCode::SEE_OTHER, "{}", said(reply));
    let location = reply.headers()[LOCATION].to_str().unwrap();
    let query = location.strip_prefix(to).unwrap_or_else(|| panic!("{location}"));
    let pairs = form_urlencoded::parse(&query.as_bytes()[1..]);
    pairs.map(|(name, value)| (name.into_owned(), json!(value))).collect()
}

fn log_in(provider: &Provider, request: &str) -> String {
    let body = form(&[("request", request), ("person", "ana")], &[]);
    let reply = send(provider, "/oidc/users/login", &post(&body));
    sent_back(&reply, BACK)["code"].as_str().unwrap().to_owned()
}

fn redemption(code: &str, changes: &[Change<'_>]) -> String {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", BACK),
        ("client_id", PAGE),
        ("code_verifier", VERIFIER),
    ];
    form(&fields, changes)
}

fn claims(provider: &Provider, token: &Value) -> Value {
    let token = token.as_str().unwrap();
    let set: JwkSet = serde_json::from_value(value(&get(provider, "/oidc/users/keys", ""))).unwrap();
    let key = set.find(&decode_header(token).unwrap().kid.unwrap()).unwrap();
    let mut rules = Validation::new(Algorithm::ES256);
    rules.validate_exp = false;
    rules.validate_aud = false;
    decode(token, &DecodingKey::from_jwk(key).unwrap(), &rules).unwrap().claims
}

#[test]
fn a_person_logs_in_with_pkce_and_gets_both_tokens() {
    let provider = provider();
    let page = get(&provider, "/oidc/users/authorize", &request(&[]));
    assert_eq!(page.status(), StatusCode::OK);
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self' http://127.0.0.1:8080;"), "{policy}");
    let body = form(&[("request", &request(&[])), ("person", "ana")], &[]);
    let back = sent_back(&send(&provider, "/oidc/users/login", &post(&body)), BACK);
    assert_eq!((&back["state"], &back["iss"]), (&json!("a&b=c"), &json!("https://login.example.com/")));
    let code = back["code"].as_str().unwrap();
    let redeem = redemption(code, &[]);
    let reply = send(&provider, "/oidc/users/token", &Post { after: 60, ..post(&redeem) });
    assert_eq!(
        (reply.status(), &reply.headers()[CACHE_CONTROL]),
        (StatusCode::OK, &"no-store".parse().unwrap())
    );
    let answer = value(&reply);
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(900)));
    let access = claims(&provider, &answer["access_token"]);
    assert_eq!(
        (&access["sub"], &access["aud"], &access["tenant"]),
        (&json!("ana"), &json!("iot.example.com"), &json!("acme"))
    );
    assert_eq!(decode_header(answer["access_token"].as_str().unwrap()).unwrap().typ.unwrap(), "at+jwt");
    let identity = claims(&provider, &answer["id_token"]);
    assert_eq!(
        (&identity["aud"], &identity["nonce"], &identity["sub"]),
        (&json!(PAGE), &json!("n-0"), &json!("ana"))
    );
    assert_eq!((&identity["auth_time"], &identity["iat"]), (&json!(1_700_000_000), &json!(1_700_000_060)));
    assert_eq!(identity["iss"], "https://login.example.com/");
}

#[test]
fn without_openid_there_is_no_id_token_and_an_app_comes_back_to_its_own_address() {
    let provider = provider();
    let request =
        request(&[("scope", None), ("client_id", Some("app")), ("redirect_uri", Some(APP)), ("nonce", None)]);
    let typed = [("request", request.as_str()), ("sub", "zoe"), ("claims", "{\"tenant\":\"t\",\"iat\":1}")];
    let back = sent_back(&send(&provider, "/oidc/users/login", &post(&form(&typed, &[]))), APP);
    let code = back["code"].as_str().unwrap();
    let body = redemption(code, &[("client_id", Some("app")), ("redirect_uri", Some(APP))]);
    let answer = value(&send(&provider, "/oidc/users/token", &post(&body)));
    assert_eq!((answer.get("id_token"), answer.get("scope")), (None, None));
    let access = claims(&provider, &answer["access_token"]);
    assert_eq!((&access["sub"], &access["tenant"], &access["iat"]), (&json!("zoe"), &json!("t"), &json!(1)));
    assert!(provider.trusts_origin("http://localhost:3000"));
    for foreign in ["http://localhost:3001", "https://localhost:3000", "http://localhost", "null", ADDRESS] {
        assert!(!provider.trusts_origin(foreign), "{foreign}");
    }
}

#[test]
fn a_code_is_good_once_for_a_minute_and_for_who_asked() {
    let provider = provider();
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl";
    let long = "a".repeat(129);
    let good: &[Change<'_>] = &[];
    for (title, path, changes, after, error) in [
        ("good", "users", good, 60, None),
        ("expired", "users", good, 61, Some("invalid_grant")),
        ("another issuer's", "other", good, 0, Some("invalid_grant")),
        ("wrong code", "users", &[("code", Some("x"))], 0, Some("invalid_grant")),
        ("wrong verifier", "users", &[("code_verifier", Some(verifier))], 0, Some("invalid_grant")),
        ("the challenge", "users", &[("code_verifier", Some(CHALLENGE))], 0, Some("invalid_grant")),
        ("short verifier", "users", &[("code_verifier", Some("a"))], 0, Some("invalid_grant")),
        ("long verifier", "users", &[("code_verifier", Some(&long))], 0, Some("invalid_grant")),
        (
            "another address",
            "users",
            &[("redirect_uri", Some("http://localhost:8080/"))],
            0,
            Some("invalid_grant"),
        ),
        ("another client", "users", &[("client_id", Some("app"))], 0, Some("invalid_grant")),
        ("unknown client", "users", &[("client_id", Some("nobody"))], 0, Some("invalid_client")),
        ("a secret", "users", &[("client_secret", Some(SECRET))], 0, Some("invalid_client")),
        ("no code", "users", &[("code", None)], 0, Some("invalid_request")),
        ("no verifier", "users", &[("code_verifier", None)], 0, Some("invalid_request")),
        ("no client", "users", &[("client_id", None)], 0, Some("invalid_request")),
        ("no address", "users", &[("redirect_uri", None)], 0, Some("invalid_request")),
        ("no grant type", "users", &[("grant_type", None)], 0, Some("invalid_request")),
        ("a password", "users", &[("grant_type", Some("password"))], 0, Some("unsupported_grant_type")),
        ("a refresh", "users", &[("grant_type", Some("refresh_token"))], 0, Some("unsupported_grant_type")),
    ] {
        let code = log_in(&provider, &request(&[]));
        let body = redemption(&code, changes);
        let reply = send(&provider, &format!("/oidc/{path}/token"), &Post { after, ..post(&body) });
        assert_eq!(value(&reply)["error"].as_str(), error, "{title}: {}", said(&reply));
        let status = match error {
            None => StatusCode::OK,
            Some("invalid_client") => StatusCode::UNAUTHORIZED,
            Some(_) => StatusCode::BAD_REQUEST,
        };
        assert_eq!(reply.status(), status, "{title}");
        // Whoever has presented the code, it is used up.
        let presented = body.contains(&code)
            && !["invalid_request", "unsupported_grant_type"].contains(&error.unwrap_or_default());
        let again = value(&send(&provider, "/oidc/users/token", &post(&redemption(&code, &[]))));
        assert_eq!(again.get("access_token").is_none(), presented, "{title}, again");
    }
}

#[test]
fn no_more_codes_are_kept_than_can_wait() {
    let provider = provider();
    let first = log_in(&provider, &request(&[]));
    let others: Vec<_> = (0..64).map(|_| log_in(&provider, &request(&[]))).collect();
    for (code, good) in [(&first, false), (&others[0], true), (&others[63], true)] {
        let answer = value(&send(&provider, "/oidc/users/token", &post(&redemption(code, &[]))));
        assert_eq!(answer.get("access_token").is_some(), good);
    }
}

#[test]
fn a_machine_gets_a_token_for_its_secret_alone() {
    let provider = provider();
    let basic = |credentials: &str| Some(format!("Basic {}", STANDARD.encode(credentials)));
    let in_form = [("client_id", Some("machine-1")), ("client_secret", Some(SECRET))];
    let twice = [("client_secret", Some(SECRET))];
    for (title, authorization, fields, error) in [
        ("basic", basic("machine-1:s3cret"), &[][..], None),
        ("basic, encoded", basic("machine%2D1:s3%63ret"), &[], None),
        ("form", None, &in_form, None),
        ("wrong secret", basic("machine-1:s3cres"), &[], Some("invalid_client")),
        ("no secret", basic("machine-1:"), &[], Some("invalid_client")),
        ("no colon", basic("machine-1"), &[], Some("invalid_client")),
        ("no base64", Some("Basic ???".to_owned()), &[], Some("invalid_client")),
        ("bearer", Some(format!("Bearer {SECRET}")), &[], Some("invalid_client")),
        ("another machine", basic("machine-2:s3cret"), &[], Some("invalid_client")),
        ("the page", basic(&format!("{PAGE}:s3cret")), &[], Some("invalid_client")),
        ("nothing", None, &[], Some("invalid_client")),
        ("name alone", None, &in_form[..1], Some("invalid_client")),
        ("both", basic("machine-1:s3cret"), &twice, Some("invalid_request")),
    ] {
        let body = form(&[("grant_type", "client_credentials")], fields);
        let reply = send(
            &provider,
            "/oidc/users/token",
            &Post { authorization: authorization.as_deref(), ..post(&body) },
        );
        let answer = value(&reply);
        assert_eq!(answer["error"].as_str(), error, "{title}: {answer}");
        assert_eq!(
            reply.headers().contains_key("www-authenticate"),
            error == Some("invalid_client"),
            "{title}"
        );
        assert!(!said(&reply).contains(SECRET), "{title}");
        if error.is_none() {
            let access = claims(&provider, &answer["access_token"]);
            assert_eq!((&access["sub"], &access["tenant"]), (&json!("machine-1"), &json!("acme")), "{title}");
        }
    }
    let secretless = Provider::new(
        ProviderOptions { realms: vec![realm("users", "https://x/")], ..ProviderOptions::default() },
        &[],
    );
    let body = form(
        &[("grant_type", "client_credentials"), ("client_id", "machine-1")],
        &[("client_secret", Some(""))],
    );
    assert_eq!(value(&send(&secretless, "/oidc/users/token", &post(&body)))["error"], "invalid_client");
}

#[test]
fn discovery_names_the_configured_issuer_and_endpoints_that_are_there() {
    let provider = provider();
    for (path, id, issuer) in [
        ("/.well-known/openid-configuration", "users", "https://login.example.com/"),
        ("/oidc/users/.well-known/openid-configuration", "users", "https://login.example.com/"),
        ("/oidc/other/.well-known/openid-configuration", "other", "https://other.example.com/"),
    ] {
        let document = value(&get(&provider, path, ""));
        assert_eq!(document["issuer"], issuer);
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
            let path = document[name].as_str().unwrap().strip_prefix(ADDRESS).unwrap();
            assert!(path.starts_with(&format!("/oidc/{id}/")) && provider.endpoint(path).is_some(), "{path}");
        }
    }
    assert_eq!(
        Provider::new(ProviderOptions::default(), &[]).endpoint("/.well-known/openid-configuration"),
        None
    );
}
