//! Retained messages over HTTPS.
//! <https://docs.aws.amazon.com/iot/latest/apireference/API_iotdata_GetRetainedMessage.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iot_local_policy::{Action, limits};
use serde_json::{Value, json};

use super::Call;
use crate::broker::RetainedMessage;
use crate::ports::answer::Answer;

/// The number of topics in an answer without `maxResults`.
const DEFAULT_PAGE_SIZE: usize = 25;

/// The largest `maxResults`.
const MAX_PAGE_SIZE: usize = 200;

/// Returns the retained message of a topic.
pub(super) async fn get(call: &Call<'_>) -> Answer {
    let topic = &call.request.label;
    if let Err(error) = limits::topic(topic, false) {
        return Answer::invalid(error);
    }
    if let Err(answer) = call.allows(Action::GetRetainedMessage, &format!("topic/{topic}")) {
        return answer;
    }
    match call.gateway.broker.retained_message(topic).await {
        Some(message) => {
            let mut body = summary(&message);
            if let Some(members) = body.as_object_mut() {
                members.remove("payloadSize");
                members.insert("payload".to_owned(), STANDARD.encode(&message.payload).into());
                if let Some(properties) = user_properties(&message) {
                    members.insert("userProperties".to_owned(), properties);
                }
            }
            Answer::ok(body)
        }
        None => Answer::not_found("the topic has no retained message"),
    }
}

/// Lists the topics with retained messages, a page at a time.
pub(super) async fn list(call: &Call<'_>) -> Answer {
    if let Err(answer) = call.allows(Action::ListRetainedMessages, "*") {
        return answer;
    }
    let size = match call.request.page_size("maxResults", DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE) {
        Ok(size) => size,
        Err(error) => return error.into(),
    };
    // A token is the last topic of the page before.
    let after = call.request.parameter("nextToken").unwrap_or_default();
    let messages = call.gateway.broker.retained_messages().await;
    let mut ahead = messages.iter().filter(|message| message.topic.as_str() > after);
    let page: Vec<_> = ahead.by_ref().take(size).collect();
    let mut body =
        json!({ "retainedTopics": page.iter().map(|message| summary(message)).collect::<Value>() });
    if let (Some(last), Some(_), Some(members)) = (page.last(), ahead.next(), body.as_object_mut()) {
        members.insert("nextToken".to_owned(), last.topic.as_str().into());
    }
    Answer::ok(body)
}

fn summary(message: &RetainedMessage) -> Value {
    json!({
        "topic": message.topic,
        "payloadSize": message.payload.len(),
        "qos": u8::from(message.is_qos1),
        "lastModifiedTime": message.modified,
    })
}

/// Returns the base64 of an array of objects with one member each.
fn user_properties(message: &RetainedMessage) -> Option<Value> {
    if message.user_properties.is_empty() {
        return None;
    }
    let properties = message.user_properties.iter();
    let properties: Value = properties.map(|(name, value)| json!({ name.as_str(): value })).collect();
    Some(STANDARD.encode(properties.to_string()).into())
}
