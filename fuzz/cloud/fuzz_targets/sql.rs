//! Any text as the statement of a topic rule, next to a topic, the topic of a republish action, and a payload: four
//! lines.
//!
//! Asserted: an error names a word and its place; a statement that is printed and parsed is the same; a second reader
//! of the grammar accepts the same statements, and its result of each message is the same; what is not JSON is never
//! read as JSON; no message makes a republished topic reserved.

#![no_main]

#[path = "sql/reference.rs"]
mod reference;

use iot_local_cloud::rules::sql::{MAX_SQL_BYTES, Message, SqlError, Statement};
use iot_local_cloud::rules::{Payload, Rule, RuleMessage, Selected, TopicTemplate};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &str| {
    let mut lines = input.splitn(4, '\n');
    let [sql, topic, template, payload] = [(); 4].map(|()| lines.next().unwrap_or_default());
    let json: Option<Value> = serde_json::from_str(payload).ok();
    let value = json.clone().unwrap_or_default();
    let client_id = topic.split('/').nth(1);
    let principal = (topic.len() % 2 == 0).then_some("principal");
    let message = Message { topic, payload: &value, client_id, principal, timestamp_ms: 1_700_000_000_123 };
    check_template(template, &message);
    match Statement::parse(sql) {
        Err(error) => {
            check_error(sql, &error);
            let is_limit = sql.len() > MAX_SQL_BYTES || error.what.starts_with("more than 64");
            assert!(is_limit || reference::evaluate(sql, &message).is_err(), "{error}");
        }
        Ok(statement) => {
            let printed = statement.to_string();
            assert_eq!(Statement::parse(&printed).as_ref(), Ok(&statement), "{printed}");
            let result = statement.evaluate(&message);
            let expected = reference::evaluate(sql, &message).expect("accepted by one reader only");
            assert_eq!(result, expected, "{printed}");
            assert!(result.is_none() || statement.matches(topic));
            let rule = Rule { name: "rule".to_owned(), statement, actions: Vec::new(), error_action: None };
            check_rule(&rule, payload, json.is_some(), &message, result);
        }
    }
});

fn check_error(sql: &str, error: &SqlError) {
    assert!(!error.what.is_empty());
    assert!(sql.get(error.start..).is_some_and(|rest| rest.starts_with(&error.word)), "{error:?}");
    // Each quote of a word may be escaped.
    assert!(error.what.len() < 500 + 10 * sql.len(), "an error without a limit");
}

/// Checks what a rule makes of a message as it arrived.
fn check_rule(rule: &Rule, payload: &str, is_json: bool, message: &Message<'_>, result: Option<Value>) {
    let Message { topic, client_id, principal, timestamp_ms, .. } = *message;
    let payload = Payload::new(payload.as_bytes());
    let selected = rule.select(&RuleMessage { topic, payload, client_id, principal, timestamp_ms });
    match selected {
        Err(what) => assert!(!is_json && !what.is_empty() && rule.statement.reads_members()),
        Ok(Some(Selected::Payload)) => assert!(!is_json && rule.statement.selects_payload()),
        Ok(Some(Selected::Json(value))) => assert_eq!(Some(value), result),
        Ok(None) => assert_eq!(result, None),
    }
    let ingest = format!("$aws/rules/rule/{topic}");
    assert_eq!(rule.topic(&ingest), rule.statement.matches(topic).then_some(topic));
}

fn check_template(text: &str, message: &Message<'_>) {
    match TopicTemplate::parse(text) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(template) => match template.fill(message) {
            Err(what) => assert!(!what.is_empty()),
            Ok(topic) => {
                assert_eq!(topic.starts_with('$'), text.starts_with("$$aws/"), "{text} becomes {topic}");
                assert!(!topic.is_empty() && !topic.contains(['+', '#', '\0']), "{topic}");
                // The name of a rule does not count.
                assert!(topic.len() <= 256 || topic.starts_with("$aws/rules/"), "{topic}");
                assert!(!topic.starts_with("$aws/events/"), "{topic}");
            }
        },
    }
}
