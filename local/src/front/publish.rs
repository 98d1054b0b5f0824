//! The HTTPS publish: `POST /topics/TOPIC?qos=0|1[&retain=true]`.
//! <https://docs.aws.amazon.com/iot/latest/developerguide/http.html>

use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use tokio::time::Instant;
use uuid::Uuid;

use super::House;
use super::head::Head;
use super::visit::Visit;
use crate::answer::Answer as Authorized;
use crate::clock;
use crate::event::Door;
use crate::gate::Denial;
use crate::journal::What;
use crate::limits;
use crate::policy::{Action, Context, Question};

/// How long a client may take to send the payload.
const PATIENCE: Duration = Duration::from_secs(10);

type Answer = Response<Full<Bytes>>;

/// Asks the authorizer, then its policy, and publishes. `read` becomes true once the request's body is behind.
pub(super) async fn answer(
    request: Request<Incoming>,
    head: &Head,
    visit: &Visit,
    house: &House,
    read: &mut bool,
) -> Answer {
    let asked = match Asked::read(request.uri().path(), request.uri().query()) {
        Ok(asked) => asked,
        Err(fault) => return message(StatusCode::BAD_REQUEST, fault),
    };
    let door = head.door(visit, request.uri().query());
    let payload = match payload(request).await {
        Ok(payload) => payload,
        Err(refusal) => return refusal,
    };
    *read = true;
    if !allowed(&asked, &door, visit, house).await {
        return message(StatusCode::FORBIDDEN, "Forbidden");
    }
    match house.broker.publish(&asked.topic, payload, asked.qos1, asked.retain).await {
        Ok(()) => message(StatusCode::OK, "OK"),
        Err(_) => message(StatusCode::BAD_REQUEST, "the broker cannot route this topic"),
    }
}

/// What the request target asks for.
struct Asked {
    topic: String,
    qos1: bool,
    retain: bool,
}

impl Asked {
    fn read(path: &str, query: Option<&str>) -> Result<Self, &'static str> {
        let encoded = path.strip_prefix("/topics/").unwrap_or_default();
        let topic =
            percent_decode_str(encoded).decode_utf8().map_err(|_| "the topic is not UTF-8")?.into_owned();
        let mut asked = Self { topic, qos1: false, retain: false };
        for pair in query.unwrap_or_default().split('&') {
            match pair.split_once('=') {
                Some(("qos", "0")) => asked.qos1 = false,
                Some(("qos", "1")) => asked.qos1 = true,
                Some(("qos", _)) => return Err("qos must be 0 or 1"),
                Some(("retain", "true")) => asked.retain = true,
                Some(("retain", "false")) => asked.retain = false,
                Some(("retain", _)) => return Err("retain must be true or false"),
                _ => {}
            }
        }
        limits::topic(&asked.topic, asked.retain)?;
        Ok(asked)
    }
}

async fn payload(request: Request<Incoming>) -> Result<Bytes, Answer> {
    let body = Limited::new(request.into_body(), limits::PAYLOAD).collect();
    match tokio::time::timeout(PATIENCE, body).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(message(StatusCode::PAYLOAD_TOO_LARGE, "the payload is larger than 128 KiB"))
        }
        Ok(Err(_)) => Err(message(StatusCode::BAD_REQUEST, "the payload cannot be read")),
        Err(_) => Err(message(StatusCode::REQUEST_TIMEOUT, "the payload did not come in time")),
    }
}

async fn allowed(asked: &Asked, door: &Door, visit: &Visit, house: &House) -> bool {
    let record = |what| house.gate.journal.record(Some(door.connection), None, what);
    let answer = match authorize(door, visit, house).await {
        Ok(answer) => answer,
        Err(denial) => {
            record(What::ConnectRefused { reason: denial.to_string(), decided_by: None });
            return false;
        }
    };
    // There is no client id and no iot:Connect here: publishing alone decides.
    let context = Context { source_ip: Some(visit.peer), ..Context::default() };
    let retained = asked.retain.then_some(Action::RetainPublish);
    [Some(Action::Publish), retained].into_iter().flatten().all(|action| {
        let resource = format!("topic/{}", asked.topic);
        let verdict = answer.policy.decide(&Question { action, resource: &resource, context: &context });
        let allowed = verdict.allowed;
        record(What::decided(action, &resource, verdict));
        allowed
    })
}

/// The authorizer's answer, or with caching the one that still holds for this connection, whatever token came this time.
async fn authorize(door: &Door, visit: &Visit, house: &House) -> Result<Authorized, Denial> {
    let event = house.gate.event(door, None)?;
    if !house.gate.caches_for_http() {
        return house.gate.ask(event).await;
    }
    let cached = || visit.cached.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((answer, until)) = cached().clone()
        && Instant::now() < until
    {
        return Ok(answer);
    }
    let answer = house.gate.ask(event).await?;
    let until = clock::deadline(house.gate.time.scaled(answer.refresh_after));
    *cached() = Some((answer.clone(), until));
    Ok(answer)
}

/// The body that AWS IoT answers with.
fn message(status: StatusCode, text: &str) -> Answer {
    let body = serde_json::json!({ "message": text, "traceId": Uuid::new_v4().to_string() }).to_string();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topic_is_percent_decoded() {
        let asked =
            Asked::read("/topics/acme%2Falice%2Ftele%20metry", Some("qos=1&retain=true")).ok().unwrap();
        assert_eq!((asked.topic.as_str(), asked.qos1, asked.retain), ("acme/alice/tele metry", true, true));
        let plain = Asked::read("/topics/a/b", None).ok().unwrap();
        assert_eq!((plain.topic.as_str(), plain.qos1, plain.retain), ("a/b", false, false));
    }

    #[test]
    fn a_request_that_makes_no_sense_is_named() {
        for (path, query) in [
            ("/topics/", None),
            ("/topics/a%2F%23", None),
            ("/topics/%FF", None),
            ("/topics/a", Some("qos=2")),
            ("/topics/a", Some("retain=yes")),
        ] {
            assert!(Asked::read(path, query).is_err(), "{path} {query:?}");
        }
    }
}
