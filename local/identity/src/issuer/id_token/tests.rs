//! Which tokens are ID tokens of the provider: one is, and each change makes it another.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Header;
use serde_json::json;

use super::*;
use crate::issuer::{IdToken, IssuerSettings, TokenRequest, algorithm};

const NOW: u64 = 1_700_000_000;

fn issuer(name: &str, algorithms: &[&str]) -> DevelopmentIssuer {
    DevelopmentIssuer::ephemeral(IssuerSettings {
        id: name.to_owned(),
        issuer: format!("https://{name}.example.com/"),
        audience: vec!["iot.example.com".to_owned()],
        audience_claim: "aud".to_owned(),
        algorithms: algorithms.iter().map(|name| algorithm(name).unwrap()).collect(),
        typ: "at+jwt".to_owned(),
        max_lifetime: None,
    })
    .unwrap()
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap()
}

fn verify(issuer: &DevelopmentIssuer, token: &str) -> Result<String, InvalidIdToken> {
    let verified = issuer.verify_id_token(token, &["app".to_owned(), "page".to_owned()], at(NOW));
    verified.map(|verified| verified.sub)
}

/// The claims of a good token, with changes. `null` removes a claim.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": "https://users.example.com/", "sub": "ana", "aud": "app", "iat": NOW - 60, "exp": NOW + 600,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

#[test]
fn the_claims_must_be_of_an_id_token_for_a_client_of_the_provider() {
    let issuer = issuer("users", &["RS256"]);
    let expired = |expires| Err(InvalidIdToken::Expired { expires, now: NOW });
    let rows: Vec<(Value, Result<&str, InvalidIdToken>)> = vec![
        (json!({}), Ok("ana")),
        (json!({ "aud": "page" }), Ok("ana")),
        (json!({ "aud": ["app"] }), Ok("ana")),
        (json!({ "aud": "other", "azp": "app" }), Ok("ana")),
        (json!({ "aud": ["other", "more"], "azp": "app" }), Ok("ana")),
        (json!({ "token_use": "id" }), Ok("ana")),
        (json!({ "nbf": NOW }), Ok("ana")),
        (json!({ "exp": NOW + 1 }), Ok("ana")),
        (json!({ "aud": "other" }), Err(InvalidIdToken::Audience)),
        (json!({ "aud": "APP" }), Err(InvalidIdToken::Audience)),
        (json!({ "aud": "" }), Err(InvalidIdToken::Audience)),
        (json!({ "aud": null }), Err(InvalidIdToken::Audience)),
        (json!({ "aud": [] }), Err(InvalidIdToken::Audience)),
        (json!({ "aud": ["app", "other"] }), Err(InvalidIdToken::Audience)),
        (json!({ "aud": { "app": 1 } }), Err(InvalidIdToken::Audience)),
        (json!({ "azp": "other" }), Err(InvalidIdToken::Audience)),
        (json!({ "azp": ["app"] }), Err(InvalidIdToken::Audience)),
        (json!({ "aud": "iot.example.com" }), Err(InvalidIdToken::Audience)),
        (json!({ "token_use": "access" }), Err(InvalidIdToken::NotAnIdToken)),
        (json!({ "token_use": 1 }), Err(InvalidIdToken::NotAnIdToken)),
        (json!({ "exp": NOW }), expired(NOW)),
        (json!({ "exp": NOW - 3600 }), expired(NOW - 3600)),
        (json!({ "exp": null }), expired(0)),
        (json!({ "exp": "never" }), expired(0)),
        (json!({ "exp": -1 }), expired(0)),
        (json!({ "nbf": NOW + 1 }), Err(InvalidIdToken::NotYetValid)),
        (json!({ "nbf": "soon" }), Err(InvalidIdToken::NotYetValid)),
        (json!({ "sub": null }), Err(InvalidIdToken::Subject)),
        (json!({ "sub": "" }), Err(InvalidIdToken::Subject)),
        (json!({ "sub": 7 }), Err(InvalidIdToken::Subject)),
        (json!({ "iss": "https://other.example.com/" }), Err(InvalidIdToken::Issuer)),
        (json!({ "iss": "https://users.example.com" }), Err(InvalidIdToken::Issuer)),
        (json!({ "iss": null }), Err(InvalidIdToken::Issuer)),
        (json!({ "iss": ["https://users.example.com/"] }), Err(InvalidIdToken::Issuer)),
    ];
    for (changes, expected) in rows {
        let token = issuer.sign(Algorithm::RS256, "JWT", &claims(&changes)).unwrap();
        assert_eq!(verify(&issuer, &token), expected.map(str::to_owned), "{changes}");
    }
}

#[test]
fn the_header_must_name_an_rsa_key_of_the_issuer() {
    let issuer = issuer("users", &["RS256", "RS384", "RS512", "PS256", "ES256", "EdDSA"]);
    let good = claims(&json!({}));
    for (name, typ, expected) in [
        ("RS256", "JWT", Ok("ana".to_owned())),
        ("RS384", "jwt", Ok("ana".to_owned())),
        ("RS512", "JWT", Ok("ana".to_owned())),
        ("PS256", "JWT", Err(InvalidIdToken::Algorithm(Algorithm::PS256))),
        ("ES256", "JWT", Err(InvalidIdToken::Algorithm(Algorithm::ES256))),
        ("EdDSA", "JWT", Err(InvalidIdToken::Algorithm(Algorithm::EdDSA))),
        ("RS256", "at+jwt", Err(InvalidIdToken::NotAnIdToken)),
        ("RS256", "application/at+jwt", Err(InvalidIdToken::NotAnIdToken)),
        ("RS256", "", Err(InvalidIdToken::NotAnIdToken)),
    ] {
        let token = issuer.sign(algorithm(name).unwrap(), typ, &good).unwrap();
        assert_eq!(verify(&issuer, &token), expected, "{name} {typ}");
    }
    let forged = issuer.forger().unwrap().sign(Algorithm::RS256, "JWT", &good).unwrap();
    assert_eq!(verify(&issuer, &forged), Err(InvalidIdToken::Signature));
    let stranger = self::issuer("users", &["RS256"]).sign(Algorithm::RS256, "JWT", &good).unwrap();
    assert_eq!(verify(&issuer, &stranger), Err(InvalidIdToken::Key));
    // A key that the token brings along, as the secret of an HMAC, too.
    let mut header = Header::new(Algorithm::HS256);
    header.kid = jsonwebtoken::decode_header(&forged).unwrap().kid;
    let public = issuer.key_set().to_string();
    let secret = jsonwebtoken::EncodingKey::from_secret(public.as_bytes());
    let hmac = jsonwebtoken::encode(&header, &good, &secret).unwrap();
    assert_eq!(verify(&issuer, &hmac), Err(InvalidIdToken::Algorithm(Algorithm::HS256)));
}

#[test]
fn a_changed_or_unsigned_token_is_denied() {
    let issuer = issuer("users", &["RS256"]);
    let token = issuer.sign(Algorithm::RS256, "JWT", &claims(&json!({}))).unwrap();
    let (header, rest) = token.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let other = encode(&claims(&json!({ "sub": "ben" })));
    let none = encode(&json!({ "alg": "none", "typ": "JWT" }));
    let critical = encode(&json!({ "alg": "RS256", "crit": ["b64"], "b64": false }));
    for (text, expected) in [
        (format!("{header}.{other}.{signature}"), InvalidIdToken::Signature),
        (format!("{header}.{payload}."), InvalidIdToken::Signature),
        (format!("{header}.{payload}.{}", "A".repeat(signature.len())), InvalidIdToken::Signature),
        (format!("{none}.{payload}."), InvalidIdToken::Malformed),
        (format!("{none}.{payload}.{signature}"), InvalidIdToken::Malformed),
        (format!("{critical}.{payload}.{signature}"), InvalidIdToken::Malformed),
        (format!("{header}.{payload}"), InvalidIdToken::Malformed),
        (format!("{header}.{payload}.{signature}.{signature}"), InvalidIdToken::Malformed),
        (format!("{header}.e30x.{signature}"), InvalidIdToken::Malformed),
        (String::new(), InvalidIdToken::Malformed),
        ("..".to_owned(), InvalidIdToken::Malformed),
        ("a.b.c".to_owned(), InvalidIdToken::Malformed),
    ] {
        let error = verify(&issuer, &text).unwrap_err();
        assert_eq!(error, expected, "{text}");
        assert!(!error.to_string().contains(payload), "{error}");
    }
}

#[test]
fn the_login_s_id_token_is_accepted_and_its_access_token_is_not() {
    let issuer = issuer("users", &["ES256", "RS256"]);
    let user = json!({ "role": "operator", "token_use": "access", "scope": "iot/connect", "aud": "iot", "azp": "x" });
    let id_token = IdToken {
        sub: "ana",
        client_id: "app",
        claims: user.as_object().unwrap(),
        nonce: Some("n"),
        auth_time: at(NOW),
        ttl: Duration::from_secs(60),
        at: at(NOW),
    };
    let token = issuer.mint_id_token(&id_token).unwrap();
    let verified = issuer.verify_id_token(&token, &["app".to_owned()], at(NOW)).ok().unwrap();
    let expected = json!({
        "iss": "https://users.example.com/", "sub": "ana", "aud": "app", "iat": NOW, "exp": NOW + 60,
        "auth_time": NOW, "nonce": "n", "role": "operator", "token_use": "id",
    });
    assert_eq!((verified.sub.as_str(), Value::Object(verified.claims)), ("ana", expected));
    let request =
        TokenRequest { sub: "ana".to_owned(), claims: Map::new(), ttl: Duration::from_secs(60), at: at(NOW) };
    let access = issuer.mint_with(Algorithm::RS256, &request).unwrap();
    assert_eq!(verify(&issuer, &access), Err(InvalidIdToken::NotAnIdToken));
    // An issuer without RSA keys cannot be used with an identity pool.
    let elliptic = self::issuer("users", &["ES256"]);
    let token = elliptic.mint_id_token(&id_token).unwrap();
    assert_eq!(verify(&elliptic, &token), Err(InvalidIdToken::Algorithm(Algorithm::ES256)));
    assert_eq!((issuer.has_id_tokens_for_pools(), elliptic.has_id_tokens_for_pools()), (true, false));
}
