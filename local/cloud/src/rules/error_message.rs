//! The message that an error action gets.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::rule::RuleMessage;

/// What `clientId` is for a message without an MQTT client. Assumed: as `clientid()`.
const NO_CLIENT_ID: &str = "n/a";

/// Why an action has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionFailure {
    /// The action, such as `LambdaAction`.
    pub action: &'static str,
    /// What it acts on.
    pub resource: String,
    /// What went wrong.
    pub message: String,
}

/// Returns the message of an error action: one for each rule and message, with all failures. `trace_id` names it.
#[must_use]
pub fn error_message(
    rule: &str,
    trace_id: &str,
    message: &RuleMessage<'_>,
    failures: &[ActionFailure],
) -> Value {
    let failures: Vec<_> = failures
        .iter()
        .map(|failure| {
            json!({
                "failedAction": failure.action,
                "failedResource": failure.resource,
                "errorMessage": failure.message,
            })
        })
        .collect();
    json!({
        "ruleName": rule,
        "topic": message.topic,
        "cloudwatchTraceId": trace_id,
        "clientId": message.client_id.unwrap_or(NO_CLIENT_ID),
        "base64OriginalPayload": STANDARD.encode(message.payload.bytes()),
        "failures": failures,
    })
}
