//! Device shadows over HTTPS.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-rest-api.html>

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use iot_local_base::clock;
use iot_local_cloud::shadows::{ShadowId, ShadowRejection};
use iot_local_policy::Action;
use iot_local_policy::shadow_topic::{ShadowRequest, is_shadow_name, is_thing_name};
use serde_json::json;

use super::Call;
use crate::ports::answer::Answer;

/// The number of names in an answer without `pageSize`.
const DEFAULT_PAGE_SIZE: usize = 25;

/// The largest `pageSize`.
const MAX_PAGE_SIZE: usize = 100;

pub(super) async fn get(call: &Call<'_>) -> Answer {
    run(call, Action::GetThingShadow, ShadowRequest::Get).await
}

pub(super) async fn update(call: &Call<'_>) -> Answer {
    run(call, Action::UpdateThingShadow, ShadowRequest::Update).await
}

pub(super) async fn delete(call: &Call<'_>) -> Answer {
    run(call, Action::DeleteThingShadow, ShadowRequest::Delete).await
}

/// Lists the names of a thing's named shadows, a page at a time. A thing without any has an empty list.
pub(super) async fn list(call: &Call<'_>) -> Answer {
    let thing = match thing(call) {
        Ok(thing) => thing,
        Err(answer) => return answer,
    };
    if let Err(answer) = call.allows(Action::ListNamedShadowsForThing, &format!("thing/{thing}")) {
        return answer;
    }
    let size = match call.request.page_size("pageSize", DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE) {
        Ok(size) => size,
        Err(error) => return error.into(),
    };
    let Some(cloud) = call.gateway.auth.x509.cloud() else { return Answer::failed() };
    // A token is the last name of the page before.
    let after = call.request.parameter("nextToken").unwrap_or_default();
    let (names, has_more) = cloud.read(|registry| {
        let mut names = registry.named_shadows(thing).filter(|name| *name > after).map(str::to_owned);
        let page: Vec<_> = names.by_ref().take(size).collect();
        (page, names.next().is_some())
    });
    let seconds = clock::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut body = json!({ "results": names, "timestamp": seconds });
    if let (true, Some(last), Some(members)) = (has_more, names.last(), body.as_object_mut()) {
        members.insert("nextToken".to_owned(), last.as_str().into());
    }
    Answer::ok(body)
}

async fn run(call: &Call<'_>, action: Action, request: ShadowRequest) -> Answer {
    let name = call.request.parameter("name");
    let thing = match thing(call) {
        Ok(thing) => thing,
        Err(answer) => return answer,
    };
    if name.is_some_and(|name| !is_shadow_name(name)) {
        return Answer::invalid("invalid shadow name; expected 1 to 64 letters, digits or $:_-");
    }
    let id = ShadowId { thing: thing.to_owned(), name: name.map(str::to_owned) };
    if let Err(answer) = call.allows(action, &id.resource()) {
        return answer;
    }
    let Some(cloud) = call.gateway.auth.x509.cloud() else { return Answer::failed() };
    let (shadows, body) = (Arc::clone(&call.gateway.shadows), call.body.clone());
    // Waits for the disk.
    let done = tokio::task::spawn_blocking(move || {
        // Only an update has a body.
        let payload = if request == ShadowRequest::Update { &*body } else { &[] };
        shadows.carry_out(&cloud, &id, request, payload)
    });
    match done.await.unwrap_or_else(|_| Err(ShadowRejection::failed())) {
        Ok(document) => Answer::ok(document),
        Err(rejection) => rejection.into(),
    }
}

fn thing<'a>(call: &Call<'a>) -> Result<&'a str, Answer> {
    let thing = call.request.label.as_str();
    if is_thing_name(thing) {
        return Ok(thing);
    }
    Err(Answer::invalid("invalid thing name; expected 1 to 128 letters, digits or :_-"))
}
