//! Whether a token may do one thing, by which line, and how the command ends.

use iot_local::can::{self, Can};
use iot_local::explain::Walk;
use serde_json::json;

use super::own::{self, FUNCTION, NOW, connect, deployment, now, token};

/// Action, resource, and the template line that allows or denies it; none, where nothing allows it.
const CASES: [(&str, &str, bool, Option<&str>); 16] = [
    ("iot:Connect", "client/ana", true, Some("policies/user.json:4")),
    ("publish", "topic/acme/ana/a/b", true, Some("policies/user.json:9")),
    ("iot:Publish", "topic/acme/areas/north", true, Some("policies/user.json:10")),
    ("iot:Receive", "topic/acme/areas/south", true, Some("policies/user.json:10")),
    ("iot:Receive", "topic/acme/anything", true, Some("policies/operator.json:4")),
    ("iot:Receive", "topic/acme/private/a", false, Some("policies/operator.json:5")),
    ("iot:Connect", "client/ben", false, None),
    ("iot:Connect", "topic/acme/ana/a", false, None),
    ("iot:Publish", "topic/acme/ben/a", false, None),
    ("iot:Publish", "topic/acme/ana", false, None),
    ("iot:Publish", "topic/acme/areas/east", false, None),
    ("iot:Publish", "topic/globex/ana/a", false, None),
    ("iot:RetainPublish", "topic/acme/ana/a", false, None),
    ("iot:Receive", "topic/globex/anything", false, None),
    ("iot:Subscribe", "topicfilter/acme/ana/a", false, None),
    ("iot:GetThingShadow", "thing/ana", false, None),
];

#[test]
fn rights_and_the_lines_that_they_come_from() {
    let deployment = deployment();
    let claims = json!({ "role": "operator", "site": { "areas": ["north", "south"] } });
    let event = connect(&token(&json!({}), &claims), "ana").to_string();
    let explanation = Walk::new(&deployment.config.authorizer, event.as_bytes(), FUNCTION, now()).explain();
    let folder = own::folder().join("deployment");
    for (action, resource, allowed, place) in CASES {
        let answer = can::answer(&explanation.outcome, action.parse().unwrap(), resource, FUNCTION).unwrap();
        let Can::Decided { source, .. } = &answer else { panic!("{explanation}") };
        assert_eq!(answer.allowed(), allowed, "{action} {resource}");
        let found = source.as_ref().map(|source| source.place(&folder));
        assert_eq!(found.as_deref(), place, "{action} {resource}");
    }
}

/// The program itself: what it prints, and 0, 1 or 2.
#[test]
fn the_command_says_yes_no_or_neither() {
    let good = token(&json!({}), &json!({}));
    let late = token(&json!({}), &json!({ "exp": NOW - 60, "iat": NOW - 120 }));
    let claims = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(claims.path(), r#"{ "sub": "ana", "tenant": "acme", "scope": "iot:connect" }"#).unwrap();
    let claims = claims.path().to_str().unwrap();
    for (given, question, code, expected) in [
        (&["--token", &good][..], ["iot:Publish", "topic/acme/ana/a"], 0, "policies/user.json:9"),
        (&["--token", &good], ["iot:Connect", "client/ana"], 0, "ALLOWED"),
        (&["--claims", claims, "--issuer", "users"], ["iot:Publish", "topic/acme/ana/a"], 0, "ALLOWED"),
        (&["--token", &good], ["iot:Publish", "topic/acme/ben/a"], 1, "no statement allows"),
        (&["--token", &good], ["iot:Connect", "client/ben"], 1, "client_id_not_allowed"),
        (
            &["--token", &good, "--client-id", "ben"],
            ["iot:Publish", "topic/acme/ana/a"],
            1,
            "client_id_not_allowed",
        ),
        (&["--token", &late], ["iot:Publish", "topic/acme/ana/a"], 1, "expired"),
        (&["--token", "a.b.c"], ["iot:Publish", "topic/acme/ana/a"], 1, "malformed_token"),
        (&["--claims", claims], ["iot:Publish", "topic/acme/ana/a"], 2, "--issuer"),
        (&["--claims", claims, "--issuer", "nobody"], ["iot:Publish", "topic/a"], 2, "there is no issuer"),
        (&["--claims", "/nowhere"], ["iot:Publish", "topic/a"], 2, "/nowhere"),
        (&[], ["iot:Publish", "topic/a"], 2, "--token"),
        (&["--token", &good], ["iot:Publsh", "topic/a"], 2, "no action"),
        (&["--token", &good, "--claims", claims], ["iot:Publish", "topic/a"], 2, "cannot be used"),
    ] {
        let config = own::config();
        let mut line = vec!["can", "--config", config.to_str().unwrap(), "--at", "2027-01-15T08:00:00Z"];
        line.extend(given.iter().chain(&question).copied());
        let (found, text) = own::run(&line);
        assert_eq!(found, code, "{question:?}: {text}");
        assert!(text.contains(expected), "{question:?}: {text}");
        assert!(!text.contains(&good) && !text.contains(&late), "{text}");
    }
}

#[test]
fn an_explanation_is_the_same_each_time_and_ends_as_the_decision() {
    let config = own::config();
    let good = token(&json!({}), &json!({}));
    let event = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(event.path(), connect(&good, "ben").to_string()).unwrap();
    let event = event.path().to_str().unwrap();
    let at = ["--config", config.to_str().unwrap(), "--at", "1800000000"];
    for (given, code, expected) in [
        (&["--token", &good][..], 0, "ALLOWED"),
        (&["--token", &good, "--json"], 0, "\"policySha256\""),
        (&["--event", event], 1, "client_id_not_allowed"),
        (&["--event", event, "--json"], 1, "\"hint\""),
        (&["--token", "none"], 1, "no_token"),
        (&["--event", "/nowhere"], 1, "/nowhere"),
        (&["--event", event, "--token", &good], 2, "cannot be used"),
    ] {
        let line: Vec<&str> = ["explain"].iter().chain(&at).chain(given).copied().collect();
        let (found, text) = own::run(&line);
        assert_eq!(found, code, "{given:?}: {text}");
        assert!(text.contains(expected) && !text.contains(&good), "{given:?}: {text}");
        assert_eq!(own::run(&line).1, text);
    }
}
