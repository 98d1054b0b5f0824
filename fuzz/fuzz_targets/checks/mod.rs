//! Checks that several targets share.

#![allow(dead_code, reason = "each target uses a part of it")]

use iot_jwt_authorizer::authorizer::{Authorizer, Decision};
use iot_jwt_authorizer::log::{self, LogSettings};
use iot_jwt_authorizer::response::Response;
use serde_json::Value;

use crate::support::{FUNCTION, at, event_facts};

/// A text that targets put where a secret would be. It must not be in any output.
pub const CANARY: &str = "zQ7canary7Qz";

/// Decides about an event, and checks what holds for each decision: the same outcome again, one log line of JSON, a
/// legal response.
pub fn decide<'a>(authorizer: &'a Authorizer, event: &[u8]) -> Decision<'a> {
    let decision = authorizer.authorize(event, FUNCTION, at(0.0));
    let again = authorizer.authorize(event, FUNCTION, at(0.0));
    assert_eq!(outcome(&decision), outcome(&again), "another outcome for the same event");
    let line = log_line(&decision);
    assert!(line.ends_with('\n') && line.matches('\n').count() == 1, "not one line");
    let line: Value = serde_json::from_str(&line).expect("the log line is not JSON");
    assert_eq!(line["decision"], if decision.outcome.is_ok() { "allow" } else { "deny" });
    if let Ok(response) = &decision.outcome {
        assert_legal(response);
    }
    decision
}

/// Checks that neither the log line nor the denial of an event has a text.
pub fn assert_hidden(authorizer: &Authorizer, event: &[u8], secret: &str) {
    let decision = decide(authorizer, event);
    assert!(!log_line(&decision).contains(secret), "the log has a secret");
    if let Err(denial) = &decision.outcome {
        assert!(!format!("{denial} {denial:?}").contains(secret), "the denial has a secret");
    }
}

/// The outcome as text: the response, or the denial.
pub fn outcome(decision: &Decision<'_>) -> String {
    match &decision.outcome {
        Ok(response) => serde_json::to_string(response).unwrap(),
        Err(denial) => denial.to_string(),
    }
}

fn log_line(decision: &Decision<'_>) -> String {
    String::from_utf8(log::line(decision, event_facts(), &LogSettings::read(&|_| None)).unwrap()).unwrap()
}

/// Panics if AWS IoT would not accept the response: at most ten documents of at most 2,048 characters, a principal of
/// letters and digits, and times of 300 to 86,400 seconds.
fn assert_legal(response: &Response) {
    let response: Value = serde_json::to_value(response).unwrap();
    let documents = response["policyDocuments"].as_array().unwrap();
    assert!((1..=10).contains(&documents.len()));
    assert!(documents.iter().all(|document| document.to_string().chars().count() <= 2048));
    let principal = response["principalId"].as_str().unwrap();
    assert!((1..=128).contains(&principal.len()) && principal.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let seconds = |name: &str| response[name].as_u64().unwrap();
    let (refresh, disconnect) = (seconds("refreshAfterInSeconds"), seconds("disconnectAfterInSeconds"));
    assert!((300..=86_400).contains(&refresh) && (300..=86_400).contains(&disconnect));
}
