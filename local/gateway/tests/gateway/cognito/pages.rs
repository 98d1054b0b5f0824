//! Which pages may call the identity pool.

use serde_json::{Value, json};

use super::support::{APP, Identities, POOL, PROVIDER};
use crate::support::{exchange, post};

const EVIL: &str = "https://evil.example";
const HEADERS: &str = "content-type,x-amz-target,x-amz-user-agent,amz-sdk-invocation-id,amz-sdk-request";

#[tokio::test]
async fn only_the_user_s_app_passes_a_preflight_and_only_for_the_identity_pool() {
    let gateway = Identities::open().await;
    let port = gateway.running.port;
    for (path, origin, method, headers, expected) in [
        ("/", APP, "POST", HEADERS, true),
        ("/", APP, "POST", "X-Amz-Target", true),
        ("/", EVIL, "POST", HEADERS, false),
        ("/", "null", "POST", HEADERS, false),
        ("/", "http://localhost:3001", "POST", HEADERS, false),
        ("/", "https://localhost:3000", "POST", HEADERS, false),
        ("/", APP, "GET", HEADERS, false),
        ("/", APP, "POST", "content-type", false),
        ("/", APP, "POST", "authorization", false),
        ("/", APP, "POST", "", false),
        ("/things", APP, "GET", "authorization", false),
        ("/target-policies/app", APP, "PUT", HEADERS, false),
        ("/topics/a", APP, "POST", HEADERS, false),
        ("/api/token", APP, "POST", HEADERS, false),
    ] {
        let request = format!(
            "OPTIONS {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: {origin}\r\n\
             Access-Control-Request-Method: {method}\r\nAccess-Control-Request-Headers: {headers}\r\n\r\n"
        );
        let response = exchange(port, request.as_bytes()).await.to_lowercase();
        let allowed = response.contains(&format!("access-control-allow-origin: {origin}"));
        assert_eq!(allowed, expected, "{path} {origin} {method} {headers}: {response}");
        if expected {
            assert!(response.starts_with("http/1.1 204 "), "{response}");
            assert!(response.contains("access-control-allow-methods: post\r\n"), "{response}");
            let line = response.lines().find(|line| line.starts_with("access-control-allow-headers: "));
            assert!(
                HEADERS.split(',').all(|header| line.is_some_and(|line| line.contains(header))),
                "{response}"
            );
            assert!(!response.contains("credentials") && response.contains("vary: origin"), "{response}");
        } else {
            assert!(!response.contains("access-control-allow"), "{response}");
        }
    }
    let foreign_host = format!(
        "OPTIONS / HTTP/1.1\r\nHost: evil.example:{port}\r\nOrigin: {APP}\r\n\
         Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-amz-target\r\n\r\n"
    );
    let response = exchange(port, foreign_host.as_bytes()).await.to_lowercase();
    assert!(!response.contains("access-control-allow"), "{response}");
}

#[tokio::test]
async fn the_app_reads_the_answers_of_the_identity_pool_alone() {
    let gateway = Identities::open().await;
    let port = gateway.running.port;
    let token = gateway.log_in("ana").await;
    let body = json!({ "IdentityPoolId": POOL, "Logins": { PROVIDER: token } }).to_string();
    let target = "AWSCognitoIdentityService.GetId";
    for (origin, site, target, expected) in [
        (APP, "cross-site", target, Some(200)),
        (APP, "same-site", target, Some(200)),
        (APP, "cross-site", "AWSCognitoIdentityService.GetCredentialsForIdentity", Some(400)),
        (EVIL, "cross-site", target, None),
        ("null", "cross-site", target, None),
        (APP, "cross-site", "AWSIotService.ListThings", None),
        (APP, "cross-site", "", None),
    ] {
        let headers = format!(
            "Origin: {origin}\r\nSec-Fetch-Site: {site}\r\ncontent-type: application/x-amz-json-1.1\r\n\
             x-amz-target: {target}\r\n"
        );
        let response = post(port, "/", &headers, &body).await;
        let status: u16 = response.split(' ').nth(1).unwrap().parse().unwrap();
        assert_eq!(status, expected.unwrap_or(403), "{origin} {target}: {response}");
        let is_readable = response.to_lowercase().contains("access-control-allow-origin");
        assert_eq!(is_readable, expected.is_some(), "{origin} {target}: {response}");
    }
    // Other operations keep pages of other origins out.
    let headers = format!("Origin: {APP}\r\ncontent-type: application/x-www-form-urlencoded\r\n");
    let response = post(port, "/", &headers, "Action=AssumeRoleWithWebIdentity").await;
    assert!(response.starts_with("HTTP/1.1 403 "), "{response}");
}

/// The page of the gateway offers to connect with an identity by what this says.
#[tokio::test]
async fn the_description_of_the_gateway_names_the_pool_and_its_providers_to_its_own_page() {
    let gateway = Identities::open().await;
    let port = gateway.running.port;
    let request = format!("GET /api/gateway HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n");
    let described = async || {
        let response = exchange(port, format!("{request}\r\n").as_bytes()).await;
        let body = response.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str::<Value>(body).unwrap()["identity_pool"].clone()
    };
    let expected = json!({ "id": POOL, "region": "us-east-1", "providers": [PROVIDER] });
    assert_eq!(described().await, expected);
    for origin in [APP, EVIL, "null"] {
        let response = exchange(port, format!("{request}Origin: {origin}\r\n\r\n").as_bytes()).await;
        assert!(response.starts_with("HTTP/1.1 403 ") && !response.contains(POOL), "{origin}: {response}");
    }
    gateway.running.cloud.set_identity_pool(None);
    assert_eq!(described().await, Value::Null);
}
