//! Requests that are refused. Each changes one thing of a request that is good otherwise.

use super::*;

#[test]
fn a_login_that_cannot_be_trusted_ends_at_the_door() {
    let provider = provider();
    let twice = format!("{}&state=other", request(&[]));
    for query in [
        request(&[("client_id", None)]),
        request(&[("client_id", Some("nobody"))]),
        request(&[("client_id", Some("machine-1"))]),
        request(&[("redirect_uri", None)]),
        request(&[("redirect_uri", Some("http://127.0.0.1:8080"))]),
        request(&[("redirect_uri", Some("http://127.0.0.1:8080/x"))]),
        request(&[("redirect_uri", Some("http://127.0.0.1:8081/"))]),
        request(&[("redirect_uri", Some("http://127.0.0.1:8080/?"))]),
        request(&[("redirect_uri", Some("https://evil.example/"))]),
        request(&[("redirect_uri", Some(APP))]),
        request(&[("client_id", Some("app")), ("redirect_uri", Some("http://localhost:3000/callback"))]),
        String::new(),
        twice,
    ] {
        let shown = get(&provider, "/oidc/users/authorize", &query);
        let body = form(&[("request", &query), ("person", "ana")], &[]);
        let sent = send(&provider, "/oidc/users/login", &post(&body));
        for reply in [shown, sent] {
            assert_eq!(reply.status(), StatusCode::BAD_REQUEST, "{query}");
            assert!(reply.headers().get(LOCATION).is_none(), "{query}");
        }
    }
}

#[test]
fn a_faulty_request_is_sent_back_with_what_is_wrong_and_without_a_code() {
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
        let body = form(&[("request", &query), ("person", "ana")], &[]);
        for reply in [
            get(&provider, "/oidc/users/authorize", &query),
            send(&provider, "/oidc/users/login", &post(&body)),
        ] {
            let back = sent_back(&reply, BACK);
            assert_eq!(
                (&back["error"], &back["iss"]),
                (&json!(error), &json!("https://login.example.com/")),
                "{query}"
            );
            assert_eq!(back.get("state").is_some(), change.0 != "state", "{query}");
            assert!(back.get("code").is_none(), "{query}");
        }
    }
}

#[test]
fn the_login_page_takes_known_people_and_claims_that_are_an_object() {
    let provider = provider();
    let request = request(&[]);
    let page = said(&get(&provider, "/oidc/users/authorize", &request));
    assert!(page.contains("value=\"&lt;ben&gt;\"") && page.contains("&quot;&lt;b&gt;&quot;"), "{page}");
    assert!(!page.contains("<b>") && !page.contains("<script"), "{page}");
    let (long, large) = ("x".repeat(129), format!("{{\"a\":\"{}\"}}", "x".repeat(9000)));
    for (name, wrong, claims) in [
        ("person", "zoe", "{}"),
        ("person", "", "{}"),
        ("sub", "", "{}"),
        ("sub", "zoe", "[]"),
        ("sub", "zoe", "{"),
        ("sub", "zoe", &large),
        ("sub", &long, "{}"),
    ] {
        let body = form(&[("request", &request), (name, wrong), ("claims", claims)], &[]);
        let reply = send(&provider, "/oidc/users/login", &post(&body));
        assert_eq!(reply.status(), StatusCode::BAD_REQUEST, "{body}");
        assert!(said(&reply).contains("role=\"alert\"") && reply.headers().get(LOCATION).is_none(), "{body}");
    }
}

#[test]
fn what_is_sent_to_an_endpoint_has_to_have_its_form() {
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
        assert_eq!(value(&reply)["error"], "invalid_request", "{content_type:?} {body}");
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
        let asked = Asked {
            method: &method,
            address: ADDRESS,
            query: &query,
            content_type: None,
            authorization: None,
            body: b"",
            now: now(),
        };
        let reply = provider.answer(provider.endpoint(&format!("/oidc/users/{path}")).unwrap(), &asked);
        assert_eq!(reply.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(reply.headers()[ALLOW], allowed, "{path}");
    }
    for path in
        ["/oidc/nobody/token", "/oidc/users", "/oidc/users/", "/oidc/users/token/", "/oidc//token", "/token"]
    {
        assert_eq!(provider.endpoint(path), None, "{path}");
    }
    // None of these has used the code up.
    assert!(value(&send(&provider, "/oidc/users/token", &post(&body))).get("access_token").is_some());
}

#[test]
fn a_redirect_uri_is_an_address_of_an_app() {
    for good in [
        "http://localhost:3000/callback",
        "http://127.0.0.1/",
        "http://[::1]:3000/x?y=z",
        "https://app.example.com/callback",
        "com.example.app:/callback",
    ] {
        assert!(good.parse::<RedirectUri>().is_ok(), "{good}");
    }
    for wrong in [
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
        assert!(wrong.parse::<RedirectUri>().is_err(), "{wrong}");
    }
}
