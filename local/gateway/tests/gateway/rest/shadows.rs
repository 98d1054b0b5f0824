//! Shadows over HTTPS.

use serde_json::{Value, json};

use super::Caller;
use crate::fleet_factory::message;
use crate::shadows::{SHADOW, shadow_policy};
use crate::statements::{allow, allow_all, with};

#[tokio::test]
async fn a_shadow_lives_over_https_and_its_subscribers_hear_of_it() {
    let caller = Caller::open(&allow_all()).await;
    let mut app = caller.fleet.app("app", &[&format!("{SHADOW}/#")]).await;
    let line = "POST /things/lamp/shadow";
    let desired = json!({ "state": { "desired": { "on": true } }, "clientToken": "t" });
    let accepted = caller.succeed(line, &desired).await;
    assert_eq!((&accepted["state"], &accepted["clientToken"]), (&desired["state"], &json!("t")));
    for suffix in ["update/accepted", "update/delta", "update/documents"] {
        let (topic, payload) = message(&mut app).await;
        assert_eq!(topic, format!("{SHADOW}/{suffix}"));
        let payload: Value = serde_json::from_slice(&payload).unwrap();
        assert!(suffix != "update/accepted" || payload == accepted, "{payload}");
    }
    let document = caller.succeed("GET /things/lamp/shadow", &Value::Null).await;
    assert_eq!(document["state"], json!({ "desired": { "on": true }, "delta": { "on": true } }));
    assert!(document["metadata"]["desired"]["on"]["timestamp"].is_u64(), "{document}");
    let deleted = caller.succeed("DELETE /things/lamp/shadow", &Value::Null).await;
    assert_eq!(deleted["version"], 1);
    assert_eq!(message(&mut app).await.0, format!("{SHADOW}/delete/accepted"));
    // Neither a read nor a rejected request has a message.
    for (line, body, status, name, text) in [
        (
            "GET /things/lamp/shadow",
            "",
            404,
            "ResourceNotFoundException",
            "No shadow exists with name: 'lamp'",
        ),
        (
            "DELETE /things/lamp/shadow",
            "",
            404,
            "ResourceNotFoundException",
            "No shadow exists with name: 'lamp'",
        ),
        (
            "GET /things/lamp/shadow?name=c",
            "",
            404,
            "ResourceNotFoundException",
            "No shadow exists with name: 'c'",
        ),
        (line, "", 400, "InvalidRequestException", "Invalid JSON"),
        (line, "{}", 400, "InvalidRequestException", "Missing required node: state"),
        (line, r#"{"state":{},"version":7}"#, 409, "ConflictException", "Version conflict"),
    ] {
        assert_eq!(caller.fail(line, body.as_bytes(), status, name).await, text, "{line} {body}");
    }
    let large = json!({ "state": { "reported": { "a": "x".repeat(9000) } } }).to_string();
    caller.fail(line, large.as_bytes(), 413, "RequestEntityTooLargeException").await;
    caller.fail(line, b"\xff", 415, "UnsupportedDocumentEncodingException").await;
    let answer = caller.call(line, &vec![b' '; 128 * 1024 + 1]).await;
    assert_eq!((answer.status, answer.error.as_deref()), (413, Some("RequestEntityTooLargeException")));
    app.receives_nothing().await;
}

#[tokio::test]
async fn invalid_names_are_rejected() {
    let caller = Caller::open(&allow_all()).await;
    let (long, long_shadow) = ("a".repeat(129), "a".repeat(65));
    for target in [
        "/things/a%20b/shadow".to_owned(),
        "/things/a%2Fb/shadow".to_owned(),
        "/things/%24lamp/shadow".to_owned(),
        "/things/a.b/shadow".to_owned(),
        "/things/%C3%A9/shadow".to_owned(),
        format!("/things/{long}/shadow"),
        "/things/lamp/shadow?name=".to_owned(),
        "/things/lamp/shadow?name=a.b".to_owned(),
        "/things/lamp/shadow?name=a%2Fb".to_owned(),
        format!("/things/lamp/shadow?name={long_shadow}"),
        "/things/lamp/shadow?name=a&name=b".to_owned(),
        "/things/%/shadow".to_owned(),
        "/things/%FF/shadow".to_owned(),
    ] {
        for method in ["GET", "POST", "DELETE"] {
            caller
                .fail(&format!("{method} {target}"), b"{\"state\":{}}", 400, "InvalidRequestException")
                .await;
        }
    }
    caller
        .fail("GET /api/things/shadow/ListNamedShadowsForThing/a.b", b"", 400, "InvalidRequestException")
        .await;
    caller.succeed("POST /things/lamp/shadow?name=%24config", &json!({ "state": {} })).await;
    assert!(
        caller.fleet.gateway.running.cloud.read(|registry| registry.named_shadows("lamp").eq(["$config"]))
    );
}

/// `thing/NAME` for the classic shadow, `thing/NAME/SHADOW` for a named one.
#[tokio::test]
async fn a_policy_names_things_and_shadows() {
    let named = with(allow("UpdateThingShadow", &["thing/door/config"]), "Effect", json!("Deny"));
    let caller = Caller::open(&json!([
        allow("UpdateThingShadow", &["thing/lamp", "thing/fan/config", "thing/door*"]),
        allow("ListNamedShadowsForThing", &["thing/lamp"]),
        named,
    ]))
    .await;
    for (target, is_allowed) in [
        ("/things/lamp/shadow", true),
        ("/things/lamp/shadow?name=config", false),
        ("/things/lamp2/shadow", false),
        ("/things/fan/shadow", false),
        ("/things/fan/shadow?name=config", true),
        ("/things/fan/shadow?name=Config", false),
        ("/things/fan/shadow?name=config2", false),
        ("/things/door/shadow", true),
        ("/things/door2/shadow", true),
        ("/things/door/shadow?name=other", true),
        ("/things/door/shadow?name=config", false),
    ] {
        let answer = caller.call(&format!("POST {target}"), b"{\"state\":{}}").await;
        assert_eq!(answer.status, if is_allowed { 200 } else { 403 }, "{target}: {answer:?}");
    }
    caller.succeed("GET /api/things/shadow/ListNamedShadowsForThing/lamp", &Value::Null).await;
    caller.fail("GET /api/things/shadow/ListNamedShadowsForThing/door", b"", 403, "ForbiddenException").await;
}

/// The walk-through's policy is about topics, so it allows nothing over HTTPS.
#[tokio::test]
async fn rights_on_topics_are_no_rights_on_things() {
    let caller = Caller::open(&shadow_policy()).await;
    for method in ["GET", "POST", "DELETE"] {
        caller.fail(&format!("{method} /things/lamp/shadow"), b"", 403, "ForbiddenException").await;
    }
    assert!(caller.fleet.gateway.running.cloud.read(|registry| registry.shadow("lamp", None).is_none()));
}

#[tokio::test]
async fn named_shadows_are_listed_in_pages() {
    let caller = Caller::open(&allow_all()).await;
    let list = "GET /api/things/shadow/ListNamedShadowsForThing/lamp";
    assert_eq!(caller.succeed(list, &Value::Null).await["results"], json!([]));
    caller.succeed("POST /things/lamp/shadow", &json!({ "state": {} })).await;
    for i in 0..30 {
        caller.succeed(&format!("POST /things/lamp/shadow?name=s{i:02}"), &json!({ "state": {} })).await;
    }
    caller.succeed("DELETE /things/lamp/shadow?name=s03", &Value::Null).await;
    let mut found = Vec::new();
    let mut token = None;
    for pages in 1.. {
        let query = token.map(|token: String| format!("&nextToken={token}")).unwrap_or_default();
        let page = caller.succeed(&format!("{list}?pageSize=10{query}"), &Value::Null).await;
        assert!(page["timestamp"].as_u64().unwrap() > 1_600_000_000);
        found.extend(page["results"].as_array().unwrap().clone());
        token = page.get("nextToken").map(|token| token.as_str().unwrap().to_owned());
        if token.is_none() {
            assert_eq!(pages, 3);
            break;
        }
    }
    let expected: Vec<_> = (0..30).filter(|i| *i != 3).map(|i| json!(format!("s{i:02}"))).collect();
    assert_eq!(found, expected);
    assert_eq!(caller.succeed(list, &Value::Null).await["results"].as_array().unwrap().len(), 25);
    for size in ["0", "101", "x", "-1", ""] {
        caller.fail(&format!("{list}?pageSize={size}"), b"", 400, "InvalidRequestException").await;
    }
}
