//! Rejected requests. Each differs from a valid request in one respect.

use hyper::header::LOCATION;

use super::support::now;
use super::*;

#[test]
fn an_invalid_client_or_redirect_uri_is_not_redirected() {
    let provider = provider();
    let duplicate = format!("{}&state=other", request(&[]));
    for query in [
        request(&[("client_id", None)]),
        request(&[("client_id", Some("unknown"))]),
        request(&[("client_id", Some("machine-1"))]),
        request(&[("redirect_uri", None)]),
        request(&[("redirect_uri", Some("http://127.0.0.1:8080"))]),
        request(&[("redirect_uri", Some("http://127.0.0.1:8080/x"))]),
        request(&[("redirect_uri", Some("http://127.0.0.1:8081/"))]),
        request(&[("redirect_uri", Some("http://127.0.0.1:8080/?"))]),
        request(&[("redirect_uri", Some("https://evil.example/"))]),
        request(&[("redirect_uri", Some(APP_URI))]),
        request(&[("client_id", Some("app")), ("redirect_uri", Some("http://localhost:3000/callback"))]),
        String::new(),
        duplicate,
    ] {
        let page = get(&provider, "/oidc/users/authorize", &query);
        let body = form(&[("request", &query), ("user", "ana")], &[]);
        let login = send(&provider, "/oidc/users/login", &post(&body));
        for reply in [page, login] {
            assert_eq!(reply.status(), StatusCode::BAD_REQUEST, "{query}");
            assert!(reply.headers().get(LOCATION).is_none(), "{query}");
        }
    }
}

#[test]
fn an_invalid_request_is_redirected_with_an_error_and_without_a_code() {
    let provider = provider();
    let short = "a".repeat(42);
    for (change, error) in [
        (("response_type", None), "invalid_request"),
        (("response_type", Some("token")), "unsupported_response_type"),
        (("response_type", Some("code id_token")), "unsupported_response_type"),
        (("response_mode", Some("fragment")), "invalid_request"),
        (("state", None), "invalid_request"),
        (("state", Some("")), "invalid_request"),
        (("code_challenge", None), "invalid_request"),
        (("code_challenge", Some(short.as_str())), "invalid_request"),
        (("code_challenge", Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM")), "invalid_request"),
        (("code_challenge_method", None), "invalid_request"),
        (("code_challenge_method", Some("plain")), "invalid_request"),
        (("request", Some("x")), "request_not_supported"),
        (("request_uri", Some("https://x")), "request_uri_not_supported"),
        (("prompt", Some("none")), "login_required"),
    ] {
        let query = request(&[change]);
        let body = form(&[("request", &query), ("user", "ana")], &[]);
        for reply in [
            get(&provider, "/oidc/users/authorize", &query),
            send(&provider, "/oidc/users/login", &post(&body)),
        ] {
            let parameters = redirected(&reply, PAGE_URI);
            assert_eq!(
                (&parameters["error"], &parameters["iss"]),
                (&json!(error), &json!("https://login.example.com/")),
                "{query}"
            );
            assert_eq!(parameters.get("state").is_some(), change.0 != "state", "{query}");
            assert!(parameters.get("code").is_none(), "{query}");
        }
    }
}

#[test]
fn the_login_page_accepts_known_users_and_claims_that_are_an_object() {
    let provider = provider();
    let request = request(&[]);
    let page = body_text(&get(&provider, "/oidc/users/authorize", &request));
    assert!(page.contains("value=\"&lt;ben&gt;\"") && page.contains("&quot;&lt;b&gt;&quot;"), "{page}");
    assert!(!page.contains("<b>") && !page.contains("<script"), "{page}");
    let (long, large) = ("x".repeat(129), format!("{{\"a\":\"{}\"}}", "x".repeat(9000)));
    for (field, value, claims) in [
        ("user", "zoe", "{}"),
        ("user", "", "{}"),
        ("sub", "", "{}"),
        ("sub", "zoe", "[]"),
        ("sub", "zoe", "{"),
        ("sub", "zoe", &large),
        ("sub", &long, "{}"),
    ] {
        let body = form(&[("request", &request), (field, value), ("claims", claims)], &[]);
        let reply = send(&provider, "/oidc/users/login", &post(&body));
        assert_eq!(reply.status(), StatusCode::BAD_REQUEST, "{body}");
        assert!(
            body_text(&reply).contains("role=\"alert\"") && reply.headers().get(LOCATION).is_none(),
            "{body}"
        );
    }
}

#[test]
fn endpoints_check_method_content_type_and_duplicate_parameters() {
    let provider = provider();
    let code = log_in(&provider, &request(&[]));
    let body = redemption(&code, &[]);
    for (content_type, body) in [
        (None, body.clone()),
        (Some("application/json"), body.clone()),
        (Some("text/plain"), body.clone()),
        (Some("application/x-www-form-urlencoded"), format!("{body}&code=x")),
    ] {
        let reply = send(&provider, "/oidc/users/token", &Post { content_type, ..post(&body) });
        assert_eq!(json(&reply)["error"], "invalid_request", "{content_type:?} {body}");
    }
    for (path, method, allowed) in [
        ("token", Method::GET, "POST"),
        ("token", Method::PUT, "POST"),
        ("login", Method::GET, "POST"),
        ("authorize", Method::POST, "GET"),
        ("keys", Method::POST, "GET, HEAD"),
        (".well-known/openid-configuration", Method::DELETE, "GET, HEAD"),
    ] {
        let query = redemption(&code, &[]);
        let request = ProviderRequest {
            method: &method,
            address: ADDRESS,
            query: &query,
            content_type: None,
            authorization: None,
            body: b"",
            now: now(),
        };
        let reply = provider.respond(provider.endpoint(&format!("/oidc/users/{path}")).unwrap(), &request);
        assert_eq!(reply.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(reply.headers()[ALLOW], allowed, "{path}");
    }
    for path in
        ["/oidc/unknown/token", "/oidc/users", "/oidc/users/", "/oidc/users/token/", "/oidc//token", "/token"]
    {
        assert_eq!(provider.endpoint(path), None, "{path}");
    }
    // These requests did not use up the code.
    assert!(json(&send(&provider, "/oidc/users/token", &post(&body))).get("access_token").is_some());
}

#[test]
fn redirect_uris_are_validated() {
    for uri in [
        "http://localhost:3000/callback",
        "http://127.0.0.1/",
        "http://[::1]:3000/x?y=z",
        "https://app.example.com/callback",
        "com.example.app:/callback",
    ] {
        assert!(uri.parse::<RedirectUri>().is_ok(), "{uri}");
    }
    for uri in [
        "",
        "localhost:3000/callback",
        "/callback",
        "http://app.example.com/callback",
        "http://localhost.evil.example/",
        "https://user@app.example.com/",
        "https://app.example.com/#x",
        "https://app.example.com/a b",
        "https://app.example.com/\u{e4}",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///x",
        "com.example.app:",
    ] {
        assert!(uri.parse::<RedirectUri>().is_err(), "{uri}");
    }
}
