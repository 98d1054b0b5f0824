//! Connections of MQTT clients over HTTPS.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html#mqtt-client-disconnect>

use iot_local_policy::{Action, limits};
use serde_json::{Value, json};

use super::Call;
use crate::connection::Phase;
use crate::event_log::DisconnectReason;
use crate::ports::answer::Answer;
use crate::timeouts::CLOSE_TIMEOUT;

/// The number of filters in an answer without `maxResults`.
const DEFAULT_PAGE_SIZE: usize = 20;

/// The largest `maxResults`.
const MAX_PAGE_SIZE: usize = 200;

/// Describes a connection, or the session that is left of it.
pub(super) async fn get(call: &Call<'_>) -> Answer {
    let client_id = match client_id(call, Action::GetConnection) {
        Ok(client_id) => client_id,
        Err(answer) => return answer,
    };
    let has_socket = match call.request.flag("includeSocketInformation") {
        Ok(flag) => flag,
        Err(error) => return error.into(),
    };
    let Some(session) = call.gateway.broker.session(client_id).await else { return unknown() };
    let mut body = json!({
        "clientId": client_id,
        "connected": session.is_connected,
        "cleanSession": session.is_clean,
        "keepAliveDuration": session.keep_alive,
        "sessionExpiry": session.expiry,
    });
    let Some(members) = body.as_object_mut() else { return Answer::failed() };
    let since = if session.is_connected { "connectedSince" } else { "disconnectedSince" };
    members.insert(since.to_owned(), session.since.into());
    let connections = call.gateway.connections.with_client_id(client_id);
    if let Some(connection) = connections.last().filter(|_| session.is_connected) {
        if let Some(thing) = connection.exclusive_thing() {
            members.insert("thingName".to_owned(), thing.into());
        }
        if has_socket {
            members.insert("sourceIp".to_owned(), connection.peer.to_string().into());
        }
    }
    Answer::ok(body)
}

/// Disconnects a client.
pub(super) async fn delete(call: &Call<'_>) -> Answer {
    let client_id = match client_id(call, Action::DeleteConnection) {
        Ok(client_id) => client_id,
        Err(answer) => return answer,
    };
    let flags = (call.request.flag("cleanSession"), call.request.flag("preventWillMessage"));
    let (removes_session, prevents_will) = match flags {
        (Ok(removes_session), Ok(prevents_will)) => (removes_session, prevents_will),
        (Err(error), _) | (_, Err(error)) => return error.into(),
    };
    let connections = call.gateway.connections.with_client_id(client_id);
    let session = call.gateway.broker.session(client_id).await;
    if connections.is_empty() && !(removes_session && session.is_some()) {
        return unknown();
    }
    for connection in &connections {
        if prevents_will {
            connection.set_prevents_will();
        }
        connection.end(DisconnectReason::ByApi);
    }
    for connection in &connections {
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, connection.wait_for(Phase::Ended)).await;
    }
    let is_persistent = session.is_some_and(|session| !session.is_clean);
    if removes_session && is_persistent && call.gateway.broker.remove_session(client_id).await.is_err() {
        return Answer::failed();
    }
    Answer::ok(Value::Null)
}

/// Lists the topic filters of a client's session, a page at a time.
pub(super) async fn subscriptions(call: &Call<'_>) -> Answer {
    let client_id = match client_id(call, Action::ListSubscriptions) {
        Ok(client_id) => client_id,
        Err(answer) => return answer,
    };
    let size = match call.request.page_size("maxResults", DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE) {
        Ok(size) => size,
        Err(error) => return error.into(),
    };
    let Some(filters) = call.gateway.broker.subscriptions(client_id).await else { return unknown() };
    // A token is the last filter of the page before.
    let after = call.request.parameter("nextToken").unwrap_or_default();
    let mut ahead = filters.iter().filter(|(filter, _)| filter.as_str() > after);
    let page: Vec<_> = ahead.by_ref().take(size).collect();
    let summary =
        |(filter, is_qos1): &&(String, bool)| json!({ "topicFilter": filter, "qos": u8::from(*is_qos1) });
    let mut body = json!({ "subscriptions": page.iter().map(summary).collect::<Value>() });
    if let (Some((last, _)), Some(_), Some(members)) = (page.last(), ahead.next(), body.as_object_mut()) {
        members.insert("nextToken".to_owned(), last.as_str().into());
    }
    Answer::ok(body)
}

/// Returns the client id, if the client may act on it.
fn client_id<'a>(call: &Call<'a>, action: Action) -> Result<&'a str, Answer> {
    let client_id = call.request.label.as_str();
    if client_id.len() > limits::MAX_CLIENT_ID_BYTES {
        return Err(Answer::invalid("the client id is longer than 128 bytes"));
    }
    limits::client_id(client_id).map_err(Answer::invalid)?;
    call.allows(action, &format!("client/{client_id}"))?;
    Ok(client_id)
}

fn unknown() -> Answer {
    Answer::not_found("the client has neither a connection nor a session")
}
