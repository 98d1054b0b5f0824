//! Policies for the instructions of the function.

#![expect(clippy::indexing_slicing, reason = "a panic is how a test fails")]

use serde_json::{Value, json};

pub(crate) fn allow(action: &str, resources: &[&str]) -> Value {
    let resources: Vec<_> = resources.iter().map(|resource| format!("ARN:{resource}")).collect();
    json!({ "Effect": "Allow", "Action": format!("iot:{action}"), "Resource": resources })
}

pub(crate) fn with(mut statement: Value, name: &str, value: Value) -> Value {
    statement[name] = value;
    statement
}

/// A policy that allows everything.
pub(crate) fn allow_all() -> Value {
    json!([{ "Effect": "Allow", "Action": "iot:*", "Resource": "*" }])
}

/// A policy that allows only topics below `own/`, except `own/denied`.
pub(crate) fn restricted() -> Value {
    json!([
        allow("Connect", &["client/*"]),
        allow("Publish", &["topic/own/*"]),
        allow("Subscribe", &["topicfilter/own/*", "topicfilter/$share/g/own/*"]),
        allow("Receive", &["topic/own/*"]),
        with(allow("Publish", &["topic/own/denied"]), "Effect", json!("Deny")),
        with(allow("Subscribe", &["topicfilter/own/denied"]), "Effect", json!("Deny")),
    ])
}
