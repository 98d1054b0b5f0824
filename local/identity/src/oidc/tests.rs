//! Logins, codes, secrets and tokens.

use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::decode_header;

use self::support::{
    ADDRESS, APP_URI, CHALLENGE, Change, PAGE_URI, Post, SECRET, body_text, claims, form, get, json, log_in,
    post, provider, realm, redemption, redirected, request, send,
};
use super::*;

mod rejections;
mod support;

#[test]
fn a_user_logs_in_with_pkce_and_gets_both_tokens() {
    let provider = provider();
    let page = get(&provider, "/oidc/users/authorize", &request(&[]));
    assert_eq!(page.status(), StatusCode::OK);
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self' http://127.0.0.1:8080;"), "{policy}");
    let body = form(&[("request", &request(&[])), ("user", "ana")], &[]);
    let parameters = redirected(&send(&provider, "/oidc/users/login", &post(&body)), PAGE_URI);
    assert_eq!(
        (&parameters["state"], &parameters["iss"]),
        (&json!("a&b=c"), &json!("https://login.example.com/"))
    );
    let code = parameters["code"].as_str().unwrap();
    let redeem = redemption(code, &[]);
    let reply = send(&provider, "/oidc/users/token", &Post { delay_seconds: 60, ..post(&redeem) });
    assert_eq!(
        (reply.status(), &reply.headers()[CACHE_CONTROL]),
        (StatusCode::OK, &"no-store".parse().unwrap())
    );
    let response = json(&reply);
    assert_eq!((&response["token_type"], &response["expires_in"]), (&json!("Bearer"), &json!(900)));
    let access = claims(&provider, &response["access_token"]);
    assert_eq!(
        (&access["sub"], &access["aud"], &access["tenant"]),
        (&json!("ana"), &json!("iot.example.com"), &json!("acme"))
    );
    assert_eq!(decode_header(response["access_token"].as_str().unwrap()).unwrap().typ.unwrap(), "at+jwt");
    let identity = claims(&provider, &response["id_token"]);
    assert_eq!(
        (&identity["aud"], &identity["nonce"], &identity["sub"]),
        (&json!(PAGE), &json!("n-0"), &json!("ana"))
    );
    assert_eq!((&identity["auth_time"], &identity["iat"]), (&json!(1_700_000_000), &json!(1_700_000_060)));
    assert_eq!(identity["iss"], "https://login.example.com/");
}

#[test]
fn without_openid_there_is_no_id_token_and_an_app_is_redirected_to_its_own_uri() {
    let provider = provider();
    let request = request(&[
        ("scope", None),
        ("client_id", Some("app")),
        ("redirect_uri", Some(APP_URI)),
        ("nonce", None),
    ]);
    let typed = [("request", request.as_str()), ("sub", "zoe"), ("claims", "{\"tenant\":\"t\",\"iat\":1}")];
    let parameters = redirected(&send(&provider, "/oidc/users/login", &post(&form(&typed, &[]))), APP_URI);
    let code = parameters["code"].as_str().unwrap();
    let body = redemption(code, &[("client_id", Some("app")), ("redirect_uri", Some(APP_URI))]);
    let response = json(&send(&provider, "/oidc/users/token", &post(&body)));
    assert_eq!((response.get("id_token"), response.get("scope")), (None, None));
    let access = claims(&provider, &response["access_token"]);
    assert_eq!((&access["sub"], &access["tenant"], &access["iat"]), (&json!("zoe"), &json!("t"), &json!(1)));
    assert!(provider.trusts_origin("http://localhost:3000"));
    for origin in ["http://localhost:3001", "https://localhost:3000", "http://localhost", "null", ADDRESS] {
        assert!(!provider.trusts_origin(origin), "{origin}");
    }
}

#[test]
fn a_code_is_valid_once_for_a_minute_and_for_its_request() {
    let provider = provider();
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl";
    let long = "a".repeat(129);
    let unchanged: &[Change<'_>] = &[];
    for (title, path, changes, delay_seconds, error) in [
        ("valid", "users", unchanged, 60, None),
        ("expired", "users", unchanged, 61, Some("invalid_grant")),
        ("code of another issuer", "other", unchanged, 0, Some("invalid_grant")),
        ("wrong code", "users", &[("code", Some("x"))], 0, Some("invalid_grant")),
        ("wrong verifier", "users", &[("code_verifier", Some(verifier))], 0, Some("invalid_grant")),
        ("challenge as verifier", "users", &[("code_verifier", Some(CHALLENGE))], 0, Some("invalid_grant")),
        ("short verifier", "users", &[("code_verifier", Some("a"))], 0, Some("invalid_grant")),
        ("long verifier", "users", &[("code_verifier", Some(&long))], 0, Some("invalid_grant")),
        (
            "another redirect URI",
            "users",
            &[("redirect_uri", Some("http://localhost:8080/"))],
            0,
            Some("invalid_grant"),
        ),
        ("another client", "users", &[("client_id", Some("app"))], 0, Some("invalid_grant")),
        ("unknown client", "users", &[("client_id", Some("unknown"))], 0, Some("invalid_client")),
        ("client secret", "users", &[("client_secret", Some(SECRET))], 0, Some("invalid_client")),
        ("missing code", "users", &[("code", None)], 0, Some("invalid_request")),
        ("missing verifier", "users", &[("code_verifier", None)], 0, Some("invalid_request")),
        ("missing client", "users", &[("client_id", None)], 0, Some("invalid_request")),
        ("missing redirect URI", "users", &[("redirect_uri", None)], 0, Some("invalid_request")),
        ("missing grant type", "users", &[("grant_type", None)], 0, Some("invalid_request")),
        (
            "grant type password",
            "users",
            &[("grant_type", Some("password"))],
            0,
            Some("unsupported_grant_type"),
        ),
        (
            "grant type refresh_token",
            "users",
            &[("grant_type", Some("refresh_token"))],
            0,
            Some("unsupported_grant_type"),
        ),
    ] {
        let code = log_in(&provider, &request(&[]));
        let body = redemption(&code, changes);
        let reply = send(&provider, &format!("/oidc/{path}/token"), &Post { delay_seconds, ..post(&body) });
        assert_eq!(json(&reply)["error"].as_str(), error, "{title}: {}", body_text(&reply));
        let status = match error {
            None => StatusCode::OK,
            Some("invalid_client") => StatusCode::UNAUTHORIZED,
            Some(_) => StatusCode::BAD_REQUEST,
        };
        assert_eq!(reply.status(), status, "{title}");
        // A presented code is used up, whatever the result.
        let is_used_up = body.contains(&code)
            && !["invalid_request", "unsupported_grant_type"].contains(&error.unwrap_or_default());
        let second = json(&send(&provider, "/oidc/users/token", &post(&redemption(&code, &[]))));
        assert_eq!(second.get("access_token").is_none(), is_used_up, "{title}, second use");
    }
}

#[test]
fn the_oldest_code_is_dropped_beyond_the_limit() {
    let provider = provider();
    let first = log_in(&provider, &request(&[]));
    let others: Vec<_> = (0..64).map(|_| log_in(&provider, &request(&[]))).collect();
    for (code, is_valid) in [(&first, false), (&others[0], true), (&others[63], true)] {
        let response = json(&send(&provider, "/oidc/users/token", &post(&redemption(code, &[]))));
        assert_eq!(response.get("access_token").is_some(), is_valid);
    }
}

#[test]
fn a_machine_gets_a_token_only_for_its_secret() {
    let provider = provider();
    let basic = |credentials: &str| Some(format!("Basic {}", STANDARD.encode(credentials)));
    let in_form = [("client_id", Some("machine-1")), ("client_secret", Some(SECRET))];
    let twice = [("client_secret", Some(SECRET))];
    for (title, authorization, fields, error) in [
        ("basic", basic("machine-1:s3cret"), &[][..], None),
        ("basic, encoded", basic("machine%2D1:s3%63ret"), &[], None),
        ("form", None, &in_form, None),
        ("wrong secret", basic("machine-1:s3cres"), &[], Some("invalid_client")),
        ("empty secret", basic("machine-1:"), &[], Some("invalid_client")),
        ("missing colon", basic("machine-1"), &[], Some("invalid_client")),
        ("invalid base64", Some("Basic ???".to_owned()), &[], Some("invalid_client")),
        ("bearer", Some(format!("Bearer {SECRET}")), &[], Some("invalid_client")),
        ("another machine", basic("machine-2:s3cret"), &[], Some("invalid_client")),
        ("page with the secret", basic(&format!("{PAGE}:s3cret")), &[], Some("invalid_client")),
        ("no credentials", None, &[], Some("invalid_client")),
        ("client id without secret", None, &in_form[..1], Some("invalid_client")),
        ("header and form", basic("machine-1:s3cret"), &twice, Some("invalid_request")),
    ] {
        let body = form(&[("grant_type", "client_credentials")], fields);
        let reply = send(
            &provider,
            "/oidc/users/token",
            &Post { authorization: authorization.as_deref(), ..post(&body) },
        );
        let response = json(&reply);
        assert_eq!(response["error"].as_str(), error, "{title}: {response}");
        assert_eq!(
            reply.headers().contains_key("www-authenticate"),
            error == Some("invalid_client"),
            "{title}"
        );
        assert!(!body_text(&reply).contains(SECRET), "{title}");
        if error.is_none() {
            let access = claims(&provider, &response["access_token"]);
            assert_eq!((&access["sub"], &access["tenant"]), (&json!("machine-1"), &json!("acme")), "{title}");
        }
    }
    let provider = Provider::new(
        ProviderOptions { realms: vec![realm("users", "https://x/")], ..ProviderOptions::default() },
        &[],
    );
    let body = form(
        &[("grant_type", "client_credentials"), ("client_id", "machine-1")],
        &[("client_secret", Some(""))],
    );
    assert_eq!(json(&send(&provider, "/oidc/users/token", &post(&body)))["error"], "invalid_client");
}

#[test]
fn discovery_has_the_configured_issuer_and_existing_endpoints() {
    let provider = provider();
    for (path, id, issuer) in [
        ("/.well-known/openid-configuration", "users", "https://login.example.com/"),
        ("/oidc/users/.well-known/openid-configuration", "users", "https://login.example.com/"),
        ("/oidc/other/.well-known/openid-configuration", "other", "https://other.example.com/"),
    ] {
        let document = json(&get(&provider, path, ""));
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
