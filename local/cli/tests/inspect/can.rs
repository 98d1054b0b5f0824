//! Output and exit codes of `can`.

use serde_json::json;

use super::own::{self, NOW, token};
use super::run;

#[test]
fn the_exit_code_is_0_if_allowed_1_if_denied_2_on_an_error() {
    let valid = token(&json!({}), &json!({}));
    let expired = token(&json!({}), &json!({ "exp": NOW - 60, "iat": NOW - 120 }));
    let claims = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(claims.path(), r#"{ "sub": "ana", "tenant": "acme", "scope": "iot:connect" }"#).unwrap();
    let claims = claims.path().to_str().unwrap();
    for (input, action, code, expected) in [
        (&["--token", &valid][..], ["iot:Publish", "topic/acme/ana/a"], 0, "policies/user.json:9"),
        (&["--token", &valid], ["iot:Connect", "client/ana"], 0, "ALLOWED"),
        (&["--claims", claims, "--issuer", "users"], ["iot:Publish", "topic/acme/ana/a"], 0, "ALLOWED"),
        (&["--token", &valid], ["iot:Publish", "topic/acme/ben/a"], 1, "no statement allows"),
        (&["--token", &valid], ["iot:Connect", "client/ben"], 1, "client_id_not_allowed"),
        (
            &["--token", &valid, "--client-id", "ben"],
            ["iot:Publish", "topic/acme/ana/a"],
            1,
            "client_id_not_allowed",
        ),
        (&["--token", &expired], ["iot:Publish", "topic/acme/ana/a"], 1, "expired"),
        (&["--token", "a.b.c"], ["iot:Publish", "topic/acme/ana/a"], 1, "malformed_token"),
        (&["--claims", claims], ["iot:Publish", "topic/acme/ana/a"], 2, "--issuer"),
        (
            &["--claims", claims, "--issuer", "unknown"],
            ["iot:Publish", "topic/a"],
            2,
            "unknown issuer \"unknown\"; expected one of users, partners",
        ),
        (&["--claims", "/nowhere"], ["iot:Publish", "topic/a"], 2, "/nowhere"),
        (&[], ["iot:Publish", "topic/a"], 2, "--token"),
        (&["--token", &valid], ["iot:Publsh", "topic/a"], 2, "unknown action \"iot:Publsh\""),
        (&["--token", &valid, "--claims", claims], ["iot:Publish", "topic/a"], 2, "cannot be used"),
    ] {
        let config = own::config();
        let mut line = vec!["can", "--config", config.to_str().unwrap(), "--at", "2027-01-15T08:00:00Z"];
        line.extend(input.iter().chain(&action).copied());
        let (exit_code, text) = run(&line);
        assert_eq!(exit_code, code, "{action:?}: {text}");
        assert!(text.contains(expected), "{action:?}: {text}");
        assert!(!text.contains(&valid) && !text.contains(&expired), "{text}");
    }
}
